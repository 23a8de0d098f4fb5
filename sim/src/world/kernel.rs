//! What a process's effects act on: the heap of events, the network, the sinks of groups, the recorder.
//!
//! The part of the world that is not a process, so that a process can be handed it while it steps.

use super::clock::Clocks;
use super::events::Due;
use super::events::{Events, Toward};
use super::leaving::Leaving;
use super::network::{Network, Packet};
use super::recorder::Recorder;
use super::server::{Arrived, Done, Held, Server};
use ackproof_kafka::broker::BrokerWrite;
use ackproof_kafka::machine::{ConnectionId, Route};
use ackproof_kafka::message::Message;
use ackproof_kafka::observation::Observation;
use ackproof_kafka::sink::Sink;
use ackproof_oracle::history::Event;
use ackproof_types::{NodeId, Timestamp};
use std::collections::BTreeMap;

/// Everything but the processes.
pub(crate) struct Kernel {
    pub(crate) events: Events,
    pub(crate) network: Network,
    pub(crate) recorder: Recorder,
    /// By group; none: what it writes to is nobody's concern.
    pub(crate) sinks: Vec<Option<Sink>>,
    /// By process; empty unless requests take time.
    pub(crate) servers: Vec<Option<Server>>,
    pub(crate) clocks: Clocks,
    /// What is for clients from outside, and has not left yet; none: nobody takes part from there.
    pub(crate) leaving: Option<Vec<Leaving>>,
    /// How clients from outside are called that have come, by number.
    pub(crate) outsiders: Vec<String>,
    /// The clients from outside that stand for producers of the scenario, by producer and instance.
    pub(crate) stand_ins: BTreeMap<(u16, u16), NodeId>,
}

impl Kernel {
    /// The server in front of a process, and the heap.
    fn server(&mut self, node: NodeId) -> Option<(&mut Server, &mut Events)> {
        Some((self.servers.get_mut(node.index())?.as_mut()?, &mut self.events))
    }

    /// Hands a request to the server of its broker; gives it back if it takes no time there.
    pub(crate) fn queue(&mut self, node: NodeId, request: Arrived) -> Option<Arrived> {
        let Some((server, events)) = self.server(node) else { return Some(request) };
        server.arrived(request, events);
        None
    }

    /// What the clock of `node` shows.
    pub(crate) fn clock(&self, node: NodeId) -> Timestamp {
        self.clocks.shows(node, self.events.now())
    }

    /// A step of a process begins.
    pub(crate) fn begin(&mut self, node: NodeId) {
        if let Some((server, _)) = self.server(node) {
            server.begin();
        }
    }

    /// A broker's disk changes.
    pub(crate) fn wrote(&mut self, node: NodeId, write: &BrokerWrite) {
        if let Some((server, events)) = self.server(node) {
            server.wrote(events.now(), write);
        }
    }

    /// A broker's machine has taken a request.
    pub(crate) fn handled(&mut self, node: NodeId) {
        if let Some((server, events)) = self.server(node) {
            server.handled(events);
        }
    }

    /// A thread of a server has come to the end of what it does: gives the request that is for the machine.
    pub(crate) fn served(&mut self, node: NodeId, number: u64) -> Option<Arrived> {
        let (server, events) = self.server(node)?;
        let done = server.finish(number, events);
        self.carry_out(node, done)
    }

    fn carry_out(&mut self, node: NodeId, done: Done) -> Option<Arrived> {
        match done {
            Done::Nothing => {}
            Done::Handle(request) => return Some(request),
            Done::Answer(id, message) => self.answer_now(id, message),
            Done::Request(route, message) => self.request_now(node, route, message),
        }
        None
    }

    /// The process of a server is no more.
    pub(crate) fn desert(&mut self, node: NodeId) {
        if let Some((server, _)) = self.server(node) {
            server.clear();
        }
    }

    /// Something leaves the world.
    pub(crate) fn leave(&mut self, what: Leaving) {
        if let Some(leaving) = &mut self.leaving {
            leaving.push(what);
        }
    }

    /// From now on requests take no time.
    pub(crate) fn lift(&mut self) {
        self.servers.iter_mut().flatten().for_each(Server::lift);
    }

    /// Puts on record how busy each server has been since the last time.
    pub(crate) fn account(&mut self) {
        let now = self.events.now();
        for place in 0..self.servers.len() {
            if let Some(server) = &mut self.servers[place] {
                let (node, event) = (server.node(), server.account(now));
                self.recorder.record(now, node, event);
            }
        }
    }

