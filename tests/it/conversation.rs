//! What tests say to a server again and again.

use std::time::Duration;

use crate::client::{Answer, Request};
use crate::support::{Server, operator, poll};

impl Server {
    /// A POST of the operator, which must succeed.
    #[track_caller]
    pub(crate) fn operate(&self, path: &str, body: &str) -> Answer {
        let answer = self.send("admin", &operator(Request::new("POST", path)).json(body));
        assert!(answer.is_success(), "POST {}{path} {body}: {} {}", self.admin_url(), answer.status, answer.text());
        answer
    }

    /// Everybody who follows somebody has heard everything, or this fails when the time is over.
    #[track_caller]
    pub(crate) fn comes_to_rest(&self, limit: Duration) {
        let mut last = String::new();
        let rest = poll(limit, || {
            let answer = self.send("admin", &operator(Request::get("/admin/followers")));
            last = answer.text();
            answer.json()["followers"].as_array()?.iter().all(|follower| follower["lagFacts"] == 0).then_some(())
        });
        assert!(rest.is_some(), "followers stay behind: {last}");
    }

    /// Polls a resource until `judge` accepts its JSON; fails with the last answer seen.
    #[track_caller]
    pub(crate) fn becomes(&self, service: &str, path: &str, what: &str, judge: impl Fn(&serde_json::Value) -> bool) {
        let mut client = self.client(service);
        let mut last = String::new();
        let seen = poll(Duration::from_secs(10), || {
            let answer = client.send(&Request::get(path));
            last = format!("{} {}", answer.status, answer.text());
            (answer.status == 200 && judge(&answer.json())).then_some(())
        });
        assert!(seen.is_some(), "{service} {path} never became {what}; last answer: {last}");
    }
}
