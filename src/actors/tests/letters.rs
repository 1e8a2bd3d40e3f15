//! A policy makes new aggregates, each fact one, wherever its follower is killed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::chaos::Point;
use super::gate::{GatedEngine, Moment};
use super::house::{House, life};
use crate::domain::{
    Aggregate, Command, Context, Decision, Event, IdRule, Kind, Recorded, Refusal, Rejection, Service, Stream, System,
};
use crate::journal::memory_engine::MemoryEngine;
use crate::messages;

/// A letter, which may want an answer: another letter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Letter {
    written: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Write {
    wants_answer: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Written {
    wants_answer: bool,
}

messages! { enum LetterCommand { Write = 1 } }
messages! { enum LetterEvent { Written = 1 } }
impl Command for LetterCommand {}
impl Event for LetterEvent {}

#[derive(Clone, Debug, PartialEq, Eq)]
enum NeverRefused {}

impl Rejection for NeverRefused {
    fn refusal(&self) -> Refusal {
        match *self {}
    }
}

impl Aggregate for Letter {
    const KIND: Kind = Kind::new("post/office/letter");
    const STATE_VERSION: u16 = 1;
    const IDS: IdRule = IdRule::Sequence;
    type Command = LetterCommand;
    type Event = LetterEvent;
    type Rejection = NeverRefused;

    fn decide(&self, command: &LetterCommand, _: &Context) -> Result<Decision<LetterEvent>, NeverRefused> {
        let LetterCommand::Write(Write { wants_answer }) = *command;
        Ok(Decision::facts([Written { wants_answer }]))
    }

    fn evolve(&mut self, _: &LetterEvent) {
        self.written = true;
    }

    fn exists(&self) -> bool {
        self.written
    }
}

fn answer(_: &Recorded, event: &LetterEvent) -> Option<LetterCommand> {
    let LetterEvent::Written(Written { wants_answer }) = event;
    wants_answer.then(|| Write { wants_answer: false }.into())
}

pub(super) fn system() -> System {
    System {
        name: "post",
        about: "letters and their answers",
        gateway_port: 9_288,
        settings: Vec::new(),
        services: vec![
            Service::new("office", 9_281)
                .aggregate::<Letter>()
                .whenever_new::<Letter, Letter, _>("wheneverWritten_Answer", answer),
        ],
    }
}

const LETTER: Stream = Stream::new(Letter::KIND, 1);
const ANSWER: Stream = Stream::new(Letter::KIND, 2);

async fn check_letters(house: &House, count: usize) {
    house.settled().await;
    let letters = house.journal.ids().page(Letter::KIND, 0, 10);
    assert_eq!(letters.len(), count, "{letters:?}");
    for id in letters {
        assert_eq!(house.story(Stream::new(Letter::KIND, id)).await, ["Written"]);
    }
}

#[test]
fn what_a_fact_makes_gets_the_next_id_of_the_clients_own_sequence() {
    life(async {
        let house = House::start(Arc::new(MemoryEngine::default())).await;
        assert_eq!(house.done(house.make::<Letter>(Write { wants_answer: true })).await.0, 1);
        check_letters(&house, 2).await;
        assert_eq!(house.done(house.make::<Letter>(Write { wants_answer: false })).await.0, 3);
        check_letters(&house, 3).await;
    });
}

#[test]
fn a_fact_makes_one_aggregate_though_its_follower_or_the_aggregate_dies_meanwhile() {
    let strikes: [fn(&House); 3] = [
        |house| assert!(house.runtime.kill_followers() > 0),
        |house| assert_eq!(house.runtime.kill(|stream| stream == ANSWER, 1, 0), [ANSWER]),
        |house| house.journal.kill_committer(),
    ];
    for moment in [None, Some(Moment::Unsynced), Some(Moment::Untold)] {
        for strike in strikes {
            life(async {
                let (engine, gate) = GatedEngine::before(Arc::new(MemoryEngine::default()));
                let house = House::start(engine).await;
                let mut held = Some(house.runtime.hold(ANSWER, Point::Decide));
                house.done(house.make::<Letter>(Write { wants_answer: true })).await;
                held.as_ref().expect("held").reached().await;
                if let Some(moment) = moment {
                    gate.hold(moment);
                    held = None;
                    gate.reached().await;
                }
                strike(&house);
                house.done_waiting().await;
                drop(held);
                gate.open();
                check_letters(&house, 2).await;
            });
        }
    }
}

#[test]
fn a_crash_between_what_a_fact_makes_and_the_followers_position_makes_nothing_twice() {
    for moment in [Moment::Unsynced, Moment::Untold] {
        let storage = MemoryEngine::default();
        life(async {
            let (engine, gate) = GatedEngine::before(Arc::new(storage.clone()));
            let house = House::start(engine).await;
            let held = house.runtime.hold(ANSWER, Point::Decide);
            house.done(house.make::<Letter>(Write { wants_answer: true })).await;
            held.reached().await;
            gate.hold(moment);
            drop(held);
            gate.reached().await;
        });
        life(async {
            let house = House::start(Arc::new(storage.clone())).await;
            check_letters(&house, 2).await;
            assert_eq!(house.story(LETTER).await, ["Written"]);
        });
    }
}
