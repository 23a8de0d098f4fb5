//! What operators would have seen: the tables of Kafka's tools, metrics and alerts, through the binary. The
//! golden texts are made of a history that is written by hand, so that no change of the models changes them:
//! `BLESS=1 cargo test --release -p ackproof-tests --test all operators`.

use crate::cli::{MET, directory, run, scenario, write};
use crate::cli_reports::json;
use crate::support::root;
use serde_json::Value;
use std::collections::BTreeMap;

/// The history.
const HISTORY: &str = "tests/tests/data/operators/history.jsonl";

fn golden(name: &str, text: &str) {
    let path = root().join("tests/tests/data/operators").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, text).expect("it can be written");
        return;
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == text, "{name} differs; it is now:\n{text}");
}

#[test]
fn tables_of_groups_are_those_of_the_tool_of_kafka() {
    let times = ["2.5s", "3.5s", "5.5s", "7s"].map(|at| ["--groups-at", at]);
    let ran = run(&root(), &[&["check", HISTORY][..], times.as_flattened()].concat());
    golden("groups.txt", &ran.out);
    assert!(ran.talk.contains("INCONCLUSIVE"), "the report goes beside it: {}", ran.talk);
}

#[test]
fn members_and_states_of_groups_are_those_of_the_tool_of_kafka() {
    let times = ["2.5s", "5.5s", "7s"].map(|at| ["--groups-at", at]);
    let mut text = String::new();
    for details in ["--members", "--state"] {
        let asked = [&["check", HISTORY, details][..], times.as_flattened()].concat();
        text.push_str(&run(&root(), &asked).out);
    }
    golden("members.txt", &text);
    let ran = run(&root(), &["check", HISTORY, "--groups-at", "0s"]);
    assert!(ran.out.contains("The consumer group 'ledger' does not exist."), "{}", ran.out);
    assert!(ran.talk.contains("no commit of archive, ledger is on record"), "{}", ran.talk);
    let ran = run(&root(), &["check", HISTORY, "--members"]);
    assert_eq!(ran.status, 2, "of which instant? {ran:?}");
}

/// A mirror reads without a group, and translates offsets to a group of the same name.
#[test]
fn a_mirror_is_no_group_and_the_group_in_the_other_cluster_has_its_own_name() {
    let directory = directory();
    let scenario = root().join("scenarios/use-cases/replication-between-clusters.json");
    let file = directory.path().join("out.prom");
    let (path, metrics) = (scenario.to_str().expect("UTF-8"), file.to_str().expect("UTF-8"));
    let asked = ["run", path, "--groups-at", "70s", "--state", "--metrics", metrics];
    let ran = run(directory.path(), &asked);
    let rows: Vec<&str> = ran
        .out
        .lines()
        .filter(|line| line.starts_with(['#', 'l', 'm', 'b']))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(rows, ["#", "ledger", "#", "ledger"], "{}", ran.out);
    let samples = samples(&std::fs::read_to_string(&file).expect("it is written"));
    let lags = &samples["kafka_consumergroup_lag_sum"];
    let has = |group: &str, cluster: &str| {
        let labels = [format!("consumergroup=\"{group}\""), format!("cluster=\"{cluster}\"")];
        lags.iter().any(|(own, ..)| labels.iter().all(|one| own.contains(one)))
    };
    assert!(has("ledger", "first") && has("ledger", "backup"), "{:?}", lags.first());
    assert!(lags.iter().all(|(own, ..)| !own.contains("mirror")), "a mirror commits nothing");
}

#[test]
fn tables_of_topics_are_those_of_the_tool_of_kafka() {
    let ran = run(&root(), &["check", HISTORY, "--topics-at", "1s", "--topics-at", "4s"]);
    golden("topics.txt", &ran.out);
    assert!(ran.talk.contains("note: no election of audit is on record"), "{}", ran.talk);
}

/// A real cluster tells less, and what it tells is enough.
#[test]
fn a_history_of_a_real_cluster_shows_its_groups() {
    let history = "tests/histories/real/leader-kill.jsonl.gz";
    let ran = run(&root(), &["check", history, "--groups-at", "20s"]);
    let rows: Vec<Vec<&str>> =
        ran.out.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((ran.status, rows.len()), (0, 4), "{ran:?}");
    for row in &rows[1..] {
        assert_eq!(row.len(), 9, "{row:?}");
        let number = |column: usize| row[column].parse::<i64>().expect("a number");
        assert_eq!(number(5), number(4) - number(3), "lag: {row:?}");
    }
}

