//! Whom a fault hits in a real cluster: the rules of a plan turned into hosts, through Kafka's own admin
//! client at the time of the fault. It hurts nobody.

use crate::cast::Role;
use crate::kafka::controller_id;
use crate::network::{Host, Link};
use crate::observer::Placed;
use crate::stage::Stage;
use ackproof_scenario::plan::{Action, Links, Peers, Target};
use ackproof_scenario::schedule::ScheduledFault;
use ackproof_types::TopicId;

/// The hosts that a fault hits: one process, or all controllers. Empty: nobody fits.
pub(crate) fn hit(fault: &ScheduledFault, stage: &mut Stage<'_>) -> Result<Vec<Host>, String> {
    let mut fitting = candidates(fault.kind.target, stage)?;
    let joins = fault.kind.action == Action::Join;
    fitting.retain(|host| stage.is_up(*host) != joins && !stage.is_frozen(*host));
    Ok(match fault.kind.target {
        // The harness runs three controllers where a plan has one.
        Target::Controller(_) | Target::ActiveController(_) => fitting,
        Target::AnyBroker
        | Target::AnyController
        | Target::AnyProducer(_)
        | Target::AnyMember(_) => pick(&fitting, fault.pick).into_iter().collect(),
        _ => fitting.into_iter().take(1).collect(),
    })
}

fn pick(fitting: &[Host], pick: u64) -> Option<Host> {
    let count = u64::try_from(fitting.len()).ok().filter(|count| *count > 0)?;
    usize::try_from(pick % count).ok().map(|index| fitting[index])
}

fn candidates(target: Target, stage: &mut Stage<'_>) -> Result<Vec<Host>, String> {
    let cast = stage.cast.clone();
    let broker = |ids: Vec<u16>| -> Vec<Host> {
        let one = |id| cast.hosts(|role| role == Role::Broker(id));
        ids.into_iter().flat_map(one).collect()
    };
    Ok(match target {
        Target::Broker(id) => broker(vec![id]),
        Target::Controller(number) if stage.plan.main().controllers > 1 => {
            cast.hosts(|role| role == Role::Controller(number + 1))
        }
        Target::ActiveController(_) if stage.plan.main().controllers > 1 => {
            let active: u16 = stage.observer.learn("controller", "controller")?;
            let is = |role| matches!(role, Role::Controller(one) if controller_id(one) == active);
            let all = cast.hosts(|role| matches!(role, Role::Controller(_)));
            all.into_iter().filter(|host| is(cast.player(*host).role)).collect()
        }
        Target::Controller(_)
        | Target::ActiveController(_)
        | Target::AnyController
        | Target::AllControllers(_) => cast.hosts(|role| matches!(role, Role::Controller(_))),
        Target::LeaderOf(topic, number) => {
            broker(placed(topic, number, stage)?.leader.into_iter().collect())
        }
        Target::FollowerOf(topic, number) => {
            let mut placed = placed(topic, number, stage)?;
            placed.isr.retain(|id| Some(*id) != placed.leader);
            placed.isr.sort_unstable();
            broker(placed.isr)
        }
        // Faults with "on" are refused before.
        Target::Its(_) => Vec::new(),
        Target::CoordinatorOf(group) => {
            let name = &stage.plan.groups[usize::from(group)].name;
            broker(vec![stage.observer.learn(&format!("coordinator {name}"), "coordinator")?])
        }
        Target::AnyBroker | Target::AllBrokers(_) => {
            cast.hosts(|role| matches!(role, Role::Broker(_)))
        }
        Target::Producer(producer, instance) => cast.hosts(
            |role| matches!(role, Role::Producer(p, i, _) if (p, i) == (producer, instance)),
        ),
        Target::AnyProducer(name) => cast.hosts(
            |role| matches!(role, Role::Producer(p, ..) if name.is_none_or(|name| name == p)),
        ),
        Target::Member(group, member) => {
            cast.hosts(|role| matches!(role, Role::Member(g, m) if (g, m) == (group, member)))
        }
        Target::AnyMember(group) => {
            cast.hosts(|role| matches!(role, Role::Member(g, _) if g == group))
        }
        Target::Group(group) => cast.hosts(|role| matches!(role, Role::Spare(g, _) if g == group)),
        Target::AllMembers(group) => {
            cast.hosts(|role| matches!(role, Role::Member(g, _) if g == group))
        }
        // Partitions for a topic are refused, and nobody is outside.
        Target::Outsider(_)
        | Target::Zone(_)
        | Target::Topic(_)
        | Target::Partition(..)
        | Target::Sides => Vec::new(),
    })
}

