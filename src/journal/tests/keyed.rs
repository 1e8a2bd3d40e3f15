//! What is read by aggregate or by story is what a scan of the whole log would pick, in the same order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::super::Position;
use super::super::reading::{ReadError, Selected};
use super::*;
use crate::domain::Recorded;

on_both! {
    what_is_picked_grows_with_the_log_and_never_shows_what_is_not_durable
    a_page_goes_on_where_the_one_before_ended
    who_never_was_has_no_facts
}

/// A command to one of a few products, in one of a few stories, with so many facts.
type Step = (u64, u8, usize);

const PRODUCTS: std::ops::Range<u64> = 1..5;
const STORIES: std::ops::Range<u8> = 0..4;
/// More than all facts of a test.
const ALL: usize = 100_000;

fn steps(max: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((PRODUCTS, STORIES, 1_usize..4), 1..max)
}

fn story(number: u8) -> String {
    format!("story {number}")
}

fn told_in(number: u8, id: u128) -> CommandMeta {
    CommandMeta { correlation: Arc::from(story(number)), ..command(id) }
}

/// Gives the commands, many at once, and answers between them; waits for all.
async fn give(journal: &Journal, steps: &[Step]) {
    let mut instances = BTreeMap::new();
    let mut ports = Vec::new();
    for ((id, number, events), turn) in steps.iter().zip(1_u128..) {
        if !instances.contains_key(id) {
            instances.insert(*id, Incarnation::start(journal, product(*id)).await);
        }
        let instance = instances.get_mut(id).expect("started");
        let name = "x".repeat(usize::from(*number) * 300);
        ports.push(instance.write(told_in(*number, turn), (0..*events).map(|_| saved(*id, &name, 1)).collect()));
        if turn % 3 == 0 {
            ports.push(instance.answer(told_in(0, turn + 1_000_000), Some(Refusal::rule("no", "because"))));
            let intent = instance.intent(turn, "other", told_in(1, turn + 2_000_000));
            let opened = vec![Record::IntentOpened(Arc::clone(&intent))];
            ports.push(instance.write_with(intent.opened_by.clone(), Vec::new(), opened, true));
            let closed = vec![instance.closed(&intent, Closed::Answered)];
            ports.push(instance.write_with(intent.opened_by.clone(), Vec::new(), closed, false));
        }
        if turn % 5 == 0 {
            ports.pop().expect("a port").await.expect("released");
        }
    }
    for port in ports {
        port.await.expect("released");
    }
}

async fn every<F: Future<Output = Result<Selected, ReadError>>>(
    journal: &Journal,
    from: Position,
    mut page: impl FnMut(Position) -> F,
) -> Vec<Arc<Recorded>> {
    let (mut facts, mut next) = (Vec::new(), from);
    while next <= *journal.durable().borrow() {
        let selected = page(next).await.expect("facts");
        assert!(selected.next > next, "each page goes on");
        next = selected.next;
        facts.extend(selected.facts);
    }
    facts
}

async fn of_product(journal: &Journal, id: u64, from: Position, max: usize) -> Vec<Arc<Recorded>> {
    every(journal, from, |next| journal.facts_of_stream(product(id), next, max)).await
}

async fn of_story(journal: &Journal, number: u8, from: Position, max: usize) -> Vec<Arc<Recorded>> {
    let correlation = story(number);
    every(journal, from, |next| {
        let correlation = correlation.clone();
        async move { journal.facts_of_story(&correlation, next, max).await }
    })
    .await
}

/// Compares every product and story, from some positions, with a scan.
async fn check(journal: &Journal) {
    let all = every_fact(journal).await;
    let picked = |from: Position, wanted: &dyn Fn(&Recorded) -> bool| {
        let facts = all.iter().filter(|fact| fact.position >= from && wanted(fact));
        facts.map(|fact| format!("{fact:?}")).collect::<Vec<_>>()
    };
    let shown = |facts: Vec<Arc<Recorded>>| facts.iter().map(|fact| format!("{fact:?}")).collect::<Vec<_>>();
    let end = all.len() as u64;
    for from in [1, 2, end / 3, end / 2 + 1, end, end + 1].map(|from| from.max(1)) {
        for max in [3, ALL] {
            for id in PRODUCTS {
                let expected = picked(from, &|fact| fact.stream == product(id));
                assert_eq!(shown(of_product(journal, id, from, max).await), expected, "product {id} from {from}");
            }
            for number in STORIES {
                let expected = picked(from, &|fact| *fact.correlation == story(number));
                assert_eq!(shown(of_story(journal, number, from, max).await), expected, "story {number} from {from}");
            }
        }
    }
}

