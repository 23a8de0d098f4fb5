//! Runs this program once more inside namespaces of mounts, networks and processes that end with it: whatever
//! happens to it, the kernel ends every process that it started and takes its networks, mounts and files away.

use crate::host::{SANDBOX, command};
use std::ffi::OsString;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

/// How often an interrupt is looked for.
const TICK: Duration = Duration::from_millis(50);

/// Runs this program with `arguments` inside; says whether it succeeded.
///
/// # Errors
/// Why it could not be started.
pub(crate) fn run(arguments: &[OsString], interrupted: &AtomicBool) -> Result<bool, String> {
    let program = std::env::current_exe().map_err(|error| format!("no path to myself: {error}"))?;
    let mut child = command("setpriv")
        // If this process is killed, the one inside must not stay behind.
        .args(["--pdeathsig", "KILL", "unshare"])
        .args(SANDBOX)
        .arg(program)
        .args(arguments)
        .spawn()
        .map_err(|error| format!("setpriv: {error}"))?;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status.success()),
            Ok(None) if interrupted.load(Ordering::Relaxed) => {
                let ended = child.kill().and_then(|()| child.wait());
                return ended.map(|_| false).map_err(|error| error.to_string());
            }
            Ok(None) => sleep(TICK),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Prepares the inside: namespaces of networks and the files of the run live in memory that goes with it.
///
/// # Errors
/// What the machine refused.
pub(crate) fn furnish(work: &Path) -> Result<(), String> {
    let folder = Path::new("/run/netns");
    // Made outside as well, since `/run` is the machine's; it stays empty there.
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for place in [folder, work] {
        let place = place.display().to_string();
        crate::host::run("mount", &["-t", "tmpfs", "none", &place], "")?;
        // `ip netns exec` gives each process a copy of all mounts. What is unmounted here, they do not keep.
        crate::host::run("mount", &["--make-shared", &place], "")?;
    }
    Ok(())
}
