//! What came to the sinks of groups, in rows and in amounts. It judges nothing.

use crate::context::Context;
use crate::history::{Entry, Event};
use crate::record_set::RecordSet;
use crate::verdict::SinkCounts;
use ackproof_types::{SinkConfig, sink::amount};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The sinks of a run.
#[derive(Debug)]
pub(crate) struct Effects {
    context: Arc<Context>,
    acked: RecordSet,
    sinks: Vec<Option<(SinkCounts, RecordSet)>>,
    is_idle: bool,
}

impl Effects {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        let sink = |config: SinkConfig| {
            let counts = SinkCounts {
                writes: config.writes,
                rows: 0,
                ignored: 0,
                repeated: 0,
                missing: 0,
                amounts: (!config.writes.by_key()).then(Default::default),
                causes: BTreeMap::new(),
            };
            (counts, RecordSet::default())
        };
        let sinks: Vec<_> = context.groups.iter().map(|group| group.sink.map(sink)).collect();
        let is_idle = sinks.iter().all(Option::is_none);
        Self { context, acked: RecordSet::default(), sinks, is_idle }
    }

    pub(crate) fn observe(&mut self, entry: &Entry) {
        if self.is_idle {
            return;
        }
        match &entry.event {
            Event::Acked { records, .. } => {
                for record in records.iter() {
                    self.acked.insert(record.id);
                }
            }
            &Event::SinkWritten { group, record, ignored, .. } => {
                let Some((counts, done)) = self.sinks[group.index()].as_mut() else { return };
                if ignored {
                    counts.ignored += 1;
                    return;
                }
                counts.rows += 1;
                let again = !done.insert(record.id);
                counts.repeated += u64::from(again);
                if let Some(amounts) = &mut counts.amounts {
                    amounts.sink += amount(record.id);
                    amounts.repeated += if again { amount(record.id) } else { 0 };
                }
            }
            _ => {}
        }
    }

    /// By group.
    pub(crate) fn conclude(self) -> Vec<Option<SinkCounts>> {
        let Self { context, acked, sinks, .. } = self;
        let group = |(group, sink): (usize, Option<(SinkCounts, RecordSet)>)| {
            let (mut counts, done) = sink?;
            let topics = &context.groups[group].topics;
            for id in
                acked.iter().filter(|id| topics.contains(&context.producer(id.producer).topic))
            {
                let missing = !done.contains(id);
                counts.missing += u64::from(missing);
                if let Some(amounts) = &mut counts.amounts {
                    amounts.acknowledged += amount(id);
                    amounts.missing += if missing { amount(id) } else { 0 };
                }
            }
            if let Some(amounts) = &mut counts.amounts {
                let unacked = done.iter().filter(|id| !acked.contains(*id));
                amounts.unacknowledged = unacked.map(amount).sum();
            }
            Some(counts)
        };
        sinks.into_iter().enumerate().map(group).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_history::*;
    use ackproof_types::{MemoryIn, SinkWrites};

    #[test]
    fn amounts_are_conserved() {
        let mut context = context();
        let (writes, memory_in) = (SinkWrites::Append, MemoryIn::Sink);
        context.groups[0].sink = Some(SinkConfig { writes, memory: None, memory_in });
        let mut effects = Effects::new(Arc::new(context));
        let events = vec![
            acked(0, &[0, 1]),
            sink_written(0, 0, false),
            sink_written(0, 0, false),
            sink_written(2, 2, false),
            sink_written(2, 2, true),
        ];
        entries(events).iter().for_each(|entry| effects.observe(entry));
        let counts = effects.conclude().remove(0).unwrap();
        assert_eq!((counts.rows, counts.ignored, counts.repeated, counts.missing), (3, 1, 1, 1));
        let amounts = counts.amounts.unwrap();
        let worth = |number| amount(record(number).id);
        assert_eq!(amounts.sink, 2 * worth(0) + worth(2));
        assert_eq!((amounts.repeated, amounts.missing), (worth(0), worth(1)));
        assert_eq!(amounts.unacknowledged, worth(2));
        assert_eq!(
            amounts.sink + amounts.missing,
            amounts.acknowledged + amounts.repeated + amounts.unacknowledged
        );
    }
}
