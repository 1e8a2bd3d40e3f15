//! `resurgam chaos verify`: has a running server judged from outside.

use std::time::Duration;

use clap::Args;

use super::OperatorError;
use crate::app::{AppError, say};
use crate::chaos::{Plan, verify};
use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::System;
use crate::http_client::Address;

/// How many clients there may be at once.
const CLIENTS_MAX: u64 = 1_024;

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// The front door of all systems; as the settings say if it is not given.
    #[arg(long, value_name = "URL")]
    front: Option<String>,
    /// How long the load lasts.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// How many clients there are at once.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=CLIENTS_MAX))]
    clients: u64,
    /// Repeats the clients' choices; by default a new one.
    #[arg(long)]
    seed: Option<u64>,
}

/// Verifies the server whose log lies where the settings say; returns the exit code.
///
/// # Errors
///
/// Fails when the server cannot be reached.
pub(super) async fn verified(
    arguments: VerifyArguments,
    (admin, token): (Address, String),
    settings: &Settings,
    systems: &[System],
) -> Result<u8, AppError> {
    let VerifyArguments { front, seconds, clients, seed } = arguments;
    let clock = Clock::system();
    let front = front.unwrap_or_else(|| {
        let port = settings.listen.port + settings.listen.port_offset;
        format!("http://{}:{port}", settings.listen.host)
    });
    let front = front.parse().map_err(OperatorError::from)?;
    let seed = seed.unwrap_or_else(|| clock.random());
    let data = settings.journal.data.clone();
    let plan = Plan { url: front, admin, token, data, lasting: Duration::from_secs(seconds), clients, seed };
    let report = verify(&plan, systems, &clock).await?;
    say(&report.to_string());
    Ok(u8::from(!report.broken().is_empty()))
}
