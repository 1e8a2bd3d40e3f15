//! The words a business system is written in.
//!
//! Pure: no I/O, no async, no time, no randomness. What the shell needs to run a system without knowing it
//! (erased states, events and commands, decoders) is derived here from the typed traits.

pub mod aggregate;
pub mod ask;
pub mod fact;
pub mod message;
pub mod parties;
pub mod policy;
pub mod provider;
pub mod refusal;
pub mod resource;
pub mod value;
pub mod route;
pub mod system;
pub mod testing;
pub mod trace;
pub mod view;

pub use aggregate::{Aggregate, Closing, Context, Decided, Decision, Held, IdRule};
pub use ask::{Answer, Ask, Asked, Hold, OnUnknown};
pub use fact::{Kind, Recorded, Stream};
pub use message::{AnyCommand, AnyEvent, Command, DecodeError, Event, Message, Tells};
pub use policy::Policy;
pub use provider::{Outgoing, Provider};
pub use refusal::{Refusal, Rejection};
pub use resource::{Body, Methods, Paging, Resource, Shown};
pub use route::{Act, Plain, Route, Verb, Visit};
pub use system::setting::{Setting, SettingError, SettingValues};
pub use system::{Catalogue, Seed, Service, System};
pub use trace::TraceContext;
pub use value::{Field, FieldType, Shape, Value};
pub use view::View;

/// Everything that aggregates, policies and views are written with.
pub mod prelude {
    pub use std::convert::Infallible;

    pub use serde::{Deserialize, Serialize};

    pub use super::{
        Aggregate, Answer, Ask, Asked, Body, Closing, Context, Decided, Decision, Hold, IdRule, Kind, Recorded,
        Refusal, Shown, Tells, View,
    };
    pub use crate::{form, messages, shows};
}
