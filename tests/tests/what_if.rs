//! `explain --what-if`: what would have saved a run, and when its failure became inevitable.

use super::cli::{MET, directory, run, scenario, write};
use super::support::{ackproof, assert_none, load, outcome, parallel, read};
use super::twins::TWINS;
use ackproof::manual::footguns::{FOOTGUNS, Footgun};
use ackproof::study::shrink::failure::Failure;
use ackproof::study::shrink::{self, Bounds};
use ackproof::study::what_if::{Question, what_if};
use ackproof::world::run::{Fork, RunOutcome, run_forked};
use ackproof_reports::what_if::{Effect, WhatIfReport};
use ackproof_types::Micros;
use serde_json::Value;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Asks about one seed of a scenario, on one thread.
fn asked(file: &str, seed: u64, forks: u64) -> WhatIfReport {
    let (plan, text, stop) = (load(file, &[]), read(file), AtomicBool::new(false));
    let question = Question {
        plan: &plan,
        text: &text,
        file,
        sets: &[],
        seed,
        wanted: None,
        others: 0,
        forks,
        jobs: NonZeroUsize::MIN,
        stop: &stop,
        reproduce: "",
    };
    what_if(&question).expect("a run with an end")
}

/// What saves a run, as `--set` takes it.
fn savers(report: &WhatIfReport) -> Vec<String> {
    let savers = report.flips.iter().filter(|flip| flip.effect == Effect::Saves);
    savers.flat_map(|flip| &flip.sets).map(|(path, value)| format!("{path}={value}")).collect()
}

/// The setting that saves a footgun, where its twin does not say it.
const CURES: &[(&str, &str)] = &[
    // Its twin is idempotent too, which loses nothing more and writes nothing twice.
    ("acks-zero", "producers.billing.config.acks"),
    // These fail of two things. What is asked about is the first: acknowledged records are lost. Their twins cure the
    // other, what the group makes of a log that was cut.
    ("log-cut-below-group", "topics.payments.config.unclean.leader.election.enable"),
    ("reset-after-truncation", "topics.payments.config.unclean.leader.election.enable"),
    ("forced-election", "topics.payments.replication.factor"),
];

/// What an administrator did while it ran is no setting.
const DONE: &str = "its twin is what the administrator should have done instead";
/// Why one setting does not save who was alone in sync.
const TWO: &str = "it takes a second in-sync replica for each acknowledgement, and eligible leader replicas to elect it";

/// Footguns that no single setting saves for sure, and why.
const INCURABLE: &[(&str, &str)] = &[
    ("alone-in-sync-loses-power", TWO),
    ("commits-lost-with-power", TWO),
    ("failed-disk-replaced", TWO),
    ("minimum-lowered", DONE),
    ("moved-to-one-replica", DONE),
    ("replicas-in-one-zone", DONE),
    ("slow-followers-then-disk-lost", TWO),
    ("topic-deleted-unread", DONE),
    ("topic-recreated", DONE),
    (
        "producer-restart-duplicate",
        "a new process has a new producer id: only transactions, which are not modelled, would know its records again",
    ),
    (
        "commit-sent-again",
        "what is asked about is the cause of most duplicates, and crashes alone bring more again than commits that go \
         back",
    ),
];

/// The setting that is to save a run of a footgun; none: no single one does.
fn cure(footgun: &str) -> Option<&'static str> {
    let own = CURES.iter().find(|(name, _)| *name == footgun).map(|(_, path)| *path);
    let twin = || TWINS.iter().find(|twin| twin.footgun == footgun && twin.cure.len() == 1);
    own.or_else(|| twin().map(|twin| twin.cure[0].0))
}

#[test]
fn every_footgun_is_saved_by_the_setting_that_its_twin_changes() {
    let curable = |one: &&Footgun| INCURABLE.iter().all(|(name, _)| *name != one.name);
    let footguns: Vec<&Footgun> = FOOTGUNS.iter().filter(curable).collect();
    let findings = parallel(&footguns, |Footgun { name: footgun, .. }| {
        let file = format!("scenarios/footguns/{footgun}.json");
        let plan = load(&file, &[]);
        let fails =
            |seed: &u64| Failure::of(&plan, &outcome(&plan, *seed).findings, None).is_some();
        // One seed may be saved by luck, or fail for another reason beside.
        let seeds: Vec<u64> = (0..8).filter(fails).take(3).collect();
        let mut all = Vec::new();
        for seed in &seeds {
            let savers = savers(&asked(&file, *seed, 0));
            let path = cure(footgun);
            let is_saved = |path| savers.iter().any(|one| one.split('=').next() == Some(path));
            match path {
                Some(path) if is_saved(path) => return None,
                _ => all.push(format!("seed {seed}: {}", savers.join(" "))),
            }
        }
        Some(format!("{footgun}, wanted {:?}: {}", cure(footgun), all.join("; ")))
    });
    assert_none(&findings.into_iter().flatten().collect::<Vec<_>>());
}

