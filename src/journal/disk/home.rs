//! The data directory: who holds it, which store it is, and whether the machine was restarted since.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::log::StoreId;
use crate::clock::Clock;

const FORMAT: &str = "1";
/// A line of META: from here on an empty log directory is a loss.
const BEGUN: &str = "log begun";
/// A line of the lock after a clean stop.
const CLOSED: &str = "closed";
/// Says which format and which store it is.
pub(super) const META_NAME: &str = "META";

/// A data directory that this process holds alone, until dropped.
#[derive(Debug)]
pub struct Home {
    /// The directory.
    pub dir: PathBuf,
    /// Which store it is; every frame of its log names it.
    pub store: StoreId,
    /// Whether the machine was restarted since the directory was last held.
    pub rebooted: bool,
    /// Whether the last holder let it go with everything on the disk, and nobody has held it since.
    pub closed: bool,
    begun: bool,
    lock: File,
}

/// Why a data directory cannot be used.
#[derive(Debug, Error)]
pub enum HomeError {
    /// Another process holds it.
    #[error("the data directory {dir} is in use by {holder}; stop that process, or choose another with --data")]
    InUse {
        /// The directory.
        dir: String,
        /// What the holder wrote about itself.
        holder: String,
    },
    /// Its log is gone.
    #[error(
        "{dir} has had a log, and there is none in {dir}/log: put it back, or restore a backup into a new directory"
    )]
    LogGone {
        /// The directory.
        dir: String,
    },
    /// It was written by another format.
    #[error("{file} says format {found:?}, this build reads format {FORMAT:?}: run the build that wrote it")]
    Format {
        /// The file.
        file: String,
        /// What it says.
        found: String,
    },
    /// The operating system refused.
    #[error("cannot use the data directory: {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: String,
        /// Why not.
        source: io::Error,
    },
}

impl Home {
    /// Takes the directory, making it if needed.
    ///
    /// # Errors
    ///
    /// Fails when another process holds it, or it is another format's, or the operating system refuses.
    pub fn take(dir: &Path, clock: &Clock) -> Result<Self, HomeError> {
        fs::create_dir_all(dir).map_err(|source| io_error("create", dir, source))?;
        let (lock, rebooted, closed) = lock(dir)?;
        let (store, begun) = read_or_make_meta(dir, clock)?;
        Ok(Self { dir: dir.to_owned(), store, rebooted, closed, begun, lock })
    }

    /// Makes sure that a log which was begun is still there.
    ///
    /// # Errors
    ///
    /// Fails when it is gone: a start without it would be an empty one.
    pub fn must_have_its_log(&self) -> Result<(), HomeError> {
        let is_log = |entry: fs::DirEntry| entry.path().extension().is_some_and(|extension| extension == "log");
        let has_log = fs::read_dir(self.log_dir()).is_ok_and(|entries| entries.flatten().any(is_log));
        match self.begun && !has_log {
            true => Err(HomeError::LogGone { dir: self.dir.display().to_string() }),
            false => Ok(()),
        }
    }

    /// Says that there is a log from here on.
    ///
    /// # Errors
    ///
    /// Fails when the operating system refuses.
    pub fn log_has_begun(&self) -> Result<(), HomeError> {
        if self.begun { Ok(()) } else { write_meta(&self.dir, self.store, true) }
    }

    /// Says that what an earlier boot left behind is dealt with; until then every start finds `rebooted` again.
    ///
    /// # Errors
    ///
    /// Fails when the operating system refuses.
    pub fn settle(&self) -> Result<(), HomeError> {
        self.say(boot_id())
    }

    /// Says that everything is on the disk and that this process writes no more.
    ///
    /// # Errors
    ///
    /// Fails when the operating system refuses.
    pub fn close(&self) -> Result<(), HomeError> {
        self.say(format!("{}\n{CLOSED}", boot_id()))
    }

    fn say(&self, boot: String) -> Result<(), HomeError> {
        write_holder(&self.lock, &boot).map_err(|source| io_error("write", &self.dir.join("LOCK"), source))
    }

