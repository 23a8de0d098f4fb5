//! Swarm: every draw is a scenario that asks the same question, a seed draws the same everywhere, and what
//! was drawn is told and saved.

use crate::cli::{MET, VIOLATED, directory, run, scenario, write};
use crate::support::{assert_none, load, parallel, read, root, scenarios};
use ackproof::world::document::load_drawn;
use ackproof_scenario::plan::Plan;
use ackproof_scenario::swarm::{TABLE, draw};
use serde_json::Value;
use std::collections::BTreeSet;

const SEEDS: u64 = 300;

/// What must stay as it is, as text.
fn question(plan: &Plan) -> String {
    let topics = plan.topics.iter().map(|topic| (topic.replication_factor, &topic.config));
    let producers = plan.producers.iter().map(|one| {
        let config = &one.config;
        (config.word("acks"), config.switch("enable.idempotence"), one.instances, one.interval)
    });
    let groups = plan.groups.iter().map(|group| {
        let auto = group.config.switch("enable.auto.commit");
        (group.commit, group.config.word("auto.offset.reset"), auto)
    });
    let (topics, producers): (Vec<_>, Vec<_>) = (topics.collect(), producers.collect());
    let groups: Vec<_> = groups.collect();
    format!("{topics:?} {producers:?} {groups:?} {:?} {:?}", plan.expect, plan.variants)
}

/// What is wrong with `drawn`, made of `plan`.
fn wrong(plan: &Plan, drawn: &Plan) -> Option<&'static str> {
    let number = |config: &ackproof_scenario::plan::Settings, key| config.number(key);
    let producers = drawn.producers.iter().all(|one| {
        number(&one.config, "delivery.timeout.ms")
            >= number(&one.config, "linger.ms") + number(&one.config, "request.timeout.ms")
    });
    let groups = drawn.groups.iter().zip(&plan.groups).all(|(one, own)| {
        let session = number(&one.config, "session.timeout.ms");
        one.members >= own.members
            && (session == number(&own.config, "session.timeout.ms")
                || session >= 2 * number(&one.config, "heartbeat.interval.ms"))
    });
    let topics = drawn.topics.iter().zip(&plan.topics);
    let faults = drawn.faults.iter().zip(&plan.faults);
    [
        (question(drawn) == question(plan), "what is promised"),
        (producers, "delivery.timeout.ms"),
        (groups, "a group"),
        (topics.clone().all(|(one, own)| one.partitions >= own.partitions), "partitions"),
        (drawn.faults.len() == plan.faults.len(), "entries of faults"),
        (faults.clone().all(|(one, own)| one.choices.len() == own.choices.len()), "choices"),
    ]
    .into_iter()
    .find_map(|(fine, what)| (!fine).then_some(what))
}

#[test]
fn every_draw_is_a_scenario_that_asks_the_same() {
    let found = parallel(&scenarios(), |file| {
        let (plan, text) = (load(file, &[]), read(file));
        let mut findings = Vec::new();
        // Files that it names lie beside it.
        let place = root().join(file).display().to_string();
        for seed in 0..SEEDS {
            match load_drawn(&text, &place, (&plan, &[]), seed) {
                Err(mistakes) => findings.push(format!("{file} seed {seed}: {mistakes:#?}")),
                Ok((drawn, _)) => findings
                    .extend(wrong(&plan, &drawn).map(|what| format!("{file} seed {seed}: {what}"))),
            }
        }
        findings
    });
    assert_none(&found.concat());
}

