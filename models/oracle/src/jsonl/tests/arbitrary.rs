//! Arbitrary entries of every kind survive being written and read, and their lines match the schema.

use super::*;
use crate::history::{Phase, PositionSource, ProcessEnd, StartReason, TailLoss};
use ackproof_types::{
    BrokerId, ControllerEpoch, ErrorCode, GenerationId, GroupId, LeaderEpoch, MemberId, NodeId,
    Offset, ProducerIndex, RebalanceReason, Record, RecordId, RecordSlice, Timestamp, TopicId,
    TopicPartition,
};
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Two producers, two groups, three brokers, topics with many partitions.
pub(super) fn wide() -> Context {
    let mut wide = context();
    wide.topics[1].partitions = 7;
    wide.topics[0].partitions = 50;
    let mut other = wide.producers[0].clone();
    (other.name, other.node) = ("billing-1".into(), NodeId(6));
    wide.producers.push(other);
    let mut group = wide.groups[0].clone();
    group.name = "audit".into();
    wide.groups.push(group);
    wide
}

const START_REASONS: &[StartReason] = &[StartReason::Age, StartReason::Size, StartReason::Leader];

fn place() -> impl Strategy<Value = TopicPartition> {
    (0..7_u16).prop_map(|number| TopicPartition::new(TopicId(1), number))
}

fn record() -> impl Strategy<Value = Record> {
    let id = (0..2_u16, 0..100_000_u32)
        .prop_map(|(producer, number)| RecordId { producer: ProducerIndex(producer), number });
    id.prop_map(|id| Record { id, key: None, size: 0 })
}

fn records() -> impl Strategy<Value = RecordSlice> {
    prop::collection::vec(record(), 0..5).prop_map(|all| RecordSlice::whole(all.into()))
}

fn offset() -> impl Strategy<Value = Offset> {
    (0..10_000_i64).prop_map(Offset)
}

fn brokers() -> impl Strategy<Value = Arc<[BrokerId]>> {
    prop::collection::btree_set((1..4_u16).prop_map(BrokerId), 0..3)
        .prop_map(|all| all.into_iter().collect())
}

fn places() -> impl Strategy<Value = Arc<[TopicPartition]>> {
    prop::collection::vec(place(), 0..3).prop_map(Into::into)
}

fn commits() -> impl Strategy<Value = Arc<[(TopicPartition, Offset)]>> {
    prop::collection::vec((place(), offset()), 0..3).prop_map(Into::into)
}

fn epoch() -> impl Strategy<Value = LeaderEpoch> {
    (0..65_535_i32).prop_map(LeaderEpoch)
}

fn broker() -> impl Strategy<Value = BrokerId> {
    (1..4_u16).prop_map(BrokerId)
}

fn group() -> impl Strategy<Value = GroupId> {
    (0..2_u16).prop_map(GroupId)
}

fn code() -> impl Strategy<Value = ErrorCode> {
    select(ErrorCode::ALL)
}

fn phase() -> impl Strategy<Value = Phase> {
    select(&[Phase::Load, Phase::Settle, Phase::FinalRead, Phase::End][..])
}

fn source() -> impl Strategy<Value = PositionSource> {
    select(
        &[
            PositionSource::Committed,
            PositionSource::NoCommitEarliest,
            PositionSource::NoCommitLatest,
            PositionSource::NoCommitByDuration,
            PositionSource::OutOfRangeEarliest,
            PositionSource::OutOfRangeLatest,
            PositionSource::OutOfRangeByDuration,
            PositionSource::Truncated,
            PositionSource::Sought,
            PositionSource::Kept,
        ][..],
    )
}

fn of_producers() -> impl Strategy<Value = Event> {
    let maybe = || prop::option::of(place());
    prop_oneof![
        (record(), maybe(), prop::option::of(0..9_u32), 0..9_u32).prop_map(
            |(record, partition, key, size)| {
                Event::Sent { record: Record { key, size, ..record }, partition }
            }
        ),
        Just(Event::Misplaced { api: "Fetch".into() }),
        record().prop_map(|record| Event::SendBlocked { record }),
        (record(), code()).prop_map(|(record, error)| Event::Rejected { record, error }),
        (place(), -1..99_i64, prop::option::of(broker()), records()).prop_map(
            |(partition, base, by, records)| {
                Event::Acked { partition, base_offset: Offset(base), by, records }
            }
        ),
        (maybe(), records(), code(), any::<bool>()).prop_map(
            |(partition, records, error, maybe_written)| {
                Event::Failed { partition, records, error, maybe_written }
            }
        ),
        (place(), record(), code()).prop_map(|(partition, first, error)| Event::Retried {
            partition,
            first,
            error
        }),
        records().prop_map(|records| Event::Unsent { records }),
        place().prop_map(|partition| Event::ProducerEpochBumped { partition }),
    ]
}

