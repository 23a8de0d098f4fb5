//! The smallest driver there is: one map by time, 1 ms per message, the middle of every delay. It shows
//! that the machines need no simulator.
//!
//! A connection lasts until it is closed, or a process at one end dies. On a cut link messages wait.

use crate::watch::Watch;
use ackproof_kafka::broker::{Broker, BrokerCall};
use ackproof_kafka::config::{BrokerConfig, BrokerSettings, ClusterConfig, TopicConfig};
use ackproof_kafka::controller::Controller;
use ackproof_kafka::machine::{
    Channel, ConnectionId, Disk, Effect, Input, InputOf, Machine, Outbox, OutboxOf, Peer, Route, To,
};
use ackproof_kafka::message::{CorrelationId, Message, Request, Response};
use ackproof_kafka::observation::Observation;
use ackproof_kafka::variant::{Variant, Variants};
use ackproof_types::{BrokerId, Micros, NodeId, Timestamp, TopicId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) const PAYMENTS: TopicPartition = TopicPartition { topic: TopicId(1), partition: 0 };
pub(crate) const CLIENT: NodeId = NodeId(9);
const CONTROLLER: NodeId = NodeId::CONTROLLER;

/// Settings that a test may choose.
#[derive(Default)]
pub(crate) struct Setting {
    pub(crate) broker: BrokerSettings,
    pub(crate) unclean: bool,
    pub(crate) variants: Vec<Variant>,
}

struct Running<M: Machine> {
    config: M::Config,
    disk: M::Disk,
    machine: Option<M>,
    timers: BTreeMap<M::Timer, u64>,
}

impl<M: Machine> Running<M> {
    fn new(config: M::Config) -> Self {
        Self { config, disk: M::Disk::default(), machine: None, timers: BTreeMap::new() }
    }

    fn next_timer(&self) -> Option<u64> {
        self.timers.values().min().copied()
    }

    fn due(&mut self, at: u64) -> Option<M::Timer> {
        let (timer, _) = self.timers.iter().find(|(_, due)| **due == at)?;
        let timer = *timer;
        self.timers.remove(&timer);
        Some(timer)
    }
}

/// What one step wants done outside its process.
enum Outside {
    Send(NodeId, To, Message),
    Close(NodeId, To),
    Observed(NodeId, Observation),
    Exit(NodeId),
}

fn drain<M: Machine>(
    node: NodeId,
    now: u64,
    running: &mut Running<M>,
    out: &mut OutboxOf<M>,
) -> Vec<Outside> {
    let mut outside = Vec::new();
    for effect in out.drain() {
        match effect {
            Effect::Send { to, message } => outside.push(Outside::Send(node, to, message)),
            Effect::Arm { timer, delay } => {
                running.timers.insert(timer, now + delay.min.0.midpoint(delay.max.0));
            }
            Effect::Disarm(timer) => {
                running.timers.remove(&timer);
            }
            Effect::Write(write) => running.disk.apply(write),
            Effect::Observe(observation) => outside.push(Outside::Observed(node, observation)),
            Effect::Exit => outside.push(Outside::Exit(node)),
            Effect::Close(to) => outside.push(Outside::Close(node, to)),
            Effect::Flush(_) => {}
        }
    }
    outside
}

#[derive(Clone, Copy)]
struct Connection {
    opener: NodeId,
    route: Route,
}

/// A message under way on a connection.
struct Flight {
    connection: ConnectionId,
    from: NodeId,
    to: NodeId,
    message: Message,
}

