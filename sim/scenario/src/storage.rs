//! Faults of a broker's disk, read from the tree; and the log directories that brokers have.

use crate::disk::{BATCHES, Batch, DAMAGES, FILLS, Harm, RETURNS, STOPS, StorageFault};
use crate::durations;
use crate::plan::{Plan, Settings, Target};
use crate::sink::{At, Sink};
use crate::targets::led;
use ackproof_types::{LogDir, TopicPartition};

/// Reads what stands beside `verb`.
pub(crate) fn read(
    sink: &mut Sink<'_>,
    at: &At<'_>,
    verb: &str,
    plan: &Plan,
) -> Option<StorageFault> {
    let dir = match at.get("dir") {
        Some(at) => Some(dir(sink, &at, plan)?),
        None => None,
    };
    let log = match at.get("log") {
        Some(at) => match led(sink, &at, plan)? {
            Target::Partition(topic, number) => Some(TopicPartition::new(topic, number)),
            _ => None,
        },
        None => None,
    };
    let how = match verb {
        FILLS => {
            let left = at.get("left").map(|at| sink.quantity(&at, "kB", durations::bytes));
            Harm::Fills(left.unwrap_or(Some(0))?)
        }
        DAMAGES => Harm::Damages(batch(sink, at)?, named(sink, at, "stopped", STOPS)?),
        _ => Harm::Fails(named(sink, at, "returns", RETURNS)?),
    };
    Some(StorageFault { dir, log, how })
}

/// A batch by name, or by the number that draws it, as a schedule keeps it.
fn batch(sink: &mut Sink<'_>, at: &At<'_>) -> Option<Batch> {
    let number = at.get("batch").filter(|at| at.node.as_i64().is_some());
    let Some(at) = number else { return named(sink, at, "batch", BATCHES) };
    let number = sink.whole(&at, 0, i64::from(u32::MAX))?;
    u32::try_from(number).ok().map(Batch::Drawn)
}

/// What stands under `key`; the first of `known` if nothing does.
fn named<T: Copy>(sink: &mut Sink<'_>, at: &At<'_>, key: &str, known: &[(&str, T)]) -> Option<T> {
    let Some(at) = at.get(key) else { return Some(known[0].1) };
    let text = sink.string(&at)?;
    let found = known.iter().find(|(name, _)| *name == text);
    if found.is_none() {
        let names = known.iter().map(|(name, _)| *name);
        sink.unknown(at.node.span, &at.path, ("value", text), names);
    }
    found.map(|(_, value)| *value)
}

fn dir(sink: &mut Sink<'_>, at: &At<'_>, plan: &Plan) -> Option<LogDir> {
    let number = sink.whole(at, 1, i64::from(u8::MAX))?;
    let most = plan.clusters.iter().map(|one| dirs(&one.config).len()).max().unwrap_or(1);
    if usize::try_from(number).is_ok_and(|number| number > most) {
        let message = format!("brokers have no log directory {number}: \"log.dirs\" lists {most}");
        let hint = "name more of them: \"log.dirs\": \"/disk1,/disk2\"".to_owned();
        sink.hinted(at.node.span, &at.path, message, Some(hint));
        return None;
    }
    u8::try_from(number - 1).ok().map(LogDir)
}

/// The log directories of each broker: at least one.
#[must_use]
pub fn dirs(config: &Settings) -> Vec<&str> {
    let listed = config.text("log.dirs").unwrap_or_default().split(',').map(str::trim);
    let named: Vec<&str> = listed.filter(|name| !name.is_empty()).take(u8::MAX.into()).collect();
    if named.is_empty() { vec![""] } else { named }
}

/// Which of them holds the metadata log too; none: it has a directory of its own.
#[must_use]
pub fn metadata_dir(config: &Settings) -> Option<LogDir> {
    let Some(named) = config.text("metadata.log.dir").map(str::trim) else {
        return Some(LogDir(0));
    };
    let place = dirs(config).iter().position(|dir| *dir == named)?;
    u8::try_from(place).ok().map(LogDir)
}
