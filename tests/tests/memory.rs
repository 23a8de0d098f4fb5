//! What a long run keeps in memory. Only where the kernel tells it (`/proc`).

use crate::support::{binary, root};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The most memory that a run of an hour's load held, in KiB, with a load of so many minutes; none where nobody
/// tells it.
fn peak(minutes: u64) -> Option<u64> {
    let mut child = Command::new(binary())
        .current_dir(root())
        .args(["run", "scenarios/load/an-hour.json", "--seed", "1"])
        .args(["--set", "producers.web.rate=100/s", "--set", &format!("run.load={minutes}m")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let status = format!("/proc/{}/status", child.id());
    let mut most = None;
    loop {
        let told = std::fs::read_to_string(&status).unwrap_or_default();
        let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        most = most.max(line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()));
        match child.try_wait().expect("it is ours") {
            Some(status) => {
                assert!(status.success(), "{minutes} minutes end with {status}");
                return most;
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// 240 000 records more take 0.8 MiB more: some bits for each. With 8 bytes each in one table it would be 2 MiB.
#[test]
fn memory_does_not_grow_with_the_length_of_a_run() {
    let (Some(short), Some(long)) = (peak(20), peak(60)) else { return };
    assert!(long < short + 2_000, "{short} KiB for 20 minutes, {long} KiB for 60");
}
