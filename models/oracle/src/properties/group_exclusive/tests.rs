//! Owners that are legal (silent) beside those that are not (loud).

use crate::history::{Event, ProcessEnd};
use crate::test_history::*;
use crate::verdict::{Judgement, PropertyResult};
use ackproof_types::{
    BrokerId, GenerationId, LeaderEpoch, MemberId, Offset, TopicId, TopicPartition,
};

fn run(events: Vec<(u16, Event)>) -> PropertyResult {
    judge("group-exclusive", events)
}

fn unclean(topic: u16) -> (u16, Event) {
    let (node, mut event) = elected(3, 1, &[3]);
    if let Event::LeaderElected { partition, unclean, .. } = &mut event {
        (partition.topic, *unclean) = (TopicId(topic), true);
    }
    (node, event)
}

#[test]
fn two_owners_of_one_generation_violate() {
    let result = run(vec![assigned(5, 1), assigned(6, 1)]);
    assert_eq!((result.judgement, result.witnesses), (Judgement::Violated, 1));
    let told = "ledger-0 and ledger-1 both own payments-0 in generation 1 of ledger";
    assert_eq!(result.violations[0].summary, told);
}

/// R9.14: whose `group.instance.id` another one has now does not know it yet.
#[test]
fn a_static_member_that_is_replaced_owns_nothing() {
    let replaced = |before: u64| {
        let (before, member) = (MemberId(before), MemberId(6));
        (1, Event::MemberReplaced { group: G, before, member })
    };
    let with = |before| run(vec![assigned(5, 1), replaced(before), assigned(6, 1)]).judgement;
    assert_ne!(with(5), Judgement::Violated);
    assert_eq!(with(9), Judgement::Violated, "it was another one");
}

/// The same in a consumer group, of which the coordinator's doings are on record.
fn run_consumer(protocol: &str, events: Vec<(u16, Event)>) -> Judgement {
    let mut context = context();
    context.groups[0].protocol = protocol.into();
    let (generation, reason) = (GenerationId(1), None);
    let rebalanced = Event::Rebalanced { group: G, generation, members: 1, reason };
    let all = [vec![(1, rebalanced)], events].concat();
    judge_in(&context, "group-exclusive", all).judgement
}

fn fenced(member: u64, generation: i32) -> (u16, Event) {
    let (member, generation) = (MemberId(member), GenerationId(generation));
    (1, Event::MemberFenced { group: G, member, generation })
}

/// R9.33.
#[test]
fn of_a_consumer_group_whoever_neither_gave_it_up_nor_was_removed_owns_it() {
    let run = |events| run_consumer("consumer", events);
    let two = || vec![assigned(5, 1), assigned(6, 2)];
    assert_eq!(run(two()), Judgement::Violated, "each has an epoch of its own");
    assert_ne!(run_consumer("classic", two()), Judgement::Violated);
    assert_ne!(run_consumer("both", two()), Judgement::Violated);
    let member = MemberId(5);
    let lost = (5, Event::Revoked { group: G, member, partitions: [P].into() });
    assert_eq!(run(vec![assigned(5, 1), lost, assigned(6, 2)]), Judgement::Held);
    assert_ne!(run(vec![assigned(5, 1), fenced(5, 1), assigned(6, 2)]), Judgement::Violated);
    assert_eq!(run(vec![assigned(5, 1), fenced(7, 1), assigned(6, 2)]), Judgement::Violated);
    let late = vec![fenced(5, 1), assigned(6, 2), assigned(5, 1)];
    assert_ne!(run(late), Judgement::Violated, "it hears of what it had");
    let again = vec![fenced(5, 1), assigned(6, 2), assigned(5, 2)];
    assert_eq!(run(again), Judgement::Violated, "it has joined again");
    let released = |generation| {
        let (partitions, generation) = ([P].into(), GenerationId(generation));
        (1, Event::PartitionsReleased { group: G, member, generation, partitions })
    };
    let taking_over = vec![released(1), assigned(6, 2), assigned(5, 1)];
    assert_ne!(run(taking_over), Judgement::Violated, "it said that it did not own it yet");
    let later = vec![released(1), assigned(6, 2), assigned(5, 2)];
    assert_eq!(run(later), Judgement::Violated, "given anew");
    let back = (1, Event::MemberReplaced { group: G, before: member, member });
    let back = vec![assigned(5, 1), fenced(5, 1), back, assigned(5, 1), assigned(6, 2)];
    assert_eq!(run(back), Judgement::Violated, "a static member that came back in its epoch");
}

