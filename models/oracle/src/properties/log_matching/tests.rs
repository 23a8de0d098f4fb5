//! Histories of replicas, legal ones (silent) beside illegal ones (loud).

use crate::history::{Event, StartReason};
use crate::test_history::*;
use crate::verdict::{Judgement, PropertyResult};
use ackproof_types::{Acks, BrokerId, LeaderEpoch, Offset};

fn run(events: Vec<(u16, Event)>) -> PropertyResult {
    judge("log-matching", events)
}

fn cut(broker: u16, from: i64, to: i64) -> (u16, Event) {
    (broker, Event::Truncated { partition: P, from: Offset(from), to: Offset(to) })
}

fn isr(before: &[u16], after: &[u16]) -> (u16, Event) {
    let set = |ids: &[u16]| ids.iter().map(|&id| BrokerId(id)).collect();
    (0, Event::IsrChanged { partition: P, before: set(before), isr: set(after) })
}

fn unclean(leader: u16, epoch: i32) -> (u16, Event) {
    let (node, mut event) = elected(leader, epoch, &[leader]);
    if let Event::LeaderElected { unclean, .. } = &mut event {
        *unclean = true;
    }
    (node, event)
}

/// Two records, committed on brokers 1 and 2.
fn committed() -> Vec<(u16, Event)> {
    vec![appended(1, 0, 0, &[0, 1]), appended(2, 0, 0, &[0, 1]), high_watermark(1, 0, 2)]
}

fn after(events: Vec<(u16, Event)>) -> PropertyResult {
    let mut all = committed();
    all.extend(events);
    run(all)
}

#[test]
fn a_later_leader_over_the_committed_prefix_violates() {
    let result = after(vec![cut(2, 2, 0), appended(2, 1, 0, &[2])]);
    assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 1));
    let told = "broker-2 holds billing-0#2 of epoch 1 at payments-0 offset 0, where billing-0#0 of \
                epoch 0 was committed";
    assert_eq!(result.violations[0].summary, told);
}

/// A deposed leader comes back when retention has deleted where it disagrees, and has it no more.
#[test]
fn what_is_below_the_start_of_a_log_is_not_held_against_it() {
    let stale = |begins: bool| {
        let (partition, from, to, why) = (P, Offset(0), Offset(1), StartReason::Leader);
        let moved = (3, Event::LogStartMoved { partition, from, to, why });
        let mut events = vec![appended(3, 0, 0, &[9])];
        events.extend(committed());
        events.push(appended(3, 0, 1, &[1]));
        events.extend(begins.then_some(moved));
        events.push(isr(&[1, 2], &[1, 2, 3]));
        run(events).judgement
    };
    assert_eq!([stale(false), stale(true)], [Judgement::Violated, Judgement::Held]);
}

#[test]
fn the_same_epoch_with_another_record_violates() {
    assert_eq!(after(vec![appended(3, 0, 0, &[0, 7])]).judgement, Judgement::Violated);
    assert_eq!(after(vec![appended(3, 0, 0, &[0]), appended(3, 0, 1, &[1])]).violation_count, 0);
}

#[test]
fn a_diverged_follower_that_leads_later_violates() {
    let events = vec![
        appended(1, 1, 0, &[0]),
        appended(2, 0, 0, &[9]),
        high_watermark(1, 1, 1),
        appended(2, 2, 1, &[1]),
        high_watermark(2, 2, 2),
    ];
    let result = run(events);
    assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 1));
}

#[test]
fn a_diverged_follower_that_joins_the_in_sync_set_violates() {
    let diverged = |last| {
        vec![
            appended(1, 1, 0, &[0]),
            appended(2, 1, 0, &[0]),
            appended(3, 0, 0, &[9]),
            isr(&[1, 2, 3], &[1, 2]),
            high_watermark(1, 1, 1),
            last,
        ]
    };
    let joins = run(diverged(isr(&[1, 2], &[1, 2, 3])));
    assert_eq!((joins.judgement, joins.violation_count), (Judgement::Violated, 1));
    let stays = run(diverged(isr(&[1, 2], &[1])));
    assert_eq!(stays.judgement, Judgement::Held, "a stale tail outside is legal");
}

