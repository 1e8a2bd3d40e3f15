//! Who is turned away at the door: a client that comes more often than it may, and anybody while as many are inside as
//! are answered in time. A request's head decides; its place inside is taken once its body is there, so that those who
//! send slowly keep nobody out. Who looks after the house (the actuator, the operator's listener) does not come this way.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use tokio::time::Instant;
use warp::http::{HeaderName, HeaderValue};

use super::answer::Answer;
use super::forwarded::TrustedProxies;
use super::problem::{Problem, whole_seconds};
use super::request::Request;
use crate::resilience::adaptive::Permit;
use crate::resilience::{AdaptiveLimit, Allowance, CallError, Ending, NotExecuted, RateLimit, Reason};
use crate::telemetry::metrics;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// The names of the originals' gateways.
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const BURST_CAPACITY: HeaderName = HeaderName::from_static("x-ratelimit-burst-capacity");
const REPLENISH_RATE: HeaderName = HeaderName::from_static("x-ratelimit-replenish-rate");

/// The door.
#[derive(Debug)]
pub struct Shedding {
    limit: Arc<AdaptiveLimit>,
    rate: Option<ClientRate>,
}

impl Shedding {
    /// Sheds what is beyond the limit, and beyond each client's rate where there is one.
    #[must_use]
    pub fn new(limit: Arc<AdaptiveLimit>, rate: Option<RateLimit<IpAddr>>) -> Self {
        Self { limit, rate: rate.map(ClientRate::new) }
    }

    /// Tells whether clients have a rate.
    pub(super) const fn has_rate(&self) -> bool {
        self.rate.is_some()
    }

    /// Judges a request by its head.
    pub(super) fn arrival(&self, proxies: &TrustedProxies, request: &Request) -> Arrival<'_> {
        let client = || proxies.client(request.peer, &request.headers);
        let taken = self.rate.as_ref().map(|rate| (rate, rate.take(client(), request.received)));
        let verdict = match taken {
            Some((_, Err(rejected))) => Err(rejected),
            Some((_, Ok(_))) | None => self.limit.must_have_room(),
        };
        let allowance = taken.map(|(rate, taken)| {
            let nothing = |rejected: NotExecuted| Allowance { tokens: 0, next_in: rejected.retry_after };
            (rate, taken.unwrap_or_else(nothing))
        });
        Arrival { verdict: verdict.inspect_err(count), allowance }
    }

    /// Takes a place inside.
    pub(super) fn enter(&self, now: Instant) -> Result<Permit<'_>, NotExecuted> {
        self.limit.try_acquire(now).inspect_err(count)
    }
}

fn count(rejected: &NotExecuted) {
    metrics::request_shed(rejected.reason.code());
}

/// What was said to a request at the door.
#[derive(Debug)]
pub(super) struct Arrival<'a> {
    /// Whether it may come in.
    pub(super) verdict: Result<(), NotExecuted>,
    allowance: Option<(&'a ClientRate, Allowance)>,
}

impl Arrival<'_> {
    /// What is said to who need not ask.
    pub(super) const UNASKED: Self = Self { verdict: Ok(()), allowance: None };

    /// Tells the client what it may still do.
    pub(super) fn tell(&self, answer: &mut Answer) {
        if let Some((rate, allowance)) = self.allowance {
            rate.tell(allowance, answer);
        }
    }
}

/// How often each client may come, and the headers that are always the same.
#[derive(Debug)]
struct ClientRate {
    limit: RateLimit<IpAddr>,
    headers: [(HeaderName, HeaderValue); 3],
}

impl ClientRate {
    fn new(limit: RateLimit<IpAddr>) -> Self {
        let policy = limit.policy();
        let window_s = policy.burst.div_ceil(policy.per_second);
        let quota = format!("\"default\";q={};w={window_s}", policy.burst);
        let quota = HeaderValue::try_from(quota).expect("digits and visible characters");
        let headers = [
            (RATE_LIMIT_POLICY, quota),
            (BURST_CAPACITY, HeaderValue::from(policy.burst)),
            (REPLENISH_RATE, HeaderValue::from(policy.per_second)),
        ];
        Self { limit, headers }
    }

    fn take(&self, client: IpAddr, now: Instant) -> Result<Allowance, NotExecuted> {
        self.limit.try_take(network(client), now)
    }

    fn tell(&self, Allowance { tokens, next_in }: Allowance, answer: &mut Answer) {
        for (name, value) in &self.headers {
            answer.headers.insert(name, value.clone());
        }
        answer.headers.insert(REMAINING, HeaderValue::from(tokens));
        answer.set(RATE_LIMIT, &format!("\"default\";r={tokens};t={}", whole_seconds(next_in)));
    }
}

/// One host may have all addresses of an IPv6 network.
fn network(client: IpAddr) -> IpAddr {
    const PREFIX: u128 = !0 << 64;
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & PREFIX).into(),
    }
}

/// Says what the end of a request tells of the limit it was let in under.
pub(super) fn ending(outcome: &Result<Answer, Problem>) -> Ending {
    match outcome {
        Ok(answer) if answer.is_stream() => Ending::Ignored,
        Err(Problem::Call(CallError::NotExecuted(rejected))) => {
            let is_overload =
                matches!(rejected.reason, Reason::BulkheadWaitTimeout | Reason::CommitterBusy | Reason::RecoveryBusy);
            if is_overload { Ending::Dropped } else { Ending::Ignored }
        }
        Ok(_) | Err(_) => Ending::Answered,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use warp::http::StatusCode;

    use super::*;
    use crate::resilience::Unknown;

    #[test]
    fn only_what_was_worked_for_is_measured_and_only_a_full_house_is_a_drop() {
        let rejected = |reason| Err(NotExecuted { reason, retry_after: Duration::ZERO }.into());
        let table = [
            (Ok(Answer::empty(StatusCode::OK)), Ending::Answered),
            (Ok(Answer::streaming(warp::reply())), Ending::Ignored),
            (Err(Problem::NoSuchItem), Ending::Answered),
            (Err(Problem::Call(Unknown::AttemptTimeout.into())), Ending::Answered),
            (rejected(Reason::BulkheadWaitTimeout), Ending::Dropped),
            (rejected(Reason::CommitterBusy), Ending::Dropped),
            (rejected(Reason::RecoveryBusy), Ending::Dropped),
            // One busy aggregate, the few scans, an operator, the client's own haste: none is the number of requests.
            (rejected(Reason::MailboxFull), Ending::Ignored),
            (rejected(Reason::BulkheadFull), Ending::Ignored),
            (rejected(Reason::ServiceStopped), Ending::Ignored),
            (rejected(Reason::DeadlineExceeded), Ending::Ignored),
        ];
        for (outcome, expected) in table {
            assert_eq!(ending(&outcome), expected, "{outcome:?}");
        }
    }

    #[test]
    fn an_ipv6_network_is_one_client_and_an_ipv4_address_another() {
        let client = |address: &str| network(address.parse().expect("an address"));
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:1"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_ne!(client("10.0.0.1"), client("10.0.0.2"));
    }
}
