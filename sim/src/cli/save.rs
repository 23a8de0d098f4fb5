//! Schedule files of runs: the one that was asked for, and one of each failure. It says where they are.

use super::output::talk;
use super::place::{told, whole};
use super::status::Status;
use ackproof::study::report::Origin;
use ackproof::study::saved;
use ackproof::study::trial::trial_telling;
use ackproof::world::bounds::Bounds;
use ackproof::world::document;
use ackproof::world::recorder::Watch;
use ackproof::world::run::run;
use ackproof_reports::verdict::Verdict;
use ackproof_scenario::plan::Plan;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

/// Writes the run of `seed` to `file`; says where it is.
pub(crate) fn save(plan: &Plan, origin: &Origin<'_>, seed: u64, file: &Path) -> Status {
    let command = origin.command(seed, seed.saturating_add(1));
    save_as(plan, (origin.file, &command), seed, file)
}

/// As [`save`], of a run that `command` shows again.
pub(crate) fn save_as(
    plan: &Plan,
    (scenario, command): (&str, &str),
    seed: u64,
    file: &Path,
) -> Status {
    let text = run(plan, seed, None)
        .map_err(|failure| failure.to_string())
        .and_then(|outcome| saved::save(plan, &outcome, command));
    let text = match text {
        Ok(text) => text,
        Err(panic) => {
            talk(&format!("ackproof itself failed: {panic}\n{command}\n"));
            return Status::Internal;
        }
    };
    match whole(file, &text) {
        Ok(()) => {
            let shown = file.display().to_string();
            talk(&format!("schedule of seed {seed} of {scenario}: {shown}\n"));
            talk(&unclear(&text, &shown, seed));
            Status::Met
        }
        Err(error) => {
            told(file, &error);
            Status::Usage
        }
    }
}

/// Why the replay of this schedule is inconclusive, if it is: nobody should find out later.
fn unclear(text: &str, file: &str, seed: u64) -> String {
    let Ok((plan, _warnings)) = document::load(text, file, &[]) else { return String::new() };
    let origin = Origin { file, sets: &[], swarm: None, check_determinism: false };
    let Ok(report) = trial_telling(&plan, &origin, seed, Watch::default(), &Bounds::default())
    else {
        return String::new();
    };
    if report.verdict != Verdict::Inconclusive {
        return String::new();
    }
    let why = report.reasons.iter().map(|reason| format!("  because {}\n", reason.text));
    format!("  its replay is inconclusive\n{}", why.collect::<String>())
}

/// The file of a failure below `directory`. Scenarios of the same name in several folders, and one scenario
/// with other values, have other files: the digits stand for where it is and what is changed in it.
pub(crate) fn failure(directory: &Path, origin: &Origin<'_>, seed: u64) -> Option<PathBuf> {
    let stem = Path::new(origin.file).file_stem()?.to_string_lossy().into_owned();
    let place = std::path::absolute(origin.file).unwrap_or_else(|_| PathBuf::from(origin.file));
    let same = format!("{}\n{:?}\n{}", place.display(), origin.sets, origin.swarm.is_some());
    let digits = xxh3_64(same.as_bytes()) >> 40;
    Some(directory.join(format!("{stem}-{digits:06x}-seed-{seed}.json")))
}
