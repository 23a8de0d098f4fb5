//! What every group has committed when all is over: asked of the cluster like a member that starts then, and put
//! on record as what such a member is told. It judges nothing.

use crate::cast::Role;
use crate::stage::{Stage, wait_for};
use ackproof_oracle::history::{Event, PositionSource};
use ackproof_types::{GenerationId, GroupId, MemberId, Offset, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long a group's coordinator may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Committed offsets by partition.
type Committed = BTreeMap<String, u64>;

/// Looks all groups up.
pub(crate) fn look_up(stage: &mut Stage<'_>) -> Result<(), String> {
    let plan = stage.plan;
    let observer = stage.cast.hosts(|role| role == Role::Observer);
    let node =
        observer.first().map_or_else(|| stage.context.controller(), |host| stage.node(*host));
    for (id, group) in (0..).map(GroupId).zip(&plan.groups) {
        let named: Vec<(TopicPartition, String)> = group
            .topics
            .iter()
            .flat_map(|topic| (0..plan.topics[topic.index()].partitions).map(|n| (*topic, n)))
            .map(|(topic, number)| {
                let name = format!("{}-{number}", plan.topics[topic.index()].name);
                (TopicPartition::new(topic, number), name)
            })
            .collect();
        let member = MemberId(u64::from(node.0));
        let partitions: Arc<[TopicPartition]> = named.iter().map(|(place, _)| *place).collect();
        let generation = GenerationId::UNKNOWN;
        // What is acknowledged before this must be in the answer.
        stage.journal.put(node, Event::Assigned { group: id, member, generation, partitions });
        let mut committed = Committed::new();
        wait_for("a group's committed offsets", PATIENCE, || {
            committed = stage.observer.learn(&format!("group {}", group.name), "committed")?;
            Ok(true)
        })?;
        positions(id, &named, &committed).for_each(|event| stage.journal.put(node, event));
    }
    Ok(())
}

/// What is known of each of the `named` partitions from the answer.
fn positions(
    group: GroupId,
    named: &[(TopicPartition, String)],
    committed: &Committed,
) -> impl Iterator<Item = Event> {
    named.iter().map(move |(partition, name)| {
        let (offset, source) = match committed.get(name) {
            Some(offset) => (*offset, PositionSource::Committed),
            None => (0, PositionSource::NoCommitEarliest),
        };
        Event::Positioned {
            group,
            partition: *partition,
            offset: Offset(offset.cast_signed()),
            source,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ackproof_types::TopicId;

    #[test]
    fn a_partition_without_a_commit_is_told_as_well() {
        let place = |number| TopicPartition::new(TopicId(1), number);
        let named = [(place(0), "payments-0".to_owned()), (place(1), "payments-1".to_owned())];
        let answer: Committed = serde_json::from_str(r#"{"payments-1":7,"other-0":3}"#).unwrap();
        let told: Vec<Event> = positions(GroupId(0), &named, &answer).collect();
        let expected = |number, offset, source| Event::Positioned {
            group: GroupId(0),
            partition: place(number),
            offset: Offset(offset),
            source,
        };
        let none = expected(0, 0, PositionSource::NoCommitEarliest);
        assert_eq!(told, [none, expected(1, 7, PositionSource::Committed)]);
    }
}
