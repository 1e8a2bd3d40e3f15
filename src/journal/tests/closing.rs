//! How a journal ends: sealed, with nothing behind the seal and nobody left waiting.

use tokio::task::JoinSet;

use super::super::Note;
use super::*;

on_both! {
    a_clean_close_ends_with_a_seal
    a_close_under_load_ends_with_a_seal_and_loses_nothing
    after_the_close_every_clone_refuses
}

async fn last_record(bed: &Bed) -> Option<Record> {
    every_record(&*bed.engine().await).await.pop()
}

async fn a_clean_close_ends_with_a_seal(bed: Bed) {
    let journal = bed.open().await;
    Incarnation::start(&journal, product(1)).await.write(command(1), vec![saved(1, "one", 1)]).await.expect("released");
    journal.close().await;
    assert!(matches!(last_record(&bed).await, Some(Record::Note(Note::Seal))));
    bed.open().await.close().await;
    assert!(matches!(last_record(&bed).await, Some(Record::Note(Note::Seal))));
}

async fn a_close_under_load_ends_with_a_seal_and_loses_nothing(bed: Bed) {
    let journal = bed.open().await;
    let mut writers = JoinSet::new();
    for id in 1..=4 {
        let mut instance = Incarnation::start(&journal, product(id)).await;
        writers.spawn(async move {
            let mut ports = Vec::new();
            while instance.journal.room().is_ok() && ports.len() < 2_000 {
                ports.push(
                    instance.write(command(u128::from(id) * 10_000 + ports.len() as u128), vec![saved(id, "x", 1)]),
                );
                tokio::task::yield_now().await;
            }
            let mut released = 0;
            for port in ports {
                released += usize::from(port.await.is_ok());
            }
            released
        });
    }
    let mut durable = journal.durable();
    durable.wait_for(|position| *position > 20).await.expect("a journal");
    journal.close().await;
    let mut released = 0;
    while let Some(ended) = writers.join_next().await {
        released += ended.expect("a writer");
    }
    assert!(matches!(last_record(&bed).await, Some(Record::Note(Note::Seal))), "nothing is written behind the seal");
    let journal = bed.open().await;
    assert!(every_fact(&journal).await.len() >= released, "everything released is there");
}

async fn after_the_close_every_clone_refuses(bed: Bed) {
    let journal = bed.open().await;
    let left = journal.clone();
    let mut instance = Incarnation::start(&left, product(1)).await;
    instance.write(command(1), vec![saved(1, "one", 1)]).await.expect("released");
    journal.close().await;
    assert!(left.room().is_err());
    assert!(left.note(Note::Seal).await.is_none());
    assert!(left.barrier(product(1), left.next_generation()).await.is_none());
}
