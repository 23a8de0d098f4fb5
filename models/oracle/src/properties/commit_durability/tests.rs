//! Histories of commits and lookups, legal ones (silent) beside illegal ones (loud), corner by corner.

use super::Checker;
use crate::cause::LossCause;
use crate::history::PositionSource::{Committed, NoCommitEarliest};
use crate::history::{Event, ProcessEnd};
use crate::test_history::*;
use crate::verdict::{Judgement, Property, PropertyResult};
use ackproof_types::{
    BrokerId, ErrorCode, GenerationId, MemberId, Offset, TopicId, TopicPartition,
};
use std::sync::Arc;

type Events = Vec<(u16, Event)>;

fn run(events: Events) -> PropertyResult {
    judge("commit-durability", events)
}

/// The judgement when the member at node 6 gets the partition after `before`, and finds `found`.
fn resumed(before: Events, found: i64) -> Judgement {
    let mut events = before;
    events.push(assigned(6, 9));
    events.push(lookup(6, found));
    run(events).judgement
}

fn lookup(node: u16, found: i64) -> (u16, Event) {
    let source = if found < 0 { NoCommitEarliest } else { Committed };
    positioned(node, found.max(0), source)
}

fn failed(offset: i64, maybe_written: bool) -> (u16, Event) {
    let (error, offsets) = (ErrorCode::NotCoordinator, [(P, Offset(offset))].into());
    (5, Event::CommitFailed { group: G, offsets, error, maybe_written })
}

fn acked_commits(offsets: &[i64]) -> Events {
    let mut events = vec![assigned(5, 1)];
    events.extend(offsets.iter().flat_map(|&offset| [commit_sent(offset), committed(offset)]));
    events
}

#[test]
fn the_last_acknowledged_commit_is_found_and_nothing_else() {
    let result = {
        let mut events = acked_commits(&[5, 9]);
        events.extend([assigned(6, 2), lookup(6, 9)]);
        run(events)
    };
    assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 1));
    assert_eq!(resumed(acked_commits(&[5, 9]), 5), Judgement::Violated, "superseded");
    assert_eq!(resumed(acked_commits(&[5, 9]), -1), Judgement::Violated, "gone");
    assert_eq!(resumed(acked_commits(&[5, 9]), 12), Judgement::Violated, "nobody committed it");
}

fn expired() -> (u16, Event) {
    (1, Event::OffsetsExpired { group: G, partitions: [P].into() })
}

/// R9.37.
#[test]
fn none_is_found_once_the_commit_has_expired_and_not_before() {
    let with = |facts: &[(u16, Event)]| {
        let mut events = acked_commits(&[5, 9]);
        events.extend(facts.to_vec());
        events
    };
    assert_eq!(resumed(with(&[]), -1), Judgement::Violated, "no expiry on record");
    assert_eq!(resumed(with(&[expired()]), -1), Judgement::Held);
    assert_eq!(resumed(with(&[expired()]), 9), Judgement::Held, "the tombstone was lost");
    assert_eq!(resumed(with(&[expired()]), 5), Judgement::Violated, "superseded before");
    let again = [expired(), commit_sent(12), committed(12)];
    assert_eq!(resumed(with(&again), 12), Judgement::Held);
    assert_eq!(resumed(with(&again), -1), Judgement::Violated, "sent and acknowledged since");
    let under_way = [commit_sent(12), expired(), committed(12)];
    assert_eq!(resumed(with(&under_way), -1), Judgement::Held, "either may have been first");
}

#[test]
fn a_group_that_was_deleted_numbers_its_generations_anew() {
    let with = |between: Option<(u16, Event)>| {
        let mut events = vec![assigned(5, 7), commit_sent(9), committed(9)];
        events.extend(between);
        events.push(assigned(6, 1));
        events.extend([at_node(6, commit_sent(3)), at_node(6, committed(3))]);
        events
    };
    let deleted = (1, Event::GroupDeleted { group: G });
    assert_eq!(run(with(Some(deleted))).judgement, Judgement::Vacuous);
    assert_eq!(run(with(None)).judgement, Judgement::Violated, "an older generation");
}

