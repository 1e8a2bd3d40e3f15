//! What durability costs at the edge: resurgam against an echo server of the same door, warp and bytes, in turns.
//!
//! `cargo bench --bench edge [-- --windows 5 --seconds 4 --products 20000]`; benches/README.md says what is measured.
//! Only ratios of neighbouring windows are worth keeping: absolute rates are the machine's.

/// The server's own allocator, so that the echo has it too.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

mod client;
mod echo;
mod load;
mod server;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use resurgam::app::say;

use client::Client;
use echo::Echo;
use load::{Case, Window};
use server::Resurgam;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Connections that make the products; enough to share the syncs.
const MAKERS: u64 = 32;
/// A product lives three times: itself and its copies at rental and delivery.
const ACTORS_PER_PRODUCT: u64 = 3;
const SETTLED_WITHIN: Duration = Duration::from_secs(120);

/// How much is measured.
struct Size {
    windows: usize,
    seconds: u64,
    products: u64,
}

/// One turn: the echo server, then resurgam.
struct Pair {
    echo: Window,
    resurgam: Window,
    /// Facts the slowest follower was behind when the load ended, and the time until none was.
    behind: f64,
    caught_up: Duration,
    /// Records the journal gained, the copies' included.
    records: f64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, answers] = &arguments[..]
        && mode == echo::MODE
    {
        return exit_code(echo::serve(Path::new(answers)).map(|()| true));
    }
    // `cargo test --benches` runs this too, without the flag: it is no test.
    if !arguments.iter().any(|argument| argument == "--bench") {
        say("a benchmark, run it with: cargo bench --bench edge");
        return ExitCode::SUCCESS;
    }
    exit_code(size(&arguments).and_then(|size| measured(&size)))
}

fn exit_code(outcome: Outcome<bool>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("edge: {error}");
            ExitCode::FAILURE
        }
    }
}

fn size(arguments: &[String]) -> Outcome<Size> {
    let number = |flag: &str, default: u64| -> Outcome<u64> {
        let Some(at) = arguments.iter().position(|argument| argument == flag) else { return Ok(default) };
        let value = arguments.get(at + 1).and_then(|value| value.parse().ok()).filter(|value| *value > 0);
        value.ok_or_else(|| format!("{flag} wants a number above 0").into())
    };
    let windows = number("--windows", 5)?.try_into()?;
    Ok(Size { windows, seconds: number("--seconds", 4)?, products: number("--products", 20_000)?.max(2) })
}

/// Measures everything; tells whether nothing failed.
fn measured(size: &Size) -> Outcome<bool> {
    load::check_installed()?;
    let dir = tempfile::tempdir()?;
    let resurgam = Resurgam::start(&dir.path().join("data"))?;
    say_actor_size(&resurgam, size.products)?;

    let answers = dir.path().join("answers");
    echo::record(resurgam.products(), &answers)?;
    let echo = Echo::start(&answers)?;
    echo::check_same(resurgam.products(), echo.address())?;

    let cores = std::thread::available_parallelism()?;
    say(&format!(
        "{} windows of {} s each in turns, wrk {}, {cores} cores\n",
        size.windows,
        size.seconds,
        load::CONCURRENCY.join(" "),
    ));
    say("                          resurgam/echo           resurgam                         echo");
    say("                          median (min .. max)      a second   p50 ms   p99 ms      a second   errors");
    let mut failures = 0;
    // Making products goes last: it alone changes how many live.
    for case in [Case::patch(size.products / 2), Case::get(size.products / 2), Case::post()] {
        let script = case.write_script(dir.path())?;
        pair(&case, &script, &echo, &resurgam, 1)?;
        let pairs: Vec<Pair> =
            (0..size.windows).map(|_| pair(&case, &script, &echo, &resurgam, size.seconds)).collect::<Outcome<_>>()?;
        failures += say_case(&case, &pairs);
    }
    failures += say_hot(dir.path(), &resurgam, size.seconds)?;
    failures += say_without_copies(dir.path(), &echo, &resurgam, size)?;
    Ok(failures == 0)
}

/// Changes products while nobody copies them: what one durable command costs. Last, as the copies only fall behind.
fn say_without_copies(dir: &Path, echo: &Echo, resurgam: &Resurgam, size: &Size) -> Outcome<u64> {
    resurgam.stop_copying()?;
    let case = Case::patch(size.products / 2);
    let script = case.write_script(dir)?;
    let (mut ratios, mut rates, mut errors) = (Vec::new(), Vec::new(), 0);
    for _ in 0..size.windows {
        let in_echo = load::run(&script, echo.address(), size.seconds)?;
        let in_resurgam = load::run(&script, resurgam.products(), size.seconds)?;
        ratios.push(in_resurgam.rate / in_echo.rate);
        rates.push(in_resurgam.rate);
        errors += in_echo.errors + in_resurgam.errors;
    }
    let (ratio, rate) = (Spread::of(ratios), Spread::of(rates));
    say(&format!(
        "PATCH, copies stopped: {:.2} ({:.2} .. {:.2}) of the echo, {:.0} a second, {errors} errors",
        ratio.median, ratio.min, ratio.max, rate.median
    ));
    Ok(errors)
}

