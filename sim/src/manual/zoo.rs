//! Known bugs, and what shows each: with the bug on, random faults show it within so many seeds; with the bug off, the
//! same seeds show nothing.
//!
//! `models/kafka/CORPUS.md` is the same list for people, with the bugs that are no variant and why.

use super::breakages::BREAKAGES;
use ackproof_kafka::variant::Variant;
use ackproof_oracle::cause::DuplicateCause;
use ackproof_oracle::verdict::{Findings, Judgement};
use ackproof_types::ErrorCode;

/// Seeds that a breakage may take.
pub const BUDGET: u64 = 50;

/// What a run shows of a bug.
#[derive(Clone, Copy, Debug)]
pub enum Shown {
    /// This property is violated.
    Violated(&'static str),
    /// A record is in the logs twice. At-least-once allows it, the settings of the scenario do not.
    WrittenTwice,
    /// A group processes a record again, for this reason.
    Again(DuplicateCause),
    /// A commit is refused so.
    Refused(ErrorCode),
    /// A record whose producer does not know the outcome is in no log.
    Absent,
    /// A record is not acknowledged in time.
    Unknown,
}

impl Shown {
    /// Whether a run shows it.
    #[must_use]
    pub fn by(self, findings: &Findings) -> bool {
        match self {
            Self::Violated(name) => {
                let mut results = findings.properties.iter();
                results.any(|one| one.name == name && one.judgement == Judgement::Violated)
            }
            Self::WrittenTwice => findings.records.log_duplicates > 0,
            Self::Again(cause) => {
                findings.groups.iter().any(|group| group.duplicate_causes.contains_key(&cause))
            }
            Self::Refused(error) => {
                findings.groups.iter().any(|group| group.refused_commits.contains_key(&error))
            }
            Self::Absent => findings.records.unknown_absent > 0,
            Self::Unknown => findings.records.unknown > 0,
        }
    }

    /// As the list for people has it.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Violated(name) => format!("`{name}` violated"),
            Self::WrittenTwice => "`log_duplicates`".to_owned(),
            Self::Again(cause) => format!("processed again: `{}`", cause.name()),
            Self::Refused(error) => format!("commit refused: `{error}`"),
            Self::Absent => "`unknown_absent`".to_owned(),
            Self::Unknown => "`unknown`".to_owned(),
        }
    }
}

/// A bug, where it shows, and how soon.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The bug.
    pub variant: Variant,
    /// What shows it.
    pub shown: Shown,
    /// Where.
    pub scenario: &'static str,
    /// On top of the scenario.
    pub sets: &'static [(&'static str, &'static str)],
    /// Seeds that it may take.
    pub within: u64,
}

const CHAOS: &str = "scenarios/basics/chaos.json";
const STORM: &str = "scenarios/basics/rebalance-storm.json";
const GRACEFUL: &str = "scenarios/basics/graceful-rebalances.json";
const HANDOVERS: &str = "scenarios/basics/graceful-handovers.json";
const RETENTION: &str = "scenarios/basics/short-retention.json";
const COMPACTION: &str = "scenarios/basics/compaction.json";
const BEHIND: &str = "scenarios/basics/retention-waits.json";
const ELECTIONS: &str = "scenarios/chaos/elections.json";
const LATE: &str = "scenarios/chaos/late-metadata.json";
const IN_SYNC: &str = "scenarios/chaos/in-sync-changes.json";
const POWER: &str = "scenarios/chaos/power.json";
const STORAGE: &str = "scenarios/chaos/storage.json";
const QUIET: &str = "scenarios/basics/quiet-topic.json";
const MIRROR: &str = "scenarios/basics/mirror-chaos.json";
const ANSWERS_LOST: &str = "scenarios/footguns/epoch-bump-duplicate.json";

/// No send fails, so no epoch has a reason to rise.
const PATIENT: &[(&str, &str)] = &[("producers.billing.config.delivery.timeout.ms", "120000")];
const AUTO: &[(&str, &str)] = &[("groups.ledger.commit", "auto")];

use Shown::{Absent, Again, Refused, Unknown, Violated, WrittenTwice};

