//! What the levers are sent.

use serde_json::{Map, Value, json};

use super::{FaultsWhat, Lever};
use crate::http_client::Method;

const MONKEY: &str = "/chaos/monkey";
const PANIC: &str = "/chaos/panic";

/// Method, path and body of a command that is one request.
pub(super) fn of(what: Lever) -> (Method, String, Value) {
    match what {
        Lever::Kill { target, what, count, seed } => {
            let what = (!what.is_empty()).then_some(what);
            let wish = json!({ "target": target, "what": what, "count": count, "seed": seed });
            (Method::POST, "/chaos/kill".to_owned(), given(wish))
        }
        Lever::Panic { forget: true, .. } => (Method::DELETE, PANIC.to_owned(), Value::Null),
        Lever::Panic { target: None, .. } => (Method::GET, PANIC.to_owned(), Value::Null),
        Lever::Panic { target, at, count, forget: false } => {
            (Method::POST, PANIC.to_owned(), given(json!({ "target": target, "at": at, "count": count })))
        }
        Lever::Disk { mend: true, .. } => (Method::DELETE, "/chaos/disk".to_owned(), Value::Null),
        Lever::Disk { stall: None, fail: None, .. } => (Method::GET, "/chaos/disk".to_owned(), Value::Null),
        Lever::Disk { stall, fail, lasts, mend: false } => {
            (Method::POST, "/chaos/disk".to_owned(), given(json!({ "stall": stall, "fail": fail, "for": lasts })))
        }
        Lever::Faults { what } => faults(what),
        Lever::Monkey { rate, lasts, seed, target, what } => {
            (Method::POST, MONKEY.to_owned(), monkey(rate, lasts, seed, target, what))
        }
        Lever::Stop => (Method::DELETE, MONKEY.to_owned(), Value::Null),
    }
}

/// What a monkey is told.
pub(super) fn monkey(rate: String, lasts: String, seed: Option<u64>, target: String, what: Vec<String>) -> Value {
    given(json!({ "rate": rate, "for": lasts, "seed": seed, "target": target, "what": what }))
}

fn faults(what: FaultsWhat) -> (Method, String, Value) {
    match what {
        FaultsWhat::List => (Method::GET, "/admin/faults".to_owned(), Value::Null),
        FaultsWhat::Add { target, latency, errors, hangs, lasts, seed } => {
            let wish = json!({
                "target": target, "latency": latency, "errors": errors, "hangs": hangs, "for": lasts, "seed": seed,
            });
            (Method::POST, "/admin/faults".to_owned(), given(wish))
        }
        FaultsWhat::Remove { id } => (Method::DELETE, format!("/admin/faults/{id}"), Value::Null),
    }
}

/// Leaves out what was not given.
fn given(wish: Value) -> Value {
    match wish {
        Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>().into(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => wish,
    }
}
