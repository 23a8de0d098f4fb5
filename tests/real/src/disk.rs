//! A disk that can lose its power: a file system in memory that the kernel mounts (FUSE). It knows what of every
//! file would be left, and a loss of power leaves that and nothing else.
//!
//! # What it assumes
//!
//! It is what ext4 is with Debian's settings (`data=ordered`, `commit=5`), on a disk that keeps what it says it has.
//!
//! - **Bytes** are left as they were at the last `fsync` or `fdatasync` of their file (`msync` of a mapping is one), or when
//!   Linux wrote the file back. It does so by itself [`OLD`] after the first change, at one of its looks every
//!   [`LOOK`] (`dirty_expire_centisecs`, `dirty_writeback_centisecs`). It writes the whole file, so that a file is never left
//!   half old and half new.
//! - **Names and sizes** (a file is made, renamed, deleted, cut or lengthened) are left as they were when the journal was
//!   committed: at any `fsync`, and at each look. A file that was made and not synced is left empty.
//! - What ext4 does beyond this is not done: it writes a file back that takes another one's name (`auto_da_alloc`).
//!
//! What a process wrote into a mapping is in pages of the real kernel. They go with the mount: it is made anew.

mod pages;
mod served;
mod tree;

use crate::host;
use fuser::{BackgroundSession, Config, MountOption};
use served::{Served, locked};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tree::Tree;

/// After how long Linux writes back what was changed.
const OLD: Duration = Duration::from_secs(30);
/// How often it looks, and commits the journal.
const LOOK: Duration = Duration::from_secs(5);
/// How long the kernel may take to close the files of a process that was killed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether this kernel mounts such file systems, for this user.
pub(crate) fn is_possible() -> bool {
    std::fs::OpenOptions::new().read(true).write(true).open("/dev/fuse").is_ok()
}

/// A disk, mounted; it is unmounted when it is dropped, unless somebody uses it.
#[derive(Debug)]
pub(crate) struct Disk {
    folder: PathBuf,
    tree: Arc<Mutex<Tree>>,
    session: Option<BackgroundSession>,
    /// While it is there, the disk is looked at.
    _looks: Sender<()>,
}

impl Disk {
    /// Mounts an empty one on `folder`.
    pub(crate) fn mount(folder: &Path) -> Result<Self, String> {
        let told = |error: std::io::Error| format!("{}: {error}", folder.display());
        std::fs::create_dir_all(folder).map_err(told)?;
        let tree = Arc::new(Mutex::new(Tree::new()));
        let looks = look_at(Arc::clone(&tree));
        let mut disk = Self { folder: folder.to_owned(), tree, session: None, _looks: looks };
        disk.attach()?;
        Ok(disk)
    }

    fn attach(&mut self) -> Result<(), String> {
        let mut config = Config::default();
        config.mount_options =
            vec![MountOption::FSName("ackproof".to_owned()), MountOption::NoAtime];
        let served = Served::new(Arc::clone(&self.tree));
        let session = fuser::spawn_mount(served, &self.folder, &config);
        self.session =
            Some(session.map_err(|error| format!("{}: {error}", self.folder.display()))?);
        Ok(())
    }

    /// `sync`: everything is on disk.
    pub(crate) fn sync(&self) {
        locked(&self.tree).sync_all();
    }

    /// Nobody uses it any more. What was not on disk is gone, from the disk and from the kernel.
    pub(crate) fn lose_power(&mut self) -> Result<(), String> {
        self.detach()?;
        locked(&self.tree).lose_power();
        self.attach()
    }

    fn detach(&mut self) -> Result<(), String> {
        let Some(session) = self.session.take() else { return Ok(()) };
        let (folder, begun) = (self.folder.display().to_string(), Instant::now());
        while let Err(error) = host::run("umount", &[&folder], "") {
            if begun.elapsed() > PATIENCE {
                self.session = Some(session);
                return Err(error);
            }
            sleep(Duration::from_millis(10));
        }
        session.join().map_err(|error| format!("{folder}: {error}"))
    }
}

/// Writes back what is old and commits the journal, until what it returns is dropped.
fn look_at(tree: Arc<Mutex<Tree>>) -> Sender<()> {
    let (looks, ended) = channel();
    std::thread::spawn(move || {
        while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            locked(&tree).write_back(OLD);
        }
    });
    looks
}

#[cfg(test)]
mod tests;
