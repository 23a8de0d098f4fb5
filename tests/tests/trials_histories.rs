//! Hand-written histories that made the oracle say something false, each with what is true. They are in
//! `data/trials`; the neighbours of each are tests of the property concerned.

use crate::cli::run;
use crate::support::root;

/// A history, the status of its check, what is said, and what is not.
type Trial = (&'static str, i32, &'static [&'static str], &'static [&'static str]);

/// Where a group stands: what it skipped, what it had not come to, why it did work again.
const GROUPS: &[Trial] = &[
    ("gaps", 0, &["skipped 0"], &["recovers is violated"]),
    ("marker-at-end", 0, &["skipped 0"], &["recovers is violated"]),
    ("skip-by-next-owner", 1, &["at-least-once is violated", "skipped 2"], &["recovers is"]),
    ("cut-unseen", 1, &["skipped 0, backlog 5"], &["at-least-once is violated"]),
    ("witness-after-the-end", 1, &["at-least-once is violated", "skipped 1"], &["backlog 1"]),
    ("position-went-back", 1, &["1 skipped by g", "(not-on-record)"], &["(commit-past-work)"]),
    ("never-given", 1, &["5 skipped by g", "(never-given)"], &["(commit-before-processing)"]),
    ("session-expired", 0, &["1 processed again by g", "(rebalance)"], &["(same-member)"]),
    ("takes-over", 0, &["2 processed again by g", "(member-crash)"], &["(zombie)"]),
];

/// What the logs hold, what is lost, and why.
const LOGS: &[Trial] = &[
    ("final-read-twice", 0, &["log duplicates 0"], &["(deduplication)"]),
    ("retention", 0, &["lost 0"], &[]),
    ("partition-unread", 1, &["lost 0", "it may be in p-0, which was not read"], &["1 lost:"]),
    ("single-replica", 1, &["1 lost", "(only-replica)"], &["log-matching is violated"]),
    ("forced-election", 1, &["1 lost", "(forced-election)"], &["(replication)"]),
    ("power-loss-of-all", 1, &["1 lost", "(power-loss)"], &["log-matching is violated"]),
    ("power-loss-of-one", 0, &["lost 0"], &["min-insync-replicas is violated"]),
    (
        "two-outcomes",
        2,
        &["history-two-outcomes.jsonl:5: b#0 is acknowledged and has failed, and was sent once"],
        &[],
    ),
];

fn told(trials: &[Trial]) {
    for (name, status, said, unsaid) in trials {
        let file = format!("tests/tests/data/trials/history-{name}.jsonl");
        let ran = run(&root(), &["check", &file]);
        let all = format!("{}{}", ran.out, ran.talk);
        assert_eq!(ran.status, *status, "{name}: {all}");
        for words in *said {
            assert!(all.contains(words), "{name} does not say {words:?}: {all}");
        }
        for words in *unsaid {
            assert!(!all.contains(words), "{name} says {words:?}: {all}");
        }
    }
}

#[test]
fn where_a_group_stands_and_why_it_works_again() {
    told(GROUPS);
}

#[test]
fn what_the_logs_hold_and_why_it_is_gone() {
    told(LOGS);
}
