//! The smallest driver there is: one map by time, 1 ms per message, the middle of every delay. It shows
//! that the machines need no simulator.
//!
//! A connection lasts until it is closed, or a process at one end dies. On a cut link messages wait.

use crate::running::{CONTROLLER, Outside, Running, node_of};
use crate::tape::Tape;
use crate::watch::Watch;
use ackproof_kafka::broker::{Broker, BrokerCall};
use ackproof_kafka::config::{
    BrokerConfig, BrokerSettings, ClusterConfig, ConsumerConfig, ControllerConfig, LogConfig,
    TopicConfig,
};
use ackproof_kafka::consumer::{Consumer, ConsumerCall};
use ackproof_kafka::controller::Controller;
use ackproof_kafka::machine::{Channel, ConnectionId, Input, InputOf, Peer, Route, To};
use ackproof_kafka::message::{CorrelationId, Message, Request, Response};
use ackproof_kafka::observation::Observation;
use ackproof_kafka::profile::Profile;
use ackproof_kafka::variant::{Variant, Variants};
use ackproof_types::{
    BrokerId, ControllerId, KafkaVersion, Micros, NodeId, Server, TopicId, TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

pub(crate) const PAYMENTS: TopicPartition = TopicPartition { topic: TopicId(1), partition: 0 };
pub(crate) const CLIENT: NodeId = NodeId(9);

/// Settings that a test may choose.
#[derive(Default)]
pub(crate) struct Setting {
    pub(crate) broker: BrokerSettings,
    pub(crate) unclean: bool,
    pub(crate) variants: Vec<Variant>,
    pub(crate) version: KafkaVersion,
    /// Of the topic of [`PAYMENTS`]; 0: one.
    pub(crate) partitions: u16,
    /// How its logs are kept; none: as Kafka does.
    pub(crate) log: Option<LogConfig>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Connection {
    opener: NodeId,
    route: Route,
}

/// A message under way on a connection.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Flight {
    connection: ConnectionId,
    route: Route,
    from: NodeId,
    to: NodeId,
    message: Message,
}

/// The whole of it is a value: a copy goes the same way.
#[derive(Clone)]
pub(crate) struct Cluster {
    now: u64,
    sent: u64,
    controller: Running<Controller>,
    brokers: BTreeMap<u16, Running<Broker>>,
    consumers: BTreeMap<NodeId, Running<Consumer>>,
    wire: BTreeMap<(u64, u64), Flight>,
    held: Vec<Flight>,
    connections: BTreeMap<ConnectionId, Connection>,
    /// What consumers sent while an earlier request of the connection was not answered.
    unread: BTreeMap<ConnectionId, VecDeque<Flight>>,
    cuts: BTreeSet<(NodeId, NodeId)>,
    pub(crate) answers: Vec<(CorrelationId, Response)>,
    pub(crate) observed: Vec<(NodeId, Observation)>,
    pub(crate) watch: Watch,
    pub(crate) tape: Tape,
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
            log: setting.log.unwrap_or(LogConfig::with_segments_of(1 << 30)),
        };
        let cluster = Arc::new(ClusterConfig {
            brokers: [1, 2, 3].map(BrokerId).into(),
            controllers: [ControllerId(0)].into(),
            racks: Default::default(),
            later: BTreeSet::new(),
            consumer_offsets: TopicId(0),
            topics: vec![topic(5), topic(setting.partitions.max(1))],
            group_names: vec!["ledger".into()],
            broker: setting.broker,
            profile: Profile { version: setting.version, ..Profile::default() },
            variants: setting.variants.into_iter().collect::<Variants>(),
        });
        let broker = |id| BrokerConfig { id: BrokerId(id), cluster: Arc::clone(&cluster) };
        let mut it = Self {
            now: 0,
            sent: 0,
            controller: Running::new(ControllerConfig {
                id: ControllerId(0),
                cluster: Arc::clone(&cluster),
            }),
            brokers: (1..=3).map(|id| (id, Running::new(broker(id)))).collect(),
            consumers: BTreeMap::new(),
            wire: BTreeMap::new(),
            held: Vec::new(),
            connections: BTreeMap::new(),
            unread: BTreeMap::new(),
            cuts: BTreeSet::new(),
            answers: Vec::new(),
            observed: Vec::new(),
            watch: Watch::default(),
            tape: Tape::default(),
        };
        it.boot(0);
        (1..=3).for_each(|id| it.boot(id));
        it.run_for(Micros::from_secs(1));
        it
    }

    /// A digest of all that decides its future.
    pub(crate) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.now, &self.controller, &self.brokers, &self.consumers).hash(&mut hasher);
        (&self.wire, &self.held, &self.connections, &self.unread, &self.cuts).hash(&mut hasher);
        hasher.finish()
    }

    /// The machine of a broker, or of the controller, loses power: of what was not flushed this share
    /// survives, in sixteenths.
    pub(crate) fn lose_power(&mut self, id: u16, share: usize) {
        self.kill(id);
        let mut survive = |changes: usize| changes * share / 16;
        match self.brokers.get_mut(&id) {
            Some(running) => running.process.lose_power(&mut survive),
            None => self.controller.process.lose_power(&mut survive),
        };
    }

    /// Starts a process that is not running; 0 is the controller.
    pub(crate) fn boot(&mut self, id: u16) {
        let outside = if id == 0 {
            self.controller.boot(CONTROLLER, self.now)
        } else {
            self.brokers.get_mut(&id).expect("known broker").boot(NodeId(id), self.now)
        };
        self.act(outside);
    }

    pub(crate) fn is_up(&self, id: u16) -> bool {
        self.brokers[&id].process.machine().is_some()
    }

    /// Ends a process where it stands; 0 is the controller.
    pub(crate) fn kill(&mut self, id: u16) {
        if id == 0 {
            self.controller.kill();
        } else {
            self.brokers.get_mut(&id).expect("known broker").kill();
        }
        self.end_connections(NodeId(id));
    }

    /// Starts a consumer.
    pub(crate) fn start(&mut self, node: NodeId, config: ConsumerConfig) {
        let mut running = Running::new(config);
        let outside = running.boot(node, self.now);
        self.consumers.insert(node, running);
        self.act(outside);
    }

    pub(crate) fn leave(&mut self, node: NodeId) {
        self.step_consumer(node, Input::Call(ConsumerCall::Leave));
    }

    /// Ends a consumer where it stands.
    pub(crate) fn kill_consumer(&mut self, node: NodeId) {
        self.consumers.remove(&node);
        self.end_connections(node);
    }

    fn end_connections(&mut self, dead: NodeId) {
        let ended: Vec<(ConnectionId, Connection)> = self
            .connections
            .iter()
            .filter(|(_, one)| one.opener == dead || node_of(one.route) == dead)
            .map(|(id, one)| (*id, *one))
            .collect();
        // The dead reset their connections. (A registration that outlived its process would take the
        // broker from the next one: Kafka knows no remedy.)
        self.wire.retain(|_, flight| flight.from != dead);
        self.held.retain(|flight| flight.from != dead);
        for (connection, Connection { opener, route }) in ended {
            self.connections.remove(&connection);
            if opener != dead {
                self.hang_up(opener, route);
            }
        }
    }

    fn hang_up(&mut self, opener: NodeId, route: Route) {
        if self.consumers.contains_key(&opener) {
            self.step_consumer(opener, Input::Disconnected(route));
        } else {
            self.step(opener, Input::Disconnected(route));
        }
    }

    pub(crate) fn shut_down(&mut self, id: u16) {
        self.step(NodeId(id), Input::Call(BrokerCall::Shutdown));
    }

    /// Cuts a link in one direction.
    pub(crate) fn cut(&mut self, from: u16, to: u16) {
        self.cuts.insert((NodeId(from), NodeId(to)));
    }

    /// The next message that `is` picks is late: until the links are healed.
    pub(crate) fn hold(&mut self, is: impl Fn(&Message) -> bool) {
        let found = loop {
            match self.wire.iter().find(|(_, flight)| is(&flight.message)) {
                Some((at, _)) => break *at,
                None => self.run_for(Micros::from_millis(1)),
            }
        };
        self.held.extend(self.wire.remove(&found));
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
                    self.put(Flight { connection, route, from, to: node_of(route), message });
                }
                Outside::Send(from, To::Connection(connection), message) => {
                    if let Some(Connection { opener: to, route }) =
                        self.connections.get(&connection).copied()
                    {
                        self.read_on(connection);
                        self.put(Flight { connection, route, from, to, message });
                    }
                }
                Outside::Close(node, To::Route(route)) => {
                    self.connections.retain(|_, one| one.opener != node || one.route != route);
                }
                Outside::Close(_, To::Connection(connection)) => {
                    if let Some(Connection { opener, route }) = self.connections.remove(&connection)
                    {
                        self.hang_up(opener, route);
                    }
                }
                Outside::Observed(node, observation) => {
                    let image = self.controller.process.machine().map(Controller::image);
                    self.watch.observe(node, &observation, image);
                    self.tape.saw(node, &observation);
                    self.observed.push((node, observation));
                }
                Outside::Exit(node) if self.consumers.contains_key(&node) => {
                    self.kill_consumer(node);
                }
                Outside::Exit(node) => self.kill(node.0),
            }
        }
    }

    fn step(&mut self, node: NodeId, input: InputOf<Broker>) {
        let Some(running) = self.brokers.get_mut(&node.0) else { return };
        let outside = running.step(node, self.now, input);
        self.act(outside);
    }

    fn step_consumer(&mut self, node: NodeId, input: InputOf<Consumer>) {
        let Some(running) = self.consumers.get_mut(&node) else { return };
        let outside = running.step(node, self.now, input);
        self.act(outside);
    }

    fn step_controller(&mut self, input: InputOf<Controller>) {
        let outside = self.controller.step(CONTROLLER, self.now, input);
        self.act(outside);
    }

    pub(crate) fn run_for(&mut self, length: Micros) {
        let end = self.now + length.0;
        loop {
            let wire = self.wire.keys().next().map(|(at, _)| *at);
            let timers = self.brokers.values().filter_map(Running::next_timer);
            let timers = timers.chain(self.consumers.values().filter_map(Running::next_timer));
            let next = timers.chain(self.controller.next_timer()).chain(wire).min();
            let Some(at) = next.filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            self.tape.now = self.now;
            if wire == Some(at) {
                let (_, flight) = self.wire.pop_first().expect("just seen");
                self.deliver(flight);
            } else if let Some(timer) = self.controller.due(at) {
                self.step_controller(Input::Fire(timer));
            } else {
                self.fire(at);
            }
        }
        self.now = end;
        self.tape.now = end;
    }

    fn fire(&mut self, at: u64) {
        for id in 1..=3 {
            let running = self.brokers.get_mut(&id).expect("known broker");
            if let Some(timer) = running.due(at) {
                return self.step(NodeId(id), Input::Fire(timer));
            }
        }
        let mut consumers = self.consumers.iter_mut();
        let due = consumers.find_map(|(node, running)| Some((*node, running.due(at)?)));
        if let Some((node, timer)) = due {
            self.step_consumer(node, Input::Fire(timer));
        }
    }

    /// A request was answered: its connection is read again, in order.
    fn read_on(&mut self, connection: ConnectionId) {
        for flight in self.unread.remove(&connection).into_iter().flatten() {
            self.sent += 1;
            // Before all that is still on its way.
            self.wire.insert((0, self.sent), flight);
        }
    }

    fn deliver(&mut self, flight: Flight) {
        if self.cuts.contains(&(flight.from, flight.to)) {
            self.held.push(flight);
            return;
        }
        if self.consumers.contains_key(&flight.from) {
            if let Some(unread) = self.unread.get_mut(&flight.connection) {
                return unread.push_back(flight);
            }
            self.unread.insert(flight.connection, VecDeque::new());
        }
        let Flight { connection, route, from, to, message } = flight;
        let known = self.connections.get(&connection).copied();
        let is_response = matches!(message, Message::Response(..));
        let is_up = match to {
            CONTROLLER => self.controller.process.machine().is_some(),
            CLIENT => true,
            client if client > CLIENT => self.consumers.contains_key(&client),
            broker => self.is_up(broker.0),
        };
        if is_up {
            self.tape.heard(from, to, &message);
        }
        match (known, message) {
            // Its opener closed it; a request may still be carried out.
            (None, Message::Response(..)) => {}
            (Some(Connection { opener, route }), _) if !is_up && !is_response => {
                self.connections.remove(&connection);
                self.hang_up(opener, route);
            }
            (_, Message::Response(correlation, response)) if to == CLIENT => {
                self.watch.answered(correlation, &response);
                self.answers.push((correlation, response));
            }
            (_, message) => {
                let from = Peer { connection, route };
                if to == CONTROLLER {
                    self.step_controller(Input::Deliver { from, message });
                } else if self.consumers.contains_key(&to) {
                    self.step_consumer(to, Input::Deliver { from, message });
                } else {
                    self.step(to, Input::Deliver { from, message });
                }
            }
        }
    }

    /// Sends a client's request.
    pub(crate) fn request(&mut self, to: u16, number: u32, request: Request) {
        let route = Route { to: Server::Broker(BrokerId(to)), channel: Channel::Data };
        let message = Message::Request(CorrelationId(u64::from(number)), request);
        self.act(vec![Outside::Send(CLIENT, To::Route(route), message)]);
    }

    /// The leader of [`PAYMENTS`], as the controller's log has it.
    pub(crate) fn leader(&self) -> Option<u16> {
        let image = self.controller.process.machine()?.image();
        image.partitions.get(&PAYMENTS)?.leader.map(|leader| leader.0)
    }

    pub(crate) fn isr(&self) -> Vec<u16> {
        let image = self.controller.process.machine().map(Controller::image);
        let state = image.and_then(|image| image.partitions.get(&PAYMENTS));
        state.map_or(Vec::new(), |state| state.isr.iter().map(|one| one.0).collect())
    }
}
