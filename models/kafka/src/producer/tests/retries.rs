//! What becomes of batches (R6.7–R6.16, R6.22, R4.12).

use super::hand::*;
use crate::config::ProducerConfig;
use crate::message::Response;
use crate::producer::{BatchId, Timer};
use ackproof_types::{BrokerId, Delay, ErrorCode, Record};

const RETRIABLE: [ErrorCode; 12] = [
    ErrorCode::RequestTimedOut,
    ErrorCode::NetworkException,
    ErrorCode::NotLeaderOrFollower,
    ErrorCode::LeaderNotAvailable,
    ErrorCode::UnknownTopicOrPartition,
    ErrorCode::UnknownTopicId,
    ErrorCode::NotEnoughReplicas,
    ErrorCode::NotEnoughReplicasAfterAppend,
    ErrorCode::KafkaStorageError,
    ErrorCode::CorruptMessage,
    ErrorCode::FencedLeaderEpoch,
    ErrorCode::UnknownLeaderEpoch,
];

#[test]
fn a_retriable_error_is_tried_again_and_no_other() {
    for idempotence in [false, true] {
        for error in ErrorCode::ALL.iter().copied() {
            let mut hand = Hand::ready(&config(idempotence));
            hand.send_batches(1);
            hand.result(Err(error));
            let again = RETRIABLE.contains(&error)
                || idempotence && error == ErrorCode::OutOfOrderSequenceNumber;
            assert_eq!(hand.outcomes().is_empty(), again, "{error}, idempotence {idempotence}");
        }
    }
}

#[test]
fn only_a_plain_refusal_is_certainly_not_written() {
    let certain = [
        ErrorCode::NotEnoughReplicas,
        ErrorCode::MessageTooLarge,
        ErrorCode::InvalidRecord,
        ErrorCode::InvalidTimestamp,
        ErrorCode::InvalidRequiredAcks,
        ErrorCode::CorruptMessage,
        ErrorCode::OutOfOrderSequenceNumber,
        ErrorCode::InvalidProducerEpoch,
    ];
    for error in ErrorCode::ALL.iter().copied() {
        let mut hand = Hand::ready(&ProducerConfig { retries: 0, ..config(false) });
        hand.send_batches(1);
        hand.result(Err(error));
        let maybe = if certain.contains(&error) { MaybeWritten::No } else { MaybeWritten::Yes };
        assert_eq!(hand.outcomes(), [Outcome::Failed(vec![0], error, maybe)]);
    }
}

#[test]
fn an_earlier_attempt_leaves_the_outcome_unknown() {
    let mut hand = Hand::ready(&ProducerConfig { retries: 1, ..config(false) });
    hand.send_batches(1);
    hand.result(Err(ErrorCode::NotEnoughReplicasAfterAppend));
    hand.back_off(1);
    hand.result(Err(ErrorCode::NotEnoughReplicas));
    let unknown = Outcome::Failed(vec![0], ErrorCode::NotEnoughReplicas, MaybeWritten::Yes);
    assert_eq!(hand.outcomes(), [unknown]);
}

#[test]
fn retries_are_counted_and_back_off_longer_each_time() {
    let mut hand = Hand::ready(&ProducerConfig { retries: 6, ..config(true) });
    hand.send_batches(1);
    let mut waits = Vec::new();
    for _ in 0..6 {
        hand.result(Err(ErrorCode::NotEnoughReplicas));
        let Delay { min, max } = hand.timers[&Timer::Retry(0, BatchId(1))];
        waits.push((min.0 / 1000, max.0 / 1000));
        assert!(hand.in_flight().is_empty(), "it backs off");
        hand.back_off(1);
    }
    assert_eq!(waits, [(80, 120), (160, 240), (320, 480), (640, 960), (800, 1000), (800, 1000)]);
    hand.result(Err(ErrorCode::NotEnoughReplicas));
    assert_eq!(hand.outcomes().len(), 1, "retries are used up");
    assert_eq!(hand.bumps(), 0, "it may have been accepted, so nothing is renumbered");
}

#[test]
fn without_idempotence_the_next_batch_overtakes_a_retry() {
    let mut hand = Hand::ready(&config(false));
    hand.send_batches(2);
    hand.result(Err(ErrorCode::NotLeaderOrFollower));
    hand.result(Ok(0));
    hand.back_off(1);
    assert_eq!(hand.in_flight(), [[0]], "the first record comes after the second");
}

