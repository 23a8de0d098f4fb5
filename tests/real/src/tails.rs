//! Where the logs of a broker end on its disk, by the headers of the batches in their newest segments. It reads files and
//! knows no faults.

use ackproof_scenario::plan::Plan;
use ackproof_types::{Offset, TopicId, TopicPartition};
use std::collections::BTreeMap;
use std::path::Path;

/// Bytes of a batch in front of those that its length counts.
const OVERHEAD: usize = 12;
/// What the length of a batch counts at least: its header.
const SHORTEST: usize = 49;
/// Where the last offset of a batch stands, relative to its first.
const DELTA: usize = 23;

/// The ends of all logs of the plan's topics in the folder `data`.
pub(crate) fn ends(data: &Path, plan: &Plan) -> Result<BTreeMap<TopicPartition, Offset>, String> {
    let mut ends = BTreeMap::new();
    for (id, topic) in (0..).map(TopicId).zip(&plan.topics) {
        for number in 0..topic.partitions {
            let folder = data.join(format!("{}-{number}", topic.name));
            if let Some(end) = end(&folder)? {
                ends.insert(TopicPartition::new(id, number), end);
            }
        }
    }
    Ok(ends)
}

/// Where the log in `folder` ends. None: there is none.
fn end(folder: &Path) -> Result<Option<Offset>, String> {
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    if !folder.is_dir() {
        return Ok(None);
    }
    let mut newest: Option<i64> = None;
    for entry in std::fs::read_dir(folder).map_err(told)? {
        let name = entry.map_err(told)?.file_name();
        let base = name.to_str().and_then(|name| name.strip_suffix(".log")?.parse().ok());
        newest = newest.max(base);
    }
    let Some(base) = newest else { return Ok(None) };
    let bytes = std::fs::read(folder.join(format!("{base:020}.log"))).map_err(told)?;
    Ok(Some(Offset(after(&bytes, base))))
}

/// The offset after the last whole batch of a segment that begins with `base`.
fn after(segment: &[u8], base: i64) -> i64 {
    let (mut at, mut next) = (0, base);
    while let Some(header) = segment.get(at..at + OVERHEAD + SHORTEST) {
        let number = |from: usize| {
            i32::from_be_bytes([header[from], header[from + 1], header[from + 2], header[from + 3]])
        };
        let length = usize::try_from(number(8)).unwrap_or(0);
        if length < SHORTEST || at + OVERHEAD + length > segment.len() {
            break;
        }
        let first = (i64::from(number(0)) << 32) | (i64::from(number(4)) & 0xffff_ffff);
        next = first + i64::from(number(DELTA)) + 1;
        at += OVERHEAD + length;
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A batch of `count` records from `first` on, with `more` bytes behind its header.
    fn batch(first: i64, count: i32, more: usize) -> Vec<u8> {
        let mut bytes = vec![0; OVERHEAD + SHORTEST + more];
        bytes[..8].copy_from_slice(&first.to_be_bytes());
        let length = i32::try_from(SHORTEST + more).unwrap();
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        bytes[DELTA..DELTA + 4].copy_from_slice(&(count - 1).to_be_bytes());
        bytes
    }

    #[test]
    fn a_segment_ends_behind_its_last_whole_batch() {
        assert_eq!(after(&[], 7), 7, "it is empty");
        let mut segment = [batch(7, 3, 20), batch(10, 1, 5)].concat();
        assert_eq!(after(&segment, 7), 11);
        segment.extend(&batch(11, 2, 9)[..30]);
        assert_eq!(after(&segment, 7), 11, "half of a batch is none");
        segment.truncate(OVERHEAD + SHORTEST + 20);
        segment.resize(4096, 0);
        assert_eq!(after(&segment, 7), 10, "neither are zeros");
    }

    #[test]
    fn a_log_ends_with_its_newest_segment() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(end(&folder.path().join("gone")), Ok(None));
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes);
        write("00000000000000000000.log", &batch(0, 50, 9)).unwrap();
        write("00000000000000000050.log", &batch(50, 2, 9)).unwrap();
        write("00000000000000000050.index", &[]).unwrap();
        assert_eq!(end(folder.path()), Ok(Some(Offset(52))));
    }
}
