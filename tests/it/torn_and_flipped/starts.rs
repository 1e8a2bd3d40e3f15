//! Real starts on damaged copies of one crashed server's data.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::campaign::audit::audit;
use crate::campaign::disk::in_memory;
use crate::campaign::wreck::{SEGMENT_BYTES, Wreck, change, name_of, segments};
use crate::campaign::{Dice, alone, seed};
use crate::client::Request;
use crate::support::Server;
use crate::torn_and_flipped::logs::{Damage, content, put, unseen_frame};

/// What a start on a damaged directory must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Everything that was answered, once, and nothing else.
    TellsAll,
    /// The same, except that the history says that it cannot be read; or refused, when the store lacks what is damaged.
    TellsAllButHistory,
    /// The process ends with an exit code, and these words help the operator.
    Refuses(&'static [&'static str]),
}

const DAMAGED_WORDS: &[&str] = &["is damaged at offset", "restore it from the newest backup"];
const DAMAGED: Verdict = Verdict::Refuses(DAMAGED_WORDS);
const GONE: Verdict = Verdict::Refuses(&["has had a log", "restore a backup"]);
const MISSING: Verdict = Verdict::Refuses(&["is missing before", "put the file back or restore"]);

struct Case {
    what: String,
    place: TempDir,
    verdict: Verdict,
}

struct Cases<'a> {
    wreck: &'a Wreck,
    list: Vec<Case>,
}

impl Cases<'_> {
    /// A copy, damaged by `spoil`, which is given its data directory.
    fn add(&mut self, what: &str, verdict: Verdict, spoil: impl FnOnce(&Path)) {
        let place = self.wreck.copy();
        spoil(&place.path().join("data"));
        self.list.push(Case { what: what.to_owned(), place, verdict });
    }
}

#[test]
fn a_start_on_a_damaged_directory_tells_everything_or_is_refused_with_file_place_and_remedy() {
    let _machine = alone();
    let seed = seed();
    let mut wreck = Wreck::new(seed);
    let mut cases = Cases { wreck: &wreck, list: Vec::new() };
    newest_frames(&mut cases);
    earlier_frames(&mut cases, &mut Dice::new(seed));
    lost_segments(&mut cases);
    stores(&mut cases);
    checkpoints(&mut cases, &mut Dice::new(seed));
    let cases = cases.list;

    let segment_bytes = format!("journal.segment_bytes={SEGMENT_BYTES}");
    let lines = in_memory();
    let log = lines.path().join("server.log");
    let mut server = Server::new(lines.path(), &log, &["--set", &segment_bytes]);
    let mut refused = 0;
    for case in &cases {
        server.move_to(case.place.path());
        refused += usize::from(judge(case, &mut server, &mut wreck));
    }
    eprintln!("== torn: {} starts, {refused} refused, {} told everything", cases.len(), cases.len() - refused);
}

fn newest_frames(cases: &mut Cases) {
    let (file, start, end) = cases.wreck.newest();
    let (unseen, name) = (unseen_frame(cases.wreck), name_of(&file));
    let segment = |data: &Path| data.join("log").join(&name);
    let places = |from: usize, to: usize| [from, from + 20, from + 47, from + 48, (from + to) / 2, to - 1];
    for offset in places(start, end) {
        for damage in [Damage::Tear, Damage::Flip] {
            let what = format!("the noted newest frame, {damage:?} at {offset}");
            cases.add(&what, DAMAGED, |data| change(&segment(data), |bytes| damage.at(offset, bytes)));
        }
    }
    for offset in places(end, end + unseen.len()) {
        for damage in [Damage::Tear, Damage::Flip] {
            let what = format!("a frame that nobody saw, {damage:?} at {offset}");
            let spoil = |bytes: &mut Vec<u8>| {
                put(&unseen, end, bytes);
                damage.at(offset, bytes);
            };
            cases.add(&what, Verdict::TellsAll, |data| change(&segment(data), spoil));
        }
    }
}

/// The store needs nothing of them, so only who reads them finds the damage.
fn earlier_frames(cases: &mut Cases, dice: &mut Dice) {
    let frames = &cases.wreck.frames;
    let files = cases.wreck.segments();
    let sealed: Vec<_> = frames.iter().filter(|frame| !is_in(frame.segment, files.last())).collect();
    for _ in 0..4 {
        let frame = sealed[dice.below(sealed.len() as u64) as usize];
        let offset = (frame.offset + dice.below(frame.header.frame_bytes())) as usize;
        let file = files.iter().find(|file| is_in(frame.segment, Some(file))).expect("a frame has a segment");
        let flip = |data: &Path| {
            change(&data.join("log").join(name_of(file)), |bytes| Damage::Flip.at(offset, bytes));
        };
        let what = format!("{} flipped at {offset}", name_of(file));
        cases.add(&what, Verdict::TellsAllButHistory, flip);
        let what = format!("{what}, and the store lost");
        cases.add(&what, Verdict::TellsAllButHistory, |data| {
            flip(data);
            lose_store(data);
        });
        let what = format!("{what}, and the checkpoints too");
        cases.add(&what, DAMAGED, |data| {
            flip(data);
            lose_store(data);
            lose_checkpoints(data);
        });
    }
}

fn is_in(first_group: u64, file: Option<&PathBuf>) -> bool {
    file.is_some_and(|file| name_of(file) == format!("{first_group:020}.log"))
}