#[test]
fn a_violation_says_whose_commit_was_acknowledged() {
    let mut events = acked_commits(&[5, 9]);
    events.extend([assigned(6, 2), lookup(6, 5)]);
    let summary = run(events).violations[0].summary.clone();
    let told = "ledger-1 of ledger resumed at offset 5 in payments-0, although ledger-0 had its \
                commit of 9 acknowledged at 4.000s";
    assert_eq!(summary, told);
}

#[test]
fn a_slow_answer_may_be_as_old_as_the_assignment() {
    let mut events = acked_commits(&[5]);
    events.push(assigned(6, 2));
    events.extend(acked_commits(&[9]));
    // Sixty seconds on its way: time alone makes nothing illegal.
    events.extend((0..60).map(|_| phase(crate::history::Phase::Load)));
    let mut late = events.clone();
    late.push(lookup(6, 5));
    assert_eq!(run(late).judgement, Judgement::Held);
    events.extend([assigned(6, 3), lookup(6, 5)]);
    assert_eq!(run(events).judgement, Judgement::Violated, "asked again after the second commit");
}

#[test]
fn unknown_outcomes_may_take_effect_late_and_refused_ones_never() {
    let with = |outcome: (u16, Event)| {
        let mut events = vec![assigned(5, 1), commit_sent(5), outcome];
        events.extend(acked_commits(&[9])[1..].to_vec());
        events
    };
    assert_eq!(resumed(with(failed(5, true)), 5), Judgement::Held);
    assert_eq!(resumed(with(failed(5, true)), 9), Judgement::Held);
    assert_eq!(resumed(with(failed(5, false)), 5), Judgement::Violated);
    // The process ends before the answer: unknown as well.
    let crashed = (5, Event::ProcessEnded(ProcessEnd::Crash));
    assert_eq!(resumed(with(crashed), 5), Judgement::Held);
}

#[test]
fn a_later_generations_commit_ends_what_an_older_one_left_open() {
    let with = |generation| {
        let mut events = vec![assigned(5, 1), commit_sent(5), failed(5, true)];
        events.extend([assigned(6, generation), at_node(6, commit_sent(9))]);
        events.push(at_node(6, committed(9)));
        events.push((6, Event::ProcessEnded(ProcessEnd::Crash)));
        resumed(events, 5)
    };
    assert_eq!(with(2), Judgement::Violated, "the coordinator refuses generation 1 by then");
    assert_eq!(with(1), Judgement::Held, "of one generation either may come last");
}

#[test]
fn a_zombies_commit_that_is_acknowledged_after_its_generation_violates() {
    // R9.10 refuses it; here the coordinator took it, and what came of generation 2 is gone.
    let events = vec![
        assigned(5, 1),
        assigned(6, 2),
        at_node(6, commit_sent(9)),
        at_node(6, committed(9)),
        commit_sent(5),
        committed(5),
    ];
    assert_eq!(resumed(events.clone(), 5), Judgement::Violated);
    assert_eq!(resumed(events, 9), Judgement::Violated, "and this one was acknowledged last");
}

#[test]
fn an_older_generations_commit_is_accepted_while_the_next_is_prepared() {
    let revoked = || (5, Event::Revoked { group: G, member: MemberId(5), partitions: [P].into() });
    let mut events = acked_commits(&[5]);
    events.extend([commit_sent(8), committed(8), revoked()]);
    assert_eq!(resumed(events.clone(), 8), Judgement::Held);
    assert_eq!(resumed(events, 5), Judgement::Violated);
}

