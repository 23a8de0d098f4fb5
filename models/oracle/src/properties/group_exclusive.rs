//! `group-exclusive`: no partition is owned by two live members of one generation.
//!
//! Source: bug corpus §10.2 NoDoubleOwner. An owner of an older generation that has not heard of its
//! end is legal: fencing of commits covers it. It does *not* say that every partition has an owner.
//! Broken on purpose by an assignor that gives a partition twice.

use crate::context::Context;
use crate::history::{Entry, Event};
use crate::kind::Kind;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{GenerationId, GroupId, MemberId, NodeId, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] = &[Kind::Assigned, Kind::Revoked, Kind::Lost, Kind::ProcessEnded];

#[derive(Clone, Copy, Debug)]
struct Owner {
    member: MemberId,
    generation: GenerationId,
    node: NodeId,
}

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    owners: BTreeMap<(GroupId, TopicPartition), Vec<Owner>>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self { report: Report::new(name), context: Arc::clone(context), owners: BTreeMap::new() }
    }

    fn assign(&mut self, entry: &Entry, group: GroupId, place: TopicPartition, new: Owner) {
        self.report.judged(1);
        let owners = self.owners.entry((group, place)).or_default();
        owners.retain(|owner| owner.member != new.member);
        let other = owners.iter().find(|owner| owner.generation == new.generation).copied();
        owners.push(new);
        let Some(other) = other else { return };
        let context = &self.context;
        self.report.violated(entry, || {
            let (first, second) = (context.node(other.node), context.node(new.node));
            let (group, place) = (context.group(group), context.partition(place));
            let summary = format!(
                "{first} and {second} both own {place} in generation {} of {group}",
                new.generation
            );
            (summary, Vec::new())
        });
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Assigned { group, member, generation, partitions } => {
                let (member, generation) = (*member, *generation);
                let owner = Owner { member, generation, node: entry.node };
                for partition in partitions.iter() {
                    self.assign(entry, *group, *partition, owner);
                }
            }
            Event::Revoked { group, member, partitions }
            | Event::Lost { group, member, partitions } => {
                for partition in partitions.iter() {
                    let owners = self.owners.entry((*group, *partition)).or_default();
                    owners.retain(|owner| owner.member != *member);
                }
            }
            Event::ProcessEnded(_) => {
                for owners in self.owners.values_mut() {
                    owners.retain(|owner| owner.node != entry.node);
                }
            }
            _ => {}
        }
    }

    fn conclude(self: Box<Self>) -> PropertyResult {
        self.report.finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{Event, ProcessEnd};
    use crate::test_history::*;
    use crate::verdict::Judgement;
    use ackproof_types::{GenerationId, MemberId};

    const NAME: &str = "group-exclusive";

    fn assigned(node: u16, generation: i32) -> (u16, Event) {
        let (member, generation) = (MemberId(u64::from(node)), GenerationId(generation));
        (node, Event::Assigned { group: G, member, generation, partitions: [P].into() })
    }

    #[test]
    fn two_owners_of_one_generation_violate() {
        let result = judge(NAME, vec![assigned(5, 1), assigned(6, 1)]);
        assert_eq!(result.judgement, Judgement::Violated);
    }

    #[test]
    fn owners_after_each_other_or_of_other_generations_hold() {
        let ended = (5, Event::ProcessEnded(ProcessEnd::Crash));
        let result = judge(NAME, vec![assigned(5, 1), ended, assigned(6, 1), assigned(5, 2)]);
        assert_eq!(result.judgement, Judgement::Held);
    }

    #[test]
    fn without_an_assignment_nothing_is_judged() {
        assert_eq!(judge(NAME, vec![sent(0)]).judgement, Judgement::Vacuous);
    }
}
