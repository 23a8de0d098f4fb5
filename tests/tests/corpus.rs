//! Known bugs of producers, consumers, coordinators and applications, as variants: with the bug on, random
//! faults show it within so many seeds; with the bug off, the same seeds show nothing.
//!
//! `models/kafka/CORPUS.md` is the same list for people, with the bugs that are no variant and why.

use crate::support::{assert_none, load, outcome, parallel, read};
use ackproof_kafka::variant::Variant;
use ackproof_oracle::cause::DuplicateCause;
use ackproof_oracle::verdict::{Findings, Judgement};
use ackproof_types::ErrorCode;
use std::collections::BTreeSet;

/// What a run shows of a bug.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shown {
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
    fn by(self, findings: &Findings) -> bool {
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
    fn words(self) -> String {
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
pub(crate) struct Case {
    pub(crate) variant: Variant,
    shown: Shown,
    scenario: &'static str,
    /// On top of the scenario.
    sets: &'static [(&'static str, &'static str)],
    /// Seeds that it may take.
    within: u64,
}

const CHAOS: &str = "scenarios/basics/chaos.json";
const STORM: &str = "scenarios/basics/rebalance-storm.json";
const GRACEFUL: &str = "scenarios/basics/graceful-rebalances.json";
const HANDOVERS: &str = "scenarios/basics/graceful-handovers.json";
const RETENTION: &str = "scenarios/basics/short-retention.json";
const COMPACTION: &str = "scenarios/basics/compaction.json";
const BEHIND: &str = "scenarios/basics/retention-waits.json";
const ELECTIONS: &str = "scenarios/chaos/elections.json";
const POWER: &str = "scenarios/chaos/power.json";
const QUIET: &str = "scenarios/basics/quiet-topic.json";
const MIRROR: &str = "scenarios/basics/mirror-chaos.json";
const ANSWERS_LOST: &str = "scenarios/footguns/epoch-bump-duplicate.json";

/// No send fails, so no epoch has a reason to rise.
const PATIENT: &[(&str, &str)] = &[("producers.billing.config.delivery.timeout.ms", "120000")];
const AUTO: &[(&str, &str)] = &[("groups.ledger.commit", "auto")];

use Shown::{Absent, Again, Refused, Unknown, Violated, WrittenTwice};

pub(crate) const CASES: &[Case] = &[
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

/// The first seed that shows it.
fn first(case: &Case, variants: &str) -> Option<u64> {
    let sets = [case.sets, &[("variants", variants)]].concat();
    let plan = load(case.scenario, &sets);
    (0..case.within).find(|seed| case.shown.by(&outcome(&plan, *seed).findings))
}

#[test]
fn every_bug_of_the_corpus_shows_when_it_is_on_and_only_then() {
    let findings = parallel(CASES, |case| {
        let Case { variant, scenario, within, .. } = case;
        let what = format!("{variant} in {scenario}: {}", case.shown.words());
        let on = first(case, &format!("[\"{variant}\"]"));
        let off = first(case, "[]");
        let silent = on.is_none().then(|| format!("{what}: none of {within} seeds shows it"));
        let loud = off.map(|seed| format!("{what}: seed {seed} shows it without the bug"));
        [silent, loud]
    });
    assert_none(&findings.into_iter().flatten().flatten().collect::<Vec<_>>());
}

/// The list for people says what is tested here.
#[test]
fn the_list_of_the_corpus_is_what_is_tested() {
    let page = read("models/kafka/CORPUS.md");
    let is_row = |line: &&str| line.starts_with("| `") && line.contains("| variant |");
    let told: BTreeSet<&str> = page.lines().filter(is_row).collect();
    let row = |case: &Case| {
        let scenario = case.scenario.trim_start_matches("scenarios/");
        let sets: Vec<String> =
            case.sets.iter().map(|(path, value)| format!(" `{path}={value}`")).collect();
        format!(
            "| `{}` | variant | {} | {scenario}{} | {} |",
            case.variant,
            case.shown.words(),
            sets.concat(),
            case.within
        )
    };
    let rows: Vec<String> = CASES.iter().map(row).collect();
    let tested: BTreeSet<&str> = rows.iter().map(String::as_str).collect();
    let missing: Vec<String> = tested.difference(&told).map(|row| (*row).to_owned()).collect();
    assert_none(&missing);
    let untested: Vec<String> = told.difference(&tested).map(|row| (*row).to_owned()).collect();
    assert_none(&untested);
}
