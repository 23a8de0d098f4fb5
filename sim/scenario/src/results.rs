//! What a group writes its results to, read from the tree.

use crate::plan::Group;
use crate::sink::{At, Sink};
use ackproof_types::{CommitStrategy, MemoryIn, SinkConfig, SinkWrites};

/// Keys of its `sink`.
pub(crate) const SINK_KEYS: &[&str] = &["writes", "memory", "memory_in"];

/// A position says that all below is done: who writes in another order than that of the partition would lose rows.
pub(crate) fn check(sink: &mut Sink<'_>, at: &At<'_>, group: &Group) {
    let hands_off =
        group.consuming.workers.is_some() || group.commit == CommitStrategy::AutoWithHandOff;
    let keeps = group.sink.is_some_and(|sink| sink.writes.keeps_positions());
    if let Some(place) = at.get("sink").filter(|_| keeps && hands_off) {
        let message = "a sink that keeps positions needs the order of the partition: threads beside the poll loop \
                       write in any order";
        sink.at(&place, message);
    }
    if let Some(place) = at.get("sink").filter(|_| keeps && group.produces.is_some()) {
        let message = "a sink that keeps positions passes a record before what the group produced of it is \
                       acknowledged: use one or the other";
        sink.at(&place, message);
    }
}

/// What its members write their results to.
pub(crate) fn results(sink: &mut Sink<'_>, at: &At<'_>) -> Option<SinkConfig> {
    if !sink.object(at, SINK_KEYS) {
        return None;
    }
    let Some(place) = at.get("writes") else {
        sink.at(at, "a sink needs \"writes\": how a record that was processed changes it");
        return None;
    };
    let known = SinkWrites::ALL.iter().map(|one| (one.name(), *one));
    let writes = sink.word(&place, "way to write to a sink", known)?;
    let memory = sink.count32(at.get("memory"), 1);
    let memory_in = at.get("memory_in").and_then(|at| {
        sink.word(&at, "place for a memory", MemoryIn::ALL.iter().map(|one| (one.name(), *one)))
    });
    for key in ["memory", "memory_in"] {
        if let Some(place) = at.get(key).filter(|_| !writes.deduplicates()) {
            let message =
                format!("a sink that writes {writes} recognises no record, and needs no {key}");
            sink.at(&place, message);
        }
    }
    Some(SinkConfig { writes, memory, memory_in: memory_in.unwrap_or_default() })
}
