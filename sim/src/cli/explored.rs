//! What `ackproof explore` found, taken where a history is taken.

use ackproof::study::exhaustive::retell::retell;
use ackproof::study::exhaustive::steps::{self, Steps};
use ackproof::world::document;
use ackproof_kafka::replicas::Bounds;
use ackproof_oracle::jsonl::{entry_line, header_line};
use std::fs::File;
use std::io::{self, BufRead, Cursor, Read};
use std::path::Path;

/// Bytes that show what a file is.
const HEAD: usize = 64;

/// Whether a file that begins like this is one of steps.
pub(crate) fn is_steps(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&head[..head.len().min(HEAD)]);
    steps::is_steps(&head)
}

/// Whether the file is one of steps; not, if it cannot be read.
pub(crate) fn is_file_of_steps(path: &Path) -> bool {
    let mut head = [0; HEAD];
    let read = File::open(path).and_then(|mut file| file.read(&mut head));
    read.is_ok_and(|length| is_steps(&head[..length]))
}

/// The steps as a history.
pub(crate) fn history(mut input: impl BufRead) -> io::Result<Box<dyn BufRead>> {
    let mut text = String::new();
    input.read_to_string(&mut text)?;
    let lines = told(&text).map_err(io::Error::other)?;
    Ok(Box::new(Cursor::new(lines.into_bytes())))
}

fn told(text: &str) -> Result<String, String> {
    let steps = Steps::parse(text)?;
    let loaded = document::load(&steps.scenario, "scenario", &steps.sets);
    let (plan, _) = loaded.map_err(|wrong| {
        wrong.iter().map(|one| format!("in its scenario: {one}\n")).collect::<String>()
    })?;
    let bounds = Bounds::try_from(&steps.bounds)?;
    let (entries, context) = retell(&plan, bounds, &steps.taken()?)?;
    let mut lines = header_line(&context) + "\n";
    for entry in &entries {
        lines += &entry_line(entry, &context);
        lines.push('\n');
    }
    Ok(lines)
}
