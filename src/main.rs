//! The command line only: parse, hand over.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use resurgam::app;
use resurgam::app::AppError;
use resurgam::config::{Settings, shown};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Durable, supervised actors that speak the REST contract of five business systems.
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

fn main() -> ExitCode {
    match run(Command::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("resurgam: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(command: Command) -> Result<u8, AppError> {
    let what = command.what.unwrap_or(What::Serve { systems: Vec::new(), settings: SettingsArguments::default() });
    match what {
        What::Serve { systems, settings } => {
            let (file, assignments) = (settings.config.clone(), settings.assignments());
            let reload = Box::new(move || Settings::load(file.as_deref(), &assignments));
            wait(app::serve(settings.load()?, &systems, reload))
        }
        What::Config { what: ConfigWhat::Show { settings } } => {
            app::say(shown(settings.config.as_deref(), &settings.assignments())?.trim_end());
            Ok(0)
        }
        What::Journal { what, settings } => {
            let settings = settings.load()?;
            match what {
                JournalWhat::Verify => app::journal::verify(&settings),
                JournalWhat::Checkpoint => wait(app::journal::checkpoint(&settings)),
                JournalWhat::Backup { to } => app::journal::backup(&settings, &to),
                JournalWhat::Restore { from } => app::journal::restore(&settings, &from),
                JournalWhat::Rebuild => wait(app::journal::rebuild(&settings)),
                JournalWhat::Dump { from } => app::journal::dump(&settings, from),
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
