//! Sends rows in their order and judges the answers.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::hal;
use super::row::{Row, Sending, Source, Want};
use crate::client::{Answer, Client, Request};
use crate::edge::{has, problem_faults};
use crate::services::{listeners, place};
use crate::support::{Server, poll};

/// The clients of one server, and what rows kept.
pub(super) struct Run<'a> {
    server: &'a Server,
    clients: BTreeMap<&'static str, Client>,
    kept: BTreeMap<&'static str, Value>,
}

impl<'a> Run<'a> {
    pub(super) fn on(server: &'a Server) -> Run<'a> {
        let clients = listeners(server.system()).map(|door| (door, server.client(door))).collect();
        let kept = listeners(server.system()).map(|door| (door, Value::from(server.url(door)))).collect();
        Run { server, clients, kept }
    }

    /// Sends a row and says what is wrong with its answers.
    pub(super) fn faults(&mut self, row: &Row) -> Vec<String> {
        let ask = self.request(row);
        let faults = match &row.sending {
            Sending::Times(times) => (0..*times).flat_map(|_| self.sent(row, &ask)).collect(),
            Sending::Soon => {
                let mut last = Vec::new();
                poll(Duration::from_secs(10), || {
                    last = self.sent(row, &ask);
                    last.is_empty().then_some(())
                });
                last
            }
            Sending::AtOnce(statuses) => self.raced(row, &ask, statuses),
            Sending::Stream => match self.server.client(row.door).first_event(&ask) {
                Ok(answer) => self.judged(row, &ask, &answer),
                Err(error) => vec![format!("no event: {error}")],
            },
        };
        let what = format!("{} {} {} {}", row.id.unwrap_or("between"), row.door, ask.method(), ask.path());
        faults.into_iter().map(|fault| format!("{what}: {fault}")).collect()
    }

    fn request(&self, row: &Row) -> Request {
        let filled = row.ask.filled(|text| self.filled(text));
        filled.header("Host", &host(self.server.system(), row.door))
    }

    fn sent(&mut self, row: &Row, ask: &Request) -> Vec<String> {
        let client = self.clients.get_mut(row.door).expect("a client for every door");
        match client.try_send(ask) {
            Ok(answer) => self.judged(row, ask, &answer),
            Err(error) => vec![format!("no answer: {error}")],
        }
    }

    fn raced(&mut self, row: &Row, ask: &Request, statuses: &[u16]) -> Vec<String> {
        let server = self.server;
        let mut answers: Vec<Answer> = thread::scope(|scope| {
            let clients: Vec<_> = statuses.iter().map(|_| scope.spawn(|| server.send(row.door, ask))).collect();
            clients.into_iter().map(|client| client.join().expect("a client ends well")).collect()
        });
        answers.sort_by_key(|answer| answer.status);
        let mut faults: Vec<String> = answers.iter().flat_map(|answer| shape_faults(row, ask, answer)).collect();
        let found: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        if found != statuses {
            faults.push(format!("statuses {found:?} instead of {statuses:?}"));
        }
        let same: Vec<&Answer> = answers.iter().filter(|answer| answer.status == row.status).collect();
        let told = |answer: &&Answer| (answer.text(), answer.header("location").map(str::to_owned));
        if same.windows(2).any(|pair| told(&pair[0]) != told(&pair[1])) {
            faults.push("different answers to one request".into());
        }
        faults.extend(same.first().into_iter().flat_map(|answer| self.judged(row, ask, answer)));
        faults
    }

    /// Judges an answer and keeps of it what the row keeps.
    fn judged(&mut self, row: &Row, ask: &Request, answer: &Answer) -> Vec<String> {
        let mut faults = shape_faults(row, ask, answer);
        if answer.status != row.status {
            faults.push(format!("status {} instead of {}", answer.status, row.status));
        }
        faults.extend(row.wants.iter().filter_map(|want| self.fault(want, answer)));
        for (name, source) in &row.keeps {
            match found(source, answer) {
                Some(value) => drop(self.kept.insert(name, value)),
                None => faults.push(format!("nothing to keep as {name}")),
            }
        }
        if !faults.is_empty() {
            faults.push(format!("the answer was {} {:?}\n{}", answer.status, answer.headers, answer.text()));
        }
        faults
    }

    fn fault(&self, want: &Want, answer: &Answer) -> Option<String> {
        let (text, json) = (answer.text(), answer.json());
        let (holds, wanted) = match want {
            Want::Header(name, value) => {
                let value = self.filled(value);
                (answer.header(name) == Some(value.as_str()), format!("{name}: {value}"))
            }
            Want::OtherThan(name, value) => {
                let value = self.filled(value);
                (answer.header(name).is_some_and(|found| found != value), format!("a {name} that is not {value:?}"))
            }
            Want::Members(name, members) => {
                let mut sorted: Vec<&str> = members.split(',').filter(|member| !member.is_empty()).collect();
                sorted.sort_unstable();
                (answer.members(name) == sorted, format!("{name}: {members}"))
            }
            Want::NoHeader(name) => (answer.header(name).is_none(), format!("no {name}")),
            Want::Empty => (answer.body.is_empty(), "no body".into()),
            Want::Bytes(body) => (text == self.filled(body), format!("the bytes\n{body}\n")),
            Want::Length(bytes) => (answer.body.len() == *bytes, format!("{bytes} bytes, not {}", answer.body.len())),
            Want::Text(part) => {
                let part = self.filled(part);
                (text.contains(&part), format!("the text {part}"))
            }
            Want::Json(members) => {
                let members = self.filled_json(members);
                (has(&json, &members), format!("{members}"))
            }
            Want::Lacks(pointer) => (json.is_object() && json.pointer(pointer).is_none(), format!("no {pointer}")),
            Want::Rels(rels) => (hal::rels(&text) == *rels, format!("the links {rels:?}, not {:?}", hal::rels(&text))),
            Want::Items(fields, values) => {
                let items = embedded(&json, fields);
                (items == *values, format!("the items {values}, not {items}"))
            }
            Want::Judged(what, judge) => (judge(answer), (*what).into()),
        };
        (!holds).then(|| format!("wanted {wanted}"))
    }

    /// Puts what was kept in the place of its name.
    fn filled(&self, text: &str) -> String {
        self.kept.iter().fold(text.to_owned(), |text, (name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text.replace(&format!("<{name}>"), &value)
        })
    }

    fn filled_json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let whole = self.kept.iter().find(|(name, _)| *text == format!("<{name}>"));
                whole.map_or_else(|| Value::from(self.filled(text)), |(_, kept)| kept.clone())
            }
            Value::Object(members) => {
                members.iter().map(|(name, member)| (name.clone(), self.filled_json(member))).collect()
            }
            Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }
}

