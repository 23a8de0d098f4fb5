//! Ends that are healthy, ends that are not, and groups that only lag.

use crate::history::{Event, Phase, PositionSource, ProcessEnd};
use crate::test_history::*;
use crate::verdict::Judgement;
use ackproof_types::{BrokerId, ErrorCode, LeaderEpoch, MemberId, Offset, TopicPartition};
use std::sync::Arc;

const NAME: &str = "recovers";

/// A healed run whose last steps are `events`. The context's other topic recovers as well.
fn run(mut events: Vec<(u16, Event)>) -> Vec<(u16, Event)> {
    let (node, mut offsets) = elected(1, 0, &[1, 2, 3]);
    if let Event::LeaderElected { partition, .. } = &mut offsets {
        partition.topic = ackproof_types::TopicId::CONSUMER_OFFSETS;
    }
    events.insert(0, (node, offsets));
    events.push(phase(Phase::Settle));
    events.push(phase(Phase::FinalRead));
    events
}

#[test]
fn no_leader_an_open_send_and_lag_each_violate() {
    let events = run(vec![elected(0, 1, &[1]), sent(0), high_watermark(1, 0, 1)]);
    let result = judge(NAME, events);
    assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 3));
}

/// An administrator moved it: as many replicas as it has then are enough, and fewer are not.
#[test]
fn a_partition_is_whole_with_the_replicas_that_it_was_given() {
    let moved = |replicas: &[u16]| {
        let replicas = replicas.iter().copied().map(BrokerId).collect();
        let adding = Arc::from([]);
        (0, Event::ReplicasChanged { partition: P, replicas, adding })
    };
    let judged = |events: Vec<(u16, Event)>| judge(NAME, run(events)).judgement;
    let short = || elected(1, 0, &[1, 3]);
    assert_eq!(judged(vec![short()]), Judgement::Violated, "it has three");
    assert_eq!(judged(vec![short(), moved(&[1, 3])]), Judgement::Held);
    assert_eq!(judged(vec![moved(&[3, 1]), short()]), Judgement::Held, "in any order");
    assert_eq!(judged(vec![moved(&[1, 2, 3, 4]), elected(1, 0, &[1, 2, 3])]), Judgement::Violated);
}

#[test]
fn a_healthy_end_holds() {
    let events = run(vec![
        elected(1, 0, &[1, 2, 3]),
        sent(0),
        high_watermark(1, 0, 1),
        acked(0, &[0]),
        processed(0, 0),
    ]);
    let result = judge(NAME, events);
    assert_eq!(result.judgement, Judgement::Held, "{:?}", result.violations);
}

/// Records 0 to 9 are written and committed; `work` happens, then a settle phase of `seconds` in
/// which `late` happens at its end.
fn settle(
    work: Vec<(u16, Event)>,
    seconds: usize,
    late: Vec<(u16, Event)>,
) -> crate::verdict::PropertyResult {
    let mut events = vec![high_watermark(1, 0, 10)];
    events.extend(work);
    events.push(phase(Phase::Settle));
    events.extend((0..seconds).map(|_| (3, Event::BrokerStarted)));
    events.extend(late);
    events.push(phase(Phase::FinalRead));
    let mut context = context();
    context.groups[0].commit_interval = Some(ackproof_types::Micros::ZERO);
    judge_in(&context, NAME, events)
}

fn found(node: u16, offset: i64) -> (u16, Event) {
    positioned(node, offset, PositionSource::Committed)
}

fn done(upto: u32) -> Vec<(u16, Event)> {
    let given = vec![found(5, 0), polled(0, &(0..upto).collect::<Vec<u32>>())];
    let done = (0..upto).map(|number| processed(i64::from(number), number));
    given.into_iter().chain(done).collect()
}

fn failed_commit(offset: i64, error: ErrorCode) -> (u16, Event) {
    let offsets = [(P, Offset(offset))].into();
    (5, Event::CommitFailed { group: G, offsets, error, maybe_written: false })
}

#[test]
fn work_without_a_commit_is_lag_as_soon_as_the_commit_is_due() {
    let all = || done(10);
    let judgement = |work: Vec<(u16, Event)>| settle(work, 20, vec![]).judgement;
    let with = |more: Vec<(u16, Event)>| judgement([all(), more].concat());
    assert_eq!(with(vec![commit_sent(10), committed(10)]), Judgement::Held);
    let result = settle(all(), 20, vec![]);
    assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 1));
    let told = "ledger is 10 records behind in payments-0: it has processed up to 10 of 10 and committed \
                0, and is not catching up";
    assert!(result.violations[0].summary.starts_with(told), "{:?}", result.violations);
    // It stops committing half way.
    assert_eq!(with(vec![commit_sent(5), committed(5)]), Judgement::Violated);
    // The commit is under way, or failed and is not repeated before there is more to commit.
    assert_eq!(with(vec![commit_sent(10)]), Judgement::Held);
    let failed = |error| with(vec![commit_sent(10), failed_commit(10, error)]);
    assert_eq!(failed(ErrorCode::NotCoordinator), Judgement::Held);
    assert_eq!(failed(ErrorCode::IllegalGeneration), Judgement::Violated);
    // Something else of the batch is still in hand.
    let mut more = all();
    more.insert(2, polled(10, &[10]));
    assert_eq!(judgement(more), Judgement::Held);
}

