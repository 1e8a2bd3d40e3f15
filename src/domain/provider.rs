//! An outside party that an aggregate asks: by HTTP where a system's setting has its address, and else built in.
//!
//! A provider is asked as an aggregate is, with an [`Ask`](super::Ask) that survives a crash: the intent's id is its
//! idempotency key. The built-in one agrees at once to whatever its asker's own rules allow.
//!
//! By HTTP 2xx means done. A status of the client's errors refuses, but 408 and 425; 429 and 503 say that nothing was begun.
//! Whatever else there is, redirects too, leaves open whether it was done: it is undone or asked again with the same key.

use std::fmt;
use std::sync::Arc;

use super::fact::Kind;
use super::message::{AnyCommand, Command, Message};
use super::route::Verb;
use super::system::DecodeNamed;

/// What stands for the service in the kind of every provider: `system/outside/name`.
pub const OUTSIDE: &str = "outside";

/// An outside party.
///
/// ```
/// use resurgam::domain::{Command, Kind, Outgoing, Provider, Verb};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
/// struct PrintTicket { seat: u32 }
/// resurgam::messages! { enum PrinterCommand { PrintTicket = 1 } }
/// impl Command for PrinterCommand {}
///
/// struct Printer;
/// impl Provider for Printer {
///     const KIND: Kind = Kind::new("theatre/outside/printer");
///     const ADDRESS: &'static str = "printer_url";
///     type Command = PrinterCommand;
///     fn outgoing(_: u64, _: &PrinterCommand) -> Outgoing { Outgoing::new(Verb::Post, "/tickets") }
/// }
/// ```
pub trait Provider: 'static {
    /// Its name: `system/outside/name`.
    const KIND: Kind;
    /// The key of the system's setting that has its address, `http://host:port`; empty: it is built in.
    const ADDRESS: &'static str;
    /// What it can be asked. Its fields are the body's.
    type Command: Command;

    /// Returns where a command goes that the aggregate with this id asks.
    fn outgoing(id: u64, command: &Self::Command) -> Outgoing;
}

/// Where a command goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The method.
    pub verb: Verb,
    /// The path below the provider's address, with its slash; what HTTP cannot carry is refused.
    pub path: String,
}

impl Outgoing {
    /// Names method and path.
    #[must_use]
    pub fn new(verb: Verb, path: impl Into<String>) -> Self {
        Self { verb, path: path.into() }
    }
}

/// Everything the shell needs to ask one provider.
#[derive(Clone)]
pub struct ProviderSpec {
    /// Its name.
    pub kind: Kind,
    /// The key of the setting with its address.
    pub address: &'static str,
    /// Every (command name, schema version) that can be read.
    pub commands: &'static [(&'static str, u16)],
    /// Reads a stored command.
    pub decode_command: DecodeNamed<dyn AnyCommand>,
    /// Returns where a command goes; nowhere when it is not one of this provider's.
    pub outgoing: fn(u64, &dyn AnyCommand) -> Option<Outgoing>,
}

impl ProviderSpec {
    /// Describes a provider.
    #[must_use]
    pub fn of<P: Provider>() -> Self {
        Self {
            kind: P::KIND,
            address: P::ADDRESS,
            commands: P::Command::known(),
            decode_command: |name, schema, from| Ok(Arc::new(P::Command::decode(name, schema, from)?)),
            outgoing: |id, command| command.as_any().downcast_ref().map(|command| P::outgoing(id, command)),
        }
    }
}

impl fmt::Debug for ProviderSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderSpec").field("kind", &self.kind).finish_non_exhaustive()
    }
}