fn of_members() -> impl Strategy<Value = Event> {
    let member = || any::<u64>().prop_map(MemberId);
    let generation = -1..i32::MAX;
    prop_oneof![
        (group(), place(), offset(), record(), record()).prop_map(
            |(group, partition, offset, record, output)| {
                Event::Derived { group, partition, offset, record, output }
            }
        ),
        (group(), member(), generation, places()).prop_map(
            |(group, member, number, partitions)| {
                Event::Assigned { group, member, generation: GenerationId(number), partitions }
            }
        ),
        (group(), member(), places()).prop_map(|(group, member, partitions)| Event::Revoked {
            group,
            member,
            partitions
        }),
        (group(), member(), places()).prop_map(|(group, member, partitions)| Event::Lost {
            group,
            member,
            partitions
        }),
        (group(), place(), offset(), source()).prop_map(|(group, partition, offset, source)| {
            Event::Positioned { group, partition, offset, source }
        }),
        (group(), place(), offset(), records()).prop_map(
            |(group, partition, base_offset, records)| {
                Event::Polled { group, partition, base_offset, records }
            }
        ),
        // Beyond what is polled: it contradicts nothing.
        (group(), place(), offset(), record(), any::<bool>()).prop_map(
            |(group, partition, offset, record, dead_lettered)| {
                let offset = offset.plus(20_000);
                Event::Processed { group, partition, offset, record, dead_lettered }
            }
        ),
        (group(), place(), offset(), record()).prop_map(|(group, partition, offset, record)| {
            Event::GaveUp { group, partition, offset, record }
        }),
        (group(), commits()).prop_map(|(group, offsets)| Event::CommitSent { group, offsets }),
        (group(), commits()).prop_map(|(group, offsets)| Event::Committed { group, offsets }),
        (group(), commits(), code(), any::<bool>()).prop_map(
            |(group, offsets, error, maybe_written)| {
                Event::CommitFailed { group, offsets, error, maybe_written }
            }
        ),
    ]
}

fn of_brokers() -> impl Strategy<Value = Event> {
    prop_oneof![
        (place(), offset(), offset(), select(START_REASONS)).prop_map(
            |(partition, from, to, why)| { Event::LogStartMoved { partition, from, to, why } }
        ),
        (place(), offset(), offset()).prop_map(|(partition, from, to)| Event::LogDamaged {
            partition,
            from,
            to
        }),
        (1..4_u16, places(), any::<bool>()).prop_map(|(dir, partitions, halts)| {
            Event::LogDirFailed { dir, partitions, halts }
        }),
        (place(), offset(), offset()).prop_map(|(partition, from, to)| Event::LogCompacted {
            partition,
            from,
            to
        }),
        (place(), epoch(), offset(), 0..3_usize, records(), any::<bool>()).prop_map(
            |(partition, epoch, base_offset, more, records, as_leader)| {
                let next_offset = base_offset.plus(records.len() + more);
                Event::Appended { partition, epoch, base_offset, next_offset, records, as_leader }
            }
        ),
        (place(), offset(), offset()).prop_map(|(partition, from, to)| Event::Truncated {
            partition,
            from,
            to
        }),
        (place(), epoch(), offset()).prop_map(|(partition, epoch, offset)| Event::HighWatermark {
            partition,
            epoch,
            offset
        }),
        (place(), epoch(), offset(), offset()).prop_map(
            |(partition, epoch, log_end, high_watermark)| {
                Event::BecameLeader { partition, epoch, log_end, high_watermark }
            }
        ),
        (place(), epoch(), prop::option::of(broker())).prop_map(|(partition, epoch, leader)| {
            Event::BecameFollower { partition, epoch, leader }
        }),
        (place(), 0..4_u16)
            .prop_map(|(partition, isr)| Event::NotEnoughReplicas { partition, isr }),
        (place(), offset())
            .prop_map(|(partition, base_offset)| Event::DuplicateBatch { partition, base_offset }),
        place().prop_map(|partition| Event::CoordinatorLoaded { partition }),
        Just(Event::BrokerStarted),
        (place(), offset(), offset(), select(&[TailLoss::Power, TailLoss::Disk][..]))
            .prop_map(|(partition, from, to, by)| Event::TailLost { partition, from, to, by }),
        (place(), prop::collection::vec(broker(), 0..3), prop::option::of(broker())).prop_map(
            |(partition, elr, last_leader)| {
                Event::EligibleChanged { partition, elr: elr.into(), last_leader }
            }
        ),
        (any::<u64>(), any::<u32>(), any::<u64>(), any::<u32>()).prop_map(
            |(queue_us, handlers_ppm, disk_queue_us, disk_ppm)| {
                Event::BrokerLoad { queue_us, handlers_ppm, disk_queue_us, disk_ppm }
            }
        ),
    ]
}

