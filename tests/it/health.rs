//! Whether a process lives and whether it takes work, as an orchestrator asks: by its own listener and by a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use crate::campaign::alone;
use crate::client::{Answer, Request};
use crate::support::{Server, eventually, now, operator, poll, signal};

/// How long an event loop may stand still here, and far more than that.
const STILL_MAX_MS: u64 = 1_000;
const FAR_MORE: Duration = Duration::from_secs(3);
/// What an orchestrator waits for a probe, as a rule.
const PATIENCE: Duration = Duration::from_secs(1);

/// A server with both kinds of probes.
struct Probed {
    server: Server,
    file: PathBuf,
    _dir: tempfile::TempDir,
}

impl Probed {
    fn start(settings: &[&str]) -> Probed {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let file = dir.path().join("healthy");
        let own = [format!("liveness.file={}", file.display()), format!("liveness.still_max_ms={STILL_MAX_MS}")];
        let settings = own.iter().map(String::as_str).chain(settings.iter().copied());
        let server = Server::start(dir.path(), &settings.flat_map(|setting| ["--set", setting]).collect::<Vec<_>>());
        Probed { server, file, _dir: dir }
    }

    fn probe(&self, path: &str) -> Answer {
        self.server.get("probes", path)
    }

    /// Waits for an answer of this status, and returns what it says.
    #[track_caller]
    fn until(&self, path: &str, status: u16) -> String {
        eventually(&format!("{path} answers {status}"), || {
            let answer = self.server.client("probes").try_send(&Request::get(path)).ok()?;
            (answer.status == status).then(|| answer.text())
        })
    }

    /// Waits until the file has been touched.
    #[track_caller]
    fn file_moves(&self) {
        let before = modified(&self.file).expect("a liveness file");
        eventually("the liveness file is touched", || modified(&self.file).filter(|touched| *touched > before));
    }
}

impl Probed {
    /// From now on whoever opens the liveness file hangs, as on a file system that is dead; its keeper does.
    fn file_hangs(&self) {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.server.id())).expect("the threads of a living process");
        let mut tasks = tasks.flatten().map(|task| task.path());
        let is_keeper =
            |task: &PathBuf| fs::read_to_string(task.join("comm")).is_ok_and(|name| name == "liveness-file\n");
        let keeper = tasks.find(is_keeper).expect("a thread that keeps the file");
        let stands_in = || {
            let call = fs::read_to_string(keeper.join("syscall")).expect("a thread that lives");
            call.split(' ').next().map(str::to_owned)
        };
        let resting = stands_in();
        let nobody_reads = self.file.with_extension("pipe");
        let made = Command::new("mkfifo").arg(&nobody_reads).status().expect("mkfifo runs");
        assert!(made.success(), "{made}");
        fs::rename(&nobody_reads, &self.file).expect("a pipe in the file's place");
        eventually("the keeper hangs", || (stands_in() != resting).then_some(()));
    }
}

fn modified(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|file| file.modified()).ok()
}

/// The threads of the event loop stand in a system call, as if their disk or their kernel hung; until this is dropped.
struct Hung(Child);

impl Hung {
    fn event_loop_of(server: &Server) -> Hung {
        let tasks = fs::read_dir(format!("/proc/{}/task", server.id())).expect("the threads of a living process");
        let workers = tasks.flatten().filter(|task| {
            fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim().starts_with("tokio-r"))
        });
        let ids: Vec<String> = workers.map(|task| task.file_name().to_string_lossy().into_owned()).collect();
        assert!(!ids.is_empty(), "no thread of the event loop");
        let mut strace = Command::new("strace");
        strace.args(["-qq", "-o", "/dev/null", "-e", "inject=all:delay_enter=600000000"]);
        strace.args(ids.iter().flat_map(|id| ["-p", id.as_str()]));
        strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Hung(strace.spawn().expect("strace runs (package strace)"))
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        // The kernel lets them go with whoever held them; a drop must not panic.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_event_loop_that_hangs_is_told_dead_while_it_does_and_lives_again_when_it_turns() {
    let _machine = alone();
    let mut probed = Probed::start(&[]);
    assert_eq!(probed.probe("/livez").status, 200);
    probed.file_moves();
    let hung = Hung::event_loop_of(&probed.server);
    let said = probed.until("/livez", 503);
    assert!(said.starts_with("[-] event-loop: has stood still for "), "{said}");
    assert_eq!(probed.probe("/readyz").status, 503, "nobody is answered there");
    eventually("the liveness file is gone", || (!probed.file.exists()).then_some(()));
    drop(hung);
    assert_eq!(probed.until("/livez", 200), "ok\n");
    assert_eq!(probed.until("/readyz", 200), "ok\n");
    eventually("the liveness file is back", || probed.file.exists().then_some(()));
    let lag = |line: &String| line.strip_prefix("resurgam_event_loop_lag_seconds ")?.parse::<f64>().ok();
    let lag = probed.server.metrics().iter().find_map(lag).expect("a gauge of the event loop's lag");
    assert!(lag >= 1.0, "the lag that is shown: {lag} s");
    probed.server.stop();
}

