//! A data directory as kill -9 left it, and copies of it to damage.

use std::fs;
use std::path::{Path, PathBuf};

use resurgam::journal::codec::keys_of;
use resurgam::journal::disk::frame::StoreId;
use resurgam::journal::disk::log::{Frame, Log, LogOptions};
use tempfile::TempDir;

use crate::campaign::audit::{Faults, audit};
use crate::campaign::disk::in_memory;
use crate::campaign::ledger::Writer;
use crate::campaign::write_until;
use crate::support::Server;

pub(crate) const SEGMENT_BYTES: u64 = 65_536;
/// As a server lays its log out.
pub(crate) const OPTIONS: LogOptions = LogOptions { segment_bytes: SEGMENT_BYTES, keys_of };
const ANSWERS: u64 = 400;
const WRITERS: u64 = 4;

/// What a crashed server left, two checkpoints among it, and what it had answered.
pub(crate) struct Wreck {
    place: TempDir,
    pub(crate) store: StoreId,
    /// Every frame of the log; all of them were answered for, and the newest is noted.
    pub(crate) frames: Vec<Frame>,
    pub(crate) writers: Vec<Writer>,
}

impl Wreck {
    /// Kills a server under load and once more after it has made good what was under way.
    pub(crate) fn new(seed: u64) -> Wreck {
        let place = in_memory();
        let segment_bytes = format!("journal.segment_bytes={SEGMENT_BYTES}");
        let mut server = Server::start(place.path(), &["--set", &segment_bytes]);
        let mut writers: Vec<Writer> = (0..WRITERS).map(|number| Writer::new(&server, number, seed)).collect();
        write_until(&mut server, &mut writers, Writer::step, ANSWERS, Server::kill9);
        server.restart();
        // Two are kept; what is settled after this is in neither.
        (0..2).for_each(|_| drop(server.operate("/admin/journal/checkpoint", "{}")));
        let mut faults = Faults::default();
        writers.iter_mut().for_each(|writer| writer.settle(&server, &mut faults));
        let more = audit(&server, &mut writers);
        assert!(faults.is_empty() && more.is_empty(), "{faults:?} {more:?}");
        server.kill9();
        let store = store_of(&place.path().join("data"));
        let frames = frames_of(&place.path().join("data/log"), store);
        Wreck { place, store, frames, writers }
    }

    /// Its log.
    pub(crate) fn log(&self) -> PathBuf {
        self.place.path().join("data/log")
    }

    /// The segments in order, by the path they have in the wreck.
    pub(crate) fn segments(&self) -> Vec<PathBuf> {
        segments(&self.log())
    }

    /// The whole data directory once more, in `data` of a folder of its own.
    pub(crate) fn copy(&self) -> TempDir {
        let place = in_memory();
        copy_all(&self.place.path().join("data"), &place.path().join("data"));
        place
    }

    /// The log alone once more; what an open does not write to is shared with the wreck.
    pub(crate) fn copy_of_log(&self) -> TempDir {
        let place = in_memory();
        let segments = self.segments();
        let (last, sealed) = segments.split_last().expect("a log has a segment");
        for segment in sealed {
            fs::hard_link(segment, place.path().join(name_of(segment))).expect("a shared segment");
        }
        fs::copy(last, place.path().join(name_of(last))).expect("a segment of its own");
        fs::copy(self.log().join("synced"), place.path().join("synced")).expect("a note of its own");
        place
    }

    /// The file of the newest frame and where in it the frame begins and ends.
    pub(crate) fn newest(&self) -> (PathBuf, usize, usize) {
        let frame = self.frames.last().expect("a log has a frame");
        let file = self.segments().pop().expect("a log has a segment");
        let start = usize::try_from(frame.offset).expect("an offset in a small segment");
        (file, start, start + usize::try_from(frame.header.frame_bytes()).expect("a small frame"))
    }
}

pub(crate) fn segments(log: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(log).expect("a log").flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|kind| kind == "log")).collect();
    found.sort();
    found
}

pub(crate) fn name_of(path: &Path) -> String {
    path.file_name().expect("a file").to_string_lossy().into_owned()
}

/// Writes a file anew, so that whoever shares it keeps what it has.
pub(crate) fn change(path: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("a file to damage");
    edit(&mut bytes);
    fs::remove_file(path).and_then(|()| fs::write(path, bytes)).expect("a damaged file");
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder");
    for path in fs::read_dir(from).expect("a folder").flatten().map(|entry| entry.path()) {
        let target = to.join(name_of(&path));
        if path.is_dir() {
            copy_all(&path, &target);
        } else {
            fs::copy(&path, target).expect("a copy");
        }
    }
}

fn store_of(data: &Path) -> StoreId {
    let meta = fs::read_to_string(data.join("META")).expect("the store's id");
    let id = meta.lines().find_map(|line| line.strip_prefix("store ")).expect("the store's id");
    StoreId(u64::from_str_radix(id, 16).expect("the store's id"))
}

/// Opens the log as a start does, which notes its newest group, and reads all of it.
fn frames_of(log: &Path, store: StoreId) -> Vec<Frame> {
    let (_log, reader, _) = Log::open(log, store, OPTIONS, 0).expect("the log of a crashed server opens");
    reader.frames_from_group(1).map(|frame| frame.expect("a good frame")).collect()
}
