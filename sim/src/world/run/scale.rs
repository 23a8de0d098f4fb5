//! Groups that scale with their lag: members come and go as an autoscaler wants.

use super::Director;
use crate::world::events::Agenda;
use crate::world::lower::Role;
use ackproof_types::{Micros, NodeId};

impl Director<'_> {
    /// An autoscaler looks, and members come or go.
    pub(super) fn scale(&mut self, number: u16) {
        let Some(lags) = self.world.kernel.recorder.lags.as_ref().filter(|_| !self.has_settled)
        else {
            return;
        };
        let now = Micros(self.world.now());
        let one = &mut self.autoscalers[usize::from(number)];
        let group = one.group;
        let least = self.plan.groups[usize::from(group)].members;
        let is_spare = |role: &Role| matches!(role, Role::Spare(of, _) if *of == group);
        let spares = self.cast.nodes().filter(|(_, role)| is_spare(role)).map(|(node, _)| node);
        let spares: Vec<NodeId> = spares.collect();
        let is_up = |node: &&NodeId| self.world.is_up(**node);
        let current = least + u16::try_from(spares.iter().filter(is_up).count()).unwrap_or(0);
        let wanted = usize::from(one.look(now, current, self.plan, lags) - least);
        let every = one.config.every;
        for (place, node) in spares.into_iter().enumerate() {
            let (is_up, is_wanted) = (self.world.is_up(node), place < wanted);
            if is_wanted && !is_up {
                self.world.start(node);
            } else if is_up && !is_wanted {
                self.world.stop(node);
            }
        }
        self.put(now + every, Agenda::Scale(number));
    }
}
