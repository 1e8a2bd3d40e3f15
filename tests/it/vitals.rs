//! What a running server shows of its health: its metrics, its memory, and what it must never show.

use std::fs;

use crate::support::Server;

impl Server {
    /// The lines of its metrics, those of comments left out.
    pub(crate) fn metrics(&self) -> Vec<String> {
        let text = self.get("admin", "/metrics").text();
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    /// The memory it has in hand now.
    pub(crate) fn memory_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).expect("a process shows its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().split(' ').next()?.parse().ok());
        kib.expect("a process has memory")
    }

    /// What no server may show after whatever it was asked: panics, and answers of 5xx but those that are excused.
    pub(crate) fn wounds(&self, excused: &[&str]) -> Vec<String> {
        let said = self.said();
        let panics = said.lines().filter(|line| line.contains("panicked")).map(str::to_owned);
        let defects = self.metrics().into_iter().filter(|line| {
            let status = line.split_once("status=\"").and_then(|(_, rest)| rest.split('"').next());
            line.starts_with("http_server_requests_total{")
                && status.is_some_and(|status| status.starts_with('5') && !excused.contains(&status))
        });
        panics.chain(defects).collect()
    }
}
