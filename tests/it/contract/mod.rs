//! The contract of the edge row by row, T001 to T200, at a real server that is asked in the rows' order.
//!
//! Where the originals had a quirk, the row says what the RFCs say. Rows that mean nothing here are listed with why. The
//! rows that name oa-rental's bodies are here; those of any collection are asked of every collection of every system too.

use std::collections::BTreeSet;

use self::not_here::NOT_HERE;
use self::row::Row;
use self::run::Run;
use crate::support::Server;

mod row;
mod run;
pub(crate) mod hal;

mod describe;
mod collections;
mod posts;
mod items;
mod conditions;
mod doors;
mod breakers;
mod beyond;
mod every;
mod not_here;

const LAST: usize = 200;

/// Every row in the order they are asked: each finds what those before it made.
fn rows() -> Vec<Row> {
    let parts = [
        describe::rows(),
        collections::empty(),
        posts::first(),
        collections::one(),
        collections::few(),
        collections::many(),
        collections::others(),
        posts::rows(),
        items::rows(),
        conditions::rows(),
        doors::rows(),
        beyond::rows(),
    ];
    parts.into_iter().flatten().collect()
}

#[test]
fn every_row_of_the_contract_is_answered_as_it_says() {
    let mut faults = faults_at(&[], &rows());
    faults.extend(faults_at(&["--set", "edge.trusted_proxies=127.0.0.1"], &doors::behind_a_proxy()));
    faults.extend(faults_at(breakers::SETTINGS, &breakers::rows()));
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// What is wrong with the answers of a server that is started so.
fn faults_at(settings: &[&str], rows: &[Row]) -> Vec<String> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), settings);
    let mut run = Run::on(&server);
    rows.iter().flat_map(|row| run.faults(row)).collect()
}

#[test]
fn every_row_of_the_contract_is_asked_or_listed_with_the_reason_why_not() {
    let rows = rows().into_iter().chain(doors::behind_a_proxy()).chain(breakers::rows());
    let asked: BTreeSet<String> = rows.filter_map(|row| row.id).chain(every::rates::IDS).map(String::from).collect();
    let mut listed = BTreeSet::new();
    for id in NOT_HERE.iter().flat_map(|(_, ids)| *ids) {
        assert!(listed.insert((*id).to_string()), "{id} is listed twice");
    }
    let both: Vec<_> = asked.intersection(&listed).collect();
    assert!(both.is_empty(), "asked and listed: {both:?}");
    let all: BTreeSet<String> = (1..=LAST).map(|number| format!("T{number:03}")).collect();
    let found: BTreeSet<String> = asked.union(&listed).cloned().collect();
    let forgotten: Vec<_> = all.symmetric_difference(&found).collect();
    assert!(forgotten.is_empty(), "neither asked nor listed, or no row of the contract: {forgotten:?}");
}
