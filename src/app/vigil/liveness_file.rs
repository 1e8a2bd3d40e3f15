//! A file that is there while the process lives, for probes that look for one. Only a thread of its own waits for
//! its disk, and whoever ends it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, futimens};

use crate::app::AppError;
use crate::app::watchdog::Watchdog;
use crate::http::health::Vitals;

/// The file, and the thread that keeps it.
#[derive(Debug)]
pub(super) struct LivenessFile {
    path: PathBuf,
    watchdog: Watchdog,
}

impl LivenessFile {
    /// Makes the file and keeps it as long as the process lives.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be made.
    pub(super) fn keep(path: &Path, vitals: Arc<Vitals>) -> Result<Self, AppError> {
        touch(path).map_err(|source| AppError::File { path: path.display().to_string(), source })?;
        let mut keeper = Keeper { path: path.to_owned(), vitals, seen: 0, is_failing: false };
        let watchdog = Watchdog::start("liveness-file", move || keeper.look())
            .map_err(AppError::beginning("keeper of the liveness file"))?;
        Ok(Self { path: path.to_owned(), watchdog })
    }

    /// Removes the file; waits for its disk.
    pub(super) fn end(self) {
        // First, so that nobody makes the file again.
        self.watchdog.end();
        if let Err(error) = remove(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "the liveness file could not be removed");
        }
    }
}

struct Keeper {
    path: PathBuf,
    vitals: Arc<Vitals>,
    /// The beats at the look before.
    seen: u64,
    is_failing: bool,
}

impl Keeper {
    /// Touches it if the event loop has turned since the look before; removes it if the process does not live.
    fn look(&mut self) {
        let beats = self.vitals.beats();
        let has_turned = beats != std::mem::replace(&mut self.seen, beats);
        let done = match (self.vitals.is_alive(), has_turned) {
            (true, true) => touch(&self.path),
            (true, false) => Ok(()),
            (false, _) => remove(&self.path),
        };
        if let Err(error) = &done
            && !self.is_failing
        {
            tracing::error!(%error, path = %self.path.display(), "the liveness file cannot be kept");
        }
        self.is_failing = done.is_err();
    }
}

/// Needs no room on the disk once the file is there.
fn touch(path: &Path) -> io::Result<()> {
    let file = File::options().create(true).append(true).open(path)?;
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    Ok(futimens(&file, &Timestamps { last_access: now, last_modification: now })?)
}

/// One that is gone stays gone.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Err(_) | Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::*;
    use crate::http::health::Pulse;

    const STILL_MAX: Duration = Duration::from_secs(1);

    struct Kept {
        keeper: Keeper,
        pulse: Pulse,
        _dir: tempfile::TempDir,
    }

    fn kept() -> Kept {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (path, vitals) = (dir.path().join("healthy"), Vitals::new(STILL_MAX));
        let pulse = Pulse::of(Arc::clone(&vitals));
        Kept { keeper: Keeper { path, vitals, seen: 0, is_failing: false }, pulse, _dir: dir }
    }

    impl Kept {
        /// Makes the file old, looks, and tells whether it was touched; `None` if it is gone.
        fn is_touched_at_a_look(&mut self) -> Option<bool> {
            let of = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
            if let Ok(file) = File::options().write(true).open(&self.keeper.path) {
                file.set_modified(UNIX_EPOCH).expect("a file of ours");
            }
            self.keeper.look();
            of(&self.keeper.path).map(|modified: SystemTime| modified > UNIX_EPOCH)
        }
    }

    #[test]
    fn the_file_is_touched_while_the_loop_turns_left_while_it_does_not_gone_when_dead_and_back_with_the_next_beat() {
        let mut kept = kept();
        for _ in 0..3 {
            kept.keeper.vitals.beat(Duration::ZERO);
            kept.pulse.look();
            assert_eq!(kept.is_touched_at_a_look(), Some(true));
        }
        kept.pulse.look();
        assert_eq!(kept.is_touched_at_a_look(), Some(false), "no beat since the look before");
        (0..4).for_each(|_| kept.pulse.look());
        assert_eq!(kept.is_touched_at_a_look(), None, "dead");
        assert_eq!(kept.is_touched_at_a_look(), None, "still dead");
        kept.keeper.vitals.beat(Duration::ZERO);
        kept.pulse.look();
        assert_eq!(kept.is_touched_at_a_look(), Some(true));
    }

    #[test]
    fn a_file_that_cannot_be_made_is_named_at_the_start_and_one_that_was_made_is_gone_at_the_end() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let nowhere = dir.path().join("nowhere/healthy");
        let refused = LivenessFile::keep(&nowhere, Vitals::new(STILL_MAX)).expect_err("no folder").to_string();
        assert!(refused.contains("nowhere/healthy"), "{refused}");
        let path = dir.path().join("healthy");
        let kept = LivenessFile::keep(&path, Vitals::new(STILL_MAX)).expect("a file");
        assert!(path.exists());
        kept.end();
        assert!(!path.exists());
    }
}
