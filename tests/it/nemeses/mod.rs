//! Trouble that is nobody's death: a process that stands still, a clock that jumps, a key that everybody wants, more
//! aggregates than may live. Nothing is lost, good clients hardly notice, and it is all as before when it is over.
//!
//! `RESURGAM_FREEZE_SECONDS` sets how long the process stands still, `RESURGAM_SEED` repeats a run.

mod clock;
mod floods;
mod freeze;
