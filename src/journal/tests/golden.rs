//! Golden bytes: what was stored once is read for ever, and what is stored now is what was recorded.
//!
//! A line of a fixture: what it is, of which kind, its name, its schema version, its bytes. Lines of older versions
//! stay and are only read.

use std::collections::BTreeMap;
use std::num::{NonZeroU64, NonZeroU128};
use std::path::{Path, PathBuf};

use super::super::{Note, Row};
use super::*;
use crate::domain::system::KindSpec;
use crate::domain::{Message as _, TraceContext};
use crate::systems::oa_rental::product::ProductCommand;

/// What a line is about: what, of which kind, name, schema version.
type Name = (String, String, String, u16);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal")
}

fn name(what: &str, kind: &str, name: &str, schema: u16) -> Name {
    (what.to_owned(), kind.to_owned(), name.to_owned(), schema)
}

/// Every recorded line of every file.
fn recorded() -> BTreeMap<Name, Vec<u8>> {
    let mut lines = BTreeMap::new();
    let files = std::fs::read_dir(folder()).expect("the fixtures' folder").flatten().map(|entry| entry.path());
    for file in files.filter(|file| file.extension().is_some_and(|extension| extension == "hex")) {
        for line in std::fs::read_to_string(&file).expect("a fixture").lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [what, kind, of, schema, hex] = words[..] else { panic!("{}: {line}", file.display()) };
            let schema = schema.parse().expect("a schema version");
            let before = lines.insert(name(what, kind, of, schema), from_hex(hex));
            assert!(before.is_none(), "{}: recorded twice: {what} {kind} {of} {schema}", file.display());
        }
    }
    lines
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ascii"), 16).expect("hex")).collect()
}

/// The same command in a trace that is told.
fn traced(command: CommandMeta) -> CommandMeta {
    let trace_id = NonZeroU128::new(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736).expect("not zero");
    let span_id = NonZeroU64::new(0x00f0_67aa_0ba9_02b7).expect("not zero");
    CommandMeta { trace: Some(TraceContext { trace_id, span_id }), ..command }
}

fn record(record: &Record) -> (Vec<u8>, String) {
    let mut bytes = Vec::new();
    codec::encode_record(record, &mut bytes);
    (bytes, format!("{:?}", [record]))
}

/// What this build stores: the bytes, and what reading them must give.
fn stored_now() -> BTreeMap<Name, (Vec<u8>, String)> {
    let mut now = BTreeMap::new();
    for (kind, event) in samples::events().into_iter().chain(sampled::events()) {
        let facts = samples::facts(Stream::new(kind, 70_000), vec![Arc::clone(&event)]);
        now.insert(name("event", kind.path(), event.name(), event.schema()), record(&Record::Facts(facts)));
    }
    for (kind, command) in samples::commands().into_iter().chain(sampled::commands()) {
        let of = name("command", kind.path(), command.name(), command.schema());
        let intent = samples::intent(kind, Arc::clone(&command), Some(command));
        now.insert(of, record(&Record::IntentOpened(Arc::new(intent))));
    }
    for row in samples::rows().into_iter().chain(sampled::rows()) {
        let of = name("row", row.stream.kind.path(), "-", row.state.shape());
        now.insert(of, (codec::encode_row(&row), format!("{row:?}")));
    }
    for (variant, note) in samples::notes() {
        now.insert(name("note", "-", variant, 1), record(&Record::Note(note)));
    }
    for (class, refusal) in samples::refusals() {
        let answer = FactlessAnswer { stream: product(1), command: command(1), time_ms: 5, refusal: Some(refusal) };
        now.insert(name("refusal", "-", class, 1), record(&Record::Answer(answer)));
    }
    for (outcome, answered) in samples::answers() {
        now.insert(name("answer", "-", outcome, 1), (codec::encode_answered(&answered), format!("{answered:?}")));
    }
    for (how, closed) in [("Answered", Closed::Answered), ("Withdrawn", Closed::Withdrawn)] {
        let closed = Record::IntentClosed { asker: product(1), intent: 77, opened_by: 78, how: closed };
        now.insert(name("closed", "-", how, 1), record(&closed));
    }
    let answer = FactlessAnswer { stream: product(1), command: command(1), time_ms: 5, refusal: None };
    now.insert(name("record", "-", "Accepted", 1), record(&Record::Answer(answer)));
    let asked = Arc::new(ProductCommand::from(RegisterProduct { name: None, qty: 1 }));
    let intent = samples::intent(Product::KIND, asked, None);
    now.insert(name("intent", "-", "-", 1), (codec::encode_intent(300, &intent), format!("{intent:?}")));
    let answer = FactlessAnswer { stream: product(1), command: traced(command(1)), time_ms: 5, refusal: None };
    now.insert(name("record", "-", "Traced", 1), record(&Record::Answer(answer)));
    let note = Note::Seal;
    now.insert(name("stored-note", "-", "-", 1), (codec::encode_note(300, &note), format!("{note:?}")));
    now
}

