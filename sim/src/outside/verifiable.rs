//! Logs of Kafka's own VerifiableProducer and VerifiableConsumer, and a dump of the partitions at the end,
//! made one history. What the tools do not say is decided in [`mod@history`]. It judges nothing.
//!
//! - [`Log`] one file of a tool, line by line · [`Dump`] the final read · [`mod@history`] the whole
//! - [`Base`] what a harness knows itself · [`Metadata`] what the controllers decided
//!
//! Kafka: `org.apache.kafka.tools.VerifiableProducer`, `org.apache.kafka.tools.VerifiableConsumer`.

mod base;
mod client;
mod frame;
mod history;
mod metadata;
mod positions;
mod roster;
mod sends;
#[cfg(test)]
mod tests;

pub use base::Base;
pub use history::{History, history, merge};
pub use metadata::Metadata;
pub use roster::Settings;

use ackproof_types::ErrorCode;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{BufRead, Read};

/// Longer lines are no tool's.
const MAX_LINE: u64 = 1 << 20;

/// A line of a tool.
#[derive(Clone, Debug)]
pub struct Line {
    /// Milliseconds since 1970.
    timestamp: u64,
    what: What,
}

/// What a tool says.
#[derive(Clone, Debug)]
enum What {
    Started,
    Stopped,
    Acked {
        value: String,
        topic: String,
        partition: u16,
        offset: i64,
    },
    Failed {
        value: String,
        topic: String,
        exception: String,
        message: String,
    },
    Summary {
        sent: u64,
    },
    /// The client sends a batch again, which was refused or lost.
    Again {
        place: Place,
        error: ErrorCode,
    },
    /// The client raised the epoch of its idempotent producer.
    Raised,
    Assigned(Vec<Place>),
    Revoked(Vec<Place>),
    Record {
        value: String,
        place: Place,
        offset: i64,
    },
    /// A poll of records; whether each was told depends on `--verbose`.
    Consumed {
        count: u64,
        batches: Vec<Batch>,
    },
    Committed {
        offsets: Vec<Commit>,
        success: bool,
        error: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Place {
    topic: String,
    partition: u16,
}

impl Place {
    fn pair(&self) -> (&str, u16) {
        (&self.topic, self.partition)
    }
}

/// What a poll gave of a partition.
#[derive(Clone, Debug, Deserialize)]
struct Batch {
    #[serde(flatten)]
    place: Place,
    #[serde(rename = "maxOffset")]
    last: i64,
}

#[derive(Clone, Debug, Deserialize)]
struct Commit {
    topic: String,
    partition: u16,
    offset: i64,
}

/// A file of a tool.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The process's name.
    pub name: String,
    lines: Vec<Line>,
    /// Lines that are no JSON: what the tool's logging printed between.
    pub skipped: u64,
    /// Whether what its client logged is among the lines.
    is_heard: bool,
}

#[derive(Deserialize)]
struct Raw {
    timestamp: u64,
    name: String,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

fn part<T: for<'de> Deserialize<'de>>(raw: &mut Raw, name: &str) -> Result<T, String> {
    let value = raw.rest.remove(name).unwrap_or(serde_json::Value::Null);
    serde_json::from_value(value).map_err(|error| format!("{}: {name}: {error}", raw.name))
}

/// An offset as the tools write it; −1 with `acks=0`.
fn offset(raw: &mut Raw) -> Result<i64, String> {
    let offset: i64 = part(raw, "offset")?;
    let good = (-1..1 << 53).contains(&offset);
    if good { Ok(offset) } else { Err(format!("{offset} is not an offset")) }
}

fn what(mut raw: Raw) -> Result<Option<What>, String> {
    let raw = &mut raw;
    Ok(Some(match raw.name.as_str() {
        "startup_complete" => What::Started,
        "shutdown_complete" => What::Stopped,
        "producer_send_success" => What::Acked {
            value: part(raw, "value")?,
            topic: part(raw, "topic")?,
            partition: part(raw, "partition")?,
            offset: offset(raw)?,
        },
        "producer_send_error" => What::Failed {
            value: part(raw, "value")?,
            topic: part(raw, "topic")?,
            exception: part(raw, "exception")?,
            message: part::<Option<String>>(raw, "message")?.unwrap_or_default(),
        },
        "tool_data" => What::Summary { sent: part(raw, "sent")? },
        "partitions_assigned" => What::Assigned(part(raw, "partitions")?),
        "partitions_revoked" => What::Revoked(part(raw, "partitions")?),
        "record_data" => What::Record {
            value: part::<Option<String>>(raw, "value")?.unwrap_or_default(),
            place: Place { topic: part(raw, "topic")?, partition: part(raw, "partition")? },
            offset: offset(raw)?,
        },
        "records_consumed" => What::Consumed {
            count: part(raw, "count")?,
            batches: part::<Option<Vec<Batch>>>(raw, "partitions")?.unwrap_or_default(),
        },
        "offsets_committed" => What::Committed {
            offsets: part(raw, "offsets")?,
            success: part(raw, "success")?,
            error: part::<Option<String>>(raw, "error")?.unwrap_or_default(),
        },
        _ => return Ok(None),
    }))
}

/// Calls `take` with every line of `input`.
fn lines(
    mut input: impl BufRead,
    mut take: impl FnMut(&str) -> Result<(), String>,
) -> Result<(), String> {
    let mut bytes = Vec::new();
    for number in 1_u64.. {
        bytes.clear();
        let read = input.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut bytes);
        let read = read.map_err(|error| format!("{number}: {error}"))?;
        if read as u64 > MAX_LINE {
            return Err(format!("{number}: a line of more than {MAX_LINE} bytes"));
        }
        if read == 0 {
            break;
        }
        take(String::from_utf8_lossy(&bytes).trim()).map_err(|what| format!("{number}: {what}"))?;
    }
    Ok(())
}

impl Log {
    /// Reads what the tool named `name` printed.
    ///
    /// # Errors
    /// The line that is none of the tool's, and why.
    pub fn read(name: &str, input: impl BufRead) -> Result<Self, String> {
        let mut log = Self { name: name.to_owned(), ..Self::default() };
        lines(input, |line| {
            // Logging may go to standard output as well, and a killed tool leaves half a line.
            let Ok(raw) = serde_json::from_str::<Raw>(line) else {
                log.skipped += u64::from(!line.is_empty());
                return Ok(());
            };
            let timestamp = raw.timestamp.max(log.lines.last().map_or(0, |last| last.timestamp));
            if let Some(what) = what(raw)? {
                log.lines.push(Line { timestamp, what });
            }
            Ok(())
        })?;
        Ok(log)
    }

