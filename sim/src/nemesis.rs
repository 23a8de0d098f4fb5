//! Carries out the fault timeline: resolves targets, hurts, heals.
//!
//! It learns who leads and who coordinates from the history, as an operator would from metrics; it does
//! not look into a model.

use crate::lower::{Cast, Role};
use crate::process::Call;
use crate::world::World;
use ackproof_oracle::history::Event;
use ackproof_scenario::plan::{Action, Direction, Peers, Target};
use ackproof_scenario::schedule::ScheduledFault;
use ackproof_types::{BrokerId, Delay, Micros, NodeId, TopicId, TopicPartition};
use std::collections::BTreeMap;

/// A follower this slow does not keep up.
const CRAWL: Delay = Delay { min: Micros::from_secs(20), max: Micros::from_secs(25) };

/// A fault as it was carried out, for the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultRecord {
    /// When it began.
    pub at: Micros,
    /// How long it was to last; none: until the load ended.
    pub lasts: Option<Micros>,
    /// What: `crash`, `isolate`, ….
    pub kind: &'static str,
    /// The process it hit; none: nobody fitted, and nothing was done.
    pub target: Option<String>,
    /// The rule the target was resolved from, if it was not a name.
    pub resolved_from: Option<String>,
}

/// Who leads what, as far as the history tells.
#[derive(Debug, Default)]
pub(crate) struct Leaders(BTreeMap<TopicPartition, (Option<BrokerId>, Vec<BrokerId>)>);

impl Leaders {
    /// Takes one fact.
    pub(crate) fn observe(&mut self, event: &Event) {
        match event {
            Event::LeaderElected { partition, leader, isr, .. } => {
                self.0.insert(*partition, (*leader, isr.to_vec()));
            }
            Event::IsrChanged { partition, isr, .. } => {
                if let Some((_, members)) = self.0.get_mut(partition) {
                    *members = isr.to_vec();
                }
            }
            _other => {}
        }
    }
}

/// Carries out faults and remembers what to undo.
pub(crate) struct Nemesis {
    pub(crate) records: Vec<FaultRecord>,
    active: BTreeMap<u32, Active>,
}

/// A fault in force.
#[derive(Clone, Debug)]
struct Active {
    action: Action,
    node: NodeId,
}

impl Nemesis {
    pub(crate) fn new() -> Self {
        Self { records: Vec::new(), active: BTreeMap::new() }
    }

    /// Starts fault `number`. Returns whether it has an end to be scheduled.
    pub(crate) fn start(
        &mut self,
        number: u32,
        fault: &ScheduledFault,
        cast: &Cast,
        world: &mut World,
    ) -> bool {
        let resolved = resolve(fault, cast, world);
        self.records.push(FaultRecord {
            at: fault.at,
            lasts: fault.lasts,
            kind: kind(&fault.kind.action),
            target: resolved.map(|node| cast.names[node.index()].clone()),
            resolved_from: rule(fault.kind.target, world),
        });
        let Some(node) = resolved else { return false };
        world.kernel.record(node, Event::FaultStarted { fault: number, target: Some(node) });
        let active = Active { action: fault.kind.action.clone(), node };
        hurt(number, &active, cast, world);
        self.active.insert(number, active);
        true
    }

    /// Ends fault `number`, if it is in force.
    pub(crate) fn end(&mut self, number: u32, cast: &Cast, world: &mut World) {
        let Some(active) = self.active.remove(&number) else { return };
        world.kernel.record(active.node, Event::FaultEnded { fault: number });
        heal(number, &active, cast, world);
    }

    /// Ends everything that is in force.
    pub(crate) fn heal_all(&mut self, cast: &Cast, world: &mut World) {
        let numbers: Vec<u32> = self.active.keys().copied().collect();
        for number in numbers {
            self.end(number, cast, world);
        }
    }
}

