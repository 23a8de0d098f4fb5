//! From `send` to a request: batches, linger, memory, drains (R6.1–R6.7).

use super::hand::*;
use crate::client::NetworkTimer;
use crate::config::ProducerConfig;
use crate::message::Acks;
use crate::observation::Observation;
use crate::producer::{BatchId, Timer};
use ackproof_types::{BrokerId, ErrorCode, Micros, Record, RecordId};

/// A partition for each of the keys 0..
fn partition_of(key: u32, partitions: u16) -> u16 {
    crate::client::murmur2::partition_of(key.to_string().as_bytes(), partitions)
}

/// A record with a key that hashes to `partition` of `partitions`.
fn record_for(number: u32, partition: u16, partitions: u16) -> Record {
    let key = (0..).find(|key| partition_of(*key, partitions) == partition);
    Record { key, ..record(number) }
}

#[test]
fn a_record_is_acknowledged_at_its_offset() {
    let mut hand = Hand::ready(&config(true));
    hand.send(0);
    assert!(hand.in_flight().is_empty(), "it lingers");
    hand.fire(Timer::Linger(0));
    assert_eq!(stamp(&hand.oldest()), (0, 0));
    hand.result(Ok(41));
    assert_eq!(hand.outcomes(), [Outcome::Acked(vec![0], 41)]);
    assert_eq!(hand.cursor, 1);
    assert!(!hand.timers.contains_key(&Timer::Delivery(0, BatchId(1))), "it has its outcome");
}

#[test]
fn a_full_batch_or_one_behind_it_does_not_linger() {
    let mut hand = Hand::ready(&config(false));
    hand.send_record(Record { size: 130, ..record(0) });
    assert_eq!(
        hand.in_flight(),
        [[0]],
        "a header of 61 bytes and a record of 130 + 9 fill a batch"
    );
    hand.send(1);
    assert_eq!(hand.in_flight().len(), 1);
    hand.send(2);
    assert_eq!(hand.in_flight(), [[0], [1]], "there is no room for the third in the second batch");
    hand.fire(Timer::Linger(0));
    assert_eq!(hand.in_flight(), [[0], [1], [2]], "the batch behind lingers from its own creation");
}

#[test]
fn a_batch_takes_records_until_it_is_drained() {
    let mut hand = Hand::ready(&config(false));
    hand.process.machine_mut().config.max_in_flight = 1;
    let small = |number| Record { size: 20, ..record(number) };
    hand.send(0);
    hand.fire(Timer::Linger(0));
    hand.send_record(small(1));
    hand.fire(Timer::Linger(0));
    hand.send_record(small(2));
    hand.result(Ok(0));
    assert_eq!(hand.in_flight(), [[1, 2]], "due, but held up: it still took the next record");
}

#[test]
fn without_linger_a_batch_goes_at_once() {
    let mut hand = Hand::ready(&ProducerConfig { linger: Micros::ZERO, ..config(false) });
    hand.send(0);
    assert_eq!(hand.in_flight(), [[0]]);
}

#[test]
fn a_drain_takes_one_batch_of_every_partition_lingering_or_not() {
    let leaders = [leader(0, Some(ONE), 0), leader(1, Some(ONE), 0)];
    let mut hand = Hand::ready_with(&config(true), &leaders);
    hand.send_record(record_for(0, 1, 2));
    hand.send_record(record_for(1, 0, 2));
    hand.send_record(record_for(2, 0, 2));
    let requests = hand.produces(ONE);
    let batches: Vec<Vec<u16>> =
        requests.iter().map(|it| it.batches.iter().map(|(id, _)| id.partition).collect()).collect();
    assert_eq!(batches, [vec![0, 1]], "partition 1 did not wait for its linger");
    hand.fire(Timer::Linger(0));
    assert_eq!(hand.produces(ONE).len(), 2);
}

#[test]
fn a_request_is_no_larger_than_max_request_size() {
    let leaders = [leader(0, Some(ONE), 0), leader(1, Some(ONE), 0)];
    let config = ProducerConfig { max_request_size: 300, ..config(false) };
    let mut hand = Hand::ready_with(&config, &leaders);
    hand.send_record(record_for(0, 0, 2));
    hand.send_record(record_for(1, 1, 2));
    hand.fire(Timer::Linger(0));
    let sizes: Vec<usize> = hand.produces(ONE).iter().map(|it| it.batches.len()).collect();
    assert_eq!(sizes, [1], "two batches of 170 bytes are too much for one request");
    hand.fire(Timer::Linger(1));
    assert_eq!(hand.produces(ONE).len(), 2);
}

