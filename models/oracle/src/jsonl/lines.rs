//! Every event as it is written and read: a struct each, from which text, reader and schema follow. They
//! hold names; what the names stand for is found in `event.rs` and `write.rs`.

use super::text::{Code, Epoch, Generation, MaybePosition, Offsets, Position, Reason, Text};
use crate::history::{Phase, PositionSource, ProcessEnd};
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::Value;

macro_rules! lines {
    ($(
        $(#[$doc:meta])*
        $tag:literal $name:ident { $( $(#[$meta:meta])* $field:ident: $type:ty, )* }
    )*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
            #[serde(deny_unknown_fields)]
            pub(crate) struct $name<'a> {
                /// Its place in the order, rising; left out: that of the line.
                #[serde(default)]
                pub(crate) seq: Option<u64>,
                /// Microseconds since any origin, never falling.
                pub(crate) at_us: u64,
                /// The process it happened at.
                #[serde(borrow, default)]
                pub(crate) node: Option<Text<'a>>,
                /// The kind of event.
                #[serde(borrow)]
                #[schemars(extend("const" = $tag))]
                pub(crate) event: Text<'a>,
                $( $(#[$meta])* pub(crate) $field: $type, )*
            }
        )*

        /// A line that is not the header.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(untagged)]
        pub(crate) enum Line<'a> { $(
            $(#[$doc])*
            $name($name<'a>),
        )* }

        /// Names of events.
        pub(crate) const TAGS: &[&str] = &[$($tag),*];

        $(
            impl $name<'_> {
                pub(crate) const TAG: &'static str = $tag;
            }
        )*

        impl<'a> Line<'a> {
            /// The line `text`, which says that its event is `tag`; none: there is no such event.
            pub(crate) fn parse(tag: &str, text: &'a str) -> Option<serde_json::Result<Self>> {
                Some(match tag {
                    $( $tag => serde_json::from_str(text).map(Self::$name), )*
                    _ => return None,
                })
            }

            /// `seq`, `at_us` and `node`.
            pub(crate) fn head(&self) -> (Option<u64>, u64, Option<&Text<'a>>) {
                match self { $( Self::$name(one) => (one.seq, one.at_us, one.node.as_ref()), )* }
            }

            /// The JSON Schema of each.
            pub(crate) fn schemas(generator: &mut SchemaGenerator) -> Vec<Value> {
                vec![$( $name::json_schema(generator).to_value() ),*]
            }
        }
    };
}

lines! {
    /// A part of the run began.
    "phase" PhaseLine {
        /// `load`: work, and faults; `settle`: all faults are over, and the clients get the time to
        /// finish; `final_read`: every log is read from its start; `end`: the history is complete.
        phase: Phase,
    }
    /// A fault took effect.
    "fault_started" FaultStarted {
        /// Its number.
        fault: u32,
        /// The process it hit.
        #[serde(borrow, default)]
        target: Option<Text<'a>>,
        /// What it does, in words.
        #[serde(borrow)]
        text: Text<'a>,
    }
    /// A fault ended.
    "fault_ended" FaultEnded {
        /// Its number.
        fault: u32,
    }
    /// The process started.
    "process_started" ProcessStarted {}
    /// The process ended.
    "process_ended" ProcessEnded {
        /// Killed, or by itself in good order.
        how: ProcessEnd,
    }
    /// The application called `send`, which waits for metadata or memory; `sent` or `rejected` follows.
    "send_blocked" SendBlocked {
        /// The record.
        #[serde(borrow)]
        record: Text<'a>,
    }
    /// The application called `send`.
    "sent" Sent {
        /// The record: `billing-0#117`.
        #[serde(borrow)]
        record: Text<'a>,
        /// Where to: `payments-0`.
        #[serde(borrow, default)]
        partition: Option<Text<'a>>,
        /// Its key, as a number.
        #[serde(default)]
        key: Option<u32>,
        /// Its size in bytes.
        #[serde(default)]
        size: u32,
    }
    /// `send` failed at once: certainly not written.
    "rejected" Rejected {
        /// The record.
        #[serde(borrow)]
        record: Text<'a>,
        /// Why.
        error: Code,
    }
    /// Records were acknowledged.
    "acked" Acked {
        /// The partition.
        #[serde(borrow)]
        partition: Text<'a>,
        /// Offset of the first record; −1 with `acks=0`.
        base_offset: MaybePosition,
        /// The broker that answered, by its number.
        #[serde(default)]
        by: Option<u16>,
        /// The records, at consecutive offsets.
        #[serde(borrow)]
        records: Vec<Text<'a>>,
    }
    /// Sends of records failed.
    "failed" Failed {
        /// The partition.
        #[serde(borrow, default)]
        partition: Option<Text<'a>>,
        /// The records.
        #[serde(borrow)]
        records: Vec<Text<'a>>,
        /// The last error.
        error: Code,
        /// Some attempt may have been written: true unless it is certain that none was.
        maybe_written: bool,
    }
    /// A batch is sent again.
    "retried" Retried {
        /// The partition.
        #[serde(borrow)]
        partition: Text<'a>,
        /// Its first record.
        #[serde(borrow)]
        first: Text<'a>,
        /// Why.
        error: Code,
    }
    /// An idempotent producer raised its epoch by itself, or may have.
    "producer_epoch_bumped" ProducerEpochBumped {
        /// The partition that asked for it.
        #[serde(borrow)]
        partition: Text<'a>,
    }
    /// A member got partitions.
    "assigned" Assigned {
        /// The group.
        #[serde(borrow)]
        group: Text<'a>,
        /// The member, as a number.
        #[serde(default)]
        member: Option<u64>,
        /// The generation; left out: not known.
        #[serde(default)]
        generation: Option<Generation>,
        /// All partitions that it has now, ascending.
        #[serde(borrow)]
        partitions: Vec<Text<'a>>,
    }
    /// A member gave partitions back in good order.
    "revoked" Revoked {
        /// The group.
        #[serde(borrow)]
        group: Text<'a>,
        /// The member, as a number.
        #[serde(default)]
        member: Option<u64>,
        /// The partitions, ascending.
        #[serde(borrow)]
        partitions: Vec<Text<'a>>,
    }
    /// A member learned that partitions were taken from it.
    "lost" Lost {
        /// The group.
        #[serde(borrow)]
        group: Text<'a>,
        /// The member, as a number.
        #[serde(default)]
        member: Option<u64>,
        /// The partitions, ascending.
        #[serde(borrow)]
        partitions: Vec<Text<'a>>,
    }
    /// A member found its position.
    "positioned" Positioned {
        /// The group.
        #[serde(borrow)]
        group: Text<'a>,
        /// The partition.
        #[serde(borrow)]
        partition: Text<'a>,
        /// The next offset it reads.
        offset: Position,
        /// How.
        source: PositionSource,
    }
    /// `poll` returned records of one partition.
    "polled" Polled {
        /// The group.
        #[serde(borrow)]
        group: Text<'a>,
        /// The partition.
        #[serde(borrow)]
        partition: Text<'a>,
        /// Offset of the first.
        base_offset: Position,
        /// The records, at consecutive offsets.
        #[serde(borrow)]
        records: Vec<Text<'a>>,
    }
    /// The application finished a record.
    "processed" Processed {
        /// The group.
        #[serde(borrow)]
        group: Text<'a>,
        /// The partition.
        #[serde(borrow)]
        partition: Text<'a>,
        /// Its offset.
        offset: Position,
        /// The record.
        #[serde(borrow)]
        record: Text<'a>,
        /// It was put aside after too many failures.
        #[serde(default)]
        dead_lettered: bool,
    }
    /// A commit was sent.
    "commit_sent" CommitSent {
        /// The group.
        #[serde(borrow)]
        group: Text<'a>,
        /// The next offset to read, by partition.
        #[serde(borrow)]
        offsets: Offsets<'a>,
    }
    /// A commit was acknowledged.
    "committed" Committed {
        /// The group.
        #[serde(borrow)]
        group: Text<'a>,
        /// The next offset to read, by partition.
        #[serde(borrow)]
        offsets: Offsets<'a>,
    }
    /// A commit failed.
    "commit_failed" CommitFailed {
        /// The group.
        #[serde(borrow)]
        group: Text<'a>,
        /// The next offset to read, by partition.
        #[serde(borrow)]
        offsets: Offsets<'a>,
        /// Why.
        error: Code,
        /// It may have taken effect: true unless it is certain that it did not.
        maybe_written: bool,
    }
    /// A replica appended a batch.
    "appended" Appended {
        /// The partition.
        #[serde(borrow)]
        partition: Text<'a>,
        /// The epoch on the batch.
        epoch: Epoch,
        /// Offset of the first record.
        base_offset: Position,
        /// One past the last.
        next_offset: Position,
        /// The application's records; none in a coordinator's batch.
        #[serde(borrow)]
        records: Vec<Text<'a>>,
        /// As leader, else as follower.
        as_leader: bool,
    }
    /// A replica cut its log.
    "truncated" Truncated {
        /// The partition.
        #[serde(borrow)]
        partition: Text<'a>,
        /// Log end before.
        from: Position,
        /// Log end after.
        to: Position,
    }
    /// A leader's high watermark rose.
    "high_watermark" HighWatermark {
        /// The partition.
        #[serde(borrow)]
        partition: Text<'a>,
        /// The leadership.
        epoch: Epoch,
        /// Exclusive.
        offset: Position,
    }
    /// A broker took the lead.
    "became_leader" BecameLeader {
        /// The partition.
        #[serde(borrow)]
        partition: Text<'a>,
        /// The leadership.
        epoch: Epoch,
        /// Its log end.
        log_end: Position,
        /// Its high watermark.
        high_watermark: Position,
    }
    /// A broker began to follow.
    "became_follower" BecameFollower {
        /// The partition.
        #[serde(borrow)]
        partition: Text<'a>,
        /// The leadership.
        epoch: Epoch,
        /// Whom, by its number; null: there is no leader.
        leader: Option<u16>,
    }
    /// A leader refused a batch: too few in-sync replicas.
    "not_enough_replicas" NotEnoughReplicas {
        /// The partition.
        #[serde(borrow)]
        partition: Text<'a>,
        /// In sync.
        isr: u16,
    }
    /// A leader recognised a batch that it has.
    "duplicate_batch" DuplicateBatch {
        /// The partition.
        #[serde(borrow)]
        partition: Text<'a>,
        /// Where it is.
        base_offset: Position,
    }
    /// A broker serves as coordinator of a partition of `__consumer_offsets`.
    "coordinator_loaded" CoordinatorLoaded {
        /// The partition.
        #[serde(borrow)]
        partition: Text<'a>,
    }
    /// A join phase ended.
    "rebalanced" Rebalanced {
        /// The group.
        #[serde(borrow)]
        group: Text<'a>,
        /// The new generation.
        generation: Generation,
        /// Number of members.
        members: u16,
        /// What began it; left out: not on record.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
    }
    /// A broker opened its ports.
    "broker_started" BrokerStarted {}
    /// The controller chose a leader.
    "leader_elected" LeaderElected {
        /// The partition.
        #[serde(borrow)]
        partition: Text<'a>,
        /// By its number; null: offline.
        leader: Option<u16>,
        /// The leadership.
        epoch: Epoch,
        /// Numbers of brokers, ascending.
        isr: Vec<u16>,
        /// From outside the in-sync set.
        unclean: bool,
    }
    /// The controller changed an in-sync set and kept the leader.
    "isr_changed" IsrChanged {
        /// The partition.
        #[serde(borrow)]
        partition: Text<'a>,
        /// Numbers of brokers, ascending.
        before: Vec<u16>,
        /// Numbers of brokers, ascending.
        isr: Vec<u16>,
    }
    /// The controller fenced a broker.
    "fenced" Fenced {
        /// Its number.
        broker: u16,
    }
    /// The controller let a broker serve.
    "unfenced" Unfenced {
        /// Its number.
        broker: u16,
    }
    /// The final read of a partition returned records.
    "final_read" FinalRead {
        /// The partition.
        #[serde(borrow)]
        partition: Text<'a>,
        /// Offset of the first.
        base_offset: Position,
        /// The records, at consecutive offsets.
        #[serde(borrow)]
        records: Vec<Text<'a>>,
    }
    /// The final read of a partition is complete.
    "final_read_done" FinalReadDone {
        /// The partition.
        #[serde(borrow)]
        partition: Text<'a>,
        /// Where the log starts.
        start: Position,
        /// One past the last offset that can be read.
        end: Position,
    }
    /// The final read of a partition is answered by this leadership from here on.
    "final_read_by" FinalReadBy {
        /// The partition.
        #[serde(borrow)]
        partition: Text<'a>,
        /// Who answers, by its number.
        broker: u16,
        /// The epoch under which it was asked.
        epoch: Epoch,
    }
}