/// One aggregate alone; its copies follow one fact after the other, so nobody waits for them here.
fn say_hot(dir: &Path, resurgam: &Resurgam, seconds: u64) -> Outcome<u64> {
    let case = Case::hot();
    let window = load::run(&case.write_script(dir)?, resurgam.products(), seconds)?;
    let behind = resurgam.followers_behind()?;
    say(&format!(
        "one hot product: {:.0} commands a second, p50 {:.2} ms, p99 {:.2} ms, {} errors; its copies {behind:.0} facts behind",
        window.rate, window.p50_ms, window.p99_ms, window.errors
    ));
    Ok(window.errors)
}

fn pair(case: &Case, script: &Path, echo: &Echo, resurgam: &Resurgam, seconds: u64) -> Outcome<Pair> {
    let in_echo = load::run(script, echo.address(), seconds)?;
    let before = resurgam.gauge("resurgam_journal_position")?;
    let in_resurgam = load::run(script, resurgam.products(), seconds)?;
    let behind = resurgam.followers_behind()?;
    let caught_up = resurgam.settle(SETTLED_WITHIN)?;
    let records = resurgam.gauge("resurgam_journal_position")? - before;
    let answered = in_resurgam.requests.saturating_sub(in_resurgam.errors);
    if case.writes && records < answered as f64 {
        return Err(format!("{}: {answered} answers, but only {records} new records in the journal", case.name).into());
    }
    Ok(Pair { echo: in_echo, resurgam: in_resurgam, behind, caught_up, records })
}

/// Prints a case and returns how many of its requests failed.
fn say_case(case: &Case, pairs: &[Pair]) -> u64 {
    let over = |figure: fn(&Pair) -> f64| Spread::of(pairs.iter().map(figure).collect());
    let ratio = over(|pair| pair.resurgam.rate / pair.echo.rate);
    let errors = pairs.iter().map(|pair| pair.resurgam.errors + pair.echo.errors).sum();
    say(&format!(
        "{:<25} {:>6.2} ({:.2} .. {:.2}) {:>15.0} {:>8.2} {:>8.2} {:>13.0} {:>8}",
        case.name,
        ratio.median,
        ratio.min,
        ratio.max,
        over(|pair| pair.resurgam.rate).median,
        over(|pair| pair.resurgam.p50_ms).median,
        over(|pair| pair.resurgam.p99_ms).median,
        over(|pair| pair.echo.rate).median,
        errors,
    ));
    if case.writes {
        say(&format!(
            "    {:.2} records a request; slowest follower at the end: {:.0} facts behind (at most {:.0}), none after {:.2} s (at most {:.2})",
            over(|pair| pair.records / (pair.resurgam.requests as f64).max(1.0)).median,
            over(|pair| pair.behind).median,
            over(|pair| pair.behind).max,
            over(|pair| pair.caught_up.as_secs_f64()).median,
            over(|pair| pair.caught_up.as_secs_f64()).max,
        ));
    }
    errors
}

/// Makes the products live and says what each actor added to the resident memory.
fn say_actor_size(resurgam: &Resurgam, products: u64) -> Outcome<()> {
    // The first one pays for what is made once.
    make_products(resurgam, 1)?;
    resurgam.settle(SETTLED_WITHIN)?;
    let (memory_before, live_before) = (resurgam.resident_bytes()?, resurgam.gauge("resurgam_actors_live")?);
    make_products(resurgam, products - 1)?;
    resurgam.settle(SETTLED_WITHIN)?;
    let (memory, live) = (resurgam.resident_bytes()?, resurgam.gauge("resurgam_actors_live")?);
    let actors = ((products - 1) * ACTORS_PER_PRODUCT) as f64;
    if live - live_before < actors {
        return Err(format!("{} actors live instead of {actors} more than {live_before}", live).into());
    }
    say(&format!(
        "bytes per live actor: {:.0} (resident {:.1} MB, {:.1} MB before {actors} actors; what the journal keeps of them is in it)",
        (memory as f64 - memory_before as f64) / actors,
        memory as f64 / 1e6,
        memory_before as f64 / 1e6,
    ));
    Ok(())
}

fn make_products(resurgam: &Resurgam, count: u64) -> Outcome<()> {
    let share = |maker: u64| count / MAKERS + u64::from(maker < count % MAKERS);
    let make = |count: u64| -> Outcome<()> {
        let mut client = Client::open(resurgam.products())?;
        for _ in 0..count {
            let answer = client.send("POST", "/products", load::POSTED)?;
            if answer.status != 201 {
                return Err(format!("POST /products was answered with {}", answer.status).into());
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let makers: Vec<_> = (0..MAKERS).map(|maker| scope.spawn(move || make(share(maker)))).collect();
        makers.into_iter().try_for_each(|maker| maker.join().expect("a maker does not panic"))
    })
}

/// The middle and the ends of some figures.
struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

impl Spread {
    /// There is at least one figure.
    fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let last = figures.len() - 1;
        Self {
            median: f64::midpoint(figures[last / 2], figures[figures.len() / 2]),
            min: figures[0],
            max: figures[last],
        }
    }
}
