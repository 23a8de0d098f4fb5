//! Histories of records that are kept, lost and displaced, each loss with its cause.

use super::*;
use crate::test_history::*;
use crate::verdict::{Judgement, Loss};

const NAME: &str = "acked-durability";

fn took_lead(broker: u16, epoch: i32, end: i64) -> (u16, Event) {
    let (epoch, log_end) = (LeaderEpoch(epoch), Offset(end));
    let high_watermark = Offset(0);
    (broker, Event::BecameLeader { partition: P, epoch, log_end, high_watermark })
}

fn cause_of(acks: &str, events: Vec<(u16, Event)>) -> (LossCause, String) {
    cause_in(&context(), acks, events)
}

fn cause_in(context: &Context, acks: &str, events: Vec<(u16, Event)>) -> (LossCause, String) {
    let mut context = context.clone();
    context.producers[0].acks = acks.parse().unwrap();
    let result = judge_in(&context, NAME, events);
    assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 1));
    let first = result.violations[0].clone();
    let counted = (Loss::Record, first.cause.expect("a loss has a cause"));
    assert_eq!(result.causes.get(&counted), Some(&1));
    (first.cause.expect("a loss has a cause"), first.summary)
}

/// A record is acknowledged by broker 1, which leads all three; then this.
fn loss(last: Vec<(u16, Event)>) -> Vec<(u16, Event)> {
    let mut events = vec![elected(1, 0, &[1, 2, 3]), took_lead(1, 0, 0), sent(0)];
    events.extend([appended(1, 0, 0, &[0]), acked(0, &[0])]);
    events.extend(last);
    events.push(final_done(0));
    events
}

/// No broker of a real cluster tells with which log it leads.
#[test]
fn who_is_elected_without_what_it_lost_is_why_it_is_gone() {
    let tail = |broker: u16| {
        let (from, to, by) = (Offset(1), Offset(0), crate::history::TailLoss::Power);
        (broker, Event::TailLost { partition: P, from, to, by })
    };
    let after = |last: Vec<(u16, Event)>| {
        let begin = vec![elected(1, 0, &[1, 2, 3]), sent(0), acked(0, &[0])];
        cause_of("all", [begin, last, vec![final_done(0)]].concat())
    };
    let (cause, words) = after(vec![tail(1), elected(0, 1, &[1]), elected(1, 2, &[1])]);
    assert_eq!(cause, LossCause::PowerLoss);
    assert!(words.contains("took the lead without it (epoch 2)"), "{words}");
    assert_eq!(after(vec![tail(1), elected(2, 1, &[2])]).0, LossCause::NotOnRecord, "it had it");
}

fn unclean() -> Vec<(u16, Event)> {
    let (node, mut unclean) = elected(3, 1, &[3]);
    if let Event::LeaderElected { unclean, .. } = &mut unclean {
        *unclean = true;
    }
    loss(vec![(node, unclean), took_lead(3, 1, 0)])
}

/// The leader was the last in sync, and comes back without the record.
fn alone() -> Vec<(u16, Event)> {
    loss(vec![elected(0, 1, &[1]), elected(1, 2, &[1]), took_lead(1, 2, 0)])
}

/// `context` with these settings of the topic.
fn with(min_insync_replicas: u16, unclean_leader_election: bool) -> Context {
    let mut context = context();
    for topic in &mut context.topics {
        topic.min_insync_replicas = min_insync_replicas;
        topic.unclean_leader_election = unclean_leader_election;
    }
    context
}

#[test]
fn a_loss_names_its_cause() {
    let crash = || loss(vec![elected(2, 1, &[2, 3]), took_lead(2, 1, 0)]);
    let (cause, summary) = cause_of("1", crash());
    assert_eq!(cause, LossCause::AcksOne);
    assert!(summary.contains("acks=1: the leader answered before every"), "{summary}");
    assert!(summary.contains("broker-2 took the lead without it (epoch 1) at 6.000s"), "{summary}");
    assert_eq!(cause_of("all", crash()).0, LossCause::Replication);
    assert_eq!(cause_in(&with(2, true), "all", unclean()).0, LossCause::UncleanElection);
    assert_eq!(cause_in(&with(1, false), "all", alone()).0, LossCause::LastReplica);
}

