//! What the application of a group does with its consumer: its keys, and which of them go together.

use crate::common::{load, message, plan, scenario};
use ackproof_scenario::write::tree;
use ackproof_types::{
    CommitEvery, CommitOffset, CommitStrategy, Consuming, Covers, Delay, Micros, OnCommitFailure,
    OnRecordFailure, OnRevoke,
};

fn of(keys: &str) -> ackproof_scenario::plan::Group {
    plan("groups", &format!(r#"{{ "ledger": {{ {keys} }} }}"#)).groups.remove(0)
}

#[test]
fn what_an_application_does_with_its_consumer() {
    assert_eq!(of("").consuming, Consuming::default());
    let all = of(
        r#""commit": "async-after-batch", "commit_every": 100, "commit_offset": "last", "workers": 4,
           "covers": "contiguous", "on_commit_failure": "send-again", "on_revoke": "commit",
           "on_failure": "skip", "backoff": "10ms..20ms", "fails": ["billing-1#12"]"#,
    );
    let backoff = Delay { min: Micros::from_millis(10), max: Micros::from_millis(20) };
    let expected = Consuming {
        commit_every: Some(CommitEvery::Records(100)),
        commit_offset: CommitOffset::Last,
        on_commit_failure: OnCommitFailure::SendAgain,
        workers: Some(4),
        covers: Covers::Contiguous,
        on_revoke: OnRevoke::Commit,
        on_failure: OnRecordFailure::Skip,
        backoff,
    };
    assert_eq!(all.consuming, expected);
    let fails = &all.fails[0];
    assert_eq!((fails.producer, fails.instance, fails.number), (0, 1, 12));
    let time = of(r#""commit_every": "5s""#).consuming.commit_every;
    assert_eq!(time, Some(CommitEvery::Time(Micros::from_secs(5))));
    assert_eq!(of(r#""commit": "never""#).commit, CommitStrategy::Never);
}

#[test]
fn keys_that_say_nothing_together_are_refused() {
    let said = |keys: &str| message("groups", &format!(r#"{{ "ledger": {{ {keys} }} }}"#));
    for (keys, words) in [
        (
            r#""commit": "auto", "commit_every": 5"#,
            "\"commit_every\" says nothing with \"commit\": \"auto\"",
        ),
        (r#""commit_every": 0"#, "0 is not within 1 and"),
        (r#""commit_every": "0s""#, "must be above 0"),
        (r#""commit": "auto", "commit_offset": "last""#, "it goes with \"sync-after-batch\""),
        (r#""on_commit_failure": "send-again""#, "it goes with \"async-after-batch\""),
        (r#""commit": "auto", "on_revoke": "commit""#, "says nothing with"),
        (r#""on_revoke": "keep-offsets""#, "the consumer's own positions"),
        (r#""commit": "auto", "workers": 2"#, "\"auto-with-hand-off\""),
        (r#""covers": "contiguous""#, "add them"),
        (
            r#""commit": "auto-with-hand-off", "workers": 2, "covers": "contiguous""#,
            "only its positions",
        ),
        (
            r#""workers": 2, "covers": "positions", "commit_offset": "last""#,
            "the consumer's own offsets",
        ),
        (r#""workers": 2, "on_failure": "throw""#, "does not reach it"),
        (r#""workers": 2, "covers": "all""#, "unknown word for what a commit covers \"all\""),
        (r#""on_failure": "retry""#, "unknown answer to a failed record \"retry\""),
        (r#""fails": ["billing-2#1"]"#, "\"billing-2\" is not a producer"),
        (r#""fails": ["billing-0"]"#, "is not a record"),
        (r#""fails": ["billing-0#1", "billing-0#1"]"#, "listed twice"),
    ] {
        assert!(said(keys).contains(words), "{keys}: {}", said(keys));
    }
}

#[test]
fn an_application_that_throws_takes_time_to_start() {
    let text = scenario("cluster", r#"{ "startup": { "clients": "0ms..1s" } }"#)
        .replace(r#""ledger": {"#, r#""ledger": { "on_failure": "throw","#);
    let found = load(&text, &[]).expect_err("it throws and starts in no time");
    assert!(found[0].message.contains("never comes to an end"), "{found:#?}");
}

#[test]
fn a_schedule_keeps_what_the_application_does() {
    let keys = r#"{ "ledger": { "commit_every": "2s", "on_failure": "seek-back", "fails": ["billing-0#3"],
                     "backoff": "5ms" } }"#;
    let written = tree(&plan("groups", keys), 1, &[]);
    let ledger = &written["groups"]["ledger"];
    let of = |key: &str| ledger[key].clone();
    assert_eq!([of("commit_every"), of("on_failure"), of("backoff")], ["2s", "seek-back", "5ms"]);
    assert_eq!(of("fails"), serde_json::json!(["billing-0#3"]));
    assert_eq!(ledger.get("covers"), None, "the default");
}
