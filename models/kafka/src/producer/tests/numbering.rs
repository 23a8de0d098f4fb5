//! Sequences and epochs (R6.6, R6.14–R6.23).

use super::hand::*;
use crate::config::ProducerConfig;
use crate::message::Response;
use crate::producer::{BatchId, Timer};
use ackproof_types::{BrokerId, ErrorCode, ProducerEpoch, ProducerId};

const OUT_OF_ORDER: Result<i64, ErrorCode> = Err(ErrorCode::OutOfOrderSequenceNumber);

fn stamps(hand: &Hand) -> Vec<(i16, i32)> {
    hand.produces(ONE).iter().map(stamp).collect()
}

#[test]
fn out_of_order_behind_a_batch_in_flight_is_only_tried_again() {
    let mut hand = Hand::ready(&config(true));
    hand.send_batches(2);
    hand.result(Err(ErrorCode::NotEnoughReplicas));
    hand.result(OUT_OF_ORDER);
    assert_eq!(hand.bumps(), 0, "the first has not been acknowledged");
    hand.back_off(1);
    hand.result(Ok(0));
    hand.back_off(2);
    assert_eq!(stamps(&hand), [(0, 1)]);
}

#[test]
fn out_of_order_for_the_next_sequence_shows_a_gap_and_raises_the_epoch() {
    let mut hand = Hand::ready(&config(true));
    hand.send_batches(3);
    hand.result(Ok(0));
    hand.result(OUT_OF_ORDER);
    assert_eq!(hand.bumps(), 1);
    hand.result(Ok(9));
    hand.back_off(2);
    assert_eq!(stamps(&hand), [(1, 0)], "the second starts the new epoch");
}

#[test]
fn a_final_refusal_raises_the_epoch_and_renumbers_what_is_in_flight() {
    let mut hand = Hand::ready(&config(true));
    hand.send_batches(3);
    hand.result(Err(ErrorCode::InvalidRecord));
    assert_eq!(hand.bumps(), 1);
    // These refusals answer numbers that are gone; the second's new ones are the next (R6.14).
    hand.result(OUT_OF_ORDER);
    hand.result(OUT_OF_ORDER);
    assert_eq!(hand.bumps(), 1);
    hand.back_off(2);
    hand.back_off(3);
    assert_eq!((hand.in_flight(), stamps(&hand)), (vec![vec![1]], vec![(1, 0)]));
    hand.result(Ok(0));
    assert_eq!(stamps(&hand), [(1, 1)]);
}

#[test]
fn another_partition_takes_the_raised_epoch_once_it_is_idle() {
    let leaders = [leader(0, Some(ONE), 0), leader(1, Some(TWO), 0)];
    let two = ProducerConfig { bootstrap: [BrokerId(1), BrokerId(2)].into(), ..config(true) };
    let mut hand = Hand::ready_with(&two, &leaders);
    let to = |number: u32, partition: u16| {
        let of = |key: &u32| crate::client::murmur2::partition_of(key.to_string().as_bytes(), 2);
        ackproof_types::Record { key: (0..).find(|key| of(key) == partition), ..record(number) }
    };
    hand.send_record(to(0, 0));
    hand.send_record(to(1, 1));
    hand.fire(Timer::Linger(0));
    hand.fire(Timer::Linger(1));
    hand.settle(&leaders);
    hand.result_of(ONE, Err(ErrorCode::InvalidRecord));
    assert_eq!(hand.bumps(), 1);
    hand.send_record(to(2, 1));
    hand.fire(Timer::Linger(1));
    assert_eq!(hand.produces(TWO).len(), 1, "a new batch waits for those of the old epoch");
    hand.result_of(TWO, Ok(0));
    assert_eq!(stamp(&hand.oldest_of(TWO)), (1, 0));
}

