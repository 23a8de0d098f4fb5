//! `auto.offset.reset` by a duration (R17.51).

use super::*;
use crate::config::ResetTo;
use crate::message::OffsetSpec;
use ackproof_types::Micros;

fn is_look_up(request: &Request) -> bool {
    matches!(request, Request::Group(GroupRequest::OffsetFetch(..)) | Request::ListOffsets(_))
}

/// A member without a commit, whose question where to begin is held.
fn member() -> Harness {
    let length = Micros::from_secs(10);
    let to = Some(ResetTo::NotOlderThan(length));
    let settings =
        ConsumerConfig { auto_offset_reset: to, ..config(CommitStrategy::SyncAfterBatch) };
    let mut h = Harness::configured(&settings, is_look_up);
    h.now = Timestamp::from_micros(25_000_000);
    h.committed = None;
    h.answer_held();
    h
}

fn asked(h: &Harness) -> OffsetSpec {
    let [(.., Request::ListOffsets(asked))] = h.held.as_slice() else { panic!("{:?}", h.held) };
    asked[0].spec
}

#[test]
fn it_counts_back_from_the_moment_of_the_look_up() {
    let mut h = member();
    assert_eq!(asked(&h), OffsetSpec::Since(Timestamp::from_micros(15_000_000)));
    h.log_end = 2;
    h.release();
    assert_eq!(h.story()[1], "at 2 by NoCommit(NotOlderThan(Micros(10000000)))");
}

#[test]
fn while_nothing_is_new_enough_it_asks_again_when_the_request_would_have_timed_out() {
    let mut h = member();
    h.log_end = -1;
    h.answer_held();
    assert_eq!(h.story(), ["assigned 1 in 1"], "no position");
    assert!(h.held.is_empty());
    let again = Timer::NothingSince(harness::P0);
    assert_eq!(h.timers[&again], Micros::from_secs(30).into());
    h.now = Timestamp::from_micros(55_000_000);
    h.fire(again);
    assert_eq!(asked(&h), OffsetSpec::Since(Timestamp::from_micros(45_000_000)), "counted anew");
    h.log_end = 3;
    h.release();
    assert_eq!(h.story()[0], "at 3 by NoCommit(NotOlderThan(Micros(10000000)))");
}