#[test]
fn a_setting_that_is_not_there_is_no_cause() {
    for acks in ["all", "1"] {
        let (cause, _) = cause_in(&with(2, false), acks, unclean());
        assert_eq!(cause, LossCause::ForcedElection, "acks={acks}: unclean elections are off");
    }
    let (cause, summary) = cause_in(&with(2, false), "all", alone());
    assert_eq!(cause, LossCause::Replication, "min.insync.replicas=2");
    assert!(summary.contains("no setting explains it"), "{summary}");
    // The last in sync is another than the one that answered: it has what was acknowledged.
    let other = loss(vec![elected(2, 1, &[2]), took_lead(2, 1, 0)]);
    assert_eq!(cause_in(&with(1, false), "all", other).0, LossCause::Replication);
    for (settings, events) in [(with(1, false), unclean()), (with(1, true), alone())] {
        let (cause, _) = cause_in(&settings, "all", events);
        assert_ne!(cause, LossCause::UncleanElection);
    }
}

#[test]
fn an_answer_of_a_replaced_leader_is_named() {
    let events =
        vec![took_lead(1, 0, 0), took_lead(2, 1, 0), sent(0), acked(0, &[0]), final_done(0)];
    assert_eq!(cause_of("1", events).0, LossCause::StaleLeader);
}

#[test]
fn of_two_records_acknowledged_at_one_offset_one_is_lost() {
    let events =
        vec![sent(0), sent(1), acked(0, &[0]), acked(0, &[1]), final_read(0, &[1]), final_done(1)];
    let (_, summary) = cause_of("all", events);
    assert!(summary.contains("holds billing-0#1 at the end"), "{summary}");
    let other =
        vec![sent(0), sent(1), acked(0, &[0]), acked(0, &[1]), final_read(0, &[0]), final_done(1)];
    let (_, summary) = cause_of("all", other);
    assert!(summary.contains("billing-0#1 was acknowledged"), "{summary}");
}

#[test]
fn a_record_elsewhere_in_a_log_is_displaced_and_not_lost() {
    let swapped = vec![sent(0), sent(1), acked(0, &[0, 1]), final_read(0, &[1, 0]), final_done(2)];
    let result = judge(NAME, swapped);
    assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 2));
    assert_eq!(result.displaced.values().sum::<u64>(), 2, "{result:?}");
    let told = "billing-0#0 was acknowledged at payments-0 offset 0, where the log holds billing-0#1 \
                at the end; it is elsewhere in a log. the history does not say how it came about";
    assert_eq!(result.violations[0].summary, told);
    // One is displaced, one is gone.
    let one = vec![sent(0), sent(1), acked(0, &[0, 1]), final_read(0, &[1]), final_done(1)];
    let result = judge(NAME, one);
    assert_eq!((result.violation_count, result.displaced.values().sum::<u64>()), (2, 1));
    // The same offset was acknowledged for both, and the first is found there.
    let both = vec![sent(0), sent(1), acked(0, &[0]), acked(0, &[1])];
    let both = both.into_iter().chain([final_read(0, &[0, 1]), final_done(2)]).collect();
    let result = judge(NAME, both);
    assert_eq!((result.violation_count, result.displaced.values().sum::<u64>()), (1, 1));
    let summary = &result.violations[0].summary;
    assert!(
        summary.contains("billing-0#1 was") && summary.contains("holds billing-0#0"),
        "{summary}"
    );
}

#[test]
fn an_answer_during_the_final_read_is_held_against_what_is_read() {
    let late = vec![sent(0), sent(1), final_read(0, &[0]), acked(0, &[1]), final_done(1)];
    let summary = judge(NAME, late).violations.remove(0).summary;
    assert!(summary.contains("holds billing-0#0 at the end"), "{summary}");
    let twice = vec![sent(0), sent(1), final_read(0, &[0]), acked(0, &[0]), acked(0, &[1])];
    let twice = twice.into_iter().chain([final_done(1)]).collect();
    let result = judge(NAME, twice);
    assert_eq!(result.violation_count, 1, "{result:?}");
    assert!(result.violations[0].summary.contains("holds billing-0#0 at the end"), "{result:?}");
    // A cluster that has not recovered goes on writing behind the end that is read.
    let behind = |reading: (u16, Event)| {
        let before = vec![sent(0), sent(1), acked(0, &[0]), reading, final_read(0, &[0])];
        judge(NAME, [before, vec![acked(1, &[1]), final_done(1)]].concat())
    };
    let result = behind(phase(Phase::FinalRead));
    assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 1), "{result:?}");
    assert_eq!(behind(phase(Phase::Settle)).violation_count, 1, "acknowledged before");
}

fn unclean_to(leader: u16, epoch: i32) -> (u16, Event) {
    let (node, mut event) = elected(leader, epoch, &[leader]);
    if let Event::LeaderElected { unclean, .. } = &mut event {
        *unclean = true;
    }
    (node, event)
}

