//! What a user reads when a fault is wrong, and what one of them says that it did.

use crate::common::{fault, plan};
use ackproof_scenario::describe::{describe, words};
use ackproof_scenario::plan::{Action, Plan, Target};
use ackproof_types::{Micros, TopicId};

#[test]
fn faults_hit_what_exists() {
    let crash = |target: &str| fault(&format!(r#"{{ "at": "5s", "crash": "{target}" }}"#));
    let cases = [
        ("broker-4", "unknown broker \"broker-4\" (there is broker-1 to broker-3)"),
        ("broker-0", "unknown broker \"broker-0\" (there is broker-1 to broker-3)"),
        ("leader of orders-0", "unknown topic \"orders\" (known: __consumer_offsets, payments)"),
        (
            "leader of payments-3",
            "\"payments\" has no partition number 3 (there is payments-0 to payments-2)",
        ),
        ("leader of payments", "\"payments\" is not a partition (write \"payments-0\")"),
        ("coordinator of leger", "unknown group \"leger\" (did you mean \"ledger\"?)"),
        ("any producer of bill", "unknown producer \"bill\" (did you mean \"billing\"?)"),
        ("billing-2", "\"billing\" has no instance number 2 (there is billing-0 to billing-1)"),
        ("ledger-7", "\"ledger\" has no member number 7 (there is ledger-0 to ledger-1)"),
        (
            "all brokers",
            "a fault hits one broker (write a fault for each of broker-1 to broker-3, all with the same \
             \"at\")",
        ),
        (
            "controllers",
            "\"crash\" hits one process, like \"broker-1\", \"any broker\" or \"any member of ledger\", or \"all \
             members of ledger\"",
        ),
        (
            "controler",
            "\"controler\" is nobody that a fault can hit (did you mean \"controller\"?)",
        ),
    ];
    for (target, said) in cases {
        assert_eq!(crash(target), format!("faults[0].crash: {said}"), "{target}");
    }
}

#[test]
fn faults_are_sentences() {
    let cases = [
        (
            r#"{ "at": "5s", "crahs": "broker-1" }"#,
            "faults[0].crahs: unknown key \"crahs\" (did you mean \"crash\"?)",
        ),
        (
            r#"{ "at": "5s", "crash": "broker-1", "pause": "broker-2" }"#,
            "faults[0].pause: a fault has one verb; \"crash\" and \"pause\" are two",
        ),
        (
            r#"{ "crash": "broker-1" }"#,
            "faults[0]: when? a fault needs \"at\": \"10s\" or \"between\": [\"5s\", \"40s\"]",
        ),
        (
            r#"{ "at": "31s", "crash": "broker-1" }"#,
            "faults[0].at: the load ends at 30s; no fault happens later",
        ),
        (
            r#"{ "at": "5s", "slow": "broker-1" }"#,
            "faults[0].slow: how much? add \"by\": \"50ms..100ms\"",
        ),
        (
            r#"{ "at": "5s", "crash": "broker-1", "loss": "5%" }"#,
            "faults[0].loss: \"loss\" goes with \"lossy\" only",
        ),
        (
            r#"{ "at": "5s", "crash": "broker-1", "grace": "5s" }"#,
            "faults[0].grace: \"grace\" goes with \"restart\", \"rolling-restart\" and \"leave\" only",
        ),
        (
            r#"{ "at": "5s", "throttle": "broker-1" }"#,
            "faults[0].throttle: how much? add \"rate\": \"20kB/s\"",
        ),
        (
            r#"{ "at": "5s", "throttle": "broker-1", "rate": "20kbit" }"#,
            "faults[0].rate: \"20kbit\" is not a bandwidth; write \"20kB/s\", \"1.5MB/s\" or \"500B/s\"",
        ),
        (
            r#"{ "at": "5s", "throttle": "broker-1", "rate": 500 }"#,
            "faults[0].rate: a bare number where a unit is needed (write \"500B/s\")",
        ),
        (
            r#"{ "at": "5s", "throttle": "ledger", "rate": "20kB/s" }"#,
            "faults[0].throttle: \"throttle\" hits one process, like \"broker-1\", \"any broker\" or \
             \"any member of ledger\", or \"all members of ledger\"",
        ),
        (
            r#"{ "at": "5s", "slow": "broker-1", "by": "5ms", "rate": "20kB/s" }"#,
            "faults[0].rate: \"rate\" goes with \"throttle\" only",
        ),
        (
            r#"{ "at": "5s", "isolate": "broker-1", "from": ["broker"] }"#,
            "faults[0].from[0]: \"broker\" is nobody that a fault can hit (did you mean \"brokers\"?)",
        ),
        (
            r#"{ "at": "5s", "leave": "broker-1" }"#,
            "faults[0].leave: \"leave\" hits a member, like \"any member of ledger\"",
        ),
        (
            r#"{ "at": "5s", "every": "3s", "crash": "broker-1" }"#,
            "faults[0].every: \"every\" goes with \"between\" only",
        ),
    ];
    for (text, said) in cases {
        assert_eq!(fault(text), said, "{text}");
    }
}

#[test]
fn a_topic_gets_partitions_by_a_sentence() {
    let cases = [
        (
            r#"{ "at": "5s", "add-partitions": "payments" }"#,
            "faults[0].add-partitions: how many in all? add \"to\": 4",
        ),
        (
            r#"{ "at": "5s", "add-partitions": "payment", "to": 9 }"#,
            "faults[0].add-partitions: unknown topic \"payment\" (did you mean \"payments\"?)",
        ),
        (
            r#"{ "at": "5s", "add-partitions": "payments", "to": 3 }"#,
            "faults[0]: payments has 3 partitions from the start: \"to\" more",
        ),
        (
            r#"{ "at": "5s", "elect-unclean": "payments-0", "for": "5s" }"#,
            "faults[0].for: an election happens at once; it has no \"for\"",
        ),
        (
            r#"{ "at": "5s", "elect-unclean": "payments" }"#,
            "faults[0].elect-unclean: \"payments\" is not a partition (write \"payments-0\")",
        ),
        (
            r#"{ "at": "5s", "add-partitions": "payments", "to": 9, "for": "5s" }"#,
            "faults[0].for: a topic keeps its partitions; this has no \"for\"",
        ),
    ];
    for (text, said) in cases {
        assert_eq!(fault(text), said, "{text}");
    }
    let crash = r#"{ "at": "9s", "crash": "leader of payments-8" }"#;
    assert!(fault(crash).contains("no partition number 8"), "nobody adds it");
    let added = r#"{ "at": "5s", "add-partitions": "payments", "to": 9 }"#;
    let plan = plan("faults", &format!("[{crash}, {added}]"));
    assert_eq!((plan.faults.len(), plan.topics[1].partitions), (2, 3));
}

#[test]
fn a_topic_is_deleted_by_a_sentence() {
    let cases = [
        (
            r#"{ "at": "5s", "delete-topic": "payment" }"#,
            "faults[0].delete-topic: unknown topic \"payment\" (did you mean \"payments\"?)",
        ),
        (
            r#"{ "at": "5s", "delete-topic": "payments", "for": "5s" }"#,
            "faults[0].for: what is deleted is gone; this has no \"for\"",
        ),
    ];
    for (text, said) in cases {
        assert_eq!(fault(text), said, "{text}");
    }
    let deleted = plan("faults", r#"[{ "at": "5s", "delete-topic": "payments" }]"#);
    assert_eq!(deleted.deleted().count(), 1);
}

#[test]
fn sides_of_a_partition() {
    let cases = [
        (
            r#"{ "at": "5s", "partition": [["broker-1"]] }"#,
            "faults[0].partition: a partition has two sides or more: [[\"broker-1\"], [\"broker-2\", \
             \"controller\"]]",
        ),
        (
            r#"{ "at": "5s", "partition": "broker-1" }"#,
            "faults[0].partition: expected a list, found a string",
        ),
        (
            r#"{ "at": "5s", "partition": [["broker-1"], ["broker-4"]] }"#,
            "faults[0].partition[1][0]: unknown broker \"broker-4\" (there is broker-1 to broker-3)",
        ),
        (
            r#"{ "at": "5s", "partition": [["broker-1"], ["broker-2", "broker-1"]] }"#,
            "faults[0].partition[1][1]: listed twice",
        ),
        (
            r#"{ "at": "5s", "partition": [["broker-1"], []] }"#,
            "faults[0].partition[1]: nobody is on this side",
        ),
        (
            r#"{ "at": "5s", "isolate": "broker-1", "from": [] }"#,
            "faults[0].from: nobody is listed; leave \"from\" out for everybody",
        ),
        (
            r#"{ "at": "5s", "slow": "broker-1", "by": "5ms", "from": ["broker-2"] }"#,
            "faults[0].from: \"from\" goes with \"isolate\" only",
        ),
        (
            r#"{ "between": ["1s", "30s"], "every": "1ms", "reset": "broker-1" }"#,
            "faults[0].every: this would strike more than 10000 times in the window",
        ),
    ];
    for (text, said) in cases {
        assert_eq!(fault(text), said, "{text}");
    }
}

/// What the only fault of a scenario says that it did to `target`.
fn said(text: &str, target: Option<&str>) -> String {
    let plan = plan("faults", &format!("[{text}]"));
    let kind = &plan.faults[0].choices[0].1;
    let lasts = kind.lasts.map(|lasts| lasts.min);
    describe(kind, &plan, target, lasts)
}

/// Each fault with what it says that it did to broker-2.
fn assert_said(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let text = format!(r#"{{ "at": "5s", {text} }}"#);
        assert_eq!(said(&text, Some("broker-2")), *expected, "{text}");
    }
}

#[test]
fn faults_of_links_say_what_they_did() {
    let cases = [
        (
            r#""slow": "broker-2", "to": ["broker-1"], "by": "50ms..100ms", "for": "5s""#,
            "links between broker-2 and broker-1 slower by 50ms..100ms for 5s",
        ),
        (
            r#""lossy": "broker-2", "to": ["ledger"], "direction": "incoming", "loss": "0.5%",
               "for": "5s""#,
            "links from ledger to broker-2 lost 0.5% of packets for 5s",
        ),
        (
            r#""lossy": "broker-2", "loss": "10%", "for": "5s""#,
            "links between broker-2 and brokers, \
           controllers and clients lost 10% of packets for 5s",
        ),
        (
            r#""throttle": "a follower of payments-0", "to": ["brokers"], "direction": "incoming",
               "rate": "20kB/s", "for": "5s""#,
            "links from brokers to broker-2 carried no more than 20kB/s each (a follower of payments-0) \
             for 5s",
        ),
        (
            r#""throttle": "broker-2", "rate": "500B/s""#,
            "links between broker-2 and brokers, controllers and clients carried no more than 500B/s \
             each until the load ended",
        ),
    ];
    assert_said(&cases);
}

#[test]
fn faults_of_disks_say_what_they_did() {
    assert_said(&[
        (
            r#""log-dir-failed": "broker-2", "for": "5s""#,
            "a log directory of broker-2 failed for 5s",
        ),
        (
            r#""log-dir-failed": "broker-2", "dir": 1, "returns": "empty", "for": "5s""#,
            "log directory 1 of broker-2 failed and was lost for 5s",
        ),
        (
            r#""disk-full": "broker-2", "dir": 1, "left": "20kB", "for": "5s""#,
            "log directory 1 of broker-2 had no room for more than 20kB for 5s",
        ),
        (
            r#""corrupt-log": "broker-2", "for": "5s""#,
            "the last batch of a log of broker-2 went wrong on its disk, and it was killed and was down for 5s",
        ),
        (r#""disk-full": "broker-2""#, "a log directory of broker-2 was full until the load ended"),
    ]);
}

#[test]
fn faults_say_what_they_did() {
    let cases = [
        (
            r#""crash": "leader of payments-0", "for": "20s""#,
            "broker-2 crashed (leader of payments-0) for 20s",
        ),
        (r#""restart": "broker-2", "for": "4s""#, "broker-2 stopped cleanly and was down for 4s"),
        (
            r#""restart": "broker-2", "for": "4s", "grace": "500ms""#,
            "broker-2 was told to stop within 500ms, and was down for 4s",
        ),
        (
            r#""rolling-restart": "brokers", "for": "4s""#,
            "broker-2 stopped cleanly and was down for 4s",
        ),
        (r#""pause": "any broker""#, "broker-2 was frozen (any broker) until the load ended"),
        (
            r#""isolate": "broker-2", "from": ["brokers", "controllers"], "for": "5s""#,
            "broker-2 cut off from brokers and controllers for 5s",
        ),
        (
            r#""isolate": "broker-2", "from": ["billing", "leader of payments-1"],
               "direction": "outgoing", "for": "5s""#,
            "what broker-2 sent did not reach billing and leader of payments-1 for 5s",
        ),
        (
            r#""isolate": "broker-2", "direction": "incoming", "for": "5s""#,
            "what brokers, controllers and clients sent did not reach broker-2 for 5s",
        ),
        (r#""reset": "broker-2""#, "connections of broker-2 reset"),
        (
            r#""slow-follower": "a follower of payments-0""#,
            "replica fetches of broker-2 took 36s..45s longer (a follower of payments-0) until it was \
             out of the in-sync set",
        ),
        (
            r#""leave": "any member of ledger", "for": "5s""#,
            "broker-2 left its group (any member of \
           ledger) for 5s",
        ),
        (r#""join": "ledger", "for": "5s""#, "broker-2 joined its group for 5s"),
        (r#""stall-poll": "ledger-1", "for": "5s""#, "broker-2 did not poll for 5s"),
        (r#""unsubscribe": "ledger-1", "for": "5s""#, "broker-2 was unsubscribed for 5s"),
        (
            r#""pause-partitions": "ledger-1", "for": "5s""#,
            "broker-2 had its partitions paused for 5s",
        ),
        (r#""power-loss": "broker-2", "for": "5s""#, "broker-2 lost its power for 5s"),
        (r#""disk-lost": "broker-2", "for": "5s""#, "broker-2 lost its disk, and was down for 5s"),
        (
            r#""partition": [["broker-1", "billing-0"], ["broker-2", "controller"]], "for": "5s""#,
            "broker-2 cut off from each other for 5s",
        ),
    ];
    assert_said(&cases);
    assert_eq!(
        said(r#"{ "at": "5s", "crash": "leader of payments-0", "for": "20s" }"#, None),
        "crash: nobody fitted \"leader of payments-0\", nothing was done",
        "nobody"
    );
}

/// Every form of target, in the words of a scenario.
#[test]
fn targets_are_said_as_they_are_written() {
    let crashed = |text: &str| -> (Plan, Target) {
        let text = format!(r#"[{{ "at": "5s", "crash": "{text}" }}]"#);
        let plan = plan("faults", &text);
        let target = plan.faults[0].choices[0].1.target;
        (plan, target)
    };
    for text in [
        "broker-3",
        "controller",
        "leader of payments-2",
        "leader of __consumer_offsets-7",
        "a follower of payments-0",
        "coordinator of ledger",
        "any broker",
        "billing-1",
        "any producer",
        "any producer of billing",
        "ledger-1",
        "any member of ledger",
    ] {
        let (plan, target) = crashed(text);
        assert_eq!(words(target, &plan), text, "{target:?}");
    }
    assert_eq!(crashed("leader of payments-2").1, Target::LeaderOf(TopicId(1), 2), "by index");
}

#[test]
fn a_slow_follower_is_slower_than_the_lag_that_is_allowed() {
    let by = |text: &str| {
        let plan = plan("faults", &format!(r#"[{{ "at": "5s", {text} }}]"#));
        let Action::SlowFollower(by) = plan.faults[0].choices[0].1.action else { panic!("slow") };
        by
    };
    let usual = by(r#""slow-follower": "a follower of payments-0""#);
    assert_eq!(
        (usual.min, usual.max),
        (Micros::from_secs(36), Micros::from_secs(45)),
        "30 s and more"
    );
    let given = by(r#""slow-follower": "a follower of payments-0", "by": "12s""#);
    assert_eq!((given.min, given.max), (Micros::from_secs(12), Micros::from_secs(12)), "as told");
}

#[test]
fn servers_may_be_slow_on_one_subject() {
    let faults =
        r#"[{ "at": "5s", "slow": "broker-1", "only": "metadata", "by": "2s", "for": "5s" }]"#;
    let plan = plan("faults", faults);
    let kind = &plan.faults[0].choices[0].1;
    let told = describe(kind, &plan, Some("broker-1"), Some(Micros::from_secs(5)));
    assert_eq!(
        told,
        "metadata on links between broker-1 and brokers, controllers and clients slower by 2s for 5s"
    );
    let wrong = |text: &str| fault(&format!(r#"{{ "at": "5s", {text}, "for": "5s" }}"#));
    let unknown = wrong(r#""slow": "broker-1", "by": "2s", "only": "metdata""#);
    assert!(
        unknown.contains("unknown talk of servers \"metdata\" (did you mean \"metadata\"?)"),
        "{unknown}"
    );
    let misplaced = wrong(r#""lossy": "broker-1", "loss": "5%", "only": "metadata""#);
    assert!(misplaced.contains("\"only\" goes with \"slow\" only"), "{misplaced}");
}
