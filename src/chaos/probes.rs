//! Probes, with nobody beside: how long one request takes, and whether everything that was made answers.

use std::sync::Arc;

use hyper::Method;
use tokio::task::JoinSet;

use super::business::TRADES;
use super::client::Request;
use super::history::{Act, Heard};
use super::load::{Dice, Load};
use crate::domain::Kind;

/// How many items are made one after the other to see how long one takes.
const PACED: u64 = 100;

impl Load {
    /// Makes some items one after the other, with nobody beside; returns how long each took, sorted.
    pub(super) async fn pace(&self, name: &str) -> Vec<f64> {
        let Some(trade) = self.trades.first() else { return Vec::new() };
        let mut dice = Dice::new(self.seed);
        let mut took = Vec::new();
        for number in 0..PACED {
            let sent = Request::post(trade.path(), trade.making(&self.goods, &mut dice));
            let mut op = self.op(&format!("{name}-{number}"), Act::Create, trade.kind, None, sent);
            self.send(&mut op).await;
            took.extend(op.settled().map(|settled| (settled.ended - settled.began).as_secs_f64()));
            self.history.lock().push(op);
        }
        took.sort_by(f64::total_cmp);
        took
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
