//! What the shop does with one reservation: it maps a designer, may map another, and removes him on a cancel.

use super::DESIGNERS;
use super::reservation::{RSV_REQUESTED, Reservation};
use crate::domain::prelude::*;

/// The shop has let it go, and has nobody in the designer's place.
const RSV_CANCELED: &str = "RSV_CANCELED";
const NO_DESIGNER: &str = "CANCELED";

/// The shop's side of a reservation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Hairshop {
    reservation_id: u64,
    designer_id: String,
    noted: Option<CancelNoted>,
}

messages! {
    pub(super) enum HairshopCommand: Command {
        /// Maps a designer to a paid reservation.
        CheckReservation {} = 1;
        /// Maps another, if one is named.
        ChangeDesigner { designer_id: Option<String> } = 1;
        /// Removes the designer, mapped or about to be.
        CancelReservation { date: Option<String>, styling_type: Option<String> } = 1;
    }

    pub(super) enum HairshopEvent: Event hiding CancelNoted {
        /// A designer is mapped.
        ReservationCompleted { id: u64, reservation_id: u64, designer_id: String } = 1;
        /// Another designer is mapped.
        DesignerChanged { id: u64, reservation_id: u64, designer_id: String } = 1;
        /// A cancel came before the paid reservation; it waits for it.
        CancelNoted { date: Option<String>, styling_type: Option<String> } = 1;
        /// The designer is removed.
        CancelCompleted {
            id: u64, reservation_id: u64, date: Option<String>, styling_type: Option<String>, designer_id: String
        } = 1;
    }
}

impl Aggregate for Hairshop {
    const KIND: Kind = Kind::new("hair-shop/hairshop/hairshop");
    const IDS: IdRule = IdRule::TakenFrom(Reservation::KIND);
    type Command = HairshopCommand;
    type Event = HairshopEvent;
    type Rejection = Refusal;

    fn decide(&self, command: &HairshopCommand, context: &Context) -> Decided<Self> {
        let (id, reservation_id) = (context.id, context.id);
        Ok(match command {
            HairshopCommand::ChangeDesigner(_) if !self.exists() => {
                return Err(Refusal::missing(format!("the shop knows no reservation {id}")));
            }
            HairshopCommand::ChangeDesigner(ChangeDesigner { designer_id: None }) => Decision::nothing(),
            HairshopCommand::ChangeDesigner(ChangeDesigner { designer_id: Some(wanted) }) => {
                let designer_id = self.other_designer(wanted, id)?;
                Decision::facts([DesignerChanged { id, reservation_id, designer_id }])
            }
            HairshopCommand::CheckReservation(_) if self.exists() => Decision::nothing(),
            HairshopCommand::CheckReservation(_) => match self.noted.clone() {
                Some(CancelNoted { date, styling_type }) => removed(id, date, styling_type),
                None => {
                    let designer_id = in_turn(context.settings.get(DESIGNERS.key), id);
                    Decision::facts([ReservationCompleted { id, reservation_id, designer_id }])
                }
            },
            HairshopCommand::CancelReservation(_) if self.is_canceled() || self.noted.is_some() => Decision::nothing(),
            HairshopCommand::CancelReservation(canceled) => {
                let CancelReservation { date, styling_type } = canceled.clone();
                match self.exists() {
                    true => removed(id, date, styling_type),
                    false => Decision::facts([CancelNoted { date, styling_type }]),
                }
            }
        })
    }

    fn evolve(&mut self, event: &HairshopEvent) {
        let (reservation_id, designer_id) = match event {
            HairshopEvent::CancelNoted(noted) => return self.noted = Some(noted.clone()),
            HairshopEvent::ReservationCompleted(completed) => (completed.reservation_id, &completed.designer_id),
            HairshopEvent::DesignerChanged(changed) => (changed.reservation_id, &changed.designer_id),
            HairshopEvent::CancelCompleted(completed) => (completed.reservation_id, &completed.designer_id),
        };
        self.reservation_id = reservation_id;
        self.designer_id.clone_from(designer_id);
    }

    fn exists(&self) -> bool {
        !self.designer_id.is_empty()
    }
}

impl Hairshop {
    fn is_canceled(&self) -> bool {
        self.designer_id == NO_DESIGNER
    }

    fn other_designer(&self, wanted: &str, id: u64) -> Result<String, Refusal> {
        Refusal::unless(!self.is_canceled(), "reservation-stands", || format!("reservation {id} is canceled"))?;
        let named = wanted.trim();
        let is_name = !named.is_empty() && named != NO_DESIGNER;
        Refusal::unless(is_name, "designer-is-named", || format!("{wanted:?} is no designer"))?;
        Ok(named.to_owned())
    }
}

/// Returns whose turn it is among the designers a setting names; a shop has one even if it names none.
pub(super) fn in_turn(setting: &str, id: u64) -> String {
    let list = if named(setting).count() > 0 { setting } else { DESIGNERS.default };
    let turn = id.saturating_sub(1) % named(list).count() as u64;
    named(list).nth(turn as usize).unwrap_or_default().to_owned()
}

fn named(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty())
}

fn removed(id: u64, date: Option<String>, styling_type: Option<String>) -> Decision<HairshopEvent> {
    Decision::facts([CancelCompleted { id, reservation_id: id, date, styling_type, designer_id: NO_DESIGNER.into() }])
}

shows! {
    Hairshop: |shop| {
        long "reservationId" = shop.reservation_id;
        text "designerId" = &shop.designer_id;
        text "rsvStatus" = if shop.is_canceled() { RSV_CANCELED } else { RSV_REQUESTED };
    }
}

pub(super) fn change_designer(body: &Body) -> HairshopCommand {
    ChangeDesigner { designer_id: body.sent("designerId") }.into()
}
