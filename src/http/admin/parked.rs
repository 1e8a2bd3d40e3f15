//! Facts that followers set aside: which, and what an operator does with one: try it again, or give it up.

use serde_json::{Value, json};

use super::levers::Wish;
use super::lists::{Wanted, unreadable};
use super::operator::{Admin, answer};
use crate::actors::followers::{Tend, Tended};
use crate::domain::Refusal;
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::http::request::Request;
use crate::http::steering::name_of;
use crate::journal::{HISTORY, Parked, Position};
use crate::resilience::{NotExecuted, Reason};

impl Admin {
    /// Lists them by follower, oldest first.
    pub(super) fn parked(&self, wanted: &Wanted) -> Result<Value, Problem> {
        let parked = self.edge.journal.parked().map_err(unreadable)?;
        let (page, size) = wanted.page_of(&parked);
        Ok(json!({ "parked": page.iter().map(shown).collect::<Vec<_>>(), "page": size }))
    }

    /// Tries one again at once, or gives it up for its follower, for good.
    pub(super) async fn tend_parked(
        &self,
        request: &Request,
        wish: &Wish,
        id: &str,
        action: &str,
    ) -> Result<Answer, Problem> {
        let id = name_of(&[id]);
        let (follower, position) = id.rsplit_once('/').ok_or(Problem::NoSuchAddress)?;
        let position: Position = position.parse().map_err(|_| Problem::NoSuchAddress)?;
        let parked = self.edge.journal.parked().map_err(unreadable)?;
        if !parked.iter().any(|item| item.follower == follower && item.position == position) {
            return Err(Problem::NoSuchAddress);
        }
        if follower == HISTORY {
            let why = "no build may leave a fact out of an aggregate's history: start one that can fold it, and it takes it up";
            return Err(Refusal::rule("history-unreadable", why).into());
        }
        let mut parts = follower.split('/');
        let (system, service) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if !self.edge.runtime.services().is_running(system, service) {
            // Its followers wait for it.
            return Err(Problem::unavailable(Reason::ServiceStopped));
        }
        self.edge.audit(request, wish.reason(), &format!("{action} parked"), &id).await?;
        let tend = if action == "skip" { Tend::Skip(wish.reason().to_owned()) } else { Tend::Retry };
        match self.edge.runtime.tend(follower, position, tend, request.deadline).await {
            Tended::Trying(from) => Ok(answer(&json!({ "trying": format!("{follower}/{from}") }))),
            Tended::Written(0) => Err(Refusal::rule("still-panics", "the view panics on it again; it waits on").into()),
            Tended::Written(facts) => Ok(answer(&json!({ "written": facts }))),
            Tended::Skipped => Ok(answer(&json!({ "skipped": id }))),
            Tended::NotParked => Err(Problem::NoSuchAddress),
            Tended::Unwritten => Err(Problem::unavailable(Reason::StorageReadOnly)),
            Tended::Waiting => Err(NotExecuted::deadline_exceeded().into()),
        }
    }
}

fn shown(item: &Parked) -> Value {
    let Parked { follower, stream, position, cause, time_ms } = item;
    json!({
        "id": format!("{follower}/{position}"), "follower": follower, "stream": stream, "position": position,
        "cause": cause, "time_ms": time_ms,
    })
}