#[test]
fn without_idempotence_a_lost_connection_turns_the_order_round() {
    let mut hand = Hand::ready(&config(false));
    hand.send_batches(2);
    hand.disconnect(ONE);
    hand.reconnect(ONE, &[leader(0, Some(ONE), 0)]);
    hand.back_off(1);
    hand.back_off(2);
    assert_eq!(hand.in_flight(), [[1], [0]], "each goes to the front, the oldest first");
}

#[test]
fn with_idempotence_a_lost_connection_keeps_the_order_one_at_a_time() {
    let mut hand = Hand::ready(&config(true));
    hand.send_batches(3);
    hand.disconnect(ONE);
    hand.reconnect(ONE, &[leader(0, Some(ONE), 0)]);
    hand.back_off(2);
    assert!(hand.in_flight().is_empty(), "the head of the queue backs off");
    hand.back_off(1);
    hand.back_off(3);
    assert_eq!(hand.in_flight(), [[0]], "only the lowest");
    hand.result(Ok(0));
    assert_eq!(hand.in_flight(), [[1]]);
    assert_eq!(stamp(&hand.oldest()), (0, 1), "with the sequence of its first attempt");
}

#[test]
fn a_retry_that_must_wait_holds_up_the_other_partitions_of_its_broker() {
    let leaders = [leader(0, Some(ONE), 0), leader(1, Some(TWO), 0)];
    let two = ProducerConfig { bootstrap: [BrokerId(1), BrokerId(2)].into(), ..config(true) };
    let mut hand = Hand::ready_with(&two, &leaders);
    let to = |number: u32, partition: u16| {
        let of = |key: &u32| crate::client::murmur2::partition_of(key.to_string().as_bytes(), 2);
        Record { key: (0..).find(|key| of(key) == partition), ..record(number) }
    };
    hand.send_record(to(0, 0));
    hand.send_record(to(1, 0));
    hand.settle(&leaders);
    hand.fire(Timer::Linger(0));
    let moved = vec![(tp(0), Err(ErrorCode::NotLeaderOrFollower))];
    let hint = vec![leader(0, Some(TWO), 1)];
    hand.answer(ONE, Response::Produce(moved.clone(), hint));
    hand.settle(&leaders);
    hand.answer(ONE, Response::Produce(moved, vec![]));
    hand.back_off(2);
    let records = |hand: &Hand| -> Vec<u32> {
        hand.produces(TWO).iter().flat_map(|it| &it.batches).flat_map(|it| numbers(&it.1)).collect()
    };
    assert_eq!(records(&hand), [0], "the second waits for the first");
    hand.send_record(to(2, 1));
    hand.fire(Timer::Linger(1));
    assert_eq!(records(&hand), [0], "a drain goes on where the last one stopped, at partition 0");
    hand.result_of(TWO, Ok(0));
    assert_eq!(records(&hand), [1, 2]);
}

#[test]
fn expiry_is_unknown_only_after_an_attempt() {
    let mut hand = Hand::ready(&config(false));
    hand.send(0);
    hand.fire(Timer::Delivery(0, BatchId(1)));
    assert!(hand.outcomes().is_empty(), "the sender looks when it wakes");
    hand.disconnect(ONE);
    hand.send(1);
    hand.reconnect(ONE, &[leader(0, Some(ONE), 0)]);
    hand.fire(Timer::Linger(0));
    hand.expire(2);
    assert_eq!(
        hand.outcomes(),
        [
            Outcome::Failed(vec![0], ErrorCode::Timeout, MaybeWritten::No),
            Outcome::Failed(vec![1], ErrorCode::Timeout, MaybeWritten::Yes),
        ]
    );
    assert_eq!(hand.cursor, 2);
}

#[test]
fn a_batch_drained_in_the_turn_it_expires_in_is_failed_and_sent() {
    let mut hand = Hand::ready(&config(false));
    hand.send(0);
    hand.fire(Timer::Delivery(0, BatchId(1)));
    hand.fire(Timer::Linger(0));
    let unknown = Outcome::Failed(vec![0], ErrorCode::Timeout, MaybeWritten::Yes);
    assert_eq!(hand.outcomes(), [unknown]);
    assert_eq!(hand.in_flight(), [[0]]);
    hand.result(Ok(5));
    assert_eq!(hand.outcomes().len(), 1, "the answer comes too late");
}

