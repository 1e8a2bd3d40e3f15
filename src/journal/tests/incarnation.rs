//! One incarnation of a product, using the journal as its actor does.

use super::super::Release;
use super::*;

/// An incarnation of one product.
#[derive(Debug)]
pub(super) struct Incarnation {
    pub(super) journal: Journal,
    pub(super) stream: Stream,
    pub(super) generation: u64,
    pub(super) version: u64,
    pub(super) public: u64,
    pub(super) state: Arc<dyn AnyState>,
}

/// Becomes what was committed, or an error when the port was dropped.
pub(super) type Port = oneshot::Receiver<Committed>;

pub(super) fn product(id: u64) -> Stream {
    Stream::new(Product::KIND, id)
}

/// A client's command with a key.
pub(super) fn command(id: u128) -> CommandMeta {
    CommandMeta {
        id,
        origin: Origin::Keyed,
        fingerprint: 7,
        causation: 0,
        correlation: Arc::from("a story"),
        trace: None,
    }
}

pub(super) fn saved(id: u64, name: &str, qty: i32) -> Arc<dyn AnyEvent> {
    Arc::new(ProductEvent::from(ProductSaved { id, name: Some(name.to_owned()), qty }))
}

impl Incarnation {
    /// Passes the barrier, with a newer generation each time it is refused, and starts from what it is told.
    pub(super) async fn start(journal: &Journal, stream: Stream) -> Self {
        loop {
            let generation = journal.next_generation();
            let Some(recovered) = journal.barrier(stream, generation).await else { continue };
            let catalogue = catalogue();
            let spec = catalogue.aggregate(stream.kind.path()).expect("an aggregate of the catalogue");
            let (version, public) = recovered.row.as_ref().map_or((0, 0), |row| (row.version, row.public_version));
            let state = recovered.row.as_ref().and_then(|row| (spec.revive)(&*row.state));
            let state = state.unwrap_or_else(|| (spec.initial)());
            return Self { journal: journal.clone(), stream, generation, version, public, state };
        }
    }

    /// Applies facts to the state in hand and hands them over.
    pub(super) fn write(&mut self, command: CommandMeta, events: Vec<Arc<dyn AnyEvent>>) -> Port {
        self.write_with(command, events, Vec::new(), false)
    }

    pub(super) fn write_with(
        &mut self,
        command: CommandMeta,
        events: Vec<Arc<dyn AnyEvent>>,
        more: Vec<Record>,
        open: bool,
    ) -> Port {
        let (port, committed) = oneshot::channel();
        self.hand_over(command, events, more, open, move |done| {
            let _ = port.send(done);
        });
        committed
    }

    /// The same, with what happens at the release.
    pub(super) fn hand_over(
        &mut self,
        command: CommandMeta,
        events: Vec<Arc<dyn AnyEvent>>,
        more: Vec<Record>,
        open: bool,
        release: impl FnOnce(Committed) + Send + 'static,
    ) {
        let append = self.decided(command, events, more, open, Box::new(release));
        // Without room the append is dropped here, and its port with it.
        if let Ok(room) = self.journal.room() {
            room.append(append);
        }
    }

    /// What is handed over once there is room.
    pub(super) fn decided(
        &mut self,
        command: CommandMeta,
        events: Vec<Arc<dyn AnyEvent>>,
        more: Vec<Record>,
        open: bool,
        release: Release,
    ) -> Append {
        let (stream, generation, expects) = (self.stream, self.generation, self.version);
        let mut records = Vec::new();
        let mut after: Option<Arc<dyn Held>> = None;
        if !events.is_empty() {
            self.state = self.state.evolved(&events);
            after = Some(Arc::clone(&self.state) as Arc<dyn Held>);
            let (first_version, public_before) = (self.version + 1, self.public);
            let facts = Facts { stream, first_version, public_before, time_ms: 1_000, command, open, events };
            (self.version, self.public) = (facts.last_version(), facts.public_after());
            records.push(Record::Facts(facts));
        }
        records.extend(more);
        Append { stream, generation, expects, records, after, release }
    }

    /// Answers without facts.
    pub(super) fn answer(&mut self, command: CommandMeta, refusal: Option<Refusal>) -> Port {
        let answer = FactlessAnswer { stream: self.stream, command, time_ms: 1_000, refusal };
        self.write_with(super::command(0), Vec::new(), vec![Record::Answer(answer)], false)
    }

    /// An ask of this product, to register another under that name.
    pub(super) fn intent(&self, id: u128, name: &str, opened_by: CommandMeta) -> Arc<Intent> {
        let register = |name: &str| RegisterProduct { name: Some(name.to_owned()), qty: 1 };
        Arc::new(Intent {
            id,
            asker: self.stream,
            to: product(900),
            command: Arc::new(crate::systems::oa_rental::product::ProductCommand::from(register(name))),
            timeout: Duration::from_millis(610),
            undo: Some(Arc::new(crate::systems::oa_rental::product::ProductCommand::from(register("undo")))),
            opened_by,
            opened_ms: 1_000,
        })
    }

    pub(super) fn closed(&self, intent: &Intent, how: Closed) -> Record {
        Record::IntentClosed { asker: self.stream, intent: intent.id, opened_by: intent.opened_by.id, how }
    }
}
