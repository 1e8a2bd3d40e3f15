//! What holds for every system, and how clients are told of it.

mod catalogue;

use crate::domain::testing::world::World;
use crate::domain::{Recorded, Value};

/// What clients are told, in the order of the log: each public fact's name and fields.
pub(in crate::systems) fn told(world: &World) -> Vec<String> {
    let public = world.log.iter().filter(|fact| fact.event.is_public());
    let fields = |fact: &Recorded| serde_json::to_string(fact.event.payload()).expect("a value");
    public.map(|fact| format!("{} {}", fact.event.name(), fields(fact))).collect()
}

/// What clients see of one id: of each service's collection, the value at a place.
pub(in crate::systems) fn seen<const N: usize>(
    world: &World,
    id: u64,
    places: [(&str, &str, usize); N],
) -> [Option<Value>; N] {
    places.map(|(service, collection, at)| world.value(service, collection, id, at))
}
