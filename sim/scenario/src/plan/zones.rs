//! Zones: the racks of the first cluster, and who is in each. A rack is a name that brokers share.
//!
//! A controller has no rack in Kafka: the first is in the zone of broker-1, the next in the next zone, and so on. A
//! member is in the zone that its `client.rack` names. Producers are in none.

use super::{Plan, Target};
use ackproof_types::ClusterId;

impl Plan {
    /// The zones, in the order of the brokers.
    #[must_use]
    pub fn zones(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for rack in &self.main().racks {
            if !names.contains(&rack.as_str()) {
                names.push(rack);
            }
        }
        names
    }

    /// Everybody in a zone: brokers, controllers, members.
    #[must_use]
    pub fn in_zone(&self, zone: u16) -> Vec<Target> {
        let names = self.zones();
        let Some(name) = names.get(usize::from(zone)) else { return Vec::new() };
        let racks = self.brokers_of(ClusterId::FIRST).zip(&self.main().racks);
        let brokers = racks.filter(|(_, rack)| rack == name).map(|(one, _)| Target::Broker(one));
        let there = |nth: usize| nth % names.len() == usize::from(zone);
        let controllers = self.controllers_of(ClusterId::FIRST).enumerate();
        let controllers = controllers.filter(|(nth, _)| there(*nth));
        let groups = (0..).zip(&self.groups).flat_map(|(number, group)| {
            let rack = group.config.text("client.rack").unwrap_or_default();
            let is_there =
                move |member: &u16| rack.replace("{member}", &member.to_string()) == *name;
            (0..group.members).filter(is_there).map(move |one| Target::Member(number, one))
        });
        brokers.chain(controllers.map(|(_, one)| Target::Controller(one))).chain(groups).collect()
    }
}
