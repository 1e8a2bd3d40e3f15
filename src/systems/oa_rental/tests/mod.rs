//! Every promise of the system: rule by rule, fact by fact, on the wire, and all of it at once in any order.

mod deliveries;
mod my_orders;
mod policies;
mod products;
mod rentals;
mod stocks;
mod whole;
mod wire;

use std::sync::Arc;

use crate::domain::system::AggregateSpec;
use crate::domain::{Aggregate, AnyEvent, Body, Field, Held, Refusal, Value};

/// What clients see of an aggregate with these facts, if anything.
fn seen<A: Aggregate>(
    represent: fn(&dyn Held) -> Vec<Value>,
    facts: impl IntoIterator<Item = A::Event>,
) -> Option<Vec<Value>> {
    let facts: Vec<Arc<dyn AnyEvent>> = facts.into_iter().map(|fact| Arc::new(fact) as Arc<dyn AnyEvent>).collect();
    let state = (AggregateSpec::of::<A>().initial)().evolved(&facts);
    state.exists().then(|| represent(&*state))
}

fn name(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// A body in which these fields were sent.
fn body(fields: &[(&Field, Value)]) -> Body {
    let mut body = Body::default();
    fields.iter().for_each(|(field, value)| body.set(field.name, value.clone()));
    body
}

fn rule_of(refusal: &Refusal) -> &str {
    &refusal.rule
}