/// R9.25: a cooperative member goes on with what it has, and commits with the next records.
#[test]
fn a_commit_that_a_rebalance_refused_is_owed_once_the_partition_is_lost() {
    let refused = |offsets: &[(TopicPartition, Offset)], error| {
        (5, Event::CommitFailed { group: G, offsets: offsets.into(), error, maybe_written: false })
    };
    let with = |more: Vec<(u16, Event)>| settle([done(10), more].concat(), 20, vec![]).judgement;
    let in_rebalance = ErrorCode::RebalanceInProgress;
    let sent = [commit_sent(10), refused(&[(P, Offset(10))], in_rebalance)];
    assert_eq!(with(sent.to_vec()), Judgement::Held);
    let by_client = refused(&[], in_rebalance);
    assert_eq!(with(vec![by_client.clone()]), Judgement::Held);
    assert_eq!(with(vec![refused(&[], ErrorCode::UnknownMemberId)]), Judgement::Violated);
    let member = MemberId(1);
    let revoked = Event::Revoked { group: G, member, partitions: [P].into() };
    assert_eq!(with(vec![by_client.clone(), (5, revoked)]), Judgement::Violated);
    // Answers to older commits come after the refusal of the last one.
    let late = |answer| with(vec![commit_sent(5), by_client.clone(), answer]);
    assert_eq!(late(committed(5)), Judgement::Held);
    assert_eq!(late(failed_commit(5, ErrorCode::NetworkException)), Judgement::Held);
    assert_eq!(with(vec![commit_sent(5), committed(5)]), Judgement::Violated);
}

#[test]
fn a_group_whose_commits_may_be_missing_is_measured_by_its_work() {
    let context = context();
    let of = |work: Vec<(u16, Event)>| {
        let mut events = [vec![high_watermark(1, 0, 10)], work].concat();
        events.push(phase(Phase::Settle));
        events.extend((0..20).map(|_| (3, Event::BrokerStarted)));
        events.push(phase(Phase::FinalRead));
        judge_in(&context, NAME, events).judgement
    };
    assert_eq!(of(done(10)), Judgement::Held);
    assert_eq!(of(done(9)), Judgement::Violated);
    assert_eq!(of([done(10), vec![commit_sent(3), committed(3)]].concat()), Judgement::Violated);
}

#[test]
fn a_partition_that_had_nothing_for_the_group_needs_no_commit() {
    let latest = positioned(5, 10, PositionSource::NoCommitLatest);
    assert_eq!(settle(vec![latest], 20, vec![]).judgement, Judgement::Held);
    let mut empty = vec![high_watermark(1, 0, 0), phase(Phase::Settle)];
    empty.push(phase(Phase::FinalRead));
    assert_eq!(judge(NAME, empty).judgement, Judgement::Held);
}

/// The log has nothing that is newer than the duration: a member without a commit has no position, and gets none
/// before something new comes (R17.51).
#[test]
fn what_is_older_than_the_duration_of_a_reset_is_no_lag() {
    let judge = |reset: &str, work: Vec<(u16, Event)>| {
        let mut context = context();
        context.groups[0].reset = reset.into();
        let mut events = [vec![high_watermark(1, 0, 10)], work].concat();
        events.push(phase(Phase::Settle));
        events.extend((0..20).map(|_| (3, Event::BrokerStarted)));
        events.push(phase(Phase::FinalRead));
        judge_in(&context, NAME, events).judgement
    };
    assert_eq!(judge("by_duration:PT5S", vec![]), Judgement::Held);
    assert_eq!(judge("by_duration:PT1H", vec![]), Judgement::Violated, "it is new enough");
    assert_eq!(judge("earliest", vec![]), Judgement::Violated);
    let commits = vec![polled(0, &[0]), processed(0, 0), commit_sent(1), committed(1)];
    assert_eq!(judge("by_duration:PT5S", commits), Judgement::Violated, "it has a commit");
}

#[test]
fn a_gap_is_lag_however_far_the_furthest_record_is() {
    let mut work = done(10);
    work.retain(|(_, event)| !matches!(event, Event::Processed { offset: Offset(4), .. }));
    let result = settle([work, vec![commit_sent(10), committed(10)]].concat(), 20, vec![]);
    assert_eq!(result.judgement, Judgement::Violated);
    assert!(result.violations[0].summary.contains("it has come to 4 of 10"));
}

