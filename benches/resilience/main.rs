//! What guarding a call costs, layer by layer, beside the breakers `recloser` and `failsafe`, in turns: each makes the
//! same call, a closure that succeeds, or turns it away.
//!
//! `cargo bench --bench resilience [-- --windows 51 --millis 10]` measures time, and with `--instructions` counts what
//! one call executes; benches/README.md says what is measured.

/// The server's own allocator.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

mod instructions;
mod rows;
mod windows;

use std::process::ExitCode;
use std::time::Duration;

use resurgam::app::say;

use rows::{Peer, Row};
use windows::Spread;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, row, calls] = &arguments[..]
        && mode == instructions::MODE
    {
        return exit_code(instructions::run(row, calls));
    }
    // `cargo test --benches` runs this too, without the flag: it is no test.
    if !arguments.iter().any(|argument| argument == "--bench") {
        say("a benchmark, run it with: cargo bench --bench resilience");
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|argument| argument == "--instructions") {
        return exit_code(instructions::count_all());
    }
    exit_code(measure_all(&arguments))
}

fn exit_code(outcome: Outcome<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("resilience: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure_all(arguments: &[String]) -> Outcome<()> {
    let number = |flag: &str, default: u64| -> Outcome<u64> {
        let Some(at) = arguments.iter().position(|argument| argument == flag) else { return Ok(default) };
        let value = arguments.get(at + 1).and_then(|value| value.parse().ok()).filter(|value| *value > 0);
        value.ok_or_else(|| format!("{flag} wants a number above 0").into())
    };
    let (windows, millis) = (number("--windows", 51)?, number("--millis", 10)?);
    for threads in [1, 2] {
        let rows = rows::all()?;
        let measured = windows::measured(&rows, threads, windows, Duration::from_millis(millis));
        say(&format!(
            "\n{threads} threads, {windows} windows of {millis} ms for each row, in turns; ns for one call\n"
        ));
        say("| | aim | median (min .. max) | of recloser | of failsafe |\n|---|---|---|---|---|");
        rows.iter().zip(&measured).for_each(|(row, ns)| say_row(&rows, row, ns, &measured));
    }
    Ok(())
}

fn say_row(rows: &[Row], row: &Row, ns: &[f64], measured: &[Vec<f64>]) {
    let Spread { median, min, max } = Spread::of(ns.to_vec());
    let ratio_to = |peer: Peer| {
        let beside = rows.iter().position(|other| other.peer == Some(peer) && other.does == row.does);
        // A window's ratio is taken with its neighbour's: a drift of the machine hits both.
        let ratios =
            beside.map(|beside| ns.iter().zip(&measured[beside]).map(|(ours, theirs)| ours / theirs).collect());
        ratios.map_or("–".to_owned(), |ratios| format!("{:.2}", Spread::of(ratios).median))
    };
    let aim = row.aim_ns.map_or("–".to_owned(), |aim| format!("≤ {aim}"));
    say(&format!(
        "| {} | {aim} | {median:.1} ({min:.1} .. {max:.1}) | {} | {} |",
        row.name,
        ratio_to(Peer::Recloser),
        ratio_to(Peer::Failsafe),
    ));
}
