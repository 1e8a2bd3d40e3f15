use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::sources::{environment, layers};
use super::*;
use crate::resilience::{LimitPolicy, RatePolicy};

fn load(assignments: &[&str]) -> Result<Settings, SettingsError> {
    let assignments: Vec<String> = assignments.iter().map(ToString::to_string).collect();
    Settings::load(None, &assignments)
}

/// A file with settings.
fn file(dir: &tempfile::TempDir, text: &str) -> PathBuf {
    let path = dir.path().join("mine.toml");
    fs::write(&path, text).expect("a file");
    path
}

/// The error names all of these.
#[track_caller]
fn names(outcome: Result<Settings, SettingsError>, words: &[&str]) {
    let said = outcome.expect_err("settings that make no sense").to_string();
    assert!(words.iter().all(|word| said.contains(word)), "{words:?} in {said}");
}

#[test]
fn the_defaults_make_sense_and_are_shown_as_they_are_written() {
    let settings = load(&[]).expect("the defaults");
    assert_eq!((settings.listen.port, settings.admin.listen.to_string()), (8088, "127.0.0.1:9464".to_owned()));
    assert_eq!(shown(None, &[]).expect("the defaults"), DEFAULTS);
}

#[test]
fn an_assignment_sets_a_key_and_is_shown_with_the_comments() {
    let assignments = [
        "listen.host = 0.0.0.0",
        "guard.kind.edge.running_max=7",
        "log.json=true",
        "journal.data=a=b",
        "telemetry.traces.sampled=0.5",
    ];
    let settings = load(&assignments).expect("settings");
    assert!(settings.listen.host.is_unspecified() && settings.log.json);
    assert_eq!(
        (settings.guard.policies().kind.edge.running_max, settings.guard.policies().kind.edge.queue_max),
        (7, 4_096)
    );
    assert_eq!(settings.journal.data, PathBuf::from("a=b"));

    let shown = shown(None, &assignments.map(String::from)).expect("settings");
    let expected = DEFAULTS
        .replace("host = \"127.0.0.1\"", "host = \"0.0.0.0\"")
        .replace("edge = { running_max = 1024", "edge = { running_max = 7")
        .replace("json = false", "json = true")
        .replace("sampled = 0.01", "sampled = 0.5")
        .replace("data = \"data\"", "data = \"a=b\"");
    assert_eq!(shown, expected);
}

#[test]
fn the_later_source_wins_file_environment_command_line() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = file(&dir, "[edge]\nbacklog = 1\nheaders_max = 1\ndeadline_ms = 1\n");
    let variables = [("RESURGAM__EDGE__HEADERS_MAX", "2"), ("RESURGAM__EDGE__DEADLINE_MS", "2"), ("RESURGAM_X", "3")];
    let variables: HashMap<_, _> = variables.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    let layers = layers(Some(&file), environment().source(Some(variables)), &["edge.deadline_ms=3".to_owned()]);
    let edge = Settings::read(&layers.expect("sources")).expect("settings").edge;
    assert_eq!((edge.backlog, edge.headers_max, edge.deadline_ms), (1, 2, 3));
}

