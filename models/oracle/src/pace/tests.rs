//! Histories and how fast their records got through.

use super::*;
use crate::test_history::{G, P, context};
use std::sync::Arc;

const BILLING: ProducerIndex = ProducerIndex(0);

impl Clocks {
    fn concluded(self, end: Timestamp) -> Pace {
        self.conclude(end, &Obstacles::new(Arc::new(context())))
    }
}

fn started() -> Clocks {
    Clocks::new(2, [[TopicId(1)].as_slice()].into_iter())
}

fn at(ms: u64) -> Timestamp {
    Timestamp::from_micros(ms * 1000)
}

fn id(number: u32) -> RecordId {
    RecordId { producer: BILLING, number }
}

fn acked(clocks: &mut Clocks, ms: u64, base: i64, numbers: &[u32]) {
    clocks.acked(at(ms), P, Offset(base), numbers.iter().map(|number| id(*number)));
}

fn millis(ms: u64) -> Micros {
    Micros::from_millis(ms)
}

#[test]
fn latencies_are_from_the_first_send() {
    let mut clocks = started();
    clocks.sent(at(1000), id(0), Some(P));
    // The application sends it again.
    clocks.sent(at(1100), id(0), Some(P));
    acked(&mut clocks, 1300, 0, &[0]);
    clocks.processed(at(1700), G, (P, Offset(0)), id(0), false);
    clocks.processed(at(9000), G, (P, Offset(0)), id(0), true);
    let pace = clocks.concluded(at(9000));
    assert_eq!(pace.acknowledgement.longest(), Some(millis(300)));
    let group = &pace.groups[0];
    assert_eq!((group.end_to_end.count(), group.end_to_end.longest()), (1, Some(millis(700))));
}

#[test]
fn what_comes_before_the_group_is_formed_is_not_measured() {
    let mut clocks = started();
    for (number, ms) in [(0, 0), (1, 6900)] {
        clocks.sent(at(ms), id(number), Some(P));
        acked(&mut clocks, ms + 10, i64::from(number), &[number]);
    }
    clocks.begin(at(7000), G);
    clocks.processed(at(7200), G, (P, Offset(0)), id(0), false);
    clocks.processed(at(7300), G, (P, Offset(1)), id(1), false);
    clocks.sent(at(8000), id(2), Some(P));
    acked(&mut clocks, 8010, 2, &[2]);
    clocks.processed(at(8040), G, (P, Offset(2)), id(2), false);
    let group = clocks.concluded(at(9000)).groups.remove(0);
    assert_eq!((group.end_to_end.count(), group.end_to_end.longest()), (1, Some(millis(40))));
    assert_eq!(group.reads.map(|reads| reads.longest), Some(millis(200)));
    assert_eq!(group.begins, Some(at(7000)));
}

#[test]
fn a_partition_stalls_while_records_wait_and_none_gets_through() {
    let mut clocks = started();
    clocks.sent(at(0), id(0), Some(P));
    acked(&mut clocks, 10, 0, &[0]);
    // Nothing waits: no stall, however long.
    clocks.sent(at(10_000), id(1), Some(P));
    clocks.sent(at(11_000), id(2), Some(P));
    acked(&mut clocks, 14_000, 1, &[1]);
    acked(&mut clocks, 14_900, 2, &[2]);
    let writes = clocks.concluded(at(20_000)).writes.unwrap();
    assert_eq!((writes.longest, writes.stalled), (millis(4000), millis(4000)));
    assert_eq!(writes.observed, millis(14_900));
}

#[test]
fn a_failure_is_no_progress_and_ends_the_wait_of_the_last() {
    let mut clocks = started();
    clocks.sent(at(0), id(0), Some(P));
    clocks.sent(at(0), id(1), Some(P));
    clocks.failed(at(3000), P, id(0), 1);
    clocks.failed(at(5000), P, id(1), 1);
    clocks.sent(at(9000), id(2), Some(P));
    let writes = clocks.concluded(at(11_000)).writes.unwrap();
    assert_eq!((writes.longest, writes.stalled), (millis(5000), millis(7000)));
}

#[test]
fn a_producer_that_is_down_waits_for_nothing() {
    let mut clocks = started();
    clocks.sent(at(0), id(0), Some(P));
    clocks.ended(at(500), BILLING);
    clocks.sent(at(60_000), id(0), Some(P));
    acked(&mut clocks, 60_100, 0, &[0]);
    let writes = clocks.concluded(at(60_100)).writes.unwrap();
    assert_eq!((writes.longest, writes.stalled), (millis(500), Micros::ZERO));
}

