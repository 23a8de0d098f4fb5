//! Why records are lost, skipped or processed twice: one name for each cause, stable, for reports and
//! machines, and one sentence that names the setting responsible. It judges nothing.

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
        AcksZero = "acks-zero",
            "acks=0: the producer sent it once and asked for no answer";
        AcksOne = "acks-one",
            "acks=1: the leader answered before every in-sync replica had the record";
        StaleLeader = "stale-leader",
            "acks=1: a broker answered that another had already replaced as leader";
        UncleanElection = "unclean-election",
            "unclean.leader.election.enable=true: a replica from outside the in-sync set became leader";
        LastReplica = "last-in-sync-replica",
            "min.insync.replicas=1: the leader alone was in sync, answered, and came back without it";
        Replication = "replication",
            "no setting explains it: a rule of replication is broken";
        Unacknowledged = "unacknowledged",
            "it was never acknowledged and its outcome was unknown to the producer";
        CommitBeforeProcessing = "commit-before-processing",
            "commit before processing: the position was committed and the work was not finished";
        HandOff = "auto-commit-hand-off",
            "the hand-off committed positions of records that workers had not finished";
        CommitPastWork = "commit-past-work",
            "a commit passed it before it was processed; no commit strategy on record explains it";
        ResetLatest = "auto-offset-reset-latest",
            "auto.offset.reset=latest skipped it: the group had no commit to resume from";
        OutOfRange = "out-of-range-reset",
            "the position was out of range and auto.offset.reset moved it past the record";
        NeverGiven = "never-given",
            "the group moved past it without being given it";
        NotReached = "not-reached",
            "the group had not come to it when the run ended";
        NotOnRecord = "not-on-record",
            "the history does not say how it came about";
    }
}

causes! {
    /// Why a record is in a log, or was processed by a group, more than once.
    DuplicateCause {
        ProducerRetry = "producer-retry",
            "enable.idempotence=false: a retry wrote it again after its first answer was lost";
        ProducerRestart = "producer-restart",
            "the producer restarted and its application sent it again";
        EpochBump = "epoch-bump",
            "the idempotent producer raised its epoch and wrote again what was in flight";
        Deduplication = "deduplication",
            "nothing explains it: an idempotent producer's retry was not recognised";
        LogDuplicate = "log-duplicate",
            "the log holds it more than once";
        MemberCrash = "member-crash",
            "a member ended between processing it and committing it";
        Rebalance = "rebalance",
            "the partition moved to another member before it was committed";
        Zombie = "zombie",
            "a member worked on after it had lost the partition";
        PositionReset = "position-reset",
            "the position went back: no commit, out of range, or the log was cut";
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
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    }
}
