//! What an operator does: stop and start services, release, checkpoint. Written into the log first, or not done.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::faults::malformed;
use super::operator::{Admin, answer};
use super::target;
use crate::domain::Stream;
use crate::http::answer::Answer;
use crate::http::aside::aside;
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::http::routes::Edge;
use crate::journal::Note;
use crate::resilience::Reason;

/// How often an action is written into the log when the committer was killed meanwhile.
const AUDITS_MAX: u32 = 8;

/// What an operator sends along.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    reason: Option<String>,
}

impl Wish {
    /// Why the operator wants it.
    pub(super) fn reason(&self) -> &str {
        self.reason.as_deref().unwrap_or_default()
    }
}

/// Reads what an operator sends along; nothing is no wish at all.
pub(super) fn wish<T: Default + DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    match body.iter().all(u8::is_ascii_whitespace) {
        true => Ok(T::default()),
        false => serde_json::from_slice(body).map_err(malformed),
    }
}

impl Admin {
    /// Does what a POST asks.
    pub(super) async fn done(&self, request: &Request, path: &[&str]) -> Result<Answer, Problem> {
        // Read once the address is known, so that a wrong one is not told of a wrong wish.
        let wish = || wish::<Wish>(&request.body);
        match *path {
            ["admin", "services", system, service, action @ ("start" | "stop")] => {
                self.switch(request, &wish()?, system, service, action).await
            }
            ["admin", "quarantine", ref target @ .., "release"] => {
                self.release(request, &wish()?, &target.join("/")).await
            }
            ["admin", "journal", "checkpoint"] => self.checkpoint(request, &wish()?).await,
            ["admin", "config", "reload"] => self.reload(request, &wish()?).await,
            ["admin", "parked", ref id @ .., action @ ("retry" | "skip")] => {
                self.tend_parked(request, &wish()?, &id.join("/"), action).await
            }
            _ => Err(Problem::NoSuchAddress),
        }
    }

    /// Fails unless chaos was allowed when the server was started.
    pub(super) fn chaos_is_on(&self) -> Result<(), Problem> {
        match self.chaos {
            true => Ok(()),
            false => Err(Problem::Forbidden("chaos is off: start with --set chaos.enabled=true".to_owned())),
        }
    }

    /// Reads the settings again and has the guards take theirs over; names what else has changed and
    /// waits for the next start.
    async fn reload(&self, request: &Request, wish: &Wish) -> Result<Answer, Problem> {
        self.edge.audit(request, wish.reason(), "reload", "guards").await?;
        let settings = Arc::clone(&self.settings);
        let reloaded = aside(request, async move { settings.reload() }).await?;
        reloaded.map(|reloaded| answer(&json!(reloaded))).map_err(Problem::BadRequest)
    }

    async fn switch(
        &self,
        request: &Request,
        wish: &Wish,
        system: &str,
        service: &str,
        action: &str,
    ) -> Result<Answer, Problem> {
        let services = self.edge.runtime.services();
        if !services.all().any(|(known, name, _)| (known, name) == (system, service)) {
            return Err(Problem::NoSuchAddress);
        }
        let target = format!("{system}/{service}");
        self.edge.audit(request, wish.reason(), action, &target).await?;
        services.set(system, service, action == "start");
        Ok(answer(&json!({ "service": target, "running": action == "start" })))
    }

    async fn checkpoint(&self, request: &Request, wish: &Wish) -> Result<Answer, Problem> {
        self.edge.audit(request, wish.reason(), "checkpoint", "journal").await?;
        // It goes on when the operator's time is over; a large one takes longer than a request may.
        match tokio::time::timeout_at(request.deadline.at(), self.edge.journal.checkpoint()).await {
            Ok(Ok(written)) => Ok(answer(&json!({ "group": written.group, "bytes": written.bytes }))),
            Ok(Err(error)) => Err(Problem::Internal(format!("no checkpoint was written: {error}"))),
            Err(_) => Ok(answer(&json!({ "state": "writing" }))),
        }
    }

    async fn release(&self, request: &Request, wish: &Wish, target: &str) -> Result<Answer, Problem> {
        let stream = self.stream(target).filter(|stream| self.state_of(*stream) == Some("quarantined"));
        let stream = stream.ok_or(Problem::NoSuchAddress)?;
        self.edge.audit(request, wish.reason(), "release", target).await?;
        // It may have been released meanwhile, which is what was wanted.
        let _ = self.edge.runtime.release(stream);
        Ok(answer(&json!({ "released": target })))
    }

    /// Reads a target that names one aggregate.
    pub(super) fn stream(&self, target: &str) -> Option<Stream> {
        target::stream(target, self.edge.runtime.kinds())
    }

    pub(super) fn state_of(&self, stream: Stream) -> Option<&'static str> {
        self.edge.runtime.actor(stream).map(|entry| entry.state)
    }
}

impl Edge {
    /// Writes an action into the log before it is done.
    pub(in crate::http) async fn audit(
        &self,
        request: &Request,
        reason: &str,
        action: &str,
        target: &str,
    ) -> Result<(), Problem> {
        let note = Note::Audit {
            action: action.to_owned(),
            target: target.to_owned(),
            reason: reason.to_owned(),
            time_ms: self.clock.wall_ms(),
        };
        for _ in 0..AUDITS_MAX {
            // A committer that is killed takes with it what it had not begun to write.
            match tokio::time::timeout_at(request.deadline.at(), self.journal.note(note.clone())).await {
                Ok(Some(_)) => return Ok(()),
                Ok(None) if self.journal.writable().is_ok() => {}
                Ok(None) | Err(_) => break,
            }
        }
        tracing::warn!(action, target, "an operator's action could not be written into the log and is not done");
        Err(Problem::unavailable(Reason::StorageReadOnly))
    }
}
