//! Words for people: what each fault does, and a first scenario to start from.

/// Every verb of a fault with what it does.
pub const FAULTS: &[(&str, &str)] = &[
    ("crash", "kills the process; it comes back when the fault ends"),
    ("restart", "stops the process cleanly; it comes back when the fault ends"),
    ("rolling-restart", "restarts \"brokers\" cleanly, one after another, each down for \"for\""),
    ("pause", "freezes the process (SIGSTOP) until the fault ends"),
    (
        "isolate",
        "cuts its links, \"from\" brokers, controllers, clients, in one \"direction\" or both",
    ),
    ("slow", "delays everything on its links \"by\" this much"),
    ("lossy", "loses this share of packets (\"loss\") on its links: as on TCP, that is delay"),
    ("reset", "resets its connections, once"),
    ("slow-follower", "delays what a follower fetches, so that it falls out of the in-sync set"),
    ("leave", "a member leaves its group in good order and comes back when the fault ends"),
    ("join", "one more member joins the group and leaves when the fault ends"),
    ("stall-poll", "the application of a member does not poll until the fault ends"),
];

/// The text of a new scenario called `name`: small, complete and commented.
#[must_use]
pub fn template(name: &str) -> String {
    let name = serde_json::Value::from(name);
    format!(
        r#"// What this scenario shows, and why it matters.
{{
  "name": {name},
  "topics": {{ "payments": {{ "config": {{ "min.insync.replicas": 2 }} }} }},
  // Kafka's settings go under "config", under Kafka's names and in Kafka's units.
  "producers": {{ "billing": {{ "rate": "100/s", "config": {{ "acks": "all" }} }} }},
  "groups": {{ "ledger": {{ "members": 2, "config": {{ "auto.offset.reset": "earliest" }} }} }},
  // Faults are sentences: when, what, to whom, for how long.
  "faults": [{{ "at": "10s", "crash": "leader of payments-0", "for": "5s" }}],
  "run": {{ "load": "30s", "settle": "60s" }}
}}
"#
    )
}