fn acked_by(broker: Option<u16>, base: i64, number: u32) -> (u16, Event) {
    let (by, records) = (broker.map(BrokerId), slice(&[number]));
    (4, Event::Acked { partition: P, base_offset: Offset(base), by, records })
}

fn isr(ids: &[u16]) -> (u16, Event) {
    let isr: Arc<[BrokerId]> = ids.iter().map(|&id| BrokerId(id)).collect();
    (0, Event::IsrChanged { partition: P, before: Arc::clone(&isr), isr })
}

#[test]
fn what_a_leader_acknowledges_that_an_unclean_election_deposed_is_lost_by_it() {
    let lost = |events: Vec<(u16, Event)>| {
        let mut all = vec![elected(1, 0, &[1]), took_lead(1, 0, 0), sent(0)];
        all.extend(events);
        all.push(final_done(0));
        cause_in(&with(1, true), "all", all).0
    };
    let deposed = |by| vec![unclean_to(3, 1), took_lead(3, 1, 0), acked_by(by, 0, 0)];
    assert_eq!(lost(deposed(Some(1))), LossCause::UncleanElection);
    assert_eq!(lost(deposed(None)), LossCause::UncleanElection, "it may have been broker 1");
    // The new leader's word is no victim of its own election.
    assert_eq!(lost(deposed(Some(3))), LossCause::Replication);
    // Nor is what broker 1 acknowledges when it is in sync again, and leads again.
    let back = vec![unclean_to(3, 1), took_lead(3, 1, 0), isr(&[1, 3]), elected(1, 2, &[1, 3])];
    let back = [back, vec![took_lead(1, 2, 0)]].concat();
    let back = |by| back.clone().into_iter().chain([acked_by(by, 0, 0)]).collect();
    assert_eq!(lost(back(Some(1))), LossCause::Replication);
    assert_eq!(lost(back(None)), LossCause::Replication);
    // The elected one dies before it leads, and is elected again, in sync now.
    let again = vec![acked(0, &[0]), unclean_to(3, 1), elected(3, 2, &[3]), took_lead(3, 2, 0)];
    assert_eq!(lost(again), LossCause::UncleanElection);
    // It has the record; somebody later has not.
    let later = vec![
        acked(0, &[0]),
        unclean_to(3, 1),
        took_lead(3, 1, 1),
        elected(2, 2, &[2]),
        took_lead(2, 2, 0),
    ];
    assert_eq!(lost(later), LossCause::Replication);
}

#[test]
fn the_controllers_elections_alone_tell_an_unclean_one() {
    let lost = |acks: &str, events: Vec<(u16, Event)>| {
        let mut all = vec![elected(1, 0, &[1, 3]), sent(0), acked_by(None, 0, 0)];
        all.extend(events);
        all.push(final_done(0));
        cause_in(&with(1, true), acks, all).0
    };
    assert_eq!(lost("all", vec![unclean_to(3, 1)]), LossCause::UncleanElection);
    assert_eq!(lost("1", vec![unclean_to(3, 1)]), LossCause::UncleanElection);
    let both = || vec![elected(2, 1, &[2]), unclean_to(3, 2)];
    assert_eq!(lost("all", both()), LossCause::UncleanElection);
    assert_eq!(lost("1", both()), LossCause::AcksOne, "the clean one may have lost it");
    assert_eq!(lost("all", vec![elected(3, 1, &[3])]), LossCause::NotOnRecord);
}

#[test]
fn a_single_replica_is_what_explains_its_loss() {
    let mut single = with(1, false);
    single.topics[1].replication_factor = 1;
    let (cause, summary) = cause_in(&single, "all", alone());
    assert_eq!(cause, LossCause::OnlyReplica);
    assert!(summary.contains("replication.factor=1"), "{summary}");
}

#[test]
fn a_stale_leader_a_late_message_and_a_restart_hold() {
    let events = vec![
        elected(1, 0, &[1, 2, 3]),
        took_lead(1, 0, 0),
        sent(0),
        sent(1),
        appended(1, 0, 0, &[0]),
        appended(2, 0, 0, &[0]),
        elected(2, 1, &[2, 3]),
        took_lead(2, 1, 1),
        // The stale leader goes on; its answer to what it committed is heard late.
        appended(1, 0, 1, &[7]),
        acked(0, &[0]),
        acked_by(Some(2), 1, 1),
        (1, Event::ProcessStarted),
        (1, Event::Truncated { partition: P, from: Offset(2), to: Offset(1) }),
        final_read(0, &[0, 1]),
        final_done(2),
    ];
    let result = judge(NAME, events);
    assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 2));
}