#[test]
fn every_row_of_the_table_is_drawn_and_nothing_else() {
    let mut rows = BTreeSet::new();
    for file in scenarios() {
        let plan = load(&file, &[]);
        let all = (0..SEEDS).map(|seed| draw(&plan, &[], seed));
        let paths: BTreeSet<String> = all.flatten().map(|(path, _)| path).collect();
        if plan.seed.is_some() {
            assert!(paths.is_empty(), "{file} is decided, and {paths:?} are drawn");
        }
        for drawn in paths {
            // A further cluster is drawn as the first one is.
            let further = drawn.strip_prefix("clusters.").and_then(|rest| rest.split_once('.'));
            let path = further.map_or_else(|| drawn.clone(), |(_, rest)| format!("cluster.{rest}"));
            // What a group sends on is drawn as what a producer sends.
            let lanes = [".produces.", ".dead_letter."];
            let of_group = path.strip_prefix("groups.");
            let sends =
                of_group.and_then(|rest| lanes.iter().find_map(|lane| rest.split_once(*lane)));
            let path =
                sends.map_or(path.clone(), |(name, rest)| format!("producers.{name}.{rest}"));
            // `producers.billing.config.linger.ms` is `producers.*.config.linger.ms`.
            let fits = |row: &&ackproof_scenario::swarm::Row| {
                let parts = row.what.split(['*', 'i', 'j']).collect::<Vec<_>>();
                match row.what.split_once('*') {
                    Some((start, end)) => path.starts_with(start) && path.ends_with(end),
                    None if row.what.starts_with("faults") => {
                        path.starts_with("faults[") && path.ends_with(parts[parts.len() - 1])
                    }
                    None => path == row.what,
                }
            };
            let row = TABLE.iter().find(fits);
            rows.insert(row.unwrap_or_else(|| panic!("{path} is in no row")).what);
        }
    }
    assert_eq!(rows, TABLE.iter().map(|row| row.what).collect(), "rows that nothing draws");
}

#[test]
fn what_is_asked_for_is_not_drawn() {
    let file = "scenarios/basics/chaos.json";
    for path in ["linger.ms", "producers.billing.config.linger.ms"] {
        let plan = load(file, &[(path, "3")]);
        let sets = [(path.to_owned(), "3".to_owned())];
        for seed in 0..SEEDS {
            let (drawn, _) = load_drawn(&read(file), file, (&plan, &sets), seed).expect("it loads");
            assert_eq!(drawn.producers[0].config.number("linger.ms"), 3, "{path} seed {seed}");
        }
    }
}

#[test]
fn a_seed_draws_the_same_alone_and_in_any_sweep_and_its_schedule_has_it() {
    let directory = directory();
    let path = directory.path();
    write(path, "all/a.json", &scenario(MET));
    write(path, "all/b.json", &scenario(VIOLATED));
    let swarm = ["run", "all", "--seeds", "4..10", "--swarm"];
    let whole = run(path, &[&swarm[..], &["--jobs", "1", "--json", "whole.json"]].concat());
    let other = run(path, &[&swarm[..], &["--jobs", "2"]].concat());
    assert_eq!((whole.status, &whole.out), (other.status, &other.out));
    assert!(whole.out.contains("--swarm"), "{}", whole.out);
    for part in ["1", "2"] {
        let (part, file) = (format!("{part}/2"), format!("{part}.json"));
        run(path, &[&swarm[..], &["--partition", &part, "--json", &file]].concat());
    }
    let joined = run(path, &["merge", "1.json", "2.json"]);
    assert_eq!((joined.status, joined.out), (whole.status, whole.out));

    let json = |arguments: &[&str]| -> Value {
        let ran = run(path, &[arguments, &["--format", "json"]].concat());
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    };
    let one = ["run", "all/a.json", "--seed", "5"];
    let drawn = json(&[&one[..], &["--swarm", "--save-schedule", "saved.json"]].concat());
    assert!(!drawn["swarm"].as_array().expect("a list").is_empty(), "{drawn}");
    assert!(drawn["reproduce"].as_str().is_some_and(|text| text.ends_with("--seed 5 --swarm")));
    let own = json(&one);
    assert_eq!(own["swarm"], Value::Null);
    assert_ne!(own["digest"], drawn["digest"], "what is drawn is run");
    assert_eq!(json(&["replay", "saved.json"])["digest"], drawn["digest"]);
    let told = run(path, &[&one[..], &["--swarm"]].concat()).out;
    let drawn = drawn["swarm"].as_array().expect("a list");
    for set in drawn {
        let set =
            format!("{}={}", set[0].as_str().expect("a path"), set[1].as_str().expect("a value"));
        assert!(told.contains(&set), "{set} is not told:\n{told}");
    }
}
