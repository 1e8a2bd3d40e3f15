//! The composition root: builds every part in order, serves, and stops them in reverse.
//!
//! Start: settings → log lines → systems' settings, addresses, token → listeners bound → metrics → vigil (and probes) → exporter
//! of traces → storage → journal → actors → planting → token made → watchdog → listeners served. Stop: readiness → listeners stop
//! accepting and drain → watchdog → actors → journal (seal) and storage → exporter → vigil. A stop may be replaced by a crash at
//! any step.

mod command_line;
mod serve;
mod wiring;
mod parts;
mod vigil;
mod watchdog;
mod stopping;
mod reloading;
mod doors;
mod error;
pub mod journal;
mod chaos;

pub use chaos::OperatorError;
pub use command_line::main;
pub use error::AppError;
pub use reloading::Reload;
pub use serve::serve;

/// Tells the one who started it; standard output is for nothing else.
pub fn say(line: &str) {
    use std::io::Write as _;
    // A closed standard output must not stop a server.
    let _ = writeln!(std::io::stdout(), "{line}");
}