    /// Puts what a machine observed on record.
    pub(crate) fn observe(&mut self, node: NodeId, observation: Observation) {
        let written = self.write_to_sink(node, &observation);
        self.tell_sink(node, &observation);
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

    /// A sink that keeps positions: where members begin, and when a poll is done.
    fn tell_sink(&mut self, node: NodeId, observation: &Observation) {
        match observation {
            Observation::Assigned { group, partitions, .. } => {
                let sink = self.sinks.get(group.index()).and_then(Option::as_ref);
                let Some(sink) = sink else { return };
                let now = self.events.now();
                for partition in partitions.iter() {
                    if let Some(offset) = sink.position(*partition) {
                        self.events.push(now, Due::Begin(node, *partition, offset));
                    }
                }
            }
            Observation::Polled { group, records, .. } => {
                if let Some(Some(sink)) = self.sinks.get_mut(group.index()) {
                    sink.polled(node, records.len());
                }
            }
            Observation::Processed { group, .. } | Observation::GaveUp { group, .. } => {
                if let Some(Some(sink)) = self.sinks.get_mut(group.index()) {
                    sink.done(node);
                }
            }
            _ => {}
        }
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
        match self.server(from) {
            Some((server, events)) => {
                let done = server.send(Held::Request(route, message), events);
                self.carry_out(from, done);
            }
            None => self.request_now(from, route, message),
        }
    }

    fn request_now(&mut self, from: NodeId, route: Route, message: Message) {
        let id = self.network.open(from, route, &mut self.events);
        self.send(id, Toward::Acceptor, Packet::Data(message));
    }

    /// Sends the acceptor's answer.
    pub(crate) fn answer(&mut self, from: NodeId, id: ConnectionId, message: Message) {
        match self.server(from) {
            Some((server, events)) => {
                let done = server.send(Held::Answer(id, message), events);
                self.carry_out(from, done);
            }
            None => self.answer_now(id, message),
        }
    }

    /// The next request that waits on the connection is read once the step is over. An opener that has let
    /// go of the connection resets it when the first answer comes. One request more is read from the socket;
    /// its answer fails, and with it the connection ends (`Selector#pollSelectionKeys`): what else was sent
    /// is discarded.
    fn answer_now(&mut self, id: ConnectionId, message: Message) {
        let Some(connection) = self.network.get(id) else { return };
        let is_refused = !connection.open && !is_nothing(&message);
        if is_refused && std::mem::replace(&mut connection.is_reset, true) {
            return self.network.forget(id);
        }
        if let Message::Throttled(time, _) = &message {
            self.events.push(self.events.now() + time.0, Due::Backlog(id));
        } else if connection.backlog.is_empty() {
            connection.busy = false;
        } else {
            self.events.push(self.events.now(), Due::Backlog(id));
        }
        if !is_nothing(&message) {
            self.send(id, Toward::Opener, Packet::Data(message));
        }
    }

    /// Tells the opener when its socket has taken what it sent on `route`.
    pub(crate) fn await_send(&mut self, opener: NodeId, route: Route) {
        if let Some(id) = self.network.route(opener, route) {
            self.network.await_send(id, &mut self.events);
        }
    }

    /// The opener gives up what it asked on `route`.
    pub(crate) fn close(&mut self, opener: NodeId, route: Route) {
        if let Some((server, _)) = self.server(opener) {
            server.close(route);
        }
        if let Some(id) = self.network.route(opener, route) {
            self.network.close(id);
            if let Some(post) = &mut self.recorder.post
                && self.network.route(opener, route).is_some()
            {
                post.withdrawn(id);
            }
        }
    }

    /// The opener has gone from `route`: what it sent still arrives.
    pub(crate) fn hang_up(&mut self, opener: NodeId, route: Route) {
        if let Some(id) = self.network.route(opener, route) {
            self.network.release(id);
        }
    }

    /// The acceptor, or its kernel, ends a connection; the opener will hear of it.
    pub(crate) fn end(&mut self, id: ConnectionId) {
        self.send(id, Toward::Opener, Packet::End);
    }

    fn send(&mut self, id: ConnectionId, toward: Toward, packet: Packet) {
        if let Some(post) = &mut self.recorder.post
            && let Packet::Data(message) = &packet
            && let Some(connection) = self.network.get(id)
        {
            let ends = (connection.opener, connection.acceptor);
            post.sent(self.events.now(), (id, toward), ends, message);
        }
        if !self.recorder.anchors.is_empty()
            && let Packet::Data(message) = &packet
            && let Some(connection) = self.network.get(id)
        {
            let ends = match toward {
                Toward::Acceptor => (connection.opener, connection.acceptor),
                Toward::Opener => (connection.acceptor, connection.opener),
            };
            self.recorder.sent(message, ends);
        }
        self.network.send(id, toward, packet, &mut self.events);
    }
}

/// Whether an answer never travels.
fn is_nothing(message: &Message) -> bool {
    match message {
        Message::NoResponse(_) => true,
        Message::Throttled(_, answer) => is_nothing(answer),
        Message::Request(..) | Message::Response(..) => false,
    }
}
