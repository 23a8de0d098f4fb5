//! Histories and what is counted in them.

use super::*;
use crate::test_history::*;
use ackproof_types::ErrorCode;

#[test]
fn records_and_groups_are_counted() {
    let failed = |number: u32, maybe_written: bool| {
        let (records, error) = (slice(&[number]), ErrorCode::DeliveryTimeout);
        (4, Event::Failed { partition: Some(P), records, error, maybe_written })
    };
    let mut measure = Measure::new(Arc::new(context()));
    let events = vec![
        sent(0),
        sent(1),
        sent(2),
        sent(3),
        acked(0, &[0, 3]),
        failed(1, false),
        failed(2, true),
        polled(0, &[0]),
        processed(0, 0),
        processed(0, 0),
        final_read(0, &[0, 0, 2]),
        final_done(3),
    ];
    for entry in entries(events) {
        measure.observe(&entry);
    }
    let Counts { records, groups, witnesses, .. } = measure.conclude();
    let expected = RecordCounts {
        sent: 4,
        acked: 2,
        failed: 1,
        unknown: 1,
        lost: 1,
        unknown_absent: 0,
        log_duplicates: 1,
        loss_causes: BTreeMap::new(),
        absent_causes: BTreeMap::new(),
        log_duplicate_causes: [(DuplicateCause::Deduplication, 1)].into(),
    };
    assert_eq!(records, expected);
    let group = &groups[0];
    assert_eq!((group.delivered, group.processed, group.distinct), (1, 2, 1));
    assert_eq!((group.duplicates, group.skipped), (1, 1));
    assert_eq!(witnesses["redelivered"], 1);
    assert_eq!(witnesses.len(), WITNESSES.len());
}

#[test]
fn only_repeated_elections_are_witnesses() {
    let mut measure = Measure::new(Arc::new(context()));
    for entry in entries(vec![elected(1, 0, &[1, 2, 3]), elected(2, 1, &[2, 3])]) {
        measure.observe(&entry);
    }
    let witnesses = measure.conclude().witnesses;
    assert_eq!((witnesses["leader_elected"], witnesses["isr_shrunk"]), (1, 1));
}

fn counted(context: &Context, events: Vec<(u16, Event)>) -> (RecordCounts, Vec<GroupCounts>) {
    let mut measure = Measure::new(Arc::new(context.clone()));
    for entry in entries(events) {
        measure.observe(&entry);
    }
    let Counts { records, groups, .. } = measure.conclude();
    (records, groups)
}

#[test]
fn a_duplicate_in_the_log_names_its_cause() {
    let cause = |idempotent, extra: Vec<(u16, Event)>| {
        let mut context = context();
        context.producers[0].idempotent = idempotent;
        let mut events = vec![sent(0)];
        events.extend(extra);
        events.push(final_read(0, &[0, 0]));
        let causes = counted(&context, events).0.log_duplicate_causes;
        assert_eq!(causes.values().sum::<u64>(), 1);
        causes.into_keys().next()
    };
    assert_eq!(cause(false, vec![]), Some(DuplicateCause::ProducerRetry));
    assert_eq!(cause(true, vec![sent(0)]), Some(DuplicateCause::ProducerRestart));
    let bump = (4, Event::ProducerEpochBumped { partition: P });
    assert_eq!(cause(true, vec![bump]), Some(DuplicateCause::EpochBump));
    assert_eq!(cause(true, vec![]), Some(DuplicateCause::Deduplication));
}

#[test]
fn a_record_processed_again_names_its_cause() {
    let cause = |last: Vec<(u16, Event)>| {
        let mut events = vec![positioned(5, 0, PositionSource::Committed), processed(0, 0)];
        events.extend(last);
        let causes = counted(&context(), events).1.remove(0).duplicate_causes;
        assert_eq!(causes.values().sum::<u64>(), 1);
        causes.into_keys().next()
    };
    let taken = |source| vec![positioned(6, 0, source), at_node(6, processed(0, 0))];
    assert_eq!(cause(taken(PositionSource::Committed)), Some(DuplicateCause::Rebalance));
    let mut crashed = taken(PositionSource::Committed);
    crashed.insert(0, (5, Event::ProcessEnded(ProcessEnd::Crash)));
    assert_eq!(cause(crashed.clone()), Some(DuplicateCause::MemberCrash));
    crashed.insert(2, positioned(6, 0, PositionSource::Committed));
    assert_eq!(cause(crashed), Some(DuplicateCause::MemberCrash), "the idle owner is no reason");
    assert_eq!(cause(taken(PositionSource::Truncated)), Some(DuplicateCause::PositionReset));
    assert_eq!(cause(vec![processed(1, 0)]), Some(DuplicateCause::LogDuplicate));
    let moved = positioned(6, 1, PositionSource::Committed);
    assert_eq!(cause(vec![moved.clone(), processed(0, 0)]), Some(DuplicateCause::Zombie));
    let late = vec![moved, processed(1, 1), at_node(6, processed(1, 1))];
    assert_eq!(cause(late), Some(DuplicateCause::Zombie), "the zombie was first");
}

#[test]
fn what_is_unknown_and_absent_is_not_lost_and_names_its_cause() {
    let cause = |acks: &str| {
        let mut context = context();
        context.producers[0].acks = acks.into();
        let (records, _) = counted(&context, vec![sent(0), final_done(0)]);
        assert_eq!((records.lost, records.unknown_absent), (0, 1));
        records.absent_causes.into_keys().next()
    };
    assert_eq!(cause("0"), Some(LossCause::AcksZero));
    assert_eq!(cause("all"), Some(LossCause::Unacknowledged));
}
