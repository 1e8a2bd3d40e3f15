//! Spans as OTLP's JSON: ids in hexadecimal digits, numbers of 64 bits as texts.

use serde_json::{Map, Value as Json, json};

use super::span::{Record, SpanKind, Value};
use crate::domain::TraceContext;

/// Who tells the spans.
const SERVICE: &str = "resurgam";

/// Writes a batch, told by the process of this id.
pub(super) fn batch(spans: &[Record], instance: &str) -> Vec<u8> {
    let about = [
        attribute("service.name", &SERVICE.into()),
        attribute("service.version", &env!("CARGO_PKG_VERSION").into()),
        attribute("service.instance.id", &instance.to_owned().into()),
        attribute("telemetry.sdk.name", &SERVICE.into()),
        attribute("telemetry.sdk.language", &"rust".into()),
    ];
    let scope = json!({ "name": SERVICE, "version": env!("CARGO_PKG_VERSION") });
    let spans: Vec<Json> = spans.iter().map(span).collect();
    let told = json!({
        "resourceSpans": [{ "resource": { "attributes": about }, "scopeSpans": [{ "scope": scope, "spans": spans }] }]
    });
    told.to_string().into_bytes()
}

fn span(record: &Record) -> Json {
    let Record { context, parent, name, kind, start_ns, end_ns, attributes, links, links_dropped, error } = record;
    let mut told = Map::new();
    let mut say = |key: &str, value: Json| drop(told.insert(key.to_owned(), value));
    say("traceId", context.trace_text().into());
    say("spanId", context.span_text().into());
    if let Some(parent) = parent {
        say("parentSpanId", parent.span_text().into());
    }
    say("name", name.as_ref().into());
    say("kind", kind_number(*kind).into());
    say("startTimeUnixNano", start_ns.to_string().into());
    say("endTimeUnixNano", end_ns.to_string().into());
    let mut attributes: Vec<Json> = attributes.iter().map(|(key, value)| attribute(key, value)).collect();
    if let Some(error) = error {
        attributes.push(attribute("error.type", &Value::Text(error.clone())));
        say("status", json!({ "code": 2 }));
    }
    say("attributes", attributes.into());
    if !links.is_empty() {
        let link = |to: &TraceContext| json!({ "traceId": to.trace_text(), "spanId": to.span_text() });
        say("links", links.iter().map(link).collect());
        say("droppedLinksCount", (*links_dropped).into());
    }
    Json::Object(told)
}

fn attribute(key: &str, value: &Value) -> Json {
    let value = match value {
        Value::Text(text) => json!({ "stringValue": text }),
        Value::Int(number) => json!({ "intValue": number.to_string() }),
        Value::Double(number) => json!({ "doubleValue": number }),
    };
    json!({ "key": key, "value": value })
}

const fn kind_number(kind: SpanKind) -> u8 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Consumer => 5,
    }
}
