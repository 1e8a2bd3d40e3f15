//! The house rules that a machine can check: who imports whom, how long things are, what they are called.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::imports::import_faults;
use crate::source_text::{Source, functions, names, rust_files, source, sources};

const FILE_LINES_MAX: usize = 300;
const FUNCTION_LINES_MAX: usize = 70;
const FOLDER_FILES_MAX: usize = 12;
const NAMELESS: &[&str] = &["util", "utils", "helper", "helpers", "manager", "managers", "common", "misc"];

/// A room and the rooms it may use. `app` and `lib` see everything.
pub(crate) const ROOMS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("systems", &["domain"]),
    ("clock", &[]),
    ("fault_points", &[]),
    ("resilience", &["clock"]),
    ("journal", &["domain", "clock", "fault_points", "mutants", "telemetry"]),
    ("actors", &["domain", "journal", "resilience", "clock", "fault_points", "mutants", "telemetry"]),
    // Deliberate bugs: nothing is left of them without the feature.
    ("mutants", &["domain"]),
    // What the clients of the house share; it knows nobody they speak to.
    ("http_client", &["resilience"]),
    ("outbound", &["actors", "http_client", "resilience", "clock", "telemetry"]),
    ("http", &["domain", "actors", "journal", "resilience", "clock", "telemetry"]),
    // It folds what it reads in the log, and knows the five systems' paths; the server it judges it meets by HTTP only.
    ("chaos", &["domain", "http_client", "journal", "clock"]),
    ("telemetry", &["domain", "http_client", "resilience", "clock"]),
    ("config", &["domain", "resilience"]),
    ("main", &["app", "systems"]),
];
pub(crate) const SEES_ALL: &[&str] = &["app", "lib"];

/// A crate and the rooms it is reserved to. What is not here is free in the rooms of the shell.
pub(crate) const RESERVED: &[(&str, &[&str])] = &[
    ("sled", &["journal"]),
    ("bincode", &["journal"]),
    ("actix", &["journal"]),
    ("crc", &["journal"]),
    ("crc32c", &["journal"]),
    ("crc32fast", &["journal"]),
    ("ractor", &["actors"]),
    ("warp", &["http"]),
    ("hyper", &["http", "http_client"]),
    ("hyper_util", &["http", "http_client"]),
    ("http_body_util", &["http_client"]),
    ("metrics", &["telemetry"]),
    ("metrics_exporter_prometheus", &["telemetry"]),
    ("tracing_subscriber", &["telemetry"]),
    ("config", &["config"]),
    ("toml", &["config"]),
    ("toml_edit", &["config"]),
    ("uuid", &["clock"]),
    ("rand", &["clock"]),
    ("clap", &["app"]),
];

/// Rooms that may use these crates only.
pub(crate) const NOTHING_BUT: &[(&str, &[&str])] = &[
    ("domain", &["std", "core", "alloc", "serde", "erased_serde", "thiserror"]),
    ("systems", &["std", "core", "alloc", "serde", "erased_serde", "thiserror"]),
    ("clock", &["std", "core", "tokio", "uuid", "rand", "jiff", "parking_lot"]),
    ("resilience", &["std", "core", "tokio", "parking_lot", "thiserror", "serde"]),
];

/// Parts of a crate a room may use, where not all of it is.
pub(crate) const PARTS: &[(&str, &str, &[&str])] =
    &[("clock", "tokio", &["time"]), ("resilience", "tokio", &["time", "sync", "select", "pin"])];

/// Words that make a function more than its inputs: no clock, disk, net, thread or task in the pure rooms.
const IMPURE: &[&str] = &["async", "await", "Instant", "SystemTime"];
pub(crate) const IMPURE_STD: &[&str] = &["fs", "net", "env", "process", "thread", "io", "sync"];
pub(crate) const PURE: &[&str] = &["domain", "systems"];

/// Reasons to depart from a rule: room, what it may use besides, and why.
pub(crate) const EXCEPTIONS: &[(&str, &str, &str)] =
    &[("domain", "std::sync::Arc", "sharing a value is not waiting for one")];

pub(crate) fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[track_caller]
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "{} places break a house rule:\n{}", faults.len(), faults.join("\n"));
}

pub(crate) fn room(source: &Source) -> &str {
    source.module().first().copied().unwrap_or("lib")
}

pub(crate) fn allowed<T: Copy>(table: &[(&str, T)], key: &str) -> Option<T> {
    table.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
}

