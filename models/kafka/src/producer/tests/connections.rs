//! Connections, request timeouts and metadata (R6.2, R6.8, R6.9, R5.28, R17.31).

use super::hand::*;
use crate::client::NetworkTimer;
use crate::client::network::data;
use crate::config::ProducerConfig;
use crate::machine::{ConnectionId, Input, Peer};
use crate::message::CorrelationId;
use crate::message::{Message, MetadataResponse, Request, Response};
use crate::producer::{BatchId, Timer};
use ackproof_types::{BrokerId, Delay, ErrorCode, Micros, Offset};
use std::collections::VecDeque;

fn two_brokers() -> ProducerConfig {
    ProducerConfig { bootstrap: [BrokerId(1), BrokerId(2)].into(), ..config(false) }
}

/// The correlation id of the oldest request to `broker`.
fn oldest(hand: &Hand, broker: BrokerId) -> CorrelationId {
    hand.wire[&broker].front().expect("a request in flight").0
}

#[test]
fn a_connection_begins_with_api_versions_and_carries_nothing_before() {
    let mut hand = Hand::new(&config(false));
    assert!(matches!(hand.wire[&ONE].front(), Some((_, Request::ApiVersions))));
    assert_eq!(hand.wire[&ONE].len(), 1);
    hand.answer(ONE, Response::ApiVersions);
    assert!(matches!(hand.wire[&ONE].front(), Some((_, Request::Metadata(_)))));
}

#[test]
fn records_for_a_broker_that_is_down_are_never_sent() {
    let leaders = [leader(0, Some(ONE), 0)];
    let mut hand = Hand::ready_with(
        &ProducerConfig { bootstrap: [BrokerId(1), BrokerId(2)].into(), ..config(true) },
        &leaders,
    );
    hand.settle(&leaders);
    hand.disconnect(ONE);
    hand.settle(&leaders);
    hand.send_batches(1);
    hand.fire(reconnecting(ONE));
    assert!(matches!(hand.wire[&ONE].front(), Some((_, Request::ApiVersions))));
    hand.disconnect(ONE);
    hand.expire(1);
    let certain = Outcome::Failed(vec![0], ErrorCode::Timeout, MaybeWritten::No);
    assert_eq!(hand.outcomes(), [certain]);
}

#[test]
fn a_request_timeout_closes_the_connection_and_fails_all_in_flight() {
    let mut hand = Hand::ready(&config(true));
    hand.send_batches(3);
    assert_eq!(hand.in_flight().len(), 3);
    hand.fire(Timer::Network(NetworkTimer::Request(oldest(&hand, ONE))));
    assert_eq!(hand.closed, [ONE]);
    assert!(
        hand.timers.keys().all(|timer| !matches!(timer, Timer::Network(NetworkTimer::Request(_))))
    );
    let retries: Vec<&Timer> =
        hand.timers.keys().filter(|timer| matches!(timer, Timer::Retry(..))).collect();
    assert_eq!(retries.len(), 3, "all of them go again: {:?}", hand.timers);
}

#[test]
fn a_timeout_of_metadata_or_of_the_id_fails_the_connection_too() {
    let mut hand = Hand::ready(&config(false));
    hand.send_batches(1);
    hand.fire(METADATA_AGE);
    let metadata = hand.wire[&ONE].back().expect("in flight").0;
    assert!(matches!(hand.wire[&ONE].back(), Some((_, Request::Metadata(_)))));
    hand.fire(Timer::Network(NetworkTimer::Request(metadata)));
    assert_eq!(hand.closed, [ONE]);
    assert!(hand.timers.contains_key(&Timer::Retry(0, BatchId(1))), "the produce request failed");

    let mut hand = Hand::new(&config(true));
    hand.answer(ONE, Response::ApiVersions);
    assert_eq!(hand.wire[&ONE].len(), 2, "metadata, then the id, on one connection");
    assert!(matches!(hand.wire[&ONE].back(), Some((_, Request::InitProducerId))));
    hand.fire(Timer::Network(NetworkTimer::Request(oldest(&hand, ONE))));
    assert!(hand.timers.contains_key(&Timer::ProducerId), "the id is asked for again");
    assert!(hand.timers.contains_key(&METADATA_BACKOFF));
}