#[test]
fn of_a_consumer_group_without_its_coordinator_on_record_only_epochs_are_compared() {
    let mut context = context();
    context.groups[0].protocol = "consumer".into();
    let run = |events| judge_in(&context, "group-exclusive", events).judgement;
    assert_ne!(run(vec![assigned(5, 1), assigned(6, 2)]), Judgement::Violated);
    assert_eq!(run(vec![assigned(5, 2), assigned(6, 2)]), Judgement::Violated);
}

#[test]
fn owners_after_each_other_hold() {
    let ended = || (5, Event::ProcessEnded(ProcessEnd::Crash));
    let result = run(vec![assigned(5, 1), ended(), assigned(6, 1), assigned(5, 2)]);
    assert_eq!(result.judgement, Judgement::Vacuous, "nobody else was there to compare with");
    let nothing = |node, generation| {
        let (member, generation) = (MemberId(0), GenerationId(generation));
        (node, Event::Assigned { group: G, member, generation, partitions: [].into() })
    };
    let result = run(vec![nothing(5, 1), assigned(6, 1), nothing(6, 2), assigned(5, 2)]);
    assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 2));
    let lost = (5, Event::Lost { group: G, member: MemberId(5), partitions: [P].into() });
    let result = run(vec![assigned(5, 1), lost, assigned(6, 1)]);
    assert_eq!(result.judgement, Judgement::Held);
}

/// R9.37: nobody is a member of it any more.
#[test]
fn a_group_that_was_deleted_numbers_anew() {
    let deleted = (1, Event::GroupDeleted { group: G });
    let anew = vec![assigned(5, 1), deleted, assigned(6, 1)];
    assert_eq!(run(anew).judgement, Judgement::Vacuous);
}

#[test]
fn a_zombie_of_an_older_generation_is_legal() {
    let result = run(vec![assigned(5, 1), assigned(6, 2), assigned(6, 3)]);
    assert_ne!(result.judgement, Judgement::Violated);
    let result = run(vec![assigned(5, 1), assigned(6, 2), assigned(5, 2)]);
    assert_eq!(result.judgement, Judgement::Violated, "now they are of one");
}

#[test]
fn a_process_owns_what_it_was_assigned_last() {
    let again = || {
        let (member, generation) = (MemberId(77), GenerationId(2));
        (5, Event::Assigned { group: G, member, generation, partitions: [].into() })
    };
    let result = run(vec![assigned(5, 2), again(), assigned(6, 2)]);
    assert_eq!(result.judgement, Judgement::Held);
    let result = run(vec![again(), assigned(5, 2), assigned(6, 2)]);
    assert_eq!(result.judgement, Judgement::Violated);
}

#[test]
fn a_generation_may_come_again_after_an_unclean_election_of_its_log() {
    let twice = |between, generation| {
        run(vec![assigned(5, 1), between, assigned(6, generation), assigned(5, generation)])
            .judgement
    };
    assert_ne!(twice(unclean(0), 1), Judgement::Violated);
    assert_eq!(twice(unclean(0), 2), Judgement::Violated, "a number not seen before");
    assert_eq!(twice(unclean(1), 1), Judgement::Violated, "another log");
}

