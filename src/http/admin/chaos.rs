//! The levers of chaos: kill, panic, and what is wrong with the disk. Each stands in the log before it is pulled.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::malformed;
use super::levers::{Wish, wish};
use super::operator::{Admin, answer};
use super::target;
use crate::actors::chaos::Point;
use crate::actors::chaos::panics::{PANIC_TARGETS_MAX, PANICS_MAX, WaitingPanics};
use crate::actors::chaos::victims::{Victim, What, chosen};
use crate::domain::{Refusal, Stream};
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::journal::{DiskFault, DiskFaultFor};
use crate::resilience::faults::parse_duration;

/// How many parts one request may kill.
const KILLS_MAX: usize = 10_000;

/// The most of a kill's victims that its note in the log names; of more it tells how many.
const NAMED_MAX: usize = 100;

/// What is to be killed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kill {
    target: Option<String>,
    what: Option<Vec<String>>,
    count: Option<usize>,
    seed: Option<u64>,
    #[serde(default)]
    reason: String,
}

/// What is to panic.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Panic {
    #[serde(default)]
    target: String,
    at: Option<String>,
    count: Option<u32>,
    #[serde(default)]
    reason: String,
}

/// What is to be wrong with the disk.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Disk {
    stall: Option<String>,
    fail: Option<String>,
    #[serde(rename = "for")]
    lasts: Option<String>,
    #[serde(default)]
    reason: String,
}

/// How long it shall go on; what would go on for ever is refused.
pub(super) fn lasting(lasts: Option<&str>) -> Result<Duration, Problem> {
    duration("for", lasts.ok_or_else(|| malformed("for is missing: how long, as in \"60s\""))?)
}

/// Which sorts of parts are meant, if it is said.
pub(super) fn sorts(names: Option<&[String]>) -> Result<Option<Vec<What>>, Problem> {
    let known = |name: &String| {
        let all = What::ALL.map(What::name).join(", ");
        What::named(name).ok_or_else(|| malformed(format!("what names {name:?}; there are: {all}")))
    };
    names.map(|names| names.iter().map(known).collect()).transpose()
}

impl Admin {
    /// Pulls a lever.
    pub(super) async fn pull(&self, request: &Request, lever: &str) -> Result<Answer, Problem> {
        self.chaos_is_on()?;
        match lever {
            "kill" => self.kill(request, &wish(&request.body)?).await,
            "panic" => self.panic(request, &wish(&request.body)?).await,
            "disk" => self.disturb(request, &wish(&request.body)?).await,
            "monkey" => self.unleash(request, &wish(&request.body)?).await,
            _ => Err(Problem::NoSuchAddress),
        }
    }

    /// Lets a lever go before its time.
    pub(super) async fn let_go(&self, request: &Request, lever: &str) -> Result<Answer, Problem> {
        self.chaos_is_on()?;
        let wish: Wish = wish(&request.body)?;
        match lever {
            "monkey" => return self.stop_monkey(request, &wish).await,
            "panic" => return self.take_panics_back(request, &wish).await,
            _ => {}
        }
        let was = self.edge.journal.disk_fault().ok_or(Problem::NoSuchAddress)?;
        self.edge.audit(request, wish.reason(), "mend", "disk").await?;
        // It may be over meanwhile, which is what was wanted.
        let was = self.edge.journal.mend_disk().unwrap_or(was);
        Ok(answer(&self.shown_disk(&was)))
    }

    /// Kills; whom stands in the log before.
    async fn kill(&self, request: &Request, wish: &Kill) -> Result<Answer, Problem> {
        let missing = || malformed("target is missing: a part's name, its beginning, or \"*\"");
        let (target, of) = (wish.target.as_deref().ok_or_else(missing)?, sorts(wish.what.as_deref())?);
        let count = match wish.count.unwrap_or(KILLS_MAX) {
            count if (1..=KILLS_MAX).contains(&count) => count,
            _ => return Err(malformed(format!("count is from 1 to {KILLS_MAX}"))),
        };
        // A seed of its own is shown, so it has as many bits as every reader of JSON keeps.
        let seed = wish.seed.unwrap_or_else(|| self.edge.clock.random() >> 11);
        let chosen = chosen(self.meant(target, of.as_deref()), count, seed);
        let names: Vec<_> = chosen.iter().map(|victim| victim.name.to_string()).collect();
        let named = names.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = names.len().saturating_sub(NAMED_MAX);
        let action = format!("kill {} (seed {seed}): {named}", names.len());
        let action = if more > 0 { format!("{action} and {more} more") } else { action };
        self.edge.audit(request, &wish.reason, &action, target).await?;
        self.edge.runtime.kill_these(&chosen);
        let mut told = json!({ "killed": names, "seed": seed });
        if chosen.iter().any(|victim| !victim.what.is_survived()) {
            told["then"] = json!("the process ends with exit code 70");
        }
        Ok(answer(&told))
    }

    /// Lists the living parts a target covers: of the sorts that are named; else the one part of that name, or aggregates.
    fn meant(&self, target: &str, of: Option<&[What]>) -> Vec<Victim> {
        let runtime = &self.edge.runtime;
        if let Some(of) = of {
            return runtime.victims(of, &|name| target::covers_part(target, name));
        }
        let named = runtime.victims(&What::ALL[1..], &|name| name.to_string() == target);
        match named.is_empty() {
            true => runtime.victims(&[What::Aggregates], &|name| target::covers_part(target, name)),
            false => named,
        }
    }

