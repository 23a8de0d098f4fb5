//! Why records are lost, skipped or processed twice: one name for each cause, stable, for reports and
//! machines, and one sentence that names the setting responsible. It judges nothing.

use crate::context::Context;
use ackproof_types::{ErrorCode, Micros, RebalanceReason, TopicPartition};

macro_rules! causes {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal, $about:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $(
            #[doc = $about]
            $variant,
        )* }

        impl $name {
            /// Every cause.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its stable kebab-case name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// What it means, in one sentence, with the setting responsible.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }
        }
    };
}

causes! {
    /// Why a record is in no log at the end, or was never processed by a group.
    LossCause {
        AcksOne = "acks-one",
            "acks=1: the leader answered before every in-sync replica had the record";
        StaleLeader = "stale-leader",
            "acks=1: a broker answered that another had already replaced as leader";
        UncleanElection = "unclean-election",
            "unclean.leader.election.enable=true: a replica from outside the in-sync set became leader";
        LastReplica = "last-in-sync-replica",
            "min.insync.replicas=1: the leader was the only replica in sync, acknowledged it, and restarted without it";
        ForcedElection = "forced-election",
            "an unclean election that no setting allows: somebody forced it, or a rule of replication is broken";
        PowerLoss = "power-loss",
            "a broker lost its power before the record was on disk, and led again without it";
        OnlyReplica = "only-replica",
            "replication.factor=1: the only replica restarted without it";
        Replication = "replication",
            "no setting explains it: a rule of replication is broken";
        CommitBeforeProcessing = "commit-before-processing",
            "commit before processing: the offset was committed before the record was processed";
        HandOff = "auto-commit-hand-off",
            "the hand-off committed offsets of records that its workers had not finished";
        BackgroundCommit = "background-commit",
            "group.protocol=consumer with auto-commit: the client committed in the background what poll had returned and the application had not processed";
        CommitPastWork = "commit-past-work",
            "a commit passed it before it was processed, and the commit strategy does not explain that";
        ResetLatest = "auto-offset-reset-latest",
            "auto.offset.reset=latest skipped it: the group had no commit to resume from";
        Expired = "expired-commit-reset-latest",
            "offsets.retention.minutes: the group's commit had expired, and auto.offset.reset=latest skipped it";
        OutOfRange = "out-of-range-reset",
            "the position was out of range, and auto.offset.reset moved it past the record";
        NeverGiven = "never-given",
            "the group moved past it without polling it";
        NotOnRecord = "not-on-record",
            "the history does not say how it came about";
        PartitionAdded = "partition-added-reset-latest",
            "auto.offset.reset=latest skipped it: its partition was added while the group ran, which began to read it later";
        WorkerPositions = "worker-positions",
            "covers=positions: the poll loop committed its positions, and its workers had not finished what lies below";
        HighestDone = "highest-done",
            "covers=highest-done: a commit passed what one worker had in hand, because another had finished a later record";
        StoredCommit = "stored-commit",
            "commit=auto-in-background: the client committed what it had handed out and the application had not processed";
        CommitBeyond = "commit-beyond",
            "commit_offset=beyond: the committed offset skips the record behind the last one processed";
        CloseAfterException = "close-after-exception",
            "enable.auto.commit: an exception left the poll loop, and close() committed all that poll had returned";
        Skipped = "skipped-by-application",
            "on_failure=skip: its application gave it up after the last attempt, and went on";
        DroppedPoll = "dropped-by-application",
            "on_failure=drop-poll: its application threw it away with the rest of a poll, after an exception";
        LogCut = "log-cut-below-group",
            "the log was cut below what the group had read or committed, and had grown past that before the group looked again";
        ResetByDuration = "auto-offset-reset-by-duration",
            "auto.offset.reset=by_duration skipped it: the group had no commit to resume from, and the record was older than the duration";
        CommittedBeforeAcked = "committed-before-acknowledged",
            "wait=never: the group committed a record before what it had made of it was acknowledged";
        OutputDropped = "output-dropped",
            "on_failure=drop: the send of what the group had made of a record failed, and its application went on";
        OutputAcksZero = "output-acks-zero",
            "acks=0: nobody says whether what the group made of a record is written, and the group committed the record";
        OutputAcksOne = "output-acks-one",
            "acks=1: the leader acknowledged what the group had made of a record before every in-sync replica had it";
        OutputLost = "output-lost",
            "what the group had made of a record was acknowledged, and its log lost it: acked-durability says why";
        DeadLetterLost = "dead-letter-lost",
            "dead_letter: the group put a record aside and committed it, and the dead-letter topic does not have it";
        TranslatedTooFar = "translated-too-far",
            "a mirror translated what the group had committed in the first cluster to an offset behind a record that it had not processed there";
        FailOverReset = "fail-over-reset-latest",
            "the group went over to another cluster, where no translated offset was committed for it (sync.group.offsets.enabled, its interval, `groups` of the mirror), and auto.offset.reset=latest skipped it";
        DiskLost = "disk-lost",
            "a broker lost its disk, and led again with what it had fetched since";
        Retention = "retention",
            "retention.ms or retention.bytes: it was deleted before the group had processed it";
        RevocationCommitAgain = "revocation-commit-sent-again",
            "group.protocol=consumer with auto-commit: a commit before a revocation failed and was sent again, and then it covered what poll had returned meanwhile and the application had not processed";
        DamagedLog = "damaged-log",
            "bytes of a batch on a broker's disk went wrong: its log was cut there at the next start, or nobody can read the batch";
        MovedToOne = "moved-to-one-replica",
            "an administrator moved the partition to one broker, which restarted without it: no min.insync.replicas counts more replicas than there are";
        TopicDeleted = "topic-deleted",
            "an administrator deleted the topic before the group had processed it";
        TopicRecreated = "topic-recreated",
            "an administrator deleted the topic and created it again: the group went on where it had stood in the deleted one";
    }
}

