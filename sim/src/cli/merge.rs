//! `ackproof merge`: the reports of the parts of a sweep become the report of the whole. It runs nothing
//! and needs no scenario file.

use super::args::{Format, Merge};
use super::options::Files;
use super::output::talk;
use super::outputs::{Outputs, finish};
use super::status::Status;
use super::sweep::status;
use ackproof_reports::sweep::SweepReport;
use std::path::Path;

/// Bytes of a report that nobody wrote with this program.
const MAX_BYTES: u64 = 1 << 30;

pub(crate) fn merge(arguments: &Merge) -> Status {
    if arguments.format == Format::Jsonl {
        let text =
            "error: the reports of parts hold sums, not runs: join their --jsonl files with cat\n";
        talk(text);
        return Status::Usage;
    }
    let mut parts = Vec::new();
    let mut mistakes = String::new();
    for path in &arguments.parts {
        match read(path) {
            Ok(part) => parts.push((path.display().to_string(), part)),
            Err(why) => mistakes.push_str(&format!("error: {}: {why}\n", path.display())),
        }
    }
    if !mistakes.is_empty() {
        talk(&mistakes);
        return Status::Usage;
    }
    let whole = match ackproof::study::merge::merge(parts) {
        Ok(whole) => whole,
        Err(why) => {
            talk(&format!("error: {why}\n"));
            return Status::Usage;
        }
    };
    let Merge { json, junit, github, html, .. } = arguments.clone();
    let files = Files { json, junit, github, html, jsonl: None };
    match Outputs::open(arguments.format, &files) {
        Ok(outputs) => finish(outputs, &whole).max(status(&whole)),
        Err(text) => {
            talk(&text);
            Status::Internal
        }
    }
}

fn read(path: &Path) -> Result<SweepReport, String> {
    let meta = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if meta.is_dir() || meta.len() > MAX_BYTES {
        return Err("no report of a part".to_owned());
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| {
        format!("no report of a sweep, as `run --partition … --json FILE` writes it: {error}")
    })
}