    /// Has the next handlings of what a target covers panic; none of it need live now.
    async fn panic(&self, request: &Request, wish: &Panic) -> Result<Answer, Problem> {
        let times = match wish.count.unwrap_or(1) {
            times if (1..=PANICS_MAX).contains(&times) => times,
            _ => return Err(malformed(format!("count is from 1 to {PANICS_MAX}"))),
        };
        let (target, runtime) = (wish.target.as_str(), &self.edge.runtime);
        let (at, named) = match wish.at.as_deref() {
            Some("decide") | None => (Point::Decide, self.panicking(target)?),
            Some("evolve") => (Point::Evolve, self.panicking(target)?),
            Some("react") => (Point::React, self.follower(target, What::Policies)?),
            Some("apply") => (Point::Apply, self.follower(target, What::Views)?),
            Some(other) => {
                return Err(malformed(format!("at {other:?}: one of decide, evolve, react, apply")));
            }
        };
        let action = match times {
            1 => format!("panic at {}", at.name()),
            times => format!("panic at {}, {times} times", at.name()),
        };
        self.edge.audit(request, &wish.reason, &action, &named).await?;
        let covering = named.to_string();
        let has_room = match at {
            Point::Decide | Point::Evolve => {
                runtime.panic_among(&named, move |stream| target::covers(&covering, stream), at, times)
            }
            Point::React | Point::Apply => runtime.panic_in(&named, times),
        };
        match has_room {
            true => Ok(answer(&json!({ "target": &*named, "at": at.name(), "times": times }))),
            false => {
                let full =
                    format!("panics wait at {PANIC_TARGETS_MAX} targets already; DELETE /chaos/panic takes them back");
                Err(Refusal::rule("panics-full", &full).into())
            }
        }
    }

    /// Returns a target that covers a kind or names an aggregate there is.
    fn panicking(&self, target: &str) -> Result<Arc<str>, Problem> {
        let is_there = |stream: Stream| self.edge.journal.ids().knows(stream.kind, stream.id);
        let mut kinds = self.edge.runtime.kinds();
        if kinds.any(|kind| target::covers_kind(target, kind)) {
            return Ok(target.into());
        }
        // In its own spelling: `03` is 3.
        let named = self.stream(target).filter(|stream| is_there(*stream));
        named.map(|stream| stream.to_string().into()).ok_or(Problem::NoSuchAddress)
    }

    /// Finds a follower: it is named whole, or policies by their service and a view by its kind.
    fn follower(&self, target: &str, what: What) -> Result<Arc<str>, Problem> {
        let stem = if what == What::Views { format!("{target}@") } else { format!("{target}/policies") };
        let is_meant = |name: &str| name == target || name.strip_prefix(&*stem).is_some_and(|rest| !rest.contains('/'));
        let known = self.edge.runtime.follower_names(what);
        known.into_iter().find(|name| is_meant(name)).ok_or(Problem::NoSuchAddress)
    }

    /// Shows the panics that wait.
    pub(super) fn panics(&self) -> Value {
        shown_panics(&self.edge.runtime.waiting_panics())
    }

    async fn take_panics_back(&self, request: &Request, wish: &Wish) -> Result<Answer, Problem> {
        self.edge.audit(request, wish.reason(), "take back", "panics").await?;
        Ok(answer(&shown_panics(&self.edge.runtime.take_panics_back())))
    }

    async fn disturb(&self, request: &Request, wish: &Disk) -> Result<Answer, Problem> {
        let fault = match (wish.stall.as_deref(), wish.fail.as_deref()) {
            (Some(stall), None) => DiskFault::Stall(duration("stall", stall)?),
            (None, Some("write")) => DiskFault::FailWrite,
            (None, Some("sync")) => DiskFault::FailSync,
            (_, Some(other)) if wish.stall.is_none() => {
                return Err(malformed(format!("fail {other:?}: one of write, sync")));
            }
            (Some(_) | None, _) => return Err(malformed("one of stall, as in \"200ms\", and fail, write or sync")),
        };
        let lasts = lasting(wish.lasts.as_deref())?;
        fault.check(lasts).map_err(malformed)?;
        self.edge.audit(request, &wish.reason, &format!("disk: {fault:?} for {lasts:?}"), "disk").await?;
        let wrong = self.edge.journal.disturb_disk(fault, lasts).map_err(malformed)?;
        Ok(answer(&self.shown_disk(&wrong)))
    }

    /// Shows what is wrong with the disk.
    pub(super) fn disk(&self) -> Value {
        self.edge.journal.disk_fault().map_or_else(|| json!({ "fault": null }), |wrong| self.shown_disk(&wrong))
    }

    fn shown_disk(&self, wrong: &DiskFaultFor) -> Value {
        let remaining = wrong.until.saturating_duration_since(self.edge.clock.now()).as_secs_f64();
        let (fault, then) = match wrong.fault {
            DiskFault::Stall(stall) => {
                (json!({ "stallSeconds": stall.as_secs_f64() }), "every write takes so much longer")
            }
            DiskFault::FailWrite => (json!({ "fail": "write" }), FINAL),
            DiskFault::FailSync => (json!({ "fail": "sync" }), FINAL),
        };
        json!({ "fault": fault, "remainingSeconds": remaining, "writes": wrong.writes, "then": then })
    }
}

fn shown_panics(panics: &[WaitingPanics]) -> Value {
    let shown = panics
        .iter()
        .map(|WaitingPanics { target, at, left }| json!({ "target": &**target, "at": at.name(), "left": left }));
    json!({ "panics": shown.collect::<Value>() })
}

const FINAL: &str = "the next one fails, and from then on nothing is written until the process is started again";

pub(super) fn duration(name: &str, text: &str) -> Result<Duration, Problem> {
    let wanted = || malformed(format!("{name} is a duration, as in \"250ms\", \"60s\", \"5m\" or \"1h\""));
    parse_duration(text).ok_or_else(wanted)
}
