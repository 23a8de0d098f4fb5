//! A run in which clients from outside take part: what they do comes in between two events of the world, and the load
//! lasts as long as they do.

use super::{Director, FINAL_READ, RunOutcome, run_once};
use crate::world::bounds::{Bounds, Failure};
use crate::world::events::Agenda;
use crate::world::lives::Turn;
use crate::world::outside::Outside;
use crate::world::recorder::Watch;
use ackproof_oracle::history::Phase;
use ackproof_oracle::verdict::Subject;
use ackproof_scenario::plan::Plan;
use ackproof_types::Micros;

/// What a run goes by.
pub(crate) struct Course<'a> {
    pub(super) plan: &'a Plan,
    pub(super) fork: Option<super::Fork>,
    pub(super) outside: Option<&'a mut (dyn Outside + Send)>,
}

impl<'a> From<&'a Plan> for Course<'a> {
    fn from(plan: &'a Plan) -> Self {
        Self { plan, fork: None, outside: None }
    }
}

/// As [`super::run_within`], with clients from outside; `subjects` are told.
///
/// # Errors
/// As [`super::run`].
///
/// # Panics
/// As [`super::run`].
pub(crate) fn run_with_outside(
    plan: &Plan,
    seed: u64,
    outside: &mut (dyn Outside + Send),
    watch: Watch,
    (subjects, bounds): (&[Subject], &Bounds),
) -> Result<RunOutcome, Failure> {
    let course = Course { plan, fork: None, outside: Some(outside) };
    run_once(course, seed, watch, subjects, bounds)
}

impl Director<'_> {
    /// When the phases after the load begin: known from the start, unless the load lasts as long as clients from
    /// outside do.
    pub(super) fn expect_phases(&mut self) {
        if self.outside.is_none() {
            let load = self.plan.load;
            self.put(load, Agenda::Phase(Phase::Settle));
            self.expect_end(load);
        }
    }

    fn expect_end(&mut self, load: Micros) {
        let settled = load + self.plan.settle;
        self.put(settled, Agenda::Phase(Phase::FinalRead));
        self.put(settled + FINAL_READ, Agenda::Phase(Phase::End));
    }

    /// The next item of the agenda.
    pub(super) fn next(&mut self) -> Result<Option<Agenda>, Failure> {
        let Some(outside) = self.outside.as_deref_mut() else { return self.world.run() };
        loop {
            outside.look(&mut self.world);
            let arrival = outside.next(self.world.now(), self.world.next_at());
            if let Some(at) = arrival {
                self.world.advance(at);
                outside.enter(&mut self.world);
                if outside.is_over() {
                    break;
                }
                continue;
            }
            match self.world.turn()? {
                Turn::Agenda(item) => return Ok(Some(item)),
                Turn::Taken => {}
                Turn::Nothing => return Ok(None),
            }
        }
        // From here on nobody looks at a clock.
        self.outside = None;
        self.world.kernel.leaving = None;
        let now = Micros(self.world.now());
        self.expect_end(now);
        Ok(Some(Agenda::Phase(Phase::Settle)))
    }
}
