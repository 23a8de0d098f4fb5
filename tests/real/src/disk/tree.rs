//! What is on a disk, and what of it would be left without power. Pure data: it knows no kernel and no clock.
//! [`super`] says what it assumes.

use super::pages::Bytes;
use fuser::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::time::{Duration, Instant, SystemTime};

/// The number of the topmost folder.
pub(super) const TOP: u64 = 1;

/// Names of a folder, each with the number of what it names.
type Names = BTreeMap<OsString, u64>;

/// A file or a folder.
#[derive(Debug)]
pub(super) struct Node {
    /// Permissions.
    pub(super) mode: u16,
    /// Last changed.
    pub(super) changed: SystemTime,
    /// What it holds.
    pub(super) body: Body,
    /// How often the kernel was told of it and has not forgotten it.
    known: u64,
}

/// What a node holds, now and without power.
#[derive(Debug)]
pub(super) enum Body {
    Folder { now: Names, kept: Names },
    File(File),
}

/// A file.
#[derive(Debug, Default)]
pub(super) struct File {
    now: Bytes,
    kept: Bytes,
    /// Sizes that it was given since the journal was committed.
    resized: Vec<usize>,
    /// When the oldest change was made that is not on disk.
    dirty: Option<Instant>,
}

impl File {
    fn keep(&mut self) {
        self.kept = self.now.clone();
        self.resized.clear();
        self.dirty = None;
    }

    /// How many bytes it has.
    pub(super) fn size(&self) -> usize {
        self.now.size()
    }
}

/// A file system.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: BTreeMap<u64, Node>,
    next: u64,
    /// What has changed since the journal was committed.
    changed: BTreeSet<u64>,
    /// Whether a name has gone since then.
    is_gone: bool,
}

fn node(mode: u16, body: Body) -> Node {
    Node { mode, changed: SystemTime::now(), body, known: 0 }
}

fn folder() -> Body {
    Body::Folder { now: Names::new(), kept: Names::new() }
}

impl Tree {
    /// An empty one.
    pub(super) fn new() -> Self {
        let top = node(0o755, folder());
        let nodes = BTreeMap::from([(TOP, top)]);
        Self { nodes, next: TOP + 1, changed: BTreeSet::new(), is_gone: false }
    }

    /// What has this number.
    pub(super) fn node(&self, number: u64) -> Result<&Node, Errno> {
        self.nodes.get(&number).ok_or(Errno::ENOENT)
    }

    fn node_mut(&mut self, number: u64) -> Result<&mut Node, Errno> {
        self.nodes.get_mut(&number).ok_or(Errno::ENOENT)
    }

    fn file(&mut self, number: u64) -> Result<&mut File, Errno> {
        match &mut self.node_mut(number)?.body {
            Body::File(file) => Ok(file),
            Body::Folder { .. } => Err(Errno::EISDIR),
        }
    }

    /// The names in a folder.
    pub(super) fn names(&self, number: u64) -> Result<&Names, Errno> {
        match &self.node(number)?.body {
            Body::Folder { now, .. } => Ok(now),
            Body::File(_) => Err(Errno::ENOTDIR),
        }
    }

    /// The same, to be changed.
    fn entries(&mut self, number: u64) -> Result<&mut Names, Errno> {
        self.changed.insert(number);
        let node = self.nodes.get_mut(&number).ok_or(Errno::ENOENT)?;
        node.changed = SystemTime::now();
        match &mut node.body {
            Body::Folder { now, .. } => Ok(now),
            Body::File(_) => Err(Errno::ENOTDIR),
        }
    }

    /// What `name` in `folder` is.
    pub(super) fn find(&self, folder: u64, name: &OsStr) -> Result<u64, Errno> {
        self.names(folder)?.get(name).copied().ok_or(Errno::ENOENT)
    }

    /// The kernel was told of it.
    pub(super) fn tell(&mut self, number: u64) {
        if let Some(node) = self.nodes.get_mut(&number) {
            node.known += 1;
        }
    }

    /// The kernel has forgotten it so often.
    pub(super) fn forget(&mut self, number: u64, count: u64) {
        if let Some(node) = self.nodes.get_mut(&number) {
            node.known = node.known.saturating_sub(count);
        }
    }

    fn add(&mut self, parent: u64, name: &OsStr, node: Node) -> Result<u64, Errno> {
        let number = self.next;
        let names = self.entries(parent)?;
        if names.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        names.insert(name.to_owned(), number);
        self.nodes.insert(number, node);
        self.next += 1;
        Ok(number)
    }