#[test]
fn a_record_at_its_offset_holds_also_if_the_answer_is_late() {
    let result =
        judge(NAME, vec![sent(0), acked(0, &[0, 1]), final_read(0, &[0, 1]), final_done(2)]);
    assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 2));
    let late = vec![sent(0), acked(0, &[1]), final_read(0, &[1, 0]), acked(1, &[0]), final_done(2)];
    assert_eq!(judge(NAME, late).judgement, Judgement::Held);
}

#[test]
fn a_record_below_the_logs_start_is_not_judged() {
    let done = (0, Event::FinalReadDone { partition: P, start: Offset(1), end: Offset(2) });
    let result = judge(NAME, vec![acked(0, &[0, 1]), final_read(1, &[1]), done]);
    assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 1));
}

#[test]
fn without_a_final_read_nothing_is_judged() {
    assert_eq!(judge(NAME, vec![sent(0), acked(0, &[0])]).judgement, Judgement::Vacuous);
    let unknown = vec![sent(0), acked(-1, &[0]), final_done(0)];
    assert_eq!(judge(NAME, unknown).judgement, Judgement::Vacuous, "acks=0 promises nothing");
}

#[test]
fn an_unclean_election_before_the_record_was_sent_explains_nothing() {
    let lost = |partition| {
        let sent = (4, Event::Sent { record: record(0), partition });
        let events = vec![elected(1, 0, &[1, 2]), unclean_to(2, 1), sent, acked_by(None, 0, 0)];
        cause_in(&with(2, true), "all", [events, vec![final_done(0)]].concat()).0
    };
    assert_eq!(lost(Some(P)), LossCause::NotOnRecord);
    assert_eq!(lost(None), LossCause::NotOnRecord);
}

#[test]
fn a_single_replica_comes_before_what_the_producer_waits_for() {
    let mut single = with(1, false);
    single.topics[1].replication_factor = 1;
    assert_eq!(cause_in(&single, "1", alone()).0, LossCause::OnlyReplica);
    let silent = || vec![sent(0), acked(0, &[0]), final_done(0)];
    assert_eq!(cause_in(&single, "1", silent()).0, LossCause::NotOnRecord);
    assert_eq!(cause_of("1", silent()).0, LossCause::NotOnRecord, "no leader was replaced");
}

#[test]
fn an_answer_of_a_replaced_leader_is_no_cause_where_the_next_one_has_the_record() {
    let begin = || vec![sent(0), elected(1, 0, &[1]), took_lead(1, 0, 0), elected(2, 1, &[1, 2])];
    let has = |end| [begin(), vec![took_lead(2, 1, end), acked(0, &[0])]].concat();
    let later = [has(1), vec![elected(3, 2, &[3]), took_lead(3, 2, 0), final_done(0)]].concat();
    assert_eq!(cause_of("1", later).0, LossCause::AcksOne);
    // It began without the record, and is further by the time it leads again.
    let again = vec![took_lead(2, 1, 0), took_lead(3, 2, 5), acked(0, &[0]), final_done(0)];
    assert_eq!(cause_of("1", [begin(), again].concat()).0, LossCause::StaleLeader);
}

#[test]
fn a_rule_is_broken_only_where_the_last_leaders_log_is_on_record() {
    let start = || vec![elected(1, 0, &[1, 2, 3]), took_lead(1, 0, 0), sent(0), acked(0, &[0])];
    let silent = || [start(), vec![elected(2, 1, &[2, 3]), final_done(0)]].concat();
    assert_eq!(cause_of("all", silent()).0, LossCause::NotOnRecord);
    assert_eq!(cause_of("1", silent()).0, LossCause::AcksOne);
    let unchosen = vec![took_lead(1, 0, 0), sent(0), acked(0, &[0]), final_done(0)];
    assert_eq!(cause_of("all", unchosen).0, LossCause::NotOnRecord);
    let known = [start(), vec![final_done(0)]].concat();
    assert_eq!(cause_of("all", known).0, LossCause::Replication);
}