impl LossCause {
    /// The setting that allows it, if one does.
    #[must_use]
    pub const fn setting(self) -> Option<&'static str> {
        match self {
            Self::AcksOne | Self::StaleLeader => Some("acks=1"),
            Self::UncleanElection => Some("unclean.leader.election.enable=true"),
            Self::OnlyReplica => Some("replication.factor=1"),
            Self::LastReplica => Some("min.insync.replicas=1"),
            Self::CommitBeforeProcessing => Some("commit=before-processing"),
            Self::HandOff => Some("commit=auto-with-hand-off"),
            Self::BackgroundCommit | Self::RevocationCommitAgain => Some("group.protocol=consumer"),
            Self::ResetLatest | Self::PartitionAdded | Self::FailOverReset => {
                Some("auto.offset.reset=latest")
            }
            Self::ResetByDuration => Some("auto.offset.reset=by_duration"),
            Self::Expired => Some("offsets.retention.minutes"),
            Self::OutOfRange => Some("auto.offset.reset"),
            Self::WorkerPositions => Some("covers=positions"),
            Self::HighestDone => Some("covers=highest-done"),
            Self::StoredCommit => Some("commit=auto-in-background"),
            Self::CommitBeyond => Some("commit_offset=beyond"),
            Self::CloseAfterException => Some("enable.auto.commit=true"),
            Self::Skipped => Some("on_failure=skip"),
            Self::DroppedPoll => Some("on_failure=drop-poll"),
            Self::CommittedBeforeAcked => Some("wait=never"),
            Self::OutputDropped => Some("on_failure=drop"),
            Self::OutputAcksZero => Some("acks=0"),
            Self::OutputAcksOne => Some("acks=1"),
            Self::DeadLetterLost => Some("dead_letter"),
            Self::Retention => Some("retention.ms or retention.bytes"),
            Self::Replication
            | Self::ForcedElection
            | Self::PowerLoss
            | Self::DiskLost
            | Self::DamagedLog
            | Self::MovedToOne
            | Self::TopicDeleted
            | Self::TopicRecreated
            | Self::CommitPastWork
            | Self::NeverGiven
            | Self::LogCut
            | Self::OutputLost
            | Self::TranslatedTooFar
            | Self::NotOnRecord => None,
        }
    }
}

