//! A [`Tree`] as the kernel asks for it. It decides nothing.

use super::tree::{Body, TOP, Tree};
use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// How long the kernel may believe what it was told: nobody else changes anything.
const FOR_EVER: Duration = Duration::from_secs(3600);
const GENERATION: Generation = Generation(0);
/// What there seems to be of blocks of 4 KiB, and of files.
const PLENTY: u64 = 1 << 24;

/// What a folder held when it was opened.
type Listing = Vec<(u64, FileType, OsString)>;

/// The tree, and the folders that are open.
#[derive(Debug)]
pub(super) struct Served {
    tree: Arc<Mutex<Tree>>,
    listings: Mutex<(u64, BTreeMap<u64, Listing>)>,
}

/// What the mutex guards. Who panicked with it left no half of a change.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn number(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

fn permissions(mode: u32) -> u16 {
    u16::try_from(mode & 0o7777).unwrap_or(0o644)
}

fn kind(body: &Body) -> FileType {
    match body {
        Body::Folder { .. } => FileType::Directory,
        Body::File(_) => FileType::RegularFile,
    }
}

fn attributes(tree: &Tree, ino: u64) -> Result<FileAttr, Errno> {
    let node = tree.node(ino)?;
    let (size, nlink) = match &node.body {
        Body::Folder { .. } => (0, 2),
        Body::File(file) => (file.size() as u64, 1),
    };
    Ok(FileAttr {
        ino: INodeNo(ino),
        size,
        blocks: size.div_ceil(512),
        atime: node.changed,
        mtime: node.changed,
        ctime: node.changed,
        crtime: node.changed,
        kind: kind(&node.body),
        perm: node.mode,
        nlink,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    })
}

fn answer(done: Result<(), Errno>, reply: ReplyEmpty) {
    match done {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

/// Tells the kernel of what was found or made.
fn enter(tree: &mut Tree, found: Result<u64, Errno>, reply: ReplyEntry) {
    match found.and_then(|ino| attributes(tree, ino)) {
        Ok(attributes) => {
            tree.tell(attributes.ino.0);
            reply.entry(&FOR_EVER, &attributes, GENERATION);
        }
        Err(error) => reply.error(error),
    }
}

impl Served {
    pub(super) fn new(tree: Arc<Mutex<Tree>>) -> Self {
        Self { tree, listings: Mutex::default() }
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        locked(&self.tree)
    }

    fn listing(&self, ino: u64) -> Result<Listing, Errno> {
        let tree = self.tree();
        let own = [".", ".."].map(|name| (ino, FileType::Directory, OsString::from(name)));
        let mut all = Vec::from(own);
        for (name, number) in tree.names(ino)? {
            all.push((*number, kind(&tree.node(*number)?.body), name.clone()));
        }
        Ok(all)
    }
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let mut tree = self.tree();
        let found = tree.find(parent.0, name);
        enter(&mut tree, found, reply);
    }

    fn forget(&self, _: &Request, ino: INodeNo, count: u64) {
        self.tree().forget(ino.0, count);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match attributes(&self.tree(), ino.0) {
            Ok(attributes) => reply.attr(&FOR_EVER, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        changed: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut tree = self.tree();
        let changed = changed.map(|time| match time {
            TimeOrNow::SpecificTime(time) => time,
            TimeOrNow::Now => SystemTime::now(),
        });
        let done = size
            .map_or(Ok(()), |size| tree.resize(ino.0, number(size)))
            .and_then(|()| tree.set(ino.0, mode.map(permissions), changed))
            .and_then(|()| attributes(&tree, ino.0));
        match done {
            Ok(attributes) => reply.attr(&FOR_EVER, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn mkdir(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let mut tree = self.tree();
        let made = tree.make(parent.0, name, permissions(mode & !umask));
        enter(&mut tree, made, reply);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(self.tree().remove(parent.0, name), reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(self.tree().remove(parent.0, name), reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        to: INodeNo,
        new: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        // Java asks for none of them.
        if !flags.is_empty() {
            return reply.error(Errno::EINVAL);
        }
        answer(self.tree().rename((parent.0, name), (to.0, new)), reply);
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let mut tree = self.tree();
        let made = tree.create(parent.0, name, permissions(mode & !umask));
        match made.and_then(|ino| attributes(&tree, ino)) {
            Ok(attributes) => {
                tree.tell(attributes.ino.0);
                let keep = FopenFlags::FOPEN_KEEP_CACHE;
                reply.created(&FOR_EVER, &attributes, GENERATION, FileHandle(0), keep);
            }
            Err(error) => reply.error(error),
        }
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.tree().read(ino.0, number(offset), number(size.into())) {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.tree().write(ino.0, number(offset), data) {
            Ok(()) => reply.written(u32::try_from(data.len()).unwrap_or(u32::MAX)),
            Err(error) => reply.error(error),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        // Of `close`: it promises nothing.
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer(self.tree().sync(ino.0), reply);
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer(self.tree().sync(ino.0), reply);
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.listing(ino.0) {
            Ok(listing) => {
                let mut listings = locked(&self.listings);
                listings.0 += 1;
                let handle = listings.0;
                listings.1.insert(handle, listing);
                reply.opened(FileHandle(handle), FopenFlags::empty());
            }
            Err(error) => reply.error(error),
        }
    }

    fn readdir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let listings = locked(&self.listings);
        let all = listings.1.get(&handle.0).map_or(&[][..], Vec::as_slice);
        for (place, (ino, kind, name)) in (1..).zip(all).skip(number(offset)) {
            if reply.add(INodeNo(*ino), place, *kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        reply: ReplyEmpty,
    ) {
        locked(&self.listings).1.remove(&handle.0);
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        reply.statfs(PLENTY, PLENTY, PLENTY, PLENTY, PLENTY, 4096, 255, 4096);
    }
}

const _: () = assert!(TOP == INodeNo::ROOT.0, "the kernel begins there");
