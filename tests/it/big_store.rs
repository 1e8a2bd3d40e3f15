//! However many aggregates there are: starts, memory and pages stay within their bounds.
//!
//! `RESURGAM_STORE_PRODUCTS` sets how many products there are, each with its copies at rental and delivery.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::campaign::{alone, setting};
use crate::client::Request;
use crate::edge::total;
use crate::support::{Server, now};

const CLIENTS: u64 = 64;
const READY_MAX: Duration = Duration::from_secs(4);
const READY_WITHOUT_STORE_MAX: Duration = Duration::from_secs(60);
const MEMORY_MAX_KIB: u64 = 1024 * 1024;
const PAGE_MAX: Duration = Duration::from_millis(20);
/// The documented size up to which a list is sorted by any field.
const SORTED_MAX: u64 = 10_000;
const CAUGHT_UP_TIMEOUT: Duration = Duration::from_secs(300);

#[test]
fn a_big_store_starts_soon_stays_small_and_pages_fast() {
    let _machine = alone();
    let products = setting("RESURGAM_STORE_PRODUCTS", 20_000);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut server = Server::start(dir.path(), &[]);
    let created = timed(|| create(&server, products));
    let behind = timed(|| server.comes_to_rest(CAUGHT_UP_TIMEOUT));
    let used = server.memory_kib();
    let pages = [slowest_page(&server, 0), slowest_page(&server, (products - 1) / 20)];
    sorting_is_bounded(&server, products);

    server.kill9();
    let ready = server.restart_within(READY_WITHOUT_STORE_MAX);
    assert_eq!(total(&server, "product", "/products"), products);
    server.kill9();
    fs::remove_dir_all(dir.path().join("data/sled")).expect("a store");
    let ready_without_store = server.restart_within(2 * READY_WITHOUT_STORE_MAX);
    assert_eq!(total(&server, "product", "/products"), products);
    let remade = timed(|| server.comes_to_rest(CAUGHT_UP_TIMEOUT));
    let pages_after = [slowest_page(&server, 0), slowest_page(&server, (products - 1) / 20)];
    let used_after = server.memory_kib();

    eprintln!(
        "== big store: {products} products with their copies made in {:.1} s, copies {:.1} s behind; ready after kill -9 in {} ms, \
         without its store in {} ms (views {:.1} s later); {} MiB, {} MiB after; first page {:?}, last {:?}, after {:?} and {:?}",
        created.as_secs_f64(),
        behind.as_secs_f64(),
        ready.as_millis(),
        ready_without_store.as_millis(),
        remade.as_secs_f64(),
        used / 1024,
        used_after / 1024,
        pages[0],
        pages[1],
        pages_after[0],
        pages_after[1],
    );
    assert!(server.said().contains("made again"), "a start that makes its store again says so");
    assert!(ready < READY_MAX, "ready only after {ready:?}");
    assert!(ready_without_store < READY_WITHOUT_STORE_MAX, "ready without a store only after {ready_without_store:?}");
    assert!(used.max(used_after) < MEMORY_MAX_KIB, "{used} and {used_after} KiB");
    assert!(pages.iter().chain(&pages_after).all(|page| *page < PAGE_MAX), "{pages:?} {pages_after:?}");
}

fn timed(work: impl FnOnce()) -> Duration {
    let started: Instant = now();
    work();
    started.elapsed()
}

fn create(server: &Server, products: u64) {
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                let mut connection = server.client("product");
                for number in (client..products).step_by(CLIENTS as usize) {
                    let body = format!(r#"{{"name":"product {number}","qty":{}}}"#, number % 100);
                    let answer = connection.send(&Request::post("/products", &body));
                    assert_eq!(answer.status, 201, "{}", answer.text());
                }
            });
        }
    });
}

/// The median of nine, so that a hiccup of the machine is not the server's.
fn slowest_page(server: &Server, page: u64) -> Duration {
    let mut client = server.client("product");
    let mut took: Vec<Duration> = (0..9)
        .map(|_| {
            timed(|| {
                let answer = client.send(&Request::get(&format!("/products?page={page}&sort=id,asc")));
                assert_eq!(answer.status, 200, "{}", answer.text());
                assert!(!answer.json()["_embedded"]["products"].as_array().expect("a page").is_empty());
            })
        })
        .collect();
    took.sort();
    took[took.len() / 2]
}

fn sorting_is_bounded(server: &Server, products: u64) {
    let answer = server.get("product", "/products?sort=name,desc");
    match products > SORTED_MAX {
        true => {
            assert_eq!(answer.status, 400, "{}", answer.text());
            assert!(answer.text().contains("too many to sort"), "{}", answer.text());
        }
        false => assert_eq!(answer.status, 200, "{}", answer.text()),
    }
}
