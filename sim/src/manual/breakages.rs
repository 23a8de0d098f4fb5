//! How each property can be made to fail: a bug of the models, or a dangerous setting. A property that nothing breaks
//! would be an ornament.

use ackproof_kafka::variant::Variant;

const CHAOS: &str = "scenarios/basics/chaos.json";
const BELOW_MIN_ISR: &str = "scenarios/basics/below-min-isr.json";
const CHAINED: &str = "scenarios/chaos/chained.json";
const CONSUMER: &str = "scenarios/basics/consumer-protocol-storm.json";
const FOLLOWER: &str = "scenarios/basics/lagging-follower-reads.json";
const CONTROLLER_CHAOS: &str = "scenarios/basics/controller-chaos.json";
const QUORUM_SPLIT: &str = "scenarios/basics/controller-quorum-split.json";
const ISOLATED: &str = "scenarios/basics/isolated-leader.json";

/// A bug or a dangerous setting that breaks a property in some seed of the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breakage {
    /// What is broken.
    pub property: &'static str,
    /// The scenario that shows it.
    pub scenario: &'static str,
    /// The bug that breaks it; none: the settings of the scenario do.
    pub variant: Option<Variant>,
    /// A seed that shows it.
    pub seed: u64,
}

const fn bug(
    property: &'static str,
    scenario: &'static str,
    variant: Variant,
    seed: u64,
) -> Breakage {
    Breakage { property, scenario, variant: Some(variant), seed }
}

const fn setting(property: &'static str, scenario: &'static str) -> Breakage {
    Breakage { property, scenario, variant: None, seed: 0 }
}

/// What breaks each property; some are broken only by histories written by hand.
pub const BREAKAGES: &[Breakage] = &[
    setting("acked-durability", "scenarios/footguns/acks-one-leader-crash.json"),
    bug("acked-durability", CHAOS, Variant::TruncateToHighWatermark, 0),
    bug("acked-durability", ISOLATED, Variant::HighWatermarkIgnoresFollowers, 0),
    setting("at-least-once", "scenarios/footguns/commit-before-processing.json"),
    setting("commit-behind-processing", "scenarios/footguns/auto-commit-hand-off.json"),
    bug("stable-reads", CHAOS, Variant::TruncateToHighWatermark, 5),
    bug("log-matching", ISOLATED, Variant::NoDivergenceCheck, 0),
    bug("log-matching", ISOLATED, Variant::HighWatermarkIgnoresFollowers, 0),
    bug("log-matching", CHAOS, Variant::IsrJoinBehindHighWatermark, 0),
    bug("min-insync-replicas", BELOW_MIN_ISR, Variant::MinIsrIgnored, 0),
    bug("min-insync-replicas", BELOW_MIN_ISR, Variant::HighWatermarkAdvanceBelowMinIsr, 0),
    bug("log-matching", CHAOS, Variant::ReplicaMapCleared, 0),
    bug("log-matching", CHAINED, Variant::NoMaximalIsr, 18),
    bug("log-matching", CHAINED, Variant::IsrJoinBeforeEpochStart, 35),
    bug("idempotent-log", CHAOS, Variant::BumpOnRetry, 0),
    bug("no-phantom", CHAOS, Variant::ExpiredCalledUnsent, 2),
    bug("commit-durability", CHAOS, Variant::CommitAckBeforeReplication, 9),
    bug("idempotent-log", CHAOS, Variant::NoDeduplication, 0),
    bug("producer-order", CHAOS, Variant::NoDeduplication, 4),
    bug("recovers", CHAOS, Variant::NoDivergenceCheck, 2),
    bug("no-phantom", CHAOS, Variant::ReadAboveHighWatermark, 0),
    setting("sink-effect", "scenarios/footguns/sink-memory-too-small.json"),
    setting("sink-effect", "scenarios/footguns/upsert-by-zombie.json"),
    setting("end-to-end", "scenarios/footguns/output-not-awaited.json"),
    bug("group-exclusive", CONSUMER, Variant::UnreleasedGranted, 0),
    bug("at-least-once", FOLLOWER, Variant::FollowerReadReset, 3),
    bug("high-watermark", CHAOS, Variant::HighWatermarkNotMonotone, 0),
    bug("high-watermark", CHAOS, Variant::TruncateToHighWatermark, 0),
    bug("leader-in-isr", CHAOS, Variant::ElectionIgnoresIsr, 1),
    bug("metadata-agreement", QUORUM_SPLIT, Variant::ZombieController, 0),
    bug("metadata-agreement", CONTROLLER_CHAOS, Variant::QuorumByMinority, 5),
    bug("metadata-agreement", CONTROLLER_CHAOS, Variant::VoteForShorterLog, 1),
    bug("one-leader-per-epoch", CHAOS, Variant::LeaderChangeKeepsEpoch, 0),
];
