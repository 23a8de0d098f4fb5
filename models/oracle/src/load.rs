//! How busy brokers were, where requests take time: of the busiest one, in the part of the run in which it
//! was the busiest. It judges nothing.

use crate::history::{Entry, Event};
use ackproof_types::NodeId;

/// A largest value, and the broker that had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most {
    /// The value.
    pub value: u64,
    /// Its process.
    pub at: NodeId,
}

/// How busy brokers were. Each figure may be another broker's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// The longest time in which a request waited for a thread, in microseconds.
    pub longest_queue: Most,
    /// Of the time of all request handlers of a broker, millionths in which they worked.
    pub handlers: Most,
    /// The longest time in which a disk had other work to do first, in microseconds.
    pub longest_disk_queue: Most,
    /// Of the time, millionths in which a disk worked.
    pub disk: Most,
}

impl Load {
    /// With what `entry` says of a broker; none: nothing is on record so far.
    #[must_use]
    pub fn with(sofar: Option<Self>, entry: &Entry) -> Option<Self> {
        let Event::BrokerLoad { queue_us, handlers_ppm, disk_queue_us, disk_ppm } = entry.event
        else {
            return sofar;
        };
        let most = |sofar: Option<Most>, value: u64| {
            sofar.filter(|one| one.value >= value).unwrap_or(Most { value, at: entry.node })
        };
        Some(Self {
            longest_queue: most(sofar.map(|one| one.longest_queue), queue_us),
            handlers: most(sofar.map(|one| one.handlers), handlers_ppm.into()),
            longest_disk_queue: most(sofar.map(|one| one.longest_disk_queue), disk_queue_us),
            disk: most(sofar.map(|one| one.disk), disk_ppm.into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ackproof_types::Timestamp;

    #[test]
    fn the_busiest_broker_counts_for_each_figure() {
        let entry = |node: u16, figures: [u64; 4]| {
            let [queue_us, handlers, disk_queue_us, disk] = figures;
            let ppm = |value| u32::try_from(value).expect("a small number");
            let event = Event::BrokerLoad {
                queue_us,
                handlers_ppm: ppm(handlers),
                disk_queue_us,
                disk_ppm: ppm(disk),
            };
            Entry { seq: 0, at: Timestamp::START, node: NodeId(node), event }
        };
        let other = Entry { event: Event::BrokerStarted, ..entry(3, [0; 4]) };
        assert_eq!(Load::with(None, &other), None, "nothing is on record");
        let first = Load::with(None, &entry(1, [5, 10, 7, 1]));
        let both = Load::with(first, &entry(2, [4, 20, 9, 1])).expect("on record");
        let found = [both.longest_queue, both.handlers, both.longest_disk_queue, both.disk];
        assert_eq!(found.map(|one| (one.value, one.at.0)), [(5, 1), (20, 2), (9, 2), (1, 1)]);
        assert_eq!(Load::with(Some(both), &other), Some(both));
    }
}