#[test]
fn overtaking_commits_may_end_either_way_and_a_repeated_one_goes_back() {
    let together =
        || vec![assigned(5, 1), commit_sent(5), commit_sent(9), committed(9), committed(5)];
    assert_eq!(resumed(together(), 5), Judgement::Held);
    assert_eq!(resumed(together(), 9), Judgement::Held);
    assert_eq!(resumed(together(), -1), Judgement::Violated);
    assert_eq!(resumed(acked_commits(&[9, 5]), 5), Judgement::Held, "F25");
    assert_eq!(resumed(acked_commits(&[9, 5]), 9), Judgement::Violated);
}

#[test]
fn a_lookup_may_show_a_commit_before_its_acknowledgement() {
    let mut events = acked_commits(&[5]);
    events.extend([commit_sent(9), assigned(6, 2), lookup(6, 9), committed(9)]);
    assert_eq!(run(events).judgement, Judgement::Held);
}

/// An election in the log that keeps the group's commits.
fn coordinator_elected(leader: u16, epoch: i32, isr: &[u16], is_unclean: bool) -> (u16, Event) {
    let (node, mut event) = elected(leader, epoch, isr);
    if let Event::LeaderElected { partition, unclean, .. } = &mut event {
        (partition.topic, *unclean) = (TopicId::CONSUMER_OFFSETS, is_unclean);
    }
    (node, event)
}

/// By what the first violation is explained, where the log of commits allows unclean elections.
fn cause(events: Vec<(u16, Event)>) -> Option<LossCause> {
    let mut context = context();
    context.topics[0].unclean_leader_election = true;
    let mut checker = Checker::new("commit-durability", &Arc::new(context));
    entries(events).iter().for_each(|entry| checker.observe(entry));
    let result = Box::new(checker).conclude();
    assert_eq!(result.judgement, Judgement::Violated);
    result.violations[0].cause
}

#[test]
fn an_unclean_election_of_the_commits_log_is_named() {
    let unclean = |epoch| coordinator_elected(3, epoch, &[3], true);
    let mut events = acked_commits(&[5]);
    events.extend([unclean(1), assigned(6, 1), lookup(6, -1)]);
    assert_eq!(cause(events.clone()), Some(LossCause::UncleanElection));
    // Where the topic does not allow it, it explains nothing.
    assert_eq!(run(events.clone()).violations[0].cause, None);
    // A coordinator that only moved is no excuse, and keeps the commit.
    events[3] = coordinator_elected(3, 1, &[3], false);
    assert_eq!(cause(events.clone()), None);
    events.pop();
    events.push(lookup(6, 5));
    assert_eq!(run(events).judgement, Judgement::Held);
}

#[test]
fn an_unclean_election_explains_what_came_before_it_or_of_whom_it_deposed() {
    let first = coordinator_elected(1, 0, &[1, 2, 3], false);
    let unclean = coordinator_elected(3, 1, &[3], true);
    let lost = |between: Vec<(u16, Event)>| {
        let mut events = vec![first.clone(), unclean.clone()];
        events.extend(between);
        events.extend(acked_commits(&[5]));
        events.extend([assigned(6, 1), lookup(6, -1)]);
        cause(events)
    };
    assert_eq!(lost(vec![]), Some(LossCause::UncleanElection), "broker-1 may not know yet");
    let back = Event::IsrChanged {
        partition: TopicPartition::new(TopicId::CONSUMER_OFFSETS, 0),
        before: [BrokerId(3)].into(),
        isr: [BrokerId(1), BrokerId(3)].into(),
    };
    assert_eq!(lost(vec![(0, back)]), None, "broker-1 follows");
    let ended = (1, Event::ProcessEnded(ProcessEnd::Crash));
    assert_eq!(lost(vec![ended]), None, "broker-1 answers nobody");
}

#[test]
fn generations_of_two_coordinators_are_not_compared() {
    let mut events = vec![coordinator_elected(1, 0, &[1], false)];
    events.push(coordinator_elected(3, 1, &[3], true));
    // The deposed one is at generation 4 already, the new one at 3.
    events.extend([assigned(6, 4), at_node(6, commit_sent(9)), at_node(6, committed(9))]);
    events.extend([assigned(5, 3), commit_sent(5), committed(5)]);
    let result = run(events);
    assert_ne!(result.judgement, Judgement::Violated, "{:?}", result.violations);
}

