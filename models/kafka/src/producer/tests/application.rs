//! What the application does with failed sends, and at its end (R6.4, R6.24).

use super::hand::*;
use crate::config::ProducerConfig;
use crate::machine::Input;
use crate::observation::Observation;
use crate::producer::{ProducerCall, Timer};
use ackproof_types::{AfterCrash, AtEnd, ErrorCode, OnFailure, Record, Sending};

fn sending(sending: Sending) -> Hand {
    Hand::ready(&ProducerConfig { sending, retries: 0, ..config(false) })
}

fn ending(end: AtEnd) -> Hand {
    sending(Sending { end, ..Sending::default() })
}

fn failing(on_failure: OnFailure) -> Hand {
    sending(Sending { on_failure, ..Sending::default() })
}

fn end(hand: &mut Hand) {
    hand.step(Input::Call(ProducerCall::End));
}

/// Has it ended, and is its work done?
fn ended(hand: &Hand) -> (bool, bool) {
    (hand.ended, hand.process.disk().is_over())
}

fn sent(hand: &Hand) -> Vec<u32> {
    let sent = hand.observed.iter().filter_map(|seen| match seen {
        Observation::Sent { record, .. } => Some(record.id.number),
        _ => None,
    });
    sent.collect()
}

fn unsent(hand: &Hand) -> Vec<u32> {
    let all = hand.observed.iter().filter_map(|seen| match seen {
        Observation::Unsent { records } => Some(records),
        _ => None,
    });
    all.flat_map(|records| records.iter().map(|it| it.id.number).collect::<Vec<_>>()).collect()
}

#[test]
fn a_flush_sends_what_lingers_and_waits_for_it() {
    let mut hand = ending(AtEnd::Flush);
    hand.send(0);
    assert!(hand.in_flight().is_empty(), "it lingers");
    end(&mut hand);
    assert_eq!((hand.in_flight(), ended(&hand)), (vec![vec![0]], (false, false)));
    hand.result(Ok(0));
    assert_eq!((ended(&hand), hand.cursor), ((true, true), 1));
    assert!(unsent(&hand).is_empty());
}

/// R17.33.
#[test]
fn a_flush_waits_for_the_parts_of_a_split_batch_from_its_line_on() {
    for waits in [true, false] {
        let config = ProducerConfig {
            flush_waits_for_parts: waits,
            batch_size: 400,
            sending: Sending { end: AtEnd::Flush, ..Sending::default() },
            ..config(true)
        };
        let mut hand = Hand::ready(&config);
        hand.send(0);
        hand.send(1);
        end(&mut hand);
        assert_eq!(hand.in_flight(), [[0, 1]]);
        hand.process.machine_mut().accumulator.batch_size = 200;
        hand.result(Err(ErrorCode::MessageTooLarge));
        assert_eq!(hand.ended, !waits, "the parts are under way, and nobody waits for them");
        if waits {
            hand.result(Ok(0));
            hand.result(Ok(1));
            assert_eq!(ended(&hand), (true, true));
        }
    }
}

#[test]
fn a_process_that_exits_loses_its_buffer() {
    let mut hand = ending(AtEnd::Exit);
    hand.send_batches(2);
    hand.send(2);
    assert_eq!(hand.in_flight(), [[0], [1]], "the third lingers");
    end(&mut hand);
    assert_eq!((ended(&hand), unsent(&hand)), ((true, true), vec![2]));
    assert!(hand.outcomes().is_empty(), "what is under way may be written");
}

#[test]
fn the_last_call_of_send_returns_before_the_process_exits() {
    let small = ProducerConfig {
        buffer_memory: 200,
        sending: Sending { end: AtEnd::Exit, ..Sending::default() },
        ..config(false)
    };
    let mut hand = Hand::ready(&small);
    hand.send(0);
    hand.send(1);
    end(&mut hand);
    assert_eq!(ended(&hand), (false, false), "it is blocked");
    hand.result(Ok(0));
    assert_eq!((ended(&hand), unsent(&hand)), ((true, true), vec![1]));
}

#[test]
fn a_process_that_stays_does_not_end() {
    let mut hand = ending(AtEnd::Stay);
    hand.send_batches(1);
    end(&mut hand);
    hand.result(Ok(0));
    assert_eq!(ended(&hand), (false, false));
}

