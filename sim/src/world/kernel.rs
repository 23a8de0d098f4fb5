//! What a process's effects act on: the heap of events, the network, the sinks of groups, the recorder.
//!
//! The part of the world that is not a process, so that a process can be handed it while it steps.

use super::events::Due;
use super::events::{Events, Toward};
use super::network::{Network, Packet};
use super::recorder::Recorder;
use ackproof_kafka::machine::{ConnectionId, Route};
use ackproof_kafka::message::Message;
use ackproof_kafka::observation::Observation;
use ackproof_kafka::sink::Sink;
use ackproof_oracle::history::Event;
use ackproof_types::NodeId;

/// Everything but the processes.
pub(crate) struct Kernel {
    pub(crate) events: Events,
    pub(crate) network: Network,
    pub(crate) recorder: Recorder,
    /// By group; none: what it writes to is nobody's concern.
    pub(crate) sinks: Vec<Option<Sink>>,
}

impl Kernel {
    /// Puts what a machine observed on record.
    pub(crate) fn observe(&mut self, node: NodeId, observation: Observation) {
        let written = self.write_to_sink(node, &observation);
        self.recorder.observe(self.events.now(), node, observation);
        if let Some(written) = written {
            self.record(node, written);
        }
    }

    /// The work on a record is done: its result goes to the sink of the group, in the same moment.
    fn write_to_sink(&mut self, node: NodeId, observation: &Observation) -> Option<Event> {
        let &Observation::Processed { group, partition, offset, record, dead_lettered: false } =
            observation
        else {
            return None;
        };
        let sink = self.sinks.get_mut(group.index())?.as_mut()?;
        let ignored = !sink.write(node, (partition, offset), record);
        Some(Event::SinkWritten { group, partition, offset, record, ignored })
    }

    /// Puts the start of a process on record, which remembers nothing.
    pub(crate) fn started(&mut self, node: NodeId) {
        for sink in self.sinks.iter_mut().flatten() {
            sink.restarted(node);
        }
        self.record(node, Event::ProcessStarted);
    }

    /// Puts a fact on record.
    pub(crate) fn record(&mut self, node: NodeId, event: Event) {
        self.recorder.record(self.events.now(), node, event);
    }

    /// Sends a request on the connection of `route`, opening it if there is none.
    pub(crate) fn request(&mut self, from: NodeId, route: Route, message: Message) {
        let id = self.network.open(from, route, &mut self.events);
        self.send(id, Toward::Acceptor, Packet::Data(message));
    }

    /// Sends the acceptor's answer; the next request that waits on the connection is read once the
    /// step is over.
    pub(crate) fn answer(&mut self, id: ConnectionId, message: Message) {
        let Some(connection) = self.network.get(id) else { return };
        if connection.backlog.is_empty() {
            connection.busy = false;
        } else {
            self.events.push(self.events.now(), Due::Backlog(id));
        }
        if !matches!(message, Message::NoResponse(_)) {
            self.send(id, Toward::Opener, Packet::Data(message));
        }
    }

    /// The opener gives up what it asked on `route`.
    pub(crate) fn close(&mut self, opener: NodeId, route: Route) {
        if let Some(id) = self.network.route(opener, route) {
            self.network.close(id);
        }
    }

    /// The acceptor, or its kernel, ends a connection; the opener will hear of it.
    pub(crate) fn end(&mut self, id: ConnectionId) {
        self.send(id, Toward::Opener, Packet::End);
    }

    fn send(&mut self, id: ConnectionId, toward: Toward, packet: Packet) {
        self.network.send(id, toward, packet, &mut self.events);
    }
}
