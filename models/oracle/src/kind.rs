//! Kinds of events without their contents, so that the judge hands an entry only to those who asked.
//! It knows no property.

use crate::history::Event;

macro_rules! kinds {
    ($($name:ident),* $(,)?) => {
        /// The kind of an event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind { $(
            #[doc = concat!("[`Event::", stringify!($name), "`]")]
            $name,
        )* }

        impl Kind {
            /// Every kind, in order of its index.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The kind of `event`.
            pub(crate) const fn of(event: &Event) -> Self {
                match event { $(Event::$name { .. } => Self::$name,)* }
            }

            /// The event's name in histories.
            pub(crate) const fn name(self) -> &'static str {
                crate::jsonl::EVENTS[self as usize]
            }
        }
    };
}

kinds! {
    Phase, FaultStarted, FaultEnded, ProcessStarted, ProcessEnded, SendBlocked, Sent, Rejected, Acked, Failed,
    Retried, ProducerEpochBumped, Assigned, Revoked, Lost, Positioned, Polled, Processed, CommitSent,
    Committed, CommitFailed, Appended, Truncated, HighWatermark, BecameLeader, BecameFollower,
    NotEnoughReplicas, DuplicateBatch, CoordinatorLoaded, Rebalanced, BrokerStarted, LeaderElected,
    IsrChanged, Fenced, Unfenced, FinalRead, FinalReadDone, FinalReadBy,
}
