//! A run in which clients from outside take part: what they do comes in between two events of the world, and the load
//! lasts as long as they do.

use super::orders::{Command, Done};
use super::{Course, Director, FINAL_READ, RunOutcome, run_once};
use crate::world::bounds::{Bounds, Failure};
use crate::world::events::Agenda;
use crate::world::lives::{Turn, World};
use crate::world::recorder::Watch;
use ackproof_oracle::history::Phase;
use ackproof_oracle::verdict::Subject;
use ackproof_scenario::plan::Plan;
use ackproof_types::Micros;

/// Whoever drives a world in which clients from outside take part.
pub(crate) trait Outside {
    /// When the next thing comes in, if that is not after `due`, the next event of the world (none: nothing is due
    /// any more). Later than `now`, in microseconds. It may wait until then.
    fn next(&mut self, now: u64, due: Option<u64>) -> Option<u64>;
    /// It comes in: now.
    fn enter(&mut self, world: &mut World);
    /// Something may have left the world.
    fn look(&mut self, world: &mut World);
    /// What has been ordered meanwhile, each with its number.
    fn orders(&mut self) -> Vec<(u32, Command)>;
    /// What became of an order.
    fn done(&mut self, order: u32, done: Done, world: &World);
    /// What was waited for has happened.
    fn comes(&mut self, order: u32, world: &World);
    /// Nothing comes in any more.
    fn is_over(&self) -> bool;
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
        let Some(outside) = self.outside.take() else { return self.world.run() };
        loop {
            outside.look(&mut self.world);
            let arrival = outside.next(self.world.now(), self.world.next_at());
            if let Some(at) = arrival {
                self.world.advance(at);
                outside.enter(&mut self.world);
                if outside.is_over() {
                    break;
                }
                for (number, command) in outside.orders() {
                    let done = self.carry_out(number, command);
                    outside.done(number, done, &self.world);
                }
                continue;
            }
            match self.world.turn()? {
                Turn::Agenda(item) => {
                    self.outside = Some(outside);
                    return Ok(Some(item));
                }
                Turn::Taken => {}
                Turn::Nothing => return Ok(None),
            }
        }
        // From here on nobody looks at a clock.
        self.world.kernel.leaving = None;
        let now = Micros(self.world.now());
        self.expect_end(now);
        Ok(Some(Agenda::Phase(Phase::Settle)))
    }
}