#[test]
fn without_acks_a_batch_that_expires_in_its_turn_is_sent_and_has_failed() {
    let none = ProducerConfig { acks: crate::message::Acks::None, ..config(false) };
    let mut hand = Hand::ready(&none);
    hand.send(0);
    hand.fire(Timer::Delivery(0, BatchId(1)));
    hand.fire(Timer::Linger(0));
    let unknown = Outcome::Failed(vec![0], ErrorCode::Timeout, MaybeWritten::Yes);
    assert_eq!(hand.outcomes(), [unknown]);
    assert_eq!(hand.produces(BrokerId(0)).len(), 1);
}

#[test]
fn past_its_delivery_timeout_a_batch_is_not_tried_again() {
    let mut hand = Hand::ready(&config(false));
    hand.send_batches(1);
    hand.fire(Timer::Delivery(0, BatchId(1)));
    hand.result(Err(ErrorCode::NotEnoughReplicas));
    let refused = Outcome::Failed(vec![0], ErrorCode::NotEnoughReplicas, MaybeWritten::No);
    assert_eq!(hand.outcomes(), [refused], "on the response path, with the error of the response");
}

#[test]
fn a_younger_batch_in_front_hides_an_overdue_one() {
    let mut hand = Hand::ready(&config(false));
    hand.send_batches(2);
    hand.disconnect(ONE);
    hand.expire(1);
    assert!(hand.outcomes().is_empty(), "the queue is [second, first]");
    hand.expire(2);
    assert_eq!(hand.outcomes().len(), 2);
}

#[test]
fn a_batch_too_large_for_the_broker_is_split() {
    for idempotence in [false, true] {
        let config = ProducerConfig { batch_size: 400, ..config(idempotence) };
        let mut hand = Hand::ready(&config);
        (0..3).for_each(|number| hand.send(number));
        hand.fire(Timer::Linger(0));
        assert_eq!(hand.in_flight(), [[0, 1, 2]]);
        hand.process.machine_mut().accumulator.batch_size = 300;
        hand.result(Err(ErrorCode::MessageTooLarge));
        if idempotence {
            assert_eq!((hand.in_flight(), stamp(&hand.oldest())), (vec![vec![0, 1]], (0, 0)));
            hand.result(Ok(10));
            assert_eq!((hand.in_flight(), stamp(&hand.oldest())), (vec![vec![2]], (0, 2)));
        } else {
            assert_eq!(hand.in_flight(), [vec![0, 1], vec![2]], "in order, at once");
            hand.result(Ok(10));
        }
        hand.result(Err(ErrorCode::MessageTooLarge));
        let parts = [
            Outcome::Acked(vec![0, 1], 10),
            Outcome::Failed(vec![2], ErrorCode::MessageTooLarge, MaybeWritten::No),
        ];
        assert_eq!(hand.outcomes(), parts, "a single record cannot be split");
    }
}

#[test]
fn the_parts_of_a_split_batch_expire_with_it() {
    let mut hand = Hand::ready(&ProducerConfig { batch_size: 400, ..config(true) });
    (0..3).for_each(|number| hand.send(number));
    hand.fire(Timer::Linger(0));
    hand.process.machine_mut().accumulator.batch_size = 200;
    hand.result(Err(ErrorCode::MessageTooLarge));
    hand.result(Ok(0));
    hand.expire(1);
    assert_eq!(hand.outcomes().len(), 3);
    assert_eq!(hand.process.machine_mut().overdue, 0);
}

#[test]
fn a_batch_within_batch_size_is_split_into_itself_until_it_expires() {
    let mut hand = Hand::ready(&ProducerConfig { batch_size: 400, ..config(true) });
    (0..3).for_each(|number| hand.send(number));
    hand.fire(Timer::Linger(0));
    for _ in 0..3 {
        hand.result(Err(ErrorCode::MessageTooLarge));
        assert_eq!(hand.in_flight(), [[0, 1, 2]]);
        assert_eq!(stamp(&hand.oldest()), (0, 0));
    }
    hand.expire(1);
    assert_eq!(hand.outcomes().len(), 1);
}
