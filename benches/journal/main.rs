//! What the journal adds to a sync: commits of 64 writers against a raw append and `fdatasync` of the same bytes by the
//! same number of writers, in turns on the same disk.
//!
//! `cargo bench --bench journal [-- SECONDS]`; benches/README.md says what is measured.

/// The server's own allocator.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use resurgam::app::say;
use resurgam::clock::Clock;
use resurgam::domain::system::AnyState;
use resurgam::domain::{AnyEvent, Catalogue, Held, Stream};
use resurgam::journal::disk::{DiskEngine, DiskOptions};
use resurgam::journal::{Append, CommandMeta, Facts, Journal, JournalOptions, Origin, Record, codec};
use resurgam::systems;
use resurgam::telemetry::traces::Tracer;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const WRITERS: u64 = 64;
const WINDOWS: usize = 5;
/// The size of the raw file, in bytes; it is written again from its beginning.
const PREPARED_BYTES: usize = 256 * 1024 * 1024;
const OPTIONS: DiskOptions = DiskOptions { segment_bytes: 64 * 1024 * 1024, readers: 2, cache_bytes: 64 * 1024 * 1024 };

/// What one window counted: commits a second, and how long the median one took.
struct Window {
    rate: f64,
    p50: Duration,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        say("a benchmark, run it with: cargo bench --bench journal");
        return ExitCode::SUCCESS;
    }
    let seconds = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(2);
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match threads.map_err(Into::into).and_then(|threads| threads.block_on(measured(Duration::from_secs(seconds)))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("journal: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measured(window: Duration) -> Outcome<()> {
    let dir = tempfile::tempdir()?;
    let clock = Clock::system();
    let sync = median((0..500).map(|_| sync_once(dir.path(), &clock)).collect::<Outcome<_>>()?);
    let catalogue = Arc::new(Catalogue::of(&systems::all()));
    let (engine, _) = DiskEngine::open(&dir.path().join("data"), catalogue.shapes(), OPTIONS, &clock)?;
    let options = JournalOptions { recent_for: Duration::from_secs(10), free_bytes_min: 0, tracer: Tracer::default() };
    let journal = Journal::open(Arc::new(engine), Arc::clone(&catalogue), clock.clone(), options).await?;
    let mut writers: Vec<Writer> = (1..=WRITERS).map(|id| Writer::new(&journal, &catalogue, &clock, id)).collect();
    let bytes = writers[0].record_bytes();
    let mut raw = Raw::start(&dir.path().join("raw"), bytes)?;

    commits(&mut writers, &clock, window / 4).await?;
    let mut windows = Vec::with_capacity(WINDOWS);
    for _ in 0..WINDOWS {
        let in_raw = raw.window(&clock, window).await?;
        windows.push((in_raw, commits(&mut writers, &clock, window).await?));
    }
    let mut ratios: Vec<f64> = windows.iter().map(|(raw, journal)| journal.rate / raw.rate).collect();
    ratios.sort_by(f64::total_cmp);
    let rates = |of: fn(&(Window, Window)) -> f64| {
        let mut rates: Vec<f64> = windows.iter().map(of).collect();
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    };
    let p50 = median(windows.iter().map(|(_, journal)| journal.p50).collect());
    say(&format!(
        "{WRITERS} writers, records of {bytes} bytes, {WINDOWS} windows of {} s each in turns\n\
         commits a second: journal {:.0}, raw append and fdatasync {:.0}; ratio {:.2} ({:.2} .. {:.2})\n\
         one fdatasync alone: {:.0} µs; a commit's p50 {:.0} µs, {:.1} times that",
        window.as_secs_f64(),
        rates(|(_, journal)| journal.rate),
        rates(|(raw, _)| raw.rate),
        ratios[ratios.len() / 2],
        ratios[0],
        ratios[ratios.len() - 1],
        micros(sync),
        micros(p50),
        p50.as_secs_f64() / sync.as_secs_f64(),
    ));
    journal.close().await;
    Ok(())
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn sync_once(dir: &Path, clock: &Clock) -> Outcome<Duration> {
    let mut file = OpenOptions::new().create(true).append(true).open(dir.join("sync"))?;
    file.write_all(&[1; 4096])?;
    let started = clock.now();
    file.sync_data()?;
    Ok(clock.now() - started)
}

/// One aggregate that changes as fast as it is answered.
struct Writer {
    journal: Journal,
    clock: Clock,
    stream: Stream,
    generation: u64,
    version: u64,
    event: Arc<dyn AnyEvent>,
    state: Arc<dyn AnyState>,
}

impl Writer {
    fn new(journal: &Journal, catalogue: &Catalogue, clock: &Clock, id: u64) -> Self {
        let spec = catalogue.aggregate("oa-rental/product/product").expect("a product is in the catalogue");
        let saved = serde_json::json!({ "id": id, "name": "computer", "qty": 9 });
        let mut saved = <dyn erased_serde::Deserializer<'_>>::erase(saved);
        Self {
            journal: journal.clone(),
            clock: clock.clone(),
            stream: Stream::new(spec.kind, id),
            generation: journal.next_generation(),
            version: 0,
            event: (spec.decode_event)("ProductSaved", 1, &mut saved).expect("a product's fact"),
            state: (spec.initial)(),
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            stream: self.stream,
            first_version: self.version + 1,
            public_before: self.version,
            time_ms: self.clock.wall_ms(),
            command: CommandMeta {
                id: self.clock.id(),
                origin: Origin::Edge,
                fingerprint: 0,
                causation: 0,
                correlation: Arc::from("a benchmark's story, as long as any"),
                trace: None,
            },
            open: false,
            events: vec![self.event.clone()],
        }
    }

    fn record_bytes(&self) -> usize {
        let mut bytes = Vec::new();
        codec::encode_record(&Record::Facts(self.facts()), &mut bytes);
        bytes.len()
    }

    async fn commit(&mut self) -> Outcome<Duration> {
        let started = self.clock.now();
        let facts = self.facts();
        self.state = self.state.evolved(&facts.events);
        let (port, committed) = oneshot::channel();
        let after: Arc<dyn Held> = Arc::clone(&self.state) as Arc<dyn Held>;
        self.journal.room()?.append(Append {
            stream: self.stream,
            generation: self.generation,
            expects: self.version,
            records: vec![Record::Facts(facts)],
            after: Some(after),
            // Whoever waits lives as long as the window.
            release: Box::new(move |_| port.send(()).unwrap_or_default()),
        });
        committed.await?;
        self.version += 1;
        Ok(self.clock.now() - started)
    }
}

async fn commits(writers: &mut Vec<Writer>, clock: &Clock, window: Duration) -> Outcome<Window> {
    let (started, mut running) = (clock.now(), JoinSet::new());
    for mut writer in writers.drain(..) {
        running.spawn(async move {
            let (end, mut times) = (started + window, Vec::new());
            while writer.clock.now() < end {
                times.push(writer.commit().await?);
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((writer, times))
        });
    }
    let mut times = Vec::new();
    while let Some(ended) = running.join_next().await {
        let (writer, of_one) = ended??;
        writers.push(writer);
        times.extend(of_one);
    }
    Ok(counted(times, clock.now() - started))
}

fn counted(times: Vec<Duration>, took: Duration) -> Window {
    Window { rate: times.len() as f64 / took.as_secs_f64(), p50: median(times) }
}

/// A thread that writes what has arrived and syncs once: nothing else.
struct Raw {
    inbox: mpsc::Sender<oneshot::Sender<()>>,
}

impl Raw {
    fn start(path: &Path, bytes: usize) -> Outcome<Self> {
        let mut file = prepared(path)?;
        let (inbox, arrived) = mpsc::channel::<oneshot::Sender<()>>();
        std::thread::Builder::new().name("raw".to_owned()).spawn(move || {
            let mut written = 0;
            while let Ok(first) = arrived.recv() {
                let ports: Vec<_> = std::iter::once(first).chain(arrived.try_iter()).collect();
                written += bytes * ports.len();
                if written > PREPARED_BYTES {
                    written = bytes * ports.len();
                    if file.seek(SeekFrom::Start(0)).is_err() {
                        return;
                    }
                }
                if file.write_all(&vec![7; bytes * ports.len()]).and_then(|()| file.sync_data()).is_err() {
                    return;
                }
                ports.into_iter().for_each(|port| port.send(()).unwrap_or_default());
            }
        })?;
        Ok(Self { inbox })
    }

    async fn window(&mut self, clock: &Clock, window: Duration) -> Outcome<Window> {
        let (started, mut running) = (clock.now(), JoinSet::new());
        for _ in 0..WRITERS {
            let (inbox, clock, end) = (self.inbox.clone(), clock.clone(), started + window);
            running.spawn(async move {
                let mut times = Vec::new();
                while clock.now() < end {
                    let begun: Instant = clock.now();
                    let (port, written) = oneshot::channel();
                    inbox.send(port)?;
                    written.await?;
                    times.push(clock.now() - begun);
                }
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(times)
            });
        }
        let mut times = Vec::new();
        while let Some(ended) = running.join_next().await {
            times.extend(ended??);
        }
        Ok(counted(times, clock.now() - started))
    }
}

/// A file of written zeros, as the log's segments are: its size need not change with each sync.
fn prepared(path: &Path) -> Outcome<File> {
    let mut file = File::create(path)?;
    let zeros = vec![0; 1024 * 1024];
    for _ in 0..PREPARED_BYTES / zeros.len() {
        file.write_all(&zeros)?;
    }
    file.sync_all()?;
    Ok(OpenOptions::new().write(true).open(path)?)
}