causes! {
    /// Why a record is in a log, or was processed by a group, more than once.
    DuplicateCause {
        ProducerRetry = "producer-retry",
            "enable.idempotence=false: it was sent once, and a retry wrote it again";
        ProducerRestart = "producer-restart",
            "the producer restarted and its application sent it again";
        SentAgain = "sent-again",
            "its application sent it again";
        EpochBump = "epoch-bump",
            "the idempotent producer raised its epoch and wrote again what was in flight";
        Deduplication = "deduplication",
            "nothing explains it: an idempotent producer's retry was not recognised";
        LogDuplicate = "log-duplicate",
            "it was in the logs more than once";
        MemberCrash = "member-crash",
            "a member ended between processing it and committing it";
        Rebalance = "rebalance",
            "the group rebalanced before it was committed";
        Replaced = "replaced",
            "another process with the same group.instance.id took its place before it was committed";
        Zombie = "zombie",
            "a member continued to work after it had lost the partition";
        Expired = "offsets-expired",
            "offsets.retention.minutes: the committed offset had expired, and the group began anew";
        PositionReset = "position-reset",
            "the position went back: there was no commit, or it was out of range";
        BehindCommit = "behind-commit",
            "the group resumed before an offset whose commit was acknowledged";
        SameMember = "same-member",
            "the same member processed it again: it retried the record, or sought back";
        NotOnRecord = "not-on-record",
            "the history does not say how it came about";
        ProducerExpired = "producer-expired",
            "producer.id.expiration.ms is below delivery.timeout.ms: a broker had forgotten the idempotent producer, and took its retry for new";
        PollOverrun = "poll-overrun",
            "max.poll.interval.ms: a member that took longer between two polls lost the partition before it was committed";
        SessionExpired = "session-expired",
            "session.timeout.ms: a member that was not heard of lost the partition before it was committed";
        CommitWentBack = "commit-went-back",
            "a commit of an earlier offset, sent again or long under way, took effect after one that covered it";
        LateCommit = "late-commit",
            "a member that did not own the partition any more committed an earlier offset than its new owner";
        OffsetNotAdvanced = "offset-not-advanced",
            "commit_offset=last: the committed offset was that of the last record processed, not the next one";
        NeverCommitted = "never-committed",
            "commit=never: the group commits nothing";
        TruncationRewind = "truncation-rewind",
            "a member found that its log had been cut, went back to where both were the same, and was given again what lay behind";
        MirrorRestart = "mirror-restart",
            "offset.flush.interval.ms: a mirror started again, and copied again what it had copied since it last kept its offsets";
        TranslationLag = "translation-lag",
            "the group went over to another cluster, and began there before what it had processed here: offsets are translated late and downwards (sync.group.offsets.interval.seconds, offset.lag.max), or not at all (sync.group.offsets.enabled)";
        CommitRefused = "commit-refused",
            "a commit that covered it was refused, and the group gave the partition to another member";
    }
}

causes! {
    /// Why a record stands in a log behind one that its producer sent later.
    OrderCause {
        InFlightRetry = "in-flight-retry",
            "max.in.flight.requests.per.connection is above 1 without idempotence: a retry was written behind a later batch";
        ProducerRestart = "producer-restart",
            "the producer restarted and its application sent it again";
        SentAgain = "sent-again",
            "its application sent it again";
        EpochBump = "epoch-bump",
            "the idempotent producer raised its epoch and wrote again what was in flight";
        NotOnRecord = "not-on-record",
            "the history does not say how it came about";
        WrittenLate = "written-late",
            "its producer's process had ended with it under way, and it was written behind what the next process sent";
    }
}

