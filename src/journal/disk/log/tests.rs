use std::collections::BTreeMap;
use std::process::Command;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const STORE: StoreId = StoreId(7);
const SMALL: LogOptions = LogOptions { segment_bytes: 512, keys_of };
const ONE_SEGMENT: LogOptions = LogOptions { segment_bytes: 2048, keys_of };

/// The first byte is the key; nobody can tell the keys of an empty payload.
fn keys_of(payload: &[u8]) -> Option<Vec<u64>> {
    payload.first().map(|byte| vec![u64::from(*byte)])
}

type OpenOutcome = Result<(Log, LogReader, Opened), LogError>;

fn open(dir: &Path, options: LogOptions) -> OpenOutcome {
    Log::open(dir, STORE, options, 0)
}

fn payload(group: u64) -> Vec<u8> {
    vec![group as u8 | 1; 40 + (group as usize * 7) % 60]
}

/// Group n takes n modulo 3 positions, so some take none.
fn facts(group: u64) -> u32 {
    (group % 3) as u32
}

fn append(log: &mut Log, groups: u64) -> Vec<Written> {
    (0..groups)
        .map(|_| {
            let group = log.last_group() + 1;
            log.append(facts(group), &payload(group)).expect("an append")
        })
        .collect()
}

fn filled(options: LogOptions, groups: u64) -> (TempDir, Vec<Written>) {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut log, _, _) = open(dir.path(), options).expect("a new log");
    let written = append(&mut log, groups);
    (dir, written)
}

fn groups(frames: FrameIter) -> Vec<u64> {
    frames
        .map(|frame| {
            let frame = frame.expect("a good frame");
            assert_eq!(frame.payload, payload(frame.header.group()));
            assert_eq!(frame.header.facts, facts(frame.header.group()));
            frame.header.group()
        })
        .collect()
}

#[track_caller]
fn check_holds(dir: &Path, options: LogOptions, last_group: u64) {
    let (_log, reader, opened) = open(dir, options).expect("a log that opens");
    assert_eq!(opened.last_group, last_group);
    assert_eq!(groups(reader.frames_from_group(1)), (1..=last_group).collect::<Vec<_>>());
    assert_eq!(verify(dir, Some(STORE)).expect("a log without fault").groups, last_group);
}

#[track_caller]
fn check_corrupt(outcome: OpenOutcome, at_group: u64) {
    let error = outcome.expect_err("a log that must not open");
    assert!(
        matches!(error, LogError::Corrupt { group, .. } if group == at_group),
        "expected damage at group {at_group}, got: {error}"
    );
}

fn set_note(dir: &Path, group: u64) {
    let note = File::create(dir.join(NOTE_NAME)).expect("a note");
    write_note(&note, group).expect("a written note");
}

fn segment_path(dir: &Path, first_group: u64) -> PathBuf {
    dir.join(segment::file_name(first_group))
}

fn change(path: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).expect("a file");
    edit(&mut bytes);
    std::fs::write(path, bytes).expect("a changed file");
}

fn copy_of(dir: &Path) -> TempDir {
    let copy = tempfile::tempdir().expect("a directory");
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        std::fs::copy(&path, copy.path().join(name)).expect("a copy");
    }
    copy
}

fn content(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    segment::list(dir)
        .expect("a listing")
        .into_iter()
        .map(|(_, path)| (path.clone(), std::fs::read(path).expect("a segment")))
        .collect()
}

#[derive(Debug, Clone, Copy)]
enum Damage {
    Flip,
    ZeroRest,
    Truncate,
}

const DAMAGES: [Damage; 3] = [Damage::Flip, Damage::ZeroRest, Damage::Truncate];

fn damage(path: &Path, kind: Damage, offset: u64, frame_end: u64) {
    let at = offset as usize;
    change(path, |bytes| match kind {
        Damage::Flip => bytes[at] ^= 0x10,
        Damage::ZeroRest => bytes[at..frame_end as usize].fill(0),
        Damage::Truncate => bytes.truncate(at),
    });
}

