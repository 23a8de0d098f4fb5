//! What the applications of producers send, and when. It knows nothing of what becomes of it.

use super::Director;
use crate::world::events::Agenda;
use crate::world::lower::Role;
use crate::world::process::Call;
use ackproof_scenario::schedule::Workload;
use ackproof_types::{AtEnd, Micros, NodeId, Record};

/// The application's source of one producer.
pub(super) struct Source {
    workload: Workload,
    pending: Option<(Micros, Record)>,
    end: AtEnd,
}

impl Director<'_> {
    /// Gives every producer that is up, and has no source yet in this life, its records.
    pub(super) fn refeed(&mut self) {
        for (node, role) in self.cast.clone().nodes() {
            let Role::Producer(number, instance, index) = role else { continue };
            if !self.world.is_ready(node) {
                self.sources.remove(&node);
                continue;
            }
            if self.sources.contains_key(&node) {
                continue;
            }
            let producer = &self.plan.producers[usize::from(number)];
            let place = (index, instance);
            let mut workload = Workload::new(self.seed, place, producer, self.plan.load);
            let resume = self.world.next_record(node);
            let pending = workload.find(|(_, record)| record.id.number >= resume);
            if let Some((at, _)) = pending {
                self.put(at.max(Micros(self.world.now())), Agenda::Record(node));
            }
            self.sources.insert(node, Source { workload, pending, end: producer.sending.end });
            if pending.is_none() {
                self.finish(node);
            }
        }
    }

    pub(super) fn send(&mut self, node: NodeId) {
        if !self.world.is_ready(node) {
            self.sources.remove(&node);
            return;
        }
        let Some(source) = self.sources.get_mut(&node) else { return };
        let Some((_, record)) = source.pending.take() else { return };
        source.pending = source.workload.next();
        let next = source.pending.map(|(at, _)| at);
        self.world.call(node, Call::Send(record));
        match next {
            Some(at) => self.put(at, Agenda::Record(node)),
            None => self.finish(node),
        }
    }

    /// The application of this producer has sent its last record.
    fn finish(&mut self, node: NodeId) {
        let end = self.sources.get(&node).map(|source| source.end);
        if end.is_some_and(|end| end != AtEnd::Stay) {
            self.world.call(node, Call::End);
        }
    }
}
