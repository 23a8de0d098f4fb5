//! Historical and deliberate bugs. Each replaces one rule at one place, beside the right one, and is
//! off unless a scenario names it.

use std::fmt;

macro_rules! variants {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $about:literal;)*) => {
        /// A named bug.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Variant {
            $($(#[$doc])* $variant,)*
        }

        impl Variant {
            /// Every variant.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it breaks, in a sentence.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }
        }
    };
}

variants! {
    /// KIP-101 scenario 1.
    TruncateToHighWatermark, "trunc-to-hw",
        "a follower cuts its log to its own stale high watermark (KIP-101, KAFKA-1211)";
    /// The sanity entry of the corpus.
    NoDivergenceCheck, "no-divergence-check",
        "a follower appends after whatever it has, without comparing epochs";
    /// KAFKA-7415.
    EpochStartOnlyOnAppend, "epoch-start-only-on-append",
        "a leader notes its epoch with its first record, not with its election (KAFKA-7415)";
    /// KAFKA-9835.
    ReadAboveHighWatermark, "read-above-hw-race",
        "consumers are served past the high watermark (KAFKA-9835)";
    /// `AsyncIsr.tla`.
    NoMaximalIsr, "no-maximal-isr",
        "the high watermark ignores a replica whose joining is still being decided";
    /// KAFKA-7128.
    IsrJoinBeforeEpochStart, "isr-join-before-epoch-start",
        "a replica joins the in-sync set at the new leader's stale high watermark (KAFKA-7128)";
    /// R3.6 without its comparison of offsets.
    IsrJoinBehindHighWatermark, "isr-join-behind-hw",
        "a replica joins the in-sync set wherever its log ends";
    /// KAFKA-10301.
    ReplicaMapCleared, "replica-map-cleared",
        "a new leader does not wait for replicas that have not fetched from it yet (KAFKA-10301)";
    /// KAFKA-15583.
    HighWatermarkAdvanceBelowMinIsr, "hw-advance-below-min-isr",
        "the high watermark moves with fewer in-sync replicas than the minimum (KAFKA-15583)";
    /// R2.17 without its last step.
    HighWatermarkNotMonotone, "hw-not-monotone",
        "a new leader's high watermark falls to what its followers have claimed so far";
    /// R4.3, R4.6 and R2.17 without the minimum.
    MinIsrIgnored, "min-isr-ignored",
        "acks=all is taken, exposed and answered with however few in-sync replicas";
    /// The high watermark is the leader's own log end.
    HighWatermarkIgnoresFollowers, "hw-ignores-followers",
        "acks=all is answered as soon as the leader has the batch";
    /// `AsyncIsr.tla`.
    IsrChangeWithoutVersion, "isr-change-without-version",
        "the controller accepts an in-sync set that was built on an older state";
    /// KIP-841, KIP-903.
    FencedBrokerJoinsIsr, "fenced-broker-joins-isr",
        "the controller lets fenced and restarted brokers into in-sync sets (KIP-841, KIP-903)";
    /// R5.18 without the in-sync set.
    ElectionIgnoresIsr, "election-ignores-isr",
        "the first live replica in order becomes leader, in sync or not";
    /// R5.24 without its second half.
    LeaderChangeKeepsEpoch, "leader-change-keeps-epoch",
        "a new leader is chosen under the epoch of the one before";
    /// KAFKA-5494.
    NoDeduplication, "no-dedup",
        "the leader does not recognise a batch it already has";
    /// R6.16 and R6.19 turned wrong.
    BumpOnRetry, "bump-on-retry",
        "an idempotent producer raises its epoch whenever it sends a batch again";
    /// R4.12 turned wrong.
    ExpiredCalledUnsent, "expired-called-unsent",
        "a producer reports what expired as certainly not written";
    /// KIP-1251's text.
    ZombieCommitAccepted, "zombie-commit-accepted",
        "the coordinator takes commits from any member and generation";
    /// R9.33 turned wrong.
    UnreleasedGranted, "unreleased-granted",
        "the coordinator of a consumer group gives a partition away before its owner has given it up";
    /// W12 turned wrong.
    CommitAckBeforeReplication, "commit-ack-before-replication",
        "the coordinator acknowledges a commit before it is replicated";
    /// KAFKA-14379, librdkafka #4616.
    FollowerReadReset, "follower-read-reset",
        "a consumer remembers a follower that was away, and resets its position by that one's word";
    /// KAFKA-5494.
    DedupWindowOne, "dedup-window-one",
        "the leader remembers only the last batch of each producer (KAFKA-5494)";
    /// librdkafka 4953, Redpanda 3039.
    BumpOnOutOfOrder, "bump-epoch-on-ooo",
        "a producer raises its epoch whenever a batch is refused as out of order (librdkafka 4953)";
    /// KAFKA-12152.
    IdlePartitionSequence, "idle-partition-sequence",
        "a partition with nothing in flight goes on with its old sequence in the raised epoch (KAFKA-12152)";
    /// KAFKA-15552.
    ProducerIdReused, "pid-block-reused",
        "the controller gives the same block of producer ids to every broker (KAFKA-15552)";
    /// KAFKA-13574.
    ErrorTreatedAsDefinite, "error-treated-as-definite",
        "a producer takes NOT_LEADER_OR_FOLLOWER for certainly not written (KAFKA-13574)";
    /// KAFKA-2942.
    AutocommitPrefetch, "autocommit-prefetch",
        "auto-commit takes the positions after the records that this poll returns (KAFKA-2942)";
    /// KAFKA-14196.
    FetchWhileRevoking, "fetch-while-revoking",
        "poll returns records of a partition after the commit before its revocation was made (KAFKA-14196)";
    /// KAFKA-14024.
    AsyncCommitOnRevoke, "async-commit-on-revoke",
        "the commit before a revocation is not sent again after an error (KAFKA-13310, KAFKA-14024)";
    /// librdkafka 1.8.0 and 2.3.0.
    ResetOnTransientError, "reset-on-transient-error",
        "a failed lookup of the committed offset is taken for none (librdkafka 4447)";
    /// A client of 2025.
    StaleEpochOnFetchOffsets, "stale-epoch-on-fetch-offsets",
        "STALE_MEMBER_EPOCH for the committed offset is taken for none (platformatic/kafka 267)";
    /// KAFKA-4547.
    PausedRewinds, "paused-rewinds",
        "with a partition that has no position, paused ones go back to their committed offsets (KAFKA-4547)";
    /// KIP-320.
    NoConsumerTruncationCheck, "no-consumer-truncation-check",
        "a consumer does not compare the epoch of its position with the leader's (KIP-320, KAFKA-7747)";
    /// librdkafka 1.7.0.
    RevokedBatchStillDelivered, "revoked-batch-still-delivered",
        "poll returns what was read ahead of a partition that is revoked in it (librdkafka 3340)";
    /// KAFKA-16030.
    CoordinatorLoadsPart, "gc-active-while-log-offline",
        "a coordinator serves although its load ended before the end of the log (KAFKA-16030)";
    /// KAFKA-13636.
    OffsetsExpireDuringRebalance, "offsets-expire-during-rebalance",
        "offsets expire while the group rebalances, as if nobody subscribed to their topic (KAFKA-13636)";
    /// KAFKA-8069.
    OffsetsExpireAfterLoad, "offsets-expire-after-load",
        "a coordinator that reads a commit from its log takes it for as old as can be (KAFKA-8069)";
    /// KAFKA-8500.
    StaticMemberClone, "static-member-clone",
        "a static member that comes while the group rebalances gets the member id that is in use (KAFKA-8500)";
    /// KAFKA-20066.
    FalseFencingCommit, "false-fencing-commit",
        "a commit in an older epoch is refused although the member kept the partition (KAFKA-20066)";
    /// KAFKA-5634.
    DeletePastHighWatermark, "delete-past-hw",
        "retention deletes what is not committed yet (KAFKA-5634)";
    /// The last stable offset bounds what Kafka's cleaner takes.
    CleanPastHighWatermark, "clean-past-hw",
        "the cleaner takes what is not committed yet for the newest of its key";
    /// What a cleaner whose map of offsets is wrong does.
    CompactionKeepsOldest, "compaction-keeps-oldest",
        "the cleaner keeps the oldest record of a key instead of the newest";
    /// KAFKA-5716.
    MirrorKeepsUnacknowledged, "mirror-keeps-unacknowledged",
        "a mirror keeps as copied what it has sent and nobody has acknowledged (KAFKA-5716)";
    /// R20.6 turned round.
    MirrorTranslatesAhead, "mirror-translates-ahead",
        "a mirror translates what a group has committed to its newest pair of offsets, wherever the group is";
    /// KAFKA-6082.
    ZombieController, "zombie-controller",
        "a controller that was active decides on without its quorum, and brokers obey it (KAFKA-6082)";
    /// R5.30 without its fsync.
    VoteNotSynced, "vote-not-synced",
        "a controller votes before its vote is safe on its disk";
    /// R5.30 turned wrong.
    QuorumByMinority, "quorum-by-minority",
        "the controllers take half of the votes, rounded down, for a majority";
    /// KIP-595 without its comparison of logs.
    VoteForShorterLog, "vote-for-shorter-log",
        "a controller votes for one whose metadata log is shorter than its own";
    /// KAFKA-6361.
    EpochEndOfUnknownEpoch, "epoch-end-unknown-epoch",
        "a leader says where an epoch ended that it never saw (KIP-279, KAFKA-6361)";
    /// KAFKA-7164.
    MissedEpochSkipsTruncation, "missed-epoch-skips-truncation",
        "a follower does not compare logs again if the same broker leads in a later epoch (KAFKA-7164)";
    /// `Kip320.tla`, `FencedBecomeFollowerAndTruncate`.
    UnfencedTruncationSource, "unfenced-truncation-source",
        "a follower compares its log once, with a leader that may not have reached the epoch";
    /// `Kip320.tla`, rule 3.
    UnfencedHighWatermarkAdvance, "unfenced-hw-advance",
        "the high watermark counts what a follower fetched in another epoch";
    /// `Kip320FirstTry.tla`.
    NoEpochInFetch, "truncate-lazily-no-epoch-in-fetch",
        "a follower's fetch does not say in which epoch it follows";
    /// KAFKA-10706.
    EpochsSurviveTruncation, "epoch-cache-survives-noop-truncate",
        "a cut at the end of the log leaves the epochs that begin there (KAFKA-10706)";
    /// KAFKA-13091.
    HighWatermarkStuckAfterShrink, "hw-stuck-after-shrink",
        "the high watermark is not looked at again when the in-sync set has shrunk (KAFKA-13091)";
    /// KAFKA-15021.
    HighWatermarkCountsIneligible, "hw-counts-ineligible-replica",
        "the high watermark waits for replicas that may not join the in-sync set (KAFKA-15021)";
    /// KAFKA-15586.
    EligibleAfterUncleanRestart, "elr-kept-after-unclean-restart",
        "a replica stays eligible to lead although its broker lost power (KIP-966, KAFKA-15586)";
    /// KIP-966.
    EligibleAfterRegrow, "elr-kept-after-regrow",
        "a replica stays eligible to lead although the in-sync set is large enough again (KIP-966)";
    /// KIP-966, R17.8.
    EligibleAfterNewMinimum, "elr-kept-after-new-minimum",
        "a replica stays eligible to lead although another min.insync.replicas is in force (KIP-966)";
    /// KIP-455 without its second stage.
    ReassignmentEndsEarly, "reassignment-ends-early",
        "a partition moves at once, and does not wait until its new replicas are in sync (KIP-455)";
    /// KAFKA-10778.
    AppendAfterIoError, "append-after-io-error",
        "after an append that failed half-way a broker goes on to append to the log (KAFKA-10778)";
    /// KIP-630 done wrong.
    SnapshotWithoutEligible, "snapshot-without-elr",
        "a snapshot of the metadata log does not say which replicas outside the in-sync set may lead (KIP-630, KIP-966)";
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Beside the bits of all variants.
const MENDED: u128 = 1 << 127;

/// A set of variants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Variants(u128);

impl Variants {
    /// Whether `variant` is on.
    #[must_use]
    pub const fn has(self, variant: Variant) -> bool {
        self.0 & (1 << variant as u32) != 0
    }

    /// These, on rules of which the known gaps are closed. Kafka has them. A leader that is elected again keeps what
    /// its followers have claimed (R2.15), though they may have followed somebody else in between. And metadata
    /// that is no newer takes back a proposal (R2.22), though the controller may be about to accept it: the in-sync
    /// set then has a member that the high watermark does not wait for.
    #[must_use]
    pub const fn mended(self) -> Self {
        Self(self.0 | MENDED)
    }

    /// Whether known gaps are closed.
    #[must_use]
    pub const fn is_mended(self) -> bool {
        self.0 & MENDED != 0
    }
}

impl FromIterator<Variant> for Variants {
    fn from_iter<I: IntoIterator<Item = Variant>>(variants: I) -> Self {
        Self(variants.into_iter().fold(0, |set, variant| set | 1 << variant as u32))
    }
}
