//! A fork: a run that is the same up to some moment, to the bit, and in which chance takes another course from
//! there on.

use super::{Course, Director, RunOutcome, run_once};
use crate::world::bounds::{Bounds, Failure};
use crate::world::events::Agenda;
use crate::world::recorder::Watch;
use ackproof_scenario::plan::Plan;
use ackproof_types::Micros;

/// From where on chance takes another course. What has begun goes on: a fault lasts as long as it was to last.
/// No other fault begins. The workload stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fork {
    /// When.
    pub at: Micros,
    /// Of what follows.
    pub seed: u64,
}

/// As [`super::run`], with a fork.
///
/// # Errors
/// As [`super::run`].
///
/// # Panics
/// As [`super::run`].
pub fn run_forked(plan: &Plan, seed: u64, fork: Fork) -> Result<RunOutcome, Failure> {
    let course = Course { plan, fork: Some(fork), outside: None };
    run_once(course, seed, Watch::default(), &[], &Bounds::default())
}

impl Director<'_> {
    /// Puts it on the agenda, if there is one.
    pub(super) fn expect_fork(&mut self) {
        if let Some(Fork { at, .. }) = self.fork {
            self.put(at, Agenda::Fork);
        }
    }

    /// Every stream of the world begins anew, under the name that it has.
    pub(super) fn fork(&mut self) {
        let Some(Fork { seed, .. }) = self.fork else { return };
        self.has_forked = true;
        self.world.kernel.recorder.anchors.give_up();
        let entities = self.cast.entities();
        self.world.reseed(seed, &entities);
        self.world.kernel.network.reseed(&entities, seed);
    }
}
