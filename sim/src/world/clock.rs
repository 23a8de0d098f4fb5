//! What the clocks of the computers show: the right time, unless a fault has put one wrong. Timers run by time that
//! passes, whatever a clock shows.

use ackproof_scenario::clock::ClockFault;
use ackproof_types::{NodeId, Shift, Timestamp};

/// The clocks that are wrong, each with the faults that act on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clocks {
    wrong: Vec<Wrong>,
}

#[derive(Clone, Copy, Debug)]
struct Wrong {
    node: NodeId,
    /// The number of the fault.
    number: u32,
    fault: ClockFault,
    since: u64,
}

impl Clocks {
    /// From `now` on the clock of `node` is wrong by `fault` as well.
    pub(crate) fn put_wrong(&mut self, node: NodeId, number: u32, fault: ClockFault, now: u64) {
        self.wrong.push(Wrong { node, number, fault, since: now });
    }

    /// Fault `number` is over: what it did to the clock of `node` is set right in one step.
    pub(crate) fn set_right(&mut self, node: NodeId, number: u32) {
        self.wrong.retain(|one| (one.node, one.number) != (node, number));
    }

    /// What the clock of `node` shows at `now`.
    pub(crate) fn shows(&self, node: NodeId, now: u64) -> Timestamp {
        let of = self.wrong.iter().filter(|one| one.node == node);
        of.fold(Timestamp::from_micros(now), |shown, one| shown + one.by(now))
    }
}

impl Wrong {
    fn by(&self, now: u64) -> Shift {
        match self.fault {
            ClockFault::Jump(by) => by,
            ClockFault::Drift(rate) => rate.over(now.saturating_sub(self.since)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ackproof_scenario::clock::Rate;

    #[test]
    fn faults_on_one_clock_add_up_and_end_one_by_one() {
        let (node, other) = (NodeId(1), NodeId(2));
        let mut clocks = Clocks::default();
        clocks.put_wrong(node, 4, ClockFault::Jump(Shift(-10_000_000)), 1_000_000);
        clocks.put_wrong(node, 5, ClockFault::Drift(Rate(100_000)), 2_000_000);
        let ago = Timestamp::from_micros(0).before(ackproof_types::Micros(5_600_000));
        // A tenth of two seconds ahead, and ten seconds behind.
        assert_eq!(clocks.shows(node, 4_200_000), ago + Shift(20_000));
        assert_eq!(clocks.shows(other, 4_200_000), Timestamp::from_micros(4_200_000));
        clocks.set_right(node, 4);
        assert_eq!(clocks.shows(node, 4_000_000), Timestamp::from_micros(4_200_000));
        clocks.set_right(node, 5);
        assert_eq!(clocks.shows(node, 4_000_000), Timestamp::from_micros(4_000_000));
    }
}
