//! What a journal tells after it was closed, crashed, or lost its store: the same as before.

use std::sync::atomic::Ordering;

use super::super::{Note, Parked, Step};
use super::faults::{Faults, Shared};
use super::*;

on_both! {
    a_closed_journal_tells_the_same_when_opened_again
    a_crashed_journal_tells_the_same_when_opened_again
    a_journal_that_lost_its_store_tells_the_same
    a_kill_before_the_mark_moves_is_healed
    a_value_that_leaves_before_the_first_group_does_not_move_the_mark_back
    a_store_that_refused_values_is_healed
    a_store_that_lags_at_every_group_is_healed
    the_sequence_of_ids_goes_on
    a_follower_s_position_survives
    a_finished_command_s_outcome_never_reaches_the_store_and_is_back_when_the_position_is_lost
    what_policies_have_done_survives_a_lost_store
    unkeyed_outcomes_are_not_stored
    large_values_survive
}

/// A story with every kind of record; its streams and commands.
async fn a_full_life(journal: &Journal) -> (Vec<Stream>, Vec<u128>) {
    let mut ports = Vec::new();
    let mut asker = Incarnation::start(journal, product(1)).await;
    ports.push(asker.write(command(1), vec![saved(1, "one", 1), saved(1, "two", 2)]));
    ports.push(asker.answer(command(2), Some(Refusal::rule("no", "because"))));
    ports.push(asker.answer(command(3), None));
    let open = asker.intent(1, "other", command(4));
    let answered = asker.intent(2, "other", command(5));
    let withdrawn = asker.intent(3, "other", command(6));
    for (intent, how) in [(answered, Closed::Answered), (withdrawn, Closed::Withdrawn)] {
        let opener = intent.opened_by.clone();
        let opened = vec![Record::IntentOpened(Arc::clone(&intent))];
        ports.push(asker.write_with(opener.clone(), vec![saved(1, "asks", 1)], opened, true));
        let (close, closer) =
            (vec![asker.closed(&intent, how)], if how == Closed::Answered { opener } else { command(7) });
        ports.push(asker.write_with(closer, vec![saved(1, "closed", 1)], close, false));
    }
    ports.push(asker.write_with(command(4), Vec::new(), vec![Record::IntentOpened(open)], true));
    for origin in [Origin::Policy, Origin::Ask] {
        let id = if origin == Origin::Policy { 8 } else { 9 };
        let mut other = Incarnation::start(journal, product(u64::from(id == 9) + 2)).await;
        let events = vec![saved(other.stream.id, "other", 1)];
        ports.push(other.write(CommandMeta { origin, ..command(id) }, events));
        ports.push(other.write(command(id + 10), vec![saved(other.stream.id, "again", 2)]));
    }
    for port in ports {
        port.await.expect("released");
    }
    let park = |position| Parked {
        follower: "shipping".to_owned(),
        stream: product(1).to_string(),
        position,
        cause: "waiting".to_owned(),
        time_ms: 1_000,
    };
    for note in [Note::Parked(park(1)), Note::Parked(park(2))] {
        journal.note(note).await.expect("written");
    }
    journal.note(Note::Released { follower: "shipping".to_owned(), position: 1 }).await.expect("written");
    ((1..=4).map(product).collect(), (1..=20).collect())
}

async fn a_closed_journal_tells_the_same_when_opened_again(bed: Bed) {
    let journal = bed.open().await;
    let (streams, commands) = a_full_life(&journal).await;
    let before = told(&journal, &streams, &commands);
    let facts = format!("{:?}", every_fact(&journal).await);
    journal.close().await;
    let journal = bed.open().await;
    assert_eq!(told(&journal, &streams, &commands), before);
    assert_eq!(format!("{:?}", every_fact(&journal).await), facts);
}

async fn a_crashed_journal_tells_the_same_when_opened_again(bed: Bed) {
    let engine = bed.engine().await;
    let journal = open_on(Arc::clone(&engine)).await;
    let (streams, commands) = a_full_life(&journal).await;
    let before = told(&journal, &streams, &commands);
    crash(journal, engine).await;
    assert_eq!(told(&bed.open().await, &streams, &commands), before);
}

async fn a_journal_that_lost_its_store_tells_the_same(bed: Bed) {
    let journal = bed.open().await;
    let (streams, commands) = a_full_life(&journal).await;
    let before = told(&journal, &streams, &commands);
    journal.close().await;
    // Whoever holds the directory last must be gone before something is taken from under it.
    drop(bed.engine().await);
    bed.lose_store();
    let journal = bed.open().await;
    assert_eq!(told(&journal, &streams, &commands), before);
    journal.close().await;
    assert_eq!(told(&bed.open().await, &streams, &commands), before);
}