/// The member at node 5 is frozen with a commit of 5 under way; the one at node 6 takes over in generation
/// 2 and commits 7 and 9.
fn passed(first: Option<(u16, Event)>) -> Events {
    let mut events = vec![assigned(5, 1)];
    events.extend(first);
    events.push(assigned(6, 2));
    for offset in [7, 9] {
        events.extend([at_node(6, commit_sent(offset)), at_node(6, committed(offset))]);
    }
    events
}

#[test]
fn an_answer_heard_after_later_commits_makes_no_new_commit() {
    let with = |found| {
        let mut events = passed(Some(commit_sent(5)));
        events.extend([committed(5), assigned(5, 3), lookup(5, found)]);
        run(events).judgement
    };
    assert_eq!(with(9), Judgement::Held);
    assert_eq!(with(7), Judgement::Violated, "superseded");
    assert_eq!(with(5), Judgement::Violated, "it took effect before the others");
    // Refused or open for good, it is not in the way either.
    for late in [failed(5, false), failed(5, true), (5, Event::ProcessEnded(ProcessEnd::Crash))] {
        let mut events = passed(Some(commit_sent(5)));
        events.extend([late, assigned(5, 3), lookup(5, 9)]);
        assert_eq!(run(events).judgement, Judgement::Held);
    }
}

#[test]
fn an_answer_whose_sending_is_not_on_record_is_late_where_the_generation_says_so() {
    let with = |generation, found| {
        let ack = |node, offset| at_node(node, committed(offset));
        let mut events = vec![assigned(5, 1), assigned(6, generation), ack(6, 9), ack(5, 5)];
        events.extend([assigned(6, 3), lookup(6, found)]);
        run(events).judgement
    };
    assert_eq!(with(2, 9), Judgement::Held);
    assert_eq!(with(2, 5), Judgement::Violated, "a zombie's commit was taken");
    assert_eq!(with(1, 5), Judgement::Held, "of one generation either may come last");
}

#[test]
fn a_commit_that_the_coordinator_had_to_refuse_is_found_however_late_its_answer_comes() {
    let mut events = passed(None);
    // Sent by a zombie after generation 2 had committed; more commits follow before its answer.
    events.extend([commit_sent(5), at_node(6, commit_sent(11)), at_node(6, committed(11))]);
    events.push(committed(5));
    let result = run(events);
    assert_eq!(result.judgement, Judgement::Violated);
    assert!(result.violations[0].summary.contains("of a later generation"));
}

#[test]
fn a_lookup_of_a_member_whose_generation_is_over_is_not_judged() {
    // Node 5 was given generation 1 before it froze, hears of it when it wakes, and asks a coordinator
    // that has been deposed meanwhile.
    let mut events = acked_commits(&[5]);
    events.extend(passed(None).split_off(1));
    events.extend([assigned(5, 1), lookup(5, 5)]);
    let result = run(events.clone());
    assert_eq!((result.judgement, result.witnesses), (Judgement::Vacuous, 0));
    events.extend([assigned(5, 3), lookup(5, 5)]);
    assert_eq!(run(events).judgement, Judgement::Violated, "generation 3 is the latest");
}