    /// Adds what the client of a tool logged, whose lines begin with milliseconds since 1970. What it says at the time of
    /// a line of the tool comes after it.
    ///
    /// # Errors
    /// Of reading.
    pub fn hear(&mut self, input: impl BufRead) -> Result<(), String> {
        lines(input, |line| {
            let heard = client::heard(line);
            self.lines.extend(heard.map(|(timestamp, what)| Line { timestamp, what }));
            Ok(())
        })?;
        // Stable.
        self.lines.sort_by_key(|line| line.timestamp);
        self.is_heard = true;
        Ok(())
    }
}

/// The final read: what every partition held at the end.
#[derive(Clone, Debug, Default)]
pub struct Dump {
    partitions: BTreeMap<Place, Held>,
}

/// A partition at the end.
#[derive(Clone, Debug, Default)]
struct Held {
    values: BTreeMap<i64, Value>,
    start: Option<i64>,
    end: Option<i64>,
}

/// A record at the end.
#[derive(Clone, Debug)]
struct Value {
    value: String,
    /// Its CreateTime: milliseconds since 1970.
    timestamp: Option<u64>,
}

/// `{"partition":"payments-0","offset":0,"value":"…"}`, or its bounds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dumped {
    partition: String,
    offset: Option<i64>,
    value: Option<String>,
    timestamp: Option<u64>,
    start: Option<i64>,
    end: Option<i64>,
}

impl Dump {
    /// Reads a dump.
    ///
    /// # Errors
    /// The line that is none of a dump, and why.
    pub fn read(input: impl BufRead) -> Result<Self, String> {
        let mut dump = Self::default();
        lines(input, |line| {
            if line.is_empty() {
                return Ok(());
            }
            let one: Dumped = serde_json::from_str(line).map_err(|error| error.to_string())?;
            let parts = one.partition.rsplit_once('-');
            let place = parts.and_then(|(topic, number)| {
                Some(Place { topic: topic.to_owned(), partition: number.parse().ok()? })
            });
            let place = place.ok_or_else(|| format!("{:?} is not a partition", one.partition))?;
            let offsets = [one.offset, one.start, one.end];
            if let Some(bad) = offsets.into_iter().flatten().find(|at| !(0..1 << 53).contains(at)) {
                return Err(format!("{bad} is not an offset"));
            }
            let held = dump.partitions.entry(place).or_default();
            held.start = one.start.or(held.start);
            held.end = one.end.or(held.end);
            if let Some(offset) = one.offset {
                let value =
                    Value { value: one.value.unwrap_or_default(), timestamp: one.timestamp };
                let again = held.values.insert(offset, value).is_some();
                return if again { Err(format!("offset {offset} again")) } else { Ok(()) };
            }
            Ok(())
        })?;
        Ok(dump)
    }
}