#[test]
fn metadata_counts_as_in_flight_and_goes_first() {
    let mut hand = Hand::ready(&ProducerConfig { max_in_flight: 1, ..config(false) });
    hand.fire(METADATA_AGE);
    hand.send_batches(1);
    assert_eq!(hand.wire[&ONE].len(), 1, "metadata is in flight and there is room for one");
    assert!(hand.in_flight().is_empty());
    hand.settle(&[leader(0, Some(ONE), 0)]);
    assert_eq!(hand.in_flight(), [[0]]);
    hand.fire(METADATA_BACKOFF);
    hand.fire(METADATA_AGE);
    assert_eq!(hand.wire[&ONE].len(), 1, "no room for metadata either");
    hand.send(1);
    hand.fire(Timer::Linger(0));
    hand.result(Ok(0));
    assert!(
        matches!(hand.wire[&ONE].front(), Some((_, Request::Metadata(_)))),
        "before the record"
    );
}

#[test]
fn the_delivery_timeout_waits_for_the_producer_id() {
    let mut hand = Hand::new(&config(true));
    hand.answer(ONE, Response::ApiVersions);
    let known =
        MetadataResponse { brokers: [ONE].into(), partitions: vec![leader(0, Some(ONE), 0)] };
    hand.answer(ONE, Response::Metadata(known));
    hand.send(0);
    hand.expire(1);
    assert!(hand.outcomes().is_empty(), "the sender's loop does not come to it");
    hand.answer(ONE, Response::InitProducerId(Err(ErrorCode::CoordinatorLoadInProgress)));
    assert_eq!(hand.timers[&Timer::ProducerId], Delay::exactly(Micros::from_millis(100)));
    hand.fire(Timer::ProducerId);
    hand.settle(&[]);
    assert!(matches!(hand.outcomes()[..], [Outcome::Failed(..)]));
}

#[test]
fn reconnects_back_off_longer_each_time_until_one_stands() {
    let mut hand = Hand::ready(&config(false));
    let ms = |min, max| Delay { min: Micros::from_millis(min), max: Micros::from_millis(max) };
    for expected in [ms(40, 60), ms(80, 120), ms(160, 240)] {
        hand.disconnect(ONE);
        assert_eq!(hand.timers[&reconnecting(ONE)], expected);
        hand.fire(reconnecting(ONE));
        if hand.timers.contains_key(&METADATA_BACKOFF) {
            hand.fire(METADATA_BACKOFF);
        }
    }
    hand.settle(&[leader(0, Some(ONE), 0)]);
    hand.disconnect(ONE);
    assert_eq!(hand.timers[&reconnecting(ONE)], ms(40, 60));
}

#[test]
fn a_late_response_is_ignored() {
    let mut hand = Hand::ready(&config(false));
    hand.send_batches(1);
    let old = oldest(&hand, ONE);
    hand.disconnect(ONE);
    hand.deliver(ONE, old, Response::Produce(vec![(tp(0), Ok(Offset(7)))], vec![]));
    assert!(hand.outcomes().is_empty());
}

#[test]
fn metadata_is_refreshed_by_age_and_no_sooner_than_the_back_off_allows() {
    let mut hand = Hand::ready(&config(false));
    hand.fire(METADATA_AGE);
    hand.settle(&[leader(0, Some(ONE), 0)]);
    assert!(hand.timers.contains_key(&METADATA_AGE), "the next one by age");
    // An error asks for metadata: that moves the back-off's timer, not the age's.
    hand.send_batches(1);
    hand.result(Err(ErrorCode::LeaderNotAvailable));
    assert!(hand.wire[&ONE].is_empty(), "held off after the last refresh");
    assert!(hand.timers.contains_key(&METADATA_AGE));
    hand.fire(METADATA_BACKOFF);
    assert!(matches!(hand.wire[&ONE].front(), Some((_, Request::Metadata(_)))));
}

#[test]
fn responses_that_tell_nothing_new_come_less_often() {
    let mut hand = Hand::new(&config(false));
    hand.settle(&[leader(0, None, 0)]);
    let middle = |hand: &Hand| {
        let Delay { min, max } = hand.timers[&METADATA_BACKOFF];
        min.0.midpoint(max.0) / 1000
    };
    let mut waits = vec![middle(&hand)];
    for _ in 0..5 {
        hand.fire(METADATA_BACKOFF);
        hand.settle(&[leader(0, None, 0)]);
        waits.push(middle(&hand));
    }
    assert_eq!(waits, [100, 100, 200, 400, 800, 900]);
    hand.fire(METADATA_BACKOFF);
    hand.settle(&[leader(0, Some(ONE), 1)]);
    assert_eq!(middle(&hand), 100);
}