/// Bugs with a scenario that shows each. Those by which a property is shown to fail are in [`BREAKAGES`].
pub const CASES: &[Case] = &[
    Case {
        variant: Variant::EpochEndOfUnknownEpoch,
        shown: Violated("log-matching"),
        scenario: ELECTIONS,
        sets: &[],
        within: 10,
    },
    Case {
        variant: Variant::MissedEpochSkipsTruncation,
        shown: Violated("log-matching"),
        scenario: ELECTIONS,
        sets: &[],
        within: 10,
    },
    Case {
        variant: Variant::UnfencedTruncationSource,
        shown: Violated("log-matching"),
        scenario: ELECTIONS,
        sets: &[],
        within: 60,
    },
    Case {
        variant: Variant::EpochsSurviveTruncation,
        shown: Violated("recovers"),
        scenario: ELECTIONS,
        sets: &[],
        within: 5,
    },
    Case {
        variant: Variant::EpochStartOnlyOnAppend,
        shown: Violated("log-matching"),
        scenario: LATE,
        sets: &[],
        within: 5,
    },
    Case {
        variant: Variant::UnfencedHighWatermarkAdvance,
        shown: Violated("log-matching"),
        scenario: LATE,
        sets: &[],
        within: 10,
    },
    Case {
        variant: Variant::NoEpochInFetch,
        shown: Violated("log-matching"),
        scenario: LATE,
        sets: &[],
        within: 10,
    },
    Case {
        variant: Variant::IsrChangeWithoutVersion,
        shown: Violated("log-matching"),
        scenario: IN_SYNC,
        sets: &[],
        within: 15,
    },
    Case {
        variant: Variant::FencedBrokerJoinsIsr,
        shown: Violated("acked-durability"),
        scenario: IN_SYNC,
        sets: &[],
        within: 10,
    },
    Case {
        variant: Variant::VoteNotSynced,
        shown: Violated("metadata-agreement"),
        scenario: "scenarios/chaos/votes.json",
        sets: &[],
        within: 5,
    },
    Case {
        variant: Variant::HighWatermarkStuckAfterShrink,
        shown: Unknown,
        scenario: QUIET,
        sets: &[],
        within: 2,
    },
    Case {
        variant: Variant::HighWatermarkCountsIneligible,
        shown: Unknown,
        scenario: QUIET,
        sets: &[],
        within: 2,
    },
    Case {
        variant: Variant::EligibleAfterUncleanRestart,
        shown: Violated("acked-durability"),
        scenario: POWER,
        sets: &[],
        within: 5,
    },
    Case {
        variant: Variant::EligibleAfterRegrow,
        shown: Violated("acked-durability"),
        scenario: POWER,
        sets: &[],
        within: 120,
    },
    Case {
        variant: Variant::AppendAfterIoError,
        shown: Violated("acked-durability"),
        scenario: STORAGE,
        sets: &[],
        within: 30,
    },
    Case {
        variant: Variant::EligibleAfterNewMinimum,
        shown: Violated("acked-durability"),
        scenario: "scenarios/basics/minimum-lowered-with-elr.json",
        sets: &[],
        within: 2,
    },
    Case {
        variant: Variant::SnapshotWithoutEligible,
        shown: Violated("metadata-agreement"),
        scenario: "scenarios/basics/metadata-snapshots.json",
        sets: &[],
        within: 4,
    },
    Case {
        variant: Variant::ReassignmentEndsEarly,
        shown: Violated("acked-durability"),
        scenario: "scenarios/basics/reassignment.json",
        sets: &[],
        within: 2,
    },
    Case {
        variant: Variant::CleanPastHighWatermark,
        shown: Violated("acked-durability"),
        scenario: COMPACTION,
        sets: &[],
        within: 30,
    },
    Case {
        variant: Variant::CompactionKeepsOldest,
        shown: Violated("acked-durability"),
        scenario: COMPACTION,
        sets: &[],
        within: 2,
    },
    Case {
        variant: Variant::DeletePastHighWatermark,
        shown: Violated("high-watermark"),
        scenario: BEHIND,
        sets: &[],
        within: 3,
    },
    Case {
        variant: Variant::DedupWindowOne,
        shown: WrittenTwice,
        scenario: ANSWERS_LOST,
        sets: PATIENT,
        within: 5,
    },
    Case {
        variant: Variant::BumpOnOutOfOrder,
        shown: Violated("idempotent-log"),
        scenario: CHAOS,
        sets: &[],
        within: 30,
    },
    Case {
        variant: Variant::IdlePartitionSequence,
        shown: Absent,
        scenario: ANSWERS_LOST,
        sets: &[("topics.payments.partitions", "3")],
        within: 30,
    },
    Case {
        variant: Variant::ProducerIdReused,
        shown: Violated("acked-durability"),
        scenario: CHAOS,
        sets: &[],
        within: 10,
    },
    Case {
        variant: Variant::ErrorTreatedAsDefinite,
        shown: Violated("no-phantom"),
        scenario: CHAOS,
        sets: &[
            ("producers.billing.config.enable.idempotence", "false"),
            ("producers.billing.config.retries", "0"),
        ],
        within: 10,
    },
    Case {
        variant: Variant::AutocommitPrefetch,
        shown: Violated("commit-behind-processing"),
        scenario: STORM,
        sets: AUTO,
        within: 5,
    },
    Case {
        variant: Variant::FetchWhileRevoking,
        shown: Again(DuplicateCause::Rebalance),
        scenario: GRACEFUL,
        sets: &[],
        within: 5,
    },
    Case {
        variant: Variant::AsyncCommitOnRevoke,
        shown: Again(DuplicateCause::Rebalance),
        scenario: GRACEFUL,
        sets: &[],
        within: 20,
    },
    Case {
        variant: Variant::ResetOnTransientError,
        shown: Violated("commit-durability"),
        scenario: GRACEFUL,
        sets: &[],
        within: 10,
    },
    Case {
        variant: Variant::StaleEpochOnFetchOffsets,
        shown: Violated("commit-durability"),
        scenario: HANDOVERS,
        sets: &[],
        within: 20,
    },
    Case {
        variant: Variant::NoConsumerTruncationCheck,
        shown: Violated("at-least-once"),
        scenario: CHAOS,
        sets: &[("topics.payments.config.unclean.leader.election.enable", "true")],
        within: 30,
    },
    Case {
        variant: Variant::PausedRewinds,
        shown: Again(DuplicateCause::Rebalance),
        scenario: "scenarios/basics/paused-partitions.json",
        sets: &[],
        within: 10,
    },
    Case {
        variant: Variant::RevokedBatchStillDelivered,
        shown: Again(DuplicateCause::Rebalance),
        scenario: GRACEFUL,
        sets: &[],
        within: 10,
    },
    Case {
        variant: Variant::ZombieCommitAccepted,
        shown: Violated("commit-durability"),
        scenario: "scenarios/basics/frozen-members.json",
        sets: &[],
        within: 5,
    },
    Case {
        variant: Variant::CoordinatorLoadsPart,
        shown: Violated("commit-durability"),
        scenario: CHAOS,
        sets: &[],
        within: 30,
    },
    Case {
        variant: Variant::OffsetsExpireDuringRebalance,
        shown: Violated("at-least-once"),
        scenario: RETENTION,
        sets: &[],
        within: 5,
    },
    Case {
        variant: Variant::OffsetsExpireAfterLoad,
        shown: Violated("at-least-once"),
        scenario: RETENTION,
        sets: &[],
        within: 20,
    },
    Case {
        variant: Variant::StaticMemberClone,
        shown: Violated("group-exclusive"),
        scenario: STORM,
        sets: &[("groups.ledger.config.group.instance.id", "pod")],
        within: 30,
    },
    Case {
        variant: Variant::FalseFencingCommit,
        shown: Refused(ErrorCode::StaleMemberEpoch),
        scenario: HANDOVERS,
        sets: &[("kafka", "4.3")],
        within: 20,
    },
    Case {
        variant: Variant::MirrorKeepsUnacknowledged,
        shown: Violated("end-to-end"),
        scenario: MIRROR,
        sets: &[],
        within: 20,
    },
    Case {
        variant: Variant::MirrorTranslatesAhead,
        shown: Violated("at-least-once"),
        scenario: MIRROR,
        sets: &[],
        within: 10,
    },
];

/// What shows `variant`; none: nothing that is random does.
#[must_use]
pub fn case(variant: Variant) -> Option<Case> {
    let by_property = || {
        let breakage = BREAKAGES.iter().find(|one| one.variant == Some(variant))?;
        let (shown, scenario) = (Violated(breakage.property), breakage.scenario);
        Some(Case { variant, shown, scenario, sets: &[], within: BUDGET })
    };
    CASES.iter().find(|case| case.variant == variant).copied().or_else(by_property)
}
