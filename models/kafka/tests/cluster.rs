//! Controller and brokers together, on the smallest driver there is: one heap, 1 ms per message, the
//! middle of every delay. It shows that the machines need no simulator.

use ackproof_kafka::broker::{Broker, BrokerCall};
use ackproof_kafka::config::{BrokerConfig, BrokerSettings, ClusterConfig, TopicConfig};
use ackproof_kafka::controller::Controller;
use ackproof_kafka::machine::{
    Channel, ConnectionId, Disk, Effect, Input, Machine, Outbox, Peer, Route, To,
};
use ackproof_kafka::message::{
    Acks, CorrelationId, Message, Payload, ProduceRequest, RecordBatch, Request, Response,
};
use ackproof_kafka::observation::Observation;
use ackproof_kafka::variant::Variants;
use ackproof_types::{
    BrokerId, ErrorCode, LeaderEpoch, Micros, NodeId, Offset, ProducerIndex, Record, RecordId,
    Timestamp, TopicId, TopicPartition,
};
use std::collections::BTreeMap;
use std::sync::Arc;

const PAYMENTS: TopicPartition = TopicPartition { topic: TopicId(1), partition: 0 };
const CLIENT: NodeId = NodeId(9);

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
}

/// Messages on their way, by time and order of sending.
type Wire = BTreeMap<(u64, u64), (NodeId, Peer, Message)>;

struct Cluster {
    now: u64,
    sent: u64,
    controller: Running<Controller>,
    brokers: BTreeMap<u16, Running<Broker>>,
    wire: Wire,
    connections: BTreeMap<ConnectionId, (NodeId, Channel)>,
    answers: Vec<Response>,
    observed: Vec<(NodeId, Observation)>,
}

fn drain<M: Machine>(
    node: NodeId,
    now: u64,
    running: &mut Running<M>,
    out: &mut Outbox<M>,
    sink: &mut Vec<(NodeId, To, Message)>,
    observed: &mut Vec<(NodeId, Observation)>,
) {
    for effect in out.drain() {
        match effect {
            Effect::Send { to, message } => sink.push((node, to, message)),
            Effect::Arm { timer, delay } => {
                running.timers.insert(timer, now + delay.min.0.midpoint(delay.max.0));
            }
            Effect::Disarm(timer) => {
                running.timers.remove(&timer);
            }
            Effect::Write(write) => running.disk.apply(write),
            Effect::Observe(observation) => observed.push((node, observation)),
            Effect::Exit => running.machine = None,
            Effect::Close(_) | Effect::Flush(_) => {}
        }
    }
}

impl Cluster {
    fn new() -> Self {
        let topic = |partitions| TopicConfig {
            partitions,
            replication_factor: 3,
            min_insync_replicas: 2,
            unclean_leader_election: false,
            max_message_bytes: 1_048_588,
            segment_bytes: 1 << 30,
        };
        let config = Arc::new(ClusterConfig {
            brokers: 3,
            topics: vec![topic(5), topic(1)],
            group_names: vec!["ledger".into()],
            broker: BrokerSettings::default(),
            variants: Variants::default(),
        });
        let brokers = (1..=3)
            .map(|id| {
                let cluster = Arc::clone(&config);
                (id, Running::new(BrokerConfig { id: BrokerId(id), cluster }))
            })
            .collect();
        let mut cluster = Self {
            now: 0,
            sent: 0,
            controller: Running::new(config),
            brokers,
            wire: Wire::new(),
            connections: BTreeMap::new(),
            answers: Vec::new(),
            observed: Vec::new(),
        };
        cluster.boot_controller();
        (1..=3).for_each(|id| cluster.boot(id));
        cluster
    }

    fn boot_controller(&mut self) {
        let (mut out, mut sink) = (Outbox::default(), Vec::new());
        let now = Timestamp::from_micros(self.now);
        let running = &mut self.controller;
        running.machine = Some(Controller::boot(&running.config, &running.disk, now, &mut out));
        drain(NodeId(0), self.now, running, &mut out, &mut sink, &mut self.observed);
        self.post(sink);
    }

