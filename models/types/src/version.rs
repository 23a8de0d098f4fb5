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
    /// The levels after an update: of what it does not name nothing changes.
    #[must_use]
    pub fn with(self, update: FeatureUpdate) -> Self {
        Self {
            metadata_version: update.metadata_version.unwrap_or(self.metadata_version),
            group_version: update.group_version.unwrap_or(self.group_version),
            transaction_version: update.transaction_version.unwrap_or(self.transaction_version),
            eligible_leader_replicas: update
                .eligible_leader_replicas
                .unwrap_or(self.eligible_leader_replicas),
        }
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

/// Levels that an administrator finalizes (`kafka-features upgrade`, KIP-584); none: as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FeatureUpdate {
    /// `metadata.version`.
    pub metadata_version: Option<KafkaVersion>,
    /// `group.version`.
    pub group_version: Option<u8>,
    /// `transaction.version`.
    pub transaction_version: Option<u8>,
    /// `eligible.leader.replicas.version`.
    pub eligible_leader_replicas: Option<u8>,
}

impl FeatureUpdate {
    /// What `--release-version` means: the defaults of a cluster that this line formats (R17.1: eligible leader
    /// replicas from 4.1 on).
    #[must_use]
    pub fn of_release(version: KafkaVersion) -> Self {
        let usual = Features::default();
        Self {
            metadata_version: Some(version),
            group_version: Some(usual.group_version),
            transaction_version: Some(usual.transaction_version),
            eligible_leader_replicas: Some(u8::from(version >= KafkaVersion::V4_1)),
        }
    }

    /// Each that it names with its level.
    #[must_use]
    pub fn levels(&self) -> Vec<(&'static str, String)> {
        let number = |level: Option<u8>| level.map(|level| level.to_string());
        let metadata = self.metadata_version.map(|line| line.metadata_version().to_owned());
        let all = [
            ("metadata.version", metadata),
            ("group.version", number(self.group_version)),
            ("transaction.version", number(self.transaction_version)),
            ("eligible.leader.replicas.version", number(self.eligible_leader_replicas)),
        ];
        all.into_iter().filter_map(|(key, level)| Some((key, level?))).collect()
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
