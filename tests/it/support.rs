//! A real `resurgam` process on ports of its own, and the few words every acceptance test needs.
//!
//! Waiting means polling a condition with a deadline; nothing here waits for a fixed time.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::client::{Answer, Client, Request};
use crate::services::{ALL, free_offset, place};

pub(crate) const ADMIN_TOKEN: &str = "acceptance";
const START_TIMEOUT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);

/// One process that serves one system; dropping it kills it.
pub(crate) struct Server {
    system: &'static str,
    binary: PathBuf,
    data: PathBuf,
    log: PathBuf,
    /// Where the lines of the newest start begin.
    log_from: u64,
    below: Vec<String>,
    extra: Vec<String>,
    offset: u16,
    child: Option<Child>,
}

impl Server {
    /// Starts oa-rental on free ports with the data in `dir/data` and waits until it is ready.
    pub(crate) fn start(dir: &Path, extra: &[&str]) -> Server {
        Server::serving("oa-rental", dir, extra)
    }

    /// The same with another system.
    pub(crate) fn serving(system: &'static str, dir: &Path, extra: &[&str]) -> Server {
        let mut server = Server::new(dir, &dir.join("server.log"), extra);
        server.system = system;
        server.restart();
        server
    }

    /// Starts a team's own binary, which serves a system of its own.
    pub(crate) fn of(binary: PathBuf, system: &'static str, dir: &Path) -> Server {
        let mut server = Server::new(dir, &dir.join("server.log"), &[]);
        (server.system, server.binary) = (system, binary);
        server.restart();
        server
    }

    /// A server of oa-rental with free ports and the data in `dir/data` that is not started yet.
    pub(crate) fn new(dir: &Path, log: &Path, extra: &[&str]) -> Server {
        Server {
            system: "oa-rental",
            binary: PathBuf::from(env!("CARGO_BIN_EXE_resurgam")),
            data: dir.join("data"),
            log: log.to_owned(),
            log_from: 0,
            below: Vec::new(),
            extra: extra.iter().map(ToString::to_string).collect(),
            offset: free_offset(),
            child: None,
        }
    }

    /// From the next start on it is another binary, with another system.
    pub(crate) fn becomes_another(&mut self, system: &'static str, binary: PathBuf) {
        (self.system, self.binary) = (system, binary);
    }

    /// From the next start on the program runs below another, which must become it or keep it as its own process.
    pub(crate) fn run_below(&mut self, words: &[&str]) {
        self.below = words.iter().map(ToString::to_string).collect();
    }

    /// Starts again on the same data and ports; says how long it took from the start of the process until `/readyz` was 200.
    pub(crate) fn restart(&mut self) -> Duration {
        self.restart_within(START_TIMEOUT)
    }

    /// The same, for a start that has much to do.
    pub(crate) fn restart_within(&mut self, limit: Duration) -> Duration {
        let started = now();
        self.spawn().recv_timeout(limit).unwrap_or_else(|end| panic!("the server printed no `ready` line: {end}"));
        let mut client = Client::new(self.addr("admin"));
        eventually("readyz answers 200", || client.try_send(&Request::get("/readyz")).ok().filter(|a| a.status == 200));
        started.elapsed()
    }

    /// Starts the process and kills it within `life`, ready or not: a crash while it recovers from a crash.
    pub(crate) fn start_and_kill(&mut self, life: Duration) {
        self.start_for(life);
        self.kill9();
    }

    /// Starts the process and lets it run for `life` at most, or until it is ready.
    pub(crate) fn start_for(&mut self, life: Duration) {
        if let Err(RecvTimeoutError::Disconnected) = self.spawn().recv_timeout(life) {
            panic!("the server ended by itself while it recovered: {}", self.said());
        }
    }

    /// From the next start on the data is in `dir/data`.
    pub(crate) fn move_to(&mut self, dir: &Path) {
        self.data = dir.join("data");
    }

    /// Starts the process, which either becomes ready or ends by itself; says with what.
    pub(crate) fn try_restart(&mut self) -> Result<(), ExitStatus> {
        match self.spawn().recv_timeout(START_TIMEOUT) {
            Ok(()) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => Err(eventually("the server ends", || self.ended())),
            Err(RecvTimeoutError::Timeout) => panic!("neither ready nor ended: {}", self.said()),
        }
    }

