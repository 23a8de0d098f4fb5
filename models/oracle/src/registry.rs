//! The list of properties: their names, what they say, which events they need. It judges nothing.

use crate::context::Context;
use crate::kind::Kind;
use crate::properties::{
    acked_durability, at_least_once, commit_behind_processing, commit_durability, end_to_end,
    group_exclusive, high_watermark, idempotent_log, leader_in_isr, log_matching,
    min_insync_replicas, no_phantom, one_leader_per_epoch, producer_order, recovers, sink_effect,
    stable_reads,
};
use crate::verdict::Property;
use std::sync::Arc;

/// What a user is told of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PropertyInfo {
    /// Its stable kebab-case name.
    pub name: &'static str,
    /// When it holds, in one sentence.
    pub about: &'static str,
}

/// How a property is made.
type Make = fn(&Arc<Context>) -> Box<dyn Property>;

macro_rules! properties {
    ($($module:ident, $name:literal, [$($need:ident),*], $about:literal;)*) => {
        /// Every property, in the order of [`crate::verdict::Findings::properties`].
        pub const PROPERTIES: &[PropertyInfo] =
            &[$(PropertyInfo { name: $name, about: $about }),*];

        /// What each judges nothing without, in the same order.
        pub(crate) const NEEDS: &[&[Kind]] = &[$(&[$(Kind::$need),*]),*];

        const MAKERS: &[(&[Kind], Make)] = &[$(
            ($module::EVENTS, |context| Box::new($module::Checker::new($name, context))),
        )*];
    };
}

properties! {
    acked_durability, "acked-durability", [Acked, FinalReadDone],
        "every acknowledged record is in the log at the end, at the acknowledged offset";
    at_least_once, "at-least-once", [Acked, Processed, FinalRead],
        "every acknowledged record was processed by every subscribed group by the end";
    commit_behind_processing, "commit-behind-processing", [Polled, Processed, Committed],
        "no committed offset passes a record that its group has polled and not processed";
    no_phantom, "no-phantom", [Polled, FinalRead],
        "no read returns a record that nobody sent, that certainly failed, or that is above the high watermark";
    stable_reads, "stable-reads", [Polled, FinalRead],
        "an offset once read never later holds another record";
    log_matching, "log-matching", [Appended, HighWatermark],
        "every in-sync replica has every record that a leader exposed as committed, and no replica that counts has another in its place";
    min_insync_replicas, "min-insync-replicas", [HighWatermark],
        "every record that a leader exposes or acks=all acknowledges is on min.insync.replicas replicas at least";
    high_watermark, "high-watermark", [HighWatermark],
        "a high watermark never falls within one leadership and never passes the log end";
    one_leader_per_epoch, "one-leader-per-epoch", [LeaderElected, BecameLeader],
        "a leader epoch of a partition belongs to one broker";
    leader_in_isr, "leader-in-isr", [LeaderElected],
        "the leader of a partition is a member of its in-sync set";
    commit_durability, "commit-durability", [Assigned, Committed, Positioned],
        "a group resumes from the acknowledged commit that took effect last, or from a later one";
    idempotent_log, "idempotent-log", [FinalRead],
        "a record that an idempotent producer was given once is in the log at most once";
    producer_order, "producer-order", [Acked, FinalRead],
        "each log has the acknowledged records of an ordered producer in the order in which they were sent";
    group_exclusive, "group-exclusive", [Assigned],
        "no partition is owned by two live members of one generation";
    sink_effect, "sink-effect", [SinkWritten, FinalRead],
        "every record that a group processed took effect in its sink once, or its row holds the latest value";
    end_to_end, "end-to-end", [Derived, FinalRead],
        "of every acknowledged record that a group processed and committed, what the group made of it is in a log at the end";
    recovers, "recovers", [Phase],
        "after all faults are healed, every partition has a leader and a full in-sync set, every send has an outcome, and no group lags";
}

/// All properties, in the order of [`PROPERTIES`].
#[must_use]
pub fn properties(context: &Context) -> Vec<Box<dyn Property>> {
    routed(&Arc::new(context.clone())).into_iter().map(|(_, property)| property).collect()
}

/// All properties with the kinds of events that each needs; others leave it unchanged.
pub(crate) fn routed(context: &Arc<Context>) -> Vec<(&'static [Kind], Box<dyn Property>)> {
    MAKERS.iter().map(|(events, make)| (*events, make(context))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Judgement;

    #[test]
    fn properties_come_in_the_order_of_their_list_and_judge_nothing_in_nothing() {
        let properties = properties(&crate::test_history::context());
        assert_eq!(properties.len(), PROPERTIES.len());
        for (property, info) in properties.into_iter().zip(PROPERTIES) {
            assert_eq!(property.name(), info.name);
            assert_eq!(property.conclude().judgement, Judgement::Vacuous, "{}", info.name);
        }
    }
}