/// Reads bytes back as what their line says they are.
fn read((what, kind, of, _): &Name, bytes: &[u8]) -> String {
    let catalogue = catalogue();
    match what.as_str() {
        "row" => {
            let kind = catalogue.kind(kind).expect("a kind of the catalogue");
            let row: Option<Row> = codec::decode_row(Stream::new(kind, 70_000), bytes, &catalogue).expect("a row");
            row.map_or_else(|| "of an older shape".to_owned(), |row| format!("{row:?}"))
        }
        "answer" => format!("{:?}", codec::decode_answered(bytes, &catalogue).expect("an answer")),
        "intent" => format!("{:?}", codec::decode_intent(bytes, &catalogue).expect("an intent")),
        "stored-note" => format!("{:?}", codec::decode_note(bytes).expect("a note")),
        _ => {
            let records = codec::decode_records(bytes, &catalogue).expect("records");
            match (what.as_str(), &records[..]) {
                ("event", [Record::Facts(facts)]) => assert_eq!(facts.events[0].name(), of),
                ("command", [Record::IntentOpened(intent)]) => assert_eq!(intent.command.name(), of),
                ("event" | "command", _) => panic!("{what} {of} is another record: {records:?}"),
                _ => assert_eq!(records.len(), 1),
            }
            format!("{records:?}")
        }
    }
}

#[test]
fn what_is_stored_now_is_what_was_recorded() {
    let recorded = recorded();
    let mut missing = String::new();
    for (of, (bytes, _)) in stored_now() {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match recorded.get(&of) {
            Some(golden) => assert_eq!(&bytes, golden, "{of:?} is stored otherwise now; make it a new schema version"),
            None => writeln!(missing, "{} {} {} {} {hex}", of.0, of.1, of.2, of.3).expect("text"),
        }
    }
    assert!(missing.is_empty(), "to be added to tests/fixtures/journal:\n{missing}");
}

#[test]
fn what_was_recorded_is_still_read() {
    let now = stored_now();
    for (of, golden) in recorded() {
        let read = read(&of, &golden);
        // Of an older version only that it is read can be judged.
        if let Some((_, expected)) = now.get(&of) {
            assert_eq!(&read, expected, "{of:?}");
        }
    }
}

#[test]
fn every_message_and_row_this_build_reads_is_recorded() {
    let recorded = recorded();
    let catalogue = catalogue();
    let mut missing = Vec::new();
    for spec in catalogue.kinds() {
        let expected = match spec {
            KindSpec::Aggregate(spec) => {
                let path = spec.kind.path();
                let events = spec.events.iter().map(|(of, schema)| name("event", path, of, *schema));
                let commands = spec.commands.iter().map(|(of, schema)| name("command", path, of, *schema));
                let row = name("row", path, "-", spec.state_version);
                events.chain(commands).chain([row]).collect::<Vec<_>>()
            }
            KindSpec::View(spec) => vec![name("row", spec.kind.path(), "-", spec.row_version)],
        };
        missing.extend(expected.into_iter().filter(|of| !recorded.contains_key(of)));
    }
    for spec in catalogue.providers() {
        let commands = spec.commands.iter().map(|(of, schema)| name("command", spec.kind.path(), of, *schema));
        missing.extend(commands.filter(|of| !recorded.contains_key(of)));
    }
    assert!(missing.is_empty(), "give each a sample and a line in tests/fixtures/journal: {missing:#?}");
}

#[test]
fn names_are_recorded_once_for_each_version() {
    for spec in catalogue().kinds() {
        let KindSpec::Aggregate(spec) = spec else { continue };
        for known in [spec.events, spec.commands] {
            let distinct: std::collections::BTreeSet<_> = known.iter().collect();
            assert_eq!(distinct.len(), known.len(), "{}", spec.kind);
        }
    }
    assert!(!ProductEvent::known().is_empty());
}

#[test]
fn stored_types_use_no_attribute_that_bincode_loses_data_with() {
    const FORBIDDEN: &[&str] = &["skip", "flatten", "tag", "untagged", "default", "content", "other"];
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![src.join("systems"), src.join("domain"), src.join("journal")];
    let mut faults = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).expect("a folder").flatten().map(|entry| entry.path()) {
            if path.file_stem().is_some_and(|name| name == "tests") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source");
                faults.extend(lossy(&text, FORBIDDEN).into_iter().map(|what| format!("{}: {what}", path.display())));
            }
        }
    }
    assert!(faults.is_empty(), "bincode loses or mistakes fields with these: {faults:#?}");
}

/// The attributes of serde in a source that begin with one of these words.
fn lossy(text: &str, forbidden: &[&str]) -> Vec<String> {
    let attributes = text.split("serde(").skip(1).filter_map(|rest| rest.split(")]").next());
    let words = attributes.flat_map(|list| list.split([',', '(']).map(str::trim));
    let word =
        |item: &str| item.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().map(str::to_owned);
    words.filter_map(word).filter(|word| forbidden.contains(&word.as_str()) || word.starts_with("skip_")).collect()
}

#[test]
fn the_scan_for_lossy_attributes_finds_them() {
    let found = |text: &str| lossy(text, &["skip", "flatten", "tag", "untagged", "default"]);
    assert_eq!(found(concat!("#[", "serde(rename_all = \"camelCase\", skip_serializing_if = \"f\")]")).len(), 1);
    assert_eq!(found(concat!("#[", "serde(\n    default\n)]")).len(), 1);
    assert_eq!(found(concat!("#[cfg_attr(x, ", "serde(untagged))]")).len(), 1);
    assert!(found(concat!("#[", "serde(rename_all = \"camelCase\")]")).is_empty());
}