/// Of a fault: what, and to whom.
fn words(fault: &Value) -> String {
    let verbs =
        ["crash", "isolate", "pause", "slow-follower", "rolling-restart", "restart", "leave"];
    let verb = verbs.iter().find(|verb| fault.get(**verb).is_some()).expect("a known verb");
    format!("{verb} {}", fault[*verb].as_str().unwrap_or_default())
}

/// Footguns with a seed in which one fault is enough.
const TURNS: &[(&str, u64)] = &[
    ("acks-one-leader-crash", 1),
    ("no-idempotence-retry", 1),
    ("producer-expired", 1),
    ("output-dropped", 1),
    ("offsets-expired", 1),
];

#[test]
fn the_run_takes_its_turn_at_the_fault_that_shrinking_keeps() {
    let findings = parallel(TURNS, |(footgun, seed)| {
        let file = format!("scenarios/footguns/{footgun}.json");
        let plan = load(&file, &[]);
        let (expired, interrupted) = (AtomicBool::new(false), AtomicBool::new(false));
        let bounds = Bounds {
            runs: 400,
            jobs: NonZeroUsize::MIN,
            expired: &expired,
            interrupted: &interrupted,
            progress: &|_| {},
        };
        let small = shrink::shrink(&plan, *seed, None, bounds).expect("a run").expect("a failure");
        let kept = small.tree["faults"].as_array().cloned().unwrap_or_default();
        let kept: Vec<String> = kept.iter().map(words).collect();
        let curve = asked(&file, *seed, 16).curve.expect("a curve");
        let Some(jump) = curve.jump else {
            return Some(format!("{file}: no turn: {:?}", curve.points));
        };
        let run = outcome(&plan, *seed);
        let fault = jump.fault.and_then(|place| run.faults.get(usize::try_from(place).ok()?));
        let named = fault
            .map(|fault| format!("{} {}", fault.kind, fault.target.clone().unwrap_or_default()));
        let is_kept = |named: &String| {
            let place = fault.map(|fault| fault.resolved_from.clone()).unwrap_or_default();
            let by_rule = place.map(|rule| format!("{} {rule}", fault.map_or("", |one| one.kind)));
            kept.contains(named) || by_rule.is_some_and(|rule| kept.contains(&rule))
        };
        let is_steep = jump.before < 0.3 && jump.after > 0.6;
        let is_right = named.as_ref().is_some_and(is_kept) && is_steep;
        (!is_right).then(|| format!("{file}: {jump:?} is not of {kept:?}"))
    });
    assert_none(&findings.into_iter().flatten().collect::<Vec<_>>());
}

#[test]
fn a_fork_is_the_run_up_to_its_moment_and_no_fault_begins_after_it() {
    let plan = load("scenarios/basics/chaos.json", &[]);
    let at = Micros::from_secs(20);
    let fork = |seed| run_forked(&plan, 7, Fork { at, seed }).expect("a run with an end");
    let (run, one, other) = (outcome(&plan, 7), fork(1), fork(2));
    assert_eq!(one.ladder[..19], run.ladder[..19]);
    assert_ne!(one.digest, other.digest);
    assert_eq!(one.digest, fork(1).digest);
    let later = |of: &RunOutcome| of.faults.iter().filter(|fault| fault.at > at).count();
    assert!(later(&run) > 0);
    assert_eq!((later(&one), later(&other)), (0, 0));
}

const ACKS: &str = "scenarios/footguns/acks-one-leader-crash.json";

fn told(arguments: &[&str]) -> (i32, String, String) {
    let output = ackproof(&[&["explain"], arguments].concat());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("an end"), text(output.stdout), text(output.stderr))
}

