//! The load: wrk with a script a case, and what it counted.

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Outcome;

/// Threads and connections of wrk.
pub(crate) const CONCURRENCY: [&str; 2] = ["-t2", "-c64"];
/// What a client sends to make a product, and to change one.
pub(crate) const POSTED: &str = r#"{"name":"computer","qty":9}"#;
pub(crate) const PATCHED: &str = r#"{"qty":8}"#;

/// Prints one line that a program can read, after wrk's own report.
const DONE: &str = r#"
function done(summary, latency)
  local e = summary.errors
  local errors = e.connect + e.read + e.write + e.status + e.timeout
  print(string.format("edge %d %d %d %d %d", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), errors))
end
"#;
/// Each thread draws from a seed of its own.
const THREADS: &str = r#"
local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end
function init()
  math.randomseed(number)
  qty = number * 100000000
end
"#;

/// A kind of request.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Whether each answer stands for at least one new record.
    pub(crate) writes: bool,
    file: &'static str,
    script: String,
}

impl Case {
    /// Changes one of the first products, each time to another quantity.
    pub(crate) fn patch(products: u64) -> Self {
        let script = format!(
            "wrk.headers[\"Content-Type\"] = \"application/json\"\n{THREADS}
function request()
  qty = qty + 1
  return wrk.format(\"PATCH\", \"/products/\" .. math.random(1, {products}), nil, '{{\"qty\":' .. qty .. '}}')
end\n{DONE}"
        );
        Self { name: "PATCH /products/{id}", writes: true, file: "patch.lua", script }
    }

    /// Changes the same product again and again.
    pub(crate) fn hot() -> Self {
        Self { name: "PATCH /products/1", file: "hot.lua", ..Self::patch(1) }
    }

    /// Reads one of the first products.
    pub(crate) fn get(products: u64) -> Self {
        let script = format!(
            "{THREADS}
function request()
  return wrk.format(\"GET\", \"/products/\" .. math.random(1, {products}))
end\n{DONE}"
        );
        Self { name: "GET /products/{id}", writes: false, file: "get.lua", script }
    }

    /// Makes products, whose two copies follow.
    pub(crate) fn post() -> Self {
        let script = format!(
            "wrk.method = \"POST\"\nwrk.path = \"/products\"\nwrk.body = '{POSTED}'
wrk.headers[\"Content-Type\"] = \"application/json\"\n{DONE}"
        );
        Self { name: "POST /products, 2 copies", writes: true, file: "post.lua", script }
    }

    pub(crate) fn write_script(&self, dir: &Path) -> Outcome<PathBuf> {
        let path = dir.join(self.file);
        fs::write(&path, &self.script)?;
        Ok(path)
    }
}

/// What wrk counted in one window.
pub(crate) struct Window {
    pub(crate) requests: u64,
    /// Answers a second.
    pub(crate) rate: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Connections and requests that failed, answers of 400 and above.
    pub(crate) errors: u64,
}

/// Fails with what to do when there is no wrk.
pub(crate) fn check_installed() -> Outcome<()> {
    match Command::new("wrk").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err("wrk is missing; install it (Debian, Ubuntu: apt-get install wrk; macOS: brew install wrk)".into())
        }
        Err(error) => Err(format!("wrk cannot be run: {error}").into()),
    }
}

/// Loads an address for some seconds.
pub(crate) fn run(script: &Path, address: SocketAddr, seconds: u64) -> Outcome<Window> {
    let run = Command::new("wrk")
        .args(CONCURRENCY)
        .arg(format!("-d{seconds}s"))
        .arg("-s")
        .arg(script)
        .arg(format!("http://{address}"))
        .output()?;
    let report = String::from_utf8_lossy(&run.stdout);
    let figures = report.lines().find_map(|line| line.strip_prefix("edge ")).map(|line| line.split(' '));
    let figures: Vec<u64> = figures.into_iter().flatten().map(str::parse).collect::<Result<_, _>>()?;
    let [requests, duration_us, p50_us, p99_us, errors] = figures[..] else {
        return Err(format!("wrk said:\n{report}{}", String::from_utf8_lossy(&run.stderr)).into());
    };
    if requests == 0 {
        return Err(format!("no answer within {seconds} s, wrk said:\n{report}").into());
    }
    Ok(Window {
        requests,
        rate: requests as f64 / (duration_us as f64 / 1e6),
        p50_ms: p50_us as f64 / 1e3,
        p99_ms: p99_us as f64 / 1e3,
        errors,
    })
}