#[test]
fn what_was_appended_is_read_back_also_after_opening_again() {
    let (dir, written) = filled(ONE_SEGMENT, 9);
    assert_eq!(written[0].group, 1);
    assert_eq!(written[0].first_position, 1);
    assert_eq!(written[1].first_position, 2);
    assert_eq!(written[3].first_position, 4);
    check_holds(dir.path(), ONE_SEGMENT, 9);
    let (mut log, reader, opened) = open(dir.path(), ONE_SEGMENT).expect("a log");
    assert_eq!(opened.next_position, 10);
    assert_eq!((log.last_group(), log.next_position()), (9, 10));
    append(&mut log, 1);
    assert_eq!(groups(reader.frames_from_group(9)), [9, 10]);
}

#[test]
fn a_log_over_many_segments_is_read_from_every_group_and_every_position() {
    let (dir, written) = filled(SMALL, 40);
    for reopened in [false, true] {
        let (_log, reader, opened) = open(dir.path(), SMALL).expect("a log");
        assert!(opened.sealed_segments > 5, "{reopened}");
        for from in 0..=41 {
            let expected: Vec<u64> = (from.max(1)..=40).collect();
            assert_eq!(groups(reader.frames_from_group(from)), expected);
        }
        for position in 1..opened.next_position {
            let holder = written
                .iter()
                .find(|one| one.first_position + u64::from(facts(one.group)) > position)
                .expect("a group with this position");
            let first = groups(reader.frames_from_position(position))[0];
            assert_eq!(first, holder.group, "position {position}");
        }
        assert!(groups(reader.frames_from_position(opened.next_position)).is_empty());
    }
}

#[test]
fn a_seek_through_the_sparse_index_ends_at_the_right_frame() {
    let options = LogOptions { segment_bytes: 512 * 1024, keys_of };
    let dir = tempfile::tempdir().expect("a directory");
    let first_of = |frames: FrameIter| {
        let mut frames = frames;
        let frame = frames.next().expect("a frame").expect("a good frame");
        frame.header.group()
    };
    let check = |reader: &LogReader| {
        for group in 1..=60 {
            assert_eq!(first_of(reader.frames_from_group(group)), group);
            assert_eq!(first_of(reader.frames_from_position(2 * group)), group);
            assert_eq!(first_of(reader.frames_from_position(2 * group - 1)), group);
        }
    };
    let (mut log, reader, _) = open(dir.path(), options).expect("a log");
    for _ in 0..60 {
        log.append(2, &[3; 20_000]).expect("an append");
    }
    check(&reader);
    drop(log);
    let (_log, reader, opened) = open(dir.path(), options).expect("a log");
    assert_eq!(opened.sealed_segments, 2);
    check(&reader);
    check(&reader);
}

#[test]
fn an_address_leads_to_its_frame_and_nothing_else_does() {
    let (dir, written) = filled(SMALL, 20);
    let (_log, reader, _) = open(dir.path(), SMALL).expect("a log");
    for one in &written {
        let frame = reader.frame_at(one.segment, one.offset).expect("a frame");
        assert_eq!(frame.header.group(), one.group);
        assert_eq!((frame.segment, frame.offset), (one.segment, one.offset));
        let beside = reader.frame_at(one.segment, one.offset + 1);
        assert!(matches!(beside, Err(LogError::NoSuchFrame { .. })));
    }
    for (segment, offset) in [(1, 500), (2, 64), (99, 64), (written[19].segment, 500)] {
        let outcome = reader.frame_at(segment, offset);
        assert!(matches!(outcome, Err(LogError::NoSuchFrame { .. })), "{segment}/{offset}: {outcome:?}");
    }
}