#[test]
fn a_group_stalls_on_what_is_acknowledged_and_not_processed() {
    let mut clocks = started();
    for number in 0..3 {
        clocks.sent(at(0), id(number), Some(P));
    }
    acked(&mut clocks, 100, 0, &[0, 1]);
    clocks.processed(at(2100), G, (P, Offset(0)), id(0), false);
    // Again is no progress.
    clocks.processed(at(3000), G, (P, Offset(0)), id(0), true);
    clocks.processed(at(5100), G, (P, Offset(1)), id(1), false);
    let reads = clocks.concluded(at(9000)).groups[0].reads.unwrap();
    assert_eq!((reads.longest, reads.stalled), (millis(3000), millis(5000)));
}

#[test]
fn nobody_waits_for_what_the_log_has_lost() {
    let mut waiting = started();
    waiting.sent(at(0), id(0), Some(P));
    acked(&mut waiting, 100, 5, &[0]);
    assert_eq!(waiting.concluded(at(9000)).groups[0].reads.unwrap().stalled, millis(8900));
    let mut clocks = started();
    clocks.sent(at(0), id(0), Some(P));
    acked(&mut clocks, 100, 5, &[0]);
    clocks.read_to(P, Offset(0));
    assert_eq!(clocks.concluded(at(9000)).groups[0].reads.unwrap().stalled, Micros::ZERO);
}

#[test]
fn without_acknowledgements_there_is_no_latency() {
    let mut clocks = started();
    clocks.sent(at(0), id(0), Some(P));
    clocks.acked(at(1), P, Offset::UNKNOWN, [id(0)].into_iter());
    let pace = clocks.concluded(at(9000));
    assert_eq!((pace.acknowledgement.count(), pace.groups[0].reads), (0, None));
}

#[test]
fn where_nobody_says_what_waits_nothing_is_told_of_stalls() {
    let mut clocks = started();
    clocks.sent(at(0), id(0), None);
    acked(&mut clocks, 9000, 0, &[0]);
    let pace = clocks.concluded(at(9000));
    assert_eq!((pace.acknowledgement.count(), pace.writes), (1, None));
    assert!(pace.groups[0].reads.is_some(), "what is acknowledged waits for the group");
}

#[test]
fn a_call_of_send_counts_from_the_call() {
    let mut clocks = started();
    clocks.sent(at(0), id(0), Some(P));
    acked(&mut clocks, 10, 0, &[0]);
    clocks.blocked(at(10_000), id(1));
    clocks.blocked(at(30_000), id(2));
    clocks.sent(at(58_000), id(1), Some(P));
    clocks.sent(at(58_000), id(2), Some(P));
    acked(&mut clocks, 58_100, 1, &[1, 2]);
    let pace = clocks.concluded(at(60_000));
    let writes = pace.writes.unwrap();
    assert_eq!((writes.longest, writes.stalled), (millis(48_100), millis(48_100)));
    assert_eq!(writes.observed, millis(58_100), "no time counts twice");
    assert_eq!(pace.acknowledgement.longest(), Some(millis(48_100)));
}

#[test]
fn what_got_through_meanwhile_cuts_the_wait_of_a_call_short() {
    let mut clocks = started();
    clocks.sent(at(0), id(0), Some(P));
    clocks.blocked(at(1000), id(1));
    acked(&mut clocks, 5000, 0, &[0]);
    clocks.sent(at(7000), id(1), Some(P));
    acked(&mut clocks, 8000, 1, &[1]);
    let writes = clocks.concluded(at(8000)).writes.unwrap();
    assert_eq!((writes.longest, writes.stalled), (millis(5000), millis(8000)));
}

#[test]
fn calls_that_fail_have_waited_and_those_of_the_dead_wait_no_more() {
    let mut clocks = started();
    clocks.blocked(at(0), id(0));
    clocks.blocked(at(1000), id(1));
    clocks.rejected(at(60_000), id(0));
    clocks.rejected(at(61_000), id(1));
    clocks.blocked(at(90_000), id(2));
    clocks.ended(at(91_000), BILLING);
    let writes = clocks.concluded(at(200_000)).writes.unwrap();
    assert_eq!((writes.longest, writes.stalled), (millis(61_000), millis(61_000)));
}

#[test]
fn a_failure_ends_no_wait_while_calls_block() {
    let waits = |last: &dyn Fn(&mut Clocks)| {
        let mut clocks = started();
        clocks.sent(at(10_000), id(0), Some(P));
        clocks.blocked(at(10_100), id(1));
        clocks.failed(at(40_000), P, id(0), 1);
        last(&mut clocks);
        let writes = clocks.concluded(at(100_000)).writes.unwrap();
        (writes.longest, writes.stalled)
    };
    let admitted = waits(&|clocks| {
        clocks.sent(at(58_000), id(1), Some(P));
        acked(clocks, 59_000, 0, &[1]);
    });
    assert_eq!(admitted, (millis(49_000), millis(49_000)));
    let rejected = waits(&|clocks| clocks.rejected(at(70_100), id(1)));
    assert_eq!(rejected.0, millis(60_100), "nothing waits any more");
    let ended = waits(&|clocks| clocks.ended(at(50_000), BILLING));
    assert_eq!(ended.0, millis(40_000));
}