#[test]
fn work_that_another_member_has_to_do_again_is_lag() {
    let again = vec![found(6, 0), at_node(6, polled(0, &[0, 1]))];
    let result = settle([done(10), again].concat(), 20, vec![]);
    assert_eq!(result.judgement, Judgement::Violated, "nobody ever committed");
}

#[test]
fn who_catches_up_is_undecided_and_who_does_not_violates() {
    let result = settle(done(2), 20, vec![]);
    assert_eq!((result.judgement, result.undecided), (Judgement::Violated, None));
    let mut late = vec![polled(2, &[2, 3])];
    late.extend([processed(2, 2), processed(3, 3)]);
    let work = [done(2), vec![commit_sent(2), committed(2)]].concat();
    let result = settle(work, 20, late);
    assert_eq!((result.judgement, result.violation_count), (Judgement::Vacuous, 0));
    let undecided = result.undecided.unwrap();
    // 24 s of settling, two records in its last 12 s, six to come: 36 s and a quarter more.
    assert_eq!(undecided.settle, Some(ackproof_types::Micros::from_secs(70)));
    let told = "ledger is 6 records behind and is catching up: over the last 12s of the settle phase 0.0 \
                records/s came in and 0.1 were done; \"settle\": \"70s\" would do";
    assert_eq!(undecided.why, told);
}

#[test]
fn a_log_that_was_cut_and_not_written_again_is_no_lag() {
    let led = |broker, epoch, end| {
        let (epoch, log_end) = (LeaderEpoch(epoch), Offset(end));
        let high_watermark = Offset(0);
        (broker, Event::BecameLeader { partition: P, epoch, log_end, high_watermark })
    };
    let cut = |more: Vec<(u16, Event)>| {
        let work = [done(3), vec![commit_sent(3), committed(3), led(2, 1, 3)], more].concat();
        settle(work, 20, vec![]).judgement
    };
    assert_eq!(cut(vec![]), Judgement::Held);
    assert_eq!(cut(vec![high_watermark(2, 1, 4)]), Judgement::Violated);
    // The old leader does not know yet.
    assert_eq!(cut(vec![high_watermark(1, 0, 10)]), Judgement::Held);
}

#[test]
fn a_longer_log_that_is_back_was_worked_on_before() {
    let led = |broker, epoch, end| {
        let (epoch, log_end) = (LeaderEpoch(epoch), Offset(end));
        let high_watermark = Offset(0);
        (broker, Event::BecameLeader { partition: P, epoch, log_end, high_watermark })
    };
    // Two unclean elections: broker-2 has 3 records, broker-1 still has its 10.
    let back = |work: Vec<(u16, Event)>, end| {
        let elections = vec![led(2, 1, 3), led(1, 2, 10), high_watermark(1, 2, end)];
        settle([work, elections].concat(), 20, vec![]).judgement
    };
    let all = || [done(10), vec![commit_sent(10), committed(10)]].concat();
    assert_eq!(back(all(), 10), Judgement::Held);
    assert_eq!(back(all(), 11), Judgement::Violated);
    let some = [done(6), vec![commit_sent(6), committed(6)]].concat();
    assert_eq!(back(some, 10), Judgement::Violated);
    // A leader with as much as its forerunner is no such log.
    let onward = vec![led(2, 1, 3), high_watermark(2, 1, 5), led(3, 2, 5), high_watermark(3, 2, 5)];
    assert_eq!(settle([all(), onward].concat(), 20, vec![]).judgement, Judgement::Violated);
}

#[test]
fn a_stale_leader_a_late_answer_and_a_restart_together_do_not_fool_it() {
    let (epoch, log_end) = (LeaderEpoch(1), Offset(8));
    let led = Event::BecameLeader { partition: P, epoch, log_end, high_watermark: Offset(3) };
    let ended = (5, Event::ProcessEnded(ProcessEnd::Crash));
    let work = [
        vec![(2, led)],
        done(6),
        // A commit of 4 is under way when others pass it, and its answer comes after theirs.
        vec![commit_sent(4), found(6, 2), at_node(6, polled(2, &[2, 3, 4, 5, 6, 7]))],
        (2..8).map(|number| at_node(6, processed(i64::from(number), number))).collect(),
        vec![at_node(6, commit_sent(8)), at_node(6, committed(8)), committed(4), ended],
        vec![(5, Event::ProcessStarted), high_watermark(1, 0, 10)],
    ];
    let result = settle(work.concat(), 20, vec![]);
    assert_eq!(result.judgement, Judgement::Held, "{:?}", result.violations);
    let more = [work.concat(), vec![high_watermark(2, 1, 9)]].concat();
    assert_eq!(settle(more, 20, vec![]).judgement, Judgement::Violated);
}

