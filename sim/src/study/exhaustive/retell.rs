//! Steps as a history, so that the oracle judges them as it judges every run, and every command that takes
//! a history tells of them.
//!
//! Each step takes a millisecond. In the end everything comes back, and the log is read.

use super::{after, witnessed};
use crate::world::lower::{self, Cast, Role};
use crate::world::recorder::translate;
use ackproof_kafka::observation::Observation;
use ackproof_kafka::replicas::heal::FinalLog;
use ackproof_kafka::replicas::{Bounds, Replicas, Step};
use ackproof_oracle::context::Context;
use ackproof_oracle::history::{Entry, Event, Phase, ProcessEnd};
use ackproof_scenario::plan::Plan;
use ackproof_types::{BrokerId, NodeId, Offset, Timestamp, TopicPartition};
use std::sync::Arc;

/// How long a step takes.
const STEP: u64 = 1000;

/// The plan of what is left of a scenario: one partition, one producer, no group.
fn alone(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    plan.groups.clear();
    plan.producers.truncate(1);
    if let [producer] = plan.producers.as_mut_slice() {
        producer.instances = 1;
        plan.topics[producer.topic.index()].partitions = 1;
    }
    plan
}

struct Teller {
    entries: Vec<Entry>,
    now: u64,
    cast: Cast,
    producer: NodeId,
}

impl Teller {
    fn put(&mut self, node: NodeId, event: Event) {
        let seq = u64::try_from(self.entries.len()).expect("a length fits 64 bits");
        self.entries.push(Entry { seq, at: Timestamp::from_micros(self.now), node, event });
    }

    fn phase(&mut self, phase: Phase) {
        self.put(self.cast.controller(), Event::Phase(phase));
    }

    fn observe(&mut self, of: Option<BrokerId>, observation: Observation) {
        let node = match (&observation, of) {
            (Observation::Sent { .. } | Observation::Acked { .. }, _) => self.producer,
            (_, Some(broker)) => self.cast.broker(broker.0).expect("a broker of the plan"),
            (_, None) => self.cast.controller(),
        };
        self.put(node, translate(observation));
    }
}

/// The history of `steps` through the world of `plan`.
///
/// # Errors
/// Why there is none: the plan has no such world, or a step cannot be taken.
pub fn retell(
    plan: &Plan,
    bounds: Bounds,
    steps: &[Step],
) -> Result<(Vec<Entry>, Arc<Context>), String> {
    let plan = alone(plan);
    let cast = Cast::new(&plan);
    let context = Arc::new(lower::context(&plan, &cast));
    let is_producer = |(_, role): &(NodeId, Role)| matches!(role, Role::Producer(..));
    let producer = cast.nodes().find(is_producer).map(|(node, _)| node);
    let Some(producer) = producer else { return Err("there is no producer".into()) };
    let reader = cast.readers().next().ok_or("there is no reader")?;
    let mut teller = Teller { entries: Vec::new(), now: 0, cast, producer };
    teller.phase(Phase::Load);
    let nodes: Vec<NodeId> = teller.cast.nodes().map(|(node, _)| node).collect();
    for node in nodes.into_iter().filter(|node| *node != reader) {
        teller.put(node, Event::ProcessStarted);
    }
    let start = witnessed(&plan, bounds, &mut |of, fact| teller.observe(of, fact))?;
    let mut world = start.unbounded();
    for step in steps {
        teller.now += STEP;
        process(&mut teller, &world, *step);
        world = after(&world, &[*step], &mut |of, fact| teller.observe(of, fact))?;
    }
    teller.now += STEP;
    teller.phase(Phase::Settle);
    let healed = world.healed(&mut |of, fact| teller.observe(of, fact));
    teller.now += STEP;
    teller.phase(Phase::FinalRead);
    teller.put(reader, Event::ProcessStarted);
    if let Some(log) = healed.final_log() {
        read(&mut teller, reader, healed.partition(), &log);
    }
    teller.put(reader, Event::ProcessEnded(ProcessEnd::Clean));
    teller.phase(Phase::End);
    Ok((teller.entries, context))
}

/// A step that begins or ends a process.
fn process(teller: &mut Teller, world: &Replicas, step: Step) {
    let node = |at: u8| teller.cast.broker(world.brokers()[usize::from(at)].0);
    let (node, event) = match step {
        Step::Crash(at) | Step::LosePower(at, _) => {
            (node(at), Event::ProcessEnded(ProcessEnd::Crash))
        }
        Step::Start(at) => (node(at), Event::ProcessStarted),
        _ => return,
    };
    teller.put(node.expect("a broker of the plan"), event);
}

fn read(teller: &mut Teller, reader: NodeId, partition: TopicPartition, log: &FinalLog) {
    let FinalLog { leader, epoch, end, batches } = log;
    let facts = batches.iter().map(|batch| Observation::FinalRead {
        partition,
        base_offset: batch.base_offset,
        records: batch.records(),
    });
    let by = Observation::FinalReadBy { partition, broker: *leader, epoch: *epoch };
    let done = Observation::FinalReadDone { partition, start: Offset(0), end: *end };
    for fact in [by].into_iter().chain(facts).chain([done]) {
        teller.put(reader, translate(fact));
    }
}