#[test]
fn who_comes_back_without_what_it_had_not_flushed_names_that() {
    let started = |node| (node, Event::ProcessStarted);
    let cut = |node| (node, Event::Truncated { partition: P, from: Offset(1), to: Offset(0) });
    let all = || vec![started(1), cut(1), elected(1, 1, &[1]), took_lead(1, 1, 0)];
    for acks in ["all", "1"] {
        let (cause, summary) = cause_in(&with(2, false), acks, loss(all()));
        assert_eq!(cause, LossCause::PowerLoss, "{summary}");
    }
    assert_eq!(cause_in(&with(1, false), "all", loss(all())).0, LossCause::LastReplica);
    let mut single = with(1, false);
    single.topics[1].replication_factor = 1;
    assert_eq!(cause_in(&single, "1", loss(all())).0, LossCause::OnlyReplica);
    // Another lost it, or it was whole again when it joined.
    let other = vec![started(2), cut(2), elected(1, 1, &[1]), took_lead(1, 1, 0)];
    assert_eq!(cause_in(&with(2, false), "all", loss(other)).0, LossCause::Replication);
    let whole = vec![elected(2, 1, &[2]), started(1), cut(1), elected(2, 1, &[1, 2])];
    let whole = [whole, vec![elected(1, 2, &[1]), took_lead(1, 2, 0)]].concat();
    assert_eq!(cause_in(&with(2, false), "all", loss(whole)).0, LossCause::Replication);
    // With eligible leader replicas nobody was in sync, and the last leader is in the set as it is.
    let empty = |leader: Option<u16>, epoch, isr: &[u16]| {
        let (leader, isr) = (leader.map(BrokerId), isr.iter().copied().map(BrokerId).collect());
        (
            0,
            Event::LeaderElected {
                partition: P,
                leader,
                epoch: LeaderEpoch(epoch),
                isr,
                unclean: leader.is_some(),
            },
        )
    };
    let last =
        vec![started(1), cut(1), empty(None, 1, &[]), empty(Some(1), 2, &[1]), took_lead(1, 2, 0)];
    assert_eq!(cause_in(&with(2, false), "all", loss(last)).0, LossCause::PowerLoss);
}

#[test]
fn a_leader_that_was_not_replaced_makes_acks_one_no_cause() {
    let back = || loss(vec![elected(1, 1, &[1]), took_lead(1, 1, 0)]);
    assert_eq!(cause_in(&with(2, false), "1", back()).0, LossCause::NotOnRecord);
    let other = vec![elected(2, 1, &[2, 3]), elected(1, 2, &[1]), took_lead(1, 2, 0)];
    assert_eq!(cause_in(&with(2, false), "1", loss(other)).0, LossCause::AcksOne);
}

#[test]
fn what_may_be_in_a_log_that_was_not_read_is_not_called_lost() {
    let mut two = context();
    two.topics[1].partitions = 2;
    let events = || vec![sent(0), acked(0, &[0]), final_done(0)];
    let result = judge_in(&two, NAME, events());
    assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 1));
    assert!(result.causes.is_empty() && result.displaced.is_empty(), "{result:?}");
    let summary = &result.violations[0].summary;
    assert!(summary.contains("it may be in payments-1, which was not read"), "{summary}");
    let other = TopicPartition::new(P.topic, 1);
    let read = Event::FinalReadDone { partition: other, start: Offset(0), end: Offset(0) };
    let all = [events(), vec![(0, read)]].concat();
    assert_eq!(judge_in(&two, NAME, all).causes.values().sum::<u64>(), 1);
}

#[test]
fn what_a_deposed_leader_acknowledged_is_lost_by_its_deposition_whoever_leads_next() {
    let mut context = context();
    context.topics[1].unclean_leader_election = true;
    let (node, mut unclean) = elected(2, 1, &[2]);
    if let Event::LeaderElected { unclean, .. } = &mut unclean {
        *unclean = true;
    }
    let events = vec![
        elected(1, 0, &[1]),
        took_lead(1, 0, 0),
        sent(0),
        (node, unclean),
        took_lead(2, 1, 0),
        acked(0, &[0]),
        elected(3, 2, &[2, 3]),
        took_lead(3, 2, 0),
        final_done(0),
    ];
    assert_eq!(cause_in(&context, "all", events).0, LossCause::UncleanElection);
}

/// R1.19: compaction may take a record for a later one of its key, and for no other.
#[test]
fn a_record_with_a_later_one_of_its_key_may_be_gone() {
    let judged = |keys: [u32; 2]| {
        let mut context = context();
        context.topics[1].compacted = true;
        let sent = (0..).zip(keys).map(|(number, key)| {
            let (node, mut event) = sent(number);
            if let Event::Sent { record, .. } = &mut event {
                record.key = Some(key);
            }
            (node, event)
        });
        let acked = vec![acked(0, &[0, 1]), final_read(1, &[1]), final_done(2)];
        judge_in(&context, NAME, sent.chain(acked).collect()).judgement
    };
    assert_eq!([judged([7, 7]), judged([7, 8])], [Judgement::Held, Judgement::Violated]);
}
