//! The range assignor, run by the group's leader (R9.28; Kafka: `RangeAssignor`). It knows neither
//! generations nor what members own.

use ackproof_types::{MemberId, TopicId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Everyone's partitions, members and partitions ascending. Topics without partitions are left out.
pub(super) fn range(
    members: &[(MemberId, Arc<[TopicId]>)],
    partition_count: impl Fn(TopicId) -> u16,
) -> Vec<(MemberId, Arc<[TopicPartition]>)> {
    let mut shares: BTreeMap<MemberId, Vec<TopicPartition>> =
        members.iter().map(|(member, _)| (*member, Vec::new())).collect();
    let topics: BTreeSet<TopicId> =
        members.iter().flat_map(|(_, topics)| topics.iter().copied()).collect();
    for topic in topics {
        let mut readers: Vec<MemberId> = members
            .iter()
            .filter(|(_, topics)| topics.contains(&topic))
            .map(|(member, _)| *member)
            .collect();
        readers.sort_unstable();
        let count = usize::from(partition_count(topic));
        let (each, extra) = (count / readers.len(), count % readers.len());
        let mut partitions = (0..partition_count(topic)).map(|p| TopicPartition::new(topic, p));
        for (index, reader) in readers.iter().enumerate() {
            let share = each + usize::from(index < extra);
            if let Some(owned) = shares.get_mut(reader) {
                owned.extend(partitions.by_ref().take(share));
            }
        }
    }
    shares.into_iter().map(|(member, partitions)| (member, partitions.into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assign(members: &[(u64, &[u16])], count: u16) -> Vec<Vec<(u16, u16)>> {
        let members: Vec<_> = members
            .iter()
            .map(|(id, topics)| (MemberId(*id), topics.iter().map(|t| TopicId(*t)).collect()))
            .collect();
        range(&members, |_| count)
            .iter()
            .map(|(_, owned)| owned.iter().map(|p| (p.topic.0, p.partition)).collect())
            .collect()
    }

    #[test]
    fn the_first_members_get_one_more() {
        let shares = assign(&[(1, &[1]), (2, &[1]), (3, &[1])], 7);
        let counts: Vec<usize> = shares.iter().map(Vec::len).collect();
        assert_eq!(counts, [3, 2, 2]);
        assert_eq!(shares[1], [(1, 3), (1, 4)]);
    }

    #[test]
    fn a_topic_goes_to_its_subscribers_alone() {
        let shares = assign(&[(1, &[1, 2]), (2, &[2])], 2);
        assert_eq!(shares, [vec![(1, 0), (1, 1), (2, 0)], vec![(2, 1)]]);
    }

    #[test]
    fn more_members_than_partitions_leave_some_without() {
        assert_eq!(assign(&[(1, &[1]), (2, &[1])], 1), [vec![(1, 0)], vec![]]);
    }
}