    /// A new file.
    pub(super) fn create(&mut self, parent: u64, name: &OsStr, mode: u16) -> Result<u64, Errno> {
        self.add(parent, name, node(mode, Body::File(File::default())))
    }

    /// A new folder.
    pub(super) fn make(&mut self, parent: u64, name: &OsStr, mode: u16) -> Result<u64, Errno> {
        self.add(parent, name, node(mode, folder()))
    }

    /// Takes a name away. Who has the file open goes on.
    pub(super) fn remove(&mut self, parent: u64, name: &OsStr) -> Result<(), Errno> {
        let number = self.find(parent, name)?;
        if matches!(&self.node(number)?.body, Body::Folder { now, .. } if !now.is_empty()) {
            return Err(Errno::ENOTEMPTY);
        }
        self.entries(parent)?.remove(name);
        self.is_gone = true;
        Ok(())
    }

    /// Gives something another name, which may have been another's.
    pub(super) fn rename(
        &mut self,
        (from, name): (u64, &OsStr),
        (to, new): (u64, &OsStr),
    ) -> Result<(), Errno> {
        let number = self.find(from, name)?;
        if let Ok(there) = self.find(to, new)
            && there != number
            && matches!(&self.node(there)?.body, Body::Folder { now, .. } if !now.is_empty())
        {
            return Err(Errno::ENOTEMPTY);
        }
        self.entries(to)?;
        self.entries(from)?.remove(name);
        self.entries(to)?.insert(new.to_owned(), number);
        self.is_gone = true;
        Ok(())
    }

    /// Bytes of a file.
    pub(super) fn read(&mut self, number: u64, at: usize, length: usize) -> Result<Vec<u8>, Errno> {
        Ok(self.file(number)?.now.read(at, length))
    }

