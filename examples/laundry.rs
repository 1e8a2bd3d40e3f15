//! A business of one's own on this library, in one file: a laundry.
//!
//! A customer drops a garment off; a machine washes it; the customer collects it and pays for it, not before. Run it with
//! `cargo run --example laundry`; `docs/your-own-system.md` walks through it.

use std::process::ExitCode;

use resurgam::domain::prelude::*;
use resurgam::domain::{Resource, Service, System};

form! {
    /// A garment in the laundry's care.
    struct Garment { owner: Option<String>, what: Option<String>, status: String }

    /// What a customer says of it.
    struct Tag { owner: Option<String>, what: Option<String> }
}

messages! {
    /// What can be done with a garment.
    enum GarmentCommand: Command {
        DropOff(Tag) = 1;
        FollowWash {} = 1;
        Collect {} = 1;
    }

    /// What happens to a garment.
    enum GarmentEvent: Event {
        DroppedOff { id: u64, owner: Option<String>, what: Option<String> } = 1;
        Cleaned { id: u64 } = 1;
        Collected { id: u64 } = 1;
    }
}

impl Aggregate for Garment {
    const KIND: Kind = Kind::new("laundry/counter/garment");
    const IDS: IdRule = IdRule::Sequence;
    type Command = GarmentCommand;
    type Event = GarmentEvent;
    type Rejection = Refusal;

    fn decide(&self, command: &GarmentCommand, context: &Context) -> Decided<Self> {
        let id = context.id;
        match command {
            GarmentCommand::DropOff(DropOff(Tag { owner, what })) => {
                Refusal::unless(owner.is_some(), "a-garment-has-an-owner", || "owner is missing".to_owned())?;
                Ok(Decision::facts([DroppedOff { id, owner: owner.clone(), what: what.clone() }]))
            }
            GarmentCommand::FollowWash(_) if self.status == "washing" => Ok(Decision::facts([Cleaned { id }])),
            GarmentCommand::FollowWash(_) => Ok(Decision::nothing()),
            GarmentCommand::Collect(_) if !self.exists() => Err(Refusal::missing(format!("there is no garment {id}"))),
            GarmentCommand::Collect(_) => {
                Refusal::unless(self.status == "clean", "a-garment-is-clean-first", || {
                    format!("it is {}", self.status)
                })?;
                Ok(Decision::facts([Collected { id }]))
            }
        }
    }

    fn evolve(&mut self, event: &GarmentEvent) {
        match event.clone() {
            GarmentEvent::DroppedOff(DroppedOff { owner, what, .. }) => {
                *self = Self { owner, what, status: "washing".to_owned() };
            }
            GarmentEvent::Cleaned(_) => self.status = "clean".to_owned(),
            GarmentEvent::Collected(_) => self.status = "collected".to_owned(),
        }
    }

    fn exists(&self) -> bool {
        !self.status.is_empty() && self.status != "collected"
    }
}

/// The wash of one garment; it has its garment's id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Wash {
    done: bool,
}

messages! {
    enum WashCommand: Command { Run {} = 1 }
    enum WashEvent: Event { Washed { id: u64 } = 1 }
}

impl Aggregate for Wash {
    const KIND: Kind = Kind::new("laundry/machine/wash");
    const IDS: IdRule = IdRule::TakenFrom(Garment::KIND);
    type Command = WashCommand;
    type Event = WashEvent;
    type Rejection = Refusal;

    fn decide(&self, _: &WashCommand, context: &Context) -> Decided<Self> {
        Ok(if self.done { Decision::nothing() } else { Decision::facts([Washed { id: context.id }]) })
    }

    fn evolve(&mut self, _: &WashEvent) {
        self.done = true;
    }
}

shows! { Wash: |wash| { text "status" = if wash.done { "done" } else { "running" }; } }

/// What each owner brought and took: a row a garment, which stays when the garment is gone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Ticket(Garment);

impl View for Ticket {
    const KIND: Kind = Kind::new("laundry/office/ticket");
    const SOURCES: &'static [Kind] = &[Garment::KIND];

    fn apply(&mut self, fact: &Recorded) {
        fact.of::<GarmentEvent>().into_iter().for_each(|event| self.0.evolve(event));
    }
}

shows! {
    Ticket: |ticket| {
        text "owner" = &ticket.0.owner;
        text "status" = ticket.0.status.as_str();
    }
}

fn system() -> System {
    let counter = Service::new("counter", 8081)
        .aggregate::<Garment>()
        .on::<Wash, Washed, Garment, _>("wheneverWashed_FollowWash", |washed| (washed.id, FollowWash {}))
        .resource(
            Resource::shown::<Garment>("garments", "garment")
                .titled("Garment")
                .post(|body| GarmentCommand::from(DropOff(body.into())))
                .delete(|_| GarmentCommand::from(Collect {})),
        );
    let machine = Service::new("machine", 8082)
        .aggregate::<Wash>()
        .on::<Garment, DroppedOff, Wash, _>("wheneverDroppedOff_Run", |dropped| (dropped.id, Run {}))
        .resource(Resource::shown::<Wash>("washes", "wash").titled("Wash"));
    let office = Service::new("office", 8083)
        .view::<Ticket>()
        .resource(Resource::shown_view::<Ticket>("tickets", "ticket").titled("Ticket"));
    System {
        name: "laundry",
        about: "garments, their washes, and the tickets of their owners",
        gateway_port: 8088,
        settings: Vec::new(),
        services: vec![counter, machine, office],
    }
}

fn main() -> ExitCode {
    resurgam::app::main(vec![system()])
}

#[cfg(test)]
mod tests {
    use resurgam::domain::testing::given;

    use super::*;

    #[test]
    fn a_garment_is_collected_once_it_is_clean() {
        let dropped = || DroppedOff { id: 1, owner: Some("anna".to_owned()), what: None };
        given::<Garment>([dropped().into()]).when(Collect {}).then_broken("a-garment-is-clean-first");
        given::<Garment>([dropped().into(), Cleaned { id: 1 }.into()]).when(Collect {}).then([Collected { id: 1 }]);
        given::<Garment>([]).when(DropOff(Tag::default())).then_broken("a-garment-has-an-owner");
    }
}