    /// Returns where the log lives.
    #[must_use]
    pub fn log_dir(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// Returns where the checkpoints live.
    #[must_use]
    pub fn checkpoint_dir(&self) -> PathBuf {
        self.dir.join("checkpoints")
    }

    /// Returns where sled lives.
    #[must_use]
    pub fn sled_dir(&self) -> PathBuf {
        self.dir.join("sled")
    }
}

/// Returns the process that says it holds a data directory.
#[must_use]
pub fn holder(dir: &Path) -> Option<u32> {
    let said = fs::read_to_string(dir.join("LOCK")).ok()?;
    said.lines().find_map(|line| line.strip_prefix("pid ")?.trim().parse().ok())
}

fn lock(dir: &Path) -> Result<(File, bool, bool), HomeError> {
    let path = dir.join("LOCK");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|source| io_error("open", &path, source))?;
    let mut holder = String::new();
    // A holder's words are for the operator only; unreadable ones must not keep anybody out.
    let _ = file.read_to_string(&mut holder);
    let closed = holder.lines().any(|line| line == CLOSED);
    let holder = holder.trim().replace('\n', ", ");
    if file.try_lock().is_err() {
        return Err(HomeError::InUse { dir: dir.display().to_string(), holder });
    }
    // Without a word, as a power cut may leave it, nothing is known; in a new directory there is nothing to distrust.
    let rebooted = !holder.contains(&boot_id());
    if rebooted {
        write_holder(&file, "unsettled").map_err(|source| io_error("write", &path, source))?;
    } else {
        write_holder(&file, &boot_id()).map_err(|source| io_error("write", &path, source))?;
    }
    Ok((file, rebooted, closed))
}

/// Writes over what is there, then cuts the rest: a kill in between must not leave a lock without a boot id, which
/// would be taken for a power cut.
fn write_holder(file: &File, boot: &str) -> io::Result<()> {
    let host = first_line("/proc/sys/kernel/hostname");
    let own = format!("boot {boot}\nhost {host}\npid {}\n", std::process::id());
    file.write_all_at(own.as_bytes(), 0)?;
    file.set_len(own.len() as u64)?;
    file.sync_all()
}

fn boot_id() -> String {
    first_line("/proc/sys/kernel/random/boot_id")
}

fn first_line(path: &str) -> String {
    fs::read_to_string(path).ok().and_then(|text| text.lines().next().map(str::to_owned)).unwrap_or_default()
}

/// Returns which store it is, and whether its log was begun.
fn read_or_make_meta(dir: &Path, clock: &Clock) -> Result<(StoreId, bool), HomeError> {
    let path = dir.join(META_NAME);
    match fs::read_to_string(&path) {
        Ok(text) => Ok((parse_meta(&path, &text)?, text.lines().any(|line| line == BEGUN))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let store = StoreId(clock.random());
            write_meta(dir, store, false)?;
            Ok((store, false))
        }
        Err(source) => Err(io_error("read", &path, source)),
    }
}

fn write_meta(dir: &Path, store: StoreId, begun: bool) -> Result<(), HomeError> {
    let (path, temporary) = (dir.join(META_NAME), dir.join("META.tmp"));
    let begun = if begun { format!("{BEGUN}\n") } else { String::new() };
    let text = format!("format {FORMAT}\nstore {:016x}\n{begun}", store.0);
    File::create(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, &path))
        .and_then(|()| File::open(dir)?.sync_all())
        .map_err(|source| io_error("write", &path, source))
}

fn parse_meta(path: &Path, text: &str) -> Result<StoreId, HomeError> {
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let format = value("format ").unwrap_or("");
    let store = value("store ").and_then(|store| u64::from_str_radix(store, 16).ok());
    match store {
        Some(store) if format == FORMAT => Ok(StoreId(store)),
        Some(_) | None => Err(HomeError::Format { file: path.display().to_string(), found: format.to_owned() }),
    }
}

pub(super) fn io_error(what: &'static str, path: &Path, source: io::Error) -> HomeError {
    HomeError::Io { what, path: path.display().to_string(), source }
}