pub(crate) struct Cluster {
    now: u64,
    sent: u64,
    controller: Running<Controller>,
    brokers: BTreeMap<u16, Running<Broker>>,
    wire: BTreeMap<(u64, u64), Flight>,
    held: Vec<Flight>,
    connections: BTreeMap<ConnectionId, Connection>,
    cuts: BTreeSet<(NodeId, NodeId)>,
    pub(crate) answers: Vec<(CorrelationId, Response)>,
    pub(crate) observed: Vec<(NodeId, Observation)>,
    pub(crate) watch: Watch,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        Self::with(Setting::default())
    }

    pub(crate) fn with(setting: Setting) -> Self {
        let topic = |partitions| TopicConfig {
            partitions,
            replication_factor: 3,
            min_insync_replicas: 2,
            unclean_leader_election: setting.unclean,
            max_message_bytes: 1_048_588,
            segment_bytes: 1 << 30,
        };
        let cluster = Arc::new(ClusterConfig {
            brokers: 3,
            topics: vec![topic(5), topic(1)],
            group_names: vec!["ledger".into()],
            broker: setting.broker,
            variants: setting.variants.into_iter().collect::<Variants>(),
        });
        let broker = |id| BrokerConfig { id: BrokerId(id), cluster: Arc::clone(&cluster) };
        let mut it = Self {
            now: 0,
            sent: 0,
            controller: Running::new(Arc::clone(&cluster)),
            brokers: (1..=3).map(|id| (id, Running::new(broker(id)))).collect(),
            wire: BTreeMap::new(),
            held: Vec::new(),
            connections: BTreeMap::new(),
            cuts: BTreeSet::new(),
            answers: Vec::new(),
            observed: Vec::new(),
            watch: Watch::default(),
        };
        it.boot(0);
        (1..=3).for_each(|id| it.boot(id));
        it.run_for(Micros::from_secs(1));
        it
    }

    fn timestamp(&self) -> Timestamp {
        Timestamp::from_micros(self.now)
    }

    /// Starts a process that is not running; 0 is the controller.
    pub(crate) fn boot(&mut self, id: u16) {
        let now = self.timestamp();
        let outside = if id == 0 {
            let running = &mut self.controller;
            let mut out = Outbox::default();
            running.machine = Some(Controller::boot(&running.config, &running.disk, now, &mut out));
            drain(CONTROLLER, self.now, running, &mut out)
        } else {
            let running = self.brokers.get_mut(&id).expect("known broker");
            let mut out = Outbox::default();
            running.machine = Some(Broker::boot(&running.config, &running.disk, now, &mut out));
            drain(NodeId(id), self.now, running, &mut out)
        };
        self.act(outside);
    }

    pub(crate) fn is_up(&self, id: u16) -> bool {
        self.brokers[&id].machine.is_some()
    }

    /// Ends a process where it stands; 0 is the controller.
    pub(crate) fn kill(&mut self, id: u16) {
        if id == 0 {
            self.controller.machine = None;
            self.controller.timers.clear();
        } else {
            let running = self.brokers.get_mut(&id).expect("known broker");
            running.machine = None;
            running.timers.clear();
        }
        let dead = NodeId(id);
        let ended: Vec<(ConnectionId, Connection)> = self
            .connections
            .iter()
            .filter(|(_, one)| one.opener == dead || one.route.node == dead)
            .map(|(id, one)| (*id, *one))
            .collect();
        // The dead reset their connections. (A registration that outlived its process would take the
        // broker from the next one: Kafka knows no remedy.)
        self.wire.retain(|_, flight| flight.from != dead);
        self.held.retain(|flight| flight.from != dead);
        for (connection, Connection { opener, route }) in ended {
            self.connections.remove(&connection);
            if opener != dead {
                self.step(opener, Input::Disconnected(route));
            }
        }
    }

    pub(crate) fn shut_down(&mut self, id: u16) {
        self.step(NodeId(id), Input::Call(BrokerCall::Shutdown));
    }

    /// Cuts a link in one direction.
    pub(crate) fn cut(&mut self, from: u16, to: u16) {
        self.cuts.insert((NodeId(from), NodeId(to)));
    }

    /// Cuts a broker off from brokers and controller, both ways; its clients still reach it.
    pub(crate) fn isolate(&mut self, id: u16) {
        for other in (0..=3).filter(|other| *other != id) {
            self.cut(id, other);
            self.cut(other, id);
        }
    }

    pub(crate) fn heal(&mut self) {
        self.cuts.clear();
        for flight in std::mem::take(&mut self.held) {
            self.put(flight);
        }
    }

    fn put(&mut self, flight: Flight) {
        self.sent += 1;
        self.wire.insert((self.now + 1000, self.sent), flight);
    }

    fn act(&mut self, outside: Vec<Outside>) {
        for effect in outside {
            match effect {
                Outside::Send(from, To::Route(route), message) => {
                    let known = self
                        .connections
                        .iter()
                        .find(|(_, one)| one.opener == from && one.route == route);
                    let connection = known.map_or(ConnectionId(self.sent), |(id, _)| *id);
                    self.connections.insert(connection, Connection { opener: from, route });
                    self.put(Flight { connection, from, to: route.node, message });
                }
                Outside::Send(from, To::Connection(connection), message) => {
                    if let Some(to) = self.connections.get(&connection).map(|one| one.opener) {
                        self.put(Flight { connection, from, to, message });
                    }
                }
                Outside::Close(node, To::Route(route)) => {
                    self.connections.retain(|_, one| one.opener != node || one.route != route);
                }
                Outside::Close(_, To::Connection(connection)) => {
                    if let Some(Connection { opener, route }) = self.connections.remove(&connection)
                    {
                        self.step(opener, Input::Disconnected(route));
                    }
                }
                Outside::Observed(node, observation) => {
                    let image = self.controller.machine.as_ref().map(Controller::image);
                    self.watch.observe(node, &observation, image);
                    self.observed.push((node, observation));
                }
                Outside::Exit(node) => self.kill(node.0),
            }
        }
    }

    fn step(&mut self, node: NodeId, input: InputOf<Broker>) {
        let now = self.timestamp();
        let Some(running) = self.brokers.get_mut(&node.0) else { return };
        let Some(machine) = &mut running.machine else { return };
        let mut out = Outbox::default();
        machine.step(now, input, &mut out);
        let outside = drain(node, self.now, running, &mut out);
        self.act(outside);
    }

    fn step_controller(&mut self, input: InputOf<Controller>) {
        let now = self.timestamp();
        let Some(machine) = &mut self.controller.machine else { return };
        let mut out = Outbox::default();
        machine.step(now, input, &mut out);
        let outside = drain(CONTROLLER, self.now, &mut self.controller, &mut out);
        self.act(outside);
    }

    pub(crate) fn run_for(&mut self, length: Micros) {
        let end = self.now + length.0;
        loop {
            let wire = self.wire.keys().next().map(|(at, _)| *at);
            let timers = self.brokers.values().filter_map(Running::next_timer);
            let next = timers.chain(self.controller.next_timer()).chain(wire).min();
            let Some(at) = next.filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            if wire == Some(at) {
                let (_, flight) = self.wire.pop_first().expect("just seen");
                self.deliver(flight);
            } else if let Some(timer) = self.controller.due(at) {
                self.step_controller(Input::Fire(timer));
            } else {
                for id in 1..=3 {
                    let running = self.brokers.get_mut(&id).expect("known broker");
                    if let Some(timer) = running.due(at) {
                        self.step(NodeId(id), Input::Fire(timer));
                        break;
                    }
                }
            }
        }
        self.now = end;
    }

    fn deliver(&mut self, flight: Flight) {
        if self.cuts.contains(&(flight.from, flight.to)) {
            self.held.push(flight);
            return;
        }
        let Flight { connection, from, to, message } = flight;
        let known = self.connections.get(&connection).copied();
        let is_response = matches!(message, Message::Response(..));
        let is_up = match to {
            CONTROLLER => self.controller.machine.is_some(),
            CLIENT => true,
            broker => self.is_up(broker.0),
        };
        match (known, message) {
            // Its opener closed it; a request may still be carried out.
            (None, Message::Response(..)) => {}
            (Some(Connection { opener, route }), _) if !is_up && !is_response => {
                self.connections.remove(&connection);
                self.step(opener, Input::Disconnected(route));
            }
            (_, Message::Response(correlation, response)) if to == CLIENT => {
                self.watch.answered(correlation, &response);
                self.answers.push((correlation, response));
            }
            (known, message) => {
                let channel = known.map_or(Channel::Data, |one| one.route.channel);
                let from = Peer { node: from, connection, channel };
                if to == CONTROLLER {
                    self.step_controller(Input::Deliver { from, message });
                } else {
                    self.step(to, Input::Deliver { from, message });
                }
            }
        }
    }

    /// Sends a client's request.
    pub(crate) fn request(&mut self, to: u16, number: u32, request: Request) {
        let route = Route { node: NodeId(to), channel: Channel::Data };
        let message = Message::Request(CorrelationId(u64::from(number)), request);
        self.act(vec![Outside::Send(CLIENT, To::Route(route), message)]);
    }

    /// The leader of [`PAYMENTS`], as the controller's log has it.
    pub(crate) fn leader(&self) -> Option<u16> {
        let image = self.controller.machine.as_ref()?.image();
        image.partitions.get(&PAYMENTS)?.leader.map(|leader| leader.0)
    }

    pub(crate) fn isr(&self) -> Vec<u16> {
        let image = self.controller.machine.as_ref().map(Controller::image);
        let state = image.and_then(|image| image.partitions.get(&PAYMENTS));
        state.map_or(Vec::new(), |state| state.isr.iter().map(|one| one.0).collect())
    }
}
