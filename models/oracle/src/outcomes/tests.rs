//! Histories of sends that failed, and why.

use crate::cause::{OrderCause, SendCause, SendEnd};
use crate::context::{Context, ProducerLimits};
use crate::history::{Event, ProcessEnd};
use crate::measure::Measure;
use crate::test_history::*;
use crate::verdict::RecordCounts;
use ackproof_types::{Acks, ErrorCode, Micros};
use std::collections::BTreeMap;
use std::sync::Arc;

const TIMEOUT: Micros = Micros::from_secs(3);

fn limited() -> Context {
    let mut context = context();
    context.producers[0].limits = ProducerLimits {
        retries: Some(2),
        delivery_timeout: Some(TIMEOUT),
        max_block: Some(Micros::from_secs(2)),
        ..ProducerLimits::default()
    };
    context
}

fn counted(context: &Context, events: Vec<(u16, Event)>) -> RecordCounts {
    let mut measure = Measure::new(Arc::new(context.clone()));
    for entry in entries(events) {
        measure.observe(&entry);
    }
    measure.conclude().records
}

fn failed(numbers: &[u32], error: ErrorCode, maybe_written: bool) -> (u16, Event) {
    (4, Event::Failed { partition: Some(P), records: slice(numbers), error, maybe_written })
}

fn retried(first: u32, error: ErrorCode) -> (u16, Event) {
    (4, Event::Retried { partition: P, first: record(first), error })
}

fn blocked(number: u32) -> (u16, Event) {
    (4, Event::SendBlocked { record: record(number) })
}

fn wait() -> (u16, Event) {
    (3, Event::BrokerStarted)
}

fn one(error: Option<ErrorCode>, end: SendEnd) -> BTreeMap<SendCause, u64> {
    [(SendCause { error, end }, 1)].into()
}

#[test]
fn retries_are_used_up_if_they_are_on_record() {
    let error = ErrorCode::NotEnoughReplicas;
    let twice = vec![sent(0), retried(0, error), retried(0, error), failed(&[0], error, false)];
    let found = counted(&limited(), twice.clone());
    assert_eq!(found.failure_causes, one(Some(error), SendEnd::Retries(2)));
    assert_eq!(found.unknown_causes, BTreeMap::new());
    let text = found.failure_causes.keys().next().map(SendCause::about);
    assert_eq!(text.as_deref(), Some("NOT_ENOUGH_REPLICAS, retries=2 used up"));
    // One of them is missing, and too little time has passed: nobody says what was used up.
    let once = vec![sent(0), retried(0, error), failed(&[0], error, false)];
    assert_eq!(counted(&limited(), once).failure_causes, one(Some(error), SendEnd::NotOnRecord));
    // Without the settings neither.
    assert_eq!(counted(&context(), twice).failure_causes, one(Some(error), SendEnd::NotOnRecord));
}

#[test]
fn a_delivery_timeout_takes_its_time_whatever_the_client_says() {
    let (last, expired) = (ErrorCode::RequestTimedOut, ErrorCode::Timeout);
    let events = vec![sent(0), retried(0, last), wait(), failed(&[0], expired, true)];
    let found = counted(&limited(), events);
    assert_eq!(found.unknown_causes, one(Some(last), SendEnd::DeliveryTimeout(TIMEOUT)));
    let early = vec![sent(0), failed(&[0], expired, true)];
    let found = counted(&limited(), early);
    assert_eq!(found.unknown_causes, one(Some(expired), SendEnd::NotOnRecord));
}

#[test]
fn a_rejection_after_a_wait_names_max_block_and_no_other_does() {
    let error = ErrorCode::Timeout;
    let rejected = (4, Event::Rejected { record: record(0), error });
    let found = counted(&limited(), vec![blocked(0), wait(), rejected.clone()]);
    let end = SendEnd::MaxBlock(Micros::from_secs(2));
    assert_eq!((found.sent, found.failure_causes), (1, one(Some(error), end)));
    let found = counted(&limited(), vec![rejected]);
    assert_eq!(found.failure_causes, one(Some(error), SendEnd::NotOnRecord));
}

#[test]
fn what_has_no_outcome_says_why() {
    let ended = (4, Event::ProcessEnded(ProcessEnd::Crash));
    let found = counted(&limited(), vec![sent(0), ended.clone()]);
    assert_eq!(found.unknown_causes, one(None, SendEnd::ProducerEnded));
    let found = counted(&limited(), vec![ended, sent(0)]);
    assert_eq!(found.unknown_causes, one(None, SendEnd::Open));
    let mut silent = limited();
    silent.producers[0].acks = Acks::None;
    assert_eq!(counted(&silent, vec![sent(0)]).unknown_causes, one(None, SendEnd::AcksZero));
}

