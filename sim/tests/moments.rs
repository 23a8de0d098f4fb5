//! Faults that are aimed at moments strike while what the moment says is under way, as the history shows it.

use ackproof::world::document::load;
use ackproof::world::recorder::Trace;
use ackproof::world::run::{RunOutcome, run};
use ackproof_oracle::history::{Entry, Event};
use ackproof_scenario::moment::Moment;
use ackproof_scenario::plan::Plan;
use ackproof_types::{
    BrokerId, Delay, LeaderEpoch, Micros, Offset, Timestamp, TopicId, TopicPartition,
};
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
            aim.plus = Delay::exactly(Micros::ZERO);
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

/// The partition in what is said of a fault: `…, at append of payments-0`.
fn partition(plan: &Plan, text: &str) -> TopicPartition {
    let name = text.rsplit(' ').next().unwrap_or_default();
    let (topic, number) = name.rsplit_once('-').unwrap_or_default();
    let known = plan.topics.iter().position(|one| one.name == topic);
    let topic = TopicId(u16::try_from(known.unwrap_or_default()).expect("few topics"));
    TopicPartition::new(topic, number.parse().unwrap_or_default())
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
    /// The in-sync set, and what it was at first: all replicas.
    isr: BTreeMap<TopicPartition, (Vec<BrokerId>, usize)>,
    /// When the controller changed it last.
    changed: BTreeMap<TopicPartition, Timestamp>,
    /// When a fault began last.
    begun: Option<Timestamp>,
    /// When a fault ended or a broker was unfenced last.
    back: Option<Timestamp>,
    /// When a batch was sent again last.
    retried: BTreeMap<TopicPartition, Timestamp>,
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
            Event::LeaderElected { partition, epoch, isr, .. } => {
                self.elected.insert(*partition, *epoch);
                self.in_sync(*partition, isr);
            }
            Event::IsrChanged { partition, isr, .. } => {
                self.in_sync(*partition, isr);
                self.changed.insert(*partition, entry.at);
            }
            Event::BecameLeader { partition, epoch, .. } => {
                self.known.insert(*partition, *epoch);
                self.led = Some(entry.at);
            }
            Event::FaultStarted { .. } => self.begun = Some(entry.at),
            Event::Unfenced { .. } | Event::FaultEnded { .. } => self.back = Some(entry.at),
            Event::Retried { partition, .. } => {
                self.retried.insert(*partition, entry.at);
            }
            _ => {}
        }
        self.last = Some(entry.event.clone());
    }

    fn in_sync(&mut self, partition: TopicPartition, isr: &[BrokerId]) {
        let all = self.isr.get(&partition).map_or(isr.len(), |(_, all)| *all);
        self.isr.insert(partition, (isr.to_vec(), all));
    }

    /// Whether all replicas are in sync.
    fn is_full(&self, partition: TopicPartition) -> bool {
        self.isr.get(&partition).is_some_and(|(isr, all)| isr.len() == *all)
    }

    /// Whether some replica has less than another one.
    fn is_apart(&self, partition: TopicPartition) -> bool {
        let mut ends = self.ends.iter().filter(|((one, _), _)| *one == partition);
        let first = ends.next().map(|(_, end)| *end);
        ends.any(|(_, end)| Some(*end) != first)
    }
}

/// Calls `check` with what was so right before each fault that struck at `moment`; it struck this often.
fn each(profile: &str, moment: Moment, check: impl Fn(&Seen, &Entry)) -> usize {
    each_of(profile, (moment, 12), |seen, entry, _| check(seen, entry))
}