#[test]
fn a_partition_without_leader_makes_the_producer_ask() {
    let mut hand = Hand::ready(&config(false));
    hand.fire(METADATA_AGE);
    hand.settle(&[leader(0, None, 1)]);
    hand.send_batches(1);
    for _ in 0..3 {
        hand.fire(METADATA_BACKOFF);
        hand.settle(&[leader(0, None, 1)]);
    }
    hand.fire(METADATA_BACKOFF);
    hand.settle(&[leader(0, Some(ONE), 2)]);
    assert_eq!(hand.in_flight(), [[0]]);
}

#[test]
fn a_hint_moves_the_producer_at_once_and_skips_the_back_off() {
    let leaders = [leader(0, Some(ONE), 0)];
    let mut hand = Hand::ready_with(&two_brokers(), &leaders);
    hand.send_batches(1);
    hand.settle(&leaders);
    let hint = vec![leader(0, Some(TWO), 1)];
    hand.answer(ONE, Response::Produce(vec![(tp(0), Err(ErrorCode::NotLeaderOrFollower))], hint));
    hand.settle(&leaders);
    assert_eq!(hand.produces(TWO).len(), 1, "the stale metadata did not move it back");
    // The same epoch does not end the next back-off.
    let hint = vec![leader(0, Some(TWO), 1)];
    hand.answer(TWO, Response::Produce(vec![(tp(0), Err(ErrorCode::NotLeaderOrFollower))], hint));
    assert!(hand.produces(TWO).is_empty());
    hand.back_off(1);
    assert_eq!(hand.produces(TWO).len(), 1);
}

#[test]
fn asks_the_least_loaded_broker_and_starts_again_from_bootstrap_if_none_is_left() {
    let leaders = [leader(0, Some(ONE), 0)];
    let mut hand = Hand::ready_with(&two_brokers(), &leaders);
    let first = hand.wire.keys().copied().find(|it| it.0 > 0).expect("one was asked");
    hand.send_batches(2);
    hand.settle(&leaders);
    assert_eq!(hand.in_flight().len(), 2);
    hand.fire(METADATA_AGE);
    // The idle one, unless only one is connected.
    assert!(matches!(hand.wire[&first].back(), Some((_, Request::Metadata(_)))));
    hand.result(Ok(0));
    hand.result(Ok(1));
    let only_one =
        MetadataResponse { brokers: [ONE].into(), partitions: vec![leader(0, Some(ONE), 1)] };
    hand.answer(first, Response::Metadata(only_one));
    // Metadata knows only broker 1; when that is gone, broker 2 is asked all the same.
    hand.disconnect(ONE);
    hand.fire(METADATA_BACKOFF);
    assert!(!hand.wire[&TWO].is_empty());
}

/// KIP-219: it has its answer, and waits with the next request itself, so that none times out meanwhile.
#[test]
fn a_producer_above_its_quota_sends_nothing_for_a_while() {
    let mut hand = Hand::ready(&ProducerConfig { linger: Micros::ZERO, ..config(true) });
    hand.send(0);
    let (correlation, _) = hand.wire.get_mut(&ONE).and_then(VecDeque::pop_front).expect("sent");
    let answer = Response::Produce(vec![(tp(0), Ok(Offset(41)))], Vec::new());
    let answer = Box::new(Message::Response(correlation, answer));
    let from = Peer { connection: ConnectionId(1), route: data(ONE) };
    let throttled = Message::Throttled(Micros::from_secs(3), answer);
    hand.step(Input::Deliver { from, message: throttled });
    assert_eq!(hand.outcomes(), [Outcome::Acked(vec![0], 41)]);
    hand.send(1);
    assert!(hand.in_flight().is_empty());
    let over = Timer::Network(NetworkTimer::Throttle(data(ONE)));
    assert_eq!(hand.timers[&over].min, Micros::from_secs(3));
    hand.fire(over);
    assert_eq!(hand.in_flight(), [[1]]);
}
