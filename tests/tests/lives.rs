//! `explain` with a seed: the life of a record, of runs and of histories.

use super::support::{ackproof, assert_none, load, parallel};
use ackproof::manual::footguns::{FOOTGUNS, Footgun};
use ackproof::study::life::{Ask, Source, Whole};
use ackproof::world::bounds::Bounds;
use serde_json::Value;

/// What is told of the record that tells most.
fn causes(file: &str, seed: u64) -> Vec<String> {
    let whole = Whole::run(&load(file, &[]), seed, &Bounds::default()).expect("a run");
    let source = Source { of: file.to_owned(), seed: Some(seed), reproduce: String::new() };
    let life = whole.life(Ask::Telling, source).expect("its own record");
    life.into_iter().flat_map(|life| life.causes).map(|cause| cause.name).collect()
}

#[test]
fn every_footgun_is_explained_by_its_cause() {
    let findings = parallel(FOOTGUNS, |footgun: &Footgun| {
        let (file, cause) = (footgun.file(), footgun.cause);
        let is_told = (0..50).any(|seed| causes(&file, seed).iter().any(|told| told == cause));
        (!is_told)
            .then(|| format!("{file}: no seed is explained by {cause}: {:?}", causes(&file, 0)))
    });
    assert_none(&findings.into_iter().flatten().collect::<Vec<_>>());
}

fn told(arguments: &[&str]) -> (i32, String, String) {
    let output = ackproof(&[&["explain"], arguments].concat());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("an end"), text(output.stdout), text(output.stderr))
}

const UNCLEAN: &str = "scenarios/footguns/unclean-election.json";

#[test]
fn a_lost_record_is_told_from_its_send_to_the_log_without_it() {
    let (status, out, _) = told(&[UNCLEAN, "--seed", "0"]);
    assert_eq!(status, 0);
    for line in [
        "in no log at the end",
        "lost: unclean-election. unclean.leader.election.enable=true",
        "~ fault: broker-2 crashed",
        "from outside the in-sync set",
        ": gone there",
        "~ led to a later step",
    ] {
        assert!(out.contains(line), "{line:?} in\n{out}");
    }
    let last = out.lines().last().expect("a line");
    assert_eq!(last, format!("ackproof explain {UNCLEAN} --seed 0"));
}

#[test]
fn a_record_and_its_place_tell_the_same_life() {
    let json = |arguments: &[&str]| -> Value {
        let arguments = [&[UNCLEAN, "--seed", "0", "--format", "json"], arguments].concat();
        let (status, out, _) = told(&arguments);
        assert_eq!(status, 0, "{out}");
        serde_json::from_str(&out).expect("JSON")
    };
    let life = json(&[]);
    let record = json(&["--record", life["record"].as_str().expect("a record")]);
    assert_eq!(life["steps"], record["steps"]);
    assert_eq!((&record["because"], &record["seed"]), (&Value::Null, &Value::from(0)));
    // What lies there at the end is another record.
    let place = life["places"][0].as_str().expect("a place");
    let there = json(&["--offset", place]);
    assert_ne!(there["record"], life["record"]);
    assert!(there["places"].as_array().expect("places").contains(&life["places"][0]));
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    for (arguments, status, said) in [
        (&["--record", "biling-0#1"][..], 2, "there is no producer \"biling-0\"; did you mean"),
        (&["--record", "billing-0"], 2, "is not a record like billing-0#117"),
        (&["--record", "billing-0#4000000"], 2, "was never sent: billing-0 sent 0 to "),
        (&["--offset", "payments-0@4000000"], 2, "payments-0 has had offsets 0 to "),
        (&["--offset", "payment-0@1"], 2, "there is no topic \"payment\"; did you mean"),
        (&["--offset", "payments-9@1"], 2, "nothing was written to payments-9"),
        (&["--seeds", "0..2"], 2, "cannot be used with"),
    ] {
        let (code, out, err) = told(&[&[UNCLEAN, "--seed", "0"], arguments].concat());
        assert_eq!((code, out.as_str()), (status, ""), "{arguments:?}: {err}");
        assert!(err.contains(said), "{arguments:?}: {err}");
    }
    let (status, _, err) = told(&[UNCLEAN, "--record", "billing-0#1"]);
    assert_eq!(status, 2);
    assert!(err.contains("give its seed with --seed"), "{err}");
    let (status, out, err) = told(&["scenarios/basics/no-faults.json", "--seed", "0"]);
    assert_eq!((status, out.as_str()), (4, ""));
    assert!(err.starts_with("nothing went wrong"), "{err}");
}

#[test]
fn a_history_from_elsewhere_is_told_too() {
    let (status, out, _) = told(&["tests/histories/lost.jsonl"]);
    assert_eq!(status, 0);
    assert!(out.contains("the first record that was lost or skipped"), "{out}");
    let real = "tests/histories/real/leader-kill-acks-one.jsonl.gz";
    let (status, out, _) = told(&[real]);
    assert_eq!(status, 0);
    assert!(out.contains("lost: acks-one"), "{out}");
    let (status, _, err) = told(&[real, "--seed", "1"]);
    assert_eq!(status, 2);
    assert!(err.contains("a history has no seed"), "{err}");
}
