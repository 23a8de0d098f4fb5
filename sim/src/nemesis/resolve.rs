//! Whom a fault hits: the rules of a plan turned into processes of the run. It changes nothing.

use crate::lower::{Cast, Role};
use crate::world::World;
use ackproof_scenario::plan::{Action, Direction, Links, Peers, Target};
use ackproof_scenario::schedule::ScheduledFault;
use ackproof_types::{NodeId, TopicId, TopicPartition};

/// Every broker, ascending.
pub(crate) fn brokers(cast: &Cast) -> Vec<NodeId> {
    of(cast, |role| role == Role::Broker)
}

/// The process a fault hits, if one fits: it must be up, and not frozen.
pub(crate) fn target(fault: &ScheduledFault, cast: &Cast, world: &World) -> Option<NodeId> {
    let wants_down = fault.kind.action == Action::Join;
    let fits = |node: &NodeId| {
        if wants_down { !world.is_up(*node) } else { world.is_up(*node) && !world.is_paused(*node) }
    };
    choose(fault.kind.target, fault.pick, cast, world, fits)
}

/// One of the candidates of a rule: the first where the rule has an order, else the one drawn.
fn choose(
    target: Target,
    pick: u64,
    cast: &Cast,
    world: &World,
    fits: impl Fn(&NodeId) -> bool,
) -> Option<NodeId> {
    let fitting: Vec<NodeId> =
        candidates(target, cast, world).into_iter().filter(|node| fits(node)).collect();
    let is_drawn =
        matches!(target, Target::AnyBroker | Target::AnyProducer(_) | Target::AnyMember(_));
    let count = u64::try_from(fitting.len()).unwrap_or(1).max(1);
    let index = if is_drawn { usize::try_from(pick % count).unwrap_or(0) } else { 0 };
    fitting.get(index).copied()
}

fn candidates(target: Target, cast: &Cast, world: &World) -> Vec<NodeId> {
    let recorder = &world.kernel.recorder;
    let leader = |partition| recorder.leaders().leader(partition).into_iter().collect();
    let partition = |topic: TopicId, number| TopicPartition::new(topic, number);
    match target {
        Target::Broker(broker) => vec![NodeId(broker)],
        Target::Controller => vec![NodeId::CONTROLLER],
        Target::LeaderOf(topic, number) => leader(partition(topic, number)),
        Target::FollowerOf(topic, number) => recorder.leaders().followers(partition(topic, number)),
        Target::CoordinatorOf(group) => leader(recorder.offsets_partition(group)),
        Target::AnyBroker | Target::AllBrokers => brokers(cast),
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
        Target::Sides => Vec::new(),
    }
}

fn of(cast: &Cast, is: impl Fn(Role) -> bool) -> Vec<NodeId> {
    cast.nodes().filter(|(_, role)| is(*role)).map(|(node, _)| node).collect()
}

/// The processes that `peers` means and nobody has `taken`.
fn members(peers: Peers, pick: u64, taken: &[NodeId], cast: &Cast, world: &World) -> Vec<NodeId> {
    let all = match peers {
        Peers::Brokers => brokers(cast),
        Peers::Controllers => of(cast, |role| role == Role::Controller),
        Peers::Clients => {
            of(cast, |role| matches!(role, Role::Producer(..) | Role::Member(..) | Role::Spare(..)))
        }
        Peers::Producer(index) => {
            of(cast, |role| matches!(role, Role::Producer(p, ..) if p == index))
        }
        Peers::Group(index) => {
            of(cast, |role| matches!(role, Role::Member(g, _) | Role::Spare(g, _) if g == index))
        }
        Peers::One(target) => {
            let free = |node: &NodeId| !taken.contains(node);
            choose(target, pick, cast, world, free).into_iter().collect()
        }
    };
    all.into_iter().filter(|node| !taken.contains(node)).collect()
}

/// The links of `node` that `links` means, each with its direction.
pub(crate) fn links(
    node: NodeId,
    links: &Links,
    pick: u64,
    cast: &Cast,
    world: &World,
) -> Vec<(NodeId, NodeId)> {
    let mut taken = vec![node];
    for peers in &links.peers {
        let more = members(*peers, pick, &taken, cast, world);
        taken.extend(more);
    }
    taken[1..]
        .iter()
        .flat_map(|other| match links.direction {
            Direction::Both => vec![(node, *other), (*other, node)],
            Direction::Outgoing => vec![(node, *other)],
            Direction::Incoming => vec![(*other, node)],
        })
        .collect()
}

/// The processes on each side of a partition; whoever two sides mean is on the first.
pub(crate) fn sides(
    sides: &[Vec<Peers>],
    pick: u64,
    cast: &Cast,
    world: &World,
) -> Vec<Vec<NodeId>> {
    let mut taken: Vec<NodeId> = Vec::new();
    let mut found = Vec::new();
    for side in sides {
        let start = taken.len();
        for peers in side {
            let more = members(*peers, pick, &taken, cast, world);
            taken.extend(more);
        }
        found.push(taken[start..].to_vec());
    }
    found
}

/// Every link between two sides, both ways.
pub(crate) fn between(sides: &[Vec<NodeId>]) -> Vec<(NodeId, NodeId)> {
    let mut links = Vec::new();
    for (index, one) in sides.iter().enumerate() {
        for other in sides.iter().skip(index + 1) {
            for (a, b) in one.iter().flat_map(|a| other.iter().map(move |b| (*a, *b))) {
                links.extend([(a, b), (b, a)]);
            }
        }
    }
    links
}
