//! Whether the process lives and whether it takes work, and why not: two questions with two meanings.
//!
//! It lives while its event loop turns and its supervisors answer; no disk and no dependency is asked, for a restart would
//! mend neither. It is ready once it has recovered, while the log can be written and until it stops.

mod vitals;
mod checks;
mod probes;

pub use probes::filter;
pub use vitals::{Pulse, Vitals};

pub(in crate::http) use checks::{Check, is_good, live, ready, text};
pub(in crate::http) use probes::told;