#[test]
fn a_run_shows_tables_and_its_report_goes_to_stderr() {
    let directory = directory();
    write(directory.path(), "a.json", &scenario(MET));
    let path = directory.path();
    let ran = run(path, &["run", "a.json", "--groups-at", "9s"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.out.starts_with("\nGROUP           TOPIC           PARTITION"), "{}", ran.out);
    assert!(ran.talk.starts_with("MET"), "{}", ran.talk);
    let again = run(path, &["run", "a.json", "--groups-at", "9s"]);
    assert_eq!(again.out, ran.out);
    for (arguments, said) in [
        (&["--groups-at", "90s"][..], "error: --groups-at 90s: everything was over at"),
        (&["--topics-at", "soon"], "is not a duration"),
        (&["--topics-at", "1s", "--seeds", "3"], "--topics-at shows one run"),
        (&["--topics-at", "1s", "--trace"], "both go to stdout"),
    ] {
        let ran = run(path, &[&["run", "a.json"], arguments].concat());
        assert_eq!(ran.status, 2, "{ran:?}");
        assert!(ran.talk.contains(said), "{said}: {}", ran.talk);
    }
}

#[test]
fn clusters_have_a_block_each() {
    let directory = directory();
    let scenario = root().join("scenarios/basics/two-clusters.json");
    let path = scenario.to_str().expect("UTF-8");
    let ran = run(directory.path(), &["run", path, "--topics-at", "30s"]);
    let headings: Vec<&str> = ran.out.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(headings.len(), 2, "{}", ran.out);
    assert!(headings[1].ends_with("at 30s on cluster backup"), "{headings:?}");
    assert!(!ran.out.contains("Leader: 4"), "brokers have the numbers of their cluster");
}

/// Names of samples, each with its lines: labels, value, time.
pub(crate) fn samples(text: &str) -> BTreeMap<String, Vec<(String, f64, f64)>> {
    let mut samples: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_once('{').expect("labels");
        let (labels, rest) = rest.rsplit_once("} ").expect("a value");
        let (value, at) = rest.split_once(' ').expect("a time");
        let number = |text: &str| text.parse::<f64>().expect("a number");
        let sample = (labels.to_owned(), number(value), number(at));
        samples.entry(name.to_owned()).or_default().push(sample);
    }
    samples
}

pub(crate) const EPOCH: f64 = 1_735_689_600.0;
pub(crate) const LOSS: &str = "scenarios/footguns/acks-one-leader-crash.json";
pub(crate) const RULES: &str = "scenarios/alerts/kafka.yml";

#[test]
fn metrics_are_those_of_the_exporters_and_come_in_order() {
    let directory = directory();
    let file = directory.path().join("out.prom");
    let path = file.to_str().expect("UTF-8");
    let ran = run(&root(), &["run", LOSS, "--seed", "1", "--metrics", path]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let text = std::fs::read_to_string(&file).expect("it is written");
    assert!(text.ends_with("# EOF\n"));
    let samples = samples(&text);
    let mut families: Vec<&str> = Vec::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, _) = line.split_once(' ').expect("a kind");
        assert!(!families.contains(&name), "{name} twice");
        families.push(name);
    }
    for (name, lines) in &samples {
        let stems = ["", "_total", "_count", "_sum"].map(|suffix| name.strip_suffix(suffix));
        assert!(stems.into_iter().flatten().any(|stem| families.contains(&stem)), "{name}");
        let mut last: BTreeMap<&str, f64> = BTreeMap::new();
        for (labels, _, at) in lines {
            let before = last.insert(labels, *at);
            assert!(before.is_none_or(|before| before < *at), "{name}{{{labels}}} at {at}");
        }
    }
    let at = |name: &str, labels: &str, second: f64| {
        let found = samples[name].iter().find(|(own, _, at)| {
            *at == EPOCH + second && labels.split(' ').all(|one| own.contains(one))
        });
        found.map(|(_, value, _)| *value)
    };
    // The leader of payments-0 crashes at 10 s and is fenced at 19.4 s.
    assert_eq!(at("up", "instance=\"broker-2\"", 9.0), Some(1.0));
    assert_eq!(at("up", "instance=\"broker-2\"", 11.0), Some(0.0));
    assert_eq!(at("kafka_brokers", "job", 20.0), Some(2.0));
    let isr = "kafka_topic_partition_in_sync_replica";
    assert_eq!(at(isr, "topic=\"payments\" partition=\"0\"", 19.0), Some(3.0));
    assert_eq!(at(isr, "topic=\"payments\" partition=\"0\"", 20.0), Some(2.0));
    let under = "kafka_server_replicamanager_underreplicatedpartitions";
    assert!(at(under, "instance=\"broker-3\"", 20.0) > Some(0.0));
    assert_eq!(at(under, "instance=\"broker-2\"", 20.0), None, "it cannot be scraped");
    let offset = "kafka_topic_partition_current_offset";
    assert_eq!(at(offset, "partition=\"0\"", 12.0), None, "nobody says it");
    let lag = |second| {
        let labels = "consumergroup=\"ledger\" partition=\"1\"";
        let figures = [offset, "kafka_consumergroup_current_offset", "kafka_consumergroup_lag"];
        let [end, committed, lag] = figures.map(|name| {
            at(
                name,
                if name == offset { "topic=\"payments\" partition=\"1\"" } else { labels },
                second,
            )
        });
        (end.expect("an end") - committed.expect("a commit"), lag.expect("a lag"))
    };
    let (expected, found) = lag(9.0);
    assert!((expected - found).abs() < 1e-9, "{expected} {found}");
}