#[test]
fn a_stale_coordinator_a_late_answer_and_a_restart_together_do_not_fool_it() {
    let started = || (5, Event::ProcessStarted);
    let ended = || (5, Event::ProcessEnded(ProcessEnd::Crash));
    let mut events = acked_commits(&[3]);
    // A commit of 5 is under way when the process ends; its next life commits 5 as well.
    events.extend([commit_sent(5), ended(), started(), assigned(5, 2), lookup(5, 3)]);
    events.extend([commit_sent(5), assigned(6, 3), lookup(6, 5)]);
    events.extend([at_node(6, commit_sent(9)), at_node(6, committed(9))]);
    // The answer of the second life's commit comes late, then a lookup at a deposed coordinator.
    events.extend([committed(5), assigned(5, 2), lookup(5, 3)]);
    let mut good = events.clone();
    good.extend([assigned(5, 4), lookup(5, 9)]);
    let result = run(good);
    assert_eq!(result.judgement, Judgement::Held, "{:?}", result.violations);
    events.extend([assigned(5, 4), lookup(5, 5)]);
    assert_eq!(run(events).judgement, Judgement::Violated);
}

#[test]
fn generations_are_not_compared_across_an_unclean_election_of_their_log() {
    let unclean = coordinator_elected(3, 1, &[3], true);
    // Generation 7 of before commits on, beside generation 2 of after: either may come last.
    let mut events = vec![assigned(5, 7), unclean, assigned(6, 2)];
    events.extend([commit_sent(5), at_node(6, commit_sent(9)), at_node(6, committed(9))]);
    events.push(committed(5));
    for found in [5, 9] {
        assert_eq!(resumed(events.clone(), found), Judgement::Held);
    }
}

#[test]
fn without_an_acknowledged_commit_or_an_assignment_nothing_is_judged() {
    assert_eq!(resumed(vec![assigned(5, 1), commit_sent(5)], -1), Judgement::Vacuous);
    let unassigned = vec![commit_sent(5), committed(5), lookup(6, 0)];
    assert_eq!(run(unassigned).judgement, Judgement::Vacuous);
}

/// R9.25: it looks nothing up, so nothing need be kept for its lookup.
#[test]
fn a_member_that_keeps_its_partition_does_not_keep_every_commit() {
    let mut checker = Checker::new("commit-durability", &Arc::new(context()));
    let mut events = vec![assigned(5, 1), lookup(5, -1), assigned(5, 2)];
    events.extend((1..=9).flat_map(|offset| [commit_sent(offset), committed(offset)]));
    entries(events).iter().for_each(|entry| checker.observe(entry));
    assert!(checker.registers.of(G, P).writes.len() < 3);
}

/// R9.36: a member of a consumer group that was moved off a partition may still commit it, in its epoch.
#[test]
fn epochs_of_a_consumer_group_order_nothing() {
    let late = || {
        vec![
            assigned(5, 1),
            positioned(5, 0, NoCommitEarliest),
            assigned(6, 2),
            positioned(6, 0, NoCommitEarliest),
            at_node(6, commit_sent(9)),
            at_node(6, committed(9)),
            commit_sent(4),
            committed(4),
        ]
    };
    let mut context = context();
    let judgement = |context: &_| judge_in(context, "commit-durability", late()).judgement;
    assert_eq!(judgement(&context), Judgement::Violated, "it had to be refused");
    context.groups[0].protocol = "consumer".into();
    assert_ne!(judgement(&context), Judgement::Violated);
}

/// R9.37: as its coordinator counted last.
#[test]
fn the_offsets_of_a_group_with_members_do_not_expire() {
    let rebalanced = |node, members| {
        let (generation, reason) = (GenerationId(3), None);
        (node, Event::Rebalanced { group: G, generation, members, reason })
    };
    let loaded = || (1, Event::CoordinatorLoaded { partition: P });
    let said = |events: Vec<(u16, Event)>| {
        let result = run([events, vec![expired()]].concat());
        result.violations.first().map(|one| one.summary.clone())
    };
    let told = "broker-1 let offsets of ledger expire, which had 2 members";
    assert_eq!(said(vec![rebalanced(1, 2)]).as_deref(), Some(told));
    assert_eq!(said(vec![rebalanced(1, 2), rebalanced(1, 0)]), None);
    assert_eq!(said(vec![rebalanced(2, 2)]), None, "another coordinator counted them");
    assert_eq!(said(vec![rebalanced(1, 2), loaded()]), None, "it read the group since");
}
