//! For whom of the scenario clients from outside stand: a client has the name of a producer, or of an instance of it.

use super::{Door, Source};
use crate::gateway::claims::called;
use crate::world::lives::World;
use ackproof_scenario::plan::Plan;
use ackproof_types::ProducerIndex;

/// The producer and the instance that a client with this `client.id` stands for.
fn stands_for(plan: &Plan, client: &str) -> Option<(u16, u16)> {
    let instance = |producer: &str| match client.strip_prefix(producer)? {
        "" => Some(0),
        rest => rest.strip_prefix('-')?.parse().ok(),
    };
    let mut all = (0..).zip(&plan.producers);
    all.find_map(|(number, producer)| Some((number, instance(&producer.name)?)))
}

impl<S: Source> Door<S> {
    /// Says who has come, before anything is on record of them.
    pub(super) fn learn(&mut self, world: &mut World) {
        let plan = &self.operator.plan;
        for (number, name) in (0_u16..).zip(self.wire.clients()).skip(self.known.0) {
            world.kernel.outsiders.push(called(name, number));
            if let Some(who) = stands_for(plan, name) {
                let node = self.node(number);
                world.kernel.stand_ins.entry(who).or_insert(node);
            }
        }
        let first = self.wire.first_producer();
        for (number, writer) in (0_u16..).zip(self.wire.writers()).skip(self.known.1) {
            let name = &self.wire.clients()[usize::from(writer.client)];
            let who = stands_for(plan, name);
            let who = who.filter(|(of, _)| plan.producers[usize::from(*of)].topic == writer.topic);
            if let (Some(who), Some(index)) = (who, first.checked_add(number)) {
                let anchors = &mut world.kernel.recorder.anchors;
                anchors.joined(who, ProducerIndex(index), &self.cast);
            }
        }
        self.known = (self.wire.clients().len(), self.wire.writers().len());
    }
}
