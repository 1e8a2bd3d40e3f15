//! Counts the instructions of one call: the same row under callgrind with some calls and with more; what the start costs
//! is in both.

use std::process::Command;

use resurgam::app::say;

use crate::{Outcome, rows};

/// The argument that makes this program run one row so many times, and nothing else.
pub(crate) const MODE: &str = "--row";
const FEW: u64 = 10_000;
const MANY: u64 = 60_000;

/// Makes so many calls of the row of this name.
pub(crate) fn run(name: &str, calls: &str) -> Outcome<()> {
    let rows = rows::all()?;
    let row = rows.iter().find(|row| row.name == name).ok_or_else(|| format!("no row is called {name:?}"))?;
    (row.make_calls)(calls.parse()?);
    Ok(())
}

/// Says how many instructions one call of each row executes on one thread.
pub(crate) fn count_all() -> Outcome<()> {
    say("| | instructions of one call |\n|---|---|");
    for row in rows::all()? {
        let more = counted(row.name, MANY)? - counted(row.name, FEW)?;
        say(&format!("| {} | {:.0} |", row.name, more as f64 / (MANY - FEW) as f64));
    }
    Ok(())
}

fn counted(row: &str, calls: u64) -> Outcome<u64> {
    let valgrind = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args([MODE, row, &calls.to_string()])
        .output()
        .map_err(|error| format!("valgrind does not start ({error}); Debian: apt-get install valgrind"))?;
    let told = String::from_utf8_lossy(&valgrind.stderr);
    let collected = told.lines().find_map(|line| line.split_once("Collected :"));
    let instructions = collected.and_then(|(_, count)| count.split_whitespace().next()?.parse().ok());
    match instructions {
        Some(instructions) if valgrind.status.success() => Ok(instructions),
        Some(_) | None => Err(format!("valgrind failed for {row:?}: {told}").into()),
    }
}
