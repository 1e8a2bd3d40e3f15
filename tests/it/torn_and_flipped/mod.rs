//! A damaged data directory tells exactly what was answered, or is refused with file, place and remedy; never silence.

mod logs;
mod starts;
