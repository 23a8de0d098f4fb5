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
fn a_single_replica_is_what_explains_its_loss() {
    let ran = run(&root(), &["explain", &trial("disk-gone-on-restart.json"), "--seeds", "0..1"]);
    assert!(ran.out.contains("topics.t.replication.factor=1"), "{ran:?}");
    assert!(!ran.out.contains("min.insync.replicas=1"), "{ran:?}");
}
