//! Metrics and alerts against a real Prometheus, if it is installed (`apt-get install prometheus`):
//! `cargo test --release -p ackproof-tests --test all prometheus:: -- --ignored`.
//!
//! `promtool` loads the metrics, a server answers from them, and `promtool test rules` evaluates the alert rules
//! over the same samples. Each alert must be pending and fire in the same second as here.

use crate::cli::directory;
use crate::cli_reports::json;
use crate::operators::{EPOCH, LOSS, RULES, samples};
use crate::support::root;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::{Child, Command, Output};
use std::time::Duration;

/// Runs of which alerts are compared: the scenario, the seed, and by which wait of a minute is replaced.
const RUNS: &[(&str, &str, &str)] = &[
    (LOSS, "1", "1m"),
    (LOSS, "1", "5s"),
    ("scenarios/footguns/unclean-election.json", "0", "5s"),
    ("scenarios/basics/below-min-isr.json", "1", "10s"),
    ("scenarios/basics/rolling-restart.json", "1", "5s"),
];

fn promtool(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("promtool");
    command.current_dir(directory).args(arguments);
    command.output().expect("promtool is installed (apt-get install prometheus)")
}

fn told(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Writes rules, metrics and the report of a run.
fn prepared(directory: &Path, (scenario, seed, wait): (&str, &str, &str)) -> Value {
    let rules = std::fs::read_to_string(root().join(RULES)).expect("rules");
    let rules = rules.replace("for: 1m", &format!("for: {wait}"));
    // What a person reads has no part in it.
    let mut bare = String::new();
    let mut is_note = false;
    for line in rules.lines() {
        is_note = line.trim() == "annotations:" || is_note && line.trim().starts_with("summary:");
        if !is_note {
            bare.push_str(line);
            bare.push('\n');
        }
    }
    let file = directory.join("rules.yml");
    std::fs::write(&file, bare).expect("it can be written");
    let metrics = directory.join("m.prom");
    let paths = [&file, &metrics].map(|path| path.to_str().expect("UTF-8"));
    let arguments = ["run", scenario, "--seed", seed, "--alerts", paths[0], "--metrics", paths[1]];
    json(&root(), &arguments)["alerts"].clone()
}

/// The series of a file of metrics as `promtool test rules` takes them.
fn series(text: &str, seconds: usize) -> String {
    let mut series: BTreeMap<String, BTreeMap<usize, f64>> = BTreeMap::new();
    for (name, lines) in samples(text) {
        for (labels, value, at) in lines {
            let second = (0..=seconds).find(|second| EPOCH + *second as f64 == at);
            let second = second.expect("a whole second of the run");
            series.entry(format!("{name}{{{labels}}}")).or_default().insert(second, value);
        }
    }
    let mut text = String::new();
    for (name, values) in series {
        let (mut row, mut there) = (String::new(), false);
        for second in 0..=seconds {
            match values.get(&second) {
                Some(value) => write!(row, "{value} ").expect("a string"),
                // A scrape without it ends a series.
                None => row.push_str(if there { "stale " } else { "_ " }),
            }
            there = values.contains_key(&second);
        }
        writeln!(text, "  - series: '{name}'\n    values: '{}'", row.trim()).expect("a string");
    }
    text
}

/// What must be so at each instant at which an alert of ours begins or ends to fire, and a second before.
fn expectations(alerts: &Value, end: u64) -> (String, usize) {
    let (mut text, mut count) = (String::new(), 0);
    for alert in alerts["alerts"].as_array().expect("alerts") {
        let spans: Vec<&Value> = alert["spans"].as_array().expect("spans").iter().collect();
        let mut instants = vec![0, end];
        for span in &spans {
            for edge in ["pending_ms", "fired_ms", "over_ms"] {
                if let Some(ms) = span[edge].as_u64() {
                    instants.extend([ms / 1000, (ms / 1000).saturating_sub(1)]);
                }
            }
        }
        instants.sort_unstable();
        instants.dedup();
        for second in instants {
            let fires = |span: &&&Value| {
                let is_over = span["over_ms"].as_u64().is_some_and(|over| over <= second * 1000);
                span["fired_ms"].as_u64().is_some_and(|fired| fired <= second * 1000) && !is_over
            };
            let name = alert["alert"].as_str().expect("a name");
            write!(text, "  - eval_time: {second}s\n    alertname: {name}\n    exp_alerts:\n")
                .expect("a string");
            for span in spans.iter().filter(fires) {
                let labels = [&span["labels"], &alert["labels"]].map(|one| one.as_object());
                let labels = labels.into_iter().flatten().flatten();
                let labels: Vec<String> =
                    labels.map(|(key, value)| format!("{key}: {value}")).collect();
                writeln!(text, "    - exp_labels: {{{}}}", labels.join(", ")).expect("a string");
            }
            count += 1;
        }
    }
    (text, count)
}

#[test]
#[ignore = "needs promtool"]
fn alerts_fire_when_prometheus_says_so() {
    for one in RUNS {
        let directory = directory();
        let path = directory.path();
        let alerts = prepared(path, *one);
        let text = std::fs::read_to_string(path.join("m.prom")).expect("metrics");
        let last = samples(&text)["up"].iter().map(|(.., at)| *at - EPOCH).fold(0.0, f64::max);
        let seconds = (0..).find(|second| f64::from(*second) >= last).expect("an end");
        let seconds = usize::try_from(seconds).expect("some seconds");
        let (expected, count) = expectations(&alerts, seconds as u64);
        assert!(count > 20, "{one:?}: {alerts}");
        let test = format!(
            "rule_files: [rules.yml]\nevaluation_interval: 1s\ntests:\n- interval: 1s\n  \
             input_series:\n{}  alert_rule_test:\n{expected}",
            series(&text, seconds)
        );
        std::fs::write(path.join("test.yml"), test).expect("it can be written");
        let output = promtool(path, &["test", "rules", "test.yml"]);
        assert!(output.status.success(), "{one:?}:\n{}", told(&output));
    }
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _waited = self.0.wait();
    }
}

