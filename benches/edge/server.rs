//! The measured server: `resurgam serve oa-rental` as built beside the benchmark, on free ports, its data in a
//! temporary folder.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use resurgam::clock::Clock;

use crate::Outcome;
use crate::client::Client;

/// The first port of the originals less one; the operators' listener takes the place after the gateway's.
const BASE: u16 = 8080;
const PRODUCT: u16 = 1;
const ADMIN: u16 = 9;
const PLACES: [u16; 6] = [PRODUCT, 2, 3, 4, 8, ADMIN];
const TOKEN: &str = "bench";
/// The services that keep copies of products.
const COPIERS: [&str; 2] = ["rental", "delivery"];
const POLL: Duration = Duration::from_millis(10);

/// The process; dropping it kills it.
pub(crate) struct Resurgam {
    child: Child,
    offset: u16,
    clock: Clock,
    /// Kept open: the server tells it when it stops.
    _stdout: BufReader<ChildStdout>,
}

impl Resurgam {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(data: &Path) -> Outcome<Self> {
        let offset = free_offset()?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_resurgam"))
            .args(["serve", "oa-rental", "--data"])
            .arg(data)
            .args(["--set", &format!("listen.port_offset={offset}"), "--set", "log.filter=warn"])
            .args(["--set", &format!("admin.listen={}", address(offset, ADMIN))])
            // All that is measured lives; leaving and coming back is not what is asked here.
            .args(["--set", "actors.live_bytes_max=4294967296", "--set", "actors.live_max=1000000"])
            .env("RESURGAM_ADMIN_TOKEN", TOKEN)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("the server has no standard output")?;
        let mut resurgam = Self { child, offset, clock: Clock::system(), _stdout: BufReader::new(stdout) };
        let mut line = String::new();
        while line.trim() != "ready" {
            line.clear();
            if resurgam._stdout.read_line(&mut line)? == 0 {
                return Err("the server ended before it was ready".into());
            }
        }
        Ok(resurgam)
    }

    /// Where products are made.
    pub(crate) fn products(&self) -> SocketAddr {
        address(self.offset, PRODUCT)
    }

    /// The resident memory of the process.
    pub(crate) fn resident_bytes(&self) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc")?;
        Ok(kib.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }

    /// A metric, summed over its series.
    pub(crate) fn gauge(&self, name: &str) -> Outcome<f64> {
        Ok(self.series(name)?.iter().sum())
    }

    /// Facts the slowest follower is behind.
    pub(crate) fn followers_behind(&self) -> Outcome<f64> {
        Ok(self.series("resurgam_follower_lag_facts")?.into_iter().fold(0.0, f64::max))
    }

    /// Waits until every follower has caught up, and tells how long that took.
    pub(crate) fn settle(&self, limit: Duration) -> Outcome<Duration> {
        let started = self.clock.now();
        while self.followers_behind()? > 0.0 {
            if self.clock.now() - started > limit {
                return Err(format!("the followers did not catch up within {} s", limit.as_secs()).into());
            }
            std::thread::sleep(POLL);
        }
        Ok(self.clock.now() - started)
    }

    /// Stops the services that copy products: their copies wait.
    pub(crate) fn stop_copying(&self) -> Outcome<()> {
        for service in COPIERS {
            let path = format!("/admin/services/oa-rental/{service}/stop");
            let answer = Client::open(address(self.offset, ADMIN))?.send_as(Some(TOKEN), "POST", &path, "")?;
            if answer.status != 200 {
                return Err(format!("POST {path} was answered with {}", answer.status).into());
            }
        }
        Ok(())
    }

    fn series(&self, name: &str) -> Outcome<Vec<f64>> {
        let scrape = Client::open(address(self.offset, ADMIN))?.send("GET", "/metrics", "")?;
        let text = String::from_utf8(scrape.body)?;
        let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let values = text.lines().filter(of_name).filter_map(|line| line.rsplit(' ').next());
        let values: Vec<f64> = values.map(str::parse).collect::<Result<_, _>>()?;
        if values.is_empty() { Err(format!("there is no metric {name}").into()) } else { Ok(values) }
    }
}

impl Drop for Resurgam {
    fn drop(&mut self) {
        // A drop must not panic; a process that cannot be killed has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address(offset: u16, place: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, BASE + offset + place))
}

fn free_offset() -> Outcome<u16> {
    let is_free = |offset: &u16| PLACES.iter().all(|place| TcpListener::bind(address(*offset, *place)).is_ok());
    (2000..4000).step_by(10).find(is_free).ok_or_else(|| "no free block of ports between 10080 and 12080".into())
}
