//! Lives of records: their own steps, and what led to the odd ones.

use super::*;
use crate::history::{Phase, PositionSource, ProcessEnd};
use crate::judge::Judge;
use crate::test_history::*;
use ackproof_types::BrokerId;
use std::sync::Arc;

fn judged(events: Vec<(u16, Event)>) -> (Vec<Entry>, Findings) {
    let all = entries(events);
    let mut judge = Judge::new(Arc::new(context())).explaining();
    all.iter().for_each(|entry| judge.observe(entry));
    (all, judge.conclude())
}

fn life_of(events: Vec<(u16, Event)>) -> Life {
    let (all, findings) = judged(events);
    Life::of(&all, &context(), &findings, record(0).id).expect("it was sent")
}

/// The lines, those that are not the record's own behind a `~`.
fn lines(life: &Life) -> Vec<String> {
    let line = |step: &Step| match step.part {
        Part::Step => step.text.clone(),
        Part::Cause => format!("~ {}", step.text),
    };
    life.steps.iter().map(line).collect()
}

fn fault(fault: u32, target: u16, text: &str) -> (u16, Event) {
    (0, Event::FaultStarted { fault, target: Some(NodeId(target)), text: text.into() })
}

#[test]
fn a_lost_record_has_its_elections_and_faults_and_no_others() {
    let isr = |ids: &[u16]| ids.iter().map(|id| BrokerId(*id)).collect::<Arc<[BrokerId]>>();
    let life = life_of(vec![
        fault(0, 6, "ledger-1 crashed"),
        elected(1, 0, &[1, 2, 3]),
        (0, Event::IsrChanged { partition: P, before: isr(&[1, 2, 3]), isr: isr(&[1]) }),
        sent(0),
        appended(1, 0, 0, &[0]),
        acked(0, &[0]),
        fault(1, 1, "broker-1 crashed"),
        (1, Event::ProcessEnded(ProcessEnd::Crash)),
        elected(2, 1, &[2]),
        (1, Event::ProcessStarted),
        (1, Event::Truncated { partition: P, from: Offset(1), to: Offset(0) }),
        (0, Event::Phase(Phase::FinalRead)),
        final_done(0),
    ]);
    let told = [
        "~ in-sync set of payments-0: 1, 2 and 3 became 1",
        "billing-0 sent it to payments-0 (100 bytes)",
        "broker-1 appended it as leader at offset 0, epoch 0",
        "broker-1 acknowledged it at offset 0 (acks=all)",
        "~ fault: broker-1 crashed",
        "~ broker-1 crashed",
        "~ broker-2 became leader of payments-0 in epoch 1; in sync: 2",
        "~ broker-1 started again",
        "broker-1 truncated its log from 1 to 0: gone there",
        "the final read of payments-0 ends at 0, without it",
    ];
    assert_eq!(lines(&life), told);
    assert_eq!(life.places, [(P, Offset(0))]);
    let outcome = [
        "acknowledged at payments-0@0 (acks=all)",
        "in no log at the end",
        "ledger did not process it",
    ];
    assert_eq!(life.outcome, outcome);
    assert_eq!(life.causes.iter().map(|one| one.of.as_str()).collect::<Vec<_>>(), ["lost"]);
}

#[test]
fn a_record_that_fares_well_has_no_causes() {
    let life = life_of(vec![
        fault(0, 1, "broker-1 was slow"),
        sent(0),
        appended(1, 0, 0, &[0]),
        appended(2, 0, 0, &[0]),
        high_watermark(1, 0, 1),
        acked(0, &[0]),
        polled(0, &[0]),
        processed(0, 0),
        committed(1),
        elected(2, 1, &[2, 3]),
        final_read(0, &[0]),
        final_done(1),
    ]);
    assert!(life.steps.iter().all(|step| step.part == Part::Step), "{:?}", lines(&life));
    assert_eq!(life.steps.len(), 9);
    assert!(life.causes.is_empty());
}

#[test]
fn a_record_that_came_with_others_tells_of_its_batch() {
    let life = life_of(vec![sent(0), appended(1, 0, 0, &[0, 1, 2]), appended(2, 0, 0, &[0, 1, 2])]);
    let told = [
        "billing-0 sent it to payments-0 (100 bytes)",
        "broker-1 appended it as leader at offset 0, epoch 0, in a batch of 3 records from offset 0",
        "broker-2 appended it as follower at offset 0, epoch 0",
    ];
    assert_eq!(lines(&life), told);
}

#[test]
fn a_record_is_processed_again_because_its_member_crashed() {
    let by = |node: u16, (_, event): (u16, Event)| (node, event);
    let life = life_of(vec![
        sent(0),
        appended(1, 0, 0, &[0]),
        acked(0, &[0]),
        polled(0, &[0]),
        processed(0, 0),
        (5, Event::ProcessEnded(ProcessEnd::Crash)),
        by(6, positioned(6, 0, PositionSource::Committed)),
        by(6, polled(0, &[0])),
        by(6, processed(0, 0)),
    ]);
    let told = lines(&life);
    let crash = told.iter().position(|line| line == "~ ledger-0 crashed").expect("why");
    assert_eq!(told[crash + 1], "~ ledger-1 starts at offset 0 (committed)");
    assert_eq!(told[crash + 2], "ledger-1 polled it again, with offsets 0 to 1");
    assert_eq!(told[crash + 3], "ledger-1 processed it again (member-crash)");
    assert_eq!(life.causes[0].name, "member-crash");
}

#[test]
fn a_record_is_processed_again_because_a_commit_went_back() {
    let life = life_of(vec![
        sent(0),
        appended(1, 0, 0, &[0]),
        acked(0, &[0]),
        polled(0, &[0]),
        processed(0, 0),
        commit_sent(1),
        committed(1),
        commit_sent(0),
        committed(0),
        (5, Event::ProcessEnded(ProcessEnd::Killed)),
        at_node(6, positioned(6, 0, PositionSource::Committed)),
        at_node(6, polled(0, &[0])),
        at_node(6, processed(0, 0)),
    ]);
    let told = lines(&life);
    let words = "~ ledger-0 committed 0, where 1 had been committed";
    let back = told.iter().position(|line| line == words);
    let back = back.unwrap_or_else(|| panic!("{told:#?}"));
    assert!(
        told[back..].contains(&"~ ledger-0 was killed after its grace".to_owned()),
        "{told:#?}"
    );
    assert_eq!(life.causes[0].name, "commit-went-back");
}

#[test]
fn the_worst_is_the_most_telling() {
    let again = vec![sent(0), sent(1), acked(0, &[0, 1]), processed(1, 1), processed(1, 1)];
    let (_, findings) = judged(again.clone());
    let told = most_telling(&findings).expect("something went wrong");
    assert_eq!(told, (record(1).id, "the record that was processed most often"));
    let mut lost = again;
    lost.push(final_done(0));
    let (_, findings) = judged(lost);
    assert_eq!(most_telling(&findings).expect("lost").0, record(0).id);
    assert_eq!(most_telling(&judged(vec![sent(0), acked(0, &[0])]).1), None);
}

#[test]
fn a_place_is_that_of_the_record_that_lay_there_last() {
    let all = entries(vec![appended(1, 0, 0, &[0, 1]), appended(1, 1, 1, &[7])]);
    assert_eq!(at(&all, P, Offset(0)), Some(record(0).id));
    assert_eq!(at(&all, P, Offset(1)), Some(record(7).id));
    assert_eq!(at(&all, P, Offset(2)), None);
}
