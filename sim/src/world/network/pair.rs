//! Two processes on links whose latency nobody notices, for tests of the network alone: what is sent, and
//! what has arrived. A process that receives does nothing.

use super::{Buffers, Network, Packet};
use crate::world::events::{Agenda, Due, Events, Toward};
use ackproof_kafka::machine::{Channel, ConnectionId, Route};
use ackproof_kafka::message::{CorrelationId, Message, Request};
use ackproof_oracle::history::Phase;
use ackproof_scenario::plan::Network as Settings;
use ackproof_types::{BrokerId, Delay, Micros, NodeId, Roster, Server};
use madsim::runtime::Runtime;

/// It opens all connections.
pub(super) const FROM: NodeId = NodeId(0);
pub(super) const TO: NodeId = NodeId(1);
const SERVER: Server = Server::Broker(BrokerId(7));
/// A handshake makes it 3 µs.
const LATENCY: Delay = Delay::exactly(Micros(1));

/// Of every socket.
pub(super) const BUFFERS: Buffers = Buffers { send: 200, receive: 100 };

/// A message that has arrived.
struct Arrived {
    at: u64,
    on: ConnectionId,
    toward: Toward,
    number: u64,
}

/// Two processes.
pub(super) struct Pair {
    pub(super) network: Network,
    pub(super) events: Events,
    arrived: Vec<Arrived>,
    /// When the set-up of a connection failed, which nobody acts on.
    pub(super) failed_at: Vec<u64>,
    /// When a socket had taken all.
    pub(super) completed_at: Vec<u64>,
}

impl Pair {
    pub(super) fn open(&mut self, channel: Channel) -> ConnectionId {
        self.network.open(FROM, Route { to: SERVER, channel }, &mut self.events)
    }

    pub(super) fn send(&mut self, id: ConnectionId, number: u64) {
        self.send_toward(Toward::Acceptor, id, number);
    }

    /// Its sender waits until the socket has taken it.
    pub(super) fn send_awaited(&mut self, id: ConnectionId, number: u64) {
        self.send(id, number);
        self.network.await_send(id, &mut self.events);
    }

    pub(super) fn send_toward(&mut self, toward: Toward, id: ConnectionId, number: u64) {
        let message = Message::Request(CorrelationId(number), Request::ApiVersions);
        self.network.send(id, toward, Packet::Data(message), &mut self.events);
    }

    /// Until `at`, or until nothing is left.
    pub(super) fn run(&mut self, at: u64) {
        self.events.push(at, Due::Agenda(Agenda::Phase(Phase::End)));
        while let Some(due) = self.events.pop() {
            match due {
                Due::Agenda(_) => return,
                Due::Departure(from, to) => self.network.depart(from, to, &mut self.events),
                Due::Retransmit(id, toward) => {
                    self.network.retransmit(id, toward, &mut self.events);
                }
                Due::Arrival(on, toward) => {
                    let packet = self.network.arrive(on, toward);
                    self.network.made_room(on, &mut self.events);
                    if let Some(Packet::Data(Message::Request(number, _))) = packet {
                        let (at, number) = (self.events.now(), number.0);
                        self.arrived.push(Arrived { at, on, toward, number });
                    }
                }
                Due::SetupDeadline(id) => {
                    if self.network.setup_failed(id, &mut self.events) {
                        self.failed_at.push(self.events.now());
                    }
                }
                Due::SendCompleted(_) => self.completed_at.push(self.events.now()),
                Due::Backlog(_)
                | Due::Dead(_)
                | Due::Served(..)
                | Due::Timer(..)
                | Due::Begin(..) => {}
            }
        }
    }

    pub(super) fn cut(&mut self, from: NodeId, to: NodeId) {
        self.network.cut(from, to, &mut self.events);
    }

    pub(super) fn throttle(&mut self, fault: u32, rate: u64) {
        self.network.throttle(fault, FROM, TO, rate);
    }

    pub(super) fn widen(&mut self, fault: u32) {
        self.network.widen(fault, FROM, TO, &mut self.events);
    }

    /// What has arrived, in this order.
    pub(super) fn numbers(&self) -> Vec<u64> {
        self.arrived.iter().map(|one| one.number).collect()
    }

    pub(super) fn numbers_of(&self, id: ConnectionId) -> Vec<u64> {
        self.arrived.iter().filter(|one| one.on == id).map(|one| one.number).collect()
    }

    pub(super) fn times(&self) -> Vec<u64> {
        self.arrived.iter().map(|one| one.at).collect()
    }

    /// When what went that way arrived.
    pub(super) fn times_toward(&self, toward: Toward) -> Vec<u64> {
        self.arrived.iter().filter(|one| one.toward == toward).map(|one| one.at).collect()
    }
}

/// Simulated time needs a runtime.
pub(super) fn simulated(seed: u64, test: impl FnOnce(Pair)) {
    let runtime = Runtime::with_seed_and_config(seed, madsim::Config::default());
    runtime.block_on(async move {
        let settings = Settings { latency: LATENCY, syn_linear_timeouts: 4 };
        let mut roster = Roster::default();
        roster.enter(SERVER, TO);
        let mut network = Network::new(&[1, 2], (roster, vec![BUFFERS; 2]), settings, seed);
        network.links.timer = Delay::exactly(Micros::from_millis(200));
        let events = Events::new();
        let (arrived, failed_at, completed_at) = (Vec::new(), Vec::new(), Vec::new());
        test(Pair { network, events, arrived, failed_at, completed_at });
    });
}
