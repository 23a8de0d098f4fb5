//! Where the logs of a partition's replicas begin: what lies below on none of them is settled, and whoever keeps
//! something of it may forget it. It judges nothing.

use crate::context::Context;
use crate::history::{Entry, Event};
use crate::places::Places;
use ackproof_types::{NodeId, Offset, TopicPartition};

/// Where each replica's log began when that was told last.
#[derive(Debug, Default)]
pub(crate) struct Starts {
    replicas: Places<Vec<(NodeId, Offset)>>,
    /// Below this everything was settled before.
    settled: Places<i64>,
}

impl Starts {
    /// Takes an entry; the offset of a partition below which no replica has anything from now on, if that rises.
    pub(crate) fn observe(
        &mut self,
        entry: &Entry,
        context: &Context,
    ) -> Option<(TopicPartition, Offset)> {
        let Event::LogStartMoved { partition, to, .. } = &entry.event else { return None };
        let replicas = self.replicas.of(*partition);
        match replicas.iter_mut().find(|(node, _)| *node == entry.node) {
            Some((_, start)) => *start = *to,
            None => replicas.push((entry.node, *to)),
        }
        let topic = context.topics.get(partition.topic.index())?;
        if replicas.len() < usize::from(topic.replication_factor) {
            return None;
        }
        let lowest = replicas.iter().map(|(_, start)| *start).min()?;
        let settled = self.settled.of(*partition);
        let rises = lowest.0 > *settled;
        *settled = lowest.0.max(*settled);
        rises.then_some((*partition, lowest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::StartReason;
    use crate::test_history::{P, context};
    use ackproof_types::Timestamp;

    #[test]
    fn what_some_replica_may_have_is_not_settled() {
        let (context, mut starts) = (context(), Starts::default());
        let mut moved = |node, to| {
            let (from, why) = (Offset(0), StartReason::Age);
            let event = Event::LogStartMoved { partition: P, from, to: Offset(to), why };
            let entry = Entry { seq: 0, at: Timestamp::START, node: NodeId(node), event };
            starts.observe(&entry, &context).map(|(_, below)| below.0)
        };
        assert_eq!((moved(1, 10), moved(2, 30)), (None, None), "the third has all of it");
        assert_eq!(moved(3, 20), Some(10));
        assert_eq!(moved(2, 40), None, "nothing new is gone everywhere");
        assert_eq!(moved(1, 50), Some(20));
    }
}
