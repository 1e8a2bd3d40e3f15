//! `resurgam chaos …`: what is done to a running server from outside.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{AppError, say};
use crate::chaos::{Plan, verify};
use crate::clock::Clock;
use crate::config::operator_secret;
use crate::domain::System;

/// How many clients there may be at once.
const CLIENTS_MAX: u64 = 1_024;

/// What is done to a running server.
#[derive(Debug, Subcommand)]
pub(super) enum ChaosWhat {
    /// Loads the server of all systems, then checks log, answers and what is shown against 23 invariants. Nobody else may
    /// write meanwhile; whoever wants to kills it meanwhile.
    Verify(VerifyArguments),
}

#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    /// The front door of all systems.
    #[arg(long, default_value = "http://127.0.0.1:8088")]
    url: String,
    /// The operator's listener.
    #[arg(long, default_value = "http://127.0.0.1:9464")]
    admin: String,
    /// The server's data directory; its log is read, without its lock.
    #[arg(long, default_value = "data", value_name = "DIR")]
    data: PathBuf,
    /// The operator's token; by default from the environment, else the one in the data directory.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
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

/// Does it, and returns the process's exit code.
///
/// # Errors
///
/// Fails when the server cannot be reached.
pub(super) async fn chaos(what: ChaosWhat, systems: &[System]) -> Result<u8, AppError> {
    match what {
        ChaosWhat::Verify(arguments) => verified(arguments, systems).await,
    }
}

async fn verified(arguments: VerifyArguments, systems: &[System]) -> Result<u8, AppError> {
    let VerifyArguments { url, admin, data, token_file, seconds, clients, seed } = arguments;
    let clock = Clock::system();
    let token = operator_secret(token_file.as_deref(), &data)?;
    let seed = seed.unwrap_or_else(|| clock.random());
    let plan = Plan { url, admin, token, data, lasting: Duration::from_secs(seconds), clients, seed };
    let report = verify(&plan, systems, &clock).await?;
    say(&report.to_string());
    Ok(u8::from(!report.broken().is_empty()))
}