    /// Writes into the cache of the kernel that would be.
    pub(super) fn write(&mut self, number: u64, at: usize, data: &[u8]) -> Result<(), Errno> {
        self.node_mut(number)?.changed = SystemTime::now();
        let file = self.file(number)?;
        file.now.write(at, data);
        file.dirty.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// Gives a file another size.
    pub(super) fn resize(&mut self, number: u64, size: usize) -> Result<(), Errno> {
        self.changed.insert(number);
        self.node_mut(number)?.changed = SystemTime::now();
        let file = self.file(number)?;
        file.now.resize(size);
        file.resized.push(size);
        Ok(())
    }

    /// Sets permissions and time, as far as they are given. They are kept at once.
    pub(super) fn set(
        &mut self,
        number: u64,
        mode: Option<u16>,
        changed: Option<SystemTime>,
    ) -> Result<(), Errno> {
        let node = self.node_mut(number)?;
        node.mode = mode.unwrap_or(node.mode);
        node.changed = changed.unwrap_or(node.changed);
        Ok(())
    }

    /// `fsync` of a file or a folder.
    pub(super) fn sync(&mut self, number: u64) -> Result<(), Errno> {
        if let Body::File(file) = &mut self.node_mut(number)?.body {
            file.keep();
        }
        self.commit();
        Ok(())
    }

    /// `sync`.
    pub(super) fn sync_all(&mut self) {
        self.write_back(Duration::ZERO);
    }

    /// Writes back what was changed so long ago, and commits the journal.
    pub(super) fn write_back(&mut self, age: Duration) {
        for node in self.nodes.values_mut() {
            if let Body::File(file) = &mut node.body
                && file.dirty.is_some_and(|since| since.elapsed() >= age)
            {
                file.keep();
            }
        }
        self.commit();
    }

    /// Names and sizes as they are now are kept.
    fn commit(&mut self) {
        for number in std::mem::take(&mut self.changed) {
            match self.nodes.get_mut(&number).map(|node| &mut node.body) {
                Some(Body::Folder { now, kept }) => kept.clone_from(now),
                Some(Body::File(file)) => {
                    let sizes = std::mem::take(&mut file.resized);
                    sizes.into_iter().for_each(|size| file.kept.resize(size));
                }
                None => {}
            }
        }
        if std::mem::take(&mut self.is_gone) {
            self.sweep();
        }
    }

    /// Drops what has no name and nobody knows.
    fn sweep(&mut self) {
        let mut named = BTreeSet::from([TOP]);
        for node in self.nodes.values() {
            if let Body::Folder { now, kept } = &node.body {
                named.extend(now.values().chain(kept.values()));
            }
        }
        let before = self.nodes.len();
        self.nodes.retain(|number, node| node.known > 0 || named.contains(number));
        // Somebody has it open: it is looked at again.
        let nameless = self.nodes.keys().any(|number| !named.contains(number));
        // What was in a folder that has gone has no name any more either.
        self.is_gone = nameless || self.nodes.len() < before;
    }

    /// The power is gone, and with it everything that was not kept.
    pub(super) fn lose_power(&mut self) {
        for node in self.nodes.values_mut() {
            node.known = 0;
            match &mut node.body {
                Body::Folder { now, kept } => now.clone_from(kept),
                Body::File(file) => {
                    file.now = file.kept.clone();
                    file.resized.clear();
                    file.dirty = None;
                }
            }
        }
        self.changed.clear();
        self.sweep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> &OsStr {
        OsStr::new(text)
    }

    fn read(tree: &mut Tree, path: &str) -> Option<String> {
        let mut number = TOP;
        for part in path.split('/') {
            number = tree.find(number, name(part)).ok()?;
        }
        let bytes = tree.read(number, 0, 1000).ok()?;
        Some(String::from_utf8(bytes).unwrap())
    }

    fn written(tree: &mut Tree, parent: u64, file: &str, text: &str) -> u64 {
        let number = tree.create(parent, name(file), 0o644).unwrap();
        tree.write(number, 0, text.as_bytes()).unwrap();
        number
    }

    #[test]
    fn what_is_synced_is_kept_and_what_comes_after_is_not() {
        let mut tree = Tree::new();
        let folder = tree.make(TOP, name("payments-0"), 0o755).unwrap();
        let log = written(&mut tree, folder, "0.log", "abc");
        tree.sync(log).unwrap();
        tree.write(log, 3, b"def").unwrap();
        written(&mut tree, folder, "1.log", "ghi");
        assert_eq!(read(&mut tree, "payments-0/0.log").as_deref(), Some("abcdef"));
        tree.lose_power();
        assert_eq!(read(&mut tree, "payments-0/0.log").as_deref(), Some("abc"));
        assert_eq!(read(&mut tree, "payments-0/1.log"), None, "nobody committed its name");
    }

    #[test]
    fn the_journal_takes_names_and_sizes_along_and_no_bytes() {
        let mut tree = Tree::new();
        let log = written(&mut tree, TOP, "0.log", "abcdef");
        tree.sync(log).unwrap();
        written(&mut tree, TOP, "new", "xyz");
        tree.rename((TOP, name("0.log")), (TOP, name("0.log.deleted"))).unwrap();
        tree.resize(log, 4).unwrap();
        tree.write_back(Duration::from_secs(30));
        tree.lose_power();
        assert_eq!(read(&mut tree, "new").as_deref(), Some(""), "a name without its bytes");
        assert_eq!(read(&mut tree, "0.log"), None);
        assert_eq!(read(&mut tree, "0.log.deleted").as_deref(), Some("abcd"));
    }

    #[test]
    fn a_name_that_is_not_committed_goes_back_to_what_it_was() {
        let mut tree = Tree::new();
        let old = written(&mut tree, TOP, "checkpoint", "old");
        tree.sync(old).unwrap();
        let new = written(&mut tree, TOP, "checkpoint.tmp", "new");
        tree.sync(new).unwrap();
        tree.rename((TOP, name("checkpoint.tmp")), (TOP, name("checkpoint"))).unwrap();
        tree.resize(new, 1).unwrap();
        assert_eq!(read(&mut tree, "checkpoint").as_deref(), Some("n"));
        tree.lose_power();
        assert_eq!(read(&mut tree, "checkpoint").as_deref(), Some("old"));
        assert_eq!(read(&mut tree, "checkpoint.tmp").as_deref(), Some("new"), "not cut either");
    }

    #[test]
    fn what_is_old_is_written_back() {
        let mut tree = Tree::new();
        written(&mut tree, TOP, "0.log", "abc");
        tree.sync_all();
        tree.lose_power();
        assert_eq!(read(&mut tree, "0.log").as_deref(), Some("abc"));
    }

    #[test]
    fn what_has_gone_is_dropped_when_nobody_has_it_open() {
        let mut tree = Tree::new();
        let folder = tree.make(TOP, name("f"), 0o755).unwrap();
        let log = written(&mut tree, folder, "0.log", "abc");
        tree.tell(log);
        tree.sync(log).unwrap();
        assert_eq!(tree.remove(TOP, name("f")).err(), Some(Errno::ENOTEMPTY));
        tree.remove(folder, name("0.log")).unwrap();
        tree.remove(TOP, name("f")).unwrap();
        tree.sync(TOP).unwrap();
        assert_eq!(tree.read(log, 0, 3).unwrap(), b"abc", "it is open");
        tree.forget(log, 1);
        tree.sync(TOP).unwrap();
        assert_eq!(tree.nodes.len(), 1, "only the topmost folder is left");
    }
}
