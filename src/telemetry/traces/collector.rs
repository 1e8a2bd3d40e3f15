//! The way to a collector: one POST a batch, and what its answer means.

use std::time::Duration;

use serde::Deserialize;

use crate::http_client::header::{CONTENT_TYPE, USER_AGENT};
use crate::http_client::{
    Address, AddressError, Answer, Bytes, Connections, HttpClient, Method, NoAnswer, Request, StatusCode, Uri,
};
use crate::resilience::Hint;

/// Where a collector takes traces, below its address.
const PATH: &str = "/v1/traces";
/// How long a batch may take in all.
pub(super) const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long an idle connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of an answer is read, in bytes; a longer one closes its connection.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// A collector of traces that speaks OTLP over HTTP.
#[derive(Debug)]
pub struct Collector {
    client: HttpClient,
    address: Uri,
}

/// Why a batch was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nobody is there.
    Unreachable,
    /// The connection broke off, or no answer came in time.
    NoAnswer,
    /// It is busy, and may say when to come again.
    Busy(Option<Duration>),
    /// It does not want it.
    Refused,
}

impl Failure {
    /// Returns its name for metrics.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::NoAnswer => "no-answer",
            Self::Busy(_) => "busy",
            Self::Refused => "refused",
        }
    }
}

impl Collector {
    /// Knows a collector by its address, to which `/v1/traces` is added.
    ///
    /// # Errors
    ///
    /// Fails when the address cannot be used.
    pub fn at(endpoint: &str) -> Result<Self, AddressError> {
        let address: Address = endpoint.parse()?;
        let address = address.below(PATH).map_err(|_| AddressError::Malformed(endpoint.to_owned()))?;
        let client = HttpClient::new(Connections {
            connect_timeout: CONNECT_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            idle_max: 1,
            resends_unsent: true,
        });
        Ok(Self { client, address })
    }

    /// Sends a batch at a time (Unix milliseconds); returns how many spans of it were not wanted.
    pub(super) async fn send(&self, batch: Bytes, wall_ms: u64) -> Result<u64, Failure> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.address.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("resurgam/", env!("CARGO_PKG_VERSION")))
            .body(batch)
            .map_err(|_| Failure::Refused)?;
        let asked = async {
            match self.client.send(request).await {
                Ok(answer) => read(answer, wall_ms).await,
                Err(NoAnswer::NotSent) => Err(Failure::Unreachable),
                Err(NoAnswer::Unknown(_)) => Err(Failure::NoAnswer),
            }
        };
        tokio::time::timeout(SEND_TIMEOUT, asked).await.unwrap_or(Err(Failure::NoAnswer))
    }
}

async fn read(mut answer: Answer, wall_ms: u64) -> Result<u64, Failure> {
    // Read in any case, so that the connection can be used again.
    let body = answer.body(ANSWER_BYTES_MAX).await;
    match answer.status {
        status if status.is_success() => Ok(body.map_or(0, |body| rejected(&body))),
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Err(busy(answer.retry_after(wall_ms))),
        _ => Err(Failure::Refused),
    }
}

/// What it means to be busy until then.
fn busy(hint: Option<Hint>) -> Failure {
    match hint {
        None => Failure::Busy(None),
        Some(Hint::After(wait)) => Failure::Busy(Some(wait)),
        Some(Hint::Never) => Failure::Refused,
    }
}

/// Reads how many spans a collector took no more of; most say nothing.
fn rejected(body: &[u8]) -> u64 {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        partial_success: Option<Partial>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Partial {
        rejected_spans: Option<serde_json::Value>,
    }
    let answer: Option<Answer> = serde_json::from_slice(body).ok();
    let count = answer.and_then(|answer| answer.partial_success?.rejected_spans);
    // 64 bits are a text in OTLP's JSON; some write a number.
    count.and_then(|count| count.as_u64().or_else(|| count.as_str()?.parse().ok())).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_go_below_the_address_of_the_collector() {
        let at = |endpoint: &str| Collector::at(endpoint).map(|collector| collector.address.to_string());
        assert_eq!(at("http://[::1]:80/tenant/"), Ok("http://[::1]:80/tenant/v1/traces".to_owned()));
        assert_eq!(at("collector:4318"), Err(AddressError::Malformed("collector:4318".to_owned())));
    }

    #[test]
    fn a_collector_that_is_busy_for_ever_does_not_want_it() {
        let wait = Duration::from_secs(7);
        assert_eq!(busy(Some(Hint::After(wait))), Failure::Busy(Some(wait)));
        assert_eq!((busy(None), busy(Some(Hint::Never))), (Failure::Busy(None), Failure::Refused));
    }

    #[test]
    fn what_a_collector_took_in_part_is_counted() {
        let of = |text: &str| rejected(text.as_bytes());
        assert_eq!(of(r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}"#), 3);
        assert_eq!(of(r#"{"partialSuccess":{"rejectedSpans":4}}"#), 4);
        for nothing in ["", "{}", r#"{"partialSuccess":{}}"#, r#"{"partialSuccess":null}"#, "<html>"] {
            assert_eq!(of(nothing), 0, "{nothing}");
        }
    }
}
