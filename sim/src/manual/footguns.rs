//! What Kafka lets you get wrong: each footgun with the cause that is told of it. Its words are the comment of its
//! scenario, which is part of the binary.

use ackproof_oracle::cause::{DuplicateCause, LossCause, SendEnd, SinkCause};

/// A scenario of something that Kafka lets you get wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footgun {
    /// The name of its file in `scenarios/footguns`.
    pub name: &'static str,
    /// What it must be told to be.
    pub cause: &'static str,
    /// The scenario.
    pub text: &'static str,
}

impl Footgun {
    /// Its file, from the root of the repository.
    #[must_use]
    pub fn file(&self) -> String {
        format!("scenarios/footguns/{}.json", self.name)
    }

    /// The comment at its head, as a paragraph a line.
    fn comment(&self) -> Vec<String> {
        let lines = self.text.lines().map_while(|line| line.strip_prefix("//"));
        let mut paragraphs = vec![String::new()];
        for line in lines.map(str::trim) {
            match paragraphs.last_mut() {
                Some(last) if !line.is_empty() && !last.is_empty() => {
                    last.push_str(&format!(" {line}"));
                }
                Some(last) if !line.is_empty() => last.push_str(line),
                _ => paragraphs.push(String::new()),
            }
        }
        paragraphs
    }

    /// Its comment in parts: what comes first, and what stands behind each of [`TITLES`].
    #[must_use]
    pub fn parts(&self) -> Vec<(&'static str, String)> {
        let all = self.comment().join(" ");
        let mut marks: Vec<(usize, &'static str)> = TITLES
            .iter()
            .filter_map(|title| Some((all.find(&format!("{title}: "))?, *title)))
            .collect();
        marks.sort_unstable();
        let first = marks.first().map_or(all.len(), |(at, _)| *at);
        let mut parts = vec![("What happens", all[..first].trim().to_owned())];
        for (index, (at, title)) in marks.iter().enumerate() {
            let end = marks.get(index + 1).map_or(all.len(), |(next, _)| *next);
            parts.push((title, all[at + title.len() + 1..end].trim().to_owned()));
        }
        parts
    }
}

/// What the comment of a footgun tells, each before a colon.
pub const TITLES: [&str; 3] = ["What it shows", "Where it comes from", "Cure"];

macro_rules! footguns {
    ($($name:literal, $cause:expr;)*) => {
        /// Every footgun, by name. With `acks=0` nothing is acknowledged, so no loss breaks a promise that could
        /// have a cause: the count of lost records speaks.
        pub const FOOTGUNS: &[Footgun] = &[$(Footgun {
            name: $name,
            cause: $cause,
            text: include_str!(concat!("../../../scenarios/footguns/", $name, ".json")),
        }),*];
    };
}

footguns! {
    "acks-one-leader-crash", LossCause::AcksOne.name();
    "acks-one-zombie-leader", LossCause::AcksOne.name();
    "acks-zero", SendEnd::AcksZero.name();
    "alone-in-sync-loses-power", LossCause::LastReplica.name();
    "assign-beside-subscribe", DuplicateCause::LateCommit.name();
    "auto-commit-hand-off", LossCause::HandOff.name();
    "auto-commit-in-background", LossCause::StoredCommit.name();
    "broker-clock-ahead", LossCause::Retention.name();
    "close-after-exception", LossCause::CloseAfterException.name();
    "commit-before-processing", LossCause::CommitBeforeProcessing.name();
    "commit-beyond", LossCause::CommitBeyond.name();
    "commit-last-offset", DuplicateCause::OffsetNotAdvanced.name();
    "commit-sent-again", DuplicateCause::CommitWentBack.name();
    "commits-lost-with-power", DuplicateCause::BehindCommit.name();
    "consumer-protocol-auto-commit", LossCause::BackgroundCommit.name();
    "consumer-protocol-poll-overrun", DuplicateCause::PollOverrun.name();
    "dead-letter-fire-and-forget", LossCause::DeadLetterLost.name();
    "drop-after-timeout", "delivery-timeout-used-up";
    "dropped-poll", LossCause::DroppedPoll.name();
    "epoch-bump-duplicate", DuplicateCause::EpochBump.name();
    "exit-without-flush", "ended-without-flush";
    "fail-over-without-sync", LossCause::FailOverReset.name();
    "failed-disk-replaced", LossCause::LastReplica.name();
    "first-commit-late", LossCause::ResetLatest.name();
    "forced-election", LossCause::ForcedElection.name();
    "frozen-member", DuplicateCause::SessionExpired.name();
    "grace-too-short", DuplicateCause::MemberCrash.name();
    "highest-done", LossCause::HighestDone.name();
    "last-in-sync-loses-power", LossCause::PowerLoss.name();
    "late-commit", DuplicateCause::LateCommit.name();
    "log-cut-below-group", LossCause::LogCut.name();
    "minimum-lowered", LossCause::LastReplica.name();
    "moved-to-one-replica", LossCause::MovedToOne.name();
    "no-commit-on-revoke", DuplicateCause::Rebalance.name();
    "no-idempotence-retry", DuplicateCause::ProducerRetry.name();
    "offsets-expired", LossCause::Expired.name();
    "old-timestamps", LossCause::Retention.name();
    "output-acks-one", LossCause::OutputAcksOne.name();
    "output-dropped", LossCause::OutputDropped.name();
    "output-not-awaited", LossCause::CommittedBeforeAcked.name();
    "partitions-added", LossCause::PartitionAdded.name();
    "poll-overrun", DuplicateCause::PollOverrun.name();
    "position-apart", SinkCause::PositionApart.name();
    "power-loss-of-all", LossCause::PowerLoss.name();
    "producer-expired", DuplicateCause::ProducerExpired.name();
    "producer-restart-duplicate", DuplicateCause::ProducerRestart.name();
    "replicas-in-one-zone", LossCause::PowerLoss.name();
    "resend-after-timeout", DuplicateCause::SentAgain.name();
    "reset-after-truncation", LossCause::OutOfRange.name();
    "reset-by-duration", LossCause::ResetByDuration.name();
    "reset-latest-skips", LossCause::ResetLatest.name();
    "restart-forgets-batches", DuplicateCause::EpochBump.name();
    "retention-overtakes", LossCause::Retention.name();
    "revocation-commit-sent-again", LossCause::RevocationCommitAgain.name();
    "scaling-storm", DuplicateCause::Rebalance.name();
    "sink-cache-in-member", SinkCause::MemberMemory.name();
    "sink-memory-too-small", SinkCause::Forgotten.name();
    "slow-followers-then-disk-lost", LossCause::LastReplica.name();
    "topic-deleted-unread", LossCause::TopicDeleted.name();
    "topic-recreated", LossCause::TopicRecreated.name();
    "unclean-election", LossCause::UncleanElection.name();
    "unsubscribe-without-commit", DuplicateCause::Rebalance.name();
    "upsert-by-zombie", SinkCause::StaleOverwrite.name();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_footgun_says_what_it_shows_where_it_comes_from_and_what_cures_it() {
        assert!(FOOTGUNS.windows(2).all(|pair| pair[0].name < pair[1].name), "by name, once");
        for footgun in FOOTGUNS {
            let parts = footgun.parts();
            assert_eq!(parts.len(), 1 + TITLES.len(), "{}: {parts:#?}", footgun.name);
            assert!(parts.iter().all(|(_, text)| text.len() > 10), "{}: {parts:#?}", footgun.name);
        }
    }
}