#[test]
fn what_the_application_sends_again_has_its_last_cause() {
    let error = ErrorCode::MessageTooLarge;
    let events = vec![sent(0), failed(&[0], error, false), sent(0)];
    let found = counted(&limited(), events.clone());
    assert_eq!((found.failed, found.unknown), (0, 1));
    assert_eq!(found.unknown_causes, one(None, SendEnd::Open));
    let found = counted(&limited(), [events, vec![acked(0, &[0])]].concat());
    assert_eq!((found.failure_causes.len(), found.unknown_causes.len()), (0, 0));
}

#[test]
fn what_never_left_the_buffer_has_failed_for_certain() {
    let unsent = (4, Event::Unsent { records: slice(&[1]) });
    let ended = (4, Event::ProcessEnded(ProcessEnd::Clean));
    let events = vec![sent(0), sent(1), unsent, ended];
    let found = counted(&limited(), events.clone());
    assert_eq!((found.failed, found.unknown, found.open_at_end, found.dropped), (1, 1, 1, 0));
    assert_eq!(found.failure_causes, one(None, SendEnd::NeverLeft));
    assert_eq!(found.unknown_causes, one(None, SendEnd::ProducerEnded), "it was under way");
    let again = counted(&limited(), [events, vec![sent(1)]].concat());
    assert_eq!((again.failed, again.unknown, again.sent_again), (0, 2, 0), "the next life");
}

#[test]
fn what_the_application_does_with_a_failure_is_counted() {
    let error = ErrorCode::InvalidRecord;
    let events = vec![sent(0), sent(1), failed(&[0, 1], error, false), sent(1)];
    let found = counted(&limited(), events);
    assert_eq!((found.dropped, found.sent_again), (1, 1));
}

#[test]
fn records_behind_an_expired_batch_are_followed() {
    let expired = ErrorCode::Timeout;
    let events = vec![
        sent(0),
        sent(1),
        sent(2),
        failed(&[0], expired, true),
        sent(3),
        (4, Event::ProducerEpochBumped { partition: P }),
        acked(0, &[1]),
        failed(&[2], ErrorCode::InvalidRecord, false),
        acked(1, &[3]),
    ];
    let found = counted(&limited(), events.clone()).behind_expired;
    assert_eq!((found.batches, found.epochs_raised), (1, 1));
    assert_eq!((found.acked, found.failed), (1, 1), "the one sent later does not count");
    let mut plain = limited();
    plain.producers[0].idempotent = false;
    assert_eq!(counted(&plain, events).behind_expired.batches, 0);
}

#[test]
fn first_copies_behind_a_later_record_are_counted_with_their_cause() {
    let cause = |idempotent: bool, extra: Vec<(u16, Event)>| {
        let mut context = limited();
        context.producers[0].idempotent = idempotent;
        context.producers[0].ordered = idempotent;
        let mut events = vec![sent(0), sent(1)];
        events.extend(extra);
        events.push(final_read(0, &[1, 0, 1]));
        let found = counted(&context, events);
        assert_eq!(found.reordered, 1, "record 1 stands there first, its second copy is no matter");
        found.reorder_causes.into_keys().next()
    };
    let again = retried(0, ErrorCode::RequestTimedOut);
    assert_eq!(cause(false, vec![again.clone()]), Some(OrderCause::InFlightRetry));
    assert_eq!(cause(false, vec![]), Some(OrderCause::NotOnRecord));
    assert_eq!(cause(true, vec![again]), Some(OrderCause::NotOnRecord));
    assert_eq!(cause(false, vec![sent(0)]), Some(OrderCause::SentAgain), "nobody restarted");
    let bump = || (4, Event::ProducerEpochBumped { partition: P });
    let reasoned = vec![sent(2), failed(&[2], ErrorCode::RequestTimedOut, true), bump()];
    assert_eq!(cause(true, reasoned), Some(OrderCause::EpochBump));
    assert_eq!(cause(true, vec![bump()]), Some(OrderCause::NotOnRecord), "no reason");
    let found = counted(&limited(), vec![sent(0), sent(1), final_read(0, &[0, 1, 0])]);
    assert_eq!((found.reordered, found.log_duplicates), (0, 1), "a second copy is a duplicate");
}
