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
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of variants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Variants(u32);

impl Variants {
    /// Whether `variant` is on.
    #[must_use]
    pub const fn has(self, variant: Variant) -> bool {
        self.0 & (1 << variant as u32) != 0
    }
}

impl FromIterator<Variant> for Variants {
    fn from_iter<I: IntoIterator<Item = Variant>>(variants: I) -> Self {
        Self(variants.into_iter().fold(0, |set, variant| set | 1 << variant as u32))
    }
}
