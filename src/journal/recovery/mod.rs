//! What a record changes, whether it was just written or is read back from the log.

pub mod histories;

use std::sync::Arc;

use crate::domain::{Catalogue, DecodeError, Recorded, Stream};
use crate::journal::codec::{self, CodecError};
use crate::journal::commit::Request;
use crate::journal::core::Core;
use crate::journal::engine::{From, ReadGroup, Tree};
use crate::journal::handle::OpenError;
use crate::journal::overlay::{Entry, Key, Value, split_stream_key};
use crate::journal::reading::ReadError;
use crate::journal::record::{
    Answered, Closed, CommandMeta, FactlessAnswer, Facts, Intent, Note, Origin, Outcome, Position, Record, Row,
};

/// How many bytes of the log are read at once.
const READ_BYTES_MAX: usize = 1024 * 1024;
/// How long a keyed outcome is remembered, in milliseconds: 24 h.
pub const KEYED_FOR_MS: u64 = 24 * 60 * 60 * 1000;

/// Takes what the store lacks from the log, group by group, through the overlay.
///
/// # Errors
///
/// Fails on damage and on what this build cannot read.
pub(super) async fn replay(core: &Core) -> Result<(), OpenError> {
    let written = core.engine.last_written().await?;
    core.engine.each(Tree::Ids, &mut |key, bytes| {
        let Some((path, index)) = split_stream_key(key) else { return };
        if let Some(kind) = core.kind_of(path) {
            core.ids.load(kind, index, bytes);
        }
    })?;
    let mark = core.engine.mark()?;
    // A follower's value may leave before the first group does: what leaves with it is what the store holds already.
    core.overlay.mark(mark);
    let first = mark + 1;
    let mut next = first;
    while next <= written.group {
        let groups = core.engine.read(From::Group(next), READ_BYTES_MAX).await?;
        let Some(last) = groups.last() else { break };
        let before = next;
        next = last.number + 1;
        for group in groups {
            core.overlay.room().await;
            absorb_group(core, &group)?;
        }
        if (next - first) / 10_000 > (before - first) / 10_000 {
            tracing::info!(group = next, of = written.group, "replaying the log into the store");
        }
    }
    core.replaying.store(false, std::sync::atomic::Ordering::Relaxed);
    core.group.store(written.group, std::sync::atomic::Ordering::Release);
    core.advance(written.next_position);
    core.turns.open_at(written.next_position - 1);
    Ok(())
}

fn absorb_group(core: &Core, group: &ReadGroup) -> Result<(), OpenError> {
    let mut position = group.first_position;
    for record in codec::decode_records(&group.payload, &core.catalogue)? {
        let row = match &record {
            Record::Facts(facts) => folded(core, facts, position)?,
            Record::Answer(_) | Record::IntentOpened(_) | Record::IntentClosed { .. } | Record::Note(_) => None,
        };
        position = core.absorb(&record, position, row);
    }
    core.overlay.mark(group.number);
    Ok(())
}

/// Folds facts into the row they stand on; `None` when the row is further already.
fn folded(core: &Core, facts: &Facts, position: Position) -> Result<Option<Arc<Row>>, OpenError> {
    if core.histories.broken(facts.stream).is_some() {
        return Ok(None);
    }
    let row = core.row(facts.stream)?;
    let version = row.as_ref().map_or(0, |row| row.version);
    if version >= facts.last_version() {
        // The row left before its id did, and before the answer that shows it.
        if let Some(row) = &row {
            core.saw(row);
        }
        return Ok(row.filter(|row| row.version == facts.last_version()));
    }
    let path = facts.stream.kind.path();
    let spec = core.catalogue.aggregate(path).ok_or_else(|| CodecError::UnknownKind(path.to_owned()))?;
    if version + 1 != facts.first_version {
        let reason = format!("{} has version {version}, the log goes on with {}", facts.stream, facts.first_version);
        return Err(CodecError::Payload(DecodeError::Malformed { name: path.to_owned(), reason }).into());
    }
    let state = row.as_ref().and_then(|row| (spec.revive)(&*row.state)).unwrap_or_else(|| (spec.initial)());
    let Some(state) = histories::evolved(&*state, &facts.events) else {
        core.set_history_aside(facts, position);
        return Ok(None);
    };
    Ok(Some(Arc::new(facts.row(position, state))))
}

impl Core {
    /// Makes a durable request visible; returns the position after it, and the row of an append as it left it, whatever
    /// the same group does to it afterwards: a resend is shown the same.
    pub(super) fn absorb_member(&self, member: &Request, mut position: Position) -> (Position, Option<Arc<Row>>) {
        let mut written = None;
        match member {
            Request::Append(append) => {
                for record in &append.records {
                    if let (Record::Facts(facts), Some(state)) = (record, &append.after) {
                        self.feed.push(facts.recorded(position));
                        written = Some(Arc::new(facts.row(position, Arc::clone(state))));
                    }
                    position = self.absorb(record, position, written.clone());
                }
                written = written.or_else(|| self.row(append.stream).ok().flatten());
            }
            Request::Note { note, .. } => position = self.absorb(&Record::Note(note.clone()), position, None),
            Request::Barrier { .. } | Request::Forget { .. } | Request::Flush { .. } => {}
        }
        (position, written)
    }

