//! Asks that ended as no ask may.

use std::sync::Arc;
use std::time::Duration;

use super::{Case, RENTAL};
use crate::clock::derived_id;
use crate::domain::{Kind, Stream};
use crate::journal::{Closed, CommandMeta, FactlessAnswer, Intent, Origin, Record};
use crate::systems::oa_rental::product::{ProductCommand, RemoveProduct};

const PRODUCT: Stream = Stream::new(Kind::new("oa-rental/product/product"), 1);
const ASK: u128 = 5;

fn meta(id: u128) -> CommandMeta {
    CommandMeta { id, origin: Origin::Edge, fingerprint: 0, causation: 0, correlation: "rent".into(), trace: None }
}

fn opened() -> Record {
    Record::IntentOpened(Arc::new(Intent {
        id: ASK,
        asker: RENTAL,
        to: PRODUCT,
        command: Arc::new(ProductCommand::from(RemoveProduct {})),
        timeout: Duration::from_millis(610),
        undo: None,
        opened_by: meta(1),
        opened_ms: 0,
    }))
}

fn closed(how: Closed) -> Record {
    Record::IntentClosed { asker: RENTAL, intent: ASK, opened_by: 1, how }
}

fn run() -> Record {
    let command = meta(derived_id(ASK, "command"));
    Record::Answer(FactlessAnswer { stream: PRODUCT, command, time_ms: 0, refusal: None })
}

#[test]
fn an_ask_ends_once_and_what_answered_it_ran_once() {
    let faults = |groups: &[Record]| {
        let mut case = Case::new();
        groups.iter().for_each(|record| case.record(std::slice::from_ref(record)));
        case.faults("asks-end-once").len()
    };
    assert_eq!(faults(&[opened(), run(), closed(Closed::Answered)]), 0);
    assert_eq!(faults(&[opened(), closed(Closed::Withdrawn)]), 0);
    assert_eq!(faults(&[opened(), closed(Closed::Answered)]), 1, "nobody ran it");
    assert_eq!(faults(&[opened(), run(), run(), closed(Closed::Answered)]), 1, "it ran twice");
    assert_eq!(faults(&[opened(), run()]), 1, "it never ended");
    assert_eq!(faults(&[opened(), run(), closed(Closed::Answered), closed(Closed::Withdrawn)]), 1, "it ended twice");
    assert_eq!(faults(&[closed(Closed::Answered)]), 1, "it never began");
}
