//! What an append, a look-up and a follower are promised.

use std::sync::atomic::Ordering;

use tokio::task::JoinSet;

use super::super::feed::FEED_FACTS_MAX;
use super::super::{Note, Outcome, Parked, Unwritable};
use super::faults::{Faults, Shared};
use super::*;

on_both! {
    nothing_is_visible_before_its_group_is_synced
    all_of_a_command_is_visible_when_it_is_released
    what_changed_nothing_is_answered_with_the_row_of_its_turn
    positions_and_versions_are_dense_over_many_concurrent_appends
    outcomes_are_remembered_as_long_as_their_origin_says
    an_intent_is_open_until_it_is_closed_or_withdrawn
    a_large_intent_is_found_open_too
    parked_facts_stay_until_released_or_skipped
    a_follower_reads_facts_across_memory_and_log
    after_a_failed_write_nothing_is_accepted_nor_released
    figures_name_the_last_group
}

async fn nothing_is_visible_before_its_group_is_synced(bed: Bed) {
    let faults = Faults::gated(bed.engine().await);
    let journal = open_on(Arc::new(Shared(Arc::clone(&faults)))).await;
    let mut durable = journal.durable();
    let mut instance = Incarnation::start(&journal, product(1)).await;
    let mut port = instance.write(command(10), vec![saved(1, "copier", 3)]);
    faults.arrived.acquire().await.expect("open").forget();
    assert!(port.try_recv().is_err());
    assert!(journal.row(product(1)).expect("a look-up").is_none());
    assert!(journal.answer(10).expect("a look-up").is_none());
    assert_eq!(journal.ids().count(Product::KIND), 0);
    assert!(journal.facts_from(1, 10).await.expect("facts").is_empty());
    assert!(!durable.has_changed().expect("a journal"));
    faults.gate.add_permits(1);
    let committed = port.await.expect("released");
    assert_eq!((committed.position, *durable.borrow_and_update()), (1, 1));
    assert_eq!(committed.row.expect("a row").version, 1);
}

async fn all_of_a_command_is_visible_when_it_is_released(bed: Bed) {
    let journal = bed.open().await;
    let mut instance = Incarnation::start(&journal, product(1)).await;
    let (port, seen) = oneshot::channel();
    let looking = journal.clone();
    let intent = instance.intent(5, "other", command(11));
    let opened = vec![Record::IntentOpened(Arc::clone(&intent))];
    instance.hand_over(command(11), vec![saved(1, "copier", 3), saved(1, "copier", 4)], opened, true, move |done| {
        let row = looking.row(product(1)).expect("a look-up").expect("a row");
        let answer = looking.answer(11).expect("a look-up").expect("an answer");
        let visible = looking.ids().page(Product::KIND, 0, 10);
        let _ = port.send((row, answer, visible, *looking.durable().borrow(), done.position));
    });
    let (row, answer, visible, durable, position) = seen.await.expect("released");
    assert_eq!((row.version, row.public_version, row.position), (2, 2, 2));
    assert_eq!((visible, durable, position), (vec![1], 2, 2));
    assert!(matches!(answer.outcome, Outcome::Open));
    let recovered = journal.barrier(product(1), journal.next_generation()).await.expect("passed");
    assert_eq!(recovered.intent.expect("an intent").id, 5);
    assert_eq!(every_fact(&journal).await.len(), 2);
}