#[test]
fn a_frame_larger_than_a_segment_gets_one_of_its_own() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut log, reader, _) = open(dir.path(), SMALL).expect("a log");
    let large = vec![5; 3000];
    let first = log.append(1, &large).expect("a large first group");
    let second = log.append(1, b"small").expect("a small group");
    let third = log.append(1, &large).expect("a large group");
    log.append(1, b"small").expect("a small group");
    assert_eq!((first.segment, second.segment, third.segment), (1, 2, 3));
    let sizes: Vec<usize> = reader.frames_from_group(1).map(|frame| frame.expect("a frame").payload.len()).collect();
    assert_eq!(sizes, [3000, 5, 3000, 5]);
    let verified = verify(dir.path(), None).expect("a log without fault");
    assert_eq!(verified.bytes, log.bytes());
    assert_eq!((verified.groups, verified.facts), (4, 4));
}

#[test]
fn a_group_over_the_limit_is_refused_and_the_log_goes_on() {
    let (dir, _) = filled(SMALL, 1);
    let (mut log, _, _) = open(dir.path(), SMALL).expect("a log");
    let outcome = log.append(1, &vec![1; frame::PAYLOAD_BYTES_MAX + 1]);
    assert!(matches!(outcome, Err(LogError::TooLarge { .. })));
    append(&mut log, 1);
}

#[test]
fn a_reader_goes_on_when_more_becomes_durable() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut log, reader, _) = open(dir.path(), SMALL).expect("a log");
    let mut frames = reader.frames_from_position(1);
    assert!(frames.next().is_none());
    for group in 1..=30 {
        append(&mut log, 1);
        let frame = frames.next().expect("a frame").expect("a good frame");
        assert_eq!(frame.header.group(), group);
        assert!(frames.next().is_none());
    }
}

#[test]
fn readers_beside_the_writer_see_every_group_in_order() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut log, reader, _) = open(dir.path(), SMALL).expect("a log");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let mut frames = reader.frames_from_group(1);
            scope.spawn(move || {
                let mut expected = 1;
                while expected <= 200 {
                    let Some(frame) = frames.next() else {
                        std::thread::yield_now();
                        continue;
                    };
                    assert_eq!(frame.expect("a good frame").header.group(), expected);
                    expected += 1;
                }
            });
        }
        append(&mut log, 200);
    });
}