fn hurt(number: u32, active: &Active, cast: &Cast, world: &mut World) {
    let node = active.node;
    match &active.action {
        Action::Crash => world.kill(node),
        Action::Restart | Action::RollingRestart | Action::Leave => world.call(node, Call::Stop),
        Action::Pause => world.pause(node),
        Action::Isolate { from, direction } => {
            for (one, other) in cuts(node, from, *direction, cast) {
                world.kernel.network.cut(one, other);
            }
        }
        Action::Slow(by) => {
            for (one, other) in links(node, cast) {
                world.kernel.network.slow(number, one, other, Some(*by));
            }
        }
        Action::Lossy(loss) => {
            for (one, other) in links(node, cast) {
                world.kernel.network.lose(number, one, other, Some(*loss));
            }
        }
        Action::Reset => world.reset(node),
        Action::SlowFollower => {
            for (broker, _) in brokers(cast).filter(|(broker, _)| *broker != node) {
                world.kernel.network.slow(number, broker, node, Some(CRAWL));
            }
        }
        Action::Join => world.boot(node),
        Action::StallPoll => world.call(node, Call::Stall(true)),
    }
}

fn heal(number: u32, active: &Active, cast: &Cast, world: &mut World) {
    let node = active.node;
    match &active.action {
        Action::Crash | Action::Restart | Action::RollingRestart | Action::Leave => {
            if !world.is_up(node) {
                world.boot(node);
            }
        }
        Action::Pause => world.resume(node),
        Action::Isolate { from, direction } => {
            for (one, other) in cuts(node, from, *direction, cast) {
                world.heal(one, other);
            }
        }
        Action::Slow(_) => {
            for (one, other) in links(node, cast) {
                world.kernel.network.slow(number, one, other, None);
            }
        }
        Action::Lossy(_) => {
            for (one, other) in links(node, cast) {
                world.kernel.network.lose(number, one, other, None);
            }
        }
        Action::Reset => {}
        Action::SlowFollower => {
            for (broker, _) in brokers(cast) {
                world.kernel.network.slow(number, broker, node, None);
            }
        }
        Action::Join => world.call(node, Call::Stop),
        Action::StallPoll => world.call(node, Call::Stall(false)),
    }
}

fn brokers(cast: &Cast) -> impl Iterator<Item = (NodeId, Role)> + '_ {
    cast.nodes().filter(|(_, role)| *role == Role::Broker)
}

/// Both directions of every link of `node`.
fn links(node: NodeId, cast: &Cast) -> Vec<(NodeId, NodeId)> {
    let others = cast.nodes().map(|(other, _)| other).filter(|other| *other != node);
    others.flat_map(|other| [(node, other), (other, node)]).collect()
}

fn cuts(node: NodeId, from: &[Peers], direction: Direction, cast: &Cast) -> Vec<(NodeId, NodeId)> {
    let meant = |role: Role| match role {
        Role::Controller => from.contains(&Peers::Controllers),
        Role::Broker => from.contains(&Peers::Brokers),
        Role::Producer(..) | Role::Member(..) | Role::Spare(..) => from.contains(&Peers::Clients),
        Role::Reader => false,
    };
    cast.nodes()
        .filter(|(other, role)| *other != node && meant(*role))
        .flat_map(|(other, _)| match direction {
            Direction::Both => vec![(node, other), (other, node)],
            Direction::Outgoing => vec![(node, other)],
            Direction::Incoming => vec![(other, node)],
        })
        .collect()
}