#[test]
fn no_more_requests_are_in_flight_than_allowed() {
    let mut hand = Hand::ready(&config(true));
    hand.send_batches(8);
    assert_eq!(hand.in_flight().len(), 5);
    hand.result(Ok(0));
    assert_eq!(hand.in_flight(), [[1], [2], [3], [4], [5]]);
}

#[test]
fn with_one_in_flight_a_partition_is_mute_until_its_answer() {
    let leaders = [leader(0, Some(ONE), 0), leader(1, Some(TWO), 0)];
    let two = ProducerConfig {
        bootstrap: [BrokerId(1), BrokerId(2)].into(),
        max_in_flight: 1,
        ..config(false)
    };
    let mut hand = Hand::ready_with(&two, &leaders);
    hand.send_record(record_for(0, 0, 2));
    hand.send_record(record_for(1, 0, 2));
    hand.settle(&leaders);
    assert_eq!(hand.in_flight(), [[0]]);
    // The leader moves while the request is in flight: its batch could still overtake nothing.
    hand.process.machine_mut().take_hints(&[leader(0, Some(TWO), 1)]);
    hand.fire(Timer::Linger(0));
    assert!(hand.produces(TWO).is_empty(), "mute");
    hand.result(Ok(0));
    hand.settle(&[leader(0, Some(TWO), 1), leader(1, Some(TWO), 0)]);
    assert_eq!(numbers(&hand.oldest_of(TWO).batches[0].1), [1]);
}

#[test]
fn records_wait_for_memory_in_order_and_the_wait_ends() {
    let mut hand = Hand::ready(&ProducerConfig { buffer_memory: 400, ..config(false) });
    for number in 0..4 {
        hand.send(number);
    }
    assert_eq!(hand.in_flight(), [[0], [1]], "a batch takes batch.size, however full; no linger");
    assert!(hand.timers.contains_key(&Timer::MaxBlock(record(2).id)));
    hand.result(Ok(0));
    assert!(!hand.timers.contains_key(&Timer::MaxBlock(record(2).id)), "it is let in");
    hand.fire(Timer::MaxBlock(record(3).id));
    assert_eq!(hand.outcomes()[1..], [Outcome::Rejected(3, ErrorCode::Timeout)], "never sent");
}

#[test]
fn with_memory_exhausted_batches_do_not_linger() {
    let leaders = [leader(0, Some(ONE), 0), leader(1, Some(ONE), 0)];
    let config = ProducerConfig { buffer_memory: 200, ..config(false) };
    let mut hand = Hand::ready_with(&config, &leaders);
    hand.send_record(record_for(0, 0, 2));
    assert!(hand.in_flight().is_empty());
    hand.send_record(record_for(1, 1, 2));
    assert_eq!(hand.in_flight(), [[0]], "another partition has no memory");
}

#[test]
fn an_expired_batch_lets_waiting_records_in() {
    let config = ProducerConfig { buffer_memory: 200, ..config(false) };
    let mut hand = Hand::ready(&config);
    hand.fire(METADATA_AGE);
    hand.settle(&[leader(0, None, 1)]);
    hand.send(0);
    hand.send(1);
    hand.expire(1);
    assert_eq!(hand.outcomes(), [Outcome::Failed(vec![0], ErrorCode::Timeout, MaybeWritten::No)]);
    assert!(!hand.timers.contains_key(&Timer::MaxBlock(record(1).id)), "let in");
    assert!(hand.timers.contains_key(&Timer::Delivery(0, BatchId(2))));
}

#[test]
fn a_batch_written_without_acks_lets_waiting_records_in() {
    let none = ProducerConfig { buffer_memory: 200, acks: Acks::None, ..config(false) };
    let mut hand = Hand::ready(&none);
    for number in 0..4 {
        hand.send(number);
    }
    let written = hand.produces(BrokerId(0));
    let written: Vec<Vec<u32>> = written.iter().map(|it| numbers(&it.batches[0].1)).collect();
    assert_eq!(written, [[0], [1], [2]], "each makes room for the next");
    assert_eq!(hand.outcomes().len(), 3, "written is success");
    assert_eq!(hand.outcomes()[0], Outcome::Acked(vec![0], -1));
}