fn lost_segments(cases: &mut Cases) {
    let count = cases.wreck.segments().len();
    for (place, verdict) in [(0, MISSING), (count / 2, MISSING), (count - 1, DAMAGED)] {
        let lose = |data: &Path| fs::remove_file(&segments(&data.join("log"))[place]).expect("a segment");
        cases.add(&format!("segment {place} of {count} lost"), verdict, lose);
    }
    cases.add("all segments lost", GONE, |data| {
        segments(&data.join("log")).iter().for_each(|file| fs::remove_file(file).expect("a segment"));
    });
    cases.add("the whole log lost", GONE, |data| fs::remove_dir_all(data.join("log")).expect("a log"));
    cases.add("log, store and checkpoints lost", GONE, |data| {
        fs::remove_dir_all(data.join("log")).expect("a log");
        lose_store(data);
        lose_checkpoints(data);
    });
}

fn stores(cases: &mut Cases) {
    let mut add = |what: &str, spoil: &dyn Fn(&Path)| cases.add(what, Verdict::TellsAll, |data| spoil(data));
    add("nothing damaged", &|_| ());
    add("the store lost", &lose_store);
    add("a stale snapshot of the store", &|data| {
        fs::write(data.join("sled/snap.00000000FFFFFFFF.generating"), "").expect("a stale snapshot");
    });
    add("the store of another log", &|data| {
        let other = in_memory();
        let mut server = Server::start(other.path(), &[]);
        server.send("product", &Request::post("/products", r#"{"name":"another log's","qty":1}"#));
        server.stop();
        lose_store(data);
        // Another file system: a rename does not reach it.
        let moved = std::process::Command::new("cp").arg("-r").arg(other.path().join("data/sled")).arg(data).status();
        assert!(moved.is_ok_and(|status| status.success()), "the other log's store is copied");
    });
    add("the store's file overwritten", &|data| {
        change(&data.join("sled/db"), |bytes| bytes.fill(0x5A));
    });
    add("the note flipped", &|data| change(&data.join("log/synced"), |bytes| bytes[0] ^= 0x10));
    add("the note lost", &|data| fs::remove_file(data.join("log/synced")).expect("a note"));
}

/// A checkpoint is believed to its last byte or not at all: the older one, then the log, stand behind it.
fn checkpoints(cases: &mut Cases, dice: &mut Dice) {
    let mut add = |what: &str, spoil: &dyn Fn(&Path)| {
        cases.add(what, Verdict::TellsAll, |data| {
            lose_store(data);
            spoil(data);
        });
    };
    add("the store and every checkpoint lost", &lose_checkpoints);
    add("the store lost, a checkpoint unfinished", &|data| {
        fs::write(data.join("checkpoints/00000000000000000009.tmp"), "half").expect("an unfinished checkpoint");
    });
    for damage in [Damage::Truncate, Damage::Tear, Damage::Flip, Damage::Flip, Damage::Flip] {
        let part = dice.below(1_000) as usize;
        add(&format!("the store lost, the newest checkpoint: {damage:?} at {part} of 1000"), &|data| {
            let newest = checkpoint_files(data).pop().expect("a checkpoint");
            change(&newest, |bytes| damage.at(bytes.len() * part / 1_000, bytes));
        });
        add(&format!("the store lost, every checkpoint: {damage:?} at {part} of 1000"), &|data| {
            for file in checkpoint_files(data) {
                change(&file, |bytes| damage.at(bytes.len() * part / 1_000, bytes));
            }
        });
    }
}

fn checkpoint_files(data: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data.join("checkpoints")).expect("checkpoints").flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn lose_checkpoints(data: &Path) {
    fs::remove_dir_all(data.join("checkpoints")).expect("checkpoints");
}

fn lose_store(data: &Path) {
    fs::remove_dir_all(data.join("sled")).expect("a store");
}

/// Says whether the start was refused.
fn judge(case: &Case, server: &mut Server, wreck: &mut Wreck) -> bool {
    let log = case.place.path().join("data/log");
    let before = log.is_dir().then(|| content(&log));
    let outcome = server.try_restart();
    let words = match (case.verdict, &outcome) {
        (Verdict::Refuses(words), Err(_)) => words,
        (Verdict::TellsAllButHistory, Err(_)) => DAMAGED_WORDS,
        (Verdict::TellsAll | Verdict::TellsAllButHistory, Ok(())) => &[],
        (verdict, _) => panic!("{}: {verdict:?} expected, {outcome:?}: {}", case.what, server.said()),
    };
    if let Err(status) = outcome {
        let (said, code) = (server.said(), status.code());
        let helps = said.contains(&log.display().to_string()) && words.iter().all(|part| said.contains(part));
        assert!(helps && code.is_some_and(|code| code != 0), "{}: {status}, {said}", case.what);
        assert!(before.is_none_or(|before| content(&log) == before), "{}: the log was changed", case.what);
        return true;
    }
    if case.verdict == Verdict::TellsAllButHistory {
        check_history(case, server);
    }
    let faults = audit(server, &mut wreck.writers);
    assert!(faults.is_empty(), "{}: {faults:#?}", case.what);
    server.kill9();
    false
}

/// The feed of all facts must not end before the damage as if that were all.
fn check_history(case: &Case, server: &Server) {
    let mut client = server.client("gateway");
    let mut after = 0;
    loop {
        let page = client.send(&Request::get(&format!("/events?after={after}")));
        if page.status == 500 {
            return;
        }
        let last = page.text().lines().last().and_then(|line| serde_json::from_str::<Value>(line).ok());
        let position = last.and_then(|fact| fact["meta"]["position"].as_u64());
        after = position.unwrap_or_else(|| panic!("{}: {} after {after}: {}", case.what, page.status, page.text()));
    }
}
