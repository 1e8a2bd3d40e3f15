//! More than there is room for, of one thing or of all of them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crate::campaign::pace::{Waits, at_pace};
use crate::campaign::{Dice, alone, seed};
use crate::client::Request;
use crate::support::{Server, now};

const FLOODERS: u64 = 8;
/// Each flooder's requests a second, if it is answered in time.
const PER_SECOND: u32 = 100;
const LIVE_MAX: u64 = 100;
const PRODUCTS: u64 = 5_000;

/// Has flooders change products beside the good clients; returns how many changes were answered.
fn flooded(server: &Server, seed: u64, id: impl Fn(&mut Dice) -> u64 + Sync, trouble: &str) -> u64 {
    let answered = AtomicU64::new(0);
    let waits = Waits::beside(server, |window| {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            for number in 0..FLOODERS {
                let (is_over, answered, id) = (&is_over, &answered, &id);
                scope.spawn(move || {
                    let (mut client, mut dice) = (server.client("product"), Dice::new(seed ^ number));
                    at_pace(now(), PER_SECOND, |_| {
                        let path = format!("/products/{}", id(&mut dice));
                        let answer = client.send(&Request::new("PATCH", &path).json(r#"{"qty":1}"#));
                        assert!(answer.is_success(), "{path}: {} {}", answer.status, answer.text());
                        answered.fetch_add(1, Ordering::Relaxed);
                        !is_over.load(Ordering::Relaxed)
                    });
                });
            }
            window();
            is_over.store(true, Ordering::Relaxed);
        });
    });
    waits.check(trouble);
    answered.into_inner()
}

#[test]
fn a_key_that_everybody_wants_does_not_make_others_wait() {
    let _machine = alone();
    let seed = seed();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &[]);
    for _ in 0..2 {
        assert_eq!(server.send("product", &Request::post("/products", r#"{"name":"hot","qty":9}"#)).status, 201);
    }
    let rate = FLOODERS * u64::from(PER_SECOND);
    flooded(&server, seed, |_| 2, &format!("nemesis: one key wanted {rate} times a second"));
    assert!(server.wounds(&[]).is_empty());
}

#[test]
fn more_aggregates_than_may_live_come_and_go_and_nobody_waits_for_them() {
    let _machine = alone();
    let seed = seed();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &["--set", &format!("actors.live_max={LIVE_MAX}")]);
    thread::scope(|scope| {
        for _ in 0..FLOODERS {
            scope.spawn(|| {
                let mut client = server.client("product");
                for _ in 0..PRODUCTS / FLOODERS {
                    let made = client.send(&Request::post("/products", r#"{"name":"one of many","qty":1}"#));
                    assert_eq!(made.status, 201, "{}", made.text());
                }
            });
        }
    });
    let trouble = format!("nemesis: {PRODUCTS} aggregates of which {LIVE_MAX} may live");
    let changed = flooded(&server, seed, |dice| 2 + dice.below(PRODUCTS - 1), &trouble);
    let starts: f64 = server
        .metrics()
        .iter()
        .filter(|line| line.starts_with("resurgam_actor_starts_total") && line.contains("oa-rental/product/product"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    assert!(starts > changed as f64 / 2.0, "only {starts} starts for {changed} changes: nobody had to leave");
    let live = server.metrics().into_iter().find(|line| line.starts_with("resurgam_actors_live")).unwrap_or_default();
    assert!(server.wounds(&[]).is_empty(), "{live}");
}