fn of_controllers() -> impl Strategy<Value = Event> {
    prop_oneof![
        (place(), brokers(), brokers()).prop_map(|(partition, replicas, adding)| {
            Event::ReplicasChanged { partition, replicas, adding }
        }),
        place().prop_map(|partition| Event::LogDeleted { partition }),
        (0..9_u16, any::<bool>()).prop_map(|(min_insync_replicas, unclean_leader_election)| {
            Event::TopicAltered { topic: TopicId(1), min_insync_replicas, unclean_leader_election }
        }),
        (0..9_u16).prop_map(|eligible_leader_replicas| Event::FeaturesUpdated {
            metadata_version: "4.1-IV1".into(),
            eligible_leader_replicas
        }),
        (0..99_i64, any::<u32>(), any::<bool>()).prop_map(|(offset, checksum, loaded)| {
            Event::MetadataSnapshot { offset: Offset(offset), checksum, loaded }
        }),
        (1..9_u16).prop_map(|partitions| Event::TopicDeleted { topic: TopicId(1), partitions }),
        (1..9_u16).prop_map(|partitions| Event::TopicCreated { topic: TopicId(1), partitions }),
        Just(Event::OrderRefused {
            request: "ElectLeaders".into(),
            error: ErrorCode::ElectionNotNeeded
        }),
        (0..9_u16).prop_map(|min_insync_replicas| Event::TopicConfigured {
            topic: TopicId(1),
            min_insync_replicas
        }),
        (0..65_535_i32).prop_map(|one| Event::ControllerElected { epoch: ControllerEpoch(one) }),
        (0..65_535_i32).prop_map(|one| Event::ControllerResigned { epoch: ControllerEpoch(one) }),
        (offset(), prop::collection::vec(any::<u32>(), 0..3)).prop_map(|(offset, checksums)| {
            Event::MetadataApplied { offset, checksums: checksums.into() }
        }),
    ]
}

const ENDS: &[ProcessEnd] = &[ProcessEnd::Crash, ProcessEnd::Clean, ProcessEnd::Killed];

fn of_the_run() -> impl Strategy<Value = Event> {
    let target = prop::option::of((0..7_u16).prop_map(NodeId));
    prop_oneof![
        phase().prop_map(Event::Phase),
        (any::<u32>(), target, "[a-z#\"\\\\ (é]{0,9}").prop_map(|(fault, target, text)| {
            Event::FaultStarted { fault, target, text: text.into() }
        }),
        any::<u32>().prop_map(|fault| Event::FaultEnded { fault }),
        Just(Event::ProcessStarted),
        select(ENDS).prop_map(Event::ProcessEnded),
        (group(), 0..i32::MAX, any::<u16>(), prop::option::of(select(RebalanceReason::ALL)))
            .prop_map(|(group, number, members, reason)| {
                let generation = GenerationId(number);
                Event::Rebalanced { group, generation, members, reason }
            }),
        (group(), place(), broker()).prop_map(|(group, partition, broker)| {
            Event::FollowerChosen { group, partition, broker }
        }),
        (group(), code()).prop_map(|(group, error)| Event::PollFailed { group, error }),
        group().prop_map(|group| Event::PollOverdue { group }),
        (group(), group()).prop_map(|(group, to)| Event::GroupMoved { group, to }),
        of_controllers(),
        (group(), place(), offset(), record(), any::<bool>()).prop_map(
            |(group, partition, offset, record, ignored)| {
                Event::SinkWritten { group, partition, offset, record, ignored }
            }
        ),
        (group(), any::<u64>(), 0..i32::MAX).prop_map(|(group, member, generation)| {
            let (member, generation) = (MemberId(member), GenerationId(generation));
            Event::MemberFenced { group, member, generation }
        }),
        (group(), any::<u64>(), 0..i32::MAX, places()).prop_map(
            |(group, member, generation, partitions)| {
                let (member, generation) = (MemberId(member), GenerationId(generation));
                Event::PartitionsReleased { group, member, generation, partitions }
            },
        ),
        (group(), any::<u64>(), any::<u64>()).prop_map(|(group, before, member)| {
            Event::MemberReplaced { group, before: MemberId(before), member: MemberId(member) }
        }),
        (group(), prop::collection::vec(place(), 0..3)).prop_map(|(group, partitions)| {
            Event::OffsetsExpired { group, partitions: partitions.into() }
        }),
        group().prop_map(|group| Event::GroupDeleted { group }),
        (place(), prop::option::of(broker()), epoch(), brokers(), any::<bool>()).prop_map(
            |(partition, leader, epoch, isr, unclean)| {
                Event::LeaderElected { partition, leader, epoch, isr, unclean }
            }
        ),
        (place(), brokers(), brokers()).prop_map(|(partition, before, isr)| Event::IsrChanged {
            partition,
            before,
            isr
        }),
        (8..20_u16).prop_map(|partitions| Event::PartitionsAdded { topic: TopicId(1), partitions }),
        broker().prop_map(|broker| Event::Fenced { broker }),
        broker().prop_map(|broker| Event::Unfenced { broker }),
        (place(), offset(), records()).prop_map(|(partition, base_offset, records)| {
            Event::FinalRead { partition, base_offset, records }
        }),
        (place(), offset(), 0..99_i64).prop_map(|(partition, start, length)| {
            Event::FinalReadDone { partition, start, end: start + length }
        }),
        (place(), broker(), epoch()).prop_map(|(partition, broker, epoch)| Event::FinalReadBy {
            partition,
            broker,
            epoch
        }),
    ]
}

