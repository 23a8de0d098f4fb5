//! The disk as the kernel mounts it. Where it cannot, these tests say so and pass.

use super::*;
use std::fs::{File, OpenOptions, create_dir, read, read_dir, remove_file, rename, write};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::process::Command;
use tempfile::TempDir;

/// A disk on a folder of its own. None: this kernel mounts none.
fn disk() -> Option<(TempDir, Disk)> {
    if !is_possible() || !rustix::process::geteuid().is_root() {
        println!("skipped: no /dev/fuse for this user");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::mount(folder.path()).unwrap();
    Some((folder, disk))
}

fn opened(file: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(file).unwrap()
}

#[test]
fn an_append_that_is_not_synced_vanishes_and_a_synced_one_stays() {
    let Some((folder, mut disk)) = disk() else { return };
    let path = folder.path().join("0.log");
    let mut log = opened(&path);
    let long = vec![7; 300_000];
    log.write_all(&long).unwrap();
    log.sync_data().unwrap();
    log.write_all(b"and more").unwrap();
    assert_eq!(read(&path).unwrap().len(), 300_008);
    drop(log);
    disk.lose_power().unwrap();
    assert!(read(&path).unwrap() == long, "what was synced");
    let mut log = opened(&path);
    log.write_all(b"again").unwrap();
    drop(log);
    disk.sync();
    disk.lose_power().unwrap();
    assert_eq!(read(&path).unwrap().len(), 300_005, "it goes on where it was left");
}

#[test]
fn a_file_that_is_renamed_onto_another_is_whole() {
    let Some((folder, mut disk)) = disk() else { return };
    let at = |name: &str| folder.path().join(name);
    create_dir(at("payments-0")).unwrap();
    for (text, name) in [("old", "checkpoint"), ("new", "checkpoint.tmp")] {
        let mut file = opened(&at(name));
        file.write_all(text.as_bytes()).unwrap();
        file.sync_all().unwrap();
    }
    rename(at("checkpoint.tmp"), at("checkpoint")).unwrap();
    rename(at("payments-0"), at("payments-0-delete")).unwrap();
    disk.lose_power().unwrap();
    assert_eq!(read(at("checkpoint")).unwrap(), b"old", "the folder was not synced");
    rename(at("checkpoint.tmp"), at("checkpoint")).unwrap();
    File::open(folder.path()).unwrap().sync_all().unwrap();
    disk.lose_power().unwrap();
    assert_eq!(read(at("checkpoint")).unwrap(), b"new");
    let mut names: Vec<_> =
        read_dir(folder.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["checkpoint", "payments-0"]);
}

#[test]
fn a_cut_is_kept_with_the_next_journal() {
    let Some((folder, mut disk)) = disk() else { return };
    let (path, other) = (folder.path().join("0.log"), folder.path().join("1.log"));
    write(&path, "abcdef").unwrap();
    disk.sync();
    let mut log = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    log.set_len(3).unwrap();
    opened(&other).sync_all().unwrap();
    log.seek(SeekFrom::End(0)).unwrap();
    log.write_all(b"xyz").unwrap();
    let mut all = String::new();
    log.rewind().unwrap();
    log.read_to_string(&mut all).unwrap();
    assert_eq!(all, "abcxyz");
    drop(log);
    disk.lose_power().unwrap();
    assert_eq!(read(&path).unwrap(), b"abc");
    remove_file(&path).unwrap();
    assert_eq!(read(&path).unwrap_err().kind(), ErrorKind::NotFound);
    disk.sync();
    disk.lose_power().unwrap();
    assert!(!path.exists() && other.exists());
}

/// Kafka writes its indexes like this. A mapping is of no use here without Java: the code of this room is safe.
#[test]
fn a_mapping_is_kept_as_it_was_forced() {
    let Some((folder, mut disk)) = disk() else { return };
    let index = folder.path().join("0.index");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("java/Mapped.java");
    let Ok(ran) = Command::new("java").arg(source).arg(&index).status() else {
        return println!("skipped: no java");
    };
    assert!(ran.success());
    assert!(
        read(&index).unwrap().starts_with(b"keptlost\0"),
        "it is there as long as there is power"
    );
    disk.lose_power().unwrap();
    let left = read(&index).unwrap();
    assert_eq!((left.len(), &left[..8]), (1 << 20, &b"kept\0\0\0\0"[..]));
}
