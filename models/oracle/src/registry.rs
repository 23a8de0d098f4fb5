//! The list of properties: their names, what they say, which events they need. It judges nothing.

use crate::context::Context;
use crate::kind::Kind;
use crate::properties::{
    acked_durability, at_least_once, commit_behind_processing, commit_durability, end_to_end,
    group_exclusive, high_watermark, idempotent_log, leader_in_isr, log_matching,
    metadata_agreement, min_insync_replicas, no_phantom, one_leader_per_epoch, producer_order,
    recovers, sink_effect, stable_reads,
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
    /// The rule of Kafka that it rests on.
    pub rule: &'static str,
    /// What it does not say.
    pub silent: &'static str,
    /// What makes it hold.
    pub cure: &'static str,
}

/// How a property is made.
type Make = fn(&Arc<Context>) -> Box<dyn Property>;

macro_rules! properties {
    ($($module:ident, $name:literal, [$($need:ident),*],
       $about:literal, $rule:literal, $silent:literal, $cure:literal;)*) => {
        /// Every property, in the order of [`crate::verdict::Findings::properties`].
        pub const PROPERTIES: &[PropertyInfo] =
            &[$(PropertyInfo {
                name: $name, about: $about, rule: $rule, silent: $silent, cure: $cure,
            }),*];

        /// What each judges nothing without, in the same order.
        pub(crate) const NEEDS: &[&[Kind]] = &[$(&[$(Kind::$need),*]),*];

        const MAKERS: &[(&[Kind], Make)] = &[$(
            ($module::EVENTS, |context| Box::new($module::Checker::new($name, context))),
        )*];
    };
}

