//! The range assignor of leaders and, with the same result, of coordinators (R9.28, R9.31; Kafka:
//! `RangeAssignor`, of both). It knows neither generations nor what members own.

use super::{PartitionCounts, Reader, Shares, partitions};

/// Topic by topic each reader gets a run of partitions, and the first ones get one more.
pub(super) fn assign(mut readers: Vec<Reader<'_>>, counts: &PartitionCounts) -> Shares {
    readers.sort_by(Reader::order);
    let mut shares: Shares = readers.iter().map(|reader| (reader.id, Vec::new())).collect();
    for (topic, count) in counts {
        let readers: Vec<&Reader<'_>> =
            readers.iter().filter(|reader| reader.topics.contains(topic)).collect();
        let (each, extra) =
            (usize::from(*count) / readers.len(), usize::from(*count) % readers.len());
        let mut partitions = partitions(*topic, *count);
        for (index, reader) in readers.iter().enumerate() {
            let share = each + usize::from(index < extra);
            if let Some(owned) = shares.get_mut(&reader.id) {
                owned.extend(partitions.by_ref().take(share));
            }
        }
    }
    shares
}
