//! What every body with links promises, whatever it shows.

use serde_json::Value;

use crate::client::Answer;

/// Says what is wrong with a body of the originals' form.
pub(crate) fn faults(answer: &Answer) -> Vec<String> {
    let (text, body) = (answer.text(), answer.json());
    let mut faults = layout_faults(&text);
    link_faults(&body, &mut faults);
    let length = answer.body.len().to_string();
    if answer.header("content-length").is_some_and(|sent| sent != length) {
        faults.push(format!("a length that is not {length}"));
    }
    faults
}

/// The rels of the body's own links, in the order they are written.
pub(super) fn rels(text: &str) -> Vec<&str> {
    let links = text.rfind("\n  \"_links\" : {").map_or("", |at| &text[at..]);
    let lines = links.lines().skip(2).take_while(|line| line.starts_with("    "));
    lines.filter_map(|line| line.strip_prefix("    \"")?.strip_suffix("\" : {")).collect()
}

/// Two blanks a level, nothing before the first brace or after the last.
fn layout_faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if !text.starts_with("{\n") || !text.ends_with("\n}") {
        faults.push("no object from the first byte to the last".into());
    }
    let mut depth = 0;
    for line in text.lines() {
        let bare = line.trim_start();
        depth -= usize::from(bare.starts_with('}'));
        if line.len() - bare.len() != 2 * depth {
            faults.push(format!("the indent of {line:?}"));
        }
        depth += usize::from(bare.ends_with('{'));
        if bare.starts_with('"') && !bare.contains("\" : ") {
            faults.push(format!("no blanks around the colon of {line:?}"));
        }
    }
    faults
}

fn link_faults(value: &Value, faults: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if members.contains_key("_links") && members.contains_key("id") {
                faults.push("an entity that shows its id".into());
            }
            let links = members.get("_links").and_then(Value::as_object).into_iter().flatten();
            faults.extend(links.filter(|(_, link)| !is_link(link)).map(|(rel, link)| format!("link {rel}: {link}")));
            let embedded = members.get("_embedded").and_then(Value::as_object).into_iter().flatten();
            let items = embedded.filter_map(|(_, items)| items.as_array()).flatten();
            faults.extend(
                items.filter(|item| !item["_links"]["self"].is_object()).map(|item| format!("no self: {item}")),
            );
            members.values().for_each(|member| link_faults(member, faults));
        }
        Value::Array(items) => items.iter().for_each(|item| link_faults(item, faults)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// An absolute address, with variables only when it says so.
fn is_link(link: &Value) -> bool {
    let href = link["href"].as_str().unwrap_or_default();
    let is_templated = link.get("templated") == Some(&Value::Bool(true));
    ["http://", "https://"].iter().any(|scheme| href.starts_with(scheme)) && href.contains('{') == is_templated
}