properties! {
    acked_durability, "acked-durability", [Acked, FinalReadDone],
        "every acknowledged record is in the log at the end, at the acknowledged offset",
        "a record that is acknowledged with `acks=all` is on every replica that is in sync, and only a \
         replica that has it may lead. It stays as long as one of them does (KIP-101, KIP-279)",
        "it says nothing of `acks=0`, of records that retention has deleted, or of delivery to groups",
        "`acks=all`, `min.insync.replicas=2` with three replicas, and \
         `unclean.leader.election.enable=false`";
    at_least_once, "at-least-once", [Acked, Processed, FinalRead],
        "every acknowledged record was processed by every subscribed group by the end",
        "a group goes on at its committed offset. A record is processed at least once if the group \
         commits it after its work is done, and if it begins at a place that leaves nothing out",
        "it says nothing of records that the log has lost (`acked-durability`), nor of how often a \
         record was processed",
        "commit after processing, and `auto.offset.reset=earliest` for groups that must see everything";
    commit_behind_processing, "commit-behind-processing", [Polled, Processed, Committed],
        "no committed offset passes a record that its group has polled and not processed",
        "a committed offset is the next one that the group reads. Whoever takes over begins there, and \
         asks nobody what was done below it",
        "it says nothing of records that nobody was given: `at-least-once` does",
        "commit what is done, not what was polled; with worker threads, commit up to the first record \
         that is still in hand";
    no_phantom, "no-phantom", [Polled, FinalRead],
        "no read returns a record that nobody sent, that certainly failed, or that is above the high \
         watermark",
        "a consumer is given records below the high watermark only. Some errors say that nothing is \
         written; others leave it open, as TimeoutException and NOT_ENOUGH_REPLICAS_AFTER_APPEND do: \
         such a record may be in the log",
        "it counts a send whose error leaves it open as unknown, not as failed. It does not say that \
         what was read stays: `stable-reads` does",
        "no setting breaks it; only a bug does";
    stable_reads, "stable-reads", [Polled, FinalRead],
        "an offset once read never later holds another record",
        "what lies below the high watermark is on every replica in sync, so the next leader has it at \
         the same offset (KIP-101, KIP-279)",
        "it does not say that a record stays readable",
        "`unclean.leader.election.enable=false`, and `min.insync.replicas=2` with three replicas: a \
         replica that is alone may lose in a power failure what was read from it";
    log_matching, "log-matching", [Appended, HighWatermark],
        "every in-sync replica has every record that a leader exposed as committed, and no replica that \
         counts has another in its place",
        "a follower finds the place where its log parts from the leader's by the epochs of the leaders, \
         cuts its own log there, and then follows (KIP-101, KIP-279)",
        "it says nothing of the tail of a deposed leader, which nobody may read",
        "no setting breaks it; only a bug does";
    min_insync_replicas, "min-insync-replicas", [HighWatermark],
        "every record that a leader exposes or acks=all acknowledges is on min.insync.replicas replicas \
         at least",
        "with `acks=all` a leader takes a record only if `min.insync.replicas` replicas are in sync, \
         and answers when all of them have it. If the set shrinks meanwhile, it answers \
         NOT_ENOUGH_REPLICAS_AFTER_APPEND, and keeps the record. Its high watermark does not rise below \
         that number (KIP-966)",
        "it does not ask whom a leader believes to be in sync, but whose logs reach as far",
        "no setting breaks it; only a bug does";
    high_watermark, "high-watermark", [HighWatermark],
        "a high watermark never falls within one leadership and never passes the log end, no log begins \
         above it, and no replica in sync cuts its log below it",
        "a leader's high watermark is the lowest log end of the replicas in sync. It only rises while \
         that leader leads. Retention deletes only what lies below it. Any replica in sync may lead next, \
         so each keeps what lies below it",
        "a new leader may begin with a lower one: it learns the newest from its followers",
        "no setting breaks it; only a bug does";
    one_leader_per_epoch, "one-leader-per-epoch", [LeaderElected, BecameLeader],
        "a leader epoch of a partition belongs to one broker",
        "the controller raises the epoch of a partition each time that it chooses a leader. By that \
         number brokers and clients tell an old leader from the new one",
        "two brokers may believe that they lead at the same time, in different epochs",
        "no setting breaks it; only a bug does";
    leader_in_isr, "leader-in-isr", [LeaderElected],
        "the leader of a partition is a member of its in-sync set",
        "the controller chooses a leader from the in-sync set. Any other election makes the new leader \
         the only member of that set: an unclean one, or, on new clusters since Kafka 4.1, one of an \
         eligible leader replica (KIP-966)",
        "it says nothing of what brokers believe: the controller's word counts",
        "no setting breaks it; only a bug does";
    commit_durability, "commit-durability", [Assigned, Committed, Positioned],
        "a group resumes from the acknowledged commit that took effect last, or from a later one",
        "a commit is a record in `__consumer_offsets`, written as with `acks=all`. The coordinator \
         answers once the replicas in sync have it, and a coordinator that takes over reads all of them",
        "it says nothing of a group that has no commit, or whose commit has expired",
        "`offsets.topic.replication.factor=3`, `min.insync.replicas=2` of the brokers, and \
         `unclean.leader.election.enable=false` for the whole cluster: `__consumer_offsets` obeys these \
         too";
    idempotent_log, "idempotent-log", [FinalRead],
        "a record that an idempotent producer was given once is in the log at most once",
        "a broker knows the last five batches of each idempotent producer by their sequence numbers, \
         and takes a retry of one for what it is (KIP-98)",
        "it says nothing of records that the application has sent twice, nor of those in flight while \
         the producer raised its epoch",
        "`enable.idempotence=true`, and `delivery.timeout.ms` well above `request.timeout.ms`";
    producer_order, "producer-order", [Acked, FinalRead],
        "each log has the acknowledged records of an ordered producer in the order in which they were \
         sent",
        "the batches of an idempotent producer are numbered, and a broker takes them in that order \
         only. Without idempotence, one request in flight has the same effect (KIP-98)",
        "it says nothing of the order between partitions, between producers, or of records that the \
         application sent again",
        "`enable.idempotence=true`, or `max.in.flight.requests.per.connection=1`";
    group_exclusive, "group-exclusive", [Assigned],
        "no partition is owned by two live members of one generation",
        "a coordinator gives a partition to one member of a group. With `group.protocol=consumer` it \
         waits until the last owner has released it (KIP-848)",
        "it does not say that every partition has an owner, nor that a member that lost a partition \
         knows of it at once. With `group.protocol=consumer` that may be before it takes the partition \
         over: two members work on it until it hears of that",
        "no setting breaks it; only a bug does";
    sink_effect, "sink-effect", [SinkWritten, FinalRead],
        "every record that a group processed took effect in its sink once, or its row holds the latest \
         value",
        "Kafka delivers at least once, so a record comes again after a crash or a rebalance. Only the \
         place of the result can tell that it was there before",
        "it says nothing of records that the group never processed (`at-least-once`), and a sink that \
         only appends promises nothing",
        "an effect that is written together with the record's number or its position, in one \
         transaction (`with-position`, `once-per-record`)";
    end_to_end, "end-to-end", [Derived, FinalRead],
        "of every acknowledged record that a group processed and committed, what the group made of it \
         is in a log at the end",
        "a producer tells the outcome of a send by its future or its callback; `flush` waits for \
         outcomes, not for success. A group that commits an input first has nothing to repeat the \
         output from",
        "it says nothing of inputs that the group never processed (`at-least-once`), nor of outputs \
         that are there twice",
        "`acks=all`, wait for the acknowledgement before the commit (`wait: before-commit`), and do not \
         go on after a failed send";
    metadata_agreement, "metadata-agreement", [MetadataApplied],
        "all brokers and controllers apply the same metadata log, and an epoch of the quorum has one \
         active controller",
        "the controllers agree on their log by Raft: a record counts once a majority has it on disk, and \
         only a controller that has all such records is elected (KIP-595, KIP-996)",
        "it says nothing of how far behind a process is, and judges nothing with one controller",
        "no setting breaks it; only a bug does";
    recovers, "recovers", [Phase],
        "after all faults are healed, every partition has a leader and a full in-sync set, every send \
         has an outcome, and no group lags",
        "once every broker and every link is back, the controller elects leaders, followers catch up \
         and return to the in-sync set, retries end with an answer, and groups rebalance and read on",
        "it says nothing of how long the time without service was: limits such as `longest_stall` do",
        "time (`run.settle`), three replicas, and as many members as the load needs";
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
