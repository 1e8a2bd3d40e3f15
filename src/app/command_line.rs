//! The command line of a server of these systems: parse, hand over.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use super::chaos::{self, ChaosWhat, Where};
use super::{AppError, journal, say, serve};
use crate::config::{Settings, shown};
use crate::domain::System;

/// The exit code for what the operator must change, as for settings.
const WRONG_ARGUMENT: u8 = 64;

/// Durable, supervised actors that speak the REST contracts of business systems.
#[derive(Debug, Parser)]
#[command(name = "resurgam", version)]
struct Command {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Serves the named systems, or all of them (the default command).
    Serve {
        /// One system gets the originals' ports; several, or all, share one front door.
        systems: Vec<String>,
        #[command(flatten)]
        settings: SettingsArguments,
    },
    /// Looks at the settings.
    Config {
        #[command(subcommand)]
        what: ConfigWhat,
    },
    /// Pulls the levers of a running server that was started with `--set chaos.enabled=true`.
    Chaos {
        #[command(subcommand)]
        what: ChaosWhat,
        #[command(flatten)]
        to: Where,
        #[command(flatten)]
        settings: SettingsArguments,
    },
    /// Looks after the journal; all but `backup` while no server runs.
    Journal {
        #[command(subcommand)]
        what: JournalWhat,
        #[command(flatten)]
        settings: SettingsArguments,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigWhat {
    /// Prints every setting with its comment and the value in force.
    Show {
        #[command(flatten)]
        settings: SettingsArguments,
    },
}

#[derive(Debug, Subcommand)]
enum JournalWhat {
    /// Checks every frame of the log, the chain over all of them, and every checkpoint; changes nothing.
    Verify,
    /// Writes a checkpoint of the store, so that a start without it has less to replay.
    Checkpoint,
    /// Copies the journal into a new directory and checks the copy; a server may go on meanwhile.
    Backup {
        /// The directory.
        to: PathBuf,
    },
    /// Makes a journal in the data directory, which must hold none, from a backup.
    Restore {
        /// The backup.
        from: PathBuf,
    },
    /// Makes the store again from the log.
    Rebuild,
    /// Prints every record of the log as a line.
    Dump {
        /// The position to begin with.
        #[arg(long, default_value_t = 1)]
        from: u64,
    },
}

#[derive(Debug, Args, Default)]
struct SettingsArguments {
    /// A file with settings; `resurgam config show` prints one.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the log and the store live.
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// One setting, as in `--set listen.host=0.0.0.0`; may be given often.
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    assignments: Vec<String>,
}

impl SettingsArguments {
    fn assignments(&self) -> Vec<String> {
        let data = self.data.iter().map(|data| format!("journal.data={}", data.display()));
        self.assignments.iter().cloned().chain(data).collect()
    }

    fn load(&self) -> Result<Settings, AppError> {
        Ok(Settings::load(self.config.as_deref(), &self.assignments())?)
    }
}

/// Runs what the command line asks for, with these systems, and returns the process's exit code.
///
/// A team's own binary is one line: `resurgam::app::main(vec![laundry::system()])`.
#[must_use]
pub fn main(systems: Vec<System>) -> ExitCode {
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(told) => {
            // Help that was asked for is told by it too; a closed output must not change the code.
            let _ = told.print();
            return if told.use_stderr() { ExitCode::from(WRONG_ARGUMENT) } else { ExitCode::SUCCESS };
        }
    };
    match run(command, systems) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("resurgam: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(command: Command, all: Vec<System>) -> Result<u8, AppError> {
    let what = command.what.unwrap_or(What::Serve { systems: Vec::new(), settings: SettingsArguments::default() });
    match what {
        What::Serve { systems, settings } => {
            let (file, assignments) = (settings.config.clone(), settings.assignments());
            let reload = Box::new(move || Settings::load(file.as_deref(), &assignments));
            wait(serve(settings.load()?, &all, &systems, reload))
        }
        What::Config { what: ConfigWhat::Show { settings } } => {
            say(shown(settings.config.as_deref(), &settings.assignments())?.trim_end());
            Ok(0)
        }
        What::Chaos { what, to, settings } => wait(chaos::pull(&settings.load()?, to, what, &all)),
        What::Journal { what, settings } => {
            let settings = settings.load()?;
            match what {
                JournalWhat::Verify => journal::verify(&settings),
                JournalWhat::Checkpoint => wait(journal::checkpoint(&settings, &all)),
                JournalWhat::Backup { to } => journal::backup(&settings, &to),
                JournalWhat::Restore { from } => journal::restore(&settings, &from),
                JournalWhat::Rebuild => wait(journal::rebuild(&settings, &all)),
                JournalWhat::Dump { from } => journal::dump(&settings, &all, from),
            }
        }
    }
}

/// Waits for a command; what still runs after it, as a storage thread that hangs, does not keep the process.
fn wait<T>(command: impl Future<Output = T>) -> T {
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let threads = threads.expect("the operating system gives threads");
    let outcome = threads.block_on(command);
    threads.shutdown_background();
    outcome
}
