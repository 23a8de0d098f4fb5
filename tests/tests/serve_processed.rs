//! An application of `ackproof serve` that says itself what it has processed, and what it is told about its records.

use crate::serve::{Served, partition, record, replay, with_client};
use crate::serve_control::{ask, controlled};
use rskafka::client::partition::Compression;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

fn string(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("a short text");
    [&length.to_be_bytes(), text.as_bytes()].concat()
}

/// Commits for `ledger` outside membership, as the client that reads (OffsetCommit, version 2): rskafka has no groups.
fn commit(served: &Served, next: i64) {
    let body = [
        &[0, 8, 0, 2, 0, 0, 0, 1][..],
        &string("billing"),
        &string("ledger"),
        &(-1_i32).to_be_bytes(),
        &string(""),
        &(-1_i64).to_be_bytes(),
        &1_i32.to_be_bytes(),
        &string("orders"),
        &1_i32.to_be_bytes(),
        &0_i32.to_be_bytes(),
        &next.to_be_bytes(),
        &string(""),
    ]
    .concat();
    let length = u32::try_from(body.len()).expect("a short frame");
    let frame = [&length.to_be_bytes()[..], &body].concat();
    // Only its coordinator takes it.
    let taken = served.brokers.iter().any(|broker| {
        let mut stream = TcpStream::connect(broker).expect("a broker");
        stream.write_all(&frame).expect("sent");
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).expect("an answer");
        let mut answer = vec![0; u32::from_be_bytes(answer) as usize];
        stream.read_exact(&mut answer).expect("an answer");
        answer.ends_with(&[0, 0])
    });
    assert!(taken, "a coordinator takes the commit");
}

fn produce(served: &Served, count: usize) {
    with_client(served, async |client| {
        let orders = partition(&client, "orders").await;
        let records = (0..count).map(record).collect();
        orders.produce(records, Compression::NoCompression).await.expect("written");
    });
}

fn read(served: &Served, from: i64) {
    with_client(served, async |client| {
        let orders = partition(&client, "orders").await;
        let (records, _) = orders.fetch_records(from, 1..1_000_000, 1000).await.expect("read");
        assert!(!records.is_empty());
    });
}

fn property<'r>(report: &'r Value, name: &str) -> &'r Value {
    let all = report["properties"].as_array().expect("properties");
    all.iter().find(|one| one["name"] == name).expect("it is there")
}

fn lines(place: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(place).expect("acked.jsonl");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Who commits what it has not processed is found out, though no message shows it.
#[test]
fn a_commit_before_the_work_shows_by_what_the_application_tells() {
    let place = tempfile::tempdir().expect("a folder");
    let acked = place.path().join("acked.jsonl").display().to_string();
    let topic = ["--topic", "orders:1", "--processed", "control", "--acked", &acked];
    let (served, port) = controlled(&topic);
    commit(&served, 0);
    produce(&served, 10);
    read(&served, 0);
    // Half of it is done, all of it is committed.
    let told: Vec<Value> = (0..5)
        .map(|offset| json!({ "group": "ledger", "topic": "orders", "partition": 0, "offset": offset }))
        .collect();
    let (status, answer) = ask(port, "POST /processed", &json!(told).to_string());
    assert_eq!((status, &answer["processed"]), (200, &json!(5)), "{answer:#}");
    commit(&served, 10);
    let (status, _) = ask(port, "GET /wait?group=ledger&lag=0&timeout=10s", "");
    assert_eq!(status, 200);
    let (_, state) = ask(port, "GET /state", "");
    assert_eq!(state["groups"]["ledger"]["committed"], json!({ "orders-0": 10 }), "{state:#}");
    let (status, report, place) = served.end();
    let behind = property(&report, "commit-behind-processing");
    assert_eq!((status, &behind["verdict"]), (Some(1), &json!("violated")), "{report:#}");
    let group = &report["groups"][0];
    assert_eq!((&group["group"], &group["processed"]), (&json!("ledger"), &json!(5)), "{group:#}");
    let again = replay(place.path());
    assert!(again.contains(report["digest"].as_str().expect("a digest")), "{again}");

    let acked = lines(Path::new(&acked));
    assert_eq!(acked.len(), 10);
    let fourth = json!({ "topic": "orders", "partition": 0, "offset": 3, "record": "billing#3", "key": "key-3" });
    assert_eq!(acked[3], fourth);
}

/// The same in a file; what is said there before a commit is sent comes before it. Without it commits are claims.
#[test]
fn a_file_says_what_was_processed_before_the_commit_comes() {
    let place = tempfile::tempdir().expect("a folder");
    let file = place.path().join("processed.jsonl");
    std::fs::write(&file, "{ what an earlier run left }\n").expect("written");
    let name = file.display().to_string();
    let served = Served::begin(&["--topic", "orders:1", "--processed", &name]);
    commit(&served, 0);
    produce(&served, 10);
    read(&served, 0);
    let mut out = std::fs::OpenOptions::new().append(true).open(&file).expect("it is there");
    for offset in 0..10 {
        let place = json!({ "group": "ledger", "partition": "orders-0", "offset": offset });
        out.write_all(format!("{place}\n").as_bytes()).expect("written");
        commit(&served, offset + 1);
    }
    let (status, report, _) = served.end();
    assert_eq!((status, report["verdict"].as_str()), (Some(0), Some("met")), "{report:#}");
    let behind = property(&report, "commit-behind-processing");
    assert_eq!(behind["verdict"], json!("held"), "{report:#}");

    // Nobody was given what this says.
    let served = Served::begin(&["--topic", "orders:1", "--processed", &name]);
    std::fs::write(&file, "{\"partition\":\"orders-0\",\"offset\":77}").expect("written");
    let (status, report, _) = served.end();
    assert_eq!(status, Some(3), "{report:#}");
    assert!(report["reasons"].to_string().contains("no group reads orders-0"), "{report:#}");

    let (served, port) = controlled(&["--topic", "orders:1"]);
    let (status, answer) =
        ask(port, "POST /processed", "{\"partition\":\"orders-0\",\"offset\":0}");
    assert_eq!((status, answer["hint"].is_string()), (409, true), "{answer:#}");
    served.end();
}
