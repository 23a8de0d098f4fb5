//! Whom a fault hits: the rules of a plan turned into processes of the run. It changes nothing.

use super::moments::Scene;
use crate::world::lives::World;
use crate::world::lower::{Cast, Role};
use ackproof_scenario::moment::Its;
use ackproof_scenario::plan::{Action, FaultKind, Links, Peers, Target};
use ackproof_scenario::schedule::ScheduledFault;
use ackproof_types::{ClusterId, NodeId, TopicId, TopicPartition};

/// Every broker, ascending.
pub(crate) fn brokers(cast: &Cast) -> Vec<NodeId> {
    of(cast, |role| matches!(role, Role::Broker(_)))
}

/// The process a fault hits, if one fits: it must be up, and not frozen.
pub(crate) fn target(fault: &ScheduledFault, cast: &Cast, world: &World) -> Option<NodeId> {
    let action = &fault.kind.action;
    let mut all = candidates(fault.kind.target, cast, world);
    if !matches!(action, Action::Administer(_)) {
        all.iter_mut().for_each(|node| *node = cast.whole(*node));
    }
    let reaches = |node: NodeId| reaches(action, cast.roles[node.index()]);
    all.into_iter().find(|node| fits(action, *node, world) && reaches(*node))
}

/// Of whom no model speaks, faults reach the links alone.
fn reaches(action: &Action, role: Role) -> bool {
    let is_of_links = matches!(
        action,
        Action::Isolate(_)
            | Action::Slow { .. }
            | Action::Lossy { .. }
            | Action::Throttle { .. }
            | Action::Reset
    );
    is_of_links || !matches!(role, Role::Outsider(_))
}

fn fits(action: &Action, node: NodeId, world: &World) -> bool {
    match action {
        Action::Join => !world.is_up(node),
        // A process that is starting has no connections yet, and no application.
        Action::Reset | Action::Hold(_) | Action::Administer(_) => {
            world.is_ready(node) && !world.is_paused(node)
        }
        _ => world.is_up(node) && !world.is_paused(node),
    }
}

/// Puts the brokers that have to do with the moment in place of what they are to it. At any time that is the
/// leader of a partition, and the partition, that the seed draws.
pub(crate) fn at_the_scene(
    fault: &mut ScheduledFault,
    scene: Option<Scene>,
    cast: &Cast,
    world: &World,
) {
    let leaders = world.kernel.recorder.leaders();
    let partition = scene.map_or_else(|| leaders.drawn(fault.pick), |scene| scene.partition);
    let leader = || partition.and_then(|partition| leaders.leader(partition));
    let drawn = |all: Vec<NodeId>| {
        let count = u64::try_from(all.len()).unwrap_or(1).max(1);
        usize::try_from(fault.pick % count).ok().and_then(|place| all.get(place).copied())
    };
    let node = |its: Its| match its {
        Its::Broker => scene.map_or_else(leader, |scene| Some(scene.node)),
        Its::Leader => leader(),
        Its::Follower => drawn(leaders.followers(partition?)),
        Its::Laggard => drawn(leaders.laggards(partition?)),
        Its::Voter => scene.filter(|scene| scene.candidate.is_some()).map(|scene| scene.node),
        Its::Candidate => scene.and_then(|scene| scene.candidate),
    };
    let settle = |target: &mut Target| {
        let Target::Its(its) = *target else { return };
        match node(its).map(|node| cast.roles[node.index()]) {
            Some(Role::Broker(id)) => *target = Target::Broker(id.0),
            Some(Role::Controller(_, id)) if its.is_controller() => {
                *target = Target::Controller(id.0);
            }
            _ => {}
        }
    };
    settle(&mut fault.kind.target);
    let settle_all = |peers: &mut Vec<Peers>| {
        for peers in peers {
            if let Peers::One(target) = peers {
                settle(target);
            }
        }
    };
    fault.kind.action.peers_mut().into_iter().for_each(settle_all);
}

