//! Who calls whom: the edges of a map of services, under the names that Grafana's service graph reads, and for operators.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::metrics::{EDGE_FAILED, EDGE_REQUESTS, EDGE_SECONDS};
use super::series::Series;

/// How many looks are kept to tell a rate from; at one each five seconds somewhat more than five minutes.
const LOOKS_MAX: usize = 62;

/// The map of this process.
pub(super) static MAP: LazyLock<Map> = LazyLock::new(Map::default);

/// One end of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// The system; empty for who is outside of all.
    pub system: &'static str,
    /// The service, or `gateway`.
    pub service: &'static str,
}

impl Node {
    /// Clients, who are not ours.
    pub const USER: Self = Self { system: "", service: "user" };
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.system {
            "" => f.write_str(self.service),
            system => write!(f, "{system}/{}", self.service),
        }
    }
}

/// How one end reaches the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// A client's request.
    Request,
    /// A request that waits for its answer.
    Ask,
    /// A fact that a policy or view takes up.
    Fact,
}

impl By {
    /// Returns the word for operators.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Ask => "ask",
            Self::Fact => "fact",
        }
    }

    /// Returns the connection type of the service graph.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Request => "virtual_node",
            Self::Ask => "",
            Self::Fact => "messaging_system",
        }
    }
}

/// From whom to whom, and how.
type Ends = (Node, Node, By);

/// What went over an edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    requests: u64,
    failed: u64,
    took: Duration,
}

/// What went over an edge within a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// Who called.
    pub client: Node,
    /// Who was called.
    pub server: Node,
    /// How.
    pub by: By,
    /// Requests since the process began.
    pub requests: u64,
    /// Of them, those that failed.
    pub failed: u64,
    /// Requests a second within the while.
    pub rate: f64,
    /// The share of them that failed, if there were any.
    pub failed_ratio: Option<f64>,
    /// How long they took on average, if there were any.
    pub took: Option<Duration>,
}

#[derive(Debug)]
struct Recorder {
    requests: Counter,
    failed: Counter,
    took: Histogram,
    counts: Shared,
}

/// Counts that are read elsewhere.
type Shared = Arc<[AtomicU64; 3]>;

/// Every edge, and what had gone over each at the last looks.
#[derive(Debug, Default)]
pub(super) struct Map {
    recorders: Series<Ends, Recorder>,
    counts: Mutex<HashMap<Ends, Shared>>,
    looks: Mutex<VecDeque<(Instant, HashMap<Ends, Counts>)>>,
}

impl Map {
    fn called(&self, ends: Ends, failed: bool, took: Duration) {
        self.recorders.record(
            &ends,
            || self.recorder(ends),
            |recorder| {
                recorder.requests.increment(1);
                recorder.failed.increment(u64::from(failed));
                recorder.took.record(took);
                let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
                for (count, more) in recorder.counts.iter().zip([1, u64::from(failed), nanos]) {
                    count.fetch_add(more, Ordering::Relaxed);
                }
            },
        );
    }

    fn recorder(&self, ends: Ends) -> Recorder {
        let (client, server, by) = ends;
        let labels = [
            ("client", client.to_string()),
            ("server", server.to_string()),
            ("connection_type", by.label().to_owned()),
        ];
        let counts = Arc::clone(self.counts.lock().entry(ends).or_default());
        Recorder {
            requests: counter!(EDGE_REQUESTS, &labels),
            failed: counter!(EDGE_FAILED, &labels),
            took: histogram!(EDGE_SECONDS, &labels),
            counts,
        }
    }

    fn seen(&self) -> HashMap<Ends, Counts> {
        let read = |counts: &Shared| {
            let [requests, failed, nanos] = [0, 1, 2].map(|index: usize| counts[index].load(Ordering::Relaxed));
            Counts { requests, failed, took: Duration::from_nanos(nanos) }
        };
        self.counts.lock().iter().map(|(ends, counts)| (*ends, read(counts))).collect()
    }

