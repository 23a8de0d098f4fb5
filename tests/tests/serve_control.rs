//! The control API of `ackproof serve`: a test says when a broker is killed, and waits for what it needs.

use crate::serve::{Served, partition, record, replay, with_client};
use rskafka::client::partition::Compression;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// A port that nobody has.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr()).expect("a port").port()
}

/// Serves with a control API; its port.
pub(crate) fn controlled(arguments: &[&str]) -> (Served, u16) {
    let port = port();
    let address = format!("127.0.0.1:{port}");
    let served = Served::begin(&[arguments, &["--control", &address]].concat());
    (served, port)
}

/// A request, as raw as it may be, and what comes back.
fn raw(port: u16, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    let _ = stream.write_all(request);
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// A request and its answer: the status and the JSON.
pub(crate) fn ask(port: u16, what: &str, body: &str) -> (u16, Value) {
    let request = format!(
        "{what} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = raw(port, request.as_bytes());
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
    (status, serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}")))
}

const QUICK: &[&str] = &[
    "tests/tests/data/served.json",
    "--set",
    "cluster.config.broker.session.timeout.ms=1500",
    "--set",
    "cluster.config.broker.heartbeat.interval.ms=500",
];

fn produce(served: &Served, from: usize, to: usize) {
    with_client(served, async |client| {
        let orders = partition(&client, "orders").await;
        for number in from..to {
            let written = orders.produce(vec![record(number)], Compression::NoCompression).await;
            written.expect("rskafka tries again until it is written");
        }
    });
}

/// A test kills the leader, waits for the next one, heals, and sees what became of it. The tape repeats it all.
#[test]
fn a_test_kills_the_leader_and_waits_for_the_next_one() {
    let (served, port) = controlled(&[QUICK, &["--seed", "5"]].concat());
    produce(&served, 0, 20);
    let (status, state) = ask(port, "GET /state", "");
    assert_eq!(status, 200, "{state:#}");
    let orders = &state["partitions"]["orders-0"];
    assert_eq!((&orders["log_end"], &orders["high_watermark"]), (&json!(20), &json!(20)));
    assert_eq!(orders["in_sync"].as_array().map(Vec::len), Some(3));
    let leader = orders["leader"].as_str().expect("a leader").to_owned();

    let (status, struck) = ask(port, "POST /faults", r#"{ "crash": "leader of orders-0" }"#);
    assert_eq!(status, 201, "{struck:#}");
    assert_eq!((&struck["id"], &struck["done"][0]["hit"]), (&json!(1), &json!(leader)));
    let wait = json!({ "leader": "orders-0", "not": leader, "timeout": "20s" });
    let (status, came) = ask(port, "POST /wait", &wait.to_string());
    assert_eq!(status, 200, "{came:#}");
    let (_, state) = ask(port, "GET /state", "");
    assert_ne!(state["partitions"]["orders-0"]["leader"], json!(leader));
    assert_eq!(state["brokers"][&leader]["up"], json!(false));
    produce(&served, 20, 40);

    let (status, healed) = ask(port, "DELETE /faults/1", "");
    assert_eq!((status, &healed["healed"]), (200, &json!(true)), "{healed:#}");
    let (status, came) = ask(port, "GET /wait?in_sync=orders-0&least=3&timeout=30s", "");
    assert_eq!(status, 200, "{came:#}");
    let (status, verdict) = ask(port, "GET /verdict", "");
    assert_eq!((status, &verdict["verdict"]), (200, &json!("met")), "{verdict:#}");
    assert_eq!(verdict["records"]["acked"], json!(40), "{verdict:#}");

    let (status, report, place) = served.end();
    assert_eq!((status, report["verdict"].as_str()), (Some(0), Some("met")), "{report:#}");
    let fault = &report["faults"][0];
    assert_eq!((&fault["kind"], &fault["target"]), (&json!("crash"), &json!(leader)), "{fault:#}");
    assert!(
        !fault["text"].as_str().unwrap_or_default().contains("until the load ended"),
        "{fault:#}"
    );
    let again = replay(place.path());
    assert!(again.contains(report["digest"].as_str().expect("a digest")), "{again}");
}

/// What is lost is lost in the interim report too: with `acks=1` and a leader that dies with records of its own.
#[test]
fn an_interim_verdict_says_what_is_lost() {
    let (served, port) = controlled(QUICK);
    produce(&served, 0, 5);
    // Nobody reads what the leader has, and it is gone for good: the followers never get it.
    let cut = r#"{ "isolate": "leader of orders-0", "from": ["brokers", "controllers"] }"#;
    let (status, answer) = ask(port, "POST /faults", cut);
    assert_eq!(status, 201, "{answer:#}");
    let (_, verdict) = ask(port, "GET /verdict", "");
    assert_eq!((&verdict["verdict"], &verdict["records"]["lost"]), (&json!("met"), &json!(0)));
    let waits = r#"{ "leader": "orders-0", "is": "broker-9" }"#;
    let (status, answer) = ask(port, "POST /wait", waits);
    assert_eq!((status, answer["error"].as_str()), (400, Some("unknown broker \"broker-9\"")));
    let never = r#"{ "log_end": "orders-0", "least": 1000000, "timeout": "100ms" }"#;
    let (status, answer) = ask(port, "POST /wait", never);
    assert_eq!((status, &answer["state"]["partitions"]["orders-0"]["log_end"]), (408, &json!(5)));
    served.end();
}

/// Requests that are wrong: with the status, and parts of the error and of the hint.
const WRONG: &[(&str, &str, u16, &str, &str)] = &[
    (
        "POST /faults",
        r#"{ "crsh": "leader of orders-0" }"#,
        400,
        "unknown key \"crsh\"",
        "\"crash\"?",
    ),
    (
        "POST /faults",
        r#"{ "crash": "leader of order-0" }"#,
        400,
        "unknown topic \"order\"",
        "\"orders\"?",
    ),
    ("POST /faults", r#"{ "crash": "broker-9" }"#, 400, "unknown broker", "broker-1 to broker-3"),
    (
        "POST /faults",
        r#"{ "at": "5s", "crash": "broker-1" }"#,
        400,
        "it strikes at once",
        "leave it out",
    ),
    ("POST /faults", r#"{ "crash": "broker-1", "for": 5 }"#, 400, "a bare number", "5ms"),
    ("POST /faults", "{", 400, "", ""),
    ("POST /faults", "", 400, "", ""),
    ("DELETE /faults/7", "", 404, "there is no fault 7", "0 have been ordered"),
    ("DELETE /faults/x", "", 400, "\"x\" is no number", "/faults/1"),
    ("GET /faults", "", 405, "there is no GET /faults", "POST /faults"),
    ("GET /stat", "", 404, "there is no GET /stat", "\"GET /state\"?"),
    ("POST /wait", r#"{ "leder": "orders-0" }"#, 400, "unknown key \"leder\"", "\"leader\"?"),
    ("POST /wait", r#"{ "leader": "orders-0", "timeout": 5 }"#, 400, "\"timeout\"", "10s"),
    ("POST /wait", r#"{ "group": "g" }"#, 400, "what of the group?", "members"),
    (
        "POST /wait",
        r#"{ "for": "broker-1 explodes" }"#,
        400,
        "is nothing that a fault can wait for",
        "crashes",
    ),
    ("GET /wait?leader=%", "", 400, "is no part of a query", ""),
    ("POST /wait", "[]", 400, "an object is expected", "leader"),
];

/// Whatever is wrong is told, with what could be meant; nothing of it ends the server, or the run.
#[test]
fn bad_requests_are_told_what_is_wrong() {
    let (served, port) = controlled(&["--topic", "orders:1"]);
    for &(what, body, status, error, hint) in WRONG {
        let (got, answer) = ask(port, what, body);
        assert_eq!(got, status, "{what} {body}: {answer:#}");
        let said = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
        assert!(said("error").contains(error), "{what} {body}: {answer:#}");
        assert!(said("hint").contains(hint), "{what} {body}: {answer:#}");
    }
    // What is no HTTP, or from a page in a browser.
    raw(port, &[0xff, 0, 1, 2, b'\r', b'\n', b'\r', b'\n']);
    raw(port, b"GET /state HTTP/1.1\r\nContent-Length: -1\r\n\r\n");
    let page = raw(
        port,
        b"GET /state HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\nConnection: close\r\n\r\n",
    );
    assert!(page.starts_with("HTTP/1.1 403"), "{page}");
    let deep = "[".repeat(100_000);
    assert_eq!(ask(port, "POST /faults", &deep).0, 400);
    assert_eq!(ask(port, "POST /wait", &deep).0, 400);
    let (status, report, _) = served.end();
    assert_eq!((status, &report["faults"]), (Some(0), &json!([])), "{report:#}");
}

/// A fault that waits strikes when it comes; one that is withdrawn before does not.
#[test]
fn an_ordered_fault_waits_for_what_it_names() {
    let (served, port) = controlled(QUICK);
    let reset = |offset: u32| {
        format!(
            r#"{{ "reset": "leader of orders-0", "after": "leader of orders-0 appends offset {offset}" }}"#
        )
    };
    let (status, answer) = ask(port, "POST /faults", &reset(10));
    assert_eq!((status, &answer["waiting"], &answer["done"]), (201, &json!(1), &json!([])));
    let (status, _) = ask(port, "POST /faults", &reset(11));
    assert_eq!(status, 201);
    let (_, answer) = ask(port, "DELETE /faults/2", "");
    assert_eq!(answer["healed"], json!(true));
    let waits = std::thread::spawn(move || {
        let wait = r#"{ "for": "leader of orders-0 appends offset 15", "timeout": "60s" }"#;
        ask(port, "POST /wait", wait)
    });
    produce(&served, 0, 20);
    let (status, answer) = waits.join().expect("it ends");
    assert_eq!(status, 200, "{answer:#}");
    let slow = r#"{ "slow": "billing", "by": "20ms" }"#;
    let (status, answer) = ask(port, "POST /faults", slow);
    assert_eq!((status, &answer["done"][0]["hit"]), (201, &json!("billing")), "{answer:#}");
    let (status, answer) = ask(port, "POST /faults", r#"{ "crash": "billing" }"#);
    assert_eq!(status, 400, "{answer:#}");
    produce(&served, 20, 25);
    let (status, report, place) = served.end();
    assert_eq!(status, Some(0), "{report:#}");
    let kinds: Vec<&str> = report["faults"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["kind"].as_str())
        .collect();
    assert_eq!(kinds, ["reset", "slow"]);
    let again = replay(place.path());
    assert!(again.contains(report["digest"].as_str().expect("a digest")), "{again}");
}

/// Faults of a scenario wait for what a client outside does that has the name of its producer, and hit its links.
#[test]
fn faults_of_the_scenario_follow_a_client_by_its_name() {
    let place = tempfile::tempdir().expect("a folder");
    let file = place.path().join("scenario.json");
    let text = r#"{
      "name": "named", "topics": { "orders": { "partitions": 1 } }, "producers": { "billing": {} },
      "faults": [
        { "after": "billing-0#20 is acknowledged", "slow": "billing-0", "by": "30ms", "for": "500ms" },
        { "after": "billing-0#30 is sent", "reset": "any producer" }
      ]
    }"#;
    std::fs::write(&file, text).expect("written");
    let file = file.display().to_string();
    let (served, port) = controlled(&[&file]);
    let (_, state) = ask(port, "GET /state", "");
    assert_eq!(state["clients"], json!([]));
    let wait = r#"{ "for": "billing-0#25 is acknowledged", "timeout": "60s" }"#.to_owned();
    let waits = std::thread::spawn(move || ask(port, "POST /wait", &wait));
    produce(&served, 0, 40);
    assert_eq!(waits.join().expect("it ends").0, 200);
    let (status, report, place) = served.end();
    assert_eq!(status, Some(0), "{report:#}");
    let faults = report["faults"].as_array().expect("faults").iter();
    let hit: Vec<(&str, &Value)> =
        faults.map(|one| (one["kind"].as_str().unwrap_or_default(), &one["target"])).collect();
    let billing = json!("billing");
    assert_eq!(hit, [("slow", &billing), ("reset", &billing)], "{report:#}");
    let again = replay(place.path());
    assert!(again.contains(report["digest"].as_str().expect("a digest")), "{again}");
}
