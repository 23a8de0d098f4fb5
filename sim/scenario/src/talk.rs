//! What servers say to each other, by subject: each has connections of its own, so a fault can be about one of them.

/// What servers say to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Talk {
    /// Fetches of followers from leaders.
    Fetches,
    /// Fetches of the metadata log, by brokers and controllers.
    Metadata,
    /// Registrations and heartbeats of brokers.
    Heartbeats,
    /// What leaders propose as in-sync sets.
    InSyncChanges,
    /// Votes between controllers, and what else they say of who leads them.
    Votes,
}

/// Each with its name in a scenario.
pub(crate) const TALKS: &[(&str, Talk)] = &[
    ("fetches", Talk::Fetches),
    ("metadata", Talk::Metadata),
    ("heartbeats", Talk::Heartbeats),
    ("in-sync-changes", Talk::InSyncChanges),
    ("votes", Talk::Votes),
];

impl Talk {
    /// As a scenario names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        TALKS.iter().find(|(_, one)| *one == self).map_or("", |(name, _)| name)
    }
}
