//! Records that a file decides one by one, read from the tree: `"1.003412s key 17 size 120"`.
//!
//! It knows the form of a line and the order of lines; who sends them is the producer's.

use crate::durations::{duration, spell};
use crate::plan::PlannedRecord;
use crate::sink::{At, Sink};
use ackproof_types::Micros;
use std::sync::Arc;

/// The pattern of a record in the schema.
pub(crate) const RECORD: &str = r"^[0-9]+(\.[0-9]+)?(us|ms|s|m)( key [0-9]+)?( size [1-9][0-9]*)?$";
/// What a record of a list cannot have beside it.
pub(crate) const EXCLUDED: &[&str] = &["rate", "records", "keys", "size"];

/// Size in bytes of a record that does not say.
const SIZE: u32 = 100;
/// The largest record, in bytes, as for drawn ones.
const LARGEST: u32 = 100 * 1_048_576;

/// Reads `sends` of the producer `name`: a list for each of its instances, empty for those not named.
pub(crate) fn sends(
    sink: &mut Sink<'_>,
    producer: &At<'_>,
    at: &At<'_>,
    (name, instances): (&str, u16),
    (start, load): (Micros, Micros),
) -> Vec<Arc<[PlannedRecord]>> {
    for key in EXCLUDED {
        if let Some(other) = producer.get(key) {
            let message = format!("\"sends\" lists every record; it excludes \"{key}\"");
            sink.error(other.key_span, &other.path, message);
        }
    }
    let processes: Vec<String> =
        (0..instances).map(|instance| format!("{name}-{instance}")).collect();
    if !sink.is_object(at) {
        return Vec::new();
    }
    for (process, child) in at.children() {
        if !processes.iter().any(|known| known == process) {
            let known = processes.iter().map(String::as_str);
            let what = (format!("instance of {name}"), process);
            sink.unknown(child.key_span, &child.path, (&what.0, what.1), known);
        }
    }
    let list = |process: &String| {
        at.get(process).map_or_else(Vec::new, |list| records(sink, &list, start, load))
    };
    processes.iter().map(list).map(Arc::from).collect()
}

fn records(sink: &mut Sink<'_>, list: &At<'_>, start: Micros, load: Micros) -> Vec<PlannedRecord> {
    let mut records: Vec<PlannedRecord> = Vec::new();
    let items = sink.list(list);
    records.reserve(items.len());
    for item in &items {
        let Some(text) = sink.string(item) else { continue };
        match parse(text) {
            Ok(record) => {
                if record.at < start {
                    sink.at(item, format!("the producer starts at {start}, after this"));
                } else if records.last().is_some_and(|last| last.at > record.at) {
                    sink.at(item, "this is sent before the record above it: sort them by time");
                } else if record.at > load {
                    sink.at(item, format!("the load ends at {load}; no record is sent later"));
                }
                records.push(record);
            }
            Err(message) => sink.at(item, message),
        }
    }
    records
}

fn parse(text: &str) -> Result<PlannedRecord, String> {
    let form =
        || format!("\"{text}\" is not a record; write \"1.5s\", or \"1.5s key 17 size 120\"");
    let mut words = text.split(' ');
    let at = duration(words.next().unwrap_or_default()).map_err(|_| form())?;
    let mut rest: Vec<&str> = words.collect();
    let mut take = |name: &str| {
        let [first, value, ..] = rest.as_slice() else { return Ok::<_, String>(None) };
        if *first != name {
            return Ok(None);
        }
        let plain = value.bytes().all(|byte| byte.is_ascii_digit());
        let number = value.parse::<u32>().ok().filter(|_| plain).ok_or_else(form)?;
        rest.drain(..2);
        Ok(Some(number))
    };
    let (key, size) = (take("key")?, take("size")?.unwrap_or(SIZE));
    if !rest.is_empty() {
        return Err(form());
    }
    if !(1..=LARGEST).contains(&size) {
        return Err(format!("{size} bytes: a record has from 1 to {LARGEST}"));
    }
    Ok(PlannedRecord { at, key, size })
}

/// A record as a line of the list.
pub(crate) fn line(record: &PlannedRecord) -> String {
    let mut text = spell(record.at);
    if let Some(key) = record.key {
        text.push_str(&format!(" key {key}"));
    }
    if record.size != SIZE {
        text.push_str(&format!(" size {}", record.size));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_is_written() {
        for (at, key, size) in [(1_003_412, Some(17), 120), (0, None, 100), (70, Some(0), 1)] {
            let record = PlannedRecord { at: Micros(at), key, size };
            assert_eq!(parse(&line(&record)), Ok(record), "{}", line(&record));
        }
        assert_eq!(line(&parse("1003412us key 17 size 120").unwrap()), "1.003412s key 17 size 120");
        for wrong in ["", "1s ", "1s key", "1s size 5 key 7", "1s key +7", "1s 7", "key 7"] {
            assert!(parse(wrong).unwrap_err().contains("is not a record"), "{wrong:?}");
        }
        assert!(parse("1s size 0").is_err(), "an empty record");
    }
}