#[test]
fn an_alert_that_waits_too_long_is_told_beside_the_loss() {
    let ran = run(&root(), &["run", LOSS, "--seed", "1", "--alerts", RULES]);
    let said = "no alert fired, and acked-durability was violated at 19.36";
    assert!(ran.out.contains(said), "{}", ran.out);
    assert!(ran.out.contains("KafkaBrokerDown"), "{}", ran.out);
    let report = json(&root(), &["run", LOSS, "--seed", "1", "--alerts", RULES]);
    let alerts = &report["alerts"];
    assert_eq!(alerts["violation"]["property"], "acked-durability");
    let one = |name: &str| {
        let all = alerts["alerts"].as_array().expect("alerts");
        all.iter().find(|one| one["alert"] == name).expect("a rule").clone()
    };
    let down = one("KafkaBrokerDown");
    assert_eq!(down["spans"][0]["pending_ms"], 10_000, "the leader is down");
    assert_eq!(down["spans"][0]["labels"]["instance"], "broker-2");
    assert_eq!(down["fired_ms"], Value::Null, "it comes back after 20 s of the minute");
    assert_eq!(one("KafkaUncleanLeaderElection")["spans"], Value::Array(Vec::new()));
    // Without a wait it fires in time.
    let directory = directory();
    let rules = std::fs::read_to_string(root().join(RULES)).expect("rules");
    write(directory.path(), "quick.yml", &rules.replace("for: 1m", "for: 5s"));
    let quick = directory.path().join("quick.yml");
    let quick = quick.to_str().expect("UTF-8");
    let ran = run(&root(), &["run", LOSS, "--seed", "1", "--alerts", quick]);
    let said = "KafkaBrokerDown fired 4.36";
    assert!(ran.out.contains(said), "{}", ran.out);
    // And a real cluster's history has its alerts too.
    let history = "tests/histories/real/leader-kill-acks-one.jsonl.gz";
    let ran = run(&root(), &["check", history, "--alerts", quick]);
    assert!(ran.out.contains("alerts  "), "{}", ran.out);
}