#[test]
fn a_stale_leader_a_late_message_and_a_restart_hold() {
    // ledger-0 hears of its assignment by a coordinator that was replaced when ledger-1 has the next one;
    // ledger-1 starts anew, and gives way to ledger-0.
    let ended = (6, Event::ProcessEnded(ProcessEnd::Crash));
    let history = vec![
        assigned(6, 1),
        elected(2, 1, &[2, 3]),
        assigned(6, 2),
        assigned(5, 1),
        ended.clone(),
        (6, Event::ProcessStarted),
        assigned(6, 3),
        ended,
        (6, Event::ProcessStarted),
        assigned(5, 3),
    ];
    let result = run(history.clone());
    assert_ne!(result.judgement, Judgement::Violated, "{result:?}");
    let both = [history, vec![assigned(6, 3)]].concat();
    assert_eq!(run(both).judgement, Judgement::Violated, "now both own it");
}

#[test]
fn a_generation_may_come_again_when_a_leader_lacks_where_it_was_written() {
    let in_offsets = |(node, mut event): (u16, Event)| {
        if let Event::Appended { partition, .. }
        | Event::BecameLeader { partition, .. }
        | Event::LeaderElected { partition, .. } = &mut event
        {
            partition.topic = TopicId::CONSUMER_OFFSETS;
        }
        (node, event)
    };
    let took_lead = |node: u16, epoch, end| {
        let (epoch, log_end) = (LeaderEpoch(epoch), Offset(end));
        let high_watermark = Offset(0);
        (node, Event::BecameLeader { partition: P, epoch, log_end, high_watermark })
    };
    // broker-2 takes over with all of the log, hands out what it loaded, and broker-3 has less.
    let twice = |end| {
        let mut history = vec![appended(1, 0, 0, &[0]), elected(2, 1, &[2, 3])];
        history.extend([took_lead(2, 1, 1), assigned(5, 2), elected(3, 2, &[3])]);
        history.extend([took_lead(3, 2, end), assigned(6, 2)]);
        run(history.into_iter().map(in_offsets).collect()).judgement
    };
    assert_ne!(twice(0), Judgement::Violated);
    assert_eq!(twice(1), Judgement::Violated, "it has all");
    // Without the logs on record any election may be such a one.
    let elections = [elected(1, 0, &[1, 2, 3]), assigned(5, 2), elected(3, 1, &[3])];
    let history: Vec<_> = elections.into_iter().map(in_offsets).chain([assigned(6, 2)]).collect();
    assert_ne!(run(history).judgement, Judgement::Violated);
}

#[test]
fn a_deposed_coordinator_numbers_generations_of_its_own() {
    let in_offsets = |(node, mut event): (u16, Event)| {
        if let Event::LeaderElected { partition, .. } = &mut event {
            partition.topic = TopicId::CONSUMER_OFFSETS;
        }
        (node, event)
    };
    let back = Event::IsrChanged {
        partition: TopicPartition::new(TopicId::CONSUMER_OFFSETS, 0),
        before: [BrokerId(3)].into(),
        isr: [BrokerId(1), BrokerId(3)].into(),
    };
    let start = vec![in_offsets(elected(1, 0, &[1])), unclean(0)];
    let two = |between: Vec<(u16, Event)>, last| {
        let both = vec![assigned(5, last), assigned(6, last)];
        run([start.clone(), vec![assigned(5, 2)], between, both].concat()).judgement
    };
    assert_ne!(two(vec![], 3), Judgement::Violated, "broker-1 and broker-3 both go on");
    assert_eq!(two(vec![(0, back)], 3), Judgement::Violated, "broker-1 follows");
    let ended = (1, Event::ProcessEnded(ProcessEnd::Crash));
    assert_eq!(two(vec![ended], 3), Judgement::Violated, "broker-1 is gone");
}

#[test]
fn without_an_assignment_nothing_is_judged() {
    assert_eq!(run(vec![sent(0)]).judgement, Judgement::Vacuous);
}
