//! The reservation of one contract's car: made when it is paid, given up when Pay says so, in either order.

use std::convert::Infallible;

use serde::{Deserialize, Serialize};

use super::contract::{Contract, Terms};
use super::pay::{PAID, PAY_CANCELED, PayEvent, Payed};
use crate::domain::{Aggregate, Context, Decision, IdRule, Kind, Recorded};
use crate::{messages, shows};

/// The car is kept for the customer.
pub(super) const RESERVED: &str = "reserved";
/// The car is free again.
pub(super) const RESERVATION_CANCELED: &str = "reservationCanceled";

/// A reservation; it has its contract's id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Reservation {
    contract_id: u64,
    terms: Terms,
    status: Option<String>,
    pay_status: Option<String>,
    cancel_noted: bool,
}

messages! {
    /// What a reservation can be told.
    pub(super) enum ReservationCommand: Command {
        /// Keeps the car.
        Reserve { terms: Terms } = 1;
        /// Frees the car, kept or about to be.
        CancelReservation {} = 1;
    }
}

messages! {
    /// What happens to a reservation.
    pub(super) enum ReservationEvent: Event hiding CancelNoted, ReservationRequested {
        /// A cancel came first; it waits for its reservation.
        CancelNoted {} = 1;
        /// The car is asked for.
        ReservationRequested { contract_id: u64, terms: Terms } = 1;
        /// The car is kept.
        Reservated {
            id: u64, contract_id: u64, cust_name: Option<String>, model_name: Option<String>, amt: i32,
            reservation_status: String, paystatus: String
        } = 1;
        /// The car is free again.
        ReservationCanceled {
            id: u64, contract_id: u64, cust_name: Option<String>, model_name: Option<String>, amt: i32,
            reservation_status: String, pay_status: String
        } = 1;
    }
}

impl Aggregate for Reservation {
    const KIND: Kind = Kind::new("car-rental/reservation/reservation");
    const IDS: IdRule = IdRule::TakenFrom(Contract::KIND);
    type Command = ReservationCommand;
    type Event = ReservationEvent;
    type Rejection = Infallible;

    fn decide(
        &self,
        command: &ReservationCommand,
        context: &Context,
    ) -> Result<Decision<ReservationEvent>, Infallible> {
        let id = context.id;
        Ok(match (command, self.status.as_deref()) {
            (ReservationCommand::Reserve(Reserve { terms }), None) => {
                let requested = Decision::facts([ReservationRequested { contract_id: id, terms: terms.clone() }]);
                match self.cancel_noted {
                    true => requested.and(canceled(id, terms.clone())),
                    false => requested.and(reservated(id, terms.clone())),
                }
            }
            (ReservationCommand::CancelReservation(_), Some(RESERVED)) => {
                Decision::facts([canceled(id, self.terms.clone())])
            }
            (ReservationCommand::CancelReservation(_), None) if !self.cancel_noted => Decision::facts([CancelNoted {}]),
            (ReservationCommand::Reserve(_) | ReservationCommand::CancelReservation(_), _) => Decision::nothing(),
        })
    }

    fn evolve(&mut self, event: &ReservationEvent) {
        match event {
            ReservationEvent::CancelNoted(_) => self.cancel_noted = true,
            ReservationEvent::ReservationRequested(requested) => {
                (self.contract_id, self.terms) = (requested.contract_id, requested.terms.clone());
            }
            ReservationEvent::Reservated(_) => {
                (self.status, self.pay_status) = (Some(RESERVED.into()), Some(PAID.into()))
            }
            ReservationEvent::ReservationCanceled(_) => {
                self.terms.amt = 0;
                (self.status, self.pay_status) = (Some(RESERVATION_CANCELED.into()), Some(PAY_CANCELED.into()));
            }
        }
    }

    fn exists(&self) -> bool {
        self.status.is_some()
    }
}

fn reservated(id: u64, Terms { cust_name, model_name, amt }: Terms) -> Reservated {
    let (reservation_status, paystatus) = (RESERVED.to_owned(), PAID.to_owned());
    Reservated { id, contract_id: id, cust_name, model_name, amt, reservation_status, paystatus }
}

fn canceled(id: u64, Terms { cust_name, model_name, .. }: Terms) -> ReservationCanceled {
    let (reservation_status, pay_status) = (RESERVATION_CANCELED.to_owned(), PAY_CANCELED.to_owned());
    ReservationCanceled { id, contract_id: id, cust_name, model_name, amt: 0, reservation_status, pay_status }
}

/// A car that is paid is kept for the customer.
pub(super) fn reserve(_: &Recorded, event: &PayEvent) -> Option<(u64, ReservationCommand)> {
    let PayEvent::Payed(Payed { contract_id, cust_name, model_name, amt, .. }) = event.clone() else { return None };
    Some((contract_id, Reserve { terms: Terms { cust_name, model_name, amt } }.into()))
}

shows! {
    Reservation: |reservation| {
        long "contractId" = reservation.contract_id;
        text "custName" = &reservation.terms.cust_name;
        text "modelName" = &reservation.terms.model_name;
        int "amt" = reservation.terms.amt;
        text "reservationStatus" = &reservation.status;
        text "payStatus" = &reservation.pay_status;
    }
}
