//! Ten thousand clients that never finish their heads, or never begin them, take nothing from those that do.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::campaign::pace::Waits;
use crate::campaign::{alone, crowd};
use crate::support::Server;

#[test]
fn slow_clients_do_not_make_good_ones_wait() {
    check("slow clients", b"GET /products HTTP/1.1\r\nHost: local");
}

#[test]
fn idle_connections_do_not_make_good_clients_wait() {
    check("slow clients: idle ones", b"");
}

fn check(trouble: &str, said: &[u8]) {
    let _machine = alone();
    let size = crowd::size();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(dir.path(), &["--set", crowd::CONNECTIONS_MAX]);
    let waits = Waits::beside(&server, |window| {
        let slow = crowd::gather(&server, size, said);
        let is_over = AtomicBool::new(said.is_empty());
        thread::scope(|scope| {
            scope.spawn(|| dribble(&slow, &is_over));
            window();
            is_over.store(true, Ordering::Relaxed);
        });
        crowd::disperse(&server, slow);
    });
    let faults = server.wounds(&[]);
    assert!(faults.is_empty(), "{faults:#?}");
    waits.check(&format!("{trouble}: {size}"));
}

/// Sends one more byte of a head every few milliseconds.
fn dribble(slow: &[TcpStream], is_over: &AtomicBool) {
    for mut stream in slow {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        stream.write_all(b"h").expect("the server reads on");
        thread::park_timeout(Duration::from_millis(5));
    }
}