/// The original's port is the `Host` of a request, so that bodies are the originals' byte for byte.
pub(super) fn host(system: &str, door: &str) -> String {
    format!("localhost:{}", 8080 + place(system, door))
}

/// What every answer promises, whatever its row says.
fn shape_faults(row: &Row, ask: &Request, answer: &Answer) -> Vec<String> {
    let says_body = row.wants.iter().any(|want| matches!(want, Want::Empty | Want::Bytes(_)));
    if answer.status >= 400 && !says_body {
        return problem_faults(ask.path(), answer);
    }
    let is_hal = answer.json()["_links"].is_object() && !ask.path().contains("/actuator");
    if is_hal { hal::faults(answer) } else { Vec::new() }
}

fn found(source: &Source, answer: &Answer) -> Option<Value> {
    match source {
        Source::Header(name) => answer.header(name).map(Value::from),
        Source::Path => path_of(answer.header("location")?),
        Source::PathOf(pointer) => path_of(answer.json().pointer(pointer)?.as_str()?),
        Source::Json(pointer) => answer.json().pointer(pointer).cloned(),
    }
}

fn path_of(address: &str) -> Option<Value> {
    let (_, rest) = address.split_once("://")?;
    rest.find('/').map(|at| Value::from(&rest[at..]))
}

/// These fields of every embedded item: a list each, or a value each where it is one field.
fn embedded(body: &Value, fields: &[&str]) -> Value {
    let collections = body["_embedded"].as_object().into_iter().flatten();
    let items = collections.filter_map(|(_, items)| items.as_array()).flatten();
    let shown = |item: &Value| match fields {
        [field] => item[field].clone(),
        several => several.iter().map(|field| item[field].clone()).collect(),
    };
    items.map(shown).collect()
}
