//! What happens to the disks of brokers. In which directory is decided when it happens.

use super::moments::Scene;
use crate::world::lives::World;
use ackproof_kafka::harm::{Harm, Trouble};
use ackproof_scenario::disk::{self, Returns, StorageFault};
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
    let pick = fault.pick;
    let named = match fault.kind.target {
        Target::LeaderOf(topic, number) | Target::FollowerOf(topic, number) => {
            Some(TopicPartition::new(topic, number))
        }
        _ => scene.map(|scene| scene.partition),
    };
    let Action::Storage(storage) = &mut fault.kind.action else { return };
    let Some((dirs, found)) = node.and_then(|node| world.storage(node)) else { return };
    let placed = named.and_then(|partition| found.place(partition));
    let fine: Vec<LogDir> = dirs.all().filter(|dir| found.trouble(*dir).is_none()).collect();
    let drawn = || {
        let count = u64::try_from(fine.len()).unwrap_or(1).max(1);
        usize::try_from(pick % count).ok().and_then(|place| fine.get(place).copied())
    };
    storage.dir = storage.dir.or(placed).or_else(drawn).or(Some(LogDir::default()));
}

pub(super) fn hurt(node: NodeId, fault: StorageFault, world: &mut World) {
    let trouble = match fault.how {
        disk::Harm::Fails(_) => Trouble::Failed,
        disk::Harm::Fills(left) => Trouble::Full { left },
    };
    world.suffer(node, Harm::Begins(fault.dir.unwrap_or_default(), trouble));
}

/// The directory can be used again, after a restart.
pub(super) fn heal(node: NodeId, fault: StorageFault, world: &mut World) {
    let dir = fault.dir.unwrap_or_default();
    match fault.how {
        disk::Harm::Fails(Returns::Empty) => world.suffer(node, Harm::Replaced(dir)),
        disk::Harm::Fails(Returns::Intact) | disk::Harm::Fills(_) => {
            world.suffer(node, Harm::Ends(dir));
        }
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