/// The process a fault hits, if one fits: it must be up, and not frozen.
fn resolve(fault: &ScheduledFault, cast: &Cast, world: &World) -> Option<NodeId> {
    let leaders = world.kernel.recorder.leaders();
    let partition = |topic: TopicId, number| TopicPartition::new(topic, number);
    let candidates: Vec<NodeId> = match fault.kind.target {
        Target::Broker(broker) => vec![NodeId(broker)],
        Target::Controller => vec![NodeId::CONTROLLER],
        Target::LeaderOf(topic, number) => {
            leaders.leader(partition(topic, number)).into_iter().collect()
        }
        Target::FollowerOf(topic, number) => {
            leaders.follower(partition(topic, number)).into_iter().collect()
        }
        Target::CoordinatorOf(group) => {
            leaders.leader(world.kernel.recorder.offsets_partition(group)).into_iter().collect()
        }
        Target::AnyBroker | Target::AllBrokers => brokers(cast).map(|(node, _)| node).collect(),
        Target::Producer(producer, instance) => of(
            cast,
            |role| matches!(role, Role::Producer(p, i, _) if (p, i) == (producer, instance)),
        ),
        Target::AnyProducer(name) => of(
            cast,
            |role| matches!(role, Role::Producer(p, ..) if name.is_none_or(|name| name == p)),
        ),
        Target::Member(group, member) => {
            of(cast, |role| matches!(role, Role::Member(g, m) if (g, m) == (group, member)))
        }
        Target::AnyMember(group) => {
            of(cast, |role| matches!(role, Role::Member(g, _) if g == group))
        }
        Target::Group(group) => of(cast, |role| matches!(role, Role::Spare(g, _) if g == group)),
    };
    let wants_down = fault.kind.action == Action::Join;
    let fits = |node: &NodeId| {
        if wants_down { !world.is_up(*node) } else { world.is_up(*node) && !world.is_paused(*node) }
    };
    let fitting: Vec<NodeId> = candidates.into_iter().filter(fits).collect();
    let index = usize::try_from(fault.pick).unwrap_or(0) % fitting.len().max(1);
    fitting.get(index).copied()
}

fn of(cast: &Cast, is: impl Fn(Role) -> bool) -> Vec<NodeId> {
    cast.nodes().filter(|(_, role)| is(*role)).map(|(node, _)| node).collect()
}

impl Leaders {
    fn leader(&self, partition: TopicPartition) -> Option<NodeId> {
        self.0.get(&partition).and_then(|(leader, _)| *leader).map(NodeId::from)
    }

    fn follower(&self, partition: TopicPartition) -> Option<NodeId> {
        let (leader, isr) = self.0.get(&partition)?;
        isr.iter().find(|broker| Some(**broker) != *leader).copied().map(NodeId::from)
    }
}

fn kind(action: &Action) -> &'static str {
    match action {
        Action::Crash => "crash",
        Action::Restart => "restart",
        Action::RollingRestart => "rolling-restart",
        Action::Pause => "pause",
        Action::Isolate { .. } => "isolate",
        Action::Slow(_) => "slow",
        Action::Lossy(_) => "lossy",
        Action::Reset => "reset",
        Action::SlowFollower => "slow-follower",
        Action::Leave => "leave",
        Action::Join => "join",
        Action::StallPoll => "stall-poll",
    }
}

/// The rule in words, if the target is not a name.
fn rule(target: Target, world: &World) -> Option<String> {
    let partition = |topic: TopicId, number| {
        world.kernel.recorder.context().partition(TopicPartition::new(topic, number))
    };
    let group =
        |group: u16| world.kernel.recorder.context().groups[usize::from(group)].name.clone();
    match target {
        Target::Broker(_) | Target::Controller | Target::Producer(..) | Target::Member(..) => None,
        Target::LeaderOf(topic, number) => Some(format!("leader of {}", partition(topic, number))),
        Target::FollowerOf(topic, number) => {
            Some(format!("a follower of {}", partition(topic, number)))
        }
        Target::CoordinatorOf(index) => Some(format!("coordinator of {}", group(index))),
        Target::AnyBroker => Some("any broker".to_owned()),
        Target::AllBrokers => Some("brokers".to_owned()),
        Target::AnyProducer(_) => Some("any producer".to_owned()),
        Target::AnyMember(index) => Some(format!("any member of {}", group(index))),
        Target::Group(index) => Some(group(index)),
    }
}
