//! What an operator orders from outside while a run goes on: a fault that strikes now, its end, and to be told when
//! something has happened.

use super::Director;
use crate::world::nemesis::FaultRecord;
use ackproof_scenario::anchor::Anchor;
use ackproof_scenario::plan::{Fault, Outsiders};
use ackproof_scenario::schedule::{Schedule, Start};
use ackproof_types::Micros;

/// The number of what is waited for that is no fault: it has this much more than that of its order.
pub(super) const WAITS: u32 = 1 << 31;

/// An order.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// A fault begins, or waits for what it names; and how those outside are called by now.
    Strike(Box<Fault>, Outsiders),
    /// What a fault did is healed, by the number of its order.
    Heal(u32),
    /// Whoever ordered it is told when this has happened.
    Await(Anchor),
}

/// What became of an order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done {
    /// What was done to whom, or that nobody fitted.
    pub(crate) records: Vec<FaultRecord>,
    /// Of how many faults it is not told yet: they wait.
    pub(crate) waiting: usize,
    /// How many were in force, and are healed.
    pub(crate) healed: usize,
}

impl Director<'_> {
    /// Carries out what was ordered.
    pub(super) fn carry_out(&mut self, order: u32, command: Command) -> Done {
        match command {
            Command::Strike(fault, outsiders) => {
                self.nemesis.learn(outsiders);
                self.order(order, &fault)
            }
            Command::Heal(of) => self.withdraw(of),
            Command::Await(anchor) => {
                let anchors = &mut self.world.kernel.recorder.anchors;
                anchors.add(order | WAITS, anchor, &self.cast);
                Done::default()
            }
        }
    }

    fn order(&mut self, order: u32, fault: &Fault) -> Done {
        let entry = self.plan.faults.len() + order as usize;
        let now = Micros(self.world.now());
        let mut numbers = Vec::new();
        for one in Schedule::ordered(self.plan, self.seed, (entry, fault), now) {
            let Ok(number) = u32::try_from(self.schedule.len()) else { break };
            let start = one.start;
            self.schedule.push(one);
            numbers.push(number);
            match start {
                Start::At(_) => self.strike(number),
                Start::After(anchor, _) => {
                    self.world.kernel.recorder.anchors.add(number, anchor, &self.cast);
                }
                Start::On(_) => self.aim(number),
            }
        }
        self.refeed();
        let records = self.nemesis.records.iter();
        let records: Vec<FaultRecord> =
            records.filter(|one| numbers.contains(&one.number)).cloned().collect();
        let waiting = numbers.len().saturating_sub(records.len());
        self.ordered.insert(order, numbers);
        Done { records, waiting, healed: 0 }
    }

    fn withdraw(&mut self, of: u32) -> Done {
        let numbers = self.ordered.get(&of).cloned().unwrap_or_default();
        let mut healed = 0;
        for number in numbers {
            let anchors = &mut self.world.kernel.recorder.anchors;
            let waited = anchors.withdraw(number) || anchors.moments.give_up(number);
            healed += usize::from(waited || self.nemesis.withdraw(number, &mut self.world));
        }
        self.refeed();
        Done { healed, ..Done::default() }
    }
}
