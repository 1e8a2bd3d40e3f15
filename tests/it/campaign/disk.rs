//! File systems of a test's own: one whose power can be cut, and one that is small. They need root.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Sparse; a copy costs what is in it.
const IMAGE_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Nothing lazy: the kernel must not write to a disk by itself while it is copied.
const LAYOUT: &[&str] =
    &["-q", "-F", "-m", "0", "-N", "16384", "-J", "size=16", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard"];
const COPIES_MAX: u32 = 20;
const UNSYNCED_BYTES: usize = 8 * 1024 * 1024;
const CONTROL: u8 = 0x5A;

/// How the file system keeps order between data and metadata; none of it may matter.
const ORDERS: &[&str] = &["loop,noauto_da_alloc,data=ordered", "loop,noauto_da_alloc,data=writeback"];

/// An ext4 of its own in an image file.
///
/// Its power is cut by copying the image: the copy has what was written to the device and lacks what the file system
/// holds as dirty pages only. The device has no volatile cache, so a missing flush command would go unnoticed.
pub(crate) struct Disk {
    mount: Option<Mount>,
    image: PathBuf,
    cuts: u64,
    /// Cuts after which a file that nobody had synced was not whole.
    pub(crate) lacking: u64,
    place: TempDir,
}

impl Disk {
    pub(crate) fn new() -> Disk {
        let place = in_memory();
        let image = place.path().join("image");
        File::create(&image).and_then(|file| file.set_len(IMAGE_BYTES)).expect("an image");
        run(Command::new("mkfs.ext4").args(LAYOUT).arg(&image), "mkfs.ext4 (package e2fsprogs)");
        fs::create_dir(place.path().join("disk")).expect("a mount point");
        let mut disk = Disk { mount: None, image, cuts: 0, lacking: 0, place };
        disk.attach();
        disk
    }

    /// Where it is mounted.
    pub(crate) fn dir(&self) -> PathBuf {
        self.place.path().join("disk")
    }

    /// Whatever has not reached the device is lost from here on; whoever writes is frozen or gone.
    pub(crate) fn cut_power(&mut self) {
        // Neither synced nor closed before the copy: it shows that the copy lacks what it should.
        let unsynced = self.dir().join("unsynced");
        let mut file = File::create(&unsynced).expect("a file on the disk");
        file.write_all(&vec![CONTROL; UNSYNCED_BYTES]).expect("room on the disk");
        self.cuts += 1;
        let copy = self.place.path().join("after");
        let device = self.mount.as_ref().expect("a mounted disk").device();
        // What is written to the device meanwhile would mix two moments.
        let whole = (0..COPIES_MAX).any(|_| {
            let before = device_writes(&device);
            run(Command::new("cp").arg("--sparse=always").arg(&self.image).arg(&copy), "cp");
            before.is_some() && before == device_writes(&device)
        });
        assert!(whole, "{COPIES_MAX} copies, and {device} was written during each of them");
    }

    /// Goes on with what was on the device at the cut.
    pub(crate) fn restore_power(&mut self) {
        self.mount = None;
        // A new file, because the kernel may still hold the one of before.
        fs::rename(self.place.path().join("after"), &self.image).expect("the image of after the cut");
        self.attach();
    }

    /// Mounts the image, which replays its journal, and holds it to the controls.
    fn attach(&mut self) {
        let order = ORDERS[self.cuts as usize % ORDERS.len()];
        self.mount = Some(Mount::new(&["-o", order, &self.image.display().to_string()], &self.dir()));
        let (synced, unsynced) = (self.dir().join("synced"), self.dir().join("unsynced"));
        let is_whole = |file: &Path, bytes| fs::read(file).is_ok_and(|found| found == vec![CONTROL; bytes]);
        if self.cuts > 0 {
            assert!(is_whole(&synced, 1), "the copy lacks what was synced: the test is at fault");
            self.lacking += u64::from(!is_whole(&unsynced, UNSYNCED_BYTES));
        }
        // Before any server runs: a sync in its time would sync what it forgot.
        let kept = File::create(&synced).and_then(|mut file| file.write_all(&[CONTROL]).and_then(|()| file.sync_all()));
        kept.and_then(|()| File::open(self.dir())?.sync_all()).expect("a synced file on the disk");
        // Gone if it was not there at all.
        let _ = fs::remove_file(unsynced);
    }
}

/// A mounted file system; dropping it unmounts.
pub(crate) struct Mount {
    at: PathBuf,
}

impl Mount {
    fn new(words: &[&str], at: &Path) -> Mount {
        run(Command::new("mount").args(words).arg(at), "mount, which needs root and loop devices,");
        Mount { at: at.to_owned() }
    }

    /// A file system in memory of that size.
    pub(crate) fn small(at: &Path, bytes: u64) -> Mount {
        Mount::new(&["-t", "tmpfs", "-o", &format!("size={bytes}"), "small"], at)
    }

    /// How many bytes can still be written to it.
    pub(crate) fn free_bytes(&self) -> u64 {
        let output = Command::new("df").args(["--output=avail", "-B1"]).arg(&self.at).output().expect("df runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().nth(1).and_then(|line| line.trim().parse().ok()).unwrap_or_else(|| panic!("df says {text}"))
    }

    fn device(&self) -> String {
        let mounts = fs::read_to_string("/proc/self/mounts").expect("the mounts of this process");
        let at = self.at.display().to_string();
        let line = mounts.lines().rev().find(|line| line.split(' ').nth(1) == Some(&at)).expect("a mounted disk");
        line.split(' ').next().unwrap_or_default().to_owned()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.at).status().is_ok_and(|status| status.success());
        if !unmounted {
            // Something still holds it; it goes when that does. A drop must not panic.
            let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
        }
    }
}

/// A folder whose syncs cost nothing, where there is one.
pub(crate) fn in_memory() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a temporary folder")
}

/// How often a block device was written; `None` while a request is under way.
fn device_writes(device: &str) -> Option<u64> {
    let name = device.trim_start_matches("/dev/");
    let stat = fs::read_to_string(format!("/sys/block/{name}/stat")).expect("the figures of a loop device");
    let figures: Vec<u64> = stat.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    (figures[8] == 0).then_some(figures[4])
}

fn run(command: &mut Command, needs: &str) {
    let output = command.output().unwrap_or_else(|error| panic!("this test needs {needs} and cannot run it: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "this test needs {needs} and it failed: {}", said.trim());
}
