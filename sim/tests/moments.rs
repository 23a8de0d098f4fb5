//! Faults that are aimed at moments strike while what the moment says is under way, as the history shows it.

use ackproof::world::document::load;
use ackproof::world::recorder::Trace;
use ackproof::world::run::{RunOutcome, run};
use ackproof_oracle::history::{Entry, Event};
use ackproof_scenario::moment::Moment;
use ackproof_scenario::plan::Plan;
use ackproof_types::{LeaderEpoch, Offset, Timestamp, TopicPartition};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A profile of the repository. Entries of faults that are aimed at `moment` among others are aimed at it alone.
fn aimed(profile: &str, moment: Moment) -> Plan {
    let text =
        std::fs::read_to_string(format!("../scenarios/chaos/{profile}.json")).expect("a profile");
    let mut plan = load(&text, profile, &[]).unwrap_or_else(|found| panic!("{found:?}")).0;
    for aim in plan.faults.iter_mut().filter_map(|fault| fault.aim.as_mut()) {
        if aim.moments.iter().any(|(_, one)| *one == Some(moment)) {
            aim.moments = vec![(1, Some(moment))];
        }
    }
    plan
}

fn traced(plan: &Plan, seed: u64) -> (RunOutcome, Vec<Entry>) {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&kept);
    let trace: Trace =
        Box::new(move |entry, _| into.lock().expect("nobody panicked").push(entry.clone()));
    let outcome = run(plan, seed, Some(trace)).expect("a run");
    let kept = std::mem::take(&mut *kept.lock().expect("nobody panicked"));
    (outcome, kept)
}

/// What the history says of each partition.
#[derive(Default)]
struct Seen {
    ends: BTreeMap<(TopicPartition, u16), Offset>,
    elected: BTreeMap<TopicPartition, LeaderEpoch>,
    known: BTreeMap<TopicPartition, LeaderEpoch>,
    /// When a broker learned last that it leads.
    led: Option<Timestamp>,
    /// When a broker cut its log last.
    cut: Option<Timestamp>,
    last: Option<Event>,
}

impl Seen {
    fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Appended { partition, next_offset, .. } => {
                self.ends.insert((*partition, entry.node.0), *next_offset);
            }
            Event::Truncated { partition, to, .. } => {
                self.ends.insert((*partition, entry.node.0), *to);
                self.cut = Some(entry.at);
            }
            Event::LeaderElected { partition, epoch, .. } => {
                self.elected.insert(*partition, *epoch);
            }
            Event::BecameLeader { partition, epoch, .. } => {
                self.known.insert(*partition, *epoch);
                self.led = Some(entry.at);
            }
            _ => {}
        }
        self.last = Some(entry.event.clone());
    }
}

/// Calls `check` with what was so right before each fault that struck at `moment`; it struck this often.
fn each(profile: &str, moment: Moment, check: impl Fn(&Seen, &Entry)) -> usize {
    let plan = aimed(profile, moment);
    let mut struck = 0;
    for seed in 0..12 {
        let (outcome, entries) = traced(&plan, seed);
        let numbers: Vec<u32> = outcome
            .faults
            .iter()
            .filter(|one| one.moment == Some(moment))
            .map(|one| one.number)
            .collect();
        let mut seen = Seen::default();
        for entry in &entries {
            if let Event::FaultStarted { fault, .. } = &entry.event
                && numbers.contains(fault)
            {
                struck += 1;
                check(&seen, entry);
            }
            seen.observe(entry);
        }
    }
    struck
}

#[test]
fn at_append_no_follower_has_what_the_leader_has() {
    let struck = each("light", Moment::Append, |seen, fault| {
        let Some(Event::Appended { partition, next_offset, as_leader: true, .. }) = &seen.last
        else {
            panic!("{fault:?} after {:?}", seen.last);
        };
        let here =
            seen.ends.iter().filter(|((one, _), end)| one == partition && *end >= next_offset);
        assert_eq!(here.count(), 1, "{fault:?}");
    });
    assert!(struck >= 12, "{struck}");
}

#[test]
fn at_election_nobody_knows_the_leader() {
    let struck = each("chained", Moment::Election, |seen, fault| {
        let ahead = seen
            .elected
            .iter()
            .filter(|(partition, epoch)| seen.known.get(partition) < Some(epoch));
        assert!(ahead.count() > 0, "{fault:?}");
    });
    assert!(struck >= 3, "{struck}");
}

#[test]
fn at_leadership_and_truncation_it_has_just_happened() {
    let led = each("chained", Moment::Leadership, |seen, fault| {
        assert_eq!(seen.led, Some(fault.at), "{fault:?}");
    });
    let cut = each("chained", Moment::Truncation, |seen, fault| {
        assert_eq!(seen.cut, Some(fault.at), "{fault:?}");
    });
    assert!(led >= 3 && cut >= 1, "{led} {cut}");
}

#[test]
fn a_fault_that_never_came_to_its_moment_changes_nothing() {
    let text = |on: &str| {
        format!(
            r#"{{ "topics": {{ "payments": {{}} }}, "producers": {{ "billing": {{ "rate": "20/s" }} }},
                  "faults": [{{ "at": "5s", {on} "crash": "broker-1" }}], "run": {{ "load": "10s" }} }}"#
        )
    };
    let digest = |text: String| {
        let plan = load(&text, "test", &[]).unwrap_or_else(|found| panic!("{found:?}")).0;
        let outcome = run(&plan, 1, None).expect("a run");
        (outcome.digest, outcome.faults)
    };
    let (with, faults) = digest(text(r#""on": "truncation","#));
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].text, "crash: it waited for \"truncation\", which did not come in time");
    let (without, _) = digest(text("").replace(r#"{ "at": "5s",  "crash": "broker-1" }"#, ""));
    assert_eq!(with, without, "it struck nobody, and left no trace");
}
