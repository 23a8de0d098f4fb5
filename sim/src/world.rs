//! The world: processes, network, timers and faults on one heap of events, on madsim's clock.
//!
//! Knows no rule of Kafka. It takes the earliest event, moves madsim's clock to it and lets the process
//! concerned take one atomic step; a process has a life, and what was meant for an earlier life
//! is dropped.

use crate::network::{Arrival, Network, Packet, SETUP_TIMEOUT, Toward};
use crate::process::{Call, Consequence, Process, Stimulus};
use crate::recorder::Recorder;
use ackproof_kafka::machine::{ConnectionId, Peer, Route, To};
use ackproof_kafka::message::Message;
use ackproof_oracle::history::{Event, ProcessEnd};
use ackproof_scenario::schedule::draw;
use ackproof_scenario::stream;
use ackproof_types::{Delay, Micros, NodeId, Timestamp};
use rand_chacha::ChaCha8Rng;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Something that is due.
#[derive(Debug)]
pub(crate) enum Due {
    /// A packet arrives.
    Arrival(ConnectionId, Toward, Packet),
    /// A connection that was opened must have been accepted by now.
    SetupDeadline(ConnectionId),
    /// A process asked to be woken.
    Wake(NodeId, u32, u64),
    /// Whoever runs the world wants to act; the number is its own.
    Agenda(u64),
}

struct Scheduled {
    at: u64,
    seq: u64,
    due: Due,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.seq) == (other.at, other.seq)
    }
}
impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.seq).cmp(&(other.at, other.seq))
    }
}

struct Slot {
    process: Box<dyn Process>,
    life: u32,
    paused: bool,
    waiting: Vec<Due>,
    rng: ChaCha8Rng,
}

/// Everything that happens in a run.
pub(crate) struct World {
    now: u64,
    seq: u64,
    heap: BinaryHeap<Reverse<Scheduled>>,
    slots: Vec<Slot>,
    pub(crate) network: Network,
    pub(crate) recorder: Recorder,
    consequences: Vec<Consequence>,
}

impl World {
    pub(crate) fn new(
        processes: Vec<Box<dyn Process>>,
        latency: Delay,
        seed: u64,
        recorder: Recorder,
    ) -> Self {
        let network = Network::new(processes.len(), latency, seed);
        let slots = (0..)
            .zip(processes)
            .map(|(node, process)| Slot {
                process,
                life: 0,
                paused: false,
                waiting: Vec::new(),
                rng: stream(seed, "timer", node),
            })
            .collect();
        Self {
            now: 0,
            seq: 0,
            heap: BinaryHeap::new(),
            slots,
            network,
            recorder,
            consequences: Vec::new(),
        }
    }

    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    pub(crate) fn is_up(&self, node: NodeId) -> bool {
        self.slots[node.index()].process.is_up()
    }

    pub(crate) fn is_paused(&self, node: NodeId) -> bool {
        self.slots[node.index()].paused
    }

    pub(crate) fn next_record(&self, node: NodeId) -> u32 {
        self.slots[node.index()].process.next_record()
    }

    /// Puts `number` on the agenda at `at`.
    pub(crate) fn agenda(&mut self, at: u64, number: u64) {
        self.schedule(at, Due::Agenda(number));
    }

    fn schedule(&mut self, at: u64, due: Due) {
        self.seq += 1;
        self.heap.push(Reverse(Scheduled { at: at.max(self.now), seq: self.seq, due }));
    }

    /// Runs until something of the agenda is due, and returns it; none if nothing is left.
    pub(crate) fn run(&mut self) -> Option<u64> {
        loop {
            let Reverse(next) = self.heap.pop()?;
            if next.at > self.now {
                madsim::time::advance(Duration::from_micros(next.at - self.now));
                self.now = next.at;
            }
            if let Due::Agenda(number) = next.due {
                return Some(number);
            }
            self.take(next.due);
        }
    }