#[test]
fn a_last_frame_damaged_at_any_byte_is_cut_if_nobody_saw_it_and_stops_the_start_if_somebody_did() {
    let (base, written) = filled(ONE_SEGMENT, 3);
    let offset = written[2].offset;
    let frame_end = offset + (frame::HEADER_BYTES + payload(3).len()) as u64;
    for at in offset..frame_end {
        for kind in DAMAGES {
            let dir = copy_of(base.path());
            let path = segment_path(dir.path(), 1);
            damage(&path, kind, at, frame_end);
            let before = content(dir.path());
            check_corrupt(open(dir.path(), ONE_SEGMENT), 3);
            set_note(dir.path(), 2);
            check_corrupt(Log::open(dir.path(), STORE, ONE_SEGMENT, 3), 3);
            assert_eq!(content(dir.path()), before, "a refused start changes nothing");
            let (mut log, _, opened) = open(dir.path(), ONE_SEGMENT).expect("a log that opens");
            assert_eq!((opened.last_group, log.last_group()), (2, 2));
            assert_eq!(opened.cut.is_none(), at == offset && !matches!(kind, Damage::Flip));
            if let Some(cut) = opened.cut {
                let kept = std::fs::read(&cut.copied_to).expect("the kept tail");
                let old = &before[&path];
                let start = offset as usize;
                assert_eq!(kept, old[start..start + cut.bytes as usize]);
                assert!(old[start + kept.len()..].iter().all(|byte| *byte == 0));
            }
            append(&mut log, 2);
            drop(log);
            check_holds(dir.path(), ONE_SEGMENT, 4);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_anywhere_never_loses_a_group_that_somebody_saw(
        groups_written in 1_u64..14,
        place in any::<prop::sample::Index>(),
        kind in prop::sample::select(DAMAGES.to_vec()),
        noted in 0_u64..14,
        witnessed in 0_u64..14,
    ) {
        let (dir, written) = filled(SMALL, groups_written);
        let (noted, witnessed) = (noted.min(groups_written), witnessed.min(groups_written));
        set_note(dir.path(), noted);
        let last = written[written.len() - 1];
        let path = segment_path(dir.path(), last.segment);
        let len = std::fs::metadata(&path).expect("a segment").len();
        damage(&path, kind, place.index(len as usize) as u64, len);
        match Log::open(dir.path(), STORE, SMALL, witnessed) {
            Ok((mut log, reader, opened)) => {
                prop_assert!(opened.last_group >= noted.max(witnessed));
                prop_assert_eq!(
                    groups(reader.frames_from_group(1)),
                    (1..=opened.last_group).collect::<Vec<_>>()
                );
                append(&mut log, 8);
                let last_group = log.last_group();
                drop(log);
                check_holds(dir.path(), SMALL, last_group);
            }
            Err(LogError::Corrupt { group, .. }) => prop_assert!(group <= groups_written + 1),
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}

#[test]
fn a_bad_frame_before_a_good_one_is_damage_even_if_nobody_saw_either() {
    for kind in [Damage::Flip, Damage::ZeroRest] {
        let (dir, written) = filled(ONE_SEGMENT, 4);
        std::fs::remove_file(dir.path().join(NOTE_NAME)).expect("a removed note");
        let path = segment_path(dir.path(), 1);
        damage(&path, kind, written[1].offset, written[2].offset);
        check_corrupt(open(dir.path(), ONE_SEGMENT), 2);
    }
}

#[test]
fn an_intact_frame_that_does_not_follow_is_never_cut() {
    let (dir, written) = filled(ONE_SEGMENT, 3);
    set_note(dir.path(), 2);
    for store in [STORE, StoreId(8)] {
        let mut stray = Vec::new();
        let link = Link { group: 3, first_position: 4, previous_crc: 1 };
        frame::encode(store, &link, 0, b"stray", &mut stray);
        let start = written[2].offset as usize;
        change(&segment_path(dir.path(), 1), |bytes| {
            bytes[start..].fill(0);
            bytes[start..start + stray.len()].copy_from_slice(&stray);
        });
        check_corrupt(open(dir.path(), ONE_SEGMENT), 3);
    }
}

#[test]
fn an_unreadable_note_is_ignored() {
    let (dir, written) = filled(ONE_SEGMENT, 3);
    damage(&segment_path(dir.path(), 1), Damage::Flip, written[2].offset + 50, 0);
    change(&dir.path().join(NOTE_NAME), |bytes| bytes[0] ^= 1);
    check_holds(dir.path(), ONE_SEGMENT, 2);
}

#[test]
fn an_older_copy_of_a_torn_tail_is_kept() {
    let (base, written) = filled(ONE_SEGMENT, 2);
    let dir = copy_of(base.path());
    let mut copies = Vec::new();
    for byte in 50..52 {
        let segment = segment_path(base.path(), 1);
        std::fs::copy(segment, segment_path(dir.path(), 1)).expect("a copy");
        damage(&segment_path(dir.path(), 1), Damage::Flip, written[1].offset + byte, 0);
        set_note(dir.path(), 1);
        let (_log, _, opened) = open(dir.path(), ONE_SEGMENT).expect("a log");
        copies.push(opened.cut.expect("a cut").copied_to);
    }
    assert_ne!(copies[0], copies[1]);
    assert!(copies.iter().all(|copy| copy.exists()));
}

#[test]
fn damage_in_a_sealed_segment_is_found_by_verify_and_by_reading() {
    let (base, written) = filled(SMALL, 20);
    let hit = written[6];
    assert!(hit.segment < written[19].segment);
    for at in hit.offset..written[6].offset + frame::HEADER_BYTES as u64 + 5 {
        let dir = copy_of(base.path());
        damage(&segment_path(dir.path(), hit.segment), Damage::Flip, at, 0);
        let error = verify(dir.path(), Some(STORE)).expect_err("damage");
        assert!(matches!(error, LogError::Corrupt { group: 7, .. }), "{error}");
        let (_log, reader, _) = open(dir.path(), SMALL).expect("a log");
        for from in [1, 7] {
            let mut frames = reader.frames_from_group(from);
            let good = frames.by_ref().take_while(Result::is_ok).count() as u64;
            assert_eq!(from + good, 7);
            assert!(frames.next().is_none(), "a failed reader is over");
        }
        let last = reader.frames_from_group(8).last().expect("an outcome");
        assert_eq!(last.is_ok(), written[7].segment > hit.segment);
        let error = reader.frame_at(hit.segment, hit.offset).expect_err("damage");
        assert!(matches!(error, LogError::Corrupt { group: 7, .. }), "{error}");
    }
}

#[test]
fn a_last_frame_missing_from_a_sealed_segment_is_damage_and_not_its_end() {
    let (dir, written) = filled(SMALL, 20);
    let index = written.windows(2).position(|pair| pair[0].segment != pair[1].segment).expect("a rolled log");
    let lost = written[index];
    damage(&segment_path(dir.path(), lost.segment), Damage::ZeroRest, lost.offset, 512);
    assert!(matches!(verify(dir.path(), Some(STORE)), Err(LogError::Corrupt { .. })));
    let (_log, reader, _) = open(dir.path(), SMALL).expect("a log");
    let outcomes: Vec<_> = reader.frames_from_group(1).collect();
    let Some(Err(LogError::Corrupt { group, .. })) = outcomes.last() else {
        panic!("expected damage");
    };
    assert_eq!((*group, outcomes.len() as u64), (lost.group, lost.group));
}

#[test]
fn a_missing_segment_stops_the_start() {
    let (base, written) = filled(SMALL, 20);
    let last = written[19].segment;
    for (_, path) in segment::list(base.path()).expect("a listing") {
        let dir = copy_of(base.path());
        let name = path.file_name().expect("a name");
        std::fs::remove_file(dir.path().join(name)).expect("a removed segment");
        let error = open(dir.path(), SMALL).expect_err("a log with a hole");
        if path == segment_path(base.path(), last) {
            assert!(matches!(error, LogError::Corrupt { .. }), "{error}");
        } else {
            assert!(matches!(error, LogError::MissingSegment { .. }), "{error}");
        }
        assert!(verify(dir.path(), Some(STORE)).is_err());
    }
    let dir = copy_of(base.path());
    for (_, path) in segment::list(dir.path()).expect("a listing") {
        std::fs::remove_file(path).expect("a removed segment");
    }
    check_corrupt(open(dir.path(), SMALL), 1);
}

#[test]
fn a_log_of_another_store_is_refused() {
    let (dir, _) = filled(SMALL, 3);
    let outcome = Log::open(dir.path(), StoreId(8), SMALL, 0);
    assert!(matches!(outcome, Err(LogError::ForeignStore { .. })));
    assert!(matches!(verify(dir.path(), Some(StoreId(8))), Err(LogError::ForeignStore { .. })));
    check_holds(dir.path(), SMALL, 3);
}

#[test]
fn a_crash_at_any_step_of_rolling_is_harmless() {
    let (base, written) = filled(SMALL, 20);
    let next = Link { group: 21, first_position: 22, previous_crc: 0 };
    let number = segment::list(base.path()).expect("a listing").len() as u32 + 1;
    let block = |previous_crc| Block { store: STORE, number, link: Link { previous_crc, ..next } };
    let (_log, reader, opened) = open(base.path(), SMALL).expect("a log");
    assert_eq!(opened.next_position, next.first_position);
    let last = reader.frame_at(written[19].segment, written[19].offset);
    let header = block(last.expect("the last frame").header.crc).encode();
    let file = |head: &[u8]| {
        let mut bytes = vec![0; 512];
        bytes[..head.len()].copy_from_slice(head);
        bytes
    };
    let steps = [
        (AHEAD_NAME.to_owned(), vec![0; 100]),
        (AHEAD_NAME.to_owned(), file(&header)),
        (OVERSIZE_NAME.to_owned(), file(&header[..30])),
        (segment::file_name(21), Vec::new()),
        (segment::file_name(21), file(&[])),
        (segment::file_name(21), file(&header[..30])),
        (segment::file_name(21), file(&header)),
    ];
    for (name, bytes) in steps {
        let dir = copy_of(base.path());
        std::fs::write(dir.path().join(&name), bytes).expect("a left-over file");
        check_holds(dir.path(), SMALL, 20);
        assert!(!dir.path().join(AHEAD_NAME).exists());
        assert!(!dir.path().join(OVERSIZE_NAME).exists());
        let (mut log, _, _) = open(dir.path(), SMALL).expect("a log");
        append(&mut log, 10);
        drop(log);
        check_holds(dir.path(), SMALL, 30);
    }
}

#[test]
fn a_torn_segment_header_is_damage_if_a_group_was_seen_or_stands_behind_it() {
    let (base, written) = filled(SMALL, 20);
    let last = written[19].segment;
    for (note, keeps_frames) in [(20, false), (last - 1, true)] {
        let dir = copy_of(base.path());
        set_note(dir.path(), note);
        change(&segment_path(dir.path(), last), |bytes| {
            bytes[..64].fill(0);
            if !keeps_frames {
                bytes.fill(0);
            }
        });
        let before = content(dir.path());
        check_corrupt(open(dir.path(), SMALL), last);
        assert_eq!(content(dir.path()), before, "a refused start changes nothing");
    }
}

#[test]
fn a_log_without_a_fault_passes_verify_and_an_empty_one_too() {
    let (dir, _) = filled(SMALL, 12);
    let verified = verify(dir.path(), None).expect("a log without fault");
    assert_eq!((verified.groups, verified.facts), (12, 12));
    let empty = tempfile::tempdir().expect("a directory");
    assert_eq!(verify(empty.path(), None).expect("no fault").groups, 0);
    let (log, _, opened) = open(empty.path(), SMALL).expect("a log");
    assert_eq!((opened.last_group, opened.next_position), (0, 1));
    assert_eq!(log.bytes(), 512);
    assert_eq!(verify(empty.path(), None).expect("no fault").segments, 1);
}

/// The body runs twice: in a child whose files the kernel limits, recognised by its working directory, and here.
#[test]
fn a_failed_write_is_final_and_what_was_synced_before_stays() {
    let options = LogOptions { segment_bytes: 256 * 1024, keys_of };
    let name = "a_failed_write_is_final_and_what_was_synced_before_stays";
    if Path::new("limited-log").is_dir() {
        let (mut log, reader, _) = open(Path::new("limited-log"), options).expect("a log");
        append(&mut log, 2);
        let failed = log.append(1, &[9; 100 * 1024]);
        assert!(matches!(failed, Err(LogError::Io { .. })), "{failed:?}");
        let later = log.append(1, b"small enough");
        assert!(matches!(later, Err(LogError::Poisoned)), "{later:?}");
        assert_eq!((log.last_group(), reader.last_group()), (2, 2));
        assert_eq!(groups(reader.frames_from_group(1)), [1, 2]);
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let dir = place.path().join("limited-log");
    drop(open(&dir, options).expect("a log"));
    let output = Command::new("sh")
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$1\"")
        .arg(std::env::current_exe().expect("this program"))
        .arg(name)
        .current_dir(place.path())
        .output()
        .expect("a shell");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("1 passed"), "{printed}");
    let (_log, _, opened) = open(&dir, options).expect("a log");
    assert!(opened.cut.is_some(), "the kernel wrote a part of the frame");
    drop(_log);
    check_holds(&dir, options, 2);
}
