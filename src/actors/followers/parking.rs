//! Facts that a service's policies set aside: noted in the log, taken up again, tended by an operator.

use std::sync::Arc;
use std::time::Duration;

use ractor::ActorProcessingErr;

use super::policies::{Progress, Queue};
use super::tending::{Tend, Tended, Wish};
use crate::domain::{Recorded, Stream};
use crate::journal::{Note, Parked, Position};
use crate::telemetry::metrics;

impl Progress {
    pub(super) async fn park(&mut self, fact: &Recorded, cause: &str) {
        let parked = Parked {
            follower: self.name.to_string(),
            stream: fact.stream.to_string(),
            position: fact.position,
            cause: cause.to_owned(),
            time_ms: self.of.house.clock.wall_ms(),
        };
        // Not written, it holds the low-water mark instead, and nothing is lost either.
        if self.of.house.journal.note(Note::Parked(parked)).await.is_some() {
            metrics::follower_parked(&self.name);
            self.unfinished.remove(&fact.position);
            if let Some(queue) = self.queues.get_mut(&fact.stream) {
                queue.set_aside.insert(fact.position);
            }
        }
    }

    /// Takes up what an earlier incarnation set aside.
    pub(super) async fn take_up(&mut self, mut parked: Vec<Parked>) -> Result<(), ActorProcessingErr> {
        self.noted = parked.iter().map(|item| item.position).collect();
        // Those beyond the low-water mark are read again in their turn.
        parked.retain(|item| item.position <= self.saved);
        for item in parked {
            let facts = self.of.house.journal.facts_from(item.position, 1).await?;
            let Some(fact) = facts.into_iter().next() else { continue };
            let queue = self.queues.entry(fact.stream).or_default();
            queue.set_aside.insert(fact.position);
            queue.facts.push_back(Arc::clone(&fact));
            if queue.facts.len() == 1 {
                self.begin_turn(fact, Duration::ZERO);
            }
        }
        Ok(())
    }

    /// Does what operators want done.
    pub(super) async fn tend_all(&mut self) {
        let house = Arc::clone(&self.of.house);
        while let Some(Wish { position, tend, reply }) = house.tending.next(&self.name) {
            let tended = match tend {
                Tend::Retry => self.retry(position),
                Tend::Skip(reason) => self.skip(position, reason).await,
            };
            // Whoever has left sees in the list what became of it.
            let _ = reply.send(tended);
        }
    }

    /// Tries the stream of a fact again, from the first that waits.
    fn retry(&mut self, position: Position) -> Tended {
        let Some((_, queue)) = self.waiting(position) else { return Tended::NotParked };
        let Some(first) = queue.facts.front().cloned() else { return Tended::NotParked };
        if let Some(turn) = queue.turn.take() {
            turn.abort();
        }
        let from = first.position;
        self.begin_turn(first, Duration::ZERO);
        Tended::Trying(from)
    }

    /// Gives a fact up: what its turn has begun may still happen, nothing more of it will.
    async fn skip(&mut self, position: Position, reason: String) -> Tended {
        if self.skipped.contains(&position) {
            return Tended::Skipped;
        }
        if !self.noted.contains(&position) && self.waiting(position).is_none() {
            return Tended::NotParked;
        }
        let note = Note::Skipped { follower: self.name.to_string(), position, reason };
        if self.of.house.journal.note(note).await.is_none() {
            return Tended::Unwritten;
        }
        self.skipped.insert(position);
        self.noted.remove(&position);
        self.unfinished.remove(&position);
        let Some((stream, queue)) = self.holding(position) else { return Tended::Skipped };
        let was_first = queue.facts.front().is_some_and(|first| first.position == position);
        queue.facts.retain(|fact| fact.position != position);
        queue.set_aside.remove(&position);
        if !was_first {
            return Tended::Skipped;
        }
        if let Some(turn) = queue.turn.take() {
            turn.abort();
        }
        match queue.facts.front().cloned() {
            Some(next) => self.begin_turn(next, Duration::ZERO),
            None => drop(self.queues.remove(&stream)),
        }
        Tended::Skipped
    }

    /// Finds the queue in which a fact waits that was set aside.
    fn waiting(&mut self, position: Position) -> Option<(Stream, &mut Queue)> {
        let noted = self.noted.contains(&position);
        self.holding(position).filter(|(_, queue)| noted || queue.set_aside.contains(&position))
    }

    fn holding(&mut self, position: Position) -> Option<(Stream, &mut Queue)> {
        let mut queues = self.queues.iter_mut();
        let holds = |queue: &Queue| queue.facts.iter().any(|fact| fact.position == position);
        queues.find(|(_, queue)| holds(queue)).map(|(stream, queue)| (*stream, queue))
    }
}
