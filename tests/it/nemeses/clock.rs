//! A wall clock that jumps an hour ahead and two hours back, as after a wrong time server.

use std::fs;
use std::path::{Path, PathBuf};

use crate::campaign::audit::{Faults, audit};
use crate::campaign::ledger::Writer;
use crate::campaign::{alone, seed, write_until};
use crate::client::Request;
use crate::support::Server;

const WRITERS: u64 = 4;
const ANSWERS: u64 = 1_000;

/// The library that lies about the time; the package `faketime` brings it.
fn library() -> PathBuf {
    let places = fs::read_dir("/usr/lib").expect("a machine has libraries").flatten().map(|place| place.path());
    let mut found = places.map(|place| place.join("faketime/libfaketimeMT.so.1")).filter(|library| library.exists());
    found.next().expect("libfaketime is installed: the package is called faketime")
}

fn set_clock(file: &Path, offset: &str) {
    // Replaced and not written over: it is read at any moment.
    let next = file.with_extension("next");
    fs::write(&next, offset).expect("the clock can be set");
    fs::rename(&next, file).expect("the clock can be set");
}

#[test]
fn a_clock_that_jumps_loses_nothing_and_answers_a_repeated_key_as_before() {
    let _machine = alone();
    let seed = seed();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let clock = dir.path().join("clock");
    set_clock(&clock, "+0");
    let mut server = Server::new(dir.path(), &dir.path().join("server.log"), &[]);
    let preload = format!("LD_PRELOAD={}", library().display());
    let file = format!("FAKETIME_TIMESTAMP_FILE={}", clock.display());
    // Only the wall clock jumps: a monotonic one that does is no such clock.
    server.run_below(&["env", &preload, &file, "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"]);
    server.restart();
    let mut writers: Vec<Writer> = (0..WRITERS).map(|number| Writer::new(&server, number, seed)).collect();
    let keyed = Request::post("/products", r#"{"name":"keyed","qty":1}"#).header("Idempotency-Key", "one of a kind");
    let made = server.send("product", &keyed).located_id();
    let (mut faults, mut answered) = (Faults::default(), 0);
    for offset in ["+3600", "-3600", "+0"] {
        // Jumps under a process that runs, and under one that starts.
        set_clock(&clock, offset);
        let again = || server.send("product", &keyed).located_id();
        assert_eq!(again(), made, "wall clock {offset}: a repeated key is answered as before");
        answered += write_until(&mut server, &mut writers, Writer::step, ANSWERS, Server::kill9);
        server.restart();
        writers.iter_mut().for_each(|writer| writer.settle(&server, &mut faults));
        assert_eq!(server.send("product", &keyed).located_id(), made, "wall clock {offset}: and after a start");
    }
    // In nobody's ledger.
    let gone = Request::delete(&format!("/products/{}", made.expect("it was made")));
    assert_eq!(server.send("product", &gone).status, 204);
    let found = audit(&server, &mut writers);
    assert!(faults.is_empty() && found.is_empty(), "RESURGAM_SEED={seed}: {faults:#?} {found:#?}");
    assert_eq!(server.ended(), None, "it ended by itself: {}", server.said());
    eprintln!("== nemesis: a clock an hour ahead and two back, {answered} requests answered, nothing lost");
}