#[test]
fn a_cut_uncommitted_tail_holds() {
    let result = run(vec![
        appended(1, 0, 0, &[0]),
        appended(2, 0, 0, &[0]),
        high_watermark(1, 0, 1),
        appended(1, 0, 1, &[1]),
        appended(2, 1, 1, &[2]),
        appended(3, 1, 1, &[2]),
        high_watermark(2, 1, 2),
        appended(1, 0, 2, &[3]),
        cut(1, 3, 1),
        appended(1, 1, 1, &[2]),
    ]);
    assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 3));
}

/// Broker 1 led epoch 0; broker 3 leads epoch 1 without its last record and is cut off; broker 2 has
/// that record and commits it in epoch 2.
fn committed_by_a_later_leader() -> Vec<(u16, Event)> {
    vec![
        appended(1, 0, 0, &[0]),
        appended(2, 0, 0, &[0]),
        elected(3, 1, &[2, 3]),
        elected(2, 2, &[1, 2]),
        high_watermark(2, 2, 1),
    ]
}

#[test]
fn a_stale_leader_a_late_message_and_a_restart_hold() {
    let mut events = committed_by_a_later_leader();
    // Broker 3 still leads epoch 1 for itself, over a record of epoch 0 that epoch 2 exposed.
    events.push(appended(3, 1, 0, &[5]));
    // Its answer to a fetch, under way since before, reaches a broker that starts anew.
    events.push((1, Event::ProcessStarted));
    events.push(cut(1, 1, 0));
    events.push(appended(1, 1, 0, &[5]));
    // Both come back, cut it off and have what is committed.
    events.extend([cut(3, 1, 0), appended(3, 0, 0, &[0]), cut(1, 1, 0), appended(1, 0, 0, &[0])]);
    events.push(isr(&[1, 2], &[1, 2, 3]));
    let result = run(events);
    assert_eq!((result.judgement, result.violation_count), (Judgement::Held, 0), "{result:?}");
}

#[test]
fn from_the_leadership_that_exposed_a_place_on_nothing_else_is_appended_there() {
    for epoch in [2, 3] {
        let mut events = committed_by_a_later_leader();
        events.push(appended(3, epoch, 0, &[5]));
        assert_eq!(run(events).judgement, Judgement::Violated, "epoch {epoch}");
    }
    // An earlier leadership had exposed it too: its word reaches the record later, and counts.
    let mut events = committed_by_a_later_leader();
    events.extend([high_watermark(1, 0, 1), appended(3, 1, 0, &[5])]);
    assert_eq!(run(events).judgement, Judgement::Violated, "exposed in epoch 0");
    // What an unclean election throws away binds nobody.
    let mut events = committed_by_a_later_leader();
    events.extend([appended(3, 1, 0, &[5]), unclean(3, 3), appended(3, 3, 1, &[6])]);
    events.extend([cut(2, 1, 0), appended(2, 1, 0, &[5]), high_watermark(3, 3, 2)]);
    assert_eq!(run(events).judgement, Judgement::Held, "the unclean leader's log is the truth");
}

#[test]
fn an_unclean_election_makes_the_leaders_log_the_truth() {
    let elected = || vec![appended(3, 0, 0, &[0]), unclean(3, 1), appended(3, 1, 1, &[5])];
    let mut legal = elected();
    legal.extend([high_watermark(3, 1, 2), cut(1, 2, 1), appended(1, 1, 1, &[5])]);
    legal.push(high_watermark(1, 2, 2));
    assert_eq!(after(legal).judgement, Judgement::Held);
    // Broker 1 keeps what the election threw away, and exposes it later.
    let mut illegal = elected();
    illegal.extend([high_watermark(3, 1, 2), high_watermark(1, 2, 2)]);
    assert_eq!(after(illegal).judgement, Judgement::Violated);
    // Without the election the same is a divergence.
    let mut clean = elected();
    clean.remove(1);
    clean.push(high_watermark(3, 1, 2));
    assert_eq!(after(clean).judgement, Judgement::Violated);
}

