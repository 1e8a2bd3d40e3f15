//! A look-up by key finds what a walk over the whole log finds, whatever happened to the indexes.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::INDEX_TMP_NAME;
use crate::journal::disk::log::{Frame, Log, LogError, LogOptions, LogReader, Opened, StoreId};

const SMALL: LogOptions = LogOptions { segment_bytes: 512, keys_of };
const STORE: StoreId = StoreId(7);
const KEYS: std::ops::Range<u8> = 1..9;

/// Each byte is a key; nobody can tell the keys of a group that begins with 0.
fn keys_of(payload: &[u8]) -> Option<Vec<u64>> {
    let mut keys: Vec<u64> = payload.iter().map(|byte| u64::from(*byte)).collect();
    keys.sort_unstable();
    keys.dedup();
    (payload.first() != Some(&0)).then_some(keys)
}

fn open(dir: &Path) -> (Log, LogReader, Opened) {
    Log::open(dir, STORE, SMALL, 0).expect("a log that opens")
}

/// Groups as (facts, payload).
fn filled(groups: &[(u32, Vec<u8>)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut log, _, _) = open(dir.path());
    for (facts, payload) in groups {
        log.append(*facts, payload).expect("an append");
    }
    dir
}

fn indexes(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|it| it == "idx")).collect();
    found.sort();
    found
}

/// Every frame of a key from a position on, in calls of a few bytes.
fn found(reader: &LogReader, key: u8, position: u64, end: u64) -> Result<Vec<Frame>, LogError> {
    let (mut frames, mut next) = (Vec::new(), position);
    while next < end {
        let page = reader.frames_with_key(key.into(), next, 60)?;
        assert!(page.next_position > next, "each call goes on");
        next = page.next_position;
        frames.extend(page.frames);
    }
    Ok(frames)
}

#[track_caller]
fn check_all(dir: &Path) {
    let (_log, reader, opened) = open(dir);
    check(&reader, opened.next_position);
}

#[track_caller]
fn check(reader: &LogReader, end: u64) {
    let all: Vec<Frame> = reader.frames_from_group(1).map(|frame| frame.expect("a good frame")).collect();
    for key in KEYS {
        let holds = |frame: &&Frame| keys_of(&frame.payload).is_none_or(|keys| keys.contains(&key.into()));
        let of_key: Vec<&Frame> = all.iter().filter(|frame| frame.header.facts > 0).filter(holds).collect();
        for position in 1..=end {
            let expected = of_key.iter().filter(|frame| frame.header.next_position() > position);
            let found = found(reader, key, position, end).expect("good frames");
            assert!(found.iter().eq(expected.copied()), "key {key} from {position}");
        }
    }
}

/// Some groups without facts, some whose keys nobody can tell.
fn any_groups(max: usize) -> impl Strategy<Value = Vec<(u32, Vec<u8>)>> {
    let payload = prop_oneof![
        9 => prop::collection::vec(KEYS, 1..40),
        1 => prop::collection::vec(KEYS, 1..40).prop_map(|mut payload| { payload[0] = 0; payload }),
    ];
    prop::collection::vec((0_u32..3, payload), 1..max)
}

fn some_groups(seed: u8) -> Vec<(u32, Vec<u8>)> {
    (0..40_u8)
        .map(|at| (u32::from(at % 4), vec![1 + at.wrapping_mul(seed) % 8; 30 + usize::from(at % 7) * 9]))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_look_up_finds_what_a_walk_finds_while_it_grows_when_opened_again_and_without_indexes(groups in any_groups(40)) {
        let dir = tempfile::tempdir().expect("a directory");
        let (mut log, reader, _) = open(dir.path());
        for (facts, payload) in &groups {
            log.append(*facts, payload).expect("an append");
        }
        check(&reader, log.next_position());
        drop(log);
        check_all(dir.path());
        for path in indexes(dir.path()) {
            std::fs::remove_file(path).expect("a removed index");
        }
        check_all(dir.path());
        check_all(dir.path());
    }

    #[test]
    fn an_index_that_was_cut_or_changed_anywhere_makes_no_look_up_wrong(
        groups in any_groups(30),
        which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let dir = filled(&groups);
        let indexes = indexes(dir.path());
        if indexes.is_empty() {
            return Ok(());
        }
        let path = which.get(&indexes);
        let mut bytes = std::fs::read(path).expect("an index");
        let at = place.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= 0x10 }
        std::fs::write(path, bytes).expect("an index");
        check_all(dir.path());
    }
}

#[test]
fn every_sealed_segment_has_an_index_and_one_that_is_gone_is_written_again_by_the_first_look_up() {
    let dir = filled(&some_groups(1));
    let before = indexes(dir.path());
    let content = |paths: &[PathBuf]| paths.iter().map(std::fs::read).collect::<Result<Vec<_>, _>>().expect("indexes");
    let good = content(&before);
    let (_log, _, opened) = open(dir.path());
    assert!(before.len() > 3 && before.len() == opened.sealed_segments);
    drop(_log);
    for (path, spoil) in before.iter().zip([None, Some(""), Some("no index"), None].into_iter().cycle()) {
        match spoil {
            Some(text) => std::fs::write(path, text).expect("an index"),
            None => std::fs::remove_file(path).expect("a removed index"),
        }
    }
    std::fs::write(dir.path().join(INDEX_TMP_NAME), "half an ind").expect("a left-over file");
    check_all(dir.path());
    assert_eq!(content(&indexes(dir.path())), good);
    assert!(!dir.path().join(INDEX_TMP_NAME).exists());
}

