//! Who is to have what in the end (Kafka: `TargetAssignmentBuilder`; R9.31).

use super::change::Change;
use super::group::Group;
use crate::assignor::{GroupMember, ServerAssignor};
use crate::group::GroupTimer;
use crate::group::journal::Context;
use crate::message::ConsumerGroupRecord;
use crate::profile::Rule;
use ackproof_types::{MemberId, Micros, TopicPartition};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Group {
    /// A group that changed gets a new target in the same step, from 4.3 on at most once per
    /// `group.consumer.assignment.interval.ms`: until then the last one stands (R17.59).
    pub(super) fn update_target(&mut self, change: &mut Change, cx: &mut Context<'_>) {
        if self.epoch <= self.target_epoch || self.resting {
            return;
        }
        let members: Vec<GroupMember> = self
            .members
            .iter()
            .map(|(id, member)| GroupMember {
                id: *id,
                instance: member.instance,
                topics: Arc::clone(&member.topics),
                target: self.target.get(id).cloned().unwrap_or_default(),
            })
            .collect();
        let assignor = self.preferred_assignor(cx.settings.group_consumer_assignors);
        let mut shares = assignor.assign(&members, |topic| cx.partition_count(topic));
        let without = |id| !shares.iter().any(|(member, _)| *member == id);
        let empty: Vec<_> = members.iter().map(|it| it.id).filter(|id| without(*id)).collect();
        shares.extend(empty.into_iter().map(|id| (id, Arc::default())));
        for (id, share) in shares {
            if self.target.get(&id) != Some(&share) {
                change.put(self, ConsumerGroupRecord::Target(id, Some(share)));
            }
        }
        change.put(self, ConsumerGroupRecord::TargetEpoch(Some(self.epoch)));
        let interval = cx.settings.group_consumer_assignment_interval;
        if cx.config.profile.has(Rule::AssignmentInterval) && interval > Micros::ZERO {
            self.resting = true;
            cx.arm(GroupTimer::Assignment(cx.group), interval);
        }
    }

    /// The next change gets a new target at once.
    pub(in super::super) fn rested(&mut self) {
        self.resting = false;
    }

    /// What most of those want who want any; else the first of the broker. Of two that as many want, Kafka
    /// takes any; here the first.
    fn preferred_assignor(&self, available: &[ServerAssignor]) -> ServerAssignor {
        let wishes = |one: &ServerAssignor| {
            self.members.values().filter(|member| member.assignor == Some(*one)).count()
        };
        let wanted = ServerAssignor::ALL.iter().rev().filter(|one| wishes(one) > 0);
        let default = available.first().copied().unwrap_or(ServerAssignor::Uniform);
        wanted.max_by_key(|one| wishes(one)).copied().unwrap_or(default)
    }

    /// The target of a member, without topics that it no longer subscribes to where that is a rule (R17.59).
    pub(super) fn target_of(&self, id: MemberId, cx: &Context<'_>) -> BTreeSet<TopicPartition> {
        let all = self.target.get(&id).into_iter().flat_map(|target| target.iter().copied());
        if !cx.config.profile.has(Rule::AssignmentInterval) {
            return all.collect();
        }
        let topics = self.members.get(&id).map(|member| Arc::clone(&member.topics));
        let topics = topics.unwrap_or_default();
        all.filter(|partition| topics.contains(&partition.topic)).collect()
    }
}
