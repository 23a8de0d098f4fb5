//! What faults do to a run, seen from outside: records, witnesses and the sentence for the report.

use ackproof::world::nemesis::FaultRecord;
use ackproof::world::recorder::Trace;
use ackproof::world::run::{RunOutcome, run};
use ackproof_oracle::history::{Event, ProcessEnd};
use ackproof_oracle::verdict::Judgement;
use ackproof_scenario::plan::Plan;
use ackproof_scenario::resolve::{Names, load_with};
use ackproof_types::{BrokerId, Micros, NodeId, Timestamp, TopicId, TopicPartition};
use std::sync::{Arc, Mutex};

fn plan(faults: &str, sets: &[(&str, &str)]) -> Plan {
    let names = Names { properties: &[], witnesses: &[], variants: &[] };
    let text = format!(
        r#"{{
          "cluster": {{ "config": {{ "replica.lag.time.max.ms": 10000 }} }},
          "topics": {{ "payments": {{ "config": {{ "min.insync.replicas": 2 }} }} }},
          "producers": {{ "billing": {{ "rate": "50/s", "keys": 20 }} }},
          "groups": {{ "ledger": {{ "members": 2, "config": {{
            "auto.offset.reset": "earliest", "session.timeout.ms": 10000 }} }} }},
          "faults": [{faults}],
          "run": {{ "load": "40s", "settle": "60s" }}
        }}"#
    );
    let sets: Vec<(String, String)> =
        sets.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
    load_with(&text, "test.json", &names, &sets).unwrap_or_else(|found| panic!("{found:#?}")).0
}

type Kept = Vec<(Timestamp, NodeId, Event)>;

/// The run, which breaks no promise, with the entries of its history that `keep` keeps.
fn traced(faults: &str, seed: u64, keep: fn(&Event) -> bool) -> (RunOutcome, Kept) {
    traced_with(&plan(faults, &[]), seed, keep)
}

fn traced_with(plan: &Plan, seed: u64, keep: fn(&Event) -> bool) -> (RunOutcome, Kept) {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&kept);
    let trace: Trace = Box::new(move |entry, _| {
        if keep(&entry.event) {
            into.lock().expect("nobody panicked").push((entry.at, entry.node, entry.event.clone()));
        }
    });
    let outcome = run(plan, seed, Some(trace)).expect("a run");
    for property in &outcome.findings.properties {
        assert_ne!(property.judgement, Judgement::Violated, "{}", property.name);
    }
    let kept = kept.lock().expect("nobody panicked").clone();
    (outcome, kept)
}

fn outcome(faults: &str) -> RunOutcome {
    traced(faults, 1, |_| false).0
}

fn seen(outcome: &RunOutcome, witness: &str) -> u64 {
    outcome.findings.witnesses.get(witness).copied().unwrap_or(0)
}

fn only(outcome: &RunOutcome) -> &FaultRecord {
    let [record] = outcome.faults.as_slice() else { panic!("{:#?}", outcome.faults) };
    record
}

#[test]
fn a_rolling_restart_waits_until_the_last_broker_is_in_sync() {
    let keep = |event: &Event| {
        matches!(
            event,
            Event::FaultStarted { .. }
                | Event::FaultEnded { .. }
                | Event::IsrChanged { .. }
                | Event::LeaderElected { .. }
                | Event::ProcessEnded(_)
        )
    };
    let text = r#"{ "at": "8s", "rolling-restart": "brokers", "for": "2s" }"#;
    let (outcome, history) = traced(text, 1, keep);
    let targets: Vec<_> = outcome.faults.iter().map(|one| one.target.clone().unwrap()).collect();
    assert_eq!(targets, ["broker-1", "broker-2", "broker-3"], "each once, in order");
    assert_eq!(seen(&outcome, "process_crashed"), 0, "cleanly");
    // Replay: at every stop, all in-sync sets are full.
    let mut in_sync = std::collections::BTreeMap::new();
    let mut stops = 0;
    for (_, _, event) in &history {
        match event {
            Event::LeaderElected { partition, isr, .. }
            | Event::IsrChanged { partition, isr, .. } => {
                in_sync.insert(*partition, isr.len());
            }
            Event::FaultStarted { .. } => {
                stops += 1;
                assert!(in_sync.values().all(|size| *size == 3), "stop {stops}: {in_sync:?}");
            }
            _ => {}
        }
    }
    assert_eq!(stops, 3, "three stops");
    // Down for two seconds from when it had stopped.
    let ended = history.iter().filter(|(_, _, event)| matches!(event, Event::ProcessEnded(_)));
    let back = history.iter().filter(|(_, _, event)| matches!(event, Event::FaultEnded { .. }));
    for ((stopped, ..), (started, ..)) in ended.zip(back) {
        let down = started.as_millis() - stopped.as_millis();
        assert!((2000..2300).contains(&down), "down for {down} ms");
    }
}

