//! The levers of chaos: kill, panic, and what is wrong with the disk. Each stands in the log before it is pulled.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::malformed;
use super::operator::{Admin, answer};
use super::target;
use crate::actors::chaos::Point;
use crate::actors::chaos::panics::PANICS_MAX;
use crate::actors::chaos::victims::{Victim, What};
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::journal::{DiskFault, DiskFaultFor};
use crate::resilience::faults::parse_duration;

/// How many parts one request may kill.
const KILLS_MAX: usize = 10_000;

/// What an operator sends along.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    pub(super) target: Option<String>,
    what: Option<Vec<String>>,
    count: Option<usize>,
    pub(super) seed: Option<u64>,
    at: Option<String>,
    pub(super) rate: Option<String>,
    stall: Option<String>,
    fail: Option<String>,
    #[serde(rename = "for")]
    lasts: Option<String>,
    reason: Option<String>,
}

impl Wish {
    fn read(body: &[u8]) -> Result<Self, Problem> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        serde_json::from_slice(body).map_err(malformed)
    }

    pub(super) fn reason(&self) -> &str {
        self.reason.as_deref().unwrap_or_default()
    }

    pub(super) fn target(&self) -> &str {
        self.target.as_deref().unwrap_or("*")
    }

    /// How long it shall go on; what would go on for ever is refused.
    pub(super) fn lasts(&self) -> Result<Duration, Problem> {
        let lasts = self.lasts.as_deref().ok_or_else(|| malformed("for is missing: how long, as in \"60s\""))?;
        duration("for", lasts)
    }

    /// Which sorts of parts are meant, if it says so.
    pub(super) fn of(&self) -> Result<Option<Vec<What>>, Problem> {
        let Some(names) = &self.what else { return Ok(None) };
        let known = |name: &String| {
            let all = What::ALL.map(What::name).join(", ");
            What::named(name).ok_or_else(|| malformed(format!("what names {name:?}; there are: {all}")))
        };
        names.iter().map(known).collect::<Result<_, _>>().map(Some)
    }
}

impl Admin {
    /// Pulls a lever.
    pub(super) async fn pull(&self, request: &Request, lever: &str) -> Result<Answer, Problem> {
        if !["kill", "panic", "disk", "monkey"].contains(&lever) {
            return Err(Problem::NoSuchAddress);
        }
        self.chaos_is_on()?;
        let wish = Wish::read(&request.body)?;
        match lever {
            "kill" => self.kill(request, &wish).await,
            "panic" => self.panic(request, &wish).await,
            "disk" => self.disturb(request, &wish).await,
            _ => self.unleash(request, &wish).await,
        }
    }

    /// Lets a lever go before its time.
    pub(super) async fn let_go(&self, request: &Request, lever: &str) -> Result<Answer, Problem> {
        self.chaos_is_on()?;
        let wish = Wish::read(&request.body)?;
        if lever == "monkey" {
            return self.stop_monkey(request, &wish).await;
        }
        let was = self.edge.journal.disk_fault().ok_or(Problem::NoSuchAddress)?;
        self.edge.audit(request, wish.reason(), "mend", "disk").await?;
        // It may be over meanwhile, which is what was wanted.
        let was = self.edge.journal.mend_disk().unwrap_or(was);
        Ok(answer(&self.shown_disk(&was)))
    }

    async fn kill(&self, request: &Request, wish: &Wish) -> Result<Answer, Problem> {
        let (target, of) = (wish.target(), wish.of()?);
        // A seed of its own is shown, so it has as many bits as every reader of JSON keeps.
        let seed = wish.seed.unwrap_or_else(|| self.edge.clock.random() >> 11);
        let count = wish.count.unwrap_or(KILLS_MAX).min(KILLS_MAX);
        self.edge.audit(request, wish.reason(), &format!("kill {count} at most, seed {seed}"), target).await?;
        let killed = self.edge.runtime.kill_some(self.meant(target, of.as_deref()), count, seed);
        let names: Vec<_> = killed.iter().map(|victim| victim.name.to_string()).collect();
        let mut told = json!({ "killed": names, "seed": seed });
        if killed.iter().any(|victim| !victim.what.is_survived()) {
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

    async fn panic(&self, request: &Request, wish: &Wish) -> Result<Answer, Problem> {
        let target = wish.target.as_deref().unwrap_or_default();
        let point = match wish.at.as_deref() {
            Some("decide") | None => Point::Decide,
            Some("evolve") => Point::Evolve,
            Some("react") => return self.panic_in(request, wish, &format!("{target}/policies")).await,
            Some("apply") => return self.panic_in(request, wish, &format!("{target}@")).await,
            Some(other) => {
                return Err(malformed(format!("at {other:?}: one of decide, evolve, react, apply")));
            }
        };
        let stream = self.stream(target).filter(|stream| self.state_of(*stream) == Some("live"));
        let stream = stream.ok_or(Problem::NoSuchAddress)?;
        self.edge.audit(request, wish.reason(), "panic", target).await?;
        match self.edge.runtime.panic_at(stream, point) {
            true => Ok(answer(&json!({ "target": target }))),
            false => Err(Problem::NoSuchAddress),
        }
    }

    /// Has a follower's next facts panic; it is named whole, or policies by their service and a view by its kind.
    async fn panic_in(&self, request: &Request, wish: &Wish, stem: &str) -> Result<Answer, Problem> {
        let target = wish.target.as_deref().unwrap_or_default();
        let times = match wish.count.unwrap_or(1) {
            times if (1..=PANICS_MAX as usize).contains(&times) => u32::try_from(times).unwrap_or(PANICS_MAX),
            _ => return Err(malformed(format!("count is from 1 to {PANICS_MAX}"))),
        };
        let of_point = if stem.ends_with('@') { What::Views } else { What::Policies };
        let is_meant = |name: &str| name == target || name.strip_prefix(stem).is_some_and(|rest| !rest.contains('/'));
        let known = self.edge.runtime.follower_names(of_point);
        let follower = known.into_iter().find(|name| is_meant(name)).ok_or(Problem::NoSuchAddress)?;
        let action = if of_point == What::Views { "panic at apply" } else { "panic at react" };
        self.edge.audit(request, wish.reason(), &format!("{action}, {times} times"), &follower).await?;
        self.edge.runtime.panic_in(&follower, times);
        Ok(answer(&json!({ "target": &*follower, "times": times })))
    }

    async fn disturb(&self, request: &Request, wish: &Wish) -> Result<Answer, Problem> {
        let fault = match (wish.stall.as_deref(), wish.fail.as_deref()) {
            (Some(stall), None) => DiskFault::Stall(duration("stall", stall)?),
            (None, Some("write")) => DiskFault::FailWrite,
            (None, Some("sync")) => DiskFault::FailSync,
            (_, Some(other)) if wish.stall.is_none() => {
                return Err(malformed(format!("fail {other:?}: one of write, sync")));
            }
            (Some(_) | None, _) => return Err(malformed("one of stall, as in \"200ms\", and fail, write or sync")),
        };
        let lasts = wish.lasts()?;
        fault.check(lasts).map_err(malformed)?;
        self.edge.audit(request, wish.reason(), &format!("disk: {fault:?} for {lasts:?}"), "disk").await?;
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

const FINAL: &str = "the next one fails, and from then on nothing is written until the process is started again";

fn duration(name: &str, text: &str) -> Result<Duration, Problem> {
    let wanted = || malformed(format!("{name} is a duration, as in \"250ms\", \"60s\", \"5m\" or \"1h\""));
    parse_duration(text).ok_or_else(wanted)
}