/// Why a send failed, or has no certain outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SendCause {
    /// The last error on record, if there is one.
    pub error: Option<ErrorCode>,
    /// Why it was the last.
    pub end: SendEnd,
}

/// What ended a send without an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SendEnd {
    /// `retries` is used up.
    Retries(u32),
    /// `delivery.timeout.ms` is used up.
    DeliveryTimeout(Micros),
    /// `max.block.ms` is used up: `send` itself failed.
    MaxBlock(Micros),
    /// The error allows no other attempt.
    Final,
    /// `acks=0` asks for no answer.
    AcksZero,
    /// The application ended without flush, and it never left the buffer.
    NeverLeft,
    /// The producer's process ended first.
    ProducerEnded,
    /// The history ends first.
    Open,
    /// Nothing on record was used up.
    NotOnRecord,
}

impl SendEnd {
    /// Its stable kebab-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retries(_) => "retries-used-up",
            Self::DeliveryTimeout(_) => "delivery-timeout-used-up",
            Self::MaxBlock(_) => "max-block-used-up",
            Self::Final => "not-retriable",
            Self::AcksZero => "acks-zero",
            Self::NeverLeft => "ended-without-flush",
            Self::ProducerEnded => "producer-ended",
            Self::Open => "no-answer",
            Self::NotOnRecord => "not-on-record",
        }
    }

    /// Whether the application is told that the send failed.
    #[must_use]
    pub const fn is_told(self) -> bool {
        match self {
            Self::Retries(_)
            | Self::DeliveryTimeout(_)
            | Self::MaxBlock(_)
            | Self::Final
            | Self::NotOnRecord => true,
            Self::AcksZero | Self::NeverLeft | Self::ProducerEnded | Self::Open => false,
        }
    }
}

impl SendCause {
    /// Its stable kebab-case name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.end.name()
    }

    /// The error and the setting used up: `NOT_ENOUGH_REPLICAS, retries=3 used up`.
    #[must_use]
    pub fn about(&self) -> String {
        let end = match self.end {
            SendEnd::Retries(most) => format!("retries={most} used up"),
            SendEnd::DeliveryTimeout(most) => {
                format!("delivery.timeout.ms={} used up", most.as_millis())
            }
            SendEnd::MaxBlock(most) => {
                format!("send blocked, max.block.ms={} used up", most.as_millis())
            }
            SendEnd::Final => "an error that no retry helps".to_owned(),
            SendEnd::AcksZero => "acks=0 asks for no answer".to_owned(),
            SendEnd::NeverLeft => {
                "the application ended without flush: never left the producer's buffer".to_owned()
            }
            SendEnd::ProducerEnded => "the producer ended before an answer came".to_owned(),
            SendEnd::Open => "no answer had come when the history ended".to_owned(),
            SendEnd::NotOnRecord => "the history does not say which limit was reached".to_owned(),
        };
        self.error.map_or_else(|| end.clone(), |error| format!("{error}, {end}"))
    }
}

causes! {
    /// Why a record took effect in a sink again, or not at all, or a row does not hold the last value.
    SinkCause {
        Forgotten = "sink-memory",
            "sink.memory: the sink had forgotten the record when it came again";
        MemberMemory = "member-memory",
            "sink.memory_in=member: the member that processed it again remembers only what its own process has done";
        LogDuplicate = "copy-in-log",
            "sink.writes: the record is in the logs more than once, and the offsets that the sink knows do not tell";
        OffsetReused = "offset-reused",
            "sink.writes: a log was cut, and the record came to an offset that the sink knew";
        StaleOverwrite = "stale-overwrite",
            "sink.writes=upsert: an earlier record of the key was processed again, after a later one";
        NotInLog = "overwritten-in-log",
            "a log was cut: the row holds a record that is in no log any more";
        PositionApart = "position-apart",
            "sink.writes=then-position: rows and positions were written in two transactions, and the member ended, or lost the partition, between them";
        NotOnRecord = "not-on-record",
            "the history does not say how it came about";
    }
}

