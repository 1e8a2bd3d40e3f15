//! Random requests by the hundred thousand, to every collection of every system and to the paths written by hand: no
//! defect, no panic, no growth, every answer well-formed, and afterwards everything is there and stays so.
//!
//! `RESURGAM_FUZZ_REQUESTS` sets how many, `RESURGAM_SEED` repeats them (their order over the threads is the machine's).

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::thread;
use std::time::Duration;

use crate::bad_input::raw::Raw;
use crate::campaign::{alone, seed, setting};
use crate::client::{Answer, Request};
use crate::offer::collections;
use crate::services::ALL;
use crate::support::{Server, now};

use self::grammar::{Grammar, Kind, MARK, Sentence};

mod grammar;
mod mistakes;
mod requests;
mod verdict;

const THREADS: u64 = 16;
const REQUESTS: u64 = 100_000;
/// After one of so many parts of the requests whatever grows to its size has grown.
const PARTS: u64 = 5;
/// What the memory may still grow after that: the values that wait for the store (64 MiB), the store's cache, and twice as
/// much again for what sled knows of its pages.
const MEMORY_GROWTH_MAX_KIB: u64 = (64 + 3 * CACHE_MIB) * 1024;
const CACHE_MIB: u64 = 16;
/// Statuses that are rare at an address come late, and each brings its histogram; every other label must be known.
const SERIES_GROWTH_MAX_PERCENT: usize = 100;
/// Followers and a start get this long.
const REST: Duration = Duration::from_secs(60);
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Faults a thread reports before it gives up.
const FAULTS_MAX: usize = 5;

/// One thread of the fuzzer: its sentences, its connections, and what it was told.
struct Fuzzer {
    grammar: Grammar,
    doors: BTreeMap<&'static str, Raw>,
    statuses: BTreeMap<u16, u64>,
    faults: Vec<String>,
    hung_up: u64,
}

impl Fuzzer {
    fn new(seed: u64) -> Fuzzer {
        let (doors, statuses) = (BTreeMap::new(), BTreeMap::new());
        Fuzzer { grammar: Grammar::new(seed), doors, statuses, faults: Vec::new(), hung_up: 0 }
    }

    fn say(&mut self, server: &Server, count: u64) {
        for _ in 0..count {
            let sentence = self.grammar.sentence();
            let fault = match sentence.kind {
                Kind::Garbage => self.throw(server, &sentence),
                Kind::Valid | Kind::Near => self.ask(server, &sentence),
            };
            if let Err(fault) = fault {
                self.faults.push(format!("{fault}\n{}", String::from_utf8_lossy(&sentence.bytes)));
                if self.faults.len() >= FAULTS_MAX {
                    return;
                }
            }
        }
    }

    /// Sends a request that has an end on a connection that goes on, and judges its answer.
    fn ask(&mut self, server: &Server, sentence: &Sentence) -> Result<(), String> {
        let mut raw = self.doors.remove(sentence.door).unwrap_or_else(|| Raw::open(server.addr(sentence.door)));
        raw.send(&sentence.bytes);
        let answer = raw.answer(&sentence.method).map_err(|error| format!("no answer: {error}"))?;
        self.judge(&answer, sentence)?;
        if answer.members("connection").iter().any(|member| member.eq_ignore_ascii_case("close")) {
            self.hung_up += 1;
        } else {
            self.doors.insert(sentence.door, raw);
        }
        Ok(())
    }

    /// Sends what may have no end, and hears whatever comes of it to the end.
    fn throw(&mut self, server: &Server, sentence: &Sentence) -> Result<(), String> {
        let mut raw = Raw::open(server.addr(sentence.door));
        raw.send(&sentence.bytes);
        raw.half_close();
        let told = raw.rest()?;
        self.hung_up += 1;
        for line in told.split("HTTP/1.").skip(1) {
            let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
            *self.statuses.entry(status).or_default() += 1;
            if status >= 500 && ![503, 504].contains(&status) {
                return Err(format!("status {status}: {line}"));
            }
        }
        Ok(())
    }

    fn judge(&mut self, answer: &Answer, sentence: &Sentence) -> Result<(), String> {
        *self.statuses.entry(answer.status).or_default() += 1;
        let faults = verdict::faults(answer, sentence);
        match faults.is_empty() {
            true => Ok(()),
            false => {
                Err(format!("{}\nstatus {} {:?}\n{}", faults.join("; "), answer.status, answer.headers, answer.text()))
            }
        }
    }
}

/// What must not grow with the number of requests.
struct Size {
    memory_kib: u64,
    series: usize,
    labels: BTreeSet<String>,
}

impl Size {
    fn of(server: &Server) -> Size {
        let metrics = server.metrics();
        let labels = metrics.iter().flat_map(|line| labels(line)).collect();
        Size { memory_kib: server.memory_kib(), series: metrics.len(), labels }
    }

    /// Whether a label has no word but those known by then and those of the offer, of which there are so many and no more.
    fn is_made_of_known(&self, label: &str) -> bool {
        let known: BTreeSet<&str> = self.labels.iter().flat_map(|label| words(label)).collect();
        let offered = |word: &str| {
            collections().any(|of| {
                [of.service, of.path, of.item].contains(&word) || of.system.split('-').any(|part| part == word)
            })
        };
        words(label).all(|word| known.contains(word) || offered(word) || ["{id}", "history"].contains(&word))
    }

