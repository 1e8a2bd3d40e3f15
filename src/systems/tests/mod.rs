//! What holds for every system.

mod catalogue;