fn indexes(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.join("log")).expect("a log").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|it| it == "idx")).collect();
    found.sort();
    found
}

/// What a kill, a full disk or a careless hand leaves of an index.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Removed,
    Cut,
    Flipped,
    OfAnother,
}

fn harm(dir: &Path, harm: Harm, place: prop::sample::Index) {
    let indexes = indexes(dir);
    for (path, other) in indexes.iter().zip(indexes.iter().cycle().skip(1)) {
        let mut bytes = std::fs::read(path).expect("an index");
        let at = place.index(bytes.len());
        match harm {
            Harm::Removed => std::fs::remove_file(path).expect("a removed index"),
            Harm::Cut => std::fs::write(path, &bytes[..at]).expect("an index"),
            Harm::Flipped => {
                bytes[at] ^= 1;
                std::fs::write(path, bytes).expect("an index");
            }
            Harm::OfAnother => drop(std::fs::copy(other, path).expect("a copy")),
        }
    }
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(within(test));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_picked_in_memory_is_what_a_scan_picks(steps in steps(60)) {
        run(async {
            let journal = Bed::in_memory().open().await;
            give(&journal, &steps).await;
            check(&journal).await;
        });
    }

    #[test]
    fn what_is_picked_on_disk_is_what_a_scan_picks_whatever_became_of_the_indexes(
        steps in steps(60),
        how in prop::sample::select(vec![Harm::Removed, Harm::Cut, Harm::Flipped, Harm::OfAnother]),
        place in any::<prop::sample::Index>(),
        cleanly in any::<bool>(),
    ) {
        run(async {
            let dir = tempfile::tempdir().expect("a directory");
            let engine: Arc<dyn Engine> = Arc::new(open_disk(dir.path()).await.expect("the directory opens").0);
            let journal = open_on(Arc::clone(&engine)).await;
            give(&journal, &steps).await;
            check(&journal).await;
            leave(dir.path(), journal, engine, cleanly).await;
            harm(dir.path(), how, place);
            let journal = open_on(Arc::new(open_disk(dir.path()).await.expect("the directory opens").0)).await;
            check(&journal).await;
        });
    }
}

async fn what_is_picked_grows_with_the_log_and_never_shows_what_is_not_durable(bed: Bed) {
    let faults = faults::Faults::gated(bed.engine().await);
    let journal = open_on(Arc::new(faults::Shared(Arc::clone(&faults)))).await;
    let mut instance = Incarnation::start(&journal, product(1)).await;
    for version in 1..=3_u64 {
        let port = instance.write(told_in(1, version.into()), vec![saved(1, "copier", 1)]);
        faults.arrived.acquire().await.expect("open").forget();
        let before = journal.facts_of_stream(product(1), 1, ALL).await.expect("facts");
        assert_eq!((before.facts.len() as u64, before.next), (version - 1, version));
        faults.gate.add_permits(1);
        port.await.expect("released");
        let after = journal.facts_of_story(&story(1), version, ALL).await.expect("facts");
        assert!(after.facts.iter().map(|fact| fact.version).eq([version]));
        assert_eq!(after.next, version + 1);
    }
}

async fn a_page_goes_on_where_the_one_before_ended(bed: Bed) {
    let journal = bed.open().await;
    give(&journal, &[(1, 1, 3), (2, 1, 3), (1, 2, 3), (1, 1, 3)]).await;
    let page = journal.facts_of_stream(product(1), 1, 2).await.expect("facts");
    assert!(page.facts.iter().map(|fact| fact.version).eq(1..=2));
    assert_eq!(page.next, 3, "in the middle of a command");
    let rest = of_product(&journal, 1, page.next, 2).await;
    assert!(rest.iter().map(|fact| fact.version).eq(3..=9));
    check(&journal).await;
}