/// Under ten seconds on two free cores in the profile of a release; this bound is for any machine and profile.
#[test]
fn a_lost_record_is_saved_by_acks_all_and_its_turn_is_the_crash() {
    let begin = Instant::now();
    let arguments = [ACKS, "--seed", "1", "--what-if", "--format", "json"];
    let (status, out, err) = told(&arguments);
    assert!(begin.elapsed() < Duration::from_secs(120), "{:?}", begin.elapsed());
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    let report: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(report["failure"], "acked-durability is violated (acks-one)");
    let saves = |flip: &&Value| flip["effect"] == "saves" && flip["setting"] == "acks";
    let flips = report["flips"].as_array().expect("flips");
    for setting in ["assignor", "protocol", "flush.messages"] {
        assert!(flips.iter().any(|flip| flip["setting"] == setting), "{setting} is tried");
    }
    let acks = report["flips"].as_array().expect("flips").iter().find(saves).expect("acks saves");
    assert_eq!((&acks["from"], &acks["to"]), (&Value::from("1"), &Value::from("all")));
    assert_eq!((&acks["others"]["fail"], &acks["others"]["runs"]), (&0.into(), &20.into()));
    assert!(report["others"]["fail"].as_u64() > Some(10), "{}", report["others"]);
    let jump = &report["curve"]["jump"];
    assert_eq!((&jump["at_us"], &jump["fault"]), (&10_000_000.into(), &0.into()), "{jump}");
    let refused = report["refused"].as_array().expect("refused").iter();
    assert!(refused.map(|one| &one["change"]).any(|one| *one == "enable.idempotence=true"));
    // What is told is what the command shows.
    let set = format!("{}={}", acks["sets"][0][0].as_str().expect("a path"), "all");
    let run = ackproof(&["run", ACKS, "--seed", "1", "--set", &set, "--format", "json"]);
    let run: Value = serde_json::from_slice(&run.stdout).expect("JSON");
    assert_eq!(acks["arm"]["digest"], run["digest"]);
}

#[test]
fn on_any_number_of_threads_it_is_the_same() {
    let sets =
        ["run.load=12s", "run.settle=25s", "producers.billing.rate=50/s", "faults[1].at=11s"];
    let sets = sets.into_iter().flat_map(|set| ["--set", set]);
    let arguments: Vec<&str> = [ACKS, "--seed", "1", "--what-if"].into_iter().chain(sets).collect();
    let on = |jobs: &str| told(&[&arguments[..], &["--jobs", jobs]].concat());
    let alone = on("1");
    assert_eq!(alone.0, 0, "{}", alone.2);
    assert_eq!(alone, on("3"));
}

#[test]
fn people_are_told_the_turn_first_and_the_commands_last() {
    let (status, out, _) = told(&[ACKS, "--seed", "1", "--what-if"]);
    assert_eq!(status, 0);
    for line in [
        "acks one leader crash, seed 1: acked-durability is violated (acks-one)",
        "It became inevitable at 10.000s: broker-2 crashed (leader of payments-0) for 20s.",
        "saves this run",
        "acks 1 → all",
        "does not save it",
        "no effect on this run: ",
        "refused with the other settings: enable.idempotence=true: ",
    ] {
        assert!(out.contains(line), "{line:?} in\n{out}");
    }
    let last: Vec<&str> = out.lines().rev().take(2).collect();
    assert_eq!(last[0], format!("ackproof explain {ACKS} --seed 1 --what-if"));
    assert!(last[1].ends_with("--set 'producers.billing.config.acks=all'"), "{}", last[1]);
}