async fn a_kill_before_the_mark_moves_is_healed(bed: Bed) {
    let engine = bed.engine().await;
    let faults = Faults::on(Arc::clone(&engine));
    faults.mark_stays.store(true, Ordering::SeqCst);
    let journal = open_on(Arc::new(Shared(faults))).await;
    let (streams, commands) = a_full_life(&journal).await;
    let before = told(&journal, &streams, &commands);
    journal.core.overlay.drained().await;
    assert_eq!(journal.figures().store_group, 0);
    crash(journal, engine).await;
    let journal = bed.open().await;
    assert_eq!(told(&journal, &streams, &commands), before);
    journal.core.overlay.drained().await;
    assert!(journal.figures().store_group > 0);
}

async fn a_value_that_leaves_before_the_first_group_does_not_move_the_mark_back(bed: Bed) {
    let engine = bed.engine().await;
    let journal = open_on(Arc::clone(&engine)).await;
    a_full_life(&journal).await;
    journal.core.overlay.drained().await;
    let mark = engine.mark().expect("a mark");
    crash(journal, engine).await;
    let engine = bed.engine().await;
    let journal = open_on(Arc::clone(&engine)).await;
    let follower = Arc::from("view");
    let incarnation = journal.begin_following(&follower);
    journal.advance(&follower, incarnation, Step { position: 1, ..Step::default() }).await;
    journal.core.overlay.drained().await;
    assert!(mark > 0 && engine.mark().expect("a mark") >= mark, "the whole log would be replayed");
}

async fn a_store_that_refused_values_is_healed(bed: Bed) {
    let engine = bed.engine().await;
    let faults = Faults::on(Arc::clone(&engine));
    let journal = open_on(Arc::new(Shared(Arc::clone(&faults)))).await;
    faults.applies_left.store(0, Ordering::SeqCst);
    let mut instance = Incarnation::start(&journal, product(1)).await;
    instance.write(command(1), vec![saved(1, "one", 1)]).await.expect("released");
    while faults.applies_refused.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    for id in 2..=3 {
        Incarnation::start(&journal, product(id))
            .await
            .write(command(id.into()), vec![saved(id, "other", 1)])
            .await
            .expect("released");
    }
    // The next try takes the first batch again; then the process dies.
    faults.applies_left.store(1, Ordering::SeqCst);
    while journal.figures().store_group == 0 {
        tokio::task::yield_now().await;
    }
    drop(faults);
    let marked = journal.figures().store_group;
    drop(instance);
    crash(journal, engine).await;
    let engine = bed.engine().await;
    for record in every_record(&*engine).await.iter().take(usize::try_from(marked).expect("small")) {
        let Record::Facts(facts) = record else { continue };
        let stored = engine.get(&Key::Row(facts.stream)).expect("a look-up");
        assert!(stored.is_some(), "{} is in a group up to the mark {marked}", facts.stream);
    }
    let journal = open_on(engine).await;
    for id in 1..=3 {
        assert_eq!(journal.row(product(id)).expect("a look-up").expect("a row").version, 1);
    }
}

async fn a_store_that_lags_at_every_group_is_healed(bed: Bed) {
    let engine = bed.engine().await;
    let faults = Faults::on(Arc::clone(&engine));
    faults.mark_stays.store(true, Ordering::SeqCst);
    let journal = open_on(Arc::new(Shared(faults))).await;
    let mut instance = Incarnation::start(&journal, product(1)).await;
    instance.write(command(1), vec![saved(1, "one", 1)]).await.expect("released");
    // Accepted without a change, then overtaken: its answer shows the row as it was.
    instance.answer(command(2), None).await.expect("released");
    instance.write(command(3), vec![saved(1, "two", 1)]).await.expect("released");
    let (streams, commands) = (vec![product(1)], vec![1, 2, 3]);
    let before = told(&journal, &streams, &commands);
    drop(instance);
    crash(journal, engine).await;
    assert_eq!(told(&bed.open().await, &streams, &commands), before);
}

async fn the_sequence_of_ids_goes_on(bed: Bed) {
    let journal = bed.open().await;
    for expected in 1..=70 {
        let id = journal.ids().allocate(Product::KIND);
        assert_eq!(id, expected);
        Incarnation::start(&journal, product(id))
            .await
            .write(command(id.into()), vec![saved(id, "x", 1)])
            .await
            .expect("released");
    }
    journal.close().await;
    let journal = bed.open().await;
    assert_eq!(journal.ids().allocate(Product::KIND), 71);
    assert_eq!(journal.ids().page(Product::KIND, 60, 100), (61..=70).collect::<Vec<_>>());
}