causes! {
    /// Why what a group made of a record is in the logs more than once.
    OutputCause {
        InputAgain = "input-given-again",
            "its input was processed again: the causes of the group's duplicates say why";
        CopyInLog = "copy-in-log",
            "it was made once, and is in the logs more than once: the causes of log duplicates say why";
    }
}

/// What stood in the way of records while a partition stalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StallCause {
    /// What.
    pub obstacle: Obstacle,
    /// Where: the partition that stalled, or the one of `__consumer_offsets` that its group needs.
    pub place: TopicPartition,
    /// How many replicas an administrator had moved that to; None: it has those of its topic.
    pub moved_to: Option<u16>,
}

/// What can stand in the way of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The controller found no replica that may lead.
    NoLeader,
    /// The leader was down or hit by a fault, and no other had been elected.
    Failover,
    /// A replica in sync was down or hit by a fault: what it lacks is not committed.
    Follower,
    /// Fewer replicas were in sync than `min.insync.replicas`, which was so many.
    MinInsyncReplicas(u16),
    /// No member of the group owned it; why it got another owner, if that is on record.
    NoOwner(Option<RebalanceReason>),
}

impl StallCause {
    /// Its stable kebab-case name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self.obstacle {
            Obstacle::NoLeader => "no-leader",
            Obstacle::Failover => "failover",
            Obstacle::Follower => "slow-replica",
            Obstacle::MinInsyncReplicas(_) => "min-insync-replicas",
            Obstacle::NoOwner(_) => "no-owner",
        }
    }

    /// What it means, in one sentence, with the setting responsible.
    #[must_use]
    pub fn about(&self, context: &Context) -> String {
        let topic = &context.topics[self.place.topic.index()];
        let place = context.partition(self.place);
        let replicas = self.moved_to.unwrap_or(topic.replication_factor);
        let setting = if context.keeps_offsets(self.place.topic) {
            "offsets.topic.replication.factor"
        } else {
            "replication.factor"
        };
        let replication = match self.moved_to {
            None => format!("{setting}={replicas}"),
            Some(1) => "a move to one replica".to_owned(),
            Some(many) => format!("a move to {many} replicas"),
        };
        match self.obstacle {
            Obstacle::NoLeader if replicas == 1 => {
                format!("{replication}: {place} had no leader without its only replica")
            }
            Obstacle::NoLeader if topic.unclean_leader_election => {
                format!("{place} had no leader: no broker with a replica of it was there")
            }
            Obstacle::NoLeader => format!(
                "unclean.leader.election.enable=false: {place} had no leader without a replica that was in \
                 sync"
            ),
            Obstacle::Failover if replicas == 1 => {
                format!("{replication}: the only replica of {place} was down or hit by a fault")
            }
            Obstacle::Failover => format!(
                "broker.session.timeout.ms: the leader of {place} was down or hit by a fault, and no other \
                 was elected yet"
            ),
            Obstacle::Follower => format!(
                "acks=all waits for every replica in sync: one of {place} was down or hit by a fault, and \
                 not out of sync yet (broker.session.timeout.ms, replica.lag.time.max.ms)"
            ),
            Obstacle::MinInsyncReplicas(least) => format!(
                "min.insync.replicas={least} with {replication}: {place} had fewer replicas in sync"
            ),
            Obstacle::NoOwner(None) => format!("no member owned {place}"),
            Obstacle::NoOwner(Some(reason)) => {
                format!("no member owned {place} until the group rebalanced: {}", reason.words())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_kebab_case() {
        let losses = LossCause::ALL.iter().map(|cause| cause.name());
        let mut names: Vec<&str> =
            losses.chain(DuplicateCause::ALL.iter().map(|cause| cause.name())).collect();
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
        names.retain(|name| *name != "not-on-record");
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    }
}