/// What `fault` does to whom, with a name in place of every `any …` that fits somebody.
pub(crate) fn decide(fault: &ScheduledFault, cast: &Cast, world: &World) -> FaultKind {
    let mut kind = fault.kind.clone();
    let pick = fault.pick;
    kind.target =
        drawn(kind.target, pick, cast, world, |node| fits(&fault.kind.action, node, world));
    let mut taken: Vec<NodeId> =
        target(&ScheduledFault { kind: kind.clone(), ..fault.clone() }, cast, world)
            .into_iter()
            .collect();
    let decide = |peers: &mut Vec<Peers>| {
        for peers in peers {
            if let Peers::One(target) = peers {
                *target = drawn(*target, pick, cast, world, |node| !taken.contains(&node));
            }
            let more = members(*peers, &taken, cast, world);
            taken.extend(more);
        }
    };
    kind.action.peers_mut().into_iter().for_each(decide);
    kind
}

/// `target`; if it is drawn, the one of those who fit that `pick` chooses.
fn drawn(
    target: Target,
    pick: u64,
    cast: &Cast,
    world: &World,
    fits: impl Fn(NodeId) -> bool,
) -> Target {
    let is_drawn = match target {
        Target::AnyBroker | Target::AnyController => true,
        other => matches!(other, Target::AnyProducer(_) | Target::AnyMember(_)),
    };
    if !is_drawn {
        return target;
    }
    let fitting: Vec<NodeId> =
        candidates(target, cast, world).into_iter().filter(|node| fits(*node)).collect();
    let count = u64::try_from(fitting.len()).unwrap_or(1).max(1);
    let chosen = usize::try_from(pick % count).ok().and_then(|index| fitting.get(index));
    chosen.map_or(target, |node| match cast.roles[node.index()] {
        Role::Broker(id) => Target::Broker(id.0),
        Role::Producer(producer, instance, _) => Target::Producer(producer, instance),
        Role::Member(group, member) => Target::Member(group, member),
        Role::Controller(_, id) => Target::Controller(id.0),
        Role::Outsider(client) => Target::Outsider(client),
        Role::Spare(..) | Role::Reader(_) => target,
    })
}

/// Everybody that a rolling restart takes in turn.
pub(crate) fn in_turn(target: Target, cast: &Cast, world: &World) -> Vec<NodeId> {
    let mut all = candidates(target, cast, world);
    all.iter_mut().for_each(|node| *node = cast.whole(*node));
    all
}

fn candidates(target: Target, cast: &Cast, world: &World) -> Vec<NodeId> {
    let recorder = &world.kernel.recorder;
    let leader = |partition| recorder.leaders().leader(partition).into_iter().collect();
    let partition = |topic: TopicId, number| TopicPartition::new(topic, number);
    // One controller is the active one all the time.
    let active = |cluster: ClusterId| match cast.controllers_of(cluster).collect::<Vec<_>>() {
        one if one.len() == 1 => one,
        several => recorder.leaders().active_controller(&several).into_iter().collect(),
    };
    match target {
        Target::Broker(broker) => cast.broker(broker).into_iter().collect(),
        Target::Controller(number) => cast.controller_at(number).into_iter().collect(),
        Target::ActiveController(cluster) => active(cluster),
        Target::AnyController => cast.controllers_of(ClusterId::FIRST).collect(),
        Target::AllControllers(id) => cast.controllers_of(id).collect(),
        Target::AllBrokers(Some(id)) => cast.brokers_of(id).collect(),
        Target::Topic(topic) | Target::Partition(topic, _) => active(cast.topics[topic.index()]),
        Target::LeaderOf(topic, number) => leader(partition(topic, number)),
        Target::FollowerOf(topic, number) => recorder.leaders().followers(partition(topic, number)),
        Target::CoordinatorOf(group) => leader(recorder.offsets_partition(group)),
        // Who it is was decided when the moment came; else nobody.
        Target::Its(_) => Vec::new(),
        Target::AnyBroker | Target::AllBrokers(None) => brokers(cast),
        Target::Producer(producer, instance) => {
            producers(cast, world, |p, i| (p, i) == (producer, instance))
        }
        Target::AnyProducer(name) => {
            producers(cast, world, |p, _| name.is_none_or(|name| name == p))
        }
        Target::Member(group, member) => {
            of(cast, |role| matches!(role, Role::Member(g, m) if (g, m) == (group, member)))
        }
        Target::AnyMember(group) | Target::AllMembers(group) => {
            of(cast, |role| matches!(role, Role::Member(g, _) if g == group))
        }
        Target::Outsider(client) => {
            of(cast, |role| matches!(role, Role::Outsider(one) if one == client))
        }
        Target::Group(group) => of(cast, |role| matches!(role, Role::Spare(g, _) if g == group)),
        // A fault of each process in it was made of it.
        Target::Zone(_) | Target::Sides => Vec::new(),
    }
}