    fn boot(&mut self, id: u16) {
        let (mut out, mut sink) = (Outbox::default(), Vec::new());
        let now = Timestamp::from_micros(self.now);
        let running = self.brokers.get_mut(&id).expect("known broker");
        running.machine = Some(Broker::boot(&running.config, &running.disk, now, &mut out));
        drain(NodeId(id), self.now, running, &mut out, &mut sink, &mut self.observed);
        self.post(sink);
    }

    fn kill(&mut self, id: u16) {
        let running = self.brokers.get_mut(&id).expect("known broker");
        running.machine = None;
        running.timers.clear();
        // Connections to the dead process end.
        let ended: Vec<(NodeId, Channel)> = self
            .connections
            .iter()
            .filter(|(connection, _)| connection.0 % 100 == u64::from(id))
            .map(|(_, opener)| *opener)
            .collect();
        for (opener, channel) in ended {
            if opener != NodeId(id) && opener != CLIENT {
                let route = Route { node: NodeId(id), channel };
                self.step(opener, Input::Disconnected(route), None);
            }
        }
    }

    fn post(&mut self, sink: Vec<(NodeId, To, Message)>) {
        for (from, to, message) in sink {
            self.sent += 1;
            let (node, connection, channel) = match to {
                To::Route(Route { node, channel }) => {
                    let id = u64::from(from.0) * 10_000 + channel as u64 * 1000 + u64::from(node.0);
                    self.connections.insert(ConnectionId(id), (from, channel));
                    (node, ConnectionId(id), channel)
                }
                To::Connection(connection) => {
                    let (opener, channel) = self.connections[&connection];
                    (opener, connection, channel)
                }
            };
            let peer = Peer { node: from, connection, channel };
            self.wire.insert((self.now + 1000, self.sent), (node, peer, message));
        }
    }

    fn step(&mut self, node: NodeId, broker: Input<Broker>, controller: Option<Input<Controller>>) {
        let mut sink = Vec::new();
        let now = Timestamp::from_micros(self.now);
        if let Some(input) = controller {
            let mut out = Outbox::default();
            if let Some(machine) = &mut self.controller.machine {
                machine.step(now, input, &mut out);
            }
            drain(node, self.now, &mut self.controller, &mut out, &mut sink, &mut self.observed);
        } else if let Some(running) = self.brokers.get_mut(&node.0) {
            let mut out = Outbox::default();
            if let Some(machine) = &mut running.machine {
                machine.step(now, broker, &mut out);
            }
            drain(node, self.now, running, &mut out, &mut sink, &mut self.observed);
        }
        self.post(sink);
    }

    fn run_for(&mut self, length: Micros) {
        let end = self.now + length.0;
        loop {
            let wire = self.wire.keys().next().map(|(at, _)| *at);
            let timers = self.brokers.values().filter_map(Running::next_timer);
            let next = timers.chain(self.controller.next_timer()).chain(wire).min();
            let Some(at) = next.filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            if wire == Some(at) {
                let (_, (node, from, message)) = self.wire.pop_first().expect("just seen");
                match message {
                    Message::Response(_, response) if node == CLIENT => self.answers.push(response),
                    message if node == NodeId::CONTROLLER => {
                        let input = Input::Deliver { from, message: message.clone() };
                        self.step(node, Input::Deliver { from, message }, Some(input));
                    }
                    message => self.step(node, Input::Deliver { from, message }, None),
                }
            } else {
                self.fire(at);
            }
        }
        self.now = end;
    }

