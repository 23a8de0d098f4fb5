//! An application that sends on what it makes of records: what waits for an outcome, and what does not.

use super::super::*;
use super::harness::{Harness, batch, config};
use crate::config::OutputConfig;
use ackproof_types::{
    Awaits, CommitEvery, CommitStrategy, Consuming, Lane, OnRecordFailure, ProducerIndex,
};

const NOTHING: [&str; 0] = [];

fn producing(
    commit: CommitStrategy,
    consuming: Consuming,
    awaits: [Option<Awaits>; 2],
    fails: i64,
) -> Harness {
    let mut settings = config(commit);
    let application = &mut settings.application;
    application.consuming = consuming;
    application.fails = [batch(0, 9).records()[usize::try_from(fails).unwrap()].id].into();
    let output = |awaits| OutputConfig { producer: ProducerIndex(1), awaits };
    application.outputs.results = awaits[0].map(output);
    application.outputs.dead_letters = awaits[1].map(output);
    let mut h = Harness::configured(&settings, |_| false);
    h.story();
    h
}

const WAITS: [Option<Awaits>; 2] = [Some(Awaits::BeforeCommit), None];

#[test]
fn a_commit_waits_for_every_outcome() {
    let mut h = producing(CommitStrategy::SyncAfterBatch, Consuming::default(), WAITS, 8);
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.story(), ["processed 0", "processed 1"], "it flushes");
    assert_eq!(h.outputs(), [(Lane::Results, 0), (Lane::Results, 1)]);
    h.outputs_settled(Lane::Results, 1);
    assert_eq!(h.story(), NOTHING, "one of two");
    h.outputs_settled(Lane::Results, 2);
    assert_eq!(h.story(), ["sent 2", "committed 2", "polled 2+2"]);
}

#[test]
fn a_commit_of_each_record_waits_for_that_record() {
    let mut h = producing(CommitStrategy::SyncPerRecord, Consuming::default(), WAITS, 8);
    h.fire(Timer::Process);
    assert_eq!(h.story(), ["processed 0"]);
    h.outputs_settled(Lane::Results, 1);
    assert_eq!(h.story(), ["sent 1", "committed 1"]);
}

#[test]
fn a_commit_in_the_middle_of_a_poll_waits() {
    let commit_every = Some(CommitEvery::Records(1));
    let consuming = Consuming { commit_every, ..Consuming::default() };
    let mut h = producing(CommitStrategy::SyncAfterBatch, consuming, WAITS, 8);
    h.fire(Timer::Process);
    assert_eq!(h.story(), ["processed 0"]);
    h.outputs_settled(Lane::Results, 1);
    assert_eq!(h.story(), ["sent 1", "committed 1"]);
}

/// With auto-commit the next poll commits: it is the one that waits.
#[test]
fn a_poll_waits_where_the_poll_commits() {
    let mut h = producing(CommitStrategy::Auto, Consuming::default(), WAITS, 8);
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    h.fire(Timer::AutoCommit);
    assert_eq!(h.story(), ["processed 0", "processed 1"]);
    h.outputs_settled(Lane::Results, 2);
    assert_eq!(h.story(), ["sent 2", "polled 2+2", "committed 2"]);
}

#[test]
fn who_does_not_wait_commits_at_once() {
    let never = [Some(Awaits::Never), Some(Awaits::Never)];
    let mut h = producing(CommitStrategy::SyncAfterBatch, Consuming::default(), never, 1);
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    let story = ["processed 0", "dead 1", "sent 2", "committed 2", "polled 2+2"];
    assert_eq!(h.story(), story);
    assert_eq!(h.outputs(), [(Lane::Results, 0), (Lane::DeadLetters, 0)]);
}

#[test]
fn a_dead_letter_is_waited_for_and_results_are_not() {
    let awaits = [Some(Awaits::Never), Some(Awaits::BeforeCommit)];
    let mut h = producing(CommitStrategy::SyncAfterBatch, Consuming::default(), awaits, 1);
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(h.story(), ["processed 0", "dead 1"]);
    h.outputs_settled(Lane::DeadLetters, 1);
    assert_eq!(h.story(), ["sent 2", "committed 2", "polled 2+2"]);
}

#[test]
fn an_exception_does_not_get_past_what_was_sent_before_it() {
    let consuming = Consuming { on_failure: OnRecordFailure::SeekBack, ..Consuming::default() };
    let mut h = producing(CommitStrategy::Auto, consuming, WAITS, 1);
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    let before = h.story();
    assert!(!before.iter().any(|step| step.starts_with("polled")), "{before:?}");
    h.outputs_settled(Lane::Results, 1);
    assert!(h.story().iter().any(|step| step.starts_with("polled 1")), "it polls on");
}

#[test]
fn who_is_asked_to_leave_flushes_first() {
    let mut h = producing(CommitStrategy::SyncAfterBatch, Consuming::default(), WAITS, 8);
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    h.step(Input::Call(ConsumerCall::Leave));
    assert!(!h.exited);
    h.outputs_settled(Lane::Results, 2);
    assert!(h.exited);
    assert!(h.story().contains(&"committed 2".to_owned()));
}
