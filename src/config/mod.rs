//! The shell's settings: the embedded defaults, a file, the environment, the command line. The only reader of files
//! and environment variables of settings.

mod guards;
mod settings;
mod sources;
mod shown;
mod by_key;
mod token;
#[cfg(feature = "mutants")]
mod mutant;

pub use by_key::Setting;
pub use guards::{BreakerSettings, GuardSettings, OneGuard, PartitionSettings, RetrySettings};
#[cfg(feature = "mutants")]
pub use mutant::mutant;
pub use settings::{
    Actors, Admin, ChaosSettings, Edge, JournalSettings, LimitSettings, Listen, Liveness, Log, RateSettings, Settings,
    TelemetrySettings, TraceSettings,
};
pub use shown::shown;
pub use sources::{DEFAULTS, SettingsError};
pub use token::{Token, TokenSource};

#[cfg(test)]
mod tests;
