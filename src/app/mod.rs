//! The composition root: builds every part in order, serves, and stops them in reverse.
//!
//! Start: settings → log lines → listeners bound → metrics → storage → journal → actors → listeners served. Stop:
//! listeners stop accepting and drain → actors → journal (seal) → storage. A stop may be replaced by a crash at any step.

mod command_line;
mod chaos_command;
mod serve;
mod parts;
mod doors;
mod error;
pub mod journal;

pub use command_line::main;
pub use error::AppError;
pub use serve::{Reload, serve};

/// Tells the one who started it; standard output is for nothing else.
pub fn say(line: &str) {
    use std::io::Write as _;
    // A closed standard output must not stop a server.
    let _ = writeln!(std::io::stdout(), "{line}");
}