async fn positions_and_versions_are_dense_over_many_concurrent_appends(bed: Bed) {
    const STREAMS: u64 = 16;
    const APPENDS: u64 = 40;
    let journal = bed.open().await;
    let mut writers = JoinSet::new();
    for id in 1..=STREAMS {
        let mut instance = Incarnation::start(&journal, product(id)).await;
        writers.spawn(async move {
            let ports: Vec<_> = (0..APPENDS)
                .map(|turn| {
                    let events = (0..=turn % 3).map(|_| saved(id, "copier", 1)).collect();
                    instance.write(command(u128::from(id * 1_000 + turn)), events)
                })
                .collect();
            let mut last = 0;
            for port in ports {
                let position = port.await.expect("released").position;
                assert!(position >= last, "released in order");
                last = position;
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.expect("a writer");
    }
    let facts = every_fact(&journal).await;
    assert_eq!(facts.len() as u64, *journal.durable().borrow());
    for id in 1..=STREAMS {
        let versions = facts.iter().filter(|fact| fact.stream.id == id).map(|fact| fact.version);
        let newest = journal.row(product(id)).expect("a look-up").expect("a row").version;
        assert!(versions.eq(1..=newest), "versions of {id} are dense");
    }
}

async fn outcomes_are_remembered_as_long_as_their_origin_says(bed: Bed) {
    let journal = open_remembering(bed.engine().await, Duration::ZERO).await;
    let mut instance = Incarnation::start(&journal, product(1)).await;
    for (id, origin) in [(1, Origin::Edge), (2, Origin::Keyed), (3, Origin::Policy), (4, Origin::Ask)] {
        let port = instance.write(CommandMeta { origin, ..command(id) }, vec![saved(1, "copier", 3)]);
        port.await.expect("released");
    }
    let refused = Refusal::rule("no", "because");
    instance.answer(command(5), Some(refused.clone())).await.expect("released");
    instance.answer(command(6), None).await.expect("released");
    let look = |id: u128| journal.answer(id).expect("a look-up").map(|answered| answered.outcome.clone());
    assert!(look(1).is_none(), "an unkeyed outcome is recent only");
    assert!(matches!(look(2), Some(Outcome::Done { row: Some(row) }) if row.version == 2), "the row as it was then");
    assert!(matches!(look(3), Some(Outcome::Done { row: None })));
    assert!(matches!(look(4), Some(Outcome::Done { row: None })));
    assert!(matches!(look(5), Some(Outcome::Refused(refusal)) if refusal == refused));
    assert!(matches!(look(6), Some(Outcome::Done { row: Some(row) }) if row.version == 4));
    assert_eq!(journal.answer(2).expect("a look-up").expect("an answer").fingerprint, 7);
}

/// A resend is shown what the first answer showed, whatever the same group did to the row afterwards.
async fn what_changed_nothing_is_answered_with_the_row_of_its_turn(bed: Bed) {
    let journal = bed.open().await;
    let mut instance = Incarnation::start(&journal, product(1)).await;
    let mut unchanged = Vec::new();
    for turn in 0..40_u64 {
        let written = instance.write(command(u128::from(turn)), vec![saved(1, "one", 1)]);
        unchanged.push((turn + 1, instance.answer(command(u128::from(100 + turn)), None)));
        // What is handed over while a group is written shares the next one.
        if turn % 8 == 0 {
            written.await.expect("released");
        }
    }
    for (version, port) in unchanged {
        let shown = port.await.expect("released").row.expect("a row").version;
        let answered = journal.answer(u128::from(99 + version)).expect("a look-up").expect("an answer");
        let Outcome::Done { row: Some(again) } = &answered.outcome else { panic!("{answered:?}") };
        assert_eq!((shown, again.version), (version, version));
    }
}

async fn an_intent_is_open_until_it_is_closed_or_withdrawn(bed: Bed) {
    let journal = bed.open().await;
    let mut instance = Incarnation::start(&journal, product(1)).await;
    let open_ids = || async {
        let open = journal.open_intents().expect("intents");
        open.iter().map(|intent| intent.id).collect::<Vec<_>>()
    };
    let answered = instance.intent(1, "other", command(20));
    let opened = vec![Record::IntentOpened(Arc::clone(&answered))];
    instance.write_with(command(20), vec![saved(1, "asks", 1)], opened, true).await.expect("released");
    assert_eq!(open_ids().await, [1]);
    let close = vec![instance.closed(&answered, Closed::Answered)];
    instance.write_with(command(20), vec![saved(1, "answered", 1)], close, false).await.expect("released");
    assert!(open_ids().await.is_empty());
    let outcome = journal.answer(20).expect("a look-up").expect("an answer").outcome.clone();
    assert!(matches!(outcome, Outcome::Done { row: Some(row) } if row.version == 2));

    for origin in [Origin::Keyed, Origin::Edge] {
        let opener = CommandMeta { origin, ..command(21) };
        let withdrawn = instance.intent(2, "other", opener.clone());
        let opened = vec![Record::IntentOpened(Arc::clone(&withdrawn))];
        instance.write_with(opener, vec![saved(1, "asks", 1)], opened, true).await.expect("released");
        assert!(matches!(journal.answer(21).expect("a look-up").expect("an answer").outcome, Outcome::Open));
        let close = vec![instance.closed(&withdrawn, Closed::Withdrawn)];
        instance.write_with(command(22), vec![saved(1, "withdrawn", 1)], close, false).await.expect("released");
        assert!(open_ids().await.is_empty());
        assert!(journal.answer(21).expect("a look-up").is_none(), "its key is free again");
    }
}

async fn a_large_intent_is_found_open_too(bed: Bed) {
    let journal = bed.open().await;
    let mut instance = Incarnation::start(&journal, product(1)).await;
    let intent = instance.intent(1, &"x".repeat(10_000), command(20));
    let opened = vec![Record::IntentOpened(Arc::clone(&intent))];
    instance.write_with(command(20), vec![saved(1, "asks", 1)], opened, true).await.expect("released");
    let open = journal.open_intents().expect("intents");
    assert_eq!(format!("{open:?}"), format!("{:?}", [&intent]));
    let recovered = journal.barrier(product(1), journal.next_generation()).await.expect("passed");
    assert_eq!(format!("{:?}", recovered.intent), format!("{:?}", Some(&intent)));
}

async fn parked_facts_stay_until_released_or_skipped(bed: Bed) {
    let journal = bed.open().await;
    let park = |position, cause: &str| Parked {
        follower: "shipping".to_owned(),
        stream: product(1).to_string(),
        position,
        cause: cause.to_owned(),
        time_ms: 1_000,
    };
    let parked = [park(1, "waiting"), park(2, &"a long panic ".repeat(1_000)), park(3, "panic")];
    for item in &parked {
        assert_eq!(journal.note(Note::Parked(item.clone())).await, Some(0), "a note takes no position");
    }
    assert_eq!(journal.parked().expect("parked facts"), parked);
    let follower = || "shipping".to_owned();
    journal.note(Note::Released { follower: follower(), position: 1 }).await.expect("written");
    let skipped = Note::Skipped { follower: follower(), position: 3, reason: "obsolete".to_owned() };
    journal.note(skipped).await.expect("written");
    assert_eq!(journal.parked().expect("parked facts"), &parked[1..2]);
}

async fn a_follower_reads_facts_across_memory_and_log(bed: Bed) {
    const EVENTS: usize = 1_024;
    let journal = bed.open().await;
    let mut instance = Incarnation::start(&journal, product(1)).await;
    let appends = FEED_FACTS_MAX / EVENTS + 3;
    let mut last = None;
    for turn in 0..appends {
        let events = (0..EVENTS).map(|_| saved(1, "x", 1)).collect();
        last = Some(instance.write(command(turn as u128), events));
    }
    last.expect("an append").await.expect("released");
    let facts = every_fact(&journal).await;
    assert_eq!(facts.len(), appends * EVENTS);
    assert!(facts.iter().zip(1..).all(|(fact, version)| fact.version == version));
    assert!(journal.facts_from(facts.len() as u64 + 1, 10).await.expect("facts").is_empty());
    assert_eq!(journal.facts_from(3, 2).await.expect("facts").len(), 2);
}

async fn after_a_failed_write_nothing_is_accepted_nor_released(bed: Bed) {
    let faults = Faults::on(bed.engine().await);
    let journal = open_on(Arc::new(Shared(Arc::clone(&faults)))).await;
    let mut instance = Incarnation::start(&journal, product(1)).await;
    instance.write(command(1), vec![saved(1, "copier", 1)]).await.expect("released");
    faults.writes_fail.store(true, Ordering::SeqCst);
    let mut read_only = journal.read_only();
    let (had_room, lost) = (journal.room().expect("room"), instance.write(command(2), vec![saved(1, "copier", 2)]));
    assert!(lost.await.is_err(), "unknown, and never released");
    read_only.wait_for(Option::is_some).await.expect("a journal");
    // Decided on a state that never became durable, and handed over when the disk seems well again.
    faults.writes_fail.store(false, Ordering::SeqCst);
    let (port, late) = oneshot::channel();
    let release = Box::new(move |done| drop(port.send(done)));
    let decided = instance.decided(command(3), vec![saved(1, "copier", 3)], Vec::new(), false, release);
    had_room.append(decided);
    assert!(late.await.is_err(), "what follows a lost group is lost with it");
    assert!(matches!(journal.room(), Err(Unwritable::ReadOnly(_))));
    assert!(journal.note(Note::Seal).await.is_none());
    assert_eq!(*journal.durable().borrow(), 1);
    let recovered = journal.barrier(product(1), journal.next_generation()).await.expect("reads go on");
    assert_eq!(recovered.row.expect("a row").version, 1);
    assert_eq!(every_fact(&journal).await.len(), 1);
}

async fn figures_name_the_last_group(bed: Bed) {
    let engine = bed.engine().await;
    let faults = Faults::on(Arc::clone(&engine));
    faults.applies_left.store(0, Ordering::SeqCst);
    let journal = open_on(Arc::new(Shared(faults))).await;
    Incarnation::start(&journal, product(1))
        .await
        .write(command(1), vec![saved(1, "copier", 1)])
        .await
        .expect("released");
    let last = engine.last_written().await.expect("a log").group;
    assert_eq!(journal.figures().engine.group, last);
    assert!(journal.figures().engine.log_bytes > 0);
}
