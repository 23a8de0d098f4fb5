//! What the application of a group leaves possible by the way it processes and commits. It knows no cluster.

use super::{is_consumer, possible};
use ackproof_oracle::cause::{DuplicateCause, LossCause};
use ackproof_reports::contract::{Clause, Possible};
use ackproof_reports::run::Fate;
use ackproof_scenario::plan::{Group, Plan};
use ackproof_types::words::plural;
use ackproof_types::{
    CommitOffset, CommitStrategy, Covers, KafkaVersion, OnCommitFailure, OnRecordFailure,
};

/// Why a group never processes what it was given, or passes over.
pub(super) fn skips(plan: &Plan, group: &Group) -> Vec<LossCause> {
    let consuming = group.consuming;
    let mut all = Vec::new();
    match (group.commit, consuming.workers.map(|_| consuming.covers)) {
        (CommitStrategy::AutoWithHandOff, _) => all.push(LossCause::HandOff),
        (CommitStrategy::AutoInBackground, _) => all.push(LossCause::StoredCommit),
        (CommitStrategy::BeforeProcessing, _) => all.push(LossCause::CommitBeforeProcessing),
        (CommitStrategy::Auto, _) if is_consumer(group) => {
            // R17.46.
            if plan.kafka >= KafkaVersion::V4_2 {
                all.push(LossCause::BackgroundCommit);
            }
            all.push(LossCause::RevocationCommitAgain);
        }
        (commit, Some(Covers::Positions)) if commit.is_after_batch() => {
            all.push(LossCause::WorkerPositions);
        }
        (commit, Some(Covers::HighestDone)) if commit.is_after_batch() => {
            all.push(LossCause::HighestDone);
        }
        (
            CommitStrategy::Auto
            | CommitStrategy::SyncAfterBatch
            | CommitStrategy::AsyncAfterBatch
            | CommitStrategy::SyncPerRecord
            | CommitStrategy::Never,
            _,
        ) => {}
    }
    if consuming.commit_offset == CommitOffset::Beyond {
        all.push(LossCause::CommitBeyond);
    }
    match consuming.on_failure {
        OnRecordFailure::Skip if may_fail(group) => all.push(LossCause::Skipped),
        OnRecordFailure::DropPoll if may_fail(group) => all.push(LossCause::DroppedPoll),
        OnRecordFailure::Throw if may_fail(group) && group.commit.is_automatic() => {
            all.push(LossCause::CloseAfterException);
        }
        OnRecordFailure::DeadLetter
        | OnRecordFailure::Skip
        | OnRecordFailure::SeekBack
        | OnRecordFailure::DropPoll
        | OnRecordFailure::Throw => {}
    }
    all
}

fn may_fail(group: &Group) -> bool {
    group.failures_per_million > 0 || !group.fails.is_empty()
}

/// Whether a record that always fails stops the group where it lies.
pub(super) fn may_stop(group: &Group) -> bool {
    let always = !group.fails.is_empty() || group.failures_per_million >= 1_000_000;
    always
        && matches!(group.consuming.on_failure, OnRecordFailure::SeekBack | OnRecordFailure::Throw)
}

/// What follows from that, and the setting responsible.
pub(super) fn skipped(group: &Group, cause: LossCause) -> (String, String) {
    let name = &group.name;
    let key = |key: &str, value: &str| format!("groups.{name}.{key}={value}");
    let consuming = group.consuming;
    let protocol = format!("groups.{name}.config.group.protocol=consumer");
    match cause {
        LossCause::CommitBeyond => (
            format!("{name} never processes the record behind the last one that it committed"),
            key("commit_offset", consuming.commit_offset.name()),
        ),
        LossCause::Skipped => (
            format!("{name} never processes a record whose attempts have all failed"),
            key("on_failure", consuming.on_failure.name()),
        ),
        LossCause::DroppedPoll => (
            format!("{name} never processes what a poll returned behind a record that failed"),
            key("on_failure", consuming.on_failure.name()),
        ),
        LossCause::CloseAfterException => (
            format!(
                "{name} never processes what a poll returned behind a record that failed: close() commits it"
            ),
            key("on_failure", consuming.on_failure.name()),
        ),
        LossCause::WorkerPositions | LossCause::HighestDone => (
            format!(
                "{name} never processes a record that its workers had in hand when a member failed"
            ),
            key("covers", consuming.covers.name()),
        ),
        LossCause::BackgroundCommit => (
            format!(
                "{}: the client commits in the background, and may cover what this poll returns",
                committed_early(name)
            ),
            protocol,
        ),
        LossCause::RevocationCommitAgain => (
            format!(
                "{}: a commit before a revocation that is sent again covers what later polls returned",
                committed_early(name)
            ),
            protocol,
        ),
        _ => (committed_early(name), key("commit", group.commit.name())),
    }
}

fn committed_early(name: &str) -> String {
    format!("{name} never processes a record that it committed before a member failed")
}

/// What a group does again when it fails or rebalances.
pub(super) fn repeats(group: &Group, commit: String) -> Possible {
    let (name, consuming) = (&group.name, group.consuming);
    let mut again = vec![
        DuplicateCause::MemberCrash,
        DuplicateCause::Rebalance,
        DuplicateCause::CommitRefused,
        DuplicateCause::PollOverrun,
        DuplicateCause::SessionExpired,
        DuplicateCause::Zombie,
    ];
    let mut settings = vec![commit];
    if let Some(instance) = group.config.text("group.instance.id") {
        again.push(DuplicateCause::Replaced);
        settings.push(format!("groups.{name}.config.group.instance.id={instance}"));
    }
    if group.commit == CommitStrategy::Never {
        again.push(DuplicateCause::NeverCommitted);
    }
    if consuming.commit_offset == CommitOffset::Last {
        again.push(DuplicateCause::OffsetNotAdvanced);
        settings.push(format!("groups.{name}.commit_offset=last"));
    }
    if consuming.on_commit_failure == OnCommitFailure::SendAgain {
        again.extend([DuplicateCause::CommitWentBack, DuplicateCause::LateCommit]);
        settings.push(format!("groups.{name}.on_commit_failure=send-again"));
    }
    let says = format!(
        "{name} processes a record again when a member fails or the group rebalances before it is committed"
    );
    let causes = again.iter().map(|cause| cause.name());
    let clause = Clause { says, settings };
    possible(Fate::Duplicate, Some(name), causes, clause)
}

/// The promise, with what it rests on.
pub(super) fn at_least_once(group: &Group) -> String {
    let name = &group.name;
    let dead = if may_fail(group) && group.consuming.on_failure == OnRecordFailure::DeadLetter {
        format!(
            ", or dead-letters it after {}",
            plural(u64::from(group.attempts), "failed attempt")
        )
    } else {
        String::new()
    };
    // Kafka's own auto-commit commits within poll; other clients commit in the background.
    let only = if group.commit == CommitStrategy::Auto {
        "; this needs its work on a batch to be over before the next poll: a client that commits in the \
         background does what commit=auto-in-background does"
    } else {
        ""
    };
    format!(
        "{name} processes every acknowledged record that its log keeps at least once{dead}{only}"
    )
}