#[test]
fn a_failed_send_is_dropped() {
    let mut hand = failing(OnFailure::Drop);
    hand.send_batches(1);
    hand.result(Err(ErrorCode::RequestTimedOut));
    assert_eq!((sent(&hand), hand.cursor), (vec![0], 1));
}

#[test]
fn a_failed_send_is_sent_again_until_it_is_acknowledged() {
    let mut hand = failing(OnFailure::Resend);
    hand.send_batches(1);
    hand.result(Err(ErrorCode::RequestTimedOut));
    assert_eq!((sent(&hand), hand.cursor), (vec![0, 0], 0));
    hand.fire(Timer::Linger(0));
    hand.result(Ok(3));
    assert_eq!(hand.outcomes()[1..], [Outcome::Acked(vec![0], 3)]);
    assert_eq!(hand.cursor, 1);
}

#[test]
fn a_call_that_timed_out_is_made_again() {
    let sending = Sending { on_failure: OnFailure::Resend, ..Sending::default() };
    let small = ProducerConfig { buffer_memory: 200, sending, ..config(false) };
    let mut hand = Hand::ready(&small);
    hand.send(0);
    hand.send(1);
    hand.fire(Timer::MaxBlock(record(1).id));
    assert_eq!(hand.outcomes(), [Outcome::Rejected(1, ErrorCode::Timeout)]);
    assert!(hand.timers.contains_key(&Timer::MaxBlock(record(1).id)), "it waits again");
    hand.result(Ok(0));
    assert_eq!(sent(&hand), [0, 1]);
}

#[test]
fn what_no_call_can_help_is_not_sent_again() {
    let mut hand = failing(OnFailure::Resend);
    hand.send_record(Record { size: 1 << 20, ..record(0) });
    assert_eq!(hand.outcomes(), [Outcome::Rejected(0, ErrorCode::MessageTooLarge)]);
    assert_eq!(hand.cursor, 1);
}

#[test]
fn a_failed_send_stops_the_process_before_its_source_moves_on() {
    let mut hand = failing(OnFailure::Stop);
    hand.send_batches(1);
    hand.send(1);
    hand.result(Err(ErrorCode::RequestTimedOut));
    assert_eq!((ended(&hand), hand.cursor), ((true, false), 0));
    assert_eq!(unsent(&hand), [1]);
    let mut hand = failing(OnFailure::Stop);
    hand.send_record(Record { size: 1 << 20, ..record(0) });
    assert_eq!((ended(&hand), hand.cursor), ((true, false), 0), "send itself failed");
}

/// A thread calls `send` for the next record when it has returned from the one before.
#[test]
fn a_blocked_thread_sends_nothing_else() {
    let threads = |threads| {
        let sending = Sending { threads, ..Sending::default() };
        let small = ProducerConfig { buffer_memory: 200, sending, ..config(false) };
        let mut hand = Hand::ready(&small);
        (0..4).for_each(|number| hand.send(number));
        hand
    };
    let waiting = |hand: &Hand| {
        let is_call = |timer: &&Timer| matches!(timer, Timer::MaxBlock(_));
        hand.timers.keys().filter(is_call).count()
    };
    assert_eq!([None, Some(2), Some(1)].map(|it| waiting(&threads(it))), [3, 2, 1]);
    let mut hand = threads(Some(1));
    hand.fire(Timer::MaxBlock(record(1).id));
    assert_eq!(hand.outcomes(), [Outcome::Rejected(1, ErrorCode::Timeout)]);
    assert!(hand.timers.contains_key(&Timer::MaxBlock(record(2).id)), "the next call");
    hand.result(Ok(0));
    assert_eq!(sent(&hand), [0, 2]);
    assert_eq!(waiting(&hand), 1, "the last one is blocked now");
}

#[test]
fn a_source_that_forgets_moves_on_with_calls() {
    let mut hand = sending(Sending { after_crash: AfterCrash::Drop, ..Sending::default() });
    hand.send(0);
    hand.send(1);
    assert_eq!(hand.cursor, 2, "nothing is acknowledged");
    let small = ProducerConfig {
        buffer_memory: 200,
        sending: Sending { after_crash: AfterCrash::Drop, ..Sending::default() },
        ..config(false)
    };
    let mut hand = Hand::ready(&small);
    hand.send(0);
    hand.send(1);
    assert_eq!(hand.cursor, 1, "the second call has not returned");
}
