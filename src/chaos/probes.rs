//! Probes, with nobody beside: how long one request takes, and whether everything that was made answers.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::business::TRADES;
use super::client::Request;
use super::history::{Act, Heard, Try};
use super::load::{Dice, Load};
use crate::domain::Kind;
use crate::http_client::Method;

/// How many items are made one after the other to see how long one takes.
pub(super) const PACED: usize = 100;

/// How it went to make items one after the other.
#[derive(Debug, Default)]
pub(super) struct Paced {
    /// How long each took that was made, in seconds, sorted.
    pub(super) took: Vec<f64>,
    /// What became of the others.
    pub(super) failed: Vec<String>,
}

impl Load {
    /// Makes some items one after the other, with nobody beside.
    pub(super) async fn pace(&self, name: &str) -> Paced {
        let mut paced = Paced::default();
        let Some(trade) = self.trades.first() else { return paced };
        let mut dice = Dice::new(self.seed);
        for number in 0..PACED {
            let sent = Request::post(trade.path(), trade.making(&self.goods, &mut dice));
            let mut op = self.op(&format!("{name}-{number}"), Act::Create, trade.kind, None, sent);
            self.send(&mut op).await;
            for Try { began, ended, heard } in &op.tries {
                if let Heard::Ok(_) = heard {
                    paced.took.push((*ended - *began).as_secs_f64());
                } else {
                    paced.failed.push(format!("{} heard {heard:?}", op.story));
                }
            }
            self.history.lock().push(op);
        }
        paced.took.sort_by(f64::total_cmp);
        paced
    }

    /// Knocks at everything that was made: a write bound to a version that cannot be is refused by the aggregate itself.
    /// Returns how many were knocked at, and who did not answer.
    pub(super) async fn knock(self: &Arc<Self>, clients: usize) -> (u64, Vec<String>) {
        let made: Vec<(Kind, u64)> =
            self.made.lock().iter().flat_map(|(kind, ids)| ids.iter().map(|id| (*kind, *id))).collect();
        let mut running = JoinSet::new();
        for part in made.chunks(made.len().div_ceil(clients).max(1)) {
            let (load, part) = (Arc::clone(self), part.to_vec());
            running.spawn(async move { load.knock_at(&part).await });
        }
        let silent = running.join_all().await.into_iter().flatten().collect();
        (made.len() as u64, silent)
    }

    async fn knock_at(&self, part: &[(Kind, u64)]) -> Vec<String> {
        let mut silent = Vec::new();
        for (kind, id) in part {
            let Some(trade) = TRADES.iter().find(|trade| trade.kind == *kind) else { continue };
            let path = format!("{}/{id}", trade.path());
            let request = match trade.change.or(trade.undo.flatten()) {
                Some(body) => Request::patch(path, body.replace('@', "1")),
                None => Request::new(Method::DELETE, path),
            };
            let heard = Heard::of(self.client.send(&request.with("if-match", "\"999999999\"")).await);
            if !heard.answer().is_some_and(|answer| matches!(answer.status, 404 | 412)) {
                silent.push(format!("{kind}/{id} says {heard:?}"));
            }
        }
        silent
    }
}