    fn take(&mut self, due: Due) {
        let node = match &due {
            Due::Agenda(_) => return,
            Due::Wake(node, ..) => *node,
            Due::SetupDeadline(id) => {
                let Some(connection) = self.network.get(*id) else { return };
                connection.opener
            }
            Due::Arrival(id, toward, _) => {
                let Some(connection) = self.network.get(*id) else { return };
                match toward {
                    Toward::Acceptor => connection.route.node,
                    Toward::Opener => connection.opener,
                }
            }
        };
        let slot = &mut self.slots[node.index()];
        if slot.paused && slot.process.is_up() {
            slot.waiting.push(due);
            return;
        }
        match due {
            Due::Agenda(_) => {}
            Due::Wake(node, life, token) => {
                if self.slots[node.index()].life == life {
                    self.step(node, Stimulus::Wake(token));
                }
            }
            Due::SetupDeadline(id) => {
                let pending =
                    self.network.get(id).is_some_and(|c| c.open && c.accepted_in.is_none());
                if pending {
                    self.end_for_opener(id);
                }
            }
            Due::Arrival(id, Toward::Acceptor, packet) => self.arrive_at_acceptor(id, packet),
            Due::Arrival(id, Toward::Opener, packet) => self.arrive_at_opener(id, packet),
        }
    }

    fn arrive_at_acceptor(&mut self, id: ConnectionId, packet: Packet) {
        let Some(connection) = self.network.get(id) else { return };
        let node = connection.route.node;
        let Packet::Data(message) = packet else { return };
        let slot = &self.slots[node.index()];
        let alive =
            slot.process.is_up() && connection.accepted_in.is_none_or(|life| life == slot.life);
        if !alive {
            // Refused, or reset by a kernel that no longer knows the connection.
            self.send(id, Toward::Opener, Packet::End);
            return;
        }
        connection.accepted_in = Some(slot.life);
        if connection.busy {
            connection.backlog.push_back(message);
            return;
        }
        connection.busy = true;
        let peer =
            Peer { node: connection.opener, connection: id, channel: connection.route.channel };
        self.deliver(node, peer, message);
    }

    fn arrive_at_opener(&mut self, id: ConnectionId, packet: Packet) {
        let Some(connection) = self.network.get(id) else { return };
        if !connection.open {
            return;
        }
        let peer =
            Peer { node: connection.route.node, connection: id, channel: connection.route.channel };
        let opener = connection.opener;
        match packet {
            Packet::Data(message) => self.deliver(opener, peer, message),
            Packet::End => self.end_for_opener(id),
        }
    }

    fn end_for_opener(&mut self, id: ConnectionId) {
        let Some(connection) = self.network.get(id) else { return };
        let (opener, route) = (connection.opener, connection.route);
        self.network.forget(id);
        self.step(opener, Stimulus::Disconnected(route));
    }

    fn deliver(&mut self, to: NodeId, peer: Peer, message: Message) {
        self.recorder.delivered(self.now, peer.node, to);
        self.step(to, Stimulus::Deliver(peer, message));
    }

    /// Asks something of a process, if it is up.
    pub(crate) fn call(&mut self, node: NodeId, call: Call) {
        self.step(node, Stimulus::Call(call));
    }

    fn step(&mut self, node: NodeId, stimulus: Stimulus) {
        let mut consequences = std::mem::take(&mut self.consequences);
        let now = Timestamp::from_micros(self.now);
        self.slots[node.index()].process.step(now, stimulus, &mut consequences);
        self.carry_out(node, &mut consequences);
        self.consequences = consequences;
    }

    fn carry_out(&mut self, node: NodeId, consequences: &mut Vec<Consequence>) {
        let mut exits = false;
        for consequence in consequences.drain(..) {
            match consequence {
                Consequence::Send(To::Route(route), message) => {
                    self.send_on_route(node, route, message);
                }
                Consequence::Send(To::Connection(id), message) => self.answer(id, message),
                Consequence::Close(To::Route(route)) => {
                    if let Some(id) = self.network.route(node, route) {
                        self.network.release(id);
                    }
                }
                Consequence::Close(To::Connection(id)) => {
                    self.send(id, Toward::Opener, Packet::End);
                }
                Consequence::Wake(token, delay) => {
                    let slot = &mut self.slots[node.index()];
                    let at = self.now + draw(&mut slot.rng, delay).0;
                    let life = slot.life;
                    self.schedule(at, Due::Wake(node, life, token));
                }
                Consequence::Observe(observation) => {
                    self.recorder.observe(self.now, node, observation);
                }
                Consequence::Exit => exits = true,
            }
        }
        if exits {
            self.end(node, ProcessEnd::Clean);
        }
    }

