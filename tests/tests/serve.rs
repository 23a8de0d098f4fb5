//! An application of its own talks to the simulated cluster: `ackproof serve`, with rskafka as the client.

use crate::support::{binary, root};
use chrono::{DateTime, Utc};
use rskafka::client::partition::{Compression, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use rskafka::record::Record;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A cluster that is served while this lives.
pub(crate) struct Served {
    child: Child,
    place: TempDir,
    pub(crate) brokers: Vec<String>,
}

impl Served {
    /// Serves with these arguments.
    pub(crate) fn begin(arguments: &[&str]) -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let at = |name: &str| place.path().join(name).display().to_string();
        let child = Command::new(binary())
            .current_dir(root())
            .arg("serve")
            .args(arguments)
            .args(["--bootstrap-file", &at("brokers"), "--json", &at("report.json")])
            .args(["--tape", &at("tape"), "--for", "120s"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let deadline = Instant::now() + Duration::from_secs(30);
        let brokers = loop {
            let text = std::fs::read_to_string(place.path().join("brokers")).unwrap_or_default();
            if text.ends_with('\n') {
                break text.trim().split(',').map(str::to_owned).collect();
            }
            assert!(Instant::now() < deadline, "the brokers listen");
            std::thread::sleep(Duration::from_millis(2));
        };
        Self { child, place, brokers }
    }

    /// Ends it as Ctrl-C does; its exit status and its report.
    pub(crate) fn end(self) -> (Option<i32>, Value, TempDir) {
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("it runs");
        let output = self.child.wait_with_output().expect("it ends");
        let report = std::fs::read_to_string(self.place.path().join("report.json"));
        let report = report
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        let report = serde_json::from_str(&report).expect("JSON");
        (output.status.code(), report, self.place)
    }
}

/// Does `work` with a client of its own.
pub(crate) fn with_client<T>(served: &Served, work: impl AsyncFnOnce(Client) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let client = ClientBuilder::new(served.brokers.clone()).client_id("billing").build().await;
        work(client.expect("a client")).await
    })
}

pub(crate) async fn partition(client: &Client, topic: &str) -> PartitionClient {
    let partition = client.partition_client(topic, 0, UnknownTopicHandling::Retry);
    partition.await.expect("a partition")
}

pub(crate) fn record(number: usize) -> Record {
    Record {
        key: Some(format!("key-{}", number % 7).into_bytes()),
        value: Some(format!("value {number}").into_bytes()),
        headers: BTreeMap::from([("number".to_owned(), number.to_be_bytes().to_vec())]),
        timestamp: DateTime::<Utc>::from_timestamp_millis(1_790_000_000_000 + number as i64)
            .expect("a time"),
    }
}

/// Records that are sent and read again, byte by byte; whether the tape repeats the run.
#[test]
fn rskafka_reads_what_it_wrote_and_the_tape_repeats_it() {
    let served = Served::begin(&["--topic", "orders:1", "--seed", "7"]);
    with_client(&served, async |client| {
        let orders = partition(&client, "orders").await;
        let mut offsets = Vec::new();
        for batch in 0..10 {
            let records = (batch * 100..(batch + 1) * 100).map(record).collect();
            let written = orders.produce(records, Compression::NoCompression).await;
            offsets.extend(written.expect("written"));
        }
        assert_eq!(offsets, (0..1000).collect::<Vec<i64>>());
        let mut read = Vec::new();
        while read.len() < 1000 {
            let next = i64::try_from(read.len()).unwrap();
            let (more, high_watermark) =
                orders.fetch_records(next, 1..1_000_000, 1000).await.expect("read");
            assert_eq!(high_watermark, 1000);
            read.extend(more);
        }
        let wrong = read.iter().enumerate().find(|(number, one)| one.record != record(*number));
        assert!(wrong.is_none(), "{wrong:?}");
    });
    let (status, report, place) = served.end();
    assert_eq!((status, report["verdict"].as_str()), (Some(0), Some("met")), "{report:#}");
    let count = |name: &str| report["records"][name].as_u64();
    assert_eq!((count("sent"), count("acked"), count("lost")), (Some(1000), Some(1000), Some(0)));
    let replay = replay(place.path());
    assert!(replay.contains(report["digest"].as_str().expect("a digest")), "{replay}");
    assert!(replay.starts_with("MET  healthy  seed 7"), "{replay}");
}

pub(crate) fn replay(place: &Path) -> String {
    let tape = place.join("tape").display().to_string();
    let output = Command::new(binary()).args(["replay", &tape]).output().expect("it runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A leader that is killed resets its connections, its port refuses, and the client goes on with the next one.
#[test]
fn a_leader_is_killed_under_a_client_and_nothing_is_lost() {
    let sets = [
        "--set",
        "cluster.config.broker.session.timeout.ms=1500",
        "--set",
        "cluster.config.broker.heartbeat.interval.ms=500",
    ];
    let faults = r#"[{ "at": "4s", "crash": "leader of payments-0", "for": "3s" }]"#;
    let place = tempfile::tempdir().expect("a folder");
    let file = place.path().join("scenario.json");
    let text = format!(
        r#"{{ "name": "wire", "topics": {{ "payments": {{ "partitions": 1, "config": {{ "min.insync.replicas": 2 }} }} }},
             "producers": {{ "billing": {{}} }}, "faults": {faults} }}"#
    );
    std::fs::write(&file, text).expect("written");
    let file = file.display().to_string();
    let served = Served::begin(&[&[file.as_str()], &sets[..]].concat());
    with_client(&served, async |client| {
        let payments = partition(&client, "payments").await;
        let until = Instant::now() + Duration::from_secs(6);
        let mut number = 0;
        while Instant::now() < until {
            let written = payments.produce(vec![record(number)], Compression::NoCompression).await;
            written.expect("rskafka tries again until it is written");
            number += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let (status, report, _) = served.end();
    assert_eq!(report["verdict"].as_str(), Some("met"), "{report:#}");
    assert_eq!(status, Some(0));
    assert_eq!(report["records"]["lost"].as_u64(), Some(0));
    let elected = report["witnesses"]["leader_elected"].as_u64();
    assert!(elected >= Some(1), "payments-0 and partitions of __consumer_offsets: {report:#}");
    assert_eq!(report["witnesses"]["process_crashed"].as_u64(), Some(1));
}

/// A command that cannot start is a mistake of whoever called, and says nothing of Kafka.
#[test]
fn a_command_that_cannot_start_is_refused_and_nothing_is_written() {
    let place = tempfile::tempdir().expect("a folder");
    let at = |name: &str| place.path().join(name).display().to_string();
    let output = Command::new(binary())
        .args(["serve", "--json", &at("report.json"), "--tape", &at("tape")])
        .args(["--acked", &at("acked.jsonl"), "--", "no-such-program"])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("error: cannot start no-such-program: "), "{said}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    let left: Vec<_> = place.path().read_dir().expect("it is there").collect();
    assert!(left.is_empty(), "{left:?}");
}
