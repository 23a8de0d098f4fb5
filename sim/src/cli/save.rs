//! Schedule files of runs: the one that was asked for, and one of each failure. It writes them whole or
//! not at all, and says where.

use super::load::Scenario;
use super::output::talk;
use super::status::Status;
use ackproof::report::Origin;
use ackproof::run::run;
use ackproof::saved;
use ackproof_scenario::plan::Plan;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes the run of `seed` to `file`; says where it is.
pub(crate) fn save(plan: &Plan, origin: &Origin<'_>, seed: u64, file: &Path) -> Status {
    let command = origin.command(seed, seed.saturating_add(1));
    let text = run(plan, seed, None)
        .map_err(|failure| failure.to_string())
        .and_then(|outcome| saved::save(plan, &outcome, &command));
    let text = match text {
        Ok(text) => text,
        Err(panic) => {
            talk(&format!("ackproof itself failed: {panic}\n{command}\n"));
            return Status::Internal;
        }
    };
    match whole(file, &text) {
        Ok(()) => {
            let shown = file.display();
            talk(&format!("schedule of seed {seed}: {shown}\n"));
            Status::Met
        }
        Err(error) => {
            talk(&format!("error: {}: cannot be written: {error}\n", file.display()));
            Status::Internal
        }
    }
}

/// The file of a failure below `directory`.
pub(crate) fn failure(directory: &Path, scenario: &Scenario, seed: u64) -> Option<PathBuf> {
    let stem = Path::new(&scenario.file).file_stem()?.to_string_lossy().into_owned();
    Some(directory.join(format!("{stem}-seed-{seed}.json")))
}

/// Writes `text` to `file`, with the directories above it: all of it, or nothing.
pub(crate) fn whole(file: &Path, text: &str) -> io::Result<()> {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(directory) = directory {
        std::fs::create_dir_all(directory)?;
    }
    let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let beside = file.with_file_name(format!(".{name}.{}", std::process::id()));
    let write = || {
        let mut open = std::fs::File::create(&beside)?;
        open.write_all(text.as_bytes())?;
        open.sync_all()?;
        std::fs::rename(&beside, file)
    };
    write().inspect_err(|_| {
        // Nothing half written stays; if even that fails there is nothing left to do.
        let _left = std::fs::remove_file(&beside);
    })
}
