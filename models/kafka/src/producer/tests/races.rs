//! Stories in time, above all the one that duplicates a record although idempotence is on (R6.20).

use super::hand::record;
use super::lab::{Fate, Lab};
use crate::observation::Observation;
use ackproof_types::{ErrorCode, Micros};

/// Answers from broker 1 stop: what arrives is written, and nobody hears of it.
fn mute_answers(lab: &mut Lab) {
    lab.fate = Box::new(|_| Fate::Silent);
}

/// What R6.20 leaves: A failed by its last error, B acknowledged and appended twice.
fn assert_duplicated(lab: &Lab, error: ErrorCode) {
    assert_eq!(lab.logs[0].records, [0, 1, 1], "B is appended again");
    assert_eq!(lab.bumps(), 1);
    let outcomes = lab.outcomes();
    let failed = |seen: &Observation| matches!(seen, Observation::Failed { error: it, maybe_written: true, .. } if *it == error);
    assert!(outcomes[&0].len() == 1 && failed(outcomes[&0][0]), "{:?}", outcomes[&0]);
    assert!(matches!(outcomes[&1][..], [Observation::Acked { .. }]));
}

/// The recipe of R6.20 with the smallest delivery timeouts that are allowed, `linger.ms` +
/// `request.timeout.ms`: the request and the delivery timeout of A end in the same instant.
#[test]
fn an_epoch_bump_appends_a_batch_twice_although_idempotence_is_on() {
    for (linger, request, delivery) in
        [(5, 30_000, 30_005), (0, 30_000, 30_000), (0, 120_000, 120_000)]
    {
        let mut lab = Lab::small(|config| {
            config.linger = Micros::from_millis(linger);
            config.request_timeout = Micros::from_millis(request);
            config.delivery_timeout = Micros::from_millis(delivery);
        });
        mute_answers(&mut lab);
        lab.send_at(100, record(0));
        lab.send_at(2000, record(1));
        lab.run_until(20_000);
        assert_eq!(lab.logs[0].records, [0, 1], "both are appended, and nobody knows");
        lab.fate = Box::new(|_| Fate::Answered);
        lab.run_until(200_000);
        assert_duplicated(&lab, ErrorCode::RequestTimedOut);
    }
}

/// The same with a request timeout that plays no part: the connection dies in the millisecond in which
/// the sender wakes for A's delivery timeout. A little later A has expired by itself.
#[test]
fn a_connection_that_dies_while_the_sender_wakes_has_the_same_effect() {
    let run = |after_us: u64| {
        let mut lab = Lab::small(|config| config.request_timeout = Micros::from_millis(200_000));
        mute_answers(&mut lab);
        lab.send_at(100, record(0));
        lab.send_at(2000, record(1));
        lab.run_until(20_000);
        lab.fate = Box::new(|_| Fate::Answered);
        lab.disconnect_at(120_100_000 + after_us);
        lab.run_until(200_000);
        lab
    };
    assert_duplicated(&run(300), ErrorCode::NetworkException);
    let later = run(800);
    assert_eq!(later.logs[0].records, [0, 1]);
    assert_eq!(later.bumps(), 0);
}

/// With less time for the delivery A expires by itself: no bump, no duplicate.
#[test]
fn an_expiry_before_the_response_path_duplicates_nothing() {
    let mut lab = Lab::small(|config| config.delivery_timeout = Micros::from_millis(30_003));
    mute_answers(&mut lab);
    lab.send_at(100, record(0));
    lab.send_at(110, record(1));
    lab.run_until(20_000);
    lab.fate = Box::new(|_| Fate::Answered);
    lab.run_until(60_000);
    assert_eq!(lab.logs[0].records, [0, 1]);
    assert!(matches!(
        lab.outcomes()[&0][..],
        [Observation::Failed { error: ErrorCode::Timeout, maybe_written: true, .. }]
    ));
}

#[test]
fn a_lost_answer_is_no_duplicate_with_idempotence_and_one_without() {
    for idempotence in [true, false] {
        let mut lab = Lab::small(|config| config.enable_idempotence = idempotence);
        let mut requests = 0;
        lab.fate = Box::new(move |_| {
            requests += 1;
            if requests == 1 { Fate::Reset } else { Fate::Answered }
        });
        (0..5).for_each(|number| lab.send_at(100, record(number)));
        lab.run_until(10_000);
        let mut distinct = lab.logs[0].records.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct, [0, 1, 2, 3, 4]);
        let duplicates = lab.logs[0].records.len() - 5;
        assert_eq!(duplicates > 0, !idempotence, "{:?}", lab.logs[0].records);
        assert_eq!(lab.logs[0].records.is_sorted(), idempotence, "{:?}", lab.logs[0].records);
        assert_eq!(lab.outcomes().len(), 5);
    }
}

#[test]
fn an_error_with_acks_none_closes_the_connection_and_loses_the_record() {
    let mut lab = Lab::small(|config| {
        config.enable_idempotence = false;
        config.acks = crate::message::Acks::None;
    });
    let mut requests = 0;
    lab.fate = Box::new(move |_| {
        requests += 1;
        if requests == 1 { Fate::Refused(ErrorCode::NotLeaderOrFollower) } else { Fate::Answered }
    });
    lab.send_at(100, record(0));
    lab.send_at(1000, record(1));
    lab.run_until(10_000);
    assert_eq!(lab.logs[0].records, [1], "the first is gone");
    assert_eq!(lab.outcomes().len(), 2, "and both succeeded");
}
