//! Why a command of the operator's came to nothing.

use thiserror::Error;

use super::chaos::OperatorError;
use crate::actors::runtime::StartError;
use crate::chaos::VerifyError;
use crate::config::SettingsError;
use crate::http::server::BindError;
use crate::http_client::AddressError;
use crate::journal::disk::DiskError;
use crate::journal::disk::backup::BackupError;
use crate::journal::handle::OpenError;

/// Why the server did not start or could not go on.
#[derive(Debug, Error)]
pub enum AppError {
    /// The settings make no sense.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The operating system gives a part of its own no thread or no event loop.
    #[error("the {part} cannot begin: {source}")]
    Thread {
        /// The part.
        part: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// A system that does not exist.
    #[error("there is no system {asked:?}; there are: {known}")]
    NoSuchSystem {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: String,
    },
    /// A setting that no system declares.
    #[error("there is no setting {0}")]
    UnknownSetting(String),
    /// A guard with settings of its own that there is not.
    #[error("guard.of: there is no guard {0}; names are system/service/kind and system/service/kind/asks/service/kind")]
    UnknownGuard(String),
    /// An outside party's address.
    #[error("{key} = {error}")]
    Address {
        /// The setting.
        key: String,
        /// What is wrong with it.
        error: AddressError,
    },
    /// The collector's address.
    #[error("telemetry.traces.endpoint = {0}")]
    Collector(AddressError),
    /// A system's setting that must be a number.
    #[error("{0} must be a whole number")]
    NotANumber(String),
    /// The log's format.
    #[error("{0}")]
    Lines(String),
    /// The metrics.
    #[error("the metrics could not be installed: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    /// The storage.
    #[error(transparent)]
    Storage(#[from] DiskError),
    /// A backup.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The journal.
    #[error("the journal could not be opened: {0}")]
    Journal(#[from] OpenError),
    /// The actors.
    #[error(transparent)]
    Actors(#[from] StartError),
    /// A running server.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// A listener.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A file.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A server that is tried.
    #[error(transparent)]
    Chaos(#[from] VerifyError),
    /// The signals.
    #[error("signals cannot be listened to: {0}")]
    Signals(std::io::Error),
}

impl AppError {
    /// Says which part cannot begin.
    pub(super) fn beginning(part: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Thread { part, source }
    }

    /// Returns the exit code: 64 for what the operator must change, 1 for the rest.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_)
            | Self::NoSuchSystem { .. }
            | Self::UnknownSetting(_)
            | Self::UnknownGuard(_)
            | Self::NotANumber(_)
            | Self::Lines(_)
            | Self::Collector(_)
            | Self::Address { .. } => 64,
            Self::Metrics(_)
            | Self::Storage(_)
            | Self::Backup(_)
            | Self::Journal(_)
            | Self::Actors(_)
            | Self::Operator(_)
            | Self::Bind(_)
            | Self::File { .. }
            | Self::Thread { .. }
            | Self::Chaos(_)
            | Self::Signals(_) => 1,
        }
    }
}
