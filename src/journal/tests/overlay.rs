//! The two generations: nothing is marked that the store does not hold.

use super::super::overlay::{Entry, FRESH_BYTES_MAX, Overlay};
use super::*;

fn entry(position: u64) -> (Key, Entry) {
    (Key::Progress(Arc::from(format!("follower {position}"))), Entry { position, value: Some(Value::Progress) })
}

#[tokio::test]
async fn a_batch_taken_again_has_the_mark_it_had() {
    let overlay = Overlay::default();
    overlay.put([entry(1)]);
    overlay.mark(1);
    assert_eq!(overlay.leave().await.1, 1);
    overlay.put([entry(2)]);
    overlay.mark(2);
    // The applier failed, or died before it said so: what it takes again does not hold group 2.
    let again = overlay.leave().await;
    assert_eq!((again.0.len(), again.1), (1, 1));
    overlay.left(100);
    let next = overlay.leave().await;
    assert_eq!((next.0.len(), next.1), (1, 2));
}

#[tokio::test]
async fn a_value_is_found_in_either_generation_and_the_newer_wins() {
    let overlay = Overlay::default();
    let key = Key::Progress(Arc::from("a follower"));
    let at = |position| (key.clone(), Entry { position, value: Some(Value::Progress) });
    overlay.put([at(1)]);
    overlay.leave().await;
    assert_eq!(overlay.get(&key).expect("leaving").position, 1);
    overlay.put([at(2)]);
    assert_eq!(overlay.get(&key).expect("fresh").position, 2);
    overlay.left(100);
    assert_eq!(overlay.get(&key).expect("fresh").position, 2);
    assert_eq!(overlay.leave().await.0.len(), 1);
    overlay.left(100);
    assert!(overlay.get(&key).is_none() && overlay.is_empty());
}

#[tokio::test]
async fn an_older_value_does_not_replace_a_newer_one() {
    let overlay = Overlay::default();
    let key = Key::Progress(Arc::from("a follower"));
    overlay.put([(key.clone(), Entry { position: 9, value: Some(Value::Progress) })]);
    overlay.put([(key.clone(), Entry { position: 8, value: Some(Value::Progress) })]);
    assert_eq!(overlay.get(&key).expect("fresh").position, 9, "a follower that was killed says it late");
}

#[tokio::test]
async fn a_full_overlay_makes_room_wait_and_wakes_it() {
    let overlay = Arc::new(Overlay::default());
    // Of 1,000 bytes each, as those that left last.
    overlay.put([entry(0)]);
    overlay.leave().await;
    overlay.left(1_000);
    overlay.put((0..FRESH_BYTES_MAX as u64 / 1_000).map(entry));
    let room = overlay.room();
    tokio::pin!(room);
    assert!(futures_util::poll!(room.as_mut()).is_pending());
    let drained = overlay.drained();
    tokio::pin!(drained);
    assert!(futures_util::poll!(drained.as_mut()).is_pending());
    overlay.leave().await;
    room.await;
    assert!(futures_util::poll!(drained.as_mut()).is_pending());
    overlay.left(100);
    drained.await;
}

#[tokio::test]
async fn waiting_for_what_is_there_does_not_wait_for_what_comes_later() {
    let overlay = Overlay::default();
    overlay.put([entry(1)]);
    let drained = overlay.drained();
    tokio::pin!(drained);
    assert!(futures_util::poll!(drained.as_mut()).is_pending());
    overlay.leave().await;
    // Under load something is always fresh.
    overlay.put([entry(2)]);
    overlay.left(100);
    assert!(futures_util::poll!(drained.as_mut()).is_ready());
}
