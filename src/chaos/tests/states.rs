//! Rows that are not shown.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Case, RENTAL};
use crate::chaos::load::Dice;
use crate::chaos::shown::chosen;
use crate::domain::Kind;

const VIEW: Kind = Kind::new("oa-rental/information/myOrder");

/// A rental that its view must show; the view's list is empty, and perhaps not whole.
fn unlisted(is_whole: bool) -> Case {
    let mut case = Case::new();
    let rented = json!({"id": 1, "productId": 1, "qty": 1, "status": null, "productName": null});
    case.fact(RENTAL, "rent", "Rentaled", rented);
    case.evidence.shown.lists.insert(VIEW, BTreeMap::new());
    case.evidence.shown.whole.insert(VIEW, is_whole);
    case
}

#[test]
fn a_row_that_a_whole_list_lacks_is_missed() {
    let verdict = unlisted(true).verdict("views");
    assert_eq!((verdict.looked_at, verdict.faults.len()), (1, 1));
}

#[test]
fn a_row_beyond_the_end_of_a_list_was_not_looked_at() {
    let verdict = unlisted(false).verdict("views");
    assert_eq!((verdict.looked_at, verdict.holds()), (0, false), "{:?}", verdict.faults);
}

#[test]
fn what_is_asked_for_by_itself_comes_from_the_log_and_not_from_the_list() {
    let case = unlisted(true);
    let states = &case.evidence.story.states;
    assert_eq!(chosen(states, VIEW, &mut Dice::new(42)), [1]);
    assert_eq!(chosen(states, RENTAL.kind, &mut Dice::new(42)), [1]);
}

#[test]
fn a_row_that_could_not_be_read_by_itself_is_told_of_where_its_kind_is_judged() {
    let mut case = unlisted(false);
    case.evidence.shown.faults.push((VIEW, "404".to_owned()));
    assert_eq!(case.faults("views"), ["404"]);
    case.evidence.shown.faults = vec![(RENTAL.kind, "404".to_owned())];
    assert_eq!(case.faults("determinism"), ["404"]);
}
