//! An answer before it goes on the wire.

use bytes::Bytes;
use warp::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use warp::http::{HeaderMap, StatusCode};
use warp::reply::{Reply, Response};

/// Status, headers, body.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Whole(Bytes),
    /// A body that goes on until the client leaves; made by warp.
    Stream(Box<Response>),
}

impl Answer {
    /// Answers without a body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Body::Whole(Bytes::new()) }
    }

    /// Answers with a body of a type.
    #[must_use]
    pub fn with_body(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Self {
        let mut answer = Self { body: Body::Whole(body.into()), ..Self::empty(status) };
        answer.set(CONTENT_TYPE, content_type);
        answer
    }

    /// Answers with what warp made, a stream.
    #[must_use]
    pub fn streaming(reply: impl Reply) -> Self {
        let response = reply.into_response();
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, body: Body::Stream(Box::new(response)) }
    }

    /// Tells whether its body goes on until the client leaves.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        matches!(self.body, Body::Stream(_))
    }

    /// Sets a header; text that no header can hold is left out.
    pub fn set(&mut self, name: HeaderName, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// Leaves the body out, as for HEAD.
    #[must_use]
    pub fn without_body(mut self) -> Self {
        if let Body::Whole(bytes) = &self.body {
            let length = bytes.len().to_string();
            self.set(warp::http::header::CONTENT_LENGTH, &length);
        }
        self.body = Body::Whole(Bytes::new());
        self
    }

    /// Makes it warp's.
    #[must_use]
    pub fn into_response(self) -> Response {
        let mut response = match self.body {
            Body::Whole(bytes) => Response::new(bytes.into()),
            Body::Stream(response) => *response,
        };
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