    fn fire(&mut self, at: u64) {
        if let Some((timer, _)) = self.controller.timers.iter().find(|(_, due)| **due == at) {
            let timer = *timer;
            self.controller.timers.remove(&timer);
            self.step(NodeId(0), Input::Call(BrokerCall::Shutdown), Some(Input::Fire(timer)));
            return;
        }
        for id in 1..=3 {
            let running = self.brokers.get_mut(&id).expect("known broker");
            if let Some((timer, _)) = running.timers.iter().find(|(_, due)| **due == at) {
                let timer = *timer;
                running.timers.remove(&timer);
                self.step(NodeId(id), Input::Fire(timer), None);
                return;
            }
        }
    }

    fn produce(&mut self, to: u16, number: u32) {
        let record =
            Record { id: RecordId { producer: ProducerIndex(0), number }, key: None, size: 100 };
        let batch = RecordBatch {
            base_offset: Offset(0),
            leader_epoch: LeaderEpoch::UNKNOWN,
            producer: None,
            max_timestamp: Timestamp::START,
            size: 100,
            payload: Payload::Records(Arc::new([record])),
        };
        let request = Request::Produce(ProduceRequest {
            acks: Acks::All,
            timeout: Micros::from_secs(30),
            batches: vec![(PAYMENTS, batch)],
        });
        let route = Route { node: NodeId(to), channel: Channel::Data };
        let message = Message::Request(CorrelationId(u64::from(number)), request);
        self.post(vec![(CLIENT, To::Route(route), message)]);
    }

    fn leader(&self) -> Option<u16> {
        let elected = self.observed.iter().rev().find_map(|(_, seen)| match seen {
            Observation::LeaderElected { partition: PAYMENTS, leader, .. } => Some(*leader),
            _ => None,
        });
        elected.flatten().map(|leader| leader.0)
    }

    fn acked(&self) -> usize {
        let is_ok = |response: &&Response| match response {
            Response::Produce(parts, _) => parts.iter().all(|(_, result)| result.is_ok()),
            _ => false,
        };
        self.answers.iter().filter(is_ok).count()
    }
}

#[test]
fn a_cluster_forms_and_acknowledges() {
    let mut cluster = Cluster::new();
    cluster.run_for(Micros::from_secs(1));
    let leader = cluster.leader().expect("elected at creation");
    cluster.produce(leader, 0);
    cluster.run_for(Micros::from_secs(1));
    assert_eq!(cluster.acked(), 1, "{:?}", cluster.answers);
}

#[test]
fn another_leader_takes_over_after_the_session_and_the_old_one_comes_back() {
    let mut cluster = Cluster::new();
    cluster.run_for(Micros::from_secs(1));
    let first = cluster.leader().expect("elected");
    cluster.produce(first, 0);
    cluster.run_for(Micros::from_secs(1));
    cluster.kill(first);
    cluster.run_for(Micros::from_secs(12));
    let second = cluster.leader().expect("elected after fencing");
    assert_ne!(second, first);
    cluster.produce(second, 1);
    cluster.run_for(Micros::from_secs(1));
    assert_eq!(cluster.acked(), 2, "{:?}", cluster.answers);
    cluster.boot(first);
    cluster.run_for(Micros::from_secs(5));
    let full = cluster.observed.iter().any(|(_, seen)| {
        matches!(seen, Observation::IsrChanged { partition: PAYMENTS, isr, .. } if isr.len() == 3)
    });
    assert!(full, "the old leader is back in sync");
}

#[test]
fn below_the_minimum_nothing_is_written() {
    let mut cluster = Cluster::new();
    cluster.run_for(Micros::from_secs(1));
    let leader = cluster.leader().expect("elected");
    (1..=3).filter(|id| *id != leader).for_each(|id| cluster.kill(id));
    cluster.run_for(Micros::from_secs(25));
    cluster.produce(leader, 0);
    cluster.run_for(Micros::from_secs(1));
    let refused = cluster.answers.iter().any(|answer| {
        matches!(answer, Response::Produce(parts, _) if parts[0].1 == Err(ErrorCode::NotEnoughReplicas))
    });
    assert!(refused, "{:?}", cluster.answers);
}
