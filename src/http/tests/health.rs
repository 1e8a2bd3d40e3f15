//! What probes are told: a process lives while its event loop turns and its supervisors answer, and takes work in between.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Aggregate as _, Stream};
use crate::http::health::{Pulse, Vitals, is_good, live, ready, text};
use crate::systems::oa_rental::product::Product;

use super::house::{Ask, House, PRODUCT, STILL_MAX};

const LOOKS_TO_SILENCE: usize = 12;

/// Looks so often at an event loop that beats, which is not let run meanwhile.
fn look(house: &House, pulse: &mut Pulse, times: usize) {
    for _ in 0..times {
        house.edge.vitals.beat(Duration::ZERO);
        pulse.look();
    }
}

/// Lets every actor do what it was told.
async fn work() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_tree_that_does_not_answer_is_told_by_name_and_one_that_answers_again_lives() {
    let house = House::start().await;
    work().await;
    let mut pulse = Pulse::of(Arc::clone(&house.edge.vitals));
    look(&house, &mut pulse, LOOKS_TO_SILENCE - 1);
    assert_eq!(house.operate(Ask::get("/livez")).await.status, 200, "silent for a second");
    look(&house, &mut pulse, 1);
    let told = house.operate(Ask::get("/livez")).await;
    assert_eq!((told.status, told.body.as_str()), (503, "[-] supervisors: the root has not answered for 2 s\n"));
    for (path, body) in
        [("health/liveness", r#"{"status":"DOWN"}"#), ("health/readiness", r#"{"status":"OUT_OF_SERVICE"}"#)]
    {
        let told = house.send(PRODUCT, Ask::get(&format!("/actuator/{path}"))).await;
        assert_eq!((told.status, told.body.as_str()), (503, body), "{path}");
    }
    work().await;
    assert_eq!(house.operate(Ask::get("/livez")).await.status, 200);
    assert_eq!(house.edge.runtime.most_silent(), None, "every supervisor has answered every question");
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_was_killed_answers_in_its_next_incarnation() {
    let house = House::with_a_computer().await;
    house.quiet().await;
    let runtime = &house.edge.runtime;
    assert!(runtime.kill_service_of(Stream::new(Product::KIND, 1)));
    runtime.call_roll();
    work().await;
    runtime.call_roll();
    work().await;
    assert_eq!(runtime.most_silent(), None);
}

#[tokio::test(start_paused = true)]
async fn every_check_is_told_with_what_it_found_where_that_is_wished() {
    let house = House::with_a_computer().await;
    house.quiet().await;
    let plain = house.operate(Ask::get("/readyz")).await;
    assert_eq!((plain.status, plain.body.as_str()), (200, "ok\n"));
    let verbose = house.operate(Ask::get("/readyz?verbose")).await.body;
    let names: Vec<&str> = verbose.lines().filter_map(|line| line.strip_prefix("[+] ")?.split(": ").next()).collect();
    assert_eq!(names, ["event-loop", "supervisors", "recovered", "log", "traffic"], "{verbose}");
    house.edge.journal.clone().close().await;
    house.edge.draining.send_replace(true);
    let told = house.operate(Ask::get("/readyz")).await;
    assert_eq!(told.status, 503);
    let faults: Vec<&str> = told.body.lines().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(faults, ["[-] log", "[-] traffic"], "{told:?}");
    assert_eq!(house.operate(Ask::get("/livez")).await.status, 200, "no reason to restart");
}

#[test]
fn a_process_that_recovers_lives_and_takes_no_work_yet() {
    let vitals = Vitals::new(STILL_MAX);
    assert!(is_good(&live(&vitals)));
    let checks = ready(&vitals);
    assert!(!is_good(&checks));
    assert!(text(&checks, false).starts_with("[-] recovered: not yet"), "{checks:?}");
}