    fn send_on_route(&mut self, from: NodeId, route: Route, message: Message) {
        let (id, is_new) = self.network.open(from, route);
        if is_new {
            self.schedule(self.now + SETUP_TIMEOUT.0, Due::SetupDeadline(id));
        }
        self.send(id, Toward::Acceptor, Packet::Data(message));
    }

    fn answer(&mut self, id: ConnectionId, message: Message) {
        let Some(connection) = self.network.get(id) else { return };
        connection.busy = false;
        let next = connection.backlog.pop_front();
        if !matches!(message, Message::NoResponse(_)) {
            self.send(id, Toward::Opener, Packet::Data(message));
        }
        if let Some(next) = next {
            // The socket is read again once the step is over.
            self.schedule(self.now, Due::Arrival(id, Toward::Acceptor, Packet::Data(next)));
        }
    }

    fn send(&mut self, id: ConnectionId, toward: Toward, packet: Packet) {
        if let Some(arrival) = self.network.send(self.now, id, toward, packet) {
            self.post(arrival);
        }
    }

    fn post(&mut self, arrival: Arrival) {
        self.schedule(arrival.at, Due::Arrival(arrival.connection, arrival.toward, arrival.packet));
    }

    /// Starts the process at `node` on its disk.
    pub(crate) fn boot(&mut self, node: NodeId) {
        self.recorder.record(self.now, node, Event::ProcessStarted);
        let slot = &mut self.slots[node.index()];
        slot.life += 1;
        slot.paused = false;
        slot.waiting.clear();
        let mut consequences = std::mem::take(&mut self.consequences);
        slot.process.boot(Timestamp::from_micros(self.now), &mut consequences);
        self.carry_out(node, &mut consequences);
        self.consequences = consequences;
    }

    /// Kills the process at `node`; its disk stays.
    pub(crate) fn kill(&mut self, node: NodeId) {
        self.end(node, ProcessEnd::Crash);
    }

    fn end(&mut self, node: NodeId, how: ProcessEnd) {
        let slot = &mut self.slots[node.index()];
        if !slot.process.is_up() {
            return;
        }
        slot.process.kill();
        slot.waiting.clear();
        slot.paused = false;
        self.recorder.record(self.now, node, Event::ProcessEnded(how));
        self.reset_connections(node);
    }

    /// Ends all connections of `node`: its own at once, those to it when their openers hear of it.
    fn reset_connections(&mut self, node: NodeId) {
        let (opened, accepted) = self.network.of(node);
        for id in opened {
            self.network.release(id);
        }
        for id in accepted {
            self.send(id, Toward::Opener, Packet::End);
        }
    }

    /// Resets the connections of a process that goes on.
    pub(crate) fn reset(&mut self, node: NodeId) {
        let (opened, accepted) = self.network.of(node);
        for id in opened {
            self.end_for_opener(id);
        }
        for id in accepted {
            self.send(id, Toward::Opener, Packet::End);
        }
    }

    /// Freezes a process.
    pub(crate) fn pause(&mut self, node: NodeId) {
        self.slots[node.index()].paused = true;
    }

    /// Lets a frozen process go on with all that waited.
    pub(crate) fn resume(&mut self, node: NodeId) {
        let slot = &mut self.slots[node.index()];
        slot.paused = false;
        for due in std::mem::take(&mut slot.waiting) {
            self.take(due);
        }
    }

    /// Heals one cut of a link.
    pub(crate) fn heal(&mut self, from: NodeId, to: NodeId) {
        for arrival in self.network.heal(self.now, from, to) {
            self.post(arrival);
        }
    }

    /// The end of what a fault may last: a length after now.
    pub(crate) fn after(&self, length: Micros) -> u64 {
        self.now + length.0
    }
}