#[test]
fn the_index_of_another_content_is_not_believed_even_if_everything_else_fits() {
    let (old, new) = (filled(&some_groups(1)), filled(&some_groups(3)));
    let names = |dir: &Path| indexes(dir).iter().filter_map(|path| path.file_name()).map(PathBuf::from).collect();
    let (old_names, new_names): (Vec<PathBuf>, Vec<PathBuf>) = (names(old.path()), names(new.path()));
    assert!(old_names == new_names && !old_names.is_empty());
    for name in &old_names {
        std::fs::copy(old.path().join(name), new.path().join(name)).expect("a copy");
    }
    check_all(new.path());
    std::fs::copy(new.path().join(&old_names[0]), new.path().join(&old_names[1])).expect("a copy");
    check_all(new.path());
}

#[test]
fn an_index_that_cannot_be_written_is_no_reason_to_fail() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut log, reader, _) = open(dir.path());
    std::fs::create_dir(dir.path().join(INDEX_TMP_NAME)).expect("a directory in the way");
    for (facts, payload) in some_groups(1) {
        log.append(facts, &payload).expect("an append");
    }
    check(&reader, log.next_position());
    assert!(indexes(dir.path()).is_empty());
}

#[test]
fn one_call_makes_one_index_at_most_and_the_next_goes_on() {
    let dir = filled(&some_groups(1));
    let all = indexes(dir.path());
    for path in &all {
        std::fs::remove_file(path).expect("a removed index");
    }
    let (log, reader, opened) = open(dir.path());
    let (mut next, mut calls) = (1, 0);
    while next < opened.next_position {
        let page = reader.frames_with_key(99, next, usize::MAX).expect("a page");
        assert!(page.frames.is_empty() && page.next_position > next);
        next = page.next_position;
        calls += 1;
        assert_eq!(indexes(dir.path()).len(), calls.min(all.len()));
    }
    assert!(calls >= all.len());
    assert_eq!((next, log.next_position()), (opened.next_position, opened.next_position));
    let again = reader.frames_with_key(99, 1, usize::MAX).expect("a page");
    assert_eq!(again.next_position, next, "with indexes one call is enough");
}

#[test]
fn a_look_up_reads_the_frames_of_its_key_only() {
    let mut groups = some_groups(1);
    for at in [3, 17, 30] {
        groups[at] = (1, vec![77; 20]);
    }
    let dir = filled(&groups);
    let (_log, reader, opened) = open(dir.path());
    let page = reader.frames_with_key(77, 1, usize::MAX).expect("a page");
    assert_eq!((page.frames.len(), page.next_position), (3, opened.next_position));
    assert_eq!(reader.frames_read(), 3);
}

#[test]
fn damage_where_a_key_leads_is_told_and_damage_elsewhere_is_not_in_the_way() {
    let mut groups = some_groups(1);
    groups[3] = (1, vec![77; 20]);
    let dir = filled(&groups);
    let (_log, reader, opened) = open(dir.path());
    let hit = reader.frames_with_key(77, 1, 1).expect("a page").frames.remove(0);
    let path = dir.path().join(format!("{:020}.log", hit.segment));
    let mut bytes = std::fs::read(&path).expect("a segment");
    bytes[usize::try_from(hit.offset).expect("small") + 50] ^= 1;
    std::fs::write(&path, bytes).expect("a segment");
    let error = found(&reader, 77, 1, opened.next_position).expect_err("damage");
    assert!(matches!(error, LogError::Corrupt { group, .. } if group == hit.segment), "{error}");
    assert!(found(&reader, 99, 1, opened.next_position).expect("nothing").is_empty());
    // Without its index a damaged segment cannot say what it holds.
    std::fs::remove_file(path.with_extension("idx")).expect("a removed index");
    let error = found(&reader, 99, 1, opened.next_position).expect_err("damage");
    assert!(matches!(error, LogError::Corrupt { group: 4, .. }), "{error}");
}

#[test]
fn look_ups_beside_the_writer_find_every_frame_of_a_key_in_order() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut log, reader, _) = open(dir.path());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let (mut next, mut seen) = (1, Vec::new());
                while seen.len() < 100 {
                    let page = reader.frames_with_key(5, next, 200).expect("a page");
                    next = page.next_position;
                    seen.extend(page.frames.iter().map(|frame| frame.header.group()));
                }
                assert_eq!(seen, (1..=100).map(|turn| turn * 3).collect::<Vec<u64>>());
            });
        }
        for group in 1..=300_u64 {
            let key = if group % 3 == 0 { 5 } else { 6 };
            log.append(1, &[key; 50]).expect("an append");
        }
    });
}