#[test]
fn a_clean_restart_counts_from_when_the_process_has_stopped() {
    let keep = |event: &Event| matches!(event, Event::ProcessEnded(_) | Event::FaultEnded { .. });
    let text = r#"{ "at": "8s", "restart": "leader of payments-0", "for": "1s" }"#;
    let (outcome, history) = traced(text, 1, keep);
    let at: Vec<u64> = history.iter().map(|(at, ..)| at.as_millis()).take(2).collect();
    assert_eq!(at[1] - at[0], 1000, "down for a second, however long it took to stop");
    assert_eq!(seen(&outcome, "process_restarted"), 1, "and back");
}

fn end(event: &Event) -> bool {
    matches!(event, Event::ProcessEnded(_) | Event::ProcessStarted)
}

/// How the process that a fault stopped ended, and how long after the fault it ended and was back.
fn ended(fault: &str) -> Vec<(Option<ProcessEnd>, u64)> {
    let (_, kept) = traced(&format!(r#"{{ "at": "10s", {fault} }}"#), 1, end);
    let since = |at: &Timestamp| (at.as_micros() / 1000).checked_sub(10_000);
    let told = kept.iter().filter_map(|(at, _, event)| match event {
        Event::ProcessEnded(how) => Some((Some(*how), since(at)?)),
        _ => Some((None, since(at)?)),
    });
    told.take_while(|(_, at)| *at < 29_000).collect()
}

#[test]
fn who_does_not_stop_within_its_grace_is_killed_then_and_down_from_then_on() {
    // It stops within its next heartbeat to the controller.
    let restart = r#""restart": "broker-1", "for": "5s""#;
    let [(Some(ProcessEnd::Clean), clean), (None, back)] = ended(restart)[..] else { panic!() };
    assert!((1..3000).contains(&clean) && back == clean + 5000, "{clean} {back}");
    let grace = |grace: &str| ended(&format!(r#"{restart}, "grace": "{grace}""#));
    let killed = [(Some(ProcessEnd::Killed), clean - 1), (None, clean + 4999)];
    assert_eq!(grace(&format!("{}ms", clean - 1)), killed, "a controlled shutdown is cut short");
    let in_time = [(Some(ProcessEnd::Clean), clean), (None, clean + 5000)];
    assert_eq!(grace("20s"), in_time, "what comes back is another process");
    let none = r#""leave": "ledger-0", "for": "5s", "grace": "0s""#;
    assert_eq!(ended(none), [(Some(ProcessEnd::Killed), 0), (None, 5000)]);
    let ends = ended(r#""rolling-restart": "members of ledger", "for": "2s", "grace": "0s""#);
    let crashes = ends.iter().filter(|(how, _)| *how == Some(ProcessEnd::Killed)).count();
    assert_eq!((crashes, ends.len()), (2, 4), "{ends:?}");
}

#[test]
fn a_slow_follower_leaves_the_in_sync_set_and_nothing_else_happens_to_it() {
    let text = r#"{ "at": "5s", "slow-follower": "a follower of payments-0" }"#;
    let keep = |event: &Event| matches!(event, Event::FaultEnded { .. } | Event::IsrChanged { .. });
    let (outcome, history) = traced(text, 1, keep);
    assert!(
        only(&outcome).text.ends_with("until it was out of the in-sync set"),
        "{:?}",
        outcome.faults
    );
    assert_eq!((seen(&outcome, "fenced"), seen(&outcome, "leader_elected")), (0, 0), "alive");
    assert!(seen(&outcome, "isr_shrunk") >= 1 && seen(&outcome, "isr_expanded") >= 1, "and back");
    let target = only(&outcome).target.clone().expect("it struck");
    for (_, _, event) in &history {
        if let Event::IsrChanged { before, isr, .. } = event {
            let mut removed = before.iter().filter(|broker| !isr.contains(broker));
            assert!(
                removed.all(|broker| format!("broker-{}", broker.0) == target),
                "only {target}: {event:?}"
            );
        }
    }
    // Of the partition that the fault is about: other leaders check in phases of their own, and may look
    // only when the follower has just fetched again.
    let asked = TopicPartition::new(TopicId(1), 0);
    let shrunk = history.iter().position(
        |(_, _, event)| matches!(event, Event::IsrChanged { partition, .. } if *partition == asked),
    );
    let ended = history.iter().position(|(_, _, event)| matches!(event, Event::FaultEnded { .. }));
    assert!(shrunk.unwrap() < ended.unwrap(), "it lasts until then");
    let late = history[ended.unwrap()].0.as_millis() - history[shrunk.unwrap()].0.as_millis();
    assert!(late <= 200, "and hardly longer: {late} ms");
}

/// Less passes than is written: answers take ever longer, until one takes longer than the lag allows. With
/// acks=1, as a producer that waits for the follower would not outrun it.
#[test]
fn a_follower_behind_a_narrow_link_leaves_the_in_sync_set_under_load_and_returns() {
    let run = |rate: &str| {
        let fault = format!(
            r#"{{ "at": "5s", "throttle": "broker-3", "to": ["brokers"], "direction": "incoming",
                  "rate": "{rate}", "for": "25s" }}"#
        );
        let sets = [
            ("topics.payments.partitions", "1"),
            ("producers.billing.config.acks", "1"),
            ("producers.billing.config.enable.idempotence", "false"),
        ];
        traced_with(&plan(&fault, &sets), 1, |event| {
            matches!(event, Event::FaultEnded { .. } | Event::IsrChanged { .. })
        })
    };
    let (narrow, history) = run("2kB/s");
    assert_eq!((seen(&narrow, "fenced"), seen(&narrow, "leader_elected")), (0, 0), "alive");
    let has_it = |isr: &[BrokerId]| isr.contains(&BrokerId(3));
    let mut changes = history.iter().map(|(_, _, event)| match event {
        Event::IsrChanged { isr, .. } => Some(has_it(isr)),
        _ => None,
    });
    let during: Vec<bool> = changes.by_ref().map_while(|change| change).collect();
    assert!(!during.is_empty() && during.iter().all(|has| !has), "out, and stays out: {history:?}");
    let after: Vec<bool> = changes.flatten().collect();
    assert_eq!(after, vec![true; during.len()], "and back everywhere: {history:?}");
    let (wide, _) = run("1MB/s");
    assert_eq!(seen(&wide, "isr_shrunk"), 0, "a wide link hurts nobody");
}

#[test]
fn a_partition_cuts_between_its_sides_and_leaves_the_rest() {
    let cut = r#"{ "at": "8s", "partition": [["broker-1"], ["broker-2", "broker-3", "controller"]],
                   "for": "15s" }"#;
    let cut = outcome(cut);
    let record = only(&cut);
    assert_eq!(
        record.target.as_deref(),
        Some("broker-1 | broker-2, broker-3, controller"),
        "sides"
    );
    assert_eq!(seen(&cut, "fenced"), 1, "the controller misses it");
    let clients = r#"{ "at": "8s", "partition": [["clients"], ["brokers"]], "for": "15s" }"#;
    let (clients, acked) = traced(clients, 1, |event| matches!(event, Event::Acked { .. }));
    assert_eq!(seen(&clients, "fenced"), 0, "brokers and controller see each other");
    assert_eq!(seen(&clients, "isr_shrunk"), 0, "and replicate");
    let within = acked.iter().filter(|(at, ..)| (8100..23_000).contains(&at.as_millis()));
    assert_eq!(within.count(), 0, "clients do not get through");
    // Both are isolated from each other only: all of it goes on through the third.
    let two = outcome(r#"{ "at": "8s", "partition": [["broker-1"], ["broker-2"]], "for": "25s" }"#);
    assert_eq!(seen(&two, "fenced"), 0, "the controller hears both");
    assert!(seen(&two, "isr_shrunk") > 0, "but they do not replicate");
}

#[test]
fn links_between_two_processes_only() {
    let cut =
        outcome(r#"{ "at": "8s", "isolate": "broker-1", "from": ["broker-2"], "for": "25s" }"#);
    assert_eq!(seen(&cut, "fenced"), 0, "the controller hears both");
    assert!(seen(&cut, "isr_shrunk") > 0, "they do not replicate");
    let fenced_at = |direction: &str| {
        let cut = format!(
            r#"{{ "at": "8s", "isolate": "broker-1", "from": ["controllers"], "direction": "{direction}",
                  "for": "15s" }}"#
        );
        let (_, fenced) = traced(&cut, 1, |event| matches!(event, Event::Fenced { .. }));
        let [(at, ..)] = fenced.as_slice() else { panic!("{direction}: {fenced:?}") };
        at.as_micros()
    };
    // Mute, none of its heartbeats arrives. Deaf, one more does, but no answer to it, and no new connection
    // can be made in its place.
    let later = fenced_at("incoming") - fenced_at("outgoing");
    assert!(
        (1_000_000..3_200_000).contains(&later),
        "one heartbeat of 2 s, seen at a look: {later}"
    );
    let slow = outcome(
        r#"{ "at": "8s", "slow": "broker-1", "to": ["broker-2"], "by": "15s", "for": "25s" }"#,
    );
    assert_eq!(seen(&slow, "fenced"), 0, "the controller is as near as ever");
    assert!(seen(&slow, "isr_shrunk") > 0, "they replicate too slowly");
}

/// When the controller elects after a crash, and when a broker that is slow on `only` hears of it.
fn heard(only: &str) -> (Vec<u64>, u64, usize) {
    let faults = format!(
        r#"{{ "at": "8s", "slow": "broker-2", {only} "by": "12s", "for": "30s" }},
           {{ "at": "10s", "restart": "broker-1", "for": "20s" }}"#
    );
    let keep = |event: &Event| {
        matches!(
            event,
            Event::LeaderElected { .. } | Event::BecameLeader { .. } | Event::Fenced { .. }
        )
    };
    let (_, kept) = traced(&faults, 1, keep);
    let two = BrokerId(2);
    let elected = kept.iter().find(|(at, _, event)| {
        let is =
            matches!(event, Event::LeaderElected { leader: Some(leader), .. } if *leader == two);
        is && at.as_micros() > 10_000_000
    });
    let (elected, ..) = elected.expect("broker-2 is next");
    let fenced = kept.iter().filter(|(.., event)| *event == Event::Fenced { broker: two });
    let heard = kept.iter().filter(|(at, node, event)| {
        matches!(event, Event::BecameLeader { .. })
            && at.as_micros() > elected.as_micros()
            && *node == NodeId(2)
    });
    let heard = heard.map(|(at, ..)| at.as_micros()).collect();
    (heard, elected.as_micros(), fenced.count())
}

#[test]
fn a_broker_that_is_slow_on_one_subject_is_in_time_on_the_others() {
    let (heard_late, elected, fenced) = heard(r#""only": "metadata","#);
    let first = heard_late.first().expect("it hears of it in the end");
    assert!(first - elected > 10_000_000, "elected at {elected}, heard at {first}");
    assert_eq!(fenced, 0, "its heartbeats are in time");
    let (heard_soon, elected, fenced) = heard(r#""only": "heartbeats","#);
    let first = heard_soon.first().expect("it hears of it");
    assert!(first - elected < 100_000, "elected at {elected}, heard at {first}");
    assert_eq!(fenced, 1, "its heartbeats are late");
}

#[test]
fn a_fault_that_finds_nobody_says_so() {
    let faults = r#"{ "at": "8s", "crash": "broker-1", "for": "20s" },
                    { "at": "9s", "pause": "broker-1", "for": "5s" }"#;
    let outcome = outcome(faults);
    assert_eq!(outcome.faults[0].text, "broker-1 crashed for 20s", "struck");
    assert_eq!(outcome.faults[1].target, None, "it is down already");
    assert_eq!(
        outcome.faults[1].text, "pause: nobody fitted \"broker-1\", nothing was done",
        "in a sentence"
    );
    assert_eq!(outcome.faults[1].at, Micros::from_secs(9), "at its time");
}

#[test]
fn an_application_that_is_still_starting_cannot_stall() {
    let faults = r#"{ "at": "10s", "crash": "ledger-0", "for": "1s" },
                    { "at": "11100ms", "stall-poll": "ledger-0", "for": "5s" },
                    { "at": "11200ms", "pause": "ledger-0", "for": "5s" }"#;
    let outcome = outcome(faults);
    assert_eq!(outcome.faults[1].target, None, "nothing polls");
    assert_eq!(outcome.faults[2].target.as_deref(), Some("ledger-0"), "the process is there");
}

#[test]
fn a_frozen_producer_sends_nothing() {
    let keep = |event: &Event| matches!(event, Event::Sent { .. });
    let text = r#"{ "at": "10s", "pause": "billing-0", "for": "10s" }"#;
    let (_, sent) = traced(text, 1, keep);
    let while_frozen = sent.iter().filter(|(at, ..)| (10_001..19_999).contains(&at.as_millis()));
    assert_eq!(while_frozen.count(), 0, "nothing while frozen");
    assert!(sent.iter().any(|(at, ..)| at.as_millis() == 20_000), "what was due comes at once");
}

/// What it had sent into a cut is tried six times by its kernel, which is not frozen, the last time 32 timers of
/// 204 ms to 220 ms later.
#[test]
fn the_kernel_of_a_frozen_producer_sends_again() {
    let keep = |event: &Event| matches!(event, Event::Appended { as_leader: true, .. });
    let faults = r#"{ "at": "8s", "isolate": "billing-0", "for": "4s" },
                    { "at": "11.5s", "pause": "billing-0", "for": "18s" }"#;
    let (_, appended) = traced(faults, 1, keep);
    let records = |event: &Event| match event {
        Event::Appended { records, .. } => records.len(),
        _ => 0,
    };
    let of_it = appended
        .iter()
        .filter(|(at, _, event)| (8100..29_000).contains(&at.as_millis()) && records(event) > 0);
    let times: Vec<u64> = of_it.map(|(at, ..)| at.as_millis()).collect();
    assert!(!times.is_empty(), "while it is frozen");
    assert!(times.iter().all(|at| (14_500..15_100).contains(at)), "{times:?}");
}

#[test]
fn a_fault_moves_no_latency_elsewhere() {
    // The controller's links to broker-3 before anything is hurt, and all that was sent till then.
    let keep = |event: &Event| matches!(event, Event::Sent { .. } | Event::Appended { .. });
    let until = |history: Vec<(Timestamp, NodeId, Event)>| {
        history.into_iter().filter(|(at, ..)| at.as_millis() < 8000).collect::<Vec<_>>()
    };
    let (_, calm) = traced("", 3, keep);
    let (_, hurt) = traced(r#"{ "at": "8s", "crash": "any broker", "for": "5s" }"#, 3, keep);
    assert_eq!(until(calm), until(hurt), "the same until the fault");
}

/// Brokers boot together, but none keeps step with another, nor with itself in another run: how long ago
/// the leader was last heard of when it dies, and how soon the controller looks, is arbitrary.
#[test]
fn a_leader_is_replaced_at_a_time_of_each_seeds_own() {
    let crash = r#"{ "at": "10s", "crash": "leader of payments-0", "for": "15s" }"#;
    let fenced_after = |seed| {
        let (_, kept) = traced(crash, seed, |event| {
            matches!(event, Event::ProcessEnded(_) | Event::Fenced { .. })
        });
        let died = kept.iter().find(|(.., event)| matches!(event, Event::ProcessEnded(_)));
        let fenced = kept.iter().find(|(.., event)| matches!(event, Event::Fenced { .. }));
        fenced.expect("a fencing").0.as_micros() - died.expect("a crash").0.as_micros()
    };
    let took: Vec<u64> = (0..40).map(fenced_after).collect();
    let (least, most) = (*took.iter().min().expect("forty"), *took.iter().max().expect("forty"));
    // Session 9 s from a heartbeat up to 2 s old, then a check every 9/8 s.
    assert!(least >= 6_900_000 && most <= 10_225_000, "{took:?}");
    assert!(most - least > 1_500_000, "they keep step: {took:?}");
}

/// The time from the first entry that `from` means to the next one that `to` means, over forty seeds.
fn lengths(fault: &str, from: fn(&Event) -> bool, to: fn(&Event) -> bool) -> Vec<u64> {
    let length = |seed| {
        let (_, kept) = traced(fault, seed, |_| true);
        let start = kept.iter().position(|(.., event)| from(event)).expect("it begins");
        let end = kept[start..].iter().find(|(.., event)| to(event)).expect("it ends");
        end.0.as_micros() - kept[start].0.as_micros()
    };
    (0..40).map(length).collect()
}

fn spread(lengths: &[u64]) -> u64 {
    lengths.iter().max().expect("forty") - lengths.iter().min().expect("forty")
}

/// Its leaders look every 5 s, half of `replica.lag.time.max.ms`.
#[test]
fn a_follower_that_is_cut_off_leaves_the_in_sync_set_at_a_time_of_each_seeds_own() {
    let fault = r#"{ "at": "10s", "isolate": "a follower of payments-0", "from": ["brokers"], "for": "25s" }"#;
    let took = lengths(
        fault,
        |event| matches!(event, Event::FaultStarted { .. }),
        |event| matches!(event, Event::IsrChanged { .. }),
    );
    assert!(took.iter().all(|took| (9_000_000..15_500_000).contains(took)), "{took:?}");
    assert!(spread(&took) > 1_500_000, "they keep step: {took:?}");
}

/// It was last heard of up to 3 s, `heartbeat.interval.ms`, before it died.
#[test]
fn a_member_is_missed_at_a_time_of_each_seeds_own() {
    let took = lengths(
        r#"{ "at": "15s", "crash": "ledger-0", "for": "24s" }"#,
        |event| matches!(event, Event::ProcessEnded(_)),
        |event| matches!(event, Event::Rebalanced { .. }),
    );
    assert!(took.iter().all(|took| (6_900_000..13_500_000).contains(took)), "{took:?}");
    assert!(spread(&took) > 1_500_000, "they keep step: {took:?}");
}

/// A member that is frozen for longer than max.poll.interval.ms and for less than its session: its heartbeat thread
/// leaves the group, if it goes on before the thread that polls. Either may.
#[test]
fn a_member_that_wakes_up_within_its_session_may_have_polled_too_rarely() {
    let sets = [
        ("groups.ledger.config.session.timeout.ms", "30000"),
        ("groups.ledger.config.max.poll.interval.ms", "5000"),
        // So that it mostly waits in vain.
        ("producers.billing.rate", "1/s"),
    ];
    let keep = |event: &Event| matches!(event, Event::Assigned { .. } | Event::FaultEnded { .. });
    let left = |pause: &str, seed: u64| {
        let fault = format!(r#"{{ "at": "15s", "pause": "ledger-0", "for": "{pause}" }}"#);
        let (_, history) = traced_with(&plan(&fault, &sets), seed, keep);
        let thawed = history.iter().position(|(.., e)| matches!(e, Event::FaultEnded { .. }));
        let after = &history[thawed.expect("it wakes up")..];
        after.iter().any(|(.., event)| matches!(event, Event::Assigned { .. }))
    };
    let count = (0..20).filter(|seed| left("9s", *seed)).count();
    assert!((4..=17).contains(&count), "{count} of 20 left");
    // For less than the interval nobody leaves.
    assert_eq!((0..10).filter(|seed| left("4s", *seed)).count(), 0);
}

/// Each broker loses some of what it had not flushed, which is a fault of its own, and all at one instant.
#[test]
fn brokers_that_lose_their_power_together_lose_ends_of_their_logs() {
    let text = r#"{ "at": "20s", "power-loss": "brokers", "for": "5s..8s" }"#;
    let plan = plan(text, &[("topics.payments.config.flush.messages", "1")]);
    let keep = |event: &Event| match event {
        Event::TailLost { .. } => true,
        Event::ProcessEnded(how) => *how == ProcessEnd::Crash,
        _ => false,
    };
    let (outcome, history) = traced_with(&plan, 1, keep);
    assert_eq!(outcome.faults.len(), 3, "{:#?}", outcome.faults);
    assert!(history.iter().all(|(at, ..)| *at == Timestamp::from_micros(20_000_000)));
    let mut brokers: Vec<NodeId> = history.iter().map(|(_, node, _)| *node).collect();
    brokers.dedup();
    assert_eq!(brokers.len(), 3);
    for (_, _, event) in &history {
        let Event::TailLost { partition, from, to, .. } = event else { continue };
        assert!(to < from);
        assert_ne!(partition.topic, TopicId(1), "each batch of payments was flushed");
    }
    assert!(history.len() > 3, "commits were not");
}

#[test]
fn one_broker_that_loses_its_power_or_its_disk_fetches_it_again() {
    for verb in ["power-loss", "disk-lost"] {
        let text = format!(r#"{{ "at": "15s", "{verb}": "leader of payments-0", "for": "4s" }}"#);
        for seed in 0..8 {
            let keep = |event: &Event| matches!(event, Event::TailLost { .. });
            let (outcome, lost) = traced(&text, seed, keep);
            assert!(!lost.is_empty(), "{verb}, seed {seed}");
            assert_eq!(outcome.findings.records.lost, 0, "{verb}, seed {seed}");
        }
    }
}
