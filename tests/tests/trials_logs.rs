//! What trials of the tool found wrong, each with the right value. Inputs are in `data/trials`.

use crate::cli::run;
use crate::support::{load, outcome, parallel, root};
use ackproof_oracle::cause::LossCause;
use ackproof_oracle::verdict::{Findings, Judgement, PropertyResult};
use serde_json::Value;

fn trial(name: &str) -> String {
    format!("tests/tests/data/trials/{name}")
}

fn property<'a>(findings: &'a Findings, name: &str) -> &'a PropertyResult {
    findings.properties.iter().find(|one| one.name == name).expect("it is registered")
}

// Replication and logs.

#[test]
fn records_in_each_others_place_are_displaced_and_not_lost() {
    let file = trial("history-swapped-in-log.jsonl");
    let ran = run(&root(), &["check", &file, "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.out).expect("JSON");
    let records = &report["records"];
    assert_eq!((ran.status, &records["lost"], &records["displaced"]), (1, &0.into(), &2.into()));
    let shown = run(&root(), &["check", &file]).out;
    assert!(shown.contains("lost 0, displaced 2, log duplicates 0"), "{shown}");
    assert!(!shown.contains("2 lost"), "{shown}");
    assert!(shown.contains("acked-durability violated 2 times"), "{shown}");
}

/// Whether acked-durability is broken in some of ten seeds, and by unclean elections alone.
fn lost_by_unclean_elections_alone(file: &str, sets: &[(&str, &str)]) -> bool {
    let plan = load(file, sets);
    let seeds: Vec<u64> = (0..10).collect();
    let found = parallel(&seeds, |seed| {
        let findings = outcome(&plan, *seed).findings;
        let durability = property(&findings, "acked-durability");
        let causes: Vec<_> = durability.causes.keys().map(|(_, cause)| *cause).collect();
        let explained = causes.iter().all(|cause| *cause == LossCause::UncleanElection);
        assert!(explained, "{file} seed {seed}: {causes:?}: {:?}", durability.violations.first());
        for other in ["log-matching", "min-insync-replicas", "high-watermark"] {
            let other = property(&findings, other);
            assert_eq!(other.judgement, Judgement::Held, "{file} seed {seed}: {other:?}");
        }
        !causes.is_empty()
    });
    found.contains(&true)
}

#[test]
fn what_a_deposed_leader_acknowledges_is_lost_by_the_unclean_election() {
    assert!(lost_by_unclean_elections_alone(&trial("acked-after-unclean-election.json"), &[]));
    let split = trial("split-brain-min-isr-one.json");
    let unclean = "unclean.leader.election.enable";
    let cluster = format!("cluster.config.{unclean}");
    let topic = format!("topics.pay.config.{unclean}");
    assert!(lost_by_unclean_elections_alone(&split, &[(cluster.as_str(), "true")]));
    assert!(lost_by_unclean_elections_alone(&split, &[(topic.as_str(), "true")]));
    assert!(!lost_by_unclean_elections_alone(&split, &[]), "without them nothing is lost");
}

#[test]
fn a_final_read_of_a_deposed_leader_decides_nothing() {
    let file = trial("final-read-by-deposed-leader.json");
    let ran = run(&root(), &["run", &file, "--seed", "0", "--format", "json"]);
    assert_eq!(ran.status, 3, "{ran:?}");
    let report: Value = serde_json::from_str(&ran.out).expect("JSON");
    let records = &report["records"];
    assert_eq!((&records["lost"], &records["unknown_absent"]), (&0.into(), &0.into()));
    let reasons = report["reasons"].to_string();
    let why = "acked-durability is undecided: broker-1 answered the final read of payments-2 as leader of \
               epoch 0; it did not know that broker-2 had been elected in epoch 1";
    assert!(reasons.contains(why), "{reasons}");
    // With time to hear of it, it is judged.
    let settled = run(&root(), &["run", &file, "--seed", "0", "--set", "run.settle=60s"]);
    assert_eq!(settled.status, 0, "{settled:?}");
}

/// A coordinator hands out an assignment that it loaded and that is not replicated; the next one lacks it, and
/// numbers the generation again. True of Kafka, and no error of the group's.
#[test]
fn a_generation_that_is_lost_cleanly_may_come_again() {
    let file = trial("generation-lost-cleanly.json");
    let ran = run(&root(), &["run", &file, "--seed", "7355", "--trace"]);
    assert_eq!(ran.status, 0, "{}", ran.talk);
    let is_second = |line: &&str| line.contains(r#""generation":2,"#);
    let of = |event: &str| {
        let name = format!(r#""event":"{event}""#);
        let lines = ran.out.lines().enumerate().filter(|(_, line)| line.contains(&name));
        lines.filter(|(_, line)| is_second(line)).map(|(at, _)| at).collect::<Vec<_>>()
    };
    let (rebalanced, assigned) = (of("rebalanced"), of("assigned"));
    let [first, again] = *rebalanced else { panic!("the seed shows it no more: {rebalanced:?}") };
    assert!(assigned.iter().any(|at| (first..again).contains(at)), "nobody took it over");
}

#[test]
fn an_unclean_election_may_lose_commits() {
    let file = trial("acked-after-unclean-election.json");
    let unclean = "cluster.config.unclean.leader.election.enable=true";
    let asked = |command: &'static str| {
        let arguments = [command, &file, "--set", unclean, "--seeds", "0..5", "--format", "json"];
        let ran = run(&root(), &arguments);
        assert_eq!(ran.status, 0, "{command}: {ran:?}");
        let report: Value = serde_json::from_str(&ran.out).expect("JSON");
        report["scenarios"][0].clone()
    };
    let ran = asked("run");
    let is_it = |one: &&Value| one["what"] == "lost-commit" && one["cause"] == "unclean-election";
    let causes = ran["causes"].as_array().expect("causes");
    assert!(causes.iter().any(|one| is_it(&one)), "{causes:#?}");
    let told = |report: &Value| {
        let possible = report["contract"]["possible"].as_array().expect("a list");
        possible.iter().find(|one| one["fate"] == "lost-commit").cloned().expect("it is possible")
    };
    let seen = told(&ran);
    assert!(seen["records"].as_u64() > Some(0), "{seen:#}");
    told(&asked("explain"));
}

#[test]
fn a_single_replica_is_what_explains_its_loss() {
    let ran = run(&root(), &["explain", &trial("disk-gone-on-restart.json"), "--seeds", "0..1"]);
    assert!(ran.out.contains("topics.t.replication.factor=1"), "{ran:?}");
    assert!(!ran.out.contains("min.insync.replicas=1"), "{ran:?}");
}

/// The pod has no persistent volume: all that came before is lost, and the report names the only replica.
#[test]
fn a_disk_that_is_gone_on_restart_takes_all_records_before() {
    for seed in ["0", "1", "2"] {
        let ran = run(&root(), &["run", &trial("disk-gone-on-restart.json"), "--seed", seed]);
        assert_eq!(ran.status, 0, "the settings allow it: {ran:?}");
        let records = ran.out.lines().find(|line| line.starts_with("records"));
        let lost = records.and_then(|line| line.split("lost ").nth(1)?.split(',').next());
        let lost: u32 = lost.and_then(|lost| lost.parse().ok()).unwrap_or(0);
        assert!((150..=220).contains(&lost), "20 a second for 10 s: {}", ran.out);
        assert!(ran.out.contains("only-replica"), "{}", ran.out);
        assert!(ran.out.contains("replication.factor=1"), "{}", ran.out);
    }
}
