//! An application that sends on what it makes of records: what waits for an outcome, and what does not.

use super::super::*;
use super::harness::{Harness, batch, config};
use crate::config::OutputConfig;
use ackproof_types::{
    Awaits, CommitEvery, CommitStrategy, Consuming, Lane, OnRecordFailure, ProducerIndex,
};
use proptest::prelude::*;

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

/// What may happen next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The attempt at a record is over.
    Work,
    /// The oldest output without an outcome gets one.
    Settle,
    /// The interval of auto-commit is over.
    Interval,
    /// The group rebalances.
    Rebalance,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Work),
        4 => Just(Step::Settle),
        2 => Just(Step::Interval),
        1 => Just(Step::Rebalance),
    ];
    prop::collection::vec(step, 1..120)
}

fn strategies() -> impl Strategy<Value = (CommitStrategy, Option<CommitEvery>)> {
    prop_oneof![
        Just((CommitStrategy::Auto, None)),
        Just((CommitStrategy::SyncAfterBatch, None)),
        Just((CommitStrategy::SyncAfterBatch, Some(CommitEvery::Records(3)))),
        Just((CommitStrategy::AsyncAfterBatch, None)),
        Just((CommitStrategy::SyncPerRecord, None)),
    ]
}

proptest! {
    /// Whatever comes in which order: no commit passes a record whose outputs have no outcome.
    #[test]
    fn no_commit_passes_what_has_no_outcome((commit, commit_every) in strategies(), steps in steps()) {
        let consuming = Consuming { commit_every, ..Consuming::default() };
        let mut h = producing(commit, consuming, WAITS, 8);
        h.log_end = 60;
        // Of each output the offset that it was made of.
        let (mut made, mut dead, mut settled) = (Vec::new(), Vec::new(), 0_u32);
        for step in steps {
            let fire = |h: &mut Harness, timer| {
                if h.timers.contains_key(&timer) {
                    h.fire(timer);
                }
            };
            match step {
                Step::Work => fire(&mut h, Timer::Process),
                Step::Interval => fire(&mut h, Timer::AutoCommit),
                Step::Rebalance => {
                    h.heartbeat = Err(ErrorCode::RebalanceInProgress);
                    fire(&mut h, Timer::Heartbeat);
                    h.heartbeat = Ok(());
                }
                Step::Settle if (settled as usize) < made.len() => {
                    settled += 1;
                    h.outputs_settled(Lane::Results, settled);
                }
                Step::Settle => {}
            }
            for line in h.story() {
                let of = |word: &str| line.strip_prefix(word).and_then(|it| it.parse::<i64>().ok());
                if let Some(offset) = of("processed ") {
                    made.push(offset);
                }
                // It fails, is put aside, and nobody asks what becomes of it.
                dead.extend(of("dead "));
                if let Some(to) = of("sent ") {
                    let done = &made[..settled as usize];
                    let has = |offset| done.contains(&offset) || dead.contains(&offset);
                    prop_assert!((0..to).all(has), "{commit}: {to} with {settled} of {made:?}");
                }
            }
        }
    }
}
