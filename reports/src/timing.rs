//! How fast records of a run got through, and what stood in their way.

use crate::measure::{Latency, Stall, millis};
use ackproof_oracle::cause::StallCause;
use ackproof_oracle::context::Context;
use ackproof_oracle::load::{Load, Most};
use ackproof_oracle::pace::Pace;
use ackproof_types::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How fast records got through.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    /// From `send` to acknowledgement.
    pub acknowledgement: Latency,
    /// Partitions that producers waited for; absent: nothing on record waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writes: Option<Stall>,
    /// What stood in the way of the longest stall of writes; absent: there was none, or it is not on record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writes_because: Option<StallReport>,
    /// From a hit of a partition's leader to the election of another; absent: no election is on record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failover: Option<Latency>,
    /// Each group, in the order of the scenario.
    pub groups: Vec<GroupTiming>,
    /// How busy brokers were; absent: requests took no time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<LoadReport>,
}

/// How busy brokers were, in the part of the run in which they were the busiest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadReport {
    /// The longest time in which a request waited for a thread.
    pub longest_queue_ms: f64,
    /// Where that was.
    pub longest_queue_at: String,
    /// The share of time in which the request handlers of the busiest broker worked.
    pub handler_use: f64,
    /// Whose.
    pub handler_use_at: String,
    /// The longest time in which a disk had other work to do first.
    pub longest_disk_queue_ms: f64,
    /// Where that was.
    pub longest_disk_queue_at: String,
    /// The share of time in which the busiest disk worked.
    pub disk_use: f64,
    /// Whose.
    pub disk_use_at: String,
}

impl LoadReport {
    fn new(load: &Load, context: &Context) -> Self {
        let name = |most: Most| context.node(most.at).to_owned();
        let length = |most: Most| millis(most.value);
        let share = |most: Most| millis(most.value) / 1000.0;
        let Load { longest_queue, handlers, longest_disk_queue, disk } = *load;
        Self {
            longest_queue_ms: length(longest_queue),
            longest_queue_at: name(longest_queue),
            handler_use: share(handlers),
            handler_use_at: name(handlers),
            longest_disk_queue_ms: length(longest_disk_queue),
            longest_disk_queue_at: name(longest_disk_queue),
            disk_use: share(disk),
            disk_use_at: name(disk),
        }
    }
}

/// What stood in the way of a stall.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StallReport {
    /// The cause's stable name: `no-leader`, `failover`, `slow-replica`,
    /// `min-insync-replicas`, `no-owner`.
    pub cause: String,
    /// What it means, with the setting responsible.
    pub about: String,
}

impl StallReport {
    fn new(cause: &StallCause, context: &Context) -> Self {
        Self { cause: cause.name().to_owned(), about: cause.about(context) }
    }
}

/// How fast records got through a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupTiming {
    /// Its name.
    pub group: String,
    /// From when on it is measured: since its members owned all partitions for the first time, or since the
    /// first fault if that came first; absent: from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_ms: Option<u64>,
    /// From `send` to the first time that the group has processed a record.
    pub end_to_end: Latency,
    /// Partitions that waited for the group; absent: nothing on record waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<Stall>,
    /// What stood in the way of the longest stall of reads; absent: there was none, or it is not on record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads_because: Option<StallReport>,
    /// From a partition's loss of its owner to the next one; absent: no assignment is on record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handover: Option<Latency>,
}

impl Timing {
    /// As a report shows `pace`, a run of `context`.
    #[must_use]
    pub fn of(pace: &Pace, context: &Context) -> Self {
        let because = |cause: &Option<StallCause>| {
            cause.as_ref().map(|cause| StallReport::new(cause, context))
        };
        let groups = context.groups.iter().zip(&pace.groups).map(|(group, pace)| GroupTiming {
            group: group.name.clone(),
            from_ms: pace.begins.map(Timestamp::as_millis),
            reads_because: because(&pace.read_stall),
            end_to_end: Latency::of(&pace.end_to_end),
            reads: pace.reads.map(Stall::of),
            handover: pace.handover.as_ref().map(Latency::of),
        });
        Self {
            acknowledgement: Latency::of(&pace.acknowledgement),
            writes: pace.writes.map(Stall::of),
            writes_because: because(&pace.write_stall),
            failover: pace.failover.as_ref().map(Latency::of),
            groups: groups.collect(),
            load: pace.load.as_ref().map(|load| LoadReport::new(load, context)),
        }
    }
}
