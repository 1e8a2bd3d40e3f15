//! The services of every system: where they listen, and what it is like when one is stopped.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::client::Answer;
use crate::support::Server;

/// Each server takes ten ports, 8080 + offset and the nine after it, all of four digits.
const BLOCKS: u16 = 190;

/// A system's services; the first has the first place in the block of ports, and so on.
const SYSTEMS: &[(&str, &[&str])] = &[
    ("oa-rental", &["product", "rental", "delivery", "information"]),
    ("car-rental", &["contract", "pay", "reservation", "mypage", "message"]),
    ("book-rental", &["book", "rent", "delivery", "view", "reserve"]),
    // Nobody ever had the fifth place.
    ("book-market", &["order", "payment", "delivery", "customerview", "", "kakao", "kakaomsg"]),
    ("hair-shop", &["reservation", "payment", "hairshop", "mypage"]),
    // The example of a team's own.
    ("laundry", &["counter", "machine", "office"]),
];
/// All systems; these, or some by their names with blanks between, stand behind one gateway.
pub(crate) const ALL: &str = "all";

/// The places of the listeners that every system has.
/// Nobody else has the first place of a block.
const PROBES: u16 = 0;
const GATEWAY: u16 = 8;
const ADMIN: u16 = 9;

/// The place of a listener in its server's block of ports.
pub(crate) fn place(system: &str, listener: &str) -> u16 {
    match listener {
        "probes" => PROBES,
        "gateway" => GATEWAY,
        "admin" => ADMIN,
        service => {
            let (_, services) = SYSTEMS.iter().find(|(name, _)| *name == system).expect("a system served alone");
            let index = services.iter().position(|name| *name == service);
            1 + index.unwrap_or_else(|| panic!("{system} has no {service}")) as u16
        }
    }
}

/// The listeners of a server of this system.
pub(crate) fn listeners(system: &str) -> impl Iterator<Item = &'static str> {
    let alone = SYSTEMS.iter().find(|(name, _)| *name == system);
    let services = alone.map_or(&[][..], |(_, services)| services);
    services.iter().copied().filter(|service| !service.is_empty()).chain(["gateway", "admin"])
}

/// What is added to the originals' ports so that a whole block of them is free.
pub(crate) fn free_offset() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Another test binary may run beside this one: start elsewhere, and probe.
    let first = (std::process::id() % u32::from(BLOCKS)) as u16;
    (0..BLOCKS)
        .map(|_| 10 + 10 * ((first + NEXT.fetch_add(1, Ordering::Relaxed)) % BLOCKS))
        .find(|offset| (PROBES..=ADMIN).all(|place| TcpListener::bind(("127.0.0.1", 8080 + offset + place)).is_ok()))
        .expect("a free block of ports between 8090 and 9999")
}

/// Stops or starts a service at run time, as an operator does.
pub(crate) fn switch(server: &Server, service: &str, verb: &str) {
    server.operate(&format!("/admin/services/{}/{service}/{verb}", server.system()), r#"{"reason":"maintenance"}"#);
}

/// Has something done while a service is stopped.
pub(crate) fn without<T>(server: &Server, service: &str, done: impl FnOnce() -> T) -> T {
    switch(server, service, "stop");
    let outcome = done();
    switch(server, service, "start");
    outcome
}

/// The answer says that a service is away, and when to come again.
#[track_caller]
pub(crate) fn is_away(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    let wait: Option<u64> = answer.header("retry-after").and_then(|s| s.parse().ok());
    assert!(wait.is_some_and(|seconds| seconds >= 1), "Retry-After: {:?}", answer.header("retry-after"));
}
