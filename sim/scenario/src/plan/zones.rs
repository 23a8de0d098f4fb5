//! Zones: the racks of all clusters, and who is in each. A rack is a name that brokers share, of one cluster or of
//! several.
//!
//! A controller has no rack in Kafka: the first of a cluster is in its first zone, the next in its next one. A
//! member is in the zone that its `client.rack` names. Producers are in none.

use super::{Plan, Target};

impl Plan {
    /// The zones, in the order of the brokers.
    #[must_use]
    pub fn zones(&self) -> Vec<&str> {
        distinct(self.clusters.iter().flat_map(|one| &one.racks))
    }

    /// Everybody in a zone: brokers, controllers, members.
    #[must_use]
    pub fn in_zone(&self, zone: u16) -> Vec<Target> {
        let names = self.zones();
        let Some(name) = names.get(usize::from(zone)) else { return Vec::new() };
        let (mut brokers, mut controllers) = (Vec::new(), Vec::new());
        for (id, cluster) in self.numbered() {
            let racks = self.brokers_of(id).zip(&cluster.racks);
            brokers.extend(racks.filter(|(_, rack)| rack == name).map(|(one, _)| one));
            // What hits a broker hits the controller of its process.
            if cluster.combined {
                continue;
            }
            let order = distinct(&cluster.racks);
            let there = |nth: usize| order.get(nth % order.len().max(1)) == Some(name);
            let all = self.controllers_of(id).enumerate();
            controllers.extend(all.filter(|(nth, _)| there(*nth)).map(|(_, one)| one));
        }
        let groups = (0..).zip(&self.groups).flat_map(|(number, group)| {
            let rack = group.config.text("client.rack").unwrap_or_default();
            let is_there =
                move |member: &u16| rack.replace("{member}", &member.to_string()) == *name;
            (0..group.members).filter(is_there).map(move |one| Target::Member(number, one))
        });
        let brokers = brokers.into_iter().map(Target::Broker);
        brokers.chain(controllers.into_iter().map(Target::Controller)).chain(groups).collect()
    }
}

/// Each name once, in the order of the first.
fn distinct<'a>(racks: impl IntoIterator<Item = &'a String>) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for rack in racks {
        if !names.contains(&rack.as_str()) {
            names.push(rack);
        }
    }
    names
}