/// As [`each`], with the partition that the moment has.
fn each_of(
    profile: &str,
    (moment, seeds): (Moment, u64),
    check: impl Fn(&Seen, &Entry, TopicPartition),
) -> usize {
    let plan = aimed(profile, moment);
    let mut struck = 0;
    for seed in 0..seeds {
        let (outcome, entries) = traced(&plan, seed);
        let numbers: Vec<u32> = outcome
            .faults
            .iter()
            .filter(|one| one.moment == Some(moment))
            .map(|one| one.number)
            .collect();
        let mut seen = Seen::default();
        for entry in &entries {
            if let Event::FaultStarted { fault, text, .. } = &entry.event
                && numbers.contains(fault)
            {
                struck += 1;
                check(&seen, entry, partition(&plan, text));
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

/// Records that a leader has and some follower has not.
#[test]
fn at_fetch_answer_records_are_on_their_way() {
    let struck = each_of("light", (Moment::FetchAnswer, 5), |seen, fault, partition| {
        assert!(seen.is_apart(partition), "{fault:?}");
    });
    assert!(struck >= 5, "{struck}");
}

/// A set that is to grow is not full; one that is to shrink has a member that lags.
#[test]
fn at_in_sync_change_and_answer_the_set_is_or_was_to_change() {
    let asked = each_of("chained", (Moment::IsrChange, 5), |seen, fault, partition| {
        assert!(!seen.is_full(partition) || seen.is_apart(partition), "{fault:?}");
    });
    let answered = each_of("chained", (Moment::IsrAnswer, 5), |seen, fault, partition| {
        let is_new = seen.changed.get(&partition) == Some(&fault.at);
        assert!(is_new || !seen.is_full(partition) || seen.is_apart(partition), "{fault:?}");
    });
    assert!(asked >= 3 && answered >= 3, "{asked} {answered}");
}

#[test]
fn at_commit_rebalance_and_retry_that_is_what_came_last() {
    let offsets = TopicId(0);
    let committed = each_of("light", (Moment::Commit, 5), |seen, fault, partition| {
        let Some(Event::Appended { partition: of, as_leader: true, .. }) = &seen.last else {
            panic!("{fault:?} after {:?}", seen.last);
        };
        assert_eq!((*of, of.topic), (partition, offsets), "{fault:?}");
    });
    let rebalanced = each_of("rolling", (Moment::Rebalance, 5), |seen, fault, partition| {
        assert!(matches!(seen.last, Some(Event::Rebalanced { .. })), "{fault:?}");
        assert_eq!(partition.topic, offsets, "{fault:?}");
    });
    let retried = each_of("chained", (Moment::Retry, 5), |seen, fault, partition| {
        // A producer sends all its batches again in one step.
        assert!(matches!(seen.last, Some(Event::Retried { .. })), "{fault:?}");
        assert_eq!(seen.retried.get(&partition), Some(&fault.at), "{fault:?}");
    });
    assert!(
        committed >= 3 && rebalanced >= 1 && retried >= 1,
        "{committed} {rebalanced} {retried}"
    );
}

#[test]
fn at_recovery_somebody_is_back_and_out_of_sync_and_at_fault_another_one_has_begun() {
    let recovering = each_of("chained", (Moment::Recovery, 5), |seen, fault, partition| {
        // The end of a fault starts a process, or lets it go on, at the same instant.
        let is_back = seen.back == Some(fault.at);
        assert!(is_back && !seen.is_full(partition), "{fault:?} after {:?}", seen.last);
    });
    let another = each("elections", Moment::Fault, |seen, fault| {
        assert_eq!(seen.begun, Some(fault.at), "{fault:?}");
    });
    let whole = each_of("power", (Moment::InSync, 5), |seen, fault, _| {
        let lacking = seen.isr.keys().find(|one| !seen.is_full(**one));
        assert_eq!(lacking, None, "{fault:?}");
    });
    assert!(recovering >= 3 && another >= 3 && whole >= 3, "{recovering} {another} {whole}");
}

/// Of three controllers one is gone: whoever gets the vote of the other is elected with it.
#[test]
fn at_vote_its_candidate_is_about_to_be_elected() {
    let text = r#"{
      "cluster": { "controllers": 3 },
      "topics": { "payments": {} }, "producers": { "billing": { "rate": "20/s" } },
      "faults": [
        { "at": "7s", "on": "vote", "slow": "its candidate", "only": "heartbeats", "by": "1ms", "for": "1s" },
        { "at": "8s", "crash": "active controller", "for": "20s" }
      ],
      "run": { "load": "30s" }
    }"#;
    let plan = load(text, "test", &[]).unwrap_or_else(|found| panic!("{found:?}")).0;
    for seed in 0..6 {
        let (_, entries) = traced(&plan, seed);
        let struck = entries.iter().find(|one| match &one.event {
            Event::FaultStarted { text, .. } => text.ends_with("at vote"),
            _ => false,
        });
        let struck = struck.expect("somebody votes");
        let mut elected = entries.iter().filter(|one| {
            matches!(one.event, Event::ControllerElected { .. }) && one.seq > struck.seq
        });
        let elected = elected.next().expect("somebody is elected");
        assert_eq!(struck.node, elected.node, "{struck:?} {elected:?}");
        let later = elected.at.as_micros() - struck.at.as_micros();
        assert!(later < 20_000, "{struck:?} {elected:?}");
    }
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
