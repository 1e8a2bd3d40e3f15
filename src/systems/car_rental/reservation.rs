//! The reservation of one contract's car: made when it is paid, given up when Pay says so, in either order.

use super::contract::{Contract, Terms};
use super::pay::{PAID, PAY_CANCELED, Payed};
use crate::domain::prelude::*;

/// The car is kept for the customer.
pub(super) const RESERVED: &str = "reserved";
/// The car is free again.
pub(super) const RESERVATION_CANCELED: &str = "reservationCanceled";

/// A reservation; it has its contract's id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Reservation {
    contract_id: u64,
    terms: Terms,
    kept: bool,
    canceled: bool,
}

messages! {
    pub(super) enum ReservationCommand: Command {
        Reserve { terms: Terms } = 1;
        /// Frees the car, kept or about to be.
        CancelReservation {} = 1;
    }

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

    fn decide(&self, command: &ReservationCommand, context: &Context) -> Decided<Self> {
        let id = context.id;
        Ok(match command.clone() {
            ReservationCommand::Reserve(_) if self.kept => Decision::nothing(),
            ReservationCommand::Reserve(Reserve { terms }) => {
                let requested = Decision::facts([ReservationRequested { contract_id: id, terms: terms.clone() }]);
                match self.canceled {
                    true => requested.and(canceled(id, terms)),
                    false => requested.and(reservated(id, terms)),
                }
            }
            ReservationCommand::CancelReservation(_) if self.canceled => Decision::nothing(),
            ReservationCommand::CancelReservation(_) if self.kept => {
                Decision::facts([canceled(id, self.terms.clone())])
            }
            ReservationCommand::CancelReservation(_) => Decision::facts([CancelNoted {}]),
        })
    }

    fn evolve(&mut self, event: &ReservationEvent) {
        match event.clone() {
            ReservationEvent::CancelNoted(_) => self.canceled = true,
            ReservationEvent::ReservationRequested(ReservationRequested { contract_id, terms }) => {
                (self.contract_id, self.terms, self.kept) = (contract_id, terms, true);
            }
            ReservationEvent::Reservated(_) => {}
            ReservationEvent::ReservationCanceled(_) => (self.terms.amt, self.canceled) = (0, true),
        }
    }

    fn exists(&self) -> bool {
        self.kept
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
pub(super) fn reserve(payed: &Payed) -> (u64, Reserve) {
    let Payed { contract_id, cust_name, model_name, amt, .. } = payed.clone();
    (contract_id, Reserve { terms: Terms { cust_name, model_name, amt } })
}

shows! {
    Reservation: |reservation| {
        long "contractId" = reservation.contract_id;
        ..Terms = reservation.terms;
        text "reservationStatus" = if reservation.canceled { RESERVATION_CANCELED } else { RESERVED };
        text "payStatus" = if reservation.canceled { PAY_CANCELED } else { PAID };
    }
}