#[test]
fn one_replica_alone_proves_nothing() {
    assert_eq!(run(vec![appended(1, 0, 0, &[0])]).judgement, Judgement::Vacuous);
    let alone = vec![appended(1, 0, 0, &[0]), high_watermark(1, 0, 1)];
    assert_eq!(run(alone).judgement, Judgement::Vacuous);
}

#[test]
fn a_replica_that_joins_or_is_in_sync_without_what_is_committed_violates() {
    let short = |last: Vec<(u16, Event)>| {
        let mut events = vec![elected(1, 0, &[1, 2]), appended(3, 0, 0, &[0])];
        events.extend(committed());
        events.extend(last);
        run(events)
    };
    assert_eq!(short(vec![]).judgement, Judgement::Held, "broker 3 is behind, and not in sync");
    let joins = short(vec![isr(&[1, 2], &[1, 2, 3])]);
    assert_eq!(joins.violation_count, 1, "{joins:?}");
    let told = "broker-3 is in sync with a log of payments-0 that ends at 1, where everything below 2 \
                was committed";
    assert_eq!(joins.violations[0].summary, told);
    // Once for a shortage, however often the set is decided.
    let again = short(vec![isr(&[1, 2], &[1, 2, 3]), elected(2, 1, &[2, 3]), isr(&[2], &[2, 3])]);
    assert_eq!(again.violation_count, 1, "{again:?}");
    let caught_up = vec![appended(3, 0, 1, &[1]), isr(&[1, 2], &[1, 2, 3])];
    assert_eq!(short(caught_up).judgement, Judgement::Held);
    // A replica of which nothing is on record may have everything.
    let mut unknown = vec![elected(1, 0, &[1, 2])];
    unknown.extend(committed());
    unknown.push(isr(&[1, 2], &[1, 2, 3]));
    assert_eq!(run(unknown).judgement, Judgement::Held);
}

#[test]
fn a_leader_that_exposes_more_than_an_in_sync_replica_has_is_told_at_that_moment() {
    let mut events = vec![elected(1, 0, &[1, 2])];
    events.extend(committed());
    events.extend([appended(1, 0, 2, &[2]), high_watermark(1, 0, 3)]);
    let result = run(events);
    assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 1));
    assert_eq!(result.violations[0].seq, 5, "{result:?}");
    // What it takes out of the set first it need not wait for.
    let mut shrunk = vec![elected(1, 0, &[1, 2])];
    shrunk.extend(committed());
    shrunk.extend([appended(1, 0, 2, &[2]), isr(&[1, 2], &[1]), high_watermark(1, 0, 3)]);
    assert_eq!(run(shrunk).judgement, Judgement::Held);
}

#[test]
fn a_hole_violates_and_a_log_that_starts_anew_does_not() {
    let hole = run(vec![appended(1, 0, 0, &[0]), appended(1, 0, 2, &[2])]);
    assert_eq!((hole.judgement, hole.violation_count), (Judgement::Violated, 1));
    let told = "broker-1 appends at 2 to a log of payments-0 that ends at 1";
    assert_eq!(hole.violations[0].summary, told);
    let anew = vec![appended(1, 0, 0, &[0]), cut(1, 1, 2), appended(1, 0, 2, &[2])];
    assert_eq!(run(anew).violation_count, 0);
    assert_eq!(
        run(vec![appended(1, 0, 7, &[2])]).violation_count,
        0,
        "its beginning is not on record"
    );
}

#[test]
fn an_acknowledgement_with_acks_all_names_what_is_committed() {
    let result = after(vec![acked(0, &[0, 9])]);
    assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 1));
    let told = "billing-0#9 was acknowledged at payments-0 offset 1, where billing-0#1 of epoch 0 was \
                committed";
    assert_eq!(result.violations[0].summary, told);
    assert_eq!(after(vec![acked(0, &[0, 1])]).violation_count, 0);
    // A deposed leader's answer.
    let deposed = vec![unclean(3, 1), appended(3, 1, 0, &[5]), high_watermark(3, 1, 1)];
    assert_eq!(after(deposed.into_iter().chain([acked(0, &[0])]).collect()).violation_count, 0);
    let mut context = context();
    context.producers[0].acks = Acks::Leader;
    let mut events = committed();
    events.push(acked(0, &[9]));
    assert_eq!(judge_in(&context, "log-matching", events).violation_count, 0, "acks=1");
}

