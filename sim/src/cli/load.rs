//! From scenario files to plans. All mistakes of all files are told at once.

use super::output::talk;
use super::select::scenarios;
use ackproof::world::bounds::Failure;
use ackproof::world::document;
use ackproof::world::document::Sets;
use ackproof_reports::sweep::Asked;
use ackproof_scenario::diagnostic::{Diagnostic, decode};
use ackproof_scenario::plan::Plan;
use ackproof_scenario::resolve::MAX_BYTES;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// A scenario that can be run.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// Its file, as the user named it.
    pub(crate) file: String,
    /// What it means.
    pub(crate) plan: Plan,
    /// What it is read from.
    pub(crate) text: String,
}

/// What one seed of a scenario runs.
#[derive(Debug)]
pub(crate) struct Drawn<'a> {
    pub(crate) plan: Cow<'a, Plan>,
    /// What swarm drew for it; none: it draws nothing.
    pub(crate) swarm: Option<Sets>,
}

impl Scenario {
    /// What `seed` runs.
    ///
    /// # Errors
    /// A draw that makes no scenario is ackproof's own mistake.
    pub(crate) fn drawn(&self, asked: &Asked, seed: u64) -> Result<Drawn<'_>, Failure> {
        if !asked.swarm {
            return Ok(Drawn { plan: Cow::Borrowed(&self.plan), swarm: None });
        }
        let base = (&self.plan, asked.sets.as_slice());
        match document::load_drawn(&self.text, &self.file, base, seed) {
            Ok((plan, swarm)) => Ok(Drawn { plan: Cow::Owned(plan), swarm: Some(swarm) }),
            Err(found) => {
                Err(Failure::Crashed(format!("what swarm drew does not load:\n{}", join(&found))))
            }
        }
    }
}

fn join(found: &[Diagnostic]) -> String {
    found.iter().map(|one| format!("{one}\n")).collect()
}

/// Reads all files; warnings are said at once.
///
/// # Errors
/// Every mistake, as it is shown.
pub(crate) fn load(files: &[PathBuf], sets: &[(String, String)]) -> Result<Vec<Scenario>, String> {
    load_saying(files, sets, &mut BTreeSet::new())
}

/// As [`load`]; what was `said` is not said again.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_saying(
    files: &[PathBuf],
    sets: &[(String, String)],
    said: &mut BTreeSet<String>,
) -> Result<Vec<Scenario>, String> {
    let mut scenarios = Vec::new();
    let mut mistakes = String::new();
    // What is odd about an overridden value is so for every file.
    for file in files {
        match read(file, sets) {
            Ok((scenario, warnings)) => {
                if said.insert(warnings.clone()) {
                    talk(&warnings);
                }
                scenarios.push(scenario);
            }
            Err(text) => mistakes.push_str(&text),
        }
    }
    if mistakes.is_empty() { Ok(scenarios) } else { Err(mistakes) }
}

/// Reads one file; returns warnings with it.
pub(crate) fn read(file: &Path, sets: &[(String, String)]) -> Result<(Scenario, String), String> {
    let shown = file.display().to_string();
    let refused = |why: &dyn Display| format!("error: {shown}: {why}\n");
    let meta = std::fs::metadata(file).map_err(|error| refused(&error))?;
    if meta.is_dir() {
        let first = scenarios(file).ok().and_then(|found| found.into_iter().next());
        let such = first.map_or_else(String::new, |one| format!(", such as {}", one.display()));
        return Err(refused(&format!("a directory, where one file is asked for{such}")));
    }
    if !meta.is_file() {
        return Err(refused(&"neither a file nor a directory"));
    }
    if meta.len() > MAX_BYTES {
        let why = format!("{} bytes are too many: a scenario has {MAX_BYTES} at most", meta.len());
        return Err(refused(&why));
    }
    let bytes = std::fs::read(file).map_err(|error| refused(&error))?;
    let text = decode(bytes, &shown).map_err(|error| format!("{error}\n"))?;
    match document::load(&text, &shown, sets) {
        Ok((plan, warnings)) => Ok((Scenario { file: shown, plan, text }, join(&warnings))),
        Err(mistakes) => Err(join(&mistakes)),
    }
}