#[test]
fn an_expiry_during_the_first_attempt_resolves_by_its_late_answer() {
    let mut hand = Hand::ready(&config(true));
    hand.send_batches(1);
    hand.expire(1);
    assert_eq!(hand.outcomes().len(), 1);
    hand.send(1);
    hand.fire(Timer::Linger(0));
    assert_eq!(stamps(&hand), [(0, 0), (0, 1)], "new batches go on: nothing is unresolved");
    hand.result(Ok(0));
    hand.result(OUT_OF_ORDER);
    assert_eq!(hand.bumps(), 1, "the late success counted, so this refusal shows a gap");
}

#[test]
fn an_expired_retry_stops_new_batches_until_a_later_success_resolves_it() {
    let mut hand = Hand::ready(&config(true));
    hand.send_batches(2);
    hand.result(Err(ErrorCode::RequestTimedOut));
    hand.expire(1);
    hand.send(2);
    hand.fire(Timer::Linger(0));
    assert_eq!(hand.in_flight(), [[1]], "the third waits");
    hand.result(Ok(1));
    assert_eq!(hand.bumps(), 0, "the second landed, so the first had");
    assert_eq!(stamps(&hand), [(0, 2)]);
}

#[test]
fn an_expired_retry_with_nothing_behind_it_raises_the_epoch() {
    let mut hand = Hand::ready(&config(true));
    hand.send_batches(1);
    hand.result(Err(ErrorCode::RequestTimedOut));
    hand.expire(1);
    assert_eq!(hand.bumps(), 1);
    hand.send(1);
    hand.fire(Timer::Linger(0));
    assert_eq!(stamps(&hand), [(1, 0)]);
}

#[test]
fn out_of_order_right_behind_an_unresolved_sequence_raises_the_epoch() {
    let mut hand = Hand::ready(&config(true));
    hand.send_batches(3);
    hand.result(Err(ErrorCode::RequestTimedOut));
    hand.expire(1);
    hand.result(OUT_OF_ORDER);
    assert_eq!(hand.bumps(), 1, "the second directly follows the unresolved first");

    let mut hand = Hand::ready(&config(true));
    hand.send_batches(3);
    hand.result(Err(ErrorCode::RequestTimedOut));
    hand.expire(1);
    hand.result(Err(ErrorCode::NotEnoughReplicas));
    hand.result(OUT_OF_ORDER);
    assert_eq!(hand.bumps(), 0, "the third does not");
}

#[test]
fn an_ambiguous_timeout_past_the_delivery_timeout_raises_the_epoch() {
    let mut hand = Hand::ready(&config(true));
    hand.send_batches(2);
    hand.fire(Timer::Delivery(0, BatchId(1)));
    hand.disconnect(ONE);
    let unknown = Outcome::Failed(vec![0], ErrorCode::NetworkException, MaybeWritten::Yes);
    assert_eq!(hand.outcomes(), [unknown]);
    assert_eq!(hand.bumps(), 1, "on the response path (R6.16)");
    hand.reconnect(ONE, &[leader(0, Some(ONE), 0)]);
    hand.back_off(2);
    assert_eq!(stamps(&hand), [(1, 0)], "the second goes again under new numbers (R6.20)");
}

#[test]
fn when_the_epochs_of_an_id_are_used_up_another_id_is_asked_for() {
    let mut hand = Hand::ready(&config(true));
    hand.process.machine_mut().identity.current = Some((ProducerId(9), ProducerEpoch(i16::MAX)));
    hand.send_batches(2);
    hand.result(Err(ErrorCode::InvalidRecord));
    hand.result(OUT_OF_ORDER);
    hand.back_off(2);
    assert!(hand.in_flight().is_empty(), "no id");
    hand.answer(ONE, Response::InitProducerId(Ok((ProducerId(10), ProducerEpoch(0)))));
    assert_eq!(stamps(&hand), [(0, 0)]);
    let id = hand.oldest().batches[0].1.producer.map(|stamp| stamp.id);
    assert_eq!(id, Some(ProducerId(10)));
}