#[test]
fn a_leader_whose_own_committed_part_differs_violates() {
    let took = |high_watermark| {
        let (epoch, log_end) = (LeaderEpoch(1), Offset(2));
        let high_watermark = Offset(high_watermark);
        (3, Event::BecameLeader { partition: P, epoch, log_end, high_watermark })
    };
    let diverged = |high_watermark| {
        let events = vec![appended(3, 0, 0, &[8])];
        let mut all: Vec<_> = events.into_iter().chain(committed()).collect();
        all.push(took(high_watermark));
        run(all).violation_count
    };
    assert_eq!((diverged(0), diverged(1)), (0, 1));
}

#[test]
fn what_a_power_loss_took_breaks_no_rule() {
    let started = |node| (node, Event::ProcessStarted);
    let committed = || {
        let mut all = vec![elected(1, 0, &[1, 2, 3])];
        all.extend((1..=3).map(|broker| appended(broker, 0, 0, &[0, 1])));
        all.push(high_watermark(1, 0, 2));
        all
    };
    let after = |last: Vec<(u16, Event)>| run([committed(), last].concat()).judgement;
    // An in-sync follower comes back without record 1, and catches up.
    let follower = || vec![started(2), cut(2, 2, 1), isr(&[1, 2, 3], &[1, 2])];
    assert_eq!(after(follower()), Judgement::Held);
    let whole = [follower(), vec![appended(2, 0, 1, &[1]), isr(&[1, 2], &[1, 2, 3])]].concat();
    assert_eq!(after(whole.clone()), Judgement::Held);
    let cut_again = [whole, vec![cut(2, 2, 1), isr(&[1, 2, 3], &[1, 2])]].concat();
    assert_eq!(after(cut_again), Judgement::Violated, "it has been whole since");
    let alive = vec![cut(2, 2, 1), isr(&[1, 2, 3], &[1, 2])];
    assert_eq!(after(alive), Judgement::Violated, "it did not start anew");
    // What it lost was not committed yet. Its leader still counts it, and commits it.
    let claimed = vec![
        elected(1, 0, &[1, 2]),
        appended(1, 0, 0, &[0, 1]),
        appended(2, 0, 0, &[0, 1]),
        high_watermark(1, 0, 1),
        started(2),
        cut(2, 2, 1),
        isr(&[1, 2, 3], &[1, 2]),
        high_watermark(1, 0, 2),
    ];
    assert_eq!(run(claimed).judgement, Judgement::Held);
    // All have lost it, and one leads: another record is committed in its place.
    let all = || (1..=3).flat_map(|node| [started(node), cut(node, 2, 1)]).collect::<Vec<_>>();
    let leads = vec![elected(1, 1, &[1]), appended(1, 1, 1, &[2]), high_watermark(1, 1, 2)];
    let leads = [leads, vec![appended(2, 1, 1, &[2]), isr(&[1], &[1, 2])]].concat();
    assert_eq!(after([all(), leads.clone()].concat()), Judgement::Held);
    assert_eq!(after([vec![cut(1, 2, 1)], leads].concat()), Judgement::Violated);
    let other = vec![elected(3, 1, &[2, 3]), appended(3, 1, 2, &[2])];
    assert_eq!(after([follower(), other].concat()), Judgement::Held, "the leader has everything");
}

/// R1.19: what is compacted may be missing at a follower, as far as somebody has compacted.
#[test]
fn a_gap_that_compaction_left_is_no_hole() {
    let judged = |to: i64| {
        let (partition, from) = (P, Offset(0));
        let compacted = (1, Event::LogCompacted { partition, from, to: Offset(to) });
        let late = vec![appended(3, 0, 0, &[0]), compacted, appended(3, 0, 2, &[2])];
        let all = vec![appended(1, 0, 0, &[0, 1, 2]), high_watermark(1, 0, 3)];
        run([all, late, vec![isr(&[1], &[1, 3])]].concat()).judgement
    };
    assert_eq!([judged(2), judged(1)], [Judgement::Held, Judgement::Violated]);
}
