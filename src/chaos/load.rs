//! Clients that do business in all systems at once, and write down what they asked and heard.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::business::{GOODS, GOODS_OF, STOCK, TRADES, Trade};
use super::client::{Client, Request};
use super::history::{Act, Heard, Op, Try};
use crate::clock::{Clock, drawn};
use crate::domain::Kind;
use crate::http_client::Method;

/// How many of the newest items of a collection clients choose from, so that they meet.
const MEETING_ITEMS: usize = 200;
/// How many items are changed again and again.
const HOT_ITEMS: usize = 4;
/// The wait before something that was not answered is sent again.
const RETRY_WAIT: Duration = Duration::from_millis(100);
/// How often a keyed request is sent again while the load goes on; the rest is settled afterwards.
const RETRIES_MAX: usize = 20;
/// How long everything may take to be answered once the load is over.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(60);
/// One of so many keyed writes is given up by its client before it can be answered.
const GIVEN_UP: u64 = 40;
/// One of so many answered keyed writes is sent again, at once or at the end.
const SENT_AGAIN: u64 = 12;

/// Reproducible choices.
#[derive(Debug)]
pub(super) struct Dice {
    seed: u64,
    drawn: u64,
}

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.drawn += 1;
        drawn(self.seed, self.drawn) % end.max(1)
    }

    pub(super) fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        usize::try_from(self.below(all.len() as u64)).ok().and_then(|index| all.get(index))
    }
}

/// The load's own world: where it sends, what it made.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) client: Client,
    clock: Clock,
    started: Instant,
    pub(super) seed: u64,
    pub(super) trades: Vec<&'static Trade>,
    pub(super) goods: [Vec<u64>; 2],
    pub(super) made: Mutex<HashMap<Kind, Vec<u64>>>,
    pub(super) history: Mutex<Vec<Op>>,
}

impl Load {
    /// Makes what is rented; the load is on those systems of which `serves` knows.
    ///
    /// # Errors
    ///
    /// Fails when that is refused or not answered.
    pub(super) async fn begin(
        client: Client,
        clock: Clock,
        seed: u64,
        serves: impl Fn(&str) -> bool,
    ) -> Result<Self, String> {
        let trades = TRADES.iter().filter(|trade| serves(trade.system)).collect();
        let mut load = Self {
            client,
            started: clock.now(),
            clock,
            seed,
            trades,
            goods: [Vec::new(), Vec::new()],
            made: Mutex::default(),
            history: Mutex::default(),
        };
        for (which, (system, collection, kind, body)) in GOODS_OF.iter().enumerate().filter(|(_, of)| serves(of.0)) {
            for number in 0..GOODS {
                let sent = Request::post(format!("/{system}/{collection}"), body.replace('@', &STOCK.to_string()));
                let mut op = load.op(&format!("goods-{which}-{number}"), Act::Create, *kind, None, sent).keyed();
                load.insist(&mut op, RETRIES_MAX).await;
                let id = op.done().and_then(super::client::Answer::located);
                load.goods[which]
                    .push(id.ok_or_else(|| format!("no {collection} can be made: {:?}", op.tries.last()))?);
                load.history.lock().push(op);
            }
        }
        Ok(load)
    }

    /// Does business with so many clients for so long, then settles everything.
    pub(super) async fn run(self: &Arc<Self>, clients: u64, lasting: Duration) {
        let end = self.clock.now() + lasting;
        let mut running = JoinSet::new();
        for number in 0..clients {
            let load = Arc::clone(self);
            running.spawn(async move { load.client_until(number, end).await });
        }
        while running.join_next().await.is_some() {}
        self.settle(clients).await;
    }

    /// Gives the history away, in the order in which everything began.
    pub(super) fn history(&self) -> Vec<Op> {
        let mut history = std::mem::take(&mut *self.history.lock());
        history.sort_by_key(Op::began);
        history
    }

    async fn client_until(&self, number: u64, end: Instant) {
        let mut dice = Dice::new(self.seed ^ (number + 1).wrapping_mul(0x9E37_79B9));
        let mut count = 0_u64;
        while self.clock.now() < end {
            count += 1;
            let name = format!("{number}-{count}");
            let Some(trade) = dice.one_of(&self.trades) else { return };
            let op = self.step(&name, trade, &mut dice).await;
            self.learn(trade, &op);
            if op.was_turned_away() {
                tokio::time::sleep(RETRY_WAIT).await;
            }
            self.history.lock().push(op);
        }
    }

