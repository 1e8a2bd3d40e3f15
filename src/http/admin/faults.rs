//! Faults an operator injects: into whom, what, for how long; listed with what they have done, and removed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use warp::http::StatusCode;
use warp::http::header::LOCATION;

use super::levers::{Wish, wish};
use super::lists::Wanted;
use super::operator::{Admin, answer};
use super::target;
use crate::domain::{Kind, Refusal};
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::resilience::faults::{Fault, FaultError, FaultFigures, FaultSpec, parse_duration};

impl Admin {
    /// Injects a fault.
    pub(super) async fn inject(&self, request: &Request) -> Result<Answer, Problem> {
        self.chaos_is_on()?;
        let spec = self.wished(&request.body)?;
        let faults = self.edge.runtime.faults();
        faults.check(&spec, self.edge.clock.now())?;
        self.edge.audit(request, &spec.reason, &format!("inject {spec}"), &spec.target).await?;
        let fault = faults.inject(spec, self.edge.clock.now())?;
        let mut injected = answer(&shown(&fault, self.remaining(&fault)));
        injected.status = StatusCode::CREATED;
        Ok(injected.header(LOCATION, &format!("/admin/faults/{}", fault.id)))
    }

    /// Removes a fault, and answers with what it has done.
    pub(super) async fn remove_fault(&self, request: &Request, id: &str) -> Result<Answer, Problem> {
        self.chaos_is_on()?;
        let wish: Wish = wish(&request.body)?;
        let fault = self.fault(id)?;
        self.edge.audit(request, wish.reason(), &format!("remove fault {id}"), &fault.spec.target).await?;
        // It may be over meanwhile, which is what was wanted.
        self.edge.runtime.faults().remove(fault.id, self.edge.clock.now());
        Ok(answer(&shown(&fault, Duration::ZERO)))
    }

    /// Lists the faults in force, oldest first.
    pub(super) fn faults(&self, wanted: &Wanted) -> Value {
        let faults = self.edge.runtime.faults().all(self.edge.clock.now());
        let (page, size) = wanted.page_of(&faults);
        let page: Vec<_> = page.iter().map(|fault| shown(fault, self.remaining(fault))).collect();
        json!({ "faults": page, "page": size })
    }

    /// Shows one fault.
    pub(super) fn one_fault(&self, id: &str) -> Result<Value, Problem> {
        self.fault(id).map(|fault| shown(&fault, self.remaining(&fault)))
    }

    fn fault(&self, id: &str) -> Result<Arc<Fault>, Problem> {
        let faults = self.edge.runtime.faults().all(self.edge.clock.now());
        faults.into_iter().find(|fault| fault.id.to_string() == id).ok_or(Problem::NoSuchAddress)
    }

    fn remaining(&self, fault: &Fault) -> Duration {
        fault.until.saturating_duration_since(self.edge.clock.now())
    }

    /// Reads what fault is wished; what is wrong is told by its field.
    fn wished(&self, body: &[u8]) -> Result<FaultSpec, Problem> {
        let fields: Map<String, Value> = serde_json::from_slice(body).map_err(malformed)?;
        let (mut target, mut lasts) = (None, None);
        // A seed of its own is shown, so it has as many bits as every reader of JSON keeps.
        let mut spec = FaultSpec { seed: self.edge.clock.random() >> 11, ..FaultSpec::default() };
        for (name, value) in &fields {
            match name.as_str() {
                "target" => target = Some(text(name, value)?),
                "latency" => spec.latency = text(name, value)?.parse().map_err(malformed)?,
                "errors" => spec.errors = number(name, value)?,
                "hangs" => spec.hangs = number(name, value)?,
                "for" => lasts = Some(duration(name, value)?),
                "seed" => spec.seed = value.as_u64().ok_or_else(|| mistyped(name, "a whole number from 0 on"))?,
                "reason" => text(name, value)?.clone_into(&mut spec.reason),
                _ => return Err(malformed(format!("{name:?} is no field of a fault; its fields are {FIELDS}"))),
            }
        }
        spec.lasts = lasts.ok_or_else(|| malformed("for is missing: how long the fault lasts, as in \"60s\""))?;
        let target = target.ok_or_else(|| malformed("target is missing: system/service or system/service/kind"))?;
        spec.places = self.places(target)?;
        target.clone_into(&mut spec.target);
        Ok(spec)
    }

    /// Returns every kind that a target covers.
    fn places(&self, target: &str) -> Result<Vec<&'static str>, Problem> {
        let services = self.edge.systems.iter().flat_map(|system| &system.services);
        let shown = services.flat_map(|service| &service.resources).map(|at| at.resource.kind);
        let mut kinds: Vec<Kind> =
            shown.chain(self.edge.runtime.kinds()).chain(self.edge.runtime.providers()).collect();
        kinds.retain(|kind| target::covers_kind(target, *kind));
        kinds.sort_unstable();
        kinds.dedup();
        match kinds.is_empty() {
            false => Ok(kinds.into_iter().map(Kind::path).collect()),
            true => Err(malformed(format!(
                "target {target:?} covers nothing: it is written system/service or system/service/kind, with * for any part"
            ))),
        }
    }
}

impl From<FaultError> for Problem {
    fn from(error: FaultError) -> Self {
        match error {
            FaultError::NoShare { .. } | FaultError::Idle | FaultError::Lasts => malformed(error),
            FaultError::Full => Refusal::rule("room-for-faults", error.to_string()).into(),
        }
    }
}

const FIELDS: &str = "target, latency, errors, hangs, for, seed and reason";

fn shown(fault: &Fault, remaining: Duration) -> Value {
    let FaultSpec { target, latency, errors, hangs, seed, reason, .. } = &fault.spec;
    let FaultFigures { calls, delayed, failed, hung } = fault.figures();
    json!({
        "id": fault.id, "target": target, "latency": latency.to_string(), "errors": errors, "hangs": hangs,
        "seed": seed, "reason": reason, "remainingSeconds": remaining.as_secs_f64(),
        "calls": calls, "delayed": delayed, "failed": failed, "hung": hung,
    })
}

pub(super) fn text<'a>(name: &str, value: &'a Value) -> Result<&'a str, Problem> {
    value.as_str().ok_or_else(|| mistyped(name, "text"))
}

pub(super) fn number(name: &str, value: &Value) -> Result<f64, Problem> {
    value.as_f64().ok_or_else(|| mistyped(name, "a number"))
}

pub(super) fn duration(name: &str, value: &Value) -> Result<Duration, Problem> {
    value
        .as_str()
        .and_then(parse_duration)
        .ok_or_else(|| mistyped(name, "a duration, as in \"250ms\", \"60s\", \"5m\" or \"1h\""))
}

pub(super) fn mistyped(name: &str, expected: &str) -> Problem {
    malformed(format!("{name} is {expected}"))
}

pub(super) fn malformed(why: impl ToString) -> Problem {
    Problem::BadRequest(why.to_string())
}