async fn a_follower_s_position_survives(bed: Bed) {
    let journal = bed.open().await;
    let follower: Arc<str> = Arc::from("oa-rental/information");
    assert_eq!(journal.progress(&follower).expect("a look-up"), 0);
    Incarnation::start(&journal, product(1)).await.write(command(1), vec![saved(1, "x", 1)]).await.expect("released");
    let incarnation = journal.begin_following(&follower);
    journal.advance(&follower, incarnation, Step { position: 1, ..Step::default() }).await;
    let _successor = journal.begin_following(&follower);
    journal.advance(&follower, incarnation, Step { position: 9, ..Step::default() }).await;
    assert_eq!(journal.progress(&follower).expect("a look-up"), 1);
    journal.close().await;
    assert_eq!(bed.open().await.progress(&follower).expect("a look-up"), 1);
}

async fn a_finished_command_s_outcome_never_reaches_the_store_and_is_back_when_the_position_is_lost(bed: Bed) {
    let engine = bed.engine().await;
    let faults = Faults::on(Arc::clone(&engine));
    faults.applies_left.store(0, Ordering::SeqCst);
    let journal = open_on(Arc::new(Shared(faults))).await;
    let follower: Arc<str> = Arc::from("shipping/policies");
    let incarnation = journal.begin_following(&follower);
    let mut target = Incarnation::start(&journal, product(1)).await;
    let ordered = CommandMeta { origin: Origin::Policy, ..command(8) };
    target.write(ordered, vec![saved(1, "shipped", 1)]).await.expect("released");
    let done = Step { position: 1, finished: vec![8], rows: Vec::new() };
    // The store refuses everything, so what was taken out of the overlay is nowhere but in the log.
    journal.advance(&follower, incarnation, done.clone()).await;
    assert!(journal.answer(8).expect("read").is_some(), "one that is on its way still may ask");
    drop(target);
    crash(journal, engine).await;
    let engine = bed.engine().await;
    let journal = open_on(Arc::clone(&engine)).await;
    assert_eq!(journal.progress(&follower).expect("a position"), 0, "it follows the fact again");
    assert!(journal.answer(8).expect("read").is_some(), "and finds its command done");
    let incarnation = journal.begin_following(&follower);
    journal.advance(&follower, incarnation, done).await;
    journal.core.overlay.drained().await;
    assert_eq!(journal.progress(&follower).expect("a position"), 1);
}

async fn what_policies_have_done_survives_a_lost_store(bed: Bed) {
    let journal = bed.open().await;
    let follower: Arc<str> = Arc::from("oa-rental/rental/policies");
    Incarnation::start(&journal, product(1)).await.write(command(1), vec![saved(1, "x", 1)]).await.expect("released");
    let followed = Note::Followed { follower: follower.to_string(), position: 1 };
    journal.note(followed).await.expect("noted");
    journal.close().await;
    drop(bed.engine().await);
    bed.lose_store();
    assert_eq!(bed.open().await.progress(&follower).expect("a look-up"), 1);
}

async fn unkeyed_outcomes_are_not_stored(bed: Bed) {
    let journal = bed.open().await;
    let mut instance = Incarnation::start(&journal, product(1)).await;
    let unkeyed = CommandMeta { origin: Origin::Edge, ..command(1) };
    instance.write(unkeyed, vec![saved(1, "x", 1)]).await.expect("released");
    instance.write(command(2), vec![saved(1, "y", 1)]).await.expect("released");
    assert!(journal.answer(1).expect("a look-up").is_some());
    drop(instance);
    journal.close().await;
    let engine = bed.engine().await;
    assert!(engine.get(&Key::Answer(1)).expect("a look-up").is_none());
    assert!(engine.get(&Key::Answer(2)).expect("a look-up").is_some());
}

async fn large_values_survive(bed: Bed) {
    let journal = bed.open().await;
    let mut instance = Incarnation::start(&journal, product(1)).await;
    for turn in 1..=3_u128 {
        // Growing and shrinking over what sled takes in one piece.
        for length in [4_000, 4_096, 20_000, 10, 9_000] {
            let name = "ä".repeat(length / 2);
            let id = turn * 100_000 + length as u128;
            instance.write(command(id), vec![saved(1, &name, 1)]).await.expect("released");
        }
    }
    let commands = [100_010, 120_000, 309_000];
    let before = told(&journal, &[product(1)], &commands);
    drop(instance);
    journal.close().await;
    assert_eq!(told(&bed.open().await, &[product(1)], &commands), before);
}