/// `InFlightRequests#canSendMore`, `NetworkClient#handleTimedOutRequests`.
#[test]
fn without_acks_a_full_socket_holds_up_what_follows() {
    let none = ProducerConfig { acks: Acks::None, ..config(false) };
    let mut hand = Hand::ready(&none);
    hand.is_full = true;
    hand.send_batches(3);
    let written = |hand: &Hand| hand.produces(BrokerId(0)).len();
    assert_eq!((written(&hand), hand.outcomes().len()), (1, 0), "the socket has not taken it");
    hand.drain();
    assert_eq!(hand.outcomes(), [Outcome::Acked(vec![0], -1)]);
    assert_eq!(written(&hand), 2, "the next one");
    let request = |timer: &&Timer| matches!(timer, Timer::Network(NetworkTimer::Request(_)));
    let timeout = *hand.timers.keys().find(request).expect("request.timeout.ms runs");
    hand.fire(timeout);
    assert_eq!(hand.closed, [ONE], "and ends the connection");
    assert_eq!(hand.outcomes().len(), 1, "what was on its way is tried again");
    hand.is_full = false;
    hand.back_off(2);
    hand.reconnect(ONE, &[leader(0, Some(ONE), 0)]);
    assert_eq!(hand.outcomes()[1..], [Outcome::Acked(vec![1], -1), Outcome::Acked(vec![2], -1)]);
}

#[test]
fn a_record_that_can_never_be_sent_is_rejected() {
    let mut hand = Hand::ready(&config(false));
    hand.send_record(Record { size: 1 << 20, ..record(0) });
    assert_eq!(hand.outcomes(), [Outcome::Rejected(0, ErrorCode::MessageTooLarge)]);
    let mut hand = Hand::ready(&ProducerConfig { buffer_memory: 500, ..config(false) });
    hand.send_record(Record { size: 450, ..record(0) });
    assert_eq!(hand.outcomes(), [Outcome::Rejected(0, ErrorCode::MessageTooLarge)]);
}

#[test]
fn records_wait_for_the_topic() {
    let mut hand = Hand::new(&config(false));
    hand.send(0);
    hand.send(1);
    hand.settle(&[]);
    assert!(hand.outcomes().is_empty());
    hand.fire(METADATA_BACKOFF);
    hand.settle(&[leader(0, Some(ONE), 0)]);
    hand.fire(Timer::Linger(0));
    assert_eq!(hand.in_flight(), [[0], [1]]);
    let id = |number| RecordId { number, ..record(0).id };
    assert!(!hand.timers.contains_key(&Timer::MaxBlock(id(1))));
}

/// `partitioner.availability.timeout.ms` (KIP-794).
#[test]
fn a_broker_that_takes_nothing_gets_no_more_records_without_a_key() {
    let two = BrokerId(2);
    let leaders = [leader(0, Some(ONE), 0), leader(1, Some(two), 0)];
    let config = ProducerConfig {
        bootstrap: [ONE, two].into(),
        linger: Micros::ZERO,
        max_in_flight: 2,
        availability_timeout: Micros::from_secs(1),
        ..config(false)
    };
    let mut hand = Hand::ready_with(&config, &leaders);
    let send = |hand: &mut Hand, numbers: std::ops::Range<u32>| {
        let before = hand.observed.len();
        for number in numbers {
            hand.send(number);
            hand.settle(&leaders);
            while !hand.produces(ONE).is_empty() {
                hand.result_of(ONE, Ok(0));
            }
        }
        let sent = hand.observed[before..].iter().filter_map(|seen| match seen {
            Observation::Sent { partition, .. } => Some(partition.partition),
            _ => None,
        });
        sent.collect::<Vec<u16>>()
    };
    assert!(send(&mut hand, 0..40).contains(&1));
    hand.fire(Timer::Availability(two));
    // It stays on a partition for two batches at most.
    assert!(send(&mut hand, 40..140)[3..].iter().all(|partition| *partition == 0));
    while !hand.produces(two).is_empty() {
        hand.result_of(two, Ok(0));
    }
    assert!(send(&mut hand, 140..180).contains(&1), "it takes what is ready again");
}

#[test]
fn keys_are_ignored_if_the_application_says_so() {
    let leaders = [leader(0, Some(ONE), 0), leader(1, Some(ONE), 0)];
    for (ignore_keys, partitions) in [(false, vec![1]), (true, vec![0, 1])] {
        let config = ProducerConfig { ignore_keys, ..config(false) };
        let mut hand = Hand::ready_with(&config, &leaders);
        (0..40).for_each(|number| hand.send_record(record_for(number, 1, 2)));
        let sent = hand.observed.iter().filter_map(|seen| match seen {
            Observation::Sent { partition, .. } => Some(partition.partition),
            _ => None,
        });
        let mut sent: Vec<u16> = sent.collect();
        sent.sort_unstable();
        sent.dedup();
        assert_eq!(sent, partitions);
    }
}