    fn faults_since(&self, warm: &Size) -> Vec<String> {
        let mut faults: Vec<String> = self
            .labels
            .difference(&warm.labels)
            .filter(|label| !warm.is_made_of_known(label))
            .map(|label| format!("a new label {label}"))
            .collect();
        if self.memory_kib > warm.memory_kib + MEMORY_GROWTH_MAX_KIB {
            faults.push(format!("memory grew from {} to {} KiB", warm.memory_kib, self.memory_kib));
        }
        if self.series > warm.series + warm.series * SERIES_GROWTH_MAX_PERCENT / 100 {
            faults.push(format!("series grew from {} to {}", warm.series, self.series));
        }
        faults
    }
}

/// The words of a label: its name, and the parts of a path or a kind.
fn words(label: &str) -> impl Iterator<Item = &str> {
    label.split(['=', '"', '/', '-']).filter(|word| !word.is_empty())
}

/// The labels of a line of metrics and their values, but for those that tell outcomes and bounds of buckets.
fn labels(line: &str) -> Vec<String> {
    let inside = line.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}')).map_or("", |(labels, _)| labels);
    let outcome =
        |label: &&str| ["status=", "reason=", "why=", "completion=", "le="].iter().any(|name| label.starts_with(name));
    inside.split("\",").filter(|label| !label.is_empty() && !outcome(label)).map(str::to_owned).collect()
}

#[test]
fn whatever_is_asked_nothing_breaks_and_nothing_grows() {
    let _machine = alone();
    let seed = seed();
    let requests = setting("RESURGAM_FUZZ_REQUESTS", REQUESTS);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let cache = format!("journal.cache_bytes={}", CACHE_MIB << 20);
    let mut server = Server::serving(ALL, dir.path(), &["--set", "actors.live_max=1000", "--set", &cache]);
    let mut fuzzers: Vec<Fuzzer> = (0..THREADS).map(|number| Fuzzer::new(seed ^ (number << 32))).collect();

    let started = now();
    let sizes: Vec<Size> = (0..PARTS)
        .map(|_| {
            round(&mut fuzzers, &server, requests.div_ceil(PARTS * THREADS));
            Size::of(&server)
        })
        .collect();
    let seconds = started.elapsed().as_secs_f64();
    let mut statuses: BTreeMap<u16, u64> = BTreeMap::new();
    fuzzers.iter().flat_map(|fuzzer| &fuzzer.statuses).for_each(|(status, count)| {
        *statuses.entry(*status).or_default() += count;
    });
    let hung_up: u64 = fuzzers.iter().map(|fuzzer| fuzzer.hung_up).sum();
    let mut faults: Vec<String> = fuzzers.into_iter().flat_map(|fuzzer| fuzzer.faults).collect();
    faults.extend(server.wounds(&["503", "504"]));
    faults.extend(server.metrics().into_iter().filter(|line| line.to_lowercase().contains(MARK)));
    let walked = rested(&server);
    server.kill9();
    server.restart_within(START_TIMEOUT);
    let after = rested(&server);
    faults.extend(
        walked
            .iter()
            .filter(|(path, _)| after.get(*path) != walked.get(*path))
            .map(|(path, shown)| format!("{path} showed {shown:?} and shows {:?} after a kill", after.get(path))),
    );
    let (first, last) = (&sizes[0], &sizes[sizes.len() - 1]);
    faults.extend(last.faults_since(first));
    let items: u64 = walked.values().map(|(count, _)| count).sum();
    eprintln!(
        "== fuzz: {requests} requests of {} collections in {seconds:.1} s, {hung_up} connections ended; memory {:?} MiB and series {:?} \
         after each of {PARTS} parts; {items} items walked; answers {statuses:?}",
        walked.len(),
        sizes.iter().map(|size| size.memory_kib / 1024).collect::<Vec<_>>(),
        sizes.iter().map(|size| size.series).collect::<Vec<_>>(),
    );
    assert!(faults.is_empty(), "RESURGAM_SEED={seed}: {} faults\n{}", faults.len(), faults.join("\n"));
}

/// Reads everything once nobody is behind any more.
fn rested(server: &Server) -> BTreeMap<String, (u64, u64)> {
    server.comes_to_rest(REST);
    walk(server)
}

fn round(fuzzers: &mut [Fuzzer], server: &Server, each: u64) {
    thread::scope(|scope| {
        for fuzzer in fuzzers {
            scope.spawn(move || fuzzer.say(server, each));
        }
    });
}

/// Reads every item of every collection by its pages; says how many each has, and a digest of what they show.
fn walk(server: &Server) -> BTreeMap<String, (u64, u64)> {
    let mut client = server.client("gateway");
    let walked = collections().map(|of| {
        let path = format!("/{}/services/{}/{}", of.system, of.service, of.path);
        let mut next = Some(format!("{path}?size=1000"));
        let (mut seen, mut total, mut digest) = (0, 0, DefaultHasher::new());
        while let Some(path) = next {
            let answer = client.send(&Request::get(&path));
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            let page = answer.json();
            page["_embedded"].to_string().hash(&mut digest);
            seen += page["_embedded"][of.path].as_array().map_or(0, Vec::len) as u64;
            total = page["page"]["totalElements"].as_u64().unwrap_or(seen);
            let href = page["_links"]["next"]["href"].as_str();
            next = href.and_then(|href| href.split_once("://")?.1.split_once('/')).map(|(_, path)| format!("/{path}"));
        }
        assert_eq!(seen, total, "{path}");
        (path, (seen, digest.finish()))
    });
    walked.collect()
}