pub(crate) fn fault(source: &Source, at: usize, what: String) -> String {
    format!("src/{}:{}: {what}", source.path, source.line_of(at))
}

/// The crates of the manifest, as they are written in code.
fn crates() -> Vec<String> {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).expect("a manifest");
    let section = manifest.split("\n[").find_map(|part| part.strip_prefix("dependencies]")).unwrap_or_default();
    let named = section.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim().replace('-', "_"));
    let named = named.filter(|name| !name.is_empty() && !name.starts_with('#'));
    named.chain(["std", "core", "alloc"].map(String::from)).collect()
}

#[test]
fn every_room_uses_only_what_it_may() {
    let crates = crates();
    none(&sources(&src()).iter().flat_map(|source| import_faults(source, &crates)).collect::<Vec<_>>());
}

#[test]
fn the_pure_rooms_know_no_time_and_wait_for_nothing() {
    let mut faults = Vec::new();
    for source in sources(&src()).iter().filter(|source| PURE.contains(&room(source))) {
        let impure = names(&source.code).into_iter().filter(|(_, name)| IMPURE.contains(name));
        faults.extend(
            impure.map(|(at, name)| fault(source, at, format!("`{name}` in the pure room `{}`", room(source)))),
        );
    }
    none(&faults);
}

#[test]
fn files_functions_and_folders_stay_small() {
    let mut faults = Vec::new();
    let mut folders: BTreeMap<String, usize> = BTreeMap::new();
    for source in sources(&src()) {
        let (folder, _) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
        *folders.entry(folder.to_string()).or_default() += 1;
        if source.line_count > FILE_LINES_MAX {
            faults
                .push(format!("src/{}:{}: a file of more than {FILE_LINES_MAX} lines", source.path, source.line_count));
        }
        let long = functions(&source).into_iter().filter(|(_, _, lines)| *lines > FUNCTION_LINES_MAX);
        faults.extend(long.map(|(name, line, lines)| {
            format!("src/{}:{line}: `{name}` has {lines} lines, more than {FUNCTION_LINES_MAX}", source.path)
        }));
    }
    let full = folders.iter().filter(|(_, count)| **count > FOLDER_FILES_MAX);
    faults.extend(full.map(|(folder, count)| format!("src/{folder}: {count} files, more than {FOLDER_FILES_MAX}")));
    for path in rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")) {
        let lines = fs::read_to_string(&path).expect("a readable test").lines().count();
        if lines > FILE_LINES_MAX {
            faults.push(format!("{}:{lines}: a test file of more than {FILE_LINES_MAX} lines", path.display()));
        }
    }
    none(&faults);
}

#[test]
fn nothing_is_called_by_a_name_that_says_nothing() {
    let mut faults = Vec::new();
    for source in sources(&src()) {
        let files = source.module().into_iter().map(|name| (0, name));
        let code = names(&source.code);
        let items =
            code.windows(2).filter(|pair| ["struct", "enum", "trait", "mod", "fn", "type"].contains(&pair[0].1));
        for (at, name) in files.chain(items.map(|pair| pair[1])) {
            let spaced: String =
                name.chars().flat_map(|c| if c.is_uppercase() { vec![' ', c] } else { vec![c] }).collect();
            let says_nothing = spaced.to_lowercase().split([' ', '_']).any(|word| NAMELESS.contains(&word));
            if says_nothing {
                faults.push(fault(&source, at, format!("`{name}` does not say what it is for")));
            }
        }
    }
    none(&faults);
}

#[test]
fn the_reader_of_sources_sees_through_comments_strings_groups_and_supers() {
    let text = "//! warp::x\nuse crate::{domain::A, http::{b, c as d}};\nfn f<'a>(c: char) -> &'a str {\n    \
                let _ = ('\\'', '{', r#\"crate::app \"#, \"sled::\");\n    super::super::journal::open()\n}\n\
                #[cfg(test)]\nmod tests { use warp::x; }\n";
    let read = source("actors/instance.rs", text);
    let known = ["warp".to_string(), "sled".to_string()];
    let faults = import_faults(&read, &known);
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(
        faults
            .iter()
            .all(|fault| { fault.starts_with("src/actors/instance.rs:2: `actors` may not use `crate::http::") })
    );
    assert_eq!(functions(&read), [("f".to_string(), 3, 4)]);
    let (up, direct) =
        (source("domain/ask.rs", "type J = super::super::journal::Log;"), source("domain/mod.rs", "use sled;"));
    assert_eq!(import_faults(&up, &known).len() + import_faults(&direct, &known).len(), 2);
}
