//! A rolling restart as a careful operator does it: one broker after another, the next one only when the
//! last one is back in every in-sync set. Members of a group are restarted as a deployment does it: the next
//! one once the last one has started, whatever the group makes of it. It decides what to do next; the
//! nemesis does it.

use crate::world::lives::World;
use ackproof_types::{Micros, NodeId};
use std::collections::VecDeque;

/// How long the operator waits for one thing before going on.
const PATIENCE: Micros = Micros::from_secs(60);

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing yet.
    Wait,
    /// Stop this broker cleanly.
    Stop(NodeId),
    /// The next broker was down all the time: leave it out.
    Skip,
    /// It does not stop by itself: kill it, as a service manager does.
    Kill(NodeId),
    /// Start it again.
    Boot(NodeId),
    /// All is done.
    Done,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// For the next broker to be up and, before that, for the last one to be in sync.
    Before { last: Option<NodeId>, since: u64 },
    /// For it to stop.
    Stopping { node: NodeId, since: u64 },
    /// For its time to be over.
    Down { node: NodeId, since: u64 },
}

/// A rolling restart under way.
#[derive(Clone, Debug)]
pub(crate) struct Rolling {
    left: VecDeque<NodeId>,
    down: Micros,
    /// How long a process may take to stop.
    grace: Micros,
    stage: Option<Stage>,
}

impl Rolling {
    /// Of `all` processes in turn, each down for `down` once it has stopped, for which it has `grace`.
    pub(crate) fn new(all: Vec<NodeId>, down: Micros, grace: Option<Micros>) -> Self {
        Self { left: all.into(), down, grace: grace.unwrap_or(PATIENCE), stage: None }
    }

    /// The broker that is stopping or down.
    pub(crate) fn current(&self) -> Option<NodeId> {
        match self.stage {
            Some(Stage::Stopping { node, .. } | Stage::Down { node, .. }) => Some(node),
            Some(Stage::Before { .. }) | None => None,
        }
    }

    /// Whether `node` is that broker.
    pub(crate) fn has(&self, node: NodeId) -> bool {
        self.current() == Some(node)
    }

    /// Whether a broker is stopping or down.
    pub(crate) fn is_at_work(&self) -> bool {
        self.current().is_some()
    }

    /// What to do now.
    pub(crate) fn look(&mut self, world: &World) -> Step {
        let now = world.now();
        let stage = *self.stage.get_or_insert(Stage::Before { last: None, since: now });
        let is_late = |since: u64| now >= since + PATIENCE.0;
        match stage {
            Stage::Before { last, since } => {
                let leaders = world.kernel.recorder.leaders();
                let is_back = last
                    .is_none_or(|last| world.is_ready(last) && leaders.is_in_sync_everywhere(last));
                let Some(next) = self.left.front().copied() else {
                    return if is_back || is_late(since) { Step::Done } else { Step::Wait };
                };
                let can_stop = world.is_ready(next) && !world.is_paused(next);
                if can_stop && (is_back || is_late(since)) {
                    self.left.pop_front();
                    self.stage = Some(Stage::Stopping { node: next, since: now });
                    Step::Stop(next)
                } else if is_late(since) {
                    self.left.pop_front();
                    self.stage = Some(Stage::Before { last, since: now });
                    Step::Skip
                } else {
                    Step::Wait
                }
            }
            Stage::Stopping { node, since } => {
                if !world.is_up(node) {
                    self.stage = Some(Stage::Down { node, since: now });
                } else if now >= since + self.grace.0 {
                    return Step::Kill(node);
                }
                Step::Wait
            }
            Stage::Down { node, since } => {
                if now < since + self.down.0 {
                    return Step::Wait;
                }
                self.stage = Some(Stage::Before { last: Some(node), since: now });
                Step::Boot(node)
            }
        }
    }
}