    /// One request of a client, chosen by its dice.
    async fn step(&self, name: &str, trade: &Trade, dice: &mut Dice) -> Op {
        let (act, chosen) = self.choose(trade, dice);
        let item = || format!("{}/{}", trade.path(), chosen.unwrap_or(0));
        let sent = match (act, trade.undo) {
            (Act::Create, _) => Request::post(trade.path(), trade.making(&self.goods, dice)),
            (Act::Change, _) => {
                let number = dice.below(1_000_000).to_string();
                Request::patch(item(), trade.change.unwrap_or_default().replace('@', &number))
            }
            (Act::Undo, Some(Some(body))) => Request::patch(item(), body.to_owned()),
            (Act::Undo, _) => Request::new(Method::DELETE, item()),
            (Act::Read, _) => Request::get(item()),
        };
        let op = self.op(name, act, trade.kind, chosen, sent);
        if act == Act::Read || dice.below(2) == 0 {
            let mut op = op;
            self.send(&mut op).await;
            return op;
        }
        let mut op = op.keyed();
        if dice.below(GIVEN_UP) == 0 {
            self.give_up(&mut op, Duration::from_micros(dice.below(3_000))).await;
        }
        self.insist(&mut op, RETRIES_MAX).await;
        if op.settled().is_some() && dice.below(SENT_AGAIN) == 0 {
            self.send(&mut op).await;
        }
        op
    }

    fn choose(&self, trade: &Trade, dice: &mut Dice) -> (Act, Option<u64>) {
        let made = self.made.lock();
        let Some(items) = made.get(&trade.kind).filter(|items| !items.is_empty()) else { return (Act::Create, None) };
        let newest = &items[items.len().saturating_sub(MEETING_ITEMS)..];
        let hot = &items[..items.len().min(HOT_ITEMS)];
        let chosen = dice.one_of(newest).copied();
        match dice.below(20) {
            0..8 => (Act::Create, None),
            8..12 if trade.undo.is_some() => (Act::Undo, chosen),
            8..12 => (Act::Change, dice.one_of(hot).copied()),
            12..15 if trade.change.is_some() => (Act::Change, dice.one_of(hot).copied()),
            15..17 if trade.change.is_some() => (Act::Read, dice.one_of(hot).copied()),
            _ => (Act::Read, chosen),
        }
    }

    fn learn(&self, trade: &Trade, op: &Op) {
        let made = (op.act == Act::Create).then(|| op.done().and_then(super::client::Answer::located)).flatten();
        if let Some(id) = made {
            self.made.lock().entry(trade.kind).or_default().push(id);
        }
    }

    pub(super) fn op(&self, name: &str, act: Act, kind: Kind, target: Option<u64>, sent: Request) -> Op {
        let story = format!("chaos-{:x}-{name}", self.seed);
        let sent = sent.with("x-correlation-id", &*story);
        Op { story, act, kind, target, key: None, sent, tries: Vec::new() }
    }

    /// Sends until it is settled, so often at most.
    async fn insist(&self, op: &mut Op, tries: usize) {
        for sent in 0..tries {
            if sent > 0 {
                tokio::time::sleep(RETRY_WAIT).await;
            }
            self.send(op).await;
            if op.settled().is_some() {
                return;
            }
        }
    }

    pub(super) async fn send(&self, op: &mut Op) {
        let began = self.clock.now() - self.started;
        let heard = Heard::of(self.client.send(&op.sent).await);
        op.tries.push(Try { began, ended: self.clock.now() - self.started, heard });
    }

    /// Leaves before the answer can have come.
    async fn give_up(&self, op: &mut Op, after: Duration) {
        let began = self.clock.now() - self.started;
        let heard = match tokio::time::timeout(after, self.client.send(&op.sent)).await {
            Ok(answer) => Heard::of(answer),
            Err(_) => Heard::Left,
        };
        op.tries.push(Try { began, ended: self.clock.now() - self.started, heard });
    }

    /// Sends every keyed request again that was not answered, and some that were.
    async fn settle(self: &Arc<Self>, clients: u64) {
        let ops = std::mem::take(&mut *self.history.lock());
        let end = self.clock.now() + SETTLE_TIMEOUT;
        let work = Arc::new(Mutex::new(ops));
        let mut running = JoinSet::new();
        for number in 0..clients {
            let (load, work) = (Arc::clone(self), Arc::clone(&work));
            running.spawn(async move {
                let mut dice = Dice::new(load.seed ^ (number + 1).wrapping_mul(0x51ED_270B));
                loop {
                    let Some(mut op) = work.lock().pop() else { return };
                    let again = op.settled().is_some() && dice.below(SENT_AGAIN) == 0;
                    if op.key.is_some() && (again || op.settled().is_none()) {
                        load.send(&mut op).await;
                        while op.settled().is_none() && load.clock.now() < end {
                            tokio::time::sleep(RETRY_WAIT).await;
                            load.send(&mut op).await;
                        }
                    }
                    load.history.lock().push(op);
                }
            });
        }
        while running.join_next().await.is_some() {}
    }
}
