//! Thousands of connections that take room and ask nothing.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use crate::support::{Server, eventually};

const CROWD: usize = 10_000;
/// Room for them and the good clients.
pub(crate) const CONNECTIONS_MAX: &str = "edge.connections_max=10100";
/// Descriptors the process needs beside those of the crowd.
const SPARE: u64 = 100;

/// Raises this process's limit of open files, which the server inherits, and says how large a crowd it allows.
pub(crate) fn size() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").expect("a process knows its limits");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a limit of open files");
    let mut words = line.split_whitespace().skip(3).map(|word| word.parse().unwrap_or(u64::MAX));
    let (soft, hard) = (words.next().expect("a soft limit"), words.next().expect("a hard limit"));
    let needed = CROWD as u64 + SPARE;
    if soft < needed {
        // Root may raise the hard limit too; another user only up to it.
        let raised = |limit: u64| {
            let arguments = [format!("--pid={}", std::process::id()), format!("--nofile={limit}:{}", hard.max(limit))];
            Command::new("prlimit").args(arguments).status().is_ok_and(|status| status.success())
        };
        if !raised(needed) {
            let fits = if raised(hard) { hard } else { soft };
            eprintln!("the limit of {soft} open files cannot be raised to {needed}: {fits} decide how many there are");
            assert!(fits >= 1_000 + SPARE, "too few for a crowd: raise it (`ulimit -n {needed}`)");
            return usize::try_from(fits - SPARE).expect("few enough");
        }
    }
    CROWD
}

/// Opens so many connections, each of which says as much of a request.
pub(crate) fn gather(server: &Server, count: usize, said: &[u8]) -> Vec<TcpStream> {
    let addr = server.addr("product");
    let crowd: Vec<TcpStream> = (0..count).map(|_| connected(addr, said)).collect();
    eventually("the server holds them all", || (connections(server) >= count as u64).then_some(()));
    crowd
}

/// Sends it away, and waits until the server has noticed.
pub(crate) fn disperse(server: &Server, crowd: Vec<TcpStream>) {
    let still_open = connections(server);
    assert!(still_open >= crowd.len() as u64, "only {still_open} connections were open at the end of a window");
    drop(crowd);
    eventually("the crowd is gone", || (connections(server) < 100).then_some(()));
}

fn connected(addr: SocketAddr, said: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect_timeout(&addr, Duration::from_secs(5)).expect("the server accepts");
    stream.set_nodelay(true).expect("a connected socket can be set up");
    stream.write_all(said).expect("the server reads");
    stream
}

fn connections(server: &Server) -> u64 {
    let lines = server.metrics();
    let line = lines.iter().find(|line| line.starts_with("resurgam_http_connections"));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).expect("the number of connections is a metric")
}
