//! What is wrong with what the fuzzer says: one thing of a request, or all that makes it one.

use super::grammar::{Draft, Grammar};
use crate::offer::Field;

impl Grammar {
    /// Makes one thing wrong that leaves the end of the request where it is.
    pub(super) fn spoil(&mut self, draft: &mut Draft) {
        let word = self.word();
        match self.dice.below(9) {
            0 => {
                let verbs =
                    ["BREW", "TRACE", "CONNECT", "get", "PROPFIND", "DELETE", "POST", "PUT", "PATCH", "OPTIONS"];
                draft.method = if self.chance(100) { word.to_uppercase() } else { self.one(&verbs).into() };
            }
            1 => {
                let ids =
                    ["0", "-1", "18446744073709551616", "%00", "..", "%2e%2e%2f", "1.0", "", "x;y", "%ff%fe", "~"];
                let id = if self.chance(200) { word } else { self.one(&ids).into() };
                draft.target = format!("{}/{id}", draft.target.split('?').next().unwrap_or_default());
            }
            2 => {
                let system = self.system().name;
                let before = self.one(&["", "services/", "profile/", "actuator/", "../"]);
                let prefix = if self.chance(500) { format!("/{system}/{before}") } else { "/".into() };
                draft.target = format!("{prefix}{word}/{}", self.one(&["", "products", "1/2/3/4", "..", "%25"]));
            }
            3 => {
                let names =
                    ["page", "size", "sort", "cursor", "at", "after", "limit", "type", "isYn", "orderId", &word];
                let values =
                    ["18446744073709551615", "-1", "1e9", "%00", "%ff", "id,desc", "nosuch,asc", "", "NaN", &word];
                let join = if draft.target.contains('?') { '&' } else { '?' };
                draft.target = format!("{}{join}{}={}", draft.target, self.one(&names), self.one(&values));
            }
            4 => self.strange_header(draft, word),
            5 | 6 => draft.body = Some(self.strange_body(draft.fields, word)),
            7 => {
                // One byte of the body is another.
                let byte = u8::try_from(self.dice.below(256)).expect("a byte");
                if let Some(body) = draft.body.as_mut().filter(|body| !body.is_empty()) {
                    let at = self.dice.below(body.len() as u64);
                    body[usize::try_from(at).expect("a short body")] = byte;
                }
            }
            _ => draft.target = format!("http://{word}.example{}", draft.target),
        }
    }

    fn strange_header(&mut self, draft: &mut Draft, word: String) {
        let names = [
            "Accept",
            "Content-Type",
            "If-Match",
            "If-None-Match",
            "Idempotency-Key",
            "X-Correlation-Id",
            "traceparent",
            "Host",
            "Forwarded",
            "X-Forwarded-For",
            "Origin",
            "Authorization",
            "Expect",
            "Upgrade",
            "Range",
            &word,
            "Request-Timeout",
            "Accept-Encoding",
            "Cookie",
            "Last-Event-ID",
        ];
        let long = word.repeat(60);
        let values = [
            "",
            "*",
            "\"",
            "W/\"",
            ";;;,,,",
            "application/xml",
            "application/json;charset=utf-16",
            "q=,;q=2",
            "0",
            "-1",
            "NaN",
            "1e300",
            "18446744073709551616",
            "\u{e9}\u{2603}",
            "text/plain",
            "Basic Og==",
            "Bearer x",
            &word,
            &long,
        ];
        let name = self.one(&names).to_owned();
        draft.headers.push((name, self.one(&values).into()));
    }

    /// Of `qty` and `name` speaks what is wrong with any field that holds a number or a text.
    fn strange_body(&mut self, fields: &[Field], word: String) -> Vec<u8> {
        let bodies = [
            "",
            "{",
            "[]",
            "null",
            "\"\"",
            "{\"qty\":-1}",
            "{\"qty\":2147483648}",
            "{\"qty\":1e400}",
            "{\"qty\":-0}",
            "{\"qty\":[1]}",
            "{\"name\":{}}",
            "{\"name\":\"\\u0000\"}",
            "{\"name\":\"\\ud800\"}",
            "{\"id\":1}",
            "{}{}",
            "{\"productId\":9223372036854775808}",
            "{\"productId\":-1,\"qty\":1}",
            "[{\"op\":\"remove\",\"path\":\"/qty\"}]",
            "[{\"op\":\"move\",\"from\":\"/qty\",\"path\":\"/name\"}]",
            "[{\"op\":\"test\",\"path\":\"/id\",\"value\":1}]",
            "[{\"op\":\"x\"}]",
            "[1]",
            &word,
        ];
        match self.dice.below(40) {
            0 => vec![b'['; 60_000],
            1 => vec![b'x'; 70_000],
            2 => (0..self.dice.below(300)).map(|_| u8::try_from(self.dice.below(256)).expect("a byte")).collect(),
            _ => {
                let (numbers, texts): (Vec<&Field>, Vec<&Field>) = fields.iter().partition(|field| field.is_number());
                let mut named = |fields: &[&Field], name| if fields.is_empty() { name } else { self.one(fields).name };
                let (number, text) = (named(&numbers, "qty"), named(&texts, "name"));
                self.one(&bodies).replace("qty", number).replace("name", text).into_bytes()
            }
        }
    }

    /// Leaves nothing sure: bytes changed, cut, doubled, or lines that fight over where the request ends.
    pub(super) fn break_up(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.dice.below(4) {
            let at = usize::try_from(self.dice.below(bytes.len() as u64 + 1)).expect("a short request");
            let byte = u8::try_from(self.dice.below(256)).expect("a byte");
            match self.dice.below(6) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, byte),
                2 => {
                    let tail = bytes[at..].to_vec();
                    bytes.extend(tail);
                }
                3 => {
                    let line = self.one(&[
                        "\r\nTransfer-Encoding: chunked\r\n",
                        "\r\nContent-Length: 3\r\n",
                        "\r\n\r\n",
                        "\0",
                        "\r",
                        "\r\nTransfer-Encoding: gzip, chunked\r\n",
                        "\r\nContent-Length: -1\r\n",
                        "HTTP/2.0",
                        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                        "\r\nConnection: close\r\n",
                        "ffffffffffffffff\r\n",
                        " ",
                    ]);
                    bytes.splice(at..at, line.bytes());
                }
                4 if at < bytes.len() => bytes[at] = byte,
                _ => {
                    let noise = (0..self.dice.below(200)).map(|_| u8::try_from(self.dice.below(256)).expect("a byte"));
                    let noise: Vec<u8> = noise.collect();
                    bytes.splice(at..at, noise);
                }
            }
        }
    }
}
