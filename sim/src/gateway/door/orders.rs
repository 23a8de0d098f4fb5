//! What comes in from an operator, and from applications that say what they have processed.

use super::{Door, Outgoing, Source};
use crate::gateway::order::{Order, Reply};
use crate::gateway::told::{self, Told};
use crate::gateway::view::View;
use crate::world::lives::World;
use ackproof_oracle::history::Event;
use ackproof_scenario::strike;
use ackproof_types::{Offset, TopicPartition};

impl<S: Source> Door<S> {
    fn view<'a>(&'a self, world: &'a World) -> View<'a> {
        View {
            world,
            plan: &self.operator.plan,
            claims: &self.claims,
            subscribed: &self.seen.subscribed,
        }
    }

    /// An operator wants something.
    pub(super) fn order(&mut self, number: u32, order: &Order, world: &mut World) {
        self.operator.learn(self.wire.clients(), self.wire.groups());
        match order {
            Order::State(()) => {
                let state = self.view(world).state();
                self.operator.reply(number, Reply::fine(state));
            }
            Order::Processed(text) => {
                let reply = self.processed(text, world);
                if reply.status >= 400 {
                    let misled = self.seen.misled.get_or_insert((0, reply.words()));
                    misled.0 += 1;
                }
                self.operator.reply(number, reply);
            }
            other => self.operator.take(number, other),
        }
    }

    /// An application says what it has processed.
    fn processed(&mut self, text: &str, world: &mut World) -> Reply {
        if !self.claims.is_told() {
            let hint = "start serve with --processed control, or --processed FILE";
            let error = "commits say what was processed in this run";
            return Reply::refused(409, error, Some(hint));
        }
        let all = match told::read(text) {
            Ok(all) => all,
            Err(reply) => return reply,
        };
        let count = all.len();
        for one in all {
            if let Err(error) = self.processed_one(&one, world) {
                return Reply::refused(400, &error, None);
            }
        }
        Reply::fine(serde_json::json!({ "at_us": world.now(), "processed": count }))
    }

    fn processed_one(&mut self, one: &Told, world: &mut World) -> Result<(), String> {
        let found = strike::partition(&one.partition, &self.operator.plan);
        let (topic, number) = found.map_err(|(error, _)| error)?;
        let (partition, offset) = (TopicPartition::new(topic, number), Offset(one.offset));
        let named = match &one.group {
            Some(name) => {
                let known = self.view(world).group(name);
                Some(known.ok_or_else(|| format!("no group {name} has come"))?)
            }
            None => None,
        };
        // Whoever has processed it has read it.
        let next = [(partition, offset.plus(1))];
        for client in (0..).take(self.wire.clients().len()) {
            let reader = self.claims.reader(client, partition);
            if reader.is_none_or(|reader| named.is_some_and(|named| named != reader)) {
                continue;
            }
            for (client, broker, fact) in self.read_below(client, &next) {
                self.record(client, broker, fact, world);
            }
        }
        let group = match named {
            Some(group) => group,
            None => {
                let mut readers = self.claims.readers(partition);
                match (readers.next(), readers.next()) {
                    (Some(group), None) => group,
                    (Some(_), Some(_)) => {
                        return Err(format!("which group? several read {}", one.partition));
                    }
                    (None, _) => return Err(format!("no group reads {}", one.partition)),
                }
            }
        };
        let given = self.claims.given(group, partition, offset).ok_or_else(|| {
            let name = self.operator.plan.group_name(group.0);
            format!("{name} was not given {} offset {offset}", one.partition)
        })?;
        let ((client, record), dead_lettered) = (given, one.dead_lettered);
        let event = Event::Processed { group, partition, offset, record, dead_lettered };
        world.kernel.record(self.node(client), event);
        Ok(())
    }

    /// Tells whoever waits what has become so.
    pub(super) fn tell(&mut self, world: &World) {
        if self.operator.waits() {
            self.operator.learn(self.wire.clients(), self.wire.groups());
            let come = self.operator.come(&self.view(world));
            self.operator.tell(&come, world.now());
        }
        for (number, reply) in self.operator.replies() {
            self.source.put(Outgoing::Reply(number, reply));
        }
    }
}
