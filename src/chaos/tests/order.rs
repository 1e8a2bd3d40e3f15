//! What was made and cannot be found.

use super::{Case, RENTAL, op};
use crate::chaos::history::{Act, Heard, Op};
use crate::http_client::Method;

fn made() -> Op {
    op("make", Act::Create, Method::POST, RENTAL).answered(0, 10, 201)
}

fn missed(began: u64, ended: u64) -> Op {
    op("look", Act::Read, Method::GET, RENTAL).answered(began, ended, 404)
}

fn delete() -> Op {
    op("delete", Act::Undo, Method::DELETE, RENTAL)
}

fn faults(history: impl IntoIterator<Item = Op>) -> usize {
    let mut case = Case::new();
    case.evidence.history = history.into_iter().collect();
    case.faults("linearizable").len()
}

#[test]
fn what_was_made_is_there_until_somebody_deletes_it() {
    assert_eq!(faults([made(), missed(11, 12)]), 1);
    assert_eq!(faults([made(), missed(11, 20), delete().answered(20, 30, 204)]), 0);
    assert_eq!(
        faults([made(), missed(11, 19), delete().answered(20, 30, 204)]),
        1,
        "it was over before the delete began"
    );
}

#[test]
fn what_is_being_made_may_be_missing() {
    assert_eq!(faults([made(), missed(9, 12)]), 0);
    assert_eq!(faults([missed(11, 12)]), 0, "nobody was told that it is there");
}

#[test]
fn only_a_delete_that_may_have_been_done_explains_that_it_is_gone() {
    assert_eq!(faults([made(), delete().heard(11, 12, Heard::Unknown), missed(13, 14)]), 0);
    assert_eq!(faults([made(), delete().heard(11, 12, Heard::NotExecuted), missed(13, 14)]), 1);
    assert_eq!(faults([made(), delete().answered(11, 12, 404)]), 1, "nor does it explain itself");
    let undo = op("undo", Act::Undo, Method::PATCH, RENTAL).answered(11, 12, 200);
    assert_eq!(faults([made(), undo, missed(13, 14)]), 1, "what is undone by a PATCH stays");
}
