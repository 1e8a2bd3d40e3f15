//! My page: one row a contract, with how far its payment and its reservation are.

use super::contract::{Contract, ContractChanged, ContractCompleted, ContractEvent, Terms};
use super::pay::{Pay, PayEvent};
use super::reservation::{Reservation, ReservationEvent};
use crate::domain::prelude::*;

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

    fn apply(&mut self, fact: &Recorded) {
        if let Some(ContractEvent::ContractCompleted(ContractCompleted(told))) = fact.of().cloned() {
            (self.contract_id, self.terms) = (Some(told.id), told.into());
        } else if let Some(ContractEvent::ContractChanged(ContractChanged(told))) = fact.of().cloned() {
            self.terms = told.into();
        } else if let Some(PayEvent::Payed(payed)) = fact.of().cloned() {
            self.pay_status = Some(payed.paystatus);
        } else if let Some(PayEvent::PayCanceled(canceled)) = fact.of().cloned() {
            (self.pay_status, self.terms.amt) = (Some(canceled.paystatus), 0);
        } else if let Some(ReservationEvent::Reservated(kept)) = fact.of().cloned() {
            self.reservation_status = Some(kept.reservation_status);
        } else if let Some(ReservationEvent::ReservationCanceled(freed)) = fact.of().cloned() {
            self.reservation_status = Some(freed.reservation_status);
        }
    }

    fn exists(&self) -> bool {
        self.contract_id.is_some()
    }
}

shows! {
    MyPage: |page| {
        long "contractId" = page.contract_id;
        ..Terms = page.terms;
        text "payStatus" = &page.pay_status;
        text "reservationStatus" = &page.reservation_status;
    }
}
