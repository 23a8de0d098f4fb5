//! Faults that are aimed at moments: what is read, what the seed draws of it, and what is refused.

use crate::common::{fault, load, plan};
use ackproof_scenario::moment::{Its, MOMENTS, Moment};
use ackproof_scenario::plan::Target;
use ackproof_scenario::schedule::{Schedule, Start, Wait};
use ackproof_scenario::write::{text, tree};
use ackproof_types::Micros;
use std::collections::{BTreeMap, BTreeSet};

const AIMED: &str = r#"[{
    "between": ["5s", "25s"], "every": "2s..3s", "on": { "append": 2, "isr-change": 1, "any-time": 1 },
    "plus": "0ms..5ms", "one_of": [ { "crash": "its leader", "for": "1s" }, { "isolate": "its broker", "from": ["its follower"] } ]
}]"#;

#[test]
fn a_seed_draws_a_moment_each_time_and_gives_up_when_the_next_one_is_due() {
    let plan = plan("faults", AIMED);
    assert_eq!(plan.faults[0].choices[0].1.target, Target::Its(Its::Leader));
    let faults = Schedule::new(&plan, 1).faults;
    let due = |start| match start {
        Start::At(at) | Start::On(Wait { from: at, .. }) => at,
        Start::After(..) => panic!("{start:?}"),
    };
    let mut moments = BTreeSet::new();
    for (one, next) in faults.iter().zip(faults.iter().skip(1)) {
        let Start::On(wait) = one.start else { continue };
        // The next one may be late itself.
        let late = due(next.start).0 - wait.until.expect("it gives up").0;
        assert!(late <= 5_000, "{wait:?} {next:?}");
        assert!(wait.plus <= Micros::from_millis(5), "{wait:?}");
        moments.insert(wait.moment);
    }
    assert!(faults.iter().any(|one| matches!(one.start, Start::At(_))), "any-time");
    assert_eq!(moments, BTreeSet::from([Moment::Append, Moment::IsrChange]));
}

#[test]
fn a_fault_of_any_time_is_later_too() {
    let start = |at: &str| {
        let on = r#""on": { "any-time": 1 }, "plus": "3s", "crash": "its leader", "for": "1s""#;
        let plan = plan("faults", &format!(r#"[{{ "at": "{at}", {on} }}]"#));
        (Schedule::new(&plan, 1).faults[0].start, plan.load)
    };
    assert_eq!(start("5s").0, Start::At(Micros::from_secs(8)));
    let (last, load) = start("29s");
    assert_eq!(last, Start::At(load.min(Micros::from_secs(32))), "within the load");
}

#[test]
fn a_schedule_with_moments_is_written_and_read_again() {
    let plan = plan("faults", AIMED);
    let faults = Schedule::new(&plan, 1).faults;
    let written = text(&tree(&plan, 1, &faults), &[], &BTreeMap::new());
    let again = load(&written, &[]).unwrap_or_else(|found| panic!("{found:?}"));
    assert_eq!(Schedule::new(&again, 9).faults.len(), faults.len());
    for (one, other) in Schedule::new(&again, 9).faults.iter().zip(&faults) {
        assert_eq!((one.start, &one.kind), (other.start, &other.kind), "{written}");
    }
}

#[test]
fn every_moment_is_read_by_its_name() {
    for row in MOMENTS {
        let whom = if row.moment == Moment::Vote { "its voter" } else { "its broker" };
        let faults = format!(r#"[{{ "at": "5s", "on": "{}", "crash": "{whom}" }}]"#, row.name);
        let Start::On(wait) = Schedule::new(&plan("faults", &faults), 1).faults[0].start else {
            panic!("{row:?}")
        };
        assert_eq!((wait.moment, wait.until), (row.moment, None));
    }
}

#[test]
fn mistakes_with_moments_are_shown() {
    for (text, said) in [
        (
            r#""at": "5s", "on": "apend", "crash": "its leader""#,
            "unknown moment \"apend\" (did you mean \"append\"?)",
        ),
        (
            r#""at": "5s", "on": { "elections": 1 }, "crash": "its leader""#,
            "unknown moment \"elections\"",
        ),
        (r#""at": "5s", "on": { "append": 0 }, "crash": "its leader""#, "every weight is 0"),
        (r#""at": "5s", "on": {}, "crash": "its leader""#, "every weight is 0"),
        (r#""at": "5s", "on": 7, "crash": "its leader""#, "expected"),
        (r#""at": "5s", "crash": "its leader""#, "\"its\" is what a moment has"),
        (
            r#""at": "5s", "isolate": "broker-1", "from": ["its follower"]"#,
            "\"its\" is what a moment has",
        ),
        (
            r#""after": "broker-1 crashes", "on": "append", "crash": "its leader""#,
            "\"after\" is a moment by itself",
        ),
        (
            r#""between": ["5s", "9s"], "on": "append", "until": "9s", "crash": "its leader""#,
            "\"until\" goes with",
        ),
        (
            r#""at": "5s", "on": "append", "until": "5s", "crash": "its leader""#,
            "\"until\" is later than \"at\"",
        ),
        (r#""at": "5s", "until": "9s", "crash": "broker-1""#, "\"until\" goes with"),
        (r#""at": "5s", "on": "append", "leave": "its leader""#, "\"leave\" hits a member"),
        (
            r#""at": "5s", "on": "append", "crash": "its voter""#,
            "\"its voter\" is nobody at such a moment",
        ),
        (
            r#""at": "5s", "on": "vote", "isolate": "its candidate", "from": ["its leader"]"#,
            "\"its leader\" is nobody at such a moment",
        ),
        (r#""at": "5s", "on": "vote", "disk-lost": "its voter""#, "\"disk-lost\" hits a broker"),
    ] {
        let told = fault(&format!("{{ {text} }}"));
        assert!(told.contains(said), "{text}: {told}");
    }
}
