//! A business system as a value, and what the shell derives from it.

pub mod description;
pub mod policy_spec;
pub mod setting;
pub mod spec;

pub use description::{Catalogue, KindSpec, Service, System};
pub use policy_spec::{Order, PolicySpec};
pub use spec::{AggregateSpec, AnyState, Decode, DecodeNamed, Seed, ViewSpec};
