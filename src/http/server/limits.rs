//! What a client may take of the server, and how hyper is told. It keeps no count; the server does.

use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;

/// What a client may take of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections served at the same time, over all listeners; at least 1.
    pub connections_max: usize,
    /// Bytes of a request's line and headers together; more is answered with 431.
    pub header_bytes_max: usize,
    /// Header lines of a request; more is answered with 431.
    pub headers_max: usize,
    /// Time for a whole request head, counted from the accept or from the end of the previous
    /// answer: so it also ends silent and idle keep-alive connections.
    pub header_timeout: Duration,
    /// Connections that may wait in the kernel for an accept; the kernel caps it with
    /// `net.core.somaxconn`.
    pub backlog: u32,
    /// Time from a stop until connections that are still at work are cut.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            header_bytes_max: 16 * 1024,
            headers_max: HYPER_HEADERS_MAX,
            header_timeout: Duration::from_secs(10),
            backlog: 4096,
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// Hyper's own limit of header lines, which it keeps on the stack; any other costs an allocation a
/// request.
const HYPER_HEADERS_MAX: usize = 100;
/// Bytes that hyper buffers each way for one connection.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

pub(super) fn http_of(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_header_size(limits.header_bytes_max)
        .max_buf_size(limits.header_bytes_max.max(BUFFER_BYTES_MAX))
        // A client that closed its sending side after a full request still gets its answer.
        .half_close(true);
    if limits.headers_max != HYPER_HEADERS_MAX {
        http.max_headers(limits.headers_max);
    }
    http
}