    /// How the process ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut()?.try_wait().expect("the server can be waited for")
    }

    /// What the newest start has said on standard error.
    pub(crate) fn said(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&log[self.log_from as usize..]).into_owned()
    }

    /// Starts the process; its `ready` line comes through the channel.
    fn spawn(&mut self) -> Receiver<()> {
        let admin = format!("admin.listen={}", self.addr("admin"));
        let probes = format!("admin.probes={}", self.addr("probes"));
        let offset = format!("listen.port_offset={}", self.offset);
        let log =
            File::options().create(true).append(true).open(&self.log).expect("the log of the server can be written");
        self.log_from = log.metadata().expect("the log of the server can be measured").len();
        let binary = self.binary.to_str().expect("a path of text");
        let words: Vec<&str> = self.below.iter().map(String::as_str).chain([binary]).collect();
        let mut child = Command::new(words[0])
            .args(&words[1..])
            .arg("serve")
            .args(self.system.split(' ').filter(|system| *system != ALL))
            .arg("--data")
            .arg(&self.data)
            .args(["--set", &offset, "--set", &admin, "--set", &probes])
            .args(&self.extra)
            .env("RESURGAM_ADMIN_TOKEN", ADMIN_TOKEN)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", words[0]));
        let stdout = child.stdout.take().expect("stdout is piped");
        let (tx, rx) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if line.starts_with("ready") {
                    // Nobody listens any more when the server was killed first.
                    let _ = tx.send(());
                }
            }
        });
        self.child = Some(child);
        rx
    }

    /// SIGKILL, and the process is gone when this returns.
    pub(crate) fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the server can be killed");
            child.wait().expect("the server can be waited for");
        }
    }

    /// SIGSTOP, and no thread of the process runs any more when this returns.
    pub(crate) fn freeze(&self) {
        let pid = self.child.as_ref().expect("a running server").id();
        signal("-STOP", pid);
        let stands = |stat: String| stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with(['T', 'Z', 'X']));
        eventually("every thread of the server stands still", || {
            let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the threads of a living process");
            let mut stats = threads.flatten().map(|thread| fs::read_to_string(thread.path().join("stat")));
            // A thread that ended meanwhile stands still too.
            stats.all(|stat| stat.map_or(true, stands)).then_some(())
        });
    }

    /// SIGCONT.
    pub(crate) fn thaw(&self) {
        signal("-CONT", self.child.as_ref().expect("a running server").id());
    }

    /// SIGTERM: drains and ends with exit code 0.
    pub(crate) fn stop(&mut self) {
        let mut child = self.child.take().expect("a running server");
        signal("-TERM", child.id());
        let status =
            eventually("the server ends after SIGTERM", || child.try_wait().expect("the server can be waited for"));
        assert!(status.success(), "a stop ended with {status}");
    }

    /// SIGTERM, and `life` at most to end by itself; says how it ended, if it has.
    pub(crate) fn stop_for(&mut self, life: Duration) -> Option<ExitStatus> {
        signal("-TERM", self.child.as_ref().expect("a running server").id());
        poll(life, || self.ended())
    }

    pub(crate) fn addr(&self, service: &str) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 8080 + self.offset + place(self.system, service)))
    }

    pub(crate) fn admin_url(&self) -> String {
        format!("http://{}", self.addr("admin"))
    }

    pub(crate) fn url(&self, service: &str) -> String {
        format!("http://localhost:{}", self.addr(service).port())
    }

    pub(crate) fn client(&self, service: &str) -> Client {
        Client::new(self.addr(service))
    }

    pub(crate) const fn system(&self) -> &'static str {
        self.system
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().expect("a running server").id()
    }

    /// One request on a connection of its own.
    #[track_caller]
    pub(crate) fn send(&self, service: &str, request: &Request) -> Answer {
        self.client(service).send(request)
    }

    #[track_caller]
    pub(crate) fn get(&self, service: &str, path: &str) -> Answer {
        self.send(service, &Request::get(path))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            if let Ok(Some(status)) = child.try_wait() {
                eprintln!("--- the server had ended by itself: {status} ---");
            }
            // A drop must not panic; a process that cannot be killed has ended.
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("--- the last lines of the server ---\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
    }
}

pub(crate) fn signal(name: &str, pid: u32) {
    let sent = Command::new("kill").args([name, &pid.to_string()]).status().expect("kill runs");
    assert!(sent.success(), "{name} could not be sent to {pid}");
}

/// The request with the operator's token.
pub(crate) fn operator(request: Request) -> Request {
    request.header("Authorization", &format!("Bearer {ADMIN_TOKEN}"))
}

/// Polls until `probe` finds something, for at most ten seconds.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    let found = poll(Duration::from_secs(10), probe);
    found.unwrap_or_else(|| panic!("waited 10 s in vain: {what}"))
}

pub(crate) fn poll<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = now() + limit;
    loop {
        let found = probe();
        if found.is_some() || now() >= deadline {
            return found;
        }
        std::thread::park_timeout(POLL);
    }
}

#[expect(clippy::disallowed_methods, reason = "a test measures real processes on the real clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
