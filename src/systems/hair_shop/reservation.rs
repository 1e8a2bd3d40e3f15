//! A reservation: nothing until its payment is held, completed and cancelled by the shop, as the customer asks.

use super::payment::{HoldPayment, Payment, Void};
use crate::domain::prelude::*;

/// The customer asks for it.
pub(super) const RSV_REQUESTED: &str = "RSV_REQUESTED";
/// A designer is mapped.
pub(super) const COMPLETED: &str = "Reservation Completed";
/// The customer asks to cancel it.
const CANCEL_REQUESTED: &str = "CANCEL_REQUESTED";
/// The shop has let it go.
pub(super) const CANCELED: &str = "Reservation Canceled";

form! {
    /// What the customer wants; the shop is chosen or left open.
    pub(super) struct Wish {
        customer_id: Option<String> as indexed, date: Option<String>, styling_type: Option<String>, shop_id: Option<String>
    }
}

/// A customer's reservation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Reservation {
    wish: Wish,
    status: String,
    shop_status: Option<String>,
    pay_status: Option<String>,
}

messages! {
    pub(super) enum ReservationCommand: Command {
        /// Reserves, if it is paid.
        Place { wish: Wish } = 1;
        /// Sets the status as the client wishes, which can only be to ask for a cancel; without one nothing is wished.
        SetStatus { status: Option<String> } = 1;
        /// Follows the shop.
        FollowShop { is_canceled: bool } = 1;
    }

    pub(super) enum ReservationEvent: Event hiding PaymentRequested, Withdrawn {
        /// Its payment is being asked for.
        PaymentRequested { wish: Wish } = 1;
        /// It could not be paid.
        Withdrawn {} = 1;
        /// It stands, and waits for the shop.
        ReservationPlaced {
            id: u64, customer_id: Option<String>, date: Option<String>, styling_type: Option<String>, status: String
        } = 1;
        /// The customer asks to cancel it.
        ReservationCanceled {
            id: u64, customer_id: Option<String>, date: Option<String>, styling_type: Option<String>, status: String
        } = 1;
        /// It took over what the shop decided.
        ReservationStatusChanged { id: u64, status: String, shop_status: String, pay_status: String } = 1;
    }
}

impl Aggregate for Reservation {
    const KIND: Kind = Kind::new("hair-shop/reservation/reservation");
    const IDS: IdRule = IdRule::Sequence;
    const ASKS: &'static [Kind] = &[Payment::KIND];
    type Command = ReservationCommand;
    type Event = ReservationEvent;
    type Rejection = Refusal;

    fn decide(&self, command: &ReservationCommand, context: &Context) -> Decided<Self> {
        let id = context.id;
        match command {
            ReservationCommand::Place(Place { wish }) => {
                let hold = Ask::of::<Payment>(id, HoldPayment {}).undone_by::<Payment>(Void {});
                Ok(Decision::facts([PaymentRequested { wish: wish.clone() }]).asking(hold))
            }
            ReservationCommand::FollowShop(FollowShop { is_canceled }) => Ok(self.follow(*is_canceled, id)),
            _ if !self.exists() => Err(Refusal::missing(format!("there is no reservation {id}"))),
            ReservationCommand::SetStatus(SetStatus { status }) => self.cancel(status.as_deref(), id),
        }
    }

    fn answered(&self, asked: &Asked, answer: &Answer, context: &Context) -> Closing<ReservationEvent> {
        let Wish { customer_id, date, styling_type, .. } = self.wish.clone();
        let status = RSV_REQUESTED.to_owned();
        let placed = ReservationPlaced { id: context.id, customer_id, date, styling_type, status };
        Closing::tried("HoldPayment", asked, answer, placed, Withdrawn {})
    }

    fn evolve(&mut self, event: &ReservationEvent) {
        match event {
            ReservationEvent::PaymentRequested(requested) => self.wish = requested.wish.clone(),
            ReservationEvent::Withdrawn(_) => {}
            ReservationEvent::ReservationPlaced(placed) => self.status.clone_from(&placed.status),
            ReservationEvent::ReservationCanceled(canceled) => self.status.clone_from(&canceled.status),
            ReservationEvent::ReservationStatusChanged(changed) => {
                self.status.clone_from(&changed.status);
                self.shop_status = Some(changed.shop_status.clone());
                self.pay_status = Some(changed.pay_status.clone());
            }
        }
    }

    fn exists(&self) -> bool {
        !self.status.is_empty()
    }
}

impl Reservation {
    fn cancel(&self, wanted: Option<&str>, id: u64) -> Decided<Self> {
        let Some(wanted) = wanted else { return Ok(Decision::nothing()) };
        Refusal::unless(wanted == CANCEL_REQUESTED, "only-a-cancel-can-be-requested", || {
            format!("status is {wanted:?}; a customer can only set it to {CANCEL_REQUESTED}")
        })?;
        Refusal::unless(self.status != CANCELED, "reservation-stands", || format!("reservation {id} is canceled"))?;
        if self.status == CANCEL_REQUESTED {
            return Ok(Decision::nothing());
        }
        let Wish { customer_id, date, styling_type, .. } = self.wish.clone();
        let asked = ReservationCanceled { id, customer_id, date, styling_type, status: CANCEL_REQUESTED.into() };
        Ok(Decision::facts([asked]))
    }

    /// What the shop does to a reservation whose cancel is asked for moves all but its status.
    fn follow(&self, is_canceled: bool, id: u64) -> Decision<ReservationEvent> {
        let (status, shop, pay) = match is_canceled {
            true => (CANCELED, "Designer Deleted", "Pay Canceled"),
            false if self.status == CANCEL_REQUESTED => (CANCEL_REQUESTED, "Designer Matched", "Pay Finished"),
            false => (COMPLETED, "Designer Matched", "Pay Finished"),
        };
        if self.shop_status.as_deref() == Some(shop) {
            return Decision::nothing();
        }
        let (status, shop_status, pay_status) = (status.to_owned(), shop.to_owned(), pay.to_owned());
        Decision::facts([ReservationStatusChanged { id, status, shop_status, pay_status }])
    }
}

shows! {
    Reservation: |reservation| {
        text "customerId".indexed() = &reservation.wish.customer_id;
        text "date" = &reservation.wish.date;
        text "stylingType" = &reservation.wish.styling_type;
        text "status".indexed() = &reservation.status;
        // The originals' word for a status that nobody has set yet.
        text "shopStatus" = reservation.shop_status.as_deref().unwrap_or("NULL");
        text "payStatus" = reservation.pay_status.as_deref().unwrap_or("NULL");
        optional_text "shopId" = &reservation.wish.shop_id;
    }
}

pub(super) fn place(body: &Body) -> ReservationCommand {
    Place { wish: body.into() }.into()
}

pub(super) fn set_status(body: &Body) -> ReservationCommand {
    SetStatus { status: body.sent("status") }.into()
}
