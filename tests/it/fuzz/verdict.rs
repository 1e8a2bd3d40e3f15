//! What every answer must be, whatever was asked.

use super::grammar::Sentence;
use crate::client::Answer;
use crate::contract::hal;
use crate::edge::problem_faults;

/// Says what is wrong with an answer.
pub(super) fn faults(answer: &Answer, sentence: &Sentence) -> Vec<String> {
    let mut faults = match answer.status {
        503 if answer.header("retry-after").is_none() => vec!["503 and nothing about when to come back".to_owned()],
        504 if !sentence.is_impatient => vec!["504 for a client that waits".to_owned()],
        500..=502 | 505.. => vec!["a defect".to_owned()],
        _ => Vec::new(),
    };
    faults.extend(match (answer.body.is_empty(), answer.status) {
        (true, status) => silence_faults(status, answer, sentence),
        // An actuator that is out of service says so in its own form.
        (false, 400..) if answer.status != 503 || !is_actuator(sentence) => problem_faults(&sentence.path, answer),
        (false, _) => body_faults(answer, sentence),
    });
    faults
}

/// Some answers say everything by their heads.
fn silence_faults(status: u16, answer: &Answer, sentence: &Sentence) -> Vec<String> {
    let may_be = match status {
        // A text may have no letters, and a feed no lines.
        200 => {
            let media = answer.header("content-type").unwrap_or_default();
            sentence.method == "OPTIONS"
                || ["text/plain", "application/x-ndjson"].iter().any(|it| media.starts_with(it))
        }
        // For a client that does not say what it accepts.
        201 | 204 | 304 | 404 => true,
        // What is no HTTP at all is refused by who reads HTTP, and the connection ends.
        400 => sentence.method == "CONNECT" || answer.header("connection") == Some("close"),
        _ => false,
    };
    let is_fine = may_be || sentence.method == "HEAD";
    (!is_fine).then(|| "an answer without a body".to_owned()).into_iter().collect()
}

fn body_faults(answer: &Answer, sentence: &Sentence) -> Vec<String> {
    let media = answer.header("content-type").unwrap_or_default();
    if media.is_empty() {
        return vec!["a body without a type".to_owned()];
    }
    if !media.contains("json") || media.contains("ndjson") {
        return Vec::new();
    }
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(&answer.body) else {
        return vec![format!("{media} that is none")];
    };
    let is_hal = body["_links"].is_object() && !is_actuator(sentence);
    if is_hal { hal::faults(answer) } else { Vec::new() }
}

fn is_actuator(sentence: &Sentence) -> bool {
    sentence.path.split('/').any(|part| part == "actuator")
}