#[test]
fn an_unknown_key_is_named_with_who_set_it() {
    for key in ["listen.nosuch", "nosuch.port", "nosuch", "listen.port.number", "guard.kind.edge.nosuch"] {
        names(load(&[&format!("{key}=1")]), &[key, "--set", "no setting"]);
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = file(&dir, "[listen]\nprot = 1\n");
    names(Settings::load(Some(&file), &[]), &["listen.prot", "mine.toml"]);
    let variables = HashMap::from([("RESURGAM__LISTEN__PROT".to_owned(), "1".to_owned())]);
    let refused = layers(None, environment().source(Some(variables)), &[]).expect_err("an unknown key").to_string();
    assert!(refused.starts_with("RESURGAM__LISTEN__PROT: "), "{refused}");
}

#[test]
fn a_value_that_does_not_fit_is_named_with_its_key_and_who_set_it() {
    let table = [
        ("listen.port", "many"),
        ("listen.port", "99999999"),
        ("listen.host", "nowhere"),
        ("admin.listen", "9464"),
        ("chaos.enabled", "perhaps"),
        ("guard.kind.edge.running_max", "-1"),
        ("guard.kind.edge", "5"),
        ("listen", "3"),
    ];
    for (key, value) in table {
        let assignment = format!("{key}={value}");
        names(load(&[&assignment]), &[&format!("`{key}`"), &format!("--set {assignment}")]);
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    for text in ["[listen]\nport = \"many\"\n", "[listen]\nport = -1\n"] {
        names(Settings::load(Some(&file(&dir, text)), &[]), &["`listen.port`", "mine.toml"]);
    }
    let variables = HashMap::from([("RESURGAM__LISTEN__HOST".to_owned(), "nowhere".to_owned())]);
    let layers = layers(None, environment().source(Some(variables)), &["edge.backlog=9".to_owned()]);
    names(Settings::read(&layers.expect("sources")), &["`listen.host`", "RESURGAM__LISTEN__HOST"]);
}

#[test]
fn what_fits_its_type_and_nothing_else_is_refused() {
    let table = [
        ("edge.header_bytes_max", "8191"),
        ("journal.segment_bytes", "65535"),
        ("journal.segment_bytes", "1073741825"),
        ("edge.deadline_ms", "0"),
        ("listen.port_offset", "50001"),
        ("liveness.still_max_ms", "999"),
        ("liveness.still_max_ms", "30001"),
        ("edge.limit.floor", "0"),
        ("edge.limit.ceiling", "255"),
        ("edge.limit.initial", "255"),
        ("edge.limit.initial", "8193"),
        ("edge.limit.tolerated_ms", "0"),
        ("telemetry.traces.sampled", "1.01"),
        ("telemetry.traces.sampled", "-0.5"),
        ("telemetry.traces.sampled", "nan"),
    ];
    for (key, value) in table {
        names(load(&[&format!("{key}={value}")]), &[key, "must be"]);
    }
    for key in ["edge.rate.burst", "edge.rate.keys_max"] {
        let none = format!("{key}=0");
        names(load(&["edge.rate.per_second=1", &none]), &[key, "must be"]);
        assert!(load(&[&none]).is_ok(), "no rate, no bounds");
    }
    names(load(&["listen.port=60000", "listen.port_offset=6000"]), &["listen.port", "65535"]);
}

#[test]
fn a_source_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    names(Settings::load(Some(&dir.path().join("nosuch.toml")), &[]), &["nosuch.toml"]);
    names(Settings::load(Some(&file(&dir, "[listen")), &[]), &["mine.toml", "line 1"]);
    for assignment in ["listen.port", "=1", "a b=1", ""] {
        names(load(&[assignment]), &["--set", assignment, "key=value"]);
    }
}

#[test]
fn a_token_is_made_once_for_its_owner_only_and_an_empty_one_opens_nothing() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let data = format!("journal.data={}", dir.path().display());
    let settings = load(&[&data]).expect("settings");
    let token = |settings: &Settings, fresh: &str| settings.token_source()?.token(|| fresh.to_owned());
    let made = token(&settings, "first").expect("a token");
    let path = dir.path().join("admin.token");
    assert_eq!((made.secret.as_str(), made.made_in.as_ref()), ("first", Some(&path)));
    assert_eq!(fs::metadata(&path).expect("the token's file").permissions().mode() & 0o777, 0o600);
    assert_eq!(token(&settings, "second").expect("a token").secret, "first");
    assert!(!format!("{made:?}").contains("first"), "a token is not for logs");

    fs::write(&path, "\n").expect("a file");
    let given = load(&[&data, &format!("admin.token_file={}", path.display())]).expect("settings");
    for settings in [&settings, &given] {
        let refused = token(settings, "third").expect_err("an empty token").to_string();
        assert!(refused.contains("admin.token") && refused.contains("empty"), "{refused}");
    }
    fs::write(&path, " mine \n").expect("a file");
    let token = token(&given, "third").expect("a token");
    assert_eq!((token.secret.as_str(), token.made_in), ("mine", None));
}

#[test]
fn another_address_than_loopback_needs_a_token_that_was_set() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let data = format!("journal.data={}", dir.path().display());
    let settings = load(&[&data, "admin.listen=0.0.0.0:9464"]).expect("settings");
    let refused = settings.token_source().expect_err("no token").to_string();
    assert!(refused.starts_with("admin.listen: ") && refused.contains("RESURGAM_ADMIN_TOKEN"), "{refused}");
    assert!(!dir.path().join("admin.token").exists());
}