    /// Makes a durable record visible; returns the position after it.
    fn absorb(&self, record: &Record, position: Position, row: Option<Arc<Row>>) -> Position {
        match record {
            Record::Facts(facts) => self.absorb_facts(facts, position, row),
            Record::Answer(answer) => self.absorb_answer(answer, position),
            Record::IntentOpened(intent) => self.absorb_intent(intent, position),
            Record::IntentClosed { asker, opened_by, how, .. } => {
                self.overlay.put([(Key::Intent(*asker), Entry { position, value: None })]);
                if *how == Closed::Withdrawn && !self.is_overtaken(*opened_by, position) {
                    self.overlay.put([(Key::Answer(*opened_by), Entry { position, value: None })]);
                    self.forget_recent(*opened_by);
                }
            }
            Record::Note(note) => self.absorb_note(note, position),
        }
        position + record.positions()
    }

    fn absorb_facts(&self, facts: &Facts, position: Position, row: Option<Arc<Row>>) {
        if let Some(row) = &row {
            self.saw(row);
            let entry = Entry { position: row.position, value: Some(Value::Row(Arc::clone(row))) };
            self.overlay.put([(Key::Row(row.stream), entry)]);
        }
        let outcome = match facts.open {
            true => Outcome::Open,
            false => Outcome::Done { row },
        };
        self.remember(facts.stream, &facts.command, facts.time_ms, position, outcome);
    }

    fn absorb_answer(&self, answer: &FactlessAnswer, position: Position) {
        let outcome = match &answer.refusal {
            Some(refusal) => Outcome::Refused(refusal.clone()),
            None => Outcome::Done { row: self.row(answer.stream).ok().flatten() },
        };
        self.remember(answer.stream, &answer.command, answer.time_ms, position, outcome);
    }

    fn absorb_intent(&self, intent: &Arc<Intent>, position: Position) {
        self.ids.heard_of(intent.asker.kind, intent.asker.id);
        let entry = Entry { position, value: Some(Value::Intent(Arc::clone(intent))) };
        self.overlay.put([(Key::Intent(intent.asker), entry)]);
        self.remember(intent.asker, &intent.opened_by, intent.opened_ms, position, Outcome::Open);
    }

    /// Tells, while the log is read back over a store that is ahead of its mark, that the store knows the command's
    /// outcome already: with the row as it was then, which cannot be made again from a newer row.
    fn is_overtaken(&self, command: u128, position: Position) -> bool {
        let overtakes = |known: &Answered| {
            known.position > position || (known.position == position && matches!(known.outcome, Outcome::Done { .. }))
        };
        self.replaying.load(std::sync::atomic::Ordering::Relaxed)
            && self.answer(command).ok().flatten().is_some_and(|known| overtakes(&known))
    }

    fn remember(&self, stream: Stream, command: &CommandMeta, time_ms: u64, position: Position, outcome: Outcome) {
        if self.is_overtaken(command.id, position) {
            return;
        }
        let mut answered = Answered { stream, fingerprint: command.fingerprint, time_ms, position, outcome };
        match command.origin {
            Origin::Edge => return self.remember_recent(command.id, Arc::new(answered)),
            Origin::Keyed => {}
            // Nobody looks at the row again: the id alone makes a resend harmless.
            Origin::Policy | Origin::Ask => {
                if let Outcome::Done { row } = &mut answered.outcome {
                    *row = None;
                }
            }
        }
        let answered = Arc::new(answered);
        self.turns.remember(command.id, &answered);
        let entry = Entry { position, value: Some(Value::Answer(answered)) };
        self.overlay.put([(Key::Answer(command.id), entry)]);
    }

    pub(super) fn absorb_note(&self, note: &Note, position: Position) {
        match note {
            Note::Parked(parked) => {
                let key = Key::Parked(Arc::from(parked.follower.as_str()), parked.position);
                self.overlay.put([(key, Entry { position, value: Some(Value::Note(Arc::new(note.clone()))) })]);
            }
            Note::Released { follower, position: fact } => {
                let key = Key::Parked(Arc::from(follower.as_str()), *fact);
                self.overlay.put([(key, Entry { position, value: None })]);
            }
            // It stays, in the place of the parked fact: a follower that comes by again must know.
            Note::Skipped { follower, position: fact, .. } => {
                let key = Key::Parked(Arc::from(follower.as_str()), *fact);
                self.overlay.put([(key, Entry { position, value: Some(Value::Note(Arc::new(note.clone()))) })]);
            }
            Note::Followed { follower, position: done } => {
                let progress = Entry { position: *done, value: Some(Value::Progress) };
                self.overlay.put([(Key::Progress(Arc::from(follower.as_str())), progress)]);
            }
            Note::Seal | Note::Audit { .. } => {}
        }
    }
}

/// Returns the facts of some groups from a position on.
pub(super) fn facts_of(
    groups: &[ReadGroup],
    catalogue: &Catalogue,
    from: Position,
    max: usize,
) -> Result<Vec<Arc<Recorded>>, ReadError> {
    let mut facts = Vec::new();
    for group in groups {
        let mut position = group.first_position;
        for record in codec::decode_records(&group.payload, catalogue)? {
            if let Record::Facts(written) = &record {
                facts.extend(written.recorded(position).filter(|fact| fact.position >= from).map(Arc::new));
            }
            position += record.positions();
        }
        if facts.len() >= max {
            break;
        }
    }
    facts.truncate(max);
    Ok(facts)
}
