//! A world in parts that many worlds share. Whoever keeps a great many worlds keeps each part once.
//!
//! A step reads few parts and changes no others ([`Step::reach`]). So what it does to them is the same in every world
//! that has them.

pub use super::quorum::Quorum;
pub use super::replica::Replica;

use super::{Replicas, Step};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What a world counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counts {
    /// So many records were produced.
    pub(super) produced: u8,
    /// Which of them were acknowledged, by number, each with its offset.
    pub(super) acked: Vec<(u8, i64)>,
    pub(super) crashes: u8,
    pub(super) power_losses: u8,
}

/// What a step reads and changes, beside what is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// One broker.
    Broker(u8),
    /// Two brokers.
    Brokers(u8, u8),
    /// The controller.
    Controller,
    /// The controller and one broker.
    ControllerAnd(u8),
    /// Any part.
    All,
}

impl Step {
    /// What it reads and changes.
    #[must_use]
    pub const fn reach(self) -> Reach {
        match self {
            Self::Produce(at)
            | Self::Ask(at, _)
            | Self::Lag(at)
            | Self::Altered(at)
            | Self::Checkpoint(at) => Reach::Broker(at),
            Self::Serve(at, leader) | Self::Take(at, leader) => Reach::Brokers(at, leader),
            Self::Fence(_) => Reach::Controller,
            Self::Alter(at) | Self::Unfence(at) | Self::Learn(at, _) | Self::Start(at) => {
                Reach::ControllerAnd(at)
            }
            // What is under way to it is lost, wherever it comes from.
            Self::Crash(_) | Self::LosePower(..) => Reach::All,
        }
    }
}

/// The parts of a world.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// The controller.
    pub quorum: &'a Arc<Quorum>,
    /// The brokers, by place.
    pub replicas: &'a [Arc<Replica>],
    /// What is counted.
    pub counts: &'a Counts,
}

impl Replicas {
    /// Its parts.
    #[must_use]
    pub fn parts(&self) -> Parts<'_> {
        Parts { quorum: &self.quorum, replicas: &self.replicas, counts: &self.counts }
    }

    /// A world of the same setup with these parts.
    #[must_use]
    pub fn with(&self, quorum: Arc<Quorum>, replicas: Vec<Arc<Replica>>, counts: Counts) -> Self {
        Self { setup: Arc::clone(&self.setup), quorum, replicas, counts }
    }

    /// The world after `step` as in [`Replicas::after`], but with all that the controller has told.
    #[must_use]
    pub fn before_forgetting(&self, step: Step) -> Option<Self> {
        self.stepped(step, &mut |_, _| {})
    }

    /// What every running broker knows is nobody's news.
    pub(super) fn forget(&mut self) {
        // Whoever starts hears of nothing before its own registration.
        let known = self.replicas.iter().filter_map(|replica| replica.heard());
        let oldest = known.min().unwrap_or_else(|| self.quorum.number());
        if self.quorum.oldest() < oldest {
            Arc::make_mut(&mut self.quorum).forget(oldest);
        }
    }

    /// Hashes what tells one controller from another.
    pub fn hash_quorum<H: Hasher>(&self, quorum: &Quorum, state: &mut H) {
        let bounds = self.bounds();
        quorum.hash_with(bounds.crashes > 0 || bounds.power_losses > 0, state);
    }

    /// Hashes what tells one broker from another, but for what it knows of the cluster.
    pub fn hash_replica<H: Hasher>(&self, replica: &Replica, state: &mut H) {
        replica.hash_with(self.bounds().power_losses > 0, state);
    }
}

/// Bounds are the same in all worlds of a search, and so are the rules. Images are told from the newest.
impl Hash for Replicas {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash_quorum(&self.quorum, state);
        for replica in &self.replicas {
            self.hash_replica(replica, state);
            replica.behind(&self.quorum).hash(state);
        }
        self.counts.hash(state);
    }
}

impl Replica {
    /// How many states of the cluster it has yet to hear of; none: it has heard of none.
    fn behind(&self, quorum: &Quorum) -> Option<u32> {
        self.heard().map(|heard| quorum.number() - heard)
    }

    /// The number of the state of the cluster that it knows; none: it runs not, or has heard of none.
    #[must_use]
    pub fn knows(&self) -> Option<u32> {
        self.heard()
    }
}

impl Quorum {
    /// The numbers of the oldest state of the cluster that it keeps, and of the newest.
    #[must_use]
    pub fn span(&self) -> (u32, u32) {
        (self.oldest(), self.number())
    }

    /// The same, without what is older than `known`.
    #[must_use]
    pub fn without(&self, known: u32) -> Self {
        let mut rest = self.clone();
        rest.forget(known);
        rest
    }
}