fn placed(topic: TopicId, number: u16, stage: &mut Stage<'_>) -> Result<Placed, String> {
    let name = &stage.plan.topics[topic.index()].name;
    stage.observer.learn(&format!("partition {name} {number}"), "")
}

/// The hosts that `peers` means and nobody has `taken`.
fn members(peers: Peers, taken: &[Host], stage: &mut Stage<'_>) -> Result<Vec<Host>, String> {
    let of = |is: fn(Role, u16) -> bool, index| stage.cast.hosts(|role| is(role, index));
    let all = match peers {
        Peers::Brokers => of(|role, _| matches!(role, Role::Broker(_)), 0),
        Peers::Controllers => of(|role, _| matches!(role, Role::Controller(_)), 0),
        Peers::Clients => {
            of(|role, _| matches!(role, Role::Producer(..) | Role::Member(..) | Role::Spare(..)), 0)
        }
        // The harness runs one cluster, and everybody is beside it.
        Peers::Cluster(_) => of(|role, _| matches!(role, Role::Broker(_) | Role::Controller(_)), 0),
        Peers::Datacentre(_) => of(|_, _| true, 0),
        Peers::Producer(index) => {
            of(|role, index| matches!(role, Role::Producer(p, ..) if p == index), index)
        }
        Peers::Group(index) => of(
            |role, index| matches!(role, Role::Member(g, _) | Role::Spare(g, _) if g == index),
            index,
        ),
        Peers::One(Target::Controller(_)) => of(|role, _| matches!(role, Role::Controller(_)), 0),
        Peers::One(target) => {
            let mut free = candidates(target, stage)?.into_iter();
            free.find(|host| !taken.contains(host)).into_iter().collect()
        }
    };
    Ok(all.into_iter().filter(|host| !taken.contains(host)).collect())
}

/// The links of `hosts` that `links` means, each with its direction.
pub(crate) fn links(
    hosts: &[Host],
    links: &Links,
    stage: &mut Stage<'_>,
) -> Result<Vec<Link>, String> {
    let mut taken = hosts.to_vec();
    for peers in &links.peers {
        let more = members(*peers, &taken, stage)?;
        taken.extend(more);
    }
    let others = taken.split_off(hosts.len());
    let pairs = hosts.iter().flat_map(|host| others.iter().map(move |other| (*host, *other)));
    Ok(pairs.flat_map(|(host, other)| links.direction.ways(host, other)).collect())
}

/// The hosts on each side of a partition; whoever two sides mean is on the first.
pub(crate) fn sides(sides: &[Vec<Peers>], stage: &mut Stage<'_>) -> Result<Vec<Vec<Host>>, String> {
    let mut taken: Vec<Host> = Vec::new();
    let mut found = Vec::new();
    for side in sides {
        let start = taken.len();
        for peers in side {
            let more = members(*peers, &taken, stage)?;
            taken.extend(more);
        }
        found.push(taken[start..].to_vec());
    }
    Ok(found)
}

/// Everyone of a rolling restart.
pub(crate) fn hit_all(fault: &ScheduledFault, stage: &mut Stage<'_>) -> Result<Vec<Host>, String> {
    candidates(fault.kind.target, stage)
}

/// The links on which the brokers `hosts` get what they fetch from others.
pub(crate) fn fetched(hosts: &[Host], stage: &Stage<'_>) -> Vec<Link> {
    let leaders = stage.cast.hosts(|role| matches!(role, Role::Broker(_)));
    let others = leaders.into_iter().filter(|leader| !hosts.contains(leader));
    others.flat_map(|leader| hosts.iter().map(move |host| (leader, *host))).collect()
}