#[test]
fn the_limit_of_the_edge_is_as_the_code_justifies_it_and_a_clients_rate_is_off() {
    let edge = load(&[]).expect("the defaults").edge;
    assert_eq!((edge.limit_policy(), edge.rate_policy()), (LimitPolicy::EDGE, None));
    let rated = load(&["edge.rate.per_second=10", "edge.rate.burst=20"]).expect("settings").edge;
    assert_eq!(rated.rate_policy(), Some(RatePolicy { per_second: 10, burst: 20, keys_max: 16_384 }));
}

#[test]
fn probes_have_a_listener_of_their_own_where_it_is_set_and_nowhere_by_default() {
    let at = |assignments: &[&str]| load(assignments).expect("settings").admin.probes();
    assert_eq!(at(&[]), Ok(None));
    assert_eq!(at(&["admin.probes=0.0.0.0:9465"]), Ok(Some(([0, 0, 0, 0], 9465).into())));
    for address in ["9465", "localhost:9465", "127.0.0.1"] {
        names(load(&[&format!("admin.probes={address}")]), &["admin.probes", address, "address"]);
    }
}

#[test]
fn proxies_are_believed_by_address_and_nobody_by_default() {
    let believed = |assignments: &[&str]| load(assignments).expect("settings").edge.trusted_proxies();
    assert_eq!(believed(&[]), Ok(Vec::new()));
    let two = ["10.0.0.1", "::1"].map(|address| address.parse().expect("an address"));
    assert_eq!(believed(&["edge.trusted_proxies=10.0.0.1, ::1"]), Ok(two.to_vec()));
    names(load(&["edge.trusted_proxies=10.0.0.1,proxy"]), &["edge.trusted_proxies", "proxy", "IP address"]);
}

#[test]
fn what_has_changed_waits_for_a_restart_by_its_key_unless_guards_take_it_over() {
    let own = "systems.book-market.payment_url=http://bank";
    let waiting =
        |old: &[&str], new: &[&str]| load(old).expect("settings").waiting_for_restart(&load(new).expect("settings"));
    let table: [(&[&str], &[&str], &[&str]); 6] = [
        (&[], &[], &[]),
        (&[], &["edge.deadline_ms=5000", "telemetry.traces.sampled=0.010"], &[]),
        (&[], &["journal.data=b", "edge.rate.burst=7"], &["edge.rate.burst", "journal.data"]),
        (
            &[],
            &["guard.kind.edge.running_max=7", "guard.ask.breaker.open_ms=7", "guard.of.own.attempt_timeout_ms=1"],
            &[],
        ),
        (&[], &["guard.retry.first_ms=1"], &["guard.retry.first_ms"]),
        (&[own], &[], &["systems.book-market.payment_url"]),
    ];
    for (old, new, expected) in table {
        assert_eq!(waiting(old, new), expected, "{new:?} after {old:?}");
        assert_eq!(waiting(new, old), expected, "{old:?} after {new:?}");
    }
}

#[test]
fn what_is_in_force_is_shown_with_who_set_it_and_no_secret() {
    let shown = |assignments: &[&str]| load(assignments).expect("settings").by_key();
    let set = shown(&[
        "edge.deadline_ms=5000",
        "systems.bank.login=hunter2",
        "systems.bank.pin_key=4711",
        "systems.bank.url=http://bank",
    ]);
    let told = |key: &str| (set[key].value.to_string(), &*set[key].origin);
    assert_eq!(told("edge.deadline_ms"), ("5000".to_owned(), "the command line"));
    assert_eq!(told("edge.backlog").1, "the defaults");
    assert_eq!(told("systems.bank.login"), ("\"hidden\"".to_owned(), "the command line"));
    assert_eq!(told("systems.bank.url").0, "\"http://bank\"");
    assert!(!["hunter2", "4711"].iter().any(|secret| format!("{set:?}").contains(secret)));
    assert_eq!(set.len(), shown(&[]).len() + 3, "every setting is shown, set or not");
}