#[test]
fn without_a_high_watermark_the_acknowledged_records_are_the_log() {
    let of = |end: Option<i64>| {
        let mut events = vec![acked(0, &[0, 1, 2]), processed(0, 0), phase(Phase::Settle)];
        events.extend((0..20).map(|_| (3, Event::BrokerStarted)));
        events.push(phase(Phase::FinalRead));
        // What the reader found.
        if let Some(end) = end {
            let found: Vec<u32> = (0..3).take(usize::try_from(end).unwrap_or(0)).collect();
            events.extend([final_read(0, &found), final_done(end)]);
        }
        judge(NAME, events).judgement
    };
    assert_eq!(of(None), Judgement::Violated);
    assert_eq!(of(Some(3)), Judgement::Violated);
    assert_eq!(of(Some(1)), Judgement::Held, "the rest was lost, and is no lag");
}

#[test]
fn without_settling_nothing_is_judged() {
    let events = vec![elected(0, 0, &[1]), phase(Phase::FinalRead)];
    assert_eq!(judge(NAME, events).judgement, Judgement::Vacuous);
}

#[test]
fn a_group_whose_work_is_not_on_record_is_measured_by_its_commits() {
    let given = || vec![found(5, 0), polled(0, &[0, 1, 2])];
    let of = |work: Vec<(u16, Event)>| {
        let mut events = [vec![high_watermark(1, 0, 3)], work].concat();
        events.push(phase(Phase::Settle));
        events.extend((0..20).map(|_| (3, Event::BrokerStarted)));
        events.push(phase(Phase::FinalRead));
        judge(NAME, events)
    };
    let with = |offset| of([given(), vec![commit_sent(offset), committed(offset)]].concat());
    assert_eq!(with(3).judgement, Judgement::Held);
    assert_eq!(with(2).judgement, Judgement::Violated);
    let only = of(vec![commit_sent(3), committed(3)]);
    assert_eq!(only.judgement, Judgement::Held, "nothing but a commit");
    let untold = of(given());
    assert_ne!(untold.judgement, Judgement::Violated);
    assert!(untold.unjudged.is_some(), "it says why");
    assert_eq!(of(vec![]).judgement, Judgement::Violated, "it never got anything");
}

/// What the logs hold, and where the group ends: offsets 1, 3 and 5 hold no record.
fn with_gaps(work: Vec<(u16, Event)>, read: bool) -> Judgement {
    let log = vec![acked(0, &[0]), acked(2, &[1]), acked(4, &[2]), high_watermark(1, 0, 6)];
    let mut events = [log, work, vec![phase(Phase::Settle)]].concat();
    events.extend((0..20).map(|_| (3, Event::BrokerStarted)));
    events.push(phase(Phase::FinalRead));
    if read {
        let found = [final_read(0, &[0]), final_read(2, &[1]), final_read(4, &[2]), final_done(6)];
        events.extend(found);
    }
    judge(NAME, events).judgement
}

#[test]
fn offsets_that_hold_no_record_are_no_lag() {
    let done = || vec![processed(0, 0), processed(2, 1), processed(4, 2)];
    let given = || vec![found(5, 0), polled(0, &[0]), polled(2, &[1]), polled(4, &[2])];
    let all = || [given(), done()].concat();
    let commit = |offset| vec![commit_sent(offset), committed(offset)];
    assert_eq!(with_gaps([all(), commit(6)].concat(), false), Judgement::Held, "past the marker");
    assert_eq!(with_gaps(all(), true), Judgement::Held, "the final read tells");
    assert_eq!(with_gaps(all(), false), Judgement::Violated, "5 may hold a record");
    assert_eq!(with_gaps(done(), true), Judgement::Held, "no poll is on record");
    let lacks = |number: usize| {
        let mut work = all();
        work.remove(4 + number);
        with_gaps(work, true)
    };
    assert_eq!(lacks(1), Judgement::Violated);
    assert_eq!(lacks(2), Judgement::Violated);
    assert_eq!(
        with_gaps([all(), commit(2)].concat(), true),
        Judgement::Violated,
        "it commits less"
    );
    assert_eq!(with_gaps([all(), commit(5)].concat(), true), Judgement::Held);
}

#[test]
fn what_a_member_was_never_given_is_a_skip_and_no_lag() {
    let work = vec![
        found(5, 0),
        polled(0, &[0]),
        processed(0, 0),
        (5, Event::ProcessEnded(ProcessEnd::Crash)),
        assigned(6, 2),
        at_node(6, polled(4, &[2])),
        at_node(6, processed(4, 2)),
    ];
    assert_eq!(with_gaps(work, true), Judgement::Held, "at-least-once tells of the second");
}
