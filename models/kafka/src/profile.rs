//! Legal differences between lines of Kafka. Each is a rule with the line that brought it, looked up beside
//! the rule it replaces, as a variant is; but neither side is a bug.
//!
//! Defaults of settings are not here: they stand in the table of settings. Sources: R17.* of the rules.

use ackproof_types::{Features, KafkaVersion};

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident, $since:ident, $name:literal, $about:literal;)*) => {
        /// What a line of Kafka does otherwise than those before it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $($(#[$doc])* $rule,)*
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$rule),*];

            /// The line that brought it.
            #[must_use]
            pub const fn since(self) -> KafkaVersion {
                match self { $(Self::$rule => KafkaVersion::$since,)* }
            }

            /// Its stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$rule => $name,)* }
            }

            /// What it changes, in a sentence.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$rule => $about,)* }
            }
        }
    };
}

rules! {
    /// KAFKA-19130 (R17.14).
    FencedBrokersUntracked, V4_1, "fenced-brokers-untracked",
        "a controller that takes over waits for the sessions of unfenced brokers only (KAFKA-19130)";
    /// KAFKA-19047 (R17.15).
    RegistrationReplacesLeaving, V4_1, "registration-replaces-leaving",
        "a broker that stopped cleanly may register again before its old session is over (KAFKA-19047)";
    /// KIP-1166 (R17.20).
    FetchTellsHighWatermark, V4_1, "fetch-tells-high-watermark",
        "brokers learn at once that a metadata record is committed, and not up to 500 ms later (KIP-1166)";
    /// KAFKA-19522 (R17.3).
    LastLeaderLives, V4_1, "last-leader-lives",
        "with eligible leader replicas, the last known leader is elected only while it is alive (KAFKA-19522)";
    /// KIP-516, KAFKA-10551: Produce v13.
    ProducedByTopicId, V4_1, "produced-by-topic-id",
        "producers name topics by their ids, so that what was meant for a deleted topic is not written to its successor (KAFKA-10551)";
    /// KIP-516: OffsetCommit v10, which only group.protocol=consumer sends.
    CommittedByTopicId, V4_1, "committed-by-topic-id",
        "with group.protocol=consumer, commits name topics by their ids (KIP-516)";
    /// KAFKA-18376 (R17.46).
    CommitRacesPoll, V4_2, "commit-races-poll",
        "with group.protocol=consumer, an interval commit may cover the records that the same poll returns (KAFKA-18376)";
    /// KAFKA-19479 (R17.33). It was merged in September 2025; which line has it is inferred from that.
    FlushWaitsForParts, V4_2, "flush-waits-for-parts",
        "flush() of a producer also waits for the parts of a batch that was too large (KAFKA-19479)";
    /// KIP-1251 (R17.57).
    AssignmentEpochs, V4_3, "assignment-epochs",
        "a member of a consumer group may commit under an older epoch what it had by then (KIP-1251)";
    /// KIP-1263 (R17.59).
    AssignmentInterval, V4_3, "assignment-interval",
        "a consumer group gets a new target once per group.consumer.assignment.interval.ms (KIP-1263)";
    /// KAFKA-19233 (R9.30). It was merged in January 2026; which line has it is inferred from that.
    FencedMemberRejoins, V4_3, "fenced-member-rejoins",
        "a member that is still in its consumer group may join it again (KAFKA-19233)";
}

/// The binary of a cluster, and the features that it has finalized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Profile {
    /// Whose code.
    pub version: KafkaVersion,
    /// Which levels. An upgrade of the binary raises none.
    pub features: Features,
}

impl Profile {
    /// Whether `rule` holds.
    #[must_use]
    pub fn has(&self, rule: Rule) -> bool {
        self.version >= rule.since()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_holds_from_its_line_on() {
        for rule in Rule::ALL {
            for version in KafkaVersion::ALL {
                let profile = Profile { version, features: Features::default() };
                assert_eq!(
                    profile.has(*rule),
                    version >= rule.since(),
                    "{} {version}",
                    rule.name()
                );
            }
        }
    }
}