#[test]
fn a_process_that_was_stopped_and_goes_on_was_never_dead() {
    let _machine = alone();
    let probed = Probed::start(&[]);
    probed.server.freeze();
    thread::park_timeout(FAR_MORE);
    probed.server.thaw();
    let dead = poll(FAR_MORE, || Some(probed.probe("/livez")).filter(|answer| answer.status != 200));
    assert!(dead.is_none(), "told dead: {}", dead.map(|answer| answer.text()).unwrap_or_default());
    probed.file_moves();
}

#[test]
fn a_process_with_more_work_than_it_can_do_answers_its_probes() {
    let _machine = alone();
    let probed = Probed::start(&["liveness.still_max_ms=10000"]);
    let front = format!("{}/products", probed.server.url("product"));
    let mut crowd = Command::new("wrk")
        .args(["-t", "2", "-c", "400", "-d", "5s", &front])
        .stdout(Stdio::null())
        .spawn()
        .expect("wrk runs (package wrk)");
    let (mut asked, mut longest) = (0, Duration::ZERO);
    while crowd.try_wait().expect("wrk can be waited for").is_none() {
        for path in ["/livez", "/readyz"] {
            let begun = now();
            assert_eq!(probed.probe(path).status, 200, "{path}");
            longest = longest.max(begun.elapsed());
            asked += 1;
        }
    }
    assert!(longest < PATIENCE, "a probe took {longest:?}");
    eprintln!("== overload: {asked} probes beside 400 busy connections, the slowest answered in {longest:?}");
}

#[test]
fn a_disk_that_takes_nothing_takes_the_work_away_and_not_the_life() {
    let probed = Probed::start(&["chaos.enabled=true"]);
    let failing = operator(Request::post("/chaos/disk", r#"{"fail":"sync","for":"60s"}"#));
    assert_eq!(probed.server.send("admin", &failing).status, 200);
    probed.server.send("product", &Request::post("/products", r#"{"name":"late","qty":1}"#));
    let said = probed.until("/readyz", 503);
    assert!(said.starts_with("[-] log: "), "{said}");
    for listener in ["probes", "admin"] {
        assert_eq!(probed.server.get(listener, "/readyz").status, 503, "{listener}");
        assert_eq!(probed.server.get(listener, "/livez").status, 200, "{listener}: a restart would not mend a disk");
    }
    probed.file_moves();
}

#[test]
fn a_stop_turns_readiness_down_first_and_leaves_no_file_behind() {
    let mut probed = Probed::start(&["edge.drain_grace_ms=3000"]);
    signal("-TERM", probed.server.id());
    let said = probed.until("/readyz", 503);
    assert_eq!(said, "[-] traffic: the server is stopping\n");
    assert_eq!(probed.server.get("product", "/products").status, 200, "whoever comes within the grace is served");
    assert_eq!(probed.probe("/livez").status, 200, "a process that stops lives");
    assert!(probed.file.exists());
    let ended = eventually("the server ends", || probed.server.ended());
    assert!(ended.success(), "{ended}");
    assert!(!probed.file.exists(), "the liveness file outlived the process");
}

#[test]
fn a_liveness_file_whose_file_system_hangs_holds_up_no_stop() {
    let mut probed = Probed::start(&["liveness.still_max_ms=30000"]);
    probed.file_hangs();
    signal("-TERM", probed.server.id());
    let ended = eventually("the server ends", || probed.server.ended());
    assert!(ended.success(), "{ended}");
}

#[test]
fn a_second_signal_waits_for_no_thread() {
    let mut probed = Probed::start(&["liveness.still_max_ms=30000", "edge.drain_grace_ms=60000"]);
    probed.file_hangs();
    signal("-TERM", probed.server.id());
    probed.until("/readyz", 503);
    signal("-TERM", probed.server.id());
    let ended = eventually("the server ends", || probed.server.ended());
    assert_eq!(ended.code(), Some(143), "{ended}");
}
