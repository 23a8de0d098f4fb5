//! What brokers and clients count, as far as entries tell it. A process that starts again counts from 0.

use super::brokers::Brokers;
use super::families::Metric;
use ackproof_oracle::context::Context;
use ackproof_oracle::history::{Entry, Event};
use ackproof_types::{
    BrokerId, ControllerId, NodeId, RecordId, RecordSlice, Server, TopicId, TopicPartition,
};
use std::collections::{BTreeMap, VecDeque};

/// How long a latency counts.
const WINDOW: u64 = 60_000_000;

/// What a counter is of: who counts it, and which topic or which name of a client it is about.
pub(super) type Of = (NodeId, Metric, About);

/// What distinguishes the counters of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    /// Nothing.
    All,
    /// A topic.
    Topic(TopicId),
    /// A producer, by its place in the context.
    Producer(u16),
}

/// Latencies of the last minute, and how many there ever were.
#[derive(Debug, Default)]
pub(super) struct Latencies {
    recent: VecDeque<(u64, f64)>,
    pub(super) count: u64,
    pub(super) sum: f64,
}

impl Latencies {
    fn add(&mut self, at: u64, ms: f64) {
        self.recent.push_back((at, ms));
        self.count += 1;
        self.sum += ms;
    }

    /// Those of the last minute, ascending.
    pub(super) fn sorted(&mut self, now: u64) -> Vec<f64> {
        while self.recent.front().is_some_and(|(at, _)| at + WINDOW < now) {
            self.recent.pop_front();
        }
        let mut all: Vec<f64> = self.recent.iter().map(|(_, ms)| *ms).collect();
        all.sort_by(f64::total_cmp);
        all
    }
}

/// All counters.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) counts: BTreeMap<Of, u64>,
    /// By the broker that answered.
    pub(super) answers: BTreeMap<BrokerId, Latencies>,
    /// By producer.
    pub(super) sends: BTreeMap<u16, Latencies>,
    sent_at: BTreeMap<RecordId, u64>,
    /// How far each consumer has read, by process and partition.
    pub(super) positions: BTreeMap<(NodeId, TopicPartition), i64>,
    /// Sets that became smaller at this instant: the controller says only then whom it fences.
    shrunk: Vec<(u64, NodeId, Vec<BrokerId>)>,
}

impl Counters {
    /// Before `brokers` take the entry: who leads is who led until then.
    pub(super) fn observe(&mut self, entry: &Entry, brokers: &Brokers, context: &Context) {
        let (at, node) = (entry.at.as_micros(), entry.node);
        self.settle(at);
        match &entry.event {
            Event::ProcessStarted => {
                self.counts.retain(|(of, ..), _| *of != node);
                self.positions.retain(|(of, _), _| *of != node);
            }
            Event::IsrChanged { partition, before, isr } => {
                let leader = brokers.partition(*partition).and_then(|one| one.leader);
                let Some(leader) = leader.map(|leader| context.process(leader)) else { return };
                if isr.len() > before.len() {
                    self.count((leader, Metric::IsrExpands, About::All), 1);
                } else {
                    let gone = before.iter().filter(|one| !isr.contains(one)).copied();
                    self.shrunk.push((at, leader, gone.collect()));
                }
            }
            Event::Fenced { broker } => {
                self.shrunk.retain(|(_, _, gone)| !gone.contains(broker));
            }
            Event::LeaderElected { partition, unclean: true, .. } => {
                let controller = controller(partition.topic, context);
                self.count((controller, Metric::UncleanElections, About::All), 1);
            }
            Event::Appended { partition, records, as_leader: true, .. } if !records.is_empty() => {
                let topic = About::Topic(partition.topic);
                let bytes = records.iter().map(|record| u64::from(record.size)).sum();
                self.count((node, Metric::MessagesIn, topic), records.len() as u64);
                self.count((node, Metric::BytesIn, topic), bytes);
            }
            Event::NotEnoughReplicas { partition, .. } => {
                self.count((node, Metric::FailedProduce, About::Topic(partition.topic)), 1);
            }
            Event::Polled { partition, base_offset, records, .. } => {
                let count = records.len();
                self.count((node, Metric::RecordsConsumed, About::All), count as u64);
                self.positions.insert((node, *partition), base_offset.plus(count).0);
            }
            Event::Positioned { partition, offset, .. } => {
                self.positions.insert((node, *partition), offset.0);
            }
            Event::Assigned { .. } => self.count((node, Metric::Rebalances, About::All), 1),
            Event::Committed { .. } => self.count((node, Metric::Commits, About::All), 1),
            event => self.of_producer((at, node), event, brokers),
        }
    }

    fn of_producer(&mut self, (at, node): (u64, NodeId), event: &Event, brokers: &Brokers) {
        match event {
            Event::Sent { record, .. } => {
                self.sent_at.insert(record.id, at);
                let producer = About::Producer(record.id.producer.0);
                self.count((node, Metric::RecordSend, producer), 1);
            }
            Event::Rejected { record, .. } => {
                let producer = About::Producer(record.id.producer.0);
                self.count((node, Metric::RecordError, producer), 1);
            }
            Event::Failed { records, .. } => {
                for record in records.iter() {
                    self.sent_at.remove(&record.id);
                    let producer = About::Producer(record.id.producer.0);
                    self.count((node, Metric::RecordError, producer), 1);
                }
            }
            Event::Retried { first, .. } => {
                let producer = About::Producer(first.id.producer.0);
                self.count((node, Metric::RecordRetry, producer), 1);
            }
            Event::Acked { partition, by, records, .. } => {
                let leader = || brokers.partition(*partition).and_then(|one| one.leader);
                self.acked(at, by.or_else(leader), records);
            }
            _ => {}
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    fn acked(&mut self, at: u64, by: Option<BrokerId>, records: &RecordSlice) {
        for record in records.iter() {
            let Some(sent) = self.sent_at.remove(&record.id) else { continue };
            let ms = (at - sent) as f64 / 1000.0;
            self.sends.entry(record.id.producer.0).or_default().add(at, ms);
            if let Some(broker) = by {
                self.answers.entry(broker).or_default().add(at, ms);
            }
        }
    }

    fn count(&mut self, of: Of, by: u64) {
        *self.counts.entry(of).or_default() += by;
    }

    /// What became smaller at an earlier instant, and not because somebody was fenced, counts.
    pub(super) fn settle(&mut self, now: u64) {
        let due: Vec<_> = self.shrunk.extract_if(.., |(at, ..)| *at < now).collect();
        for (_, leader, _) in due {
            self.count((leader, Metric::IsrShrinks, About::All), 1);
        }
    }
}

/// The process that stands for the controllers of a topic's cluster.
pub(super) fn controller(topic: TopicId, context: &Context) -> NodeId {
    controllers(topic, context).next().unwrap_or_else(|| context.controller())
}

/// The controllers of a topic's cluster.
pub(super) fn controllers(topic: TopicId, context: &Context) -> impl Iterator<Item = NodeId> {
    let own = |id: &ControllerId| match context.cluster(topic) {
        Some(cluster) => cluster.controllers.contains(id),
        None => context.clusters.iter().all(|cluster| !cluster.controllers.contains(id)),
    };
    let all = context.roster.controllers().filter(own);
    let nodes = all.filter_map(|id| context.roster.node(Server::Controller(id)));
    nodes.collect::<Vec<_>>().into_iter()
}