#[test]
#[ignore = "needs promtool and prometheus"]
fn metrics_are_loaded_and_asked_for() {
    let directory = directory();
    let path = directory.path();
    let alerts = prepared(path, (LOSS, "1", "5s"));
    let output = promtool(path, &["tsdb", "create-blocks-from", "openmetrics", "m.prom", "data"]);
    assert!(output.status.success(), "{}", told(&output));
    std::fs::write(path.join("prometheus.yml"), "global: {}\n").expect("it can be written");
    let address = "127.0.0.1:39517";
    let server = Command::new("prometheus")
        .current_dir(path)
        .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
        .args(["--storage.tsdb.retention.time=100y", "--query.lookback-delta=1s"])
        .args([&format!("--web.listen-address={address}"), "--log.level=error"])
        .spawn()
        .expect("prometheus is installed");
    let _server = Server(server);
    let url = format!("http://{address}");
    let is_ready = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        promtool(path, &["query", "instant", &url, "vector(1)"]).status.success()
    });
    assert!(is_ready, "the server answers");
    let range = [format!("--start={EPOCH}"), format!("--end={}", EPOCH + 150.0)];
    let mut compared = 0;
    for name in ["KafkaBrokerDown", "KafkaUnderMinIsrPartitions", "KafkaUnderReplicatedPartitions"]
    {
        let all = alerts["alerts"].as_array().expect("alerts");
        let alert = all.iter().find(|one| one["alert"] == name).expect("a rule");
        let expr = alert["expr"].as_str().expect("an expression");
        let arguments = ["query", "range", &range[0], &range[1], "--step=1s", &url, expr];
        let output = promtool(path, &arguments);
        assert!(output.status.success(), "{}", told(&output));
        let text = told(&output);
        let first = text.split("@[").nth(1).and_then(|rest| rest.split(']').next());
        let first = first.map(|at| at.parse::<f64>().expect("a time") - EPOCH);
        let ours = alert["spans"][0]["pending_ms"].as_f64().map(|ms| ms / 1000.0);
        assert_eq!(first, ours, "{name}: {text}");
        compared += usize::from(ours.is_some());
    }
    assert!(compared >= 2, "{alerts}");
}