    /// Remembers what has gone over each edge so far.
    pub(super) fn look(&self, now: Instant) {
        let seen = self.seen();
        let mut looks = self.looks.lock();
        looks.push_back((now, seen));
        if looks.len() > LOOKS_MAX {
            looks.pop_front();
        }
    }

    fn edges(&self, now: Instant, within: Duration) -> Vec<Edge> {
        let looks = self.looks.lock();
        // The newest look that is old enough, else the oldest there is.
        let old_enough = |look: &&(Instant, HashMap<Ends, Counts>)| now.duration_since(look.0) >= within;
        let before = looks.iter().rev().find(old_enough).or_else(|| looks.front());
        let mut edges: Vec<Edge> = self
            .seen()
            .into_iter()
            .map(|((client, server, by), counts)| {
                let first = before.and_then(|(_, seen)| seen.get(&(client, server, by))).copied().unwrap_or_default();
                let requests = counts.requests - first.requests;
                let since = before.map_or(within, |(at, _)| now.duration_since(*at)).max(Duration::from_millis(1));
                let of = |share: f64| (requests > 0).then_some(share / requests as f64);
                Edge {
                    client,
                    server,
                    by,
                    requests: counts.requests,
                    failed: counts.failed,
                    rate: requests as f64 / since.as_secs_f64(),
                    failed_ratio: of((counts.failed - first.failed) as f64),
                    took: of((counts.took.saturating_sub(first.took)).as_secs_f64()).map(Duration::from_secs_f64),
                }
            })
            .collect();
        edges.sort_by_key(|edge| (edge.client, edge.server, edge.by));
        edges
    }
}

/// Counts what went from one end to another, and how long it took.
pub fn called(client: Node, server: Node, by: By, failed: bool, took: Duration) {
    MAP.called((client, server, by), failed, took);
}

/// Returns every edge with what went over it within a while; a shorter one right after the start.
#[must_use]
pub fn edges(now: Instant, within: Duration) -> Vec<Edge> {
    MAP.edges(now, within)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const DOOR: Node = Node { system: "s", service: "gateway" };

    #[tokio::test(start_paused = true)]
    async fn an_edge_tells_all_that_went_over_it_and_the_rate_errors_and_time_of_the_last_while() {
        let map = Map::default();
        let ends = (Node::USER, DOOR, By::Request);
        map.look(Instant::now());
        (0..30).for_each(|_| map.called(ends, true, SECOND));
        tokio::time::advance(10 * SECOND).await;
        map.look(Instant::now());
        (0..20).for_each(|turn| map.called(ends, turn < 5, 2 * SECOND));
        tokio::time::advance(10 * SECOND).await;
        let edge = |within| map.edges(Instant::now(), within)[0];
        let last = edge(10 * SECOND);
        assert_eq!((last.client, last.server, last.by), ends);
        assert_eq!((last.requests, last.failed, last.rate), (50, 35, 2.0));
        assert_eq!((last.failed_ratio, last.took), (Some(0.25), Some(2 * SECOND)));
        let both = edge(20 * SECOND);
        assert_eq!((both.rate, both.failed_ratio), (2.5, Some(0.7)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_edge_has_no_share_of_failures_and_a_young_process_tells_of_a_shorter_while() {
        let map = Map::default();
        map.called((DOOR, DOOR, By::Fact), false, SECOND);
        map.look(Instant::now());
        tokio::time::advance(2 * SECOND).await;
        let edge = map.edges(Instant::now(), 60 * SECOND)[0];
        assert_eq!((edge.requests, edge.rate, edge.failed_ratio, edge.took), (1, 0.0, None, None));
    }

    #[test]
    fn looks_are_bounded_and_nodes_are_named_as_services_are() {
        let map = Map::default();
        let clock = crate::clock::Clock::manual(0, 1);
        (0..2 * LOOKS_MAX).for_each(|_| map.look(clock.now()));
        assert_eq!(map.looks.lock().len(), LOOKS_MAX);
        assert_eq!((Node::USER.to_string(), DOOR.to_string()), ("user".to_owned(), "s/gateway".to_owned()));
    }
}
