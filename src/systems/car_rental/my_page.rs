//! My page: one row a contract, with how far its payment and its reservation are.

use serde::{Deserialize, Serialize};

use super::contract::{Contract, ContractChanged, ContractCompleted, ContractEvent, Terms};
use super::pay::{Pay, PayEvent};
use super::reservation::{Reservation, ReservationEvent};
use crate::domain::{Aggregate, Kind, Recorded, View};
use crate::shows;

/// One contract's row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct MyPage {
    contract_id: Option<u64>,
    terms: Terms,
    pay_status: Option<String>,
    reservation_status: Option<String>,
}

impl View for MyPage {
    const KIND: Kind = Kind::new("car-rental/mypage/myPage");
    const SOURCES: &'static [Kind] = &[Contract::KIND, Pay::KIND, Reservation::KIND];

    fn row(fact: &Recorded) -> Option<u64> {
        Some(fact.stream.id)
    }

    fn apply(&mut self, fact: &Recorded) {
        match fact.of::<ContractEvent>().cloned() {
            Some(ContractEvent::ContractCompleted(ContractCompleted { id, cust_name, model_name, amt })) => {
                (self.contract_id, self.terms) = (Some(id), Terms { cust_name, model_name, amt });
            }
            Some(ContractEvent::ContractChanged(ContractChanged { cust_name, model_name, amt, .. })) => {
                self.terms = Terms { cust_name, model_name, amt };
            }
            _ => {}
        }
        match fact.of() {
            Some(PayEvent::Payed(payed)) => self.pay_status = Some(payed.paystatus.clone()),
            Some(PayEvent::PayCanceled(canceled)) => {
                (self.pay_status, self.terms.amt) = (Some(canceled.paystatus.clone()), 0);
            }
            _ => {}
        }
        match fact.of() {
            Some(ReservationEvent::Reservated(kept)) => self.reservation_status = Some(kept.reservation_status.clone()),
            Some(ReservationEvent::ReservationCanceled(freed)) => {
                self.reservation_status = Some(freed.reservation_status.clone());
            }
            _ => {}
        }
    }

    fn exists(&self) -> bool {
        self.contract_id.is_some()
    }
}

shows! {
    MyPage: |page| {
        long "contractId" = page.contract_id;
        text "custName" = &page.terms.cust_name;
        text "modelName" = &page.terms.model_name;
        int "amt" = page.terms.amt;
        text "payStatus" = &page.pay_status;
        text "reservationStatus" = &page.reservation_status;
    }
}