/// The series of a controller that is down is absent, and that of the other cluster is not.
#[test]
fn a_cluster_without_an_active_controller_is_told_apart_from_one_that_has_one() {
    let spans = |fault: &str| {
        let faults = format!("faults=[{fault}]");
        let scenario = "scenarios/basics/two-clusters.json";
        let sets = ["--set", faults.as_str(), "--set", "run.load=120s", "--set", "expect={}"];
        let run = ["run", scenario, "--seed", "1", "--alerts", RULES];
        let report = json(&root(), &[&run[..], &sets[..]].concat());
        let all = report["alerts"]["alerts"].as_array().expect("alerts").iter();
        let mut named = all.filter(|one| one["alert"] == "KafkaNoActiveController");
        named.next().expect("a rule").clone()
    };
    for (controller, cluster) in [("backup-controller", "backup"), ("controller", "first")] {
        let told = spans(&format!(r#"{{ "at": "20s", "crash": "{controller}", "for": "90s" }}"#));
        assert_eq!(told["spans"][0]["labels"]["cluster"], cluster, "{told}");
        assert_eq!(told["fired_ms"], 80_000, "{told}");
    }
    assert_eq!(spans("")["spans"], Value::Array(Vec::new()));
}

#[test]
fn alerts_over_seeds_say_how_often_they_would_have_warned() {
    let directory = directory();
    let path = directory.path();
    let rules = std::fs::read_to_string(root().join(RULES)).expect("rules");
    let rules = rules.replace("for: 1m", "for: 5s").replace("kafka_consumergroup_lag)", "lag)");
    write(path, "quick.yml", &rules);
    let file = path.join("quick.yml");
    let file = file.to_str().expect("UTF-8");
    let asked = ["run", LOSS, "--alerts", file, "--quiet", "--seeds", "0..4"];
    let text = run(&root(), &asked).out;
    assert!(text.contains("KafkaBrokerDown fired before the first violation in "), "{text}");
    assert!(text.contains("KafkaConsumerLag                no such metric: lag"), "{text}");
    let sweep = json(&root(), &asked);
    let sum = &sweep["scenarios"][0]["alerts"];
    let mut before = Vec::new();
    let mut violated = 0;
    for seed in ["0", "1", "2", "3"] {
        let one = json(&root(), &["run", LOSS, "--alerts", file, "--quiet", "--seed", seed]);
        violated += u64::from(!one["alerts"]["violation"].is_null());
        let down = &one["alerts"]["alerts"][0];
        before.extend(down["before_ms"].as_i64().filter(|before| *before > 0));
    }
    before.sort_unstable();
    assert_eq!((&sum["runs"], &sum["violated"]), (&Value::from(4), &Value::from(violated)));
    assert_eq!(sum["alerts"][0]["before_ms"], Value::from(before), "one by one it is the same");
    // Two halves are the whole.
    let halves = ["1/2", "2/2"].map(|part| {
        let ran = run(&root(), &[&asked[..], &["--partition", part, "--format", "json"]].concat());
        let name = format!("{}.json", &part[..1]);
        write(path, &name, &ran.out);
        name
    });
    let merged = json(path, &["merge", &halves[0], &halves[1]]);
    assert_eq!(&merged["scenarios"][0]["alerts"], sum);
}

#[test]
fn rules_that_cannot_be_evaluated_are_refused_with_their_place() {
    let directory = directory();
    let path = directory.path();
    write(path, "a.json", &scenario(MET));
    let rule = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: topk(3, up) > 1\n";
    write(path, "rules.yml", rule);
    for (file, said) in [
        ("rules.yml", "error: rules.yml:5:11: A: topk is not evaluated here"),
        ("none.yml", "error: none.yml:"),
    ] {
        let ran = run(path, &["run", "a.json", "--alerts", file]);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{ran:?}");
        assert!(ran.talk.contains(said), "{}", ran.talk);
    }
    let ran = run(path, &["run", "a.json", "--metrics", "m.prom", "--metrics-interval", "1us"]);
    assert_eq!(ran.status, 2, "{ran:?}");
}

/// Names that expressions of a dashboard ask for: words before `{`, `[` or the end of an argument that are no
/// function.
fn asked(expr: &str) -> Vec<String> {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    let words = expr.split(|letter| !is_word(letter));
    words.filter(|word| word.starts_with("kafka_") || *word == "up").map(str::to_owned).collect()
}

#[test]
fn the_dashboard_shows_what_metrics_write() {
    let text = std::fs::read_to_string(root().join("reports/grafana/ackproof.json")).expect("it");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    for field in ["title", "uid", "schemaVersion", "time", "templating", "panels", "annotations"] {
        assert!(!dashboard[field].is_null(), "{field}");
    }
    let directory = directory();
    let file = directory.path().join("out.prom");
    let path = file.to_str().expect("UTF-8");
    run(&root(), &["run", LOSS, "--seed", "1", "--metrics", path]);
    let samples = samples(&std::fs::read_to_string(&file).expect("it is written"));
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut ids = std::collections::BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().expect("a number")), "{panel}");
        assert_eq!(panel["type"], "timeseries");
        assert_eq!(panel["datasource"]["uid"], "${datasource}");
        for side in ["x", "y", "w", "h"] {
            assert!(panel["gridPos"][side].is_u64(), "{panel}");
        }
        for target in panel["targets"].as_array().expect("targets") {
            let names = asked(target["expr"].as_str().expect("an expression"));
            assert!(!names.is_empty(), "{target}");
            for name in names {
                assert!(samples.contains_key(&name), "--metrics writes no {name}");
            }
        }
    }
    assert!(panels.len() >= 8);
}
