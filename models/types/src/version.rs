//! Lines of Apache Kafka, and the levels of features that a cluster has finalized.
//!
//! They are two things: a new binary brings its code and defaults, but switches no feature on.

use std::fmt;

/// A line of releases. Later is greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KafkaVersion {
    /// 4.0, of March 2025.
    #[default]
    V4_0,
    /// 4.1, of September 2025.
    V4_1,
    /// 4.2, of February 2026.
    V4_2,
    /// 4.3, of May 2026.
    V4_3,
    /// 4.4, of October 2026.
    V4_4,
}

impl KafkaVersion {
    /// All lines, ascending.
    pub const ALL: [Self; 5] = [Self::V4_0, Self::V4_1, Self::V4_2, Self::V4_3, Self::V4_4];

    /// `4.0` … `4.4`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V4_0 => "4.0",
            Self::V4_1 => "4.1",
            Self::V4_2 => "4.2",
            Self::V4_3 => "4.3",
            Self::V4_4 => "4.4",
        }
    }

    /// The line of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.name() == name)
    }

    /// The newest `metadata.version` that its binary can run in production.
    #[must_use]
    pub const fn metadata_version(self) -> &'static str {
        match self {
            Self::V4_0 => "4.0-IV3",
            Self::V4_1 => "4.1-IV1",
            Self::V4_2 => "4.2-IV1",
            Self::V4_3 => "4.3-IV0",
            Self::V4_4 => "4.4-IV2",
        }
    }
}

impl fmt::Display for KafkaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Finalized feature levels of a cluster (`kafka-features`). The default is what Kafka 4.0 formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Features {
    /// `metadata.version`, by the line whose newest level it is.
    pub metadata_version: KafkaVersion,
    /// `group.version`: from 1 on the consumer protocol (KIP-848) can be used.
    pub group_version: u8,
    /// `transaction.version`: 2 is KIP-890's second part.
    pub transaction_version: u8,
    /// `eligible.leader.replicas.version`: 1 is KIP-966's first part.
    pub eligible_leader_replicas: u8,
}

impl Features {
    /// What `kafka-features upgrade --release-version` finalizes: the defaults of a cluster that this line formats
    /// (R17.1: eligible leader replicas from 4.1 on).
    #[must_use]
    pub fn of_release(version: KafkaVersion) -> Self {
        let eligible_leader_replicas = u8::from(version >= KafkaVersion::V4_1);
        Self { metadata_version: version, eligible_leader_replicas, ..Self::default() }
    }

    /// Each feature with its level, as `kafka-features` gives them, but for those that are off everywhere.
    #[must_use]
    pub fn levels(&self) -> Vec<(&'static str, String)> {
        let mut levels = vec![
            ("metadata.version", self.metadata_version.metadata_version().to_owned()),
            ("group.version", self.group_version.to_string()),
            ("transaction.version", self.transaction_version.to_string()),
        ];
        if self.eligible_leader_replicas > 0 {
            let level = self.eligible_leader_replicas.to_string();
            levels.push(("eligible.leader.replicas.version", level));
        }
        levels
    }
}

impl Default for Features {
    fn default() -> Self {
        Self {
            metadata_version: KafkaVersion::V4_0,
            group_version: 1,
            transaction_version: 2,
            eligible_leader_replicas: 0,
        }
    }
}
