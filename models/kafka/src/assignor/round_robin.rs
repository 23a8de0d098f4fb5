//! The round-robin assignor (R9.28; Kafka: `RoundRobinAssignor`). It knows neither generations nor what
//! members own.

use super::{PartitionCounts, Reader, Shares, all_partitions};

/// Deals out the partitions of all topics in turn. A partition skips members that do not subscribe to its
/// topic, and the next one goes on behind whoever got it.
pub(super) fn assign(mut readers: Vec<Reader<'_>>, counts: &PartitionCounts) -> Shares {
    readers.sort_by(Reader::order);
    let mut shares: Shares = readers.iter().map(|reader| (reader.id, Vec::new())).collect();
    let mut next = 0;
    for partition in all_partitions(counts) {
        let mut turn = (0..readers.len()).map(|step| (next + step) % readers.len());
        let takes = |index: &usize| readers[*index].topics.contains(&partition.topic);
        let Some(index) = turn.find(takes) else { continue };
        if let Some(owned) = shares.get_mut(&readers[index].id) {
            owned.push(partition);
        }
        next = (index + 1) % readers.len();
    }
    shares
}
