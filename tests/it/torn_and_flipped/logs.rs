//! Thousands of damaged logs, opened with the crate itself because as many starts would take minutes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use resurgam::journal::disk::frame;
use resurgam::journal::disk::log::{Frame, Log, LogError, verify};
use tempfile::TempDir;

use crate::campaign::wreck::{OPTIONS, Wreck, change, name_of, segments};
use crate::campaign::{Dice, alone, seed};

const FLIPS: u64 = 600;

#[derive(Clone, Copy, Debug)]
pub(super) enum Damage {
    /// The file ends here.
    Truncate,
    /// Zeros from here on, as an unwritten rest of a preallocated segment has.
    Tear,
    Flip,
}

const DAMAGES: [Damage; 3] = [Damage::Truncate, Damage::Tear, Damage::Flip];

impl Damage {
    pub(super) fn at(self, offset: usize, bytes: &mut Vec<u8>) {
        match self {
            Damage::Truncate => bytes.truncate(offset),
            Damage::Tear => bytes[offset..].fill(0),
            Damage::Flip => bytes[offset] ^= 0x10,
        }
    }
}

#[test]
fn a_newest_frame_torn_or_flipped_at_any_byte_is_refused_if_it_was_noted_and_kept_aside_if_nobody_saw_it() {
    let _machine = alone();
    let wreck = Wreck::new(seed());
    let (file, start, end) = wreck.newest();
    let unseen = unseen_frame(&wreck);
    let mut judged = 0;
    for damage in DAMAGES {
        for offset in start..end {
            let case = wreck.copy_of_log();
            change(&case.path().join(name_of(&file)), |bytes| damage.at(offset, bytes));
            check_refused(&wreck, &case, &name_of(&file), &format!("{damage:?} at {offset}"));
            judged += 1;
        }
        for offset in end..end + unseen.len() {
            let case = wreck.copy_of_log();
            let torn = case.path().join(name_of(&file));
            change(&torn, |bytes| {
                put(&unseen, end, bytes);
                damage.at(offset, bytes);
            });
            check_kept_aside(&wreck, &case, &torn, end, &format!("{damage:?} at {offset}"));
            judged += 1;
        }
    }
    let (seen_bytes, unseen_bytes) = (end - start, unseen.len());
    eprintln!(
        "== torn: {judged} newest frames ({seen_bytes} noted bytes refused, {unseen_bytes} unseen bytes kept aside)"
    );
}

#[test]
fn a_byte_flipped_anywhere_in_the_log_is_never_passed_over() {
    let _machine = alone();
    let seed = seed();
    let (wreck, mut dice) = (Wreck::new(seed), Dice::new(seed));
    let files = wreck.segments();
    let (mut refused, mut read, mut beside) = (0, 0, 0);
    for _ in 0..FLIPS {
        let file = &files[dice.below(files.len() as u64) as usize];
        let offset = dice.below(fs::metadata(file).expect("a segment").len());
        let what = format!("{} flipped at {offset}", name_of(file));
        let case = wreck.copy_of_log();
        let flipped = case.path().join(name_of(file));
        change(&flipped, |bytes| Damage::Flip.at(offset as usize, bytes));
        let found = verify(case.path(), Some(wreck.store)).expect_err(&what);
        check_words(&found, &name_of(file), &what);
        match Log::open(case.path(), wreck.store, OPTIONS, 0) {
            Err(error) => {
                check_words(&error, &name_of(file), &what);
                refused += 1;
            }
            Ok((_log, reader, opened)) => {
                let outcomes: Vec<_> = reader.frames_from_group(1).collect();
                let good: Vec<&Frame> = outcomes.iter().flatten().collect();
                assert!(good.iter().zip(&wreck.frames).all(|(found, written)| *found == written), "{what}");
                match outcomes.last() {
                    Some(Err(error)) => {
                        check_words(error, &name_of(file), &what);
                        read += 1;
                    }
                    Some(Ok(_)) | None => {
                        assert_eq!(good.len(), wreck.frames.len(), "{what}: the log ends early and says nothing");
                        assert!(opened.cut.is_some() || Some(file) != files.last(), "{what}: nothing was kept aside");
                        beside += 1;
                    }
                }
            }
        }
    }
    let segments = files.len();
    eprintln!(
        "== torn: {FLIPS} flips in {segments} segments: {refused} refused, {read} found by reading, {beside} hit no frame"
    );
}

#[track_caller]
fn check_refused(wreck: &Wreck, case: &TempDir, file: &str, what: &str) {
    let before = content(case.path());
    check_words(&verify(case.path(), Some(wreck.store)).expect_err(what), file, what);
    check_words(&Log::open(case.path(), wreck.store, OPTIONS, 0).expect_err(what), file, what);
    assert!(content(case.path()) == before, "{what}: a refused start changed the log");
}

#[track_caller]
fn check_kept_aside(wreck: &Wreck, case: &TempDir, torn: &Path, end: usize, what: &str) {
    let before = fs::read(torn).expect("a segment");
    let (_log, reader, opened) = Log::open(case.path(), wreck.store, OPTIONS, 0).expect(what);
    let found: Vec<Frame> = reader.frames_from_group(1).map(|frame| frame.expect(what)).collect();
    assert!(found == wreck.frames, "{what}: other frames than were answered for");
    let tail = &before[end.min(before.len())..];
    let written = tail.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let kept = opened.cut.map_or(Vec::new(), |cut| fs::read(cut.copied_to).expect("the bytes kept aside"));
    assert!(kept == tail[..written], "{what}: not all of the torn tail was kept aside");
}

/// An operator learns which file, where in it, and what to do.
#[track_caller]
fn check_words(error: &LogError, file: &str, what: &str) {
    let words = error.to_string();
    let helps = [file, "at offset", "restore"].iter().all(|part| words.contains(part));
    assert!(helps, "{what}: {words}");
}

/// A whole frame that follows the newest, and that nobody was ever answered for.
pub(super) fn unseen_frame(wreck: &Wreck) -> Vec<u8> {
    let newest = wreck.frames.last().expect("a log has a frame");
    let mut bytes = Vec::new();
    frame::encode(wreck.store, &newest.header.next_link(), newest.header.facts, &newest.payload, &mut bytes);
    bytes
}

/// Writes a frame over the zeros behind the newest; a full segment grows.
pub(super) fn put(frame: &[u8], at: usize, bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().max(at + frame.len()), 0);
    bytes[at..at + frame.len()].copy_from_slice(frame);
}

pub(super) fn content(log: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    segments(log).into_iter().map(|path| (path.clone(), fs::read(path).expect("a segment"))).collect()
}
