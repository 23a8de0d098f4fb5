//! What a process's effects act on: the heap of events, the network, the recorder.
//!
//! The part of the world that is not a process, so that a process can be handed it while it steps.

use super::events::Due;
use super::events::{Events, Toward};
use super::network::{Network, Packet};
use super::recorder::Recorder;
use ackproof_kafka::machine::{ConnectionId, Route};
use ackproof_kafka::message::Message;
use ackproof_kafka::observation::Observation;
use ackproof_oracle::history::Event;
use ackproof_types::NodeId;

/// Everything but the processes.
pub(crate) struct Kernel {
    pub(crate) events: Events,
    pub(crate) network: Network,
    pub(crate) recorder: Recorder,
}

impl Kernel {
    /// Puts what a machine observed on record.
    pub(crate) fn observe(&mut self, node: NodeId, observation: Observation) {
        self.recorder.observe(self.events.now(), node, observation);
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