#[test]
fn for_an_issue_it_is_a_table_of_markdown() {
    let (status, out, _) = told(&[ACKS, "--seed", "1", "--what-if", "--format", "markdown"]);
    assert_eq!(status, 0);
    let is_row = |line: &&str| line.starts_with('|') && !line.starts_with("|---");
    let rows: Vec<&str> = out.lines().filter(is_row).collect();
    let cells = |row: &str| row.matches(" |").count();
    assert!(rows.len() > 10 && rows.iter().all(|row| cells(row) == cells(rows[0])), "{out}");
    assert!(rows[1].starts_with("| as it is | fails | 5 | 0 |"), "{}", rows[1]);
    assert!(rows[2].starts_with("| acks 1 → all | saves this run | 0 | 0 |"), "{}", rows[2]);
    assert!(out.contains("- `enable.idempotence=true`: "), "{out}");
    let (status, out, err) = told(&[ACKS, "--seed", "1", "--format", "markdown"]);
    assert_eq!((status, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("--format markdown is for --what-if"), "{err}");
}

/// A scenario that is warned of is refused for what is wrong with it.
#[test]
fn a_change_is_refused_for_its_mistake_and_not_for_a_warning() {
    let directory = directory();
    let path = directory.path();
    write(path, "a.json", &scenario(MET));
    let asked = ["explain", "a.json", "--seed", "0", "--set", "acks=1", "--what-if"];
    let ran = run(path, &asked);
    assert_eq!(ran.status, 0, "{ran:?}");
    let refused = ran.out.split("refused with the other settings: ").skip(1);
    let why: Vec<&str> = refused.collect();
    assert!(why.len() > 1 && why.iter().all(|why| !why.contains("is off: an")), "{why:?}");
}

#[test]
fn what_cannot_be_asked_is_said() {
    for (arguments, status, said) in [
        (&["tests/histories/lost.jsonl", "--what-if"][..], 2, "cannot be run again with another"),
        (&[ACKS, "--what-if"], 2, "give its seed with --seed"),
        (&[ACKS, "--seed", "1", "--what-if", "--record", "billing-0#1"], 2, "cannot be used with"),
    ] {
        let (code, out, err) = told(arguments);
        assert_eq!((code, out.as_str()), (status, ""), "{arguments:?}: {err}");
        assert!(err.contains(said), "{arguments:?}: {err}");
    }
}

#[test]
fn a_page_has_the_run_beside_one_that_does_not_fail() {
    let directory = directory();
    let file = directory.path().join("page.html").display().to_string();
    let (status, _, err) = told(&[ACKS, "--seed", "1", "--what-if", "--html", &file]);
    assert_eq!((status, err.as_str()), (0, ""));
    let page = std::fs::read_to_string(&file).expect("the page is there");
    assert!(page.len() < 4_000_000, "{} bytes", page.len());
    let (_, rest) = page.split_once("id=\"data\">").expect("a page has data");
    let data = rest.split_once("</script>").expect("they end").0;
    let data: Value = serde_json::from_str(data).expect("they are JSON");
    assert_eq!(data["twin"]["name"], "acks 1 → all");
    assert_eq!(data["what_if"]["curve"]["jump"]["at_us"], 10_000_000);
    assert!(
        data["twin"]["first"]["at_us"].as_u64() < Some(10_000_000),
        "{}",
        data["twin"]["first"]
    );
    let sides = ["run", "twin"].map(|side| &data["twin"]["first"][side]["entries"]["step"]);
    assert!(sides.iter().all(|all| all.as_array().is_some_and(|all| all.len() == 1)), "{sides:?}");
    assert!(data["twin"]["course"]["leaders"].as_array().is_some_and(|all| !all.is_empty()));
    assert!(data["course"]["entries"]["step"].as_array().is_some_and(|all| !all.is_empty()));
    let (status, _, err) = told(&[ACKS, "--seed", "1", "--html", &file]);
    assert_eq!(status, 2, "{err}");
}

#[test]
fn of_a_run_that_does_not_fail_it_is_said_what_would_break_it() {
    let (status, out, _) = told(&["scenarios/basics/no-faults.json", "--seed", "0", "--what-if"]);
    assert_eq!(status, 0);
    assert!(out.starts_with("no faults, seed 0: nothing fails\n"), "{out}");
    assert!(!out.contains("It became"), "{out}");
}

#[test]
fn what_rules_the_cause_out_stands_before_what_leaves_it_possible() {
    let report = asked("scenarios/footguns/unclean-election.json", 1, 0);
    let first = &report.flips[0];
    assert_eq!(
        (first.effect, first.setting.as_str()),
        (Effect::Saves, "unclean.leader.election.enable")
    );
    assert_eq!(first.leaves, None);
    let more = report.flips.iter().find(|one| one.setting == "replication.factor");
    let more = more.expect("two replicas could be three");
    assert_eq!((more.effect, more.leaves.as_deref()), (Effect::Saves, Some("unclean-election")));
}

#[test]
fn what_violates_nothing_breaks_nothing() {
    let report = asked("scenarios/use-cases/consume-transform-produce.json", 1, 0);
    let broken = report.flips.iter().filter(|one| one.effect == Effect::Breaks);
    let idle = broken.filter(|one| one.arm.violated.is_empty()).map(|one| &one.setting);
    assert_eq!(idle.collect::<Vec<_>>(), Vec::<&String>::new());
    let holds = report.flips.iter().find(|one| one.setting == "kafka" && one.to == "4.2");
    assert_eq!(holds.map(|one| one.effect), Some(Effect::Holds));
}
