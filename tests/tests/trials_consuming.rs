//! What applications do with their consumer, as users tried it. The scenarios are in `data/trials`.

use crate::support::{load, outcome, parallel};
use ackproof_oracle::cause::{DuplicateCause, LossCause};
use ackproof_oracle::verdict::{Findings, GroupCounts};

fn trial(name: &str, sets: &[(&str, &str)], seed: u64) -> Findings {
    outcome(&load(&format!("tests/tests/data/trials/{name}.json"), sets), seed).findings
}

fn sum<K: Ord + Copy>(
    all: &[Findings],
    of: impl Fn(&GroupCounts) -> &std::collections::BTreeMap<K, u64>,
    key: K,
) -> u64 {
    all.iter().map(|one| of(&one.groups[0]).get(&key).copied().unwrap_or(0)).sum()
}

/// Each kill skips at most what was in hand.
#[test]
fn a_commit_in_the_background_skips_what_is_in_hand_at_a_kill() {
    let sets = [("groups.g.commit", "auto-in-background")];
    let all =
        parallel(&[0, 1, 2, 3, 4, 5, 6, 7], |seed| trial("auto-commit-background", &sets, *seed));
    for one in &all {
        let (skipped, kills) = (one.groups[0].skipped, one.witnesses["process_crashed"]);
        assert!(kills > 0 && skipped <= 10 * kills, "{skipped} skipped by {kills} kills");
    }
    assert!(sum(&all, |group| &group.skip_causes, LossCause::StoredCommit) > 0);
    let polled = parallel(&[0, 1, 2, 3], |seed| trial("auto-commit-background", &[], *seed));
    assert!(polled.iter().all(|one| one.groups[0].skipped == 0), "Kafka's own commits in poll");
}

/// Attempts within one poll that together take longer than `max.poll.interval.ms`: the first owner has processed
/// some, and is put out.
#[test]
fn retries_that_block_the_poll_loop_are_told_by_the_poll_interval() {
    let all = [trial("blocking-retries", &[], 0)];
    assert!(sum(&all, |group| &group.duplicate_causes, DuplicateCause::PollOverrun) > 0);
    assert_eq!(sum(&all, |group| &group.duplicate_causes, DuplicateCause::Rebalance), 0);
}

/// The member stalls for longer than one or the other.
#[test]
fn a_slow_member_is_told_by_what_ran_out() {
    let all =
        parallel(&[0, 1, 2, 3, 4, 5, 6, 7], |seed| trial("commit-refused-slow-member", &[], *seed));
    let told = |cause| sum(&all, |group| &group.duplicate_causes, cause);
    let put_out = told(DuplicateCause::PollOverrun) + told(DuplicateCause::SessionExpired);
    assert!(put_out + told(DuplicateCause::Zombie) > 0, "{}", told(DuplicateCause::Rebalance));
}