async fn who_never_was_has_no_facts(bed: Bed) {
    let journal = bed.open().await;
    assert_eq!(journal.facts_of_stream(product(1), 1, ALL).await.expect("facts").next, 1);
    give(&journal, &[(1, 1, 1), (2, 2, 2)]).await;
    assert!(of_product(&journal, 9, 1, ALL).await.is_empty());
    assert!(of_story(&journal, 9, 1, ALL).await.is_empty());
    assert!(of_story(&journal, 1, 1, ALL).await.iter().all(|fact| fact.stream == product(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_among_many_reads_its_own_groups_only() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = Arc::new(open_disk(dir.path()).await.expect("the directory opens").0);
    let journal = open_on(Arc::clone(&engine) as Arc<dyn Engine>).await;
    let mut one = Incarnation::start(&journal, product(1)).await;
    let mut other = Incarnation::start(&journal, product(2)).await;
    for turn in 1..=400_u128 {
        let port = match turn % 100 {
            0 => one.write(told_in(1, turn), vec![saved(1, "copier", 1)]),
            _ => other.write(told_in(2, turn), vec![saved(2, "printer", 1)]),
        };
        port.await.expect("released");
    }
    assert!(indexes(dir.path()).len() >= 2, "the log goes over segments");
    let before = engine.groups_read();
    assert_eq!(of_product(&journal, 1, 1, ALL).await.len(), 4);
    assert_eq!(engine.groups_read() - before, 4);
    assert_eq!(of_story(&journal, 1, 1, ALL).await.len(), 4);
    assert_eq!(engine.groups_read() - before, 8);
}

#[test]
fn the_keys_of_a_group_are_those_of_its_facts_and_each_leads_to_them() {
    let mut payload = Vec::new();
    let mut written = Vec::new();
    let mut before = 0;
    for (at, (kind, event)) in (0_u64..).zip(samples::events()) {
        for (_, note) in samples::notes() {
            codec::encode_record(&Record::Note(note), &mut payload);
        }
        let facts = Facts {
            command: told_in(1, at.into()),
            ..samples::facts(Stream::new(kind, at % 3), vec![Arc::clone(&event), event])
        };
        codec::encode_record(&Record::Facts(facts.clone()), &mut payload);
        written.push((before, facts));
        before += 2;
    }
    for (kind, asked) in samples::commands() {
        for undo in [None, Some(Arc::clone(&asked))] {
            let intent = Arc::new(samples::intent(kind, Arc::clone(&asked), undo));
            let (asker, opened_by) = (intent.asker, intent.opened_by.id);
            let closed = Record::IntentClosed { asker, intent: intent.id, opened_by, how: Closed::Withdrawn };
            for record in [Record::IntentOpened(intent), closed] {
                codec::encode_record(&record, &mut payload);
            }
        }
    }
    for refusal in samples::refusals().into_iter().map(|(_, refusal)| Some(refusal)).chain([None]) {
        let answer = FactlessAnswer { stream: product(77), command: told_in(7, 7), time_ms: 1, refusal };
        codec::encode_record(&Record::Answer(answer), &mut payload);
    }
    let mut keys: Vec<u64> = written.iter().map(|(_, facts)| codec::stream_key(facts.stream)).collect();
    keys.push(codec::story_key(&story(1)));
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(codec::keys_of(&payload), Some(keys.clone()));
    for key in keys {
        let under = |facts: &Facts| {
            codec::stream_key(facts.stream) == key || codec::story_key(&facts.command.correlation) == key
        };
        let expected: Vec<_> = written.iter().filter(|(_, facts)| under(facts)).collect();
        let found = codec::decode_keyed(&payload, key, &catalogue()).expect("what was written");
        assert_eq!(format!("{found:?}"), format!("{expected:?}"));
    }
    payload.push(99);
    assert_eq!(codec::keys_of(&payload), None, "a record of a newer build may hold anything");
    assert!(codec::decode_keyed(&payload, 1, &catalogue()).is_err());
}

/// Computed by an independent FNV-1a.
#[test]
fn keys_stand_in_files_and_stay_these_for_ever() {
    assert_eq!(codec::stream_key(product(7)), 0xC6AF_7847_3EF8_A4AE);
    assert_eq!(codec::story_key("a story"), 0xC970_09C3_686D_8171);
}
