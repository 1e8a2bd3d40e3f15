//! Answers that the log does not bear out.

use serde_json::json;

use super::{Case, RENTAL, op};
use crate::chaos::history::Act;
use crate::domain::{Kind, Stream};
use crate::http_client::Method;

const PRODUCT: Stream = Stream::new(Kind::new("oa-rental/product/product"), 1);
const CONTRACT: Stream = Stream::new(Kind::new("car-rental/contract/contract"), 1);

#[test]
fn a_delete_that_was_answered_is_in_the_log_without_a_key_too() {
    let mut case = Case::new();
    case.evidence.history = vec![op("cancel", Act::Undo, Method::DELETE, RENTAL).answered(0, 1, 204)];
    assert_eq!(case.faults("no-lost-answer"), ["cancel was answered 204 and is not in the log"]);
    let canceled = json!({"id": 1, "productId": 1, "qty": 1, "status": "CANCELED"});
    case.fact(RENTAL, "cancel", "RentalCanceled", canceled);
    assert_eq!(case.faults("no-lost-answer"), [""; 0]);
}

#[test]
fn a_change_that_was_answered_is_in_the_log_without_a_key_too() {
    let mut case = Case::new();
    case.evidence.history = vec![op("more", Act::Change, Method::PATCH, PRODUCT).answered(0, 1, 200)];
    assert_eq!(case.faults("no-lost-answer"), ["more was answered 200 and is not in the log"]);
    case.fact(PRODUCT, "more", "ProductSaved", json!({"id": 1, "name": "kept", "qty": 3}));
    assert_eq!(case.faults("no-lost-answer"), [""; 0]);
}

#[test]
fn what_is_undone_by_a_patch_is_in_the_log_once() {
    let mut case = Case::new();
    let undo = |story| op(story, Act::Undo, Method::PATCH, CONTRACT).answered(0, 1, 200);
    case.evidence.history = vec![undo("once"), undo("again")];
    assert_eq!(case.faults("no-lost-answer").len(), 2, "nobody undid it");
    let canceled = json!({"id": 1, "custName": "a", "modelName": "b", "amt": 0});
    case.fact(CONTRACT, "once", "ContractCanceled", canceled);
    assert_eq!(case.faults("no-lost-answer"), [""; 0]);
    case.evidence.history[1] = undo("again").keyed();
    assert_eq!(case.faults("no-lost-answer").len(), 1, "with a key, that nothing was done is in the log");
}

#[test]
fn what_was_missing_stays_missing_for_the_same_key() {
    let again = |first, second| {
        let change = op("more", Act::Change, Method::PATCH, PRODUCT).keyed();
        let mut case = Case::new();
        case.evidence.history = vec![change.answered(0, 1, first).answered(2, 3, second)];
        let verdict = case.verdict("same-answer");
        (verdict.looked_at, verdict.faults.len())
    };
    assert_eq!(again(404, 404), (1, 0));
    assert_eq!(again(404, 200), (1, 1));
    assert_eq!(again(404, 412), (1, 1));
    assert_eq!(again(200, 404), (1, 1));
}
