//! Hand-written histories for unit tests.

pub(crate) mod outputs;

use crate::context::{
    ConsumingContext, Context, GroupContext, GroupPart, OutputsContext, ProducerContext,
    ProducerLimits, TopicContext, servers,
};
use crate::history::{Entry, Event, Phase, PositionSource};
use crate::registry;
use crate::verdict::PropertyResult;
use ackproof_types::{
    Acks, BrokerId, ErrorCode, GenerationId, GroupId, LeaderEpoch, MemberId, NodeId, Offset,
    ProducerIndex, Record, RecordId, RecordSlice, Timestamp, TopicId, TopicPartition,
};

pub(crate) const P: TopicPartition = TopicPartition { topic: TopicId(1), partition: 0 };
pub(crate) const G: GroupId = GroupId(0);

/// Three brokers (nodes 1–3), `payments` with one partition, `billing-0` at node 4, `ledger` at 5, 6.
pub(crate) fn context() -> Context {
    let topic = |name: &str| TopicContext {
        name: name.into(),
        partitions: 1,
        replication_factor: 3,
        min_insync_replicas: 2,
        unclean_leader_election: false,
        compacted: false,
    };
    let nodes =
        ["controller", "broker-1", "broker-2", "broker-3", "billing-0", "ledger-0", "ledger-1"];
    Context {
        nodes: nodes.map(String::from).to_vec(),
        roster: servers(3),
        clusters: Vec::new(),
        topics: vec![topic("__consumer_offsets"), topic("payments")],
        producers: vec![ProducerContext {
            node: NodeId(4),
            name: "billing-0".into(),
            topic: TopicId(1),
            acks: Acks::All,
            idempotent: true,
            ordered: true,
            limits: ProducerLimits::default(),
        }],
        groups: vec![GroupContext {
            name: "ledger".into(),
            topics: vec![TopicId(1)],
            protocol: "classic".into(),
            commit: "sync-after".into(),
            reset: "earliest".into(),
            commit_interval: None,
            sink: None,
            consuming: ConsumingContext::default(),
            outputs: OutputsContext::default(),
            part: GroupPart::Application,
        }],
    }
}

pub(crate) fn record(number: u32) -> Record {
    Record { id: RecordId { producer: ProducerIndex(0), number }, key: None, size: 100 }
}

pub(crate) fn slice(numbers: &[u32]) -> RecordSlice {
    RecordSlice::whole(numbers.iter().map(|&number| record(number)).collect())
}

pub(crate) fn sent(number: u32) -> (u16, Event) {
    (4, Event::Sent { record: record(number), partition: Some(P) })
}

pub(crate) fn acked(base: i64, numbers: &[u32]) -> (u16, Event) {
    let (base_offset, records) = (Offset(base), slice(numbers));
    (4, Event::Acked { partition: P, base_offset, by: Some(BrokerId(1)), records })
}

pub(crate) fn polled(base: i64, numbers: &[u32]) -> (u16, Event) {
    let (base_offset, records) = (Offset(base), slice(numbers));
    (5, Event::Polled { group: G, partition: P, base_offset, records })
}

pub(crate) fn processed(offset: i64, number: u32) -> (u16, Event) {
    let (offset, record) = (Offset(offset), record(number));
    (5, Event::Processed { group: G, partition: P, offset, record, dead_lettered: false })
}

pub(crate) fn sink_written(offset: i64, number: u32, ignored: bool) -> (u16, Event) {
    let (offset, record) = (Offset(offset), record(number));
    (5, Event::SinkWritten { group: G, partition: P, offset, record, ignored })
}

pub(crate) fn gave_up(offset: i64, number: u32) -> (u16, Event) {
    let (offset, record) = (Offset(offset), record(number));
    (5, Event::GaveUp { group: G, partition: P, offset, record })
}

pub(crate) fn commit_sent(offset: i64) -> (u16, Event) {
    (5, Event::CommitSent { group: G, offsets: [(P, Offset(offset))].into() })
}

pub(crate) fn committed(offset: i64) -> (u16, Event) {
    (5, Event::Committed { group: G, offsets: [(P, Offset(offset))].into() })
}

pub(crate) fn final_read(base: i64, numbers: &[u32]) -> (u16, Event) {
    (0, Event::FinalRead { partition: P, base_offset: Offset(base), records: slice(numbers) })
}

pub(crate) fn final_done(end: i64) -> (u16, Event) {
    (0, Event::FinalReadDone { partition: P, start: Offset(0), end: Offset(end) })
}

pub(crate) fn appended(broker: u16, epoch: i32, base: i64, numbers: &[u32]) -> (u16, Event) {
    let event = Event::Appended {
        partition: P,
        epoch: LeaderEpoch(epoch),
        base_offset: Offset(base),
        next_offset: Offset(base).plus(numbers.len()),
        records: slice(numbers),
        as_leader: broker == 1,
    };
    (broker, event)
}

pub(crate) fn high_watermark(broker: u16, epoch: i32, offset: i64) -> (u16, Event) {
    let (epoch, offset) = (LeaderEpoch(epoch), Offset(offset));
    (broker, Event::HighWatermark { partition: P, epoch, offset })
}

pub(crate) fn elected(leader: u16, epoch: i32, isr: &[u16]) -> (u16, Event) {
    let event = Event::LeaderElected {
        partition: P,
        leader: (leader > 0).then_some(BrokerId(leader)),
        epoch: LeaderEpoch(epoch),
        isr: isr.iter().map(|&id| BrokerId(id)).collect(),
        unclean: false,
    };
    (0, event)
}

/// `ledger`'s member at `node` gets `payments-0`.
pub(crate) fn assigned(node: u16, generation: i32) -> (u16, Event) {
    let (member, generation) = (MemberId(u64::from(node)), GenerationId(generation));
    (node, Event::Assigned { group: G, member, generation, partitions: [P].into() })
}

pub(crate) fn positioned(node: u16, offset: i64, source: PositionSource) -> (u16, Event) {
    (node, Event::Positioned { group: G, partition: P, offset: Offset(offset), source })
}

/// The event at another node.
pub(crate) fn at_node(node: u16, (_, event): (u16, Event)) -> (u16, Event) {
    (node, event)
}

pub(crate) fn phase(phase: Phase) -> (u16, Event) {
    (0, Event::Phase(phase))
}

/// Entries one second apart.
pub(crate) fn entries(events: Vec<(u16, Event)>) -> Vec<Entry> {
    let stamp = |(seq, (node, event)): (usize, (u16, Event))| {
        let seq = seq as u64;
        Entry { seq, at: Timestamp::from_micros(seq * 1_000_000), node: NodeId(node), event }
    };
    events.into_iter().enumerate().map(stamp).collect()
}

/// What the property `name` says to `events`, in the default context.
pub(crate) fn judge(name: &str, events: Vec<(u16, Event)>) -> PropertyResult {
    judge_in(&context(), name, events)
}

/// What the property `name` says to `events`.
pub(crate) fn judge_in(context: &Context, name: &str, events: Vec<(u16, Event)>) -> PropertyResult {
    let mut property = registry::properties(context)
        .into_iter()
        .find(|property| property.name() == name)
        .expect("the property is registered");
    for entry in entries(events) {
        property.observe(&entry);
    }
    property.conclude()
}