/// The producers that `is` means, and the clients from outside that stand for them.
fn producers(cast: &Cast, world: &World, is: impl Fn(u16, u16) -> bool) -> Vec<NodeId> {
    let mut all = of(cast, |role| matches!(role, Role::Producer(p, i, _) if is(p, i)));
    let outside = world.kernel.stand_ins.iter().filter(|((p, i), _)| is(*p, *i));
    all.extend(outside.map(|(_, node)| *node));
    all
}

fn of(cast: &Cast, is: impl Fn(Role) -> bool) -> Vec<NodeId> {
    cast.nodes().filter(|(_, role)| is(*role)).map(|(node, _)| node).collect()
}

/// The processes that `peers` means and nobody has `taken`.
fn members(peers: Peers, taken: &[NodeId], cast: &Cast, world: &World) -> Vec<NodeId> {
    let all = match peers {
        Peers::Brokers => brokers(cast),
        Peers::Controllers => cast.controllers(),
        Peers::Clients => of(cast, |role| {
            matches!(
                role,
                Role::Producer(..) | Role::Member(..) | Role::Spare(..) | Role::Outsider(_)
            )
        }),
        Peers::Cluster(id) => {
            let there = cast.beside(id).into_iter();
            there.filter(|node| cast.roster.server(*node).is_some()).collect()
        }
        Peers::Datacentre(id) => cast.beside(id),
        Peers::Producer(index) => producers(cast, world, |p, _| p == index),
        Peers::Group(index) => {
            of(cast, |role| matches!(role, Role::Member(g, _) | Role::Spare(g, _) if g == index))
        }
        Peers::One(target) => {
            let mut free = candidates(target, cast, world).into_iter();
            free.find(|node| !taken.contains(node)).into_iter().collect()
        }
    };
    let mut all: Vec<NodeId> = all.into_iter().filter(|node| !taken.contains(node)).collect();
    let with = all.iter().filter_map(|node| cast.companion(*node));
    let with: Vec<NodeId> = with.filter(|node| !all.contains(node)).collect();
    all.extend(with);
    all
}

/// The links of `node` that `links` means, each with its direction.
pub(crate) fn links(
    node: NodeId,
    links: &Links,
    cast: &Cast,
    world: &World,
) -> Vec<(NodeId, NodeId)> {
    let own: Vec<NodeId> = std::iter::once(node).chain(cast.companion(node)).collect();
    let mut taken = own.clone();
    for peers in &links.peers {
        let more = members(*peers, &taken, cast, world);
        taken.extend(more);
    }
    let others = &taken[own.len()..];
    let of = |one: NodeId| others.iter().flat_map(move |other| links.direction.ways(one, *other));
    own.into_iter().flat_map(of).collect()
}

/// The processes on each side of a partition; whoever two sides mean is on the first.
pub(crate) fn sides(sides: &[Vec<Peers>], cast: &Cast, world: &World) -> Vec<Vec<NodeId>> {
    let mut taken: Vec<NodeId> = Vec::new();
    let mut found = Vec::new();
    for side in sides {
        let start = taken.len();
        for peers in side {
            let more = members(*peers, &taken, cast, world);
            taken.extend(more);
        }
        found.push(taken[start..].to_vec());
    }
    found
}
