//! `resurgam chaos …`: pulls the levers of a running server from a shell, through its operator's listener.

mod operator;
mod verifying;
mod wishes;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::Value;

use self::operator::Operator;
use self::verifying::VerifyArguments;
use super::{AppError, say};
use crate::config::Settings;
use crate::domain::System;
use crate::http::server::Signals;
use crate::http_client::{Address, Method};

pub use self::operator::OperatorError;

/// How often a loose monkey is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often it is called back when the server does not answer.
const CALLS_BACK_MAX: u32 = 10;

/// Where the server is, and who asks.
#[derive(Debug, Args)]
pub(super) struct Where {
    /// The operator's listener; `admin.listen` of the settings if it is not given.
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
    /// The file with the operator's token; else RESURGAM_ADMIN_TOKEN, else what the settings name.
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Why: written into the log.
    #[arg(long, global = true, value_name = "TEXT", default_value = "")]
    reason: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum ChaosWhat {
    #[command(flatten)]
    Lever(Lever),
    /// Loads the server of all systems, then checks log, answers and what is shown against 23 invariants. Nobody else may
    /// write meanwhile; whoever wants to kills it meanwhile.
    Verify(VerifyArguments),
}

#[derive(Debug, Subcommand)]
pub(super) enum Lever {
    /// Kills aggregates, or a part by its own name, and prints which.
    Kill {
        /// As in `*`, `oa-rental/rental/rental/3`, `oa-rental/delivery/policies`, `journal/committer`.
        #[arg(default_value = "*")]
        target: String,
        /// Which sorts of parts: aggregates, policies, views, shards, supervisors, committer, reader, writer, applier.
        #[arg(long, value_delimiter = ',')]
        what: Vec<String>,
        /// How many.
        #[arg(long)]
        count: Option<usize>,
        /// Chooses them; printed if it is not given.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Has the next handlings of aggregates, or the next facts of a follower, panic; without a target, shows those that wait.
    Panic {
        /// Aggregates, as in `*` or `oa-rental/rental/rental/3`; a service (its policies); or a view.
        target: Option<String>,
        /// decide, evolve, react or apply.
        #[arg(long, default_value = "decide")]
        at: String,
        /// How often; five on one fact set it aside.
        #[arg(long)]
        count: Option<u32>,
        /// Takes back those that wait.
        #[arg(long, conflicts_with_all = ["target", "count"])]
        forget: bool,
    },
    /// Has the disk stall or fail; without either, shows what is wrong with it.
    Disk {
        /// Every write takes so much longer, as in 200ms.
        #[arg(long, conflicts_with = "fail")]
        stall: Option<String>,
        /// The next write or sync fails: nothing is written from then on until the server is started again.
        #[arg(long, value_name = "write|sync")]
        fail: Option<String>,
        /// For how long, as in 10s.
        #[arg(long = "for", default_value = "60s")]
        lasts: String,
        /// Has the disk be well again.
        #[arg(long, conflicts_with_all = ["stall", "fail"])]
        mend: bool,
    },
    /// Delays, fails and hangs a part of a service's calls.
    Faults {
        #[command(subcommand)]
        what: FaultsWhat,
    },
    /// Kills at random for a while, waits until that is over, and prints whom it killed; Ctrl-C calls it back.
    Monkey {
        /// How many a second.
        #[arg(long, default_value = "100/s")]
        rate: String,
        /// For how long.
        #[arg(long = "for", default_value = "60s")]
        lasts: String,
        /// Chooses them; printed if it is not given.
        #[arg(long)]
        seed: Option<u64>,
        /// Which parts.
        #[arg(long, default_value = "*")]
        target: String,
        /// Which sorts of parts: aggregates, policies, views, shards, supervisors, committer, reader.
        #[arg(long, value_delimiter = ',', default_value = "aggregates")]
        what: Vec<String>,
    },
    /// Calls a monkey back that somebody let loose, and prints whom it killed.
    Stop,
}

#[derive(Debug, Subcommand)]
pub(super) enum FaultsWhat {
    /// Shows those in force and what they have done.
    List,
    /// Injects one.
    Add {
        /// As in `book-market/payment`.
        target: String,
        /// As in 250ms, 400ms..620ms or p50=20ms,p99=900ms.
        #[arg(long)]
        latency: Option<String>,
        /// The share of calls that fail, from 0 to 1.
        #[arg(long)]
        errors: Option<f64>,
        /// The share of calls that never answer, from 0 to 1.
        #[arg(long)]
        hangs: Option<f64>,
        /// For how long.
        #[arg(long = "for", default_value = "60s")]
        lasts: String,
        /// Chooses the calls.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Removes one.
    Remove {
        /// Its number.
        id: u64,
    },
}

/// Does it, and returns the exit code.
///
/// # Errors
///
/// Fails when the server cannot be reached or does not do it.
pub(super) async fn pull(settings: &Settings, to: Where, what: ChaosWhat, systems: &[System]) -> Result<u8, AppError> {
    let url = to.url.unwrap_or_else(|| format!("http://{}", settings.admin.listen));
    let url: Address = url.parse().map_err(OperatorError::from)?;
    let token = settings.known_token(to.token_file.as_deref())?;
    let lever = match what {
        ChaosWhat::Lever(lever) => lever,
        ChaosWhat::Verify(arguments) => return verifying::verified(arguments, (url, token), settings, systems).await,
    };
    let operator = Operator::new(url, token, to.reason);
    match lever {
        Lever::Monkey { rate, lasts, seed, target, what } => {
            let mut signals = Signals::listen().map_err(AppError::Signals)?;
            let wish = wishes::monkey(rate, lasts, seed, target, what);
            operator.call(Method::POST, "/chaos/monkey", wish).await?;
            let over = tokio::select! {
                over = watched(&operator) => over?,
                _ = signals.next() => called_back(&operator).await?,
            };
            tell(&over);
        }
        Lever::Stop => tell(&called_back(&operator).await?),
        lever @ (Lever::Kill { .. } | Lever::Panic { .. } | Lever::Disk { .. } | Lever::Faults { .. }) => {
            let (method, path, wish) = wishes::of(lever);
            let answer = operator.call(method, &path, wish).await?;
            say(&format!("{answer:#}"));
        }
    }
    Ok(0)
}

/// Looks at the monkey until it is over.
async fn watched(operator: &Operator) -> Result<Value, OperatorError> {
    loop {
        let seen = operator.call(Method::GET, "/chaos/monkey", Value::Null).await?;
        if !seen["ended"].is_null() {
            return Ok(seen);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Calls it back; what it kills meanwhile may keep the server from answering at once.
async fn called_back(operator: &Operator) -> Result<Value, OperatorError> {
    let mut called = operator.call(Method::DELETE, "/chaos/monkey", Value::Null).await;
    for _ in 1..CALLS_BACK_MAX {
        match called {
            Ok(_) | Err(OperatorError::Refused { status: 400..500, .. } | OperatorError::Address(_)) => break,
            Err(OperatorError::Refused { .. } | OperatorError::Unreachable { .. }) => {
                tokio::time::sleep(LOOK_EVERY).await;
                called = operator.call(Method::DELETE, "/chaos/monkey", Value::Null).await;
            }
        }
    }
    called
}

/// Tells what a monkey did: the seed, then how many of each sort.
fn tell(over: &Value) {
    let ended = over["ended"].as_str().unwrap_or("loose");
    let seconds = over["ranSeconds"].as_f64().unwrap_or_default();
    say(&format!("{ended} after {seconds:.1} s, seed {}, {} rounds", over["seed"], over["rounds"]));
    for (what, count) in over["killed"].as_object().into_iter().flatten() {
        say(&format!("{what:<12} {count:>8}"));
    }
    say(&format!("{:<12} {:>8}", "killed", over["total"]));
    if over["unwritten"].as_u64() != Some(0) {
        say(&format!("{} rounds could not be written into the log and were not done", over["unwritten"]));
    }
}
