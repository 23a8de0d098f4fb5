//! What happens to the disks of brokers. In which directory is decided when it happens.

use super::moments::Scene;
use crate::world::lives::World;
use ackproof_kafka::harm::{Batch, Harm, Trouble};
use ackproof_scenario::disk::{self, Returns, Stops, StorageFault};
use ackproof_scenario::plan::{Action, Target};
use ackproof_scenario::schedule::ScheduledFault;
use ackproof_types::{LogDir, NodeId, TopicPartition};

/// Puts into a fault which directory of `node` it is about: the one that holds the partition that the target is named
/// by, or that has to do with the moment; else the one that the seed draws of those that are as usual.
pub(super) fn settle(
    fault: &mut ScheduledFault,
    node: Option<NodeId>,
    scene: Option<Scene>,
    world: &World,
) {
    let (pick, named) = (fault.pick, named(fault, scene));
    let Action::Storage(storage) = &mut fault.kind.action else { return };
    if let disk::Harm::Damages(batch, _) = &mut storage.how {
        // As a schedule keeps it.
        if *batch == disk::Batch::Any {
            *batch = disk::Batch::Drawn((pick >> 32) as u32);
        }
        storage.log =
            storage.log.or_else(|| node.and_then(|node| damaged(node, pick, named, world)));
        return;
    }
    let Some((dirs, found)) = node.and_then(|node| world.storage(node)) else { return };
    let placed = named.and_then(|partition| found.place(partition));
    let fine: Vec<LogDir> = dirs.all().filter(|dir| found.trouble(*dir).is_none()).collect();
    let drawn = || {
        let count = u64::try_from(fine.len()).unwrap_or(1).max(1);
        usize::try_from(pick % count).ok().and_then(|place| fine.get(place).copied())
    };
    storage.dir = storage.dir.or(placed).or_else(drawn).or(Some(LogDir::default()));
}

/// The partition that a fault is about, if its target or its moment says it.
fn named(fault: &ScheduledFault, scene: Option<Scene>) -> Option<TopicPartition> {
    match fault.kind.target {
        Target::LeaderOf(topic, number) | Target::FollowerOf(topic, number) => {
            Some(TopicPartition::new(topic, number))
        }
        _ => scene.and_then(|scene| scene.partition),
    }
}

pub(super) fn hurt(node: NodeId, fault: StorageFault, world: &mut World) {
    let dir = fault.dir.unwrap_or_default();
    match fault.how {
        disk::Harm::Fails(_) => world.suffer(node, Harm::Begins(dir, Trouble::Failed)),
        disk::Harm::Fills(left) => {
            world.suffer(node, Harm::Begins(dir, Trouble::Full { left }));
        }
        disk::Harm::Damages(batch, stops) => {
            let batch = match batch {
                disk::Batch::Last => Batch::Last,
                disk::Batch::Any => Batch::Drawn(0),
                disk::Batch::Drawn(number) => Batch::Drawn(number.into()),
            };
            if let Some(log) = fault.log {
                world.suffer(node, Harm::Damaged(log, batch));
            }
            match stops {
                Stops::Killed => world.kill(node),
                Stops::Cleanly => world.stop(node),
            }
        }
    }
}

/// The log that is hit: the one that is named, if it holds records there, else one that the seed draws.
fn damaged(
    node: NodeId,
    pick: u64,
    named: Option<TopicPartition>,
    world: &World,
) -> Option<TopicPartition> {
    let (_, found) = world.storage(node)?;
    let all: Vec<TopicPartition> = found.with_records().collect();
    let named = named.filter(|log| all.contains(log));
    let count = u64::try_from(all.len()).unwrap_or(1).max(1);
    let drawn = usize::try_from(pick % count).ok().and_then(|place| all.get(place).copied());
    named.or(drawn)
}

/// The directory can be used again, after a restart.
pub(super) fn heal(node: NodeId, fault: StorageFault, world: &mut World) {
    let dir = fault.dir.unwrap_or_default();
    match fault.how {
        disk::Harm::Fails(Returns::Empty) => world.suffer(node, Harm::Replaced(dir)),
        disk::Harm::Fails(Returns::Intact) | disk::Harm::Fills(_) => {
            world.suffer(node, Harm::Ends(dir));
        }
        disk::Harm::Damages(..) => return world.start(node),
    }
    if world.is_ready(node) {
        // Whoever runs it starts it again.
        world.stop(node);
    } else {
        world.start(node);
    }
}

/// Whether a process could start on the disk of `node` as it is.
pub(super) fn can_start(node: NodeId, world: &World) -> bool {
    world.storage(node).is_none_or(|(dirs, disk)| disk.can_start(dirs))
}
