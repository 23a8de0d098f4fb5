//! Who takes part in a real run: the processes of the plan with their hosts. The one controller of a plan
//! stands for the quorum: a fault on it hits all controllers of the real cluster.

use crate::kafka::CONTROLLERS;
use crate::network::Host;
use crate::observer;
use ackproof_oracle::context::Context;
use ackproof_scenario::plan::Plan;
use ackproof_types::NodeId;

/// What a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A controller, from 1.
    Controller(u16),
    /// A broker, from 1.
    Broker(u16),
    /// A producer by index, its instance, and its place among all instances.
    Producer(u16, u16, u16),
    /// A group by index, and the member.
    Member(u16, u16),
    /// A member that only a `join` starts.
    Spare(u16, u16),
    /// The observer.
    Observer,
}

/// A process.
#[derive(Clone, Debug)]
pub(crate) struct Player {
    /// Its name, and that of its namespace.
    pub(crate) name: String,
    /// Itself in the history.
    pub(crate) node: NodeId,
    /// What it is.
    pub(crate) role: Role,
}

/// All processes by [`Host`].
#[derive(Clone, Debug)]
pub(crate) struct Cast(Vec<Player>);

impl Cast {
    /// Of `plan`, with the names of `context`, which is made of the same plan.
    pub(crate) fn new(plan: &Plan, context: &Context) -> Self {
        let mut all: Vec<(String, Role)> = Vec::new();
        all.extend((1..=plan.main().brokers).map(|id| (format!("broker-{id}"), Role::Broker(id))));
        for number in 1..=CONTROLLERS {
            all.push((format!("controller-{number}"), Role::Controller(number)));
        }
        let mut place = 0;
        for (index, producer) in (0..).zip(&plan.producers) {
            for instance in 0..producer.instances {
                let name = format!("{}-{instance}", producer.name);
                all.push((name, Role::Producer(index, instance, place)));
                place += 1;
            }
        }
        // Members of a group that are no member of its plan are the spares of its context.
        for (index, group) in (0..).zip(&plan.groups) {
            let named = (0..).map(|member| (member, format!("{}-{member}", group.name)));
            let there = named.take_while(|(_, name)| context.nodes.contains(name));
            all.extend(there.map(|(member, name)| {
                let is_spare = member >= group.members;
                let role =
                    if is_spare { Role::Spare(index, member) } else { Role::Member(index, member) };
                (name, role)
            }));
        }
        all.push((observer::NAME.to_owned(), Role::Observer));
        let node = |name: &str| {
            let place = context.nodes.iter().position(|node| node == name);
            place
                .and_then(|place| u16::try_from(place).ok())
                .map_or_else(|| context.controller(), NodeId)
        };
        Self(all.into_iter().map(|(name, role)| Player { node: node(&name), name, role }).collect())
    }

    /// Names by host.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.iter().map(|player| player.name.clone()).collect()
    }

    /// The process of `host`.
    pub(crate) fn player(&self, host: Host) -> &Player {
        &self.0[host.0]
    }

    /// Hosts whose role `is` wanted.
    pub(crate) fn hosts(&self, is: impl Fn(Role) -> bool) -> Vec<Host> {
        let all = self.0.iter().enumerate();
        all.filter(|(_, player)| is(player.role)).map(|(index, _)| Host(index)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ackproof::world::document::{context, load};

    #[test]
    fn everyone_has_a_host_and_a_place_in_the_history() {
        let text = r#"{"topics": {"payments": {}},
            "producers": {"a": {"instances": 2, "topic": "payments"}, "b": {"topic": "payments"}},
            "groups": {"g": {"members": 1}},
            "faults": [{"at": "5s", "join": "g"}]}"#;
        let (plan, _) = load(text, "x.json", &[]).unwrap();
        let known = context(&plan);
        let cast = Cast::new(&plan, &known);
        let names = cast.names();
        for name in ["broker-1", "broker-3", "controller-1", "controller-3", "a-1", "b-0", "g-0"] {
            assert!(names.iter().any(|one| one == name), "{name}: {names:?}");
        }
        let of = |name: &str| cast.player(Host(names.iter().position(|one| one == name).unwrap()));
        assert_eq!(of("a-1").role, Role::Producer(0, 1, 1));
        assert_eq!(of("b-0").role, Role::Producer(1, 0, 2), "places go on over all producers");
        assert_eq!(of("g-0").role, Role::Member(0, 0));
        assert_eq!(of("g-1").role, Role::Spare(0, 1), "whom only a join starts");
        assert_eq!(known.nodes[usize::from(of("g-1").node.0)], "g-1");
        assert_eq!(of("controller-2").node, known.controller(), "one stands for the quorum");
    }
}
