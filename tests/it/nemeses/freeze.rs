//! A process that is stopped and goes on, as on a machine that was suspended.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::campaign::audit::{Faults, audit};
use crate::campaign::ledger::Writer;
use crate::campaign::pace::Waits;
use crate::campaign::{Doors, alone, seed, setting};
use crate::support::{Server, poll};

const WRITERS: u64 = 4;

#[test]
fn a_process_that_stood_still_goes_on_with_everything() {
    let _machine = alone();
    let seed = seed();
    let frozen_for = Duration::from_secs(setting("RESURGAM_FREEZE_SECONDS", 3));
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut server = Server::start(dir.path(), &[]);
    let mut writers: Vec<Writer> = (0..WRITERS).map(|number| Writer::new(&server, number, seed)).collect();
    let (is_over, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    let after = thread::scope(|scope| {
        for writer in &mut writers {
            let (server, is_over, answered) = (&server, &is_over, &answered);
            scope.spawn(move || {
                let mut doors = Doors::new(server);
                while !is_over.load(Ordering::Relaxed) {
                    // A client of its own patience gives up while the process stands still, and comes back.
                    match writer.step(&mut doors) {
                        Ok(()) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                        Err(_) => doors = Doors::new(server),
                    }
                }
            });
        }
        let goes_on = || {
            let before = answered.load(Ordering::Relaxed);
            poll(Duration::from_secs(30), || (answered.load(Ordering::Relaxed) > before + 500).then_some(()))
        };
        goes_on().expect("the writers are answered");
        server.freeze();
        thread::park_timeout(frozen_for);
        server.thaw();
        let after = goes_on();
        is_over.store(true, Ordering::Relaxed);
        after
    });
    assert!(after.is_some(), "nobody is answered after the process stood still for {frozen_for:?}");
    assert_eq!(server.ended(), None, "it ended by itself: {}", server.said());
    let mut faults = Faults::default();
    writers.iter_mut().for_each(|writer| writer.settle(&server, &mut faults));
    let found = audit(&server, &mut writers);
    assert!(faults.is_empty() && found.is_empty(), "RESURGAM_SEED={seed}: {faults:#?} {found:#?}");
    let waits = Waits::beside(&server, |window| {
        server.freeze();
        server.thaw();
        window();
    });
    waits.check(&format!("nemesis: a process that stood still for {frozen_for:?}, nothing lost"));
}