pub(super) fn event() -> impl Strategy<Value = Event> {
    prop_oneof![of_producers(), of_members(), of_brokers(), of_the_run()]
}

/// Entries as a recorder numbers them, at brokers: any event may happen there.
pub(super) fn entries(events: Vec<Event>) -> Vec<Entry> {
    let entry = |(seq, event): (u64, Event)| {
        let (at, node) =
            (Timestamp::from_micros(seq * 7), NodeId(1 + u16::try_from(seq % 3).unwrap()));
        Entry { seq, at, node, event }
    };
    (0..).zip(events).map(entry).collect()
}

/// The history as text. What has an outcome was sent before.
pub(super) fn written(context: &Context, entries: &[Entry]) -> String {
    let mut lines = vec![header_line(context)];
    lines.extend(entries.iter().map(|entry| entry_line(entry, context)));
    lines.join("\n") + "\n"
}

/// Events in whose order every outcome is one of a record that was sent, no log is read on, and topics grow.
pub(super) fn with_sends(events: Vec<Event>) -> Vec<Event> {
    let (mut all, mut read, mut count) = (Vec::new(), BTreeSet::new(), 0);
    for event in events {
        match &event {
            Event::FinalRead { partition, .. } if read.contains(partition) => continue,
            Event::FinalReadDone { partition, .. } if !read.insert(*partition) => continue,
            Event::PartitionsAdded { partitions, .. } if *partitions <= count => continue,
            Event::PartitionsAdded { partitions, .. } => count = *partitions,
            _ => {}
        }
        if let Event::Acked { records, .. }
        | Event::Failed { records, .. }
        | Event::Unsent { records } = &event
        {
            all.extend(
                records.iter().map(|record| Event::Sent { record: *record, partition: None }),
            );
        }
        all.push(event);
    }
    all
}

proptest! {
    #[test]
    fn an_entry_survives_being_written_and_read(events in prop::collection::vec(event(), 1..40)) {
        let (context, entries) = (wide(), entries(with_sends(events)));
        let (_, read) = read(written(&context, &entries).as_bytes())
            .map_err(|problem| TestCaseError::fail(problem.to_string()))?;
        prop_assert_eq!(read.len(), entries.len());
        for (read, entry) in read.iter().zip(&entries) {
            prop_assert_eq!(read, entry);
        }
    }
}

/// The property above draws every kind, or it would say nothing of a new one.
#[test]
fn every_kind_is_drawn_and_matches_the_schema() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let schema = jsonschema::validator_for(&schema()).expect("it is a schema");
    let mut runner = TestRunner::deterministic();
    let (context, mut kinds) = (wide(), BTreeSet::new());
    let validate = |line: &str| {
        let value = serde_json::from_str(line).unwrap();
        let errors: Vec<String> = schema.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{line}: {errors:?}");
    };
    validate(&header_line(&context));
    for _ in 0..20_000 {
        let event = event().new_tree(&mut runner).unwrap().current();
        let fresh = kinds.insert(Kind::of(&event).name());
        if fresh || kinds.len() == Kind::ALL.len() {
            validate(&entry_line(&entries(vec![event]).remove(0), &context));
        }
        if !fresh && kinds.len() == Kind::ALL.len() {
            break;
        }
    }
    assert_eq!(kinds.len(), Kind::ALL.len(), "{kinds:?}");
    let bad = serde_json::json!({ "at_us": 0, "event": "phase", "phase": "lunch" });
    assert!(!schema.is_valid(&bad), "a schema that takes everything says nothing");
}
