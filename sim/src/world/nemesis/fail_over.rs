//! Groups that go over to another cluster.

use super::Nemesis;
use crate::world::lives::World;
use crate::world::lower::Role;
use ackproof_oracle::history::Event;
use ackproof_scenario::plan::Target;
use ackproof_scenario::schedule::ScheduledFault;
use ackproof_types::GroupId;

impl Nemesis<'_> {
    /// The members of a group end, and as many start beside the other cluster, unless they have done so before.
    pub(super) fn fail_over(&mut self, (number, fault): (u32, &ScheduledFault), world: &mut World) {
        let Target::Group(group) = fault.kind.target else { return };
        let Some(to) = self.plan.stand_in(group) else { return };
        let members = |wanted: u16| {
            let of = move |role: &Role| matches!(role, Role::Member(one, _) if *one == wanted);
            self.cast.nodes().filter(move |(_, role)| of(role)).map(|(node, _)| node)
        };
        let (here, there): (Vec<_>, Vec<_>) = (members(group).collect(), members(to).collect());
        if here.iter().all(|node| world.is_retired(*node)) {
            return self.note((number, fault), None, None, world);
        }
        let name = self.plan.groups[usize::from(group)].name.clone();
        self.note((number, fault), Some(name), None, world);
        self.record_start(number, None, world);
        let controller = self.cast.controller();
        let (group, to) = (GroupId(group), GroupId(to));
        world.kernel.record(controller, Event::GroupMoved { group, to });
        here.into_iter().for_each(|node| world.retire(node));
        there.into_iter().for_each(|node| world.enlist(node));
        world.kernel.record(controller, Event::FaultEnded { fault: number });
    }
}
