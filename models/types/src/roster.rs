//! Who takes part in a run: servers by their `node.id`, processes by their number.
//!
//! It is built once, from the plan, and asked by name. Nobody computes one number from another, so that a
//! quorum of controllers or a second cluster are entries in it.

use crate::id::{BrokerId, ControllerId, NodeId};

/// What a process is to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Server {
    /// A controller.
    Controller(ControllerId),
    /// A broker.
    Broker(BrokerId),
}

/// The servers of a run with their processes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Roster {
    servers: Vec<(Server, NodeId)>,
}

impl Roster {
    /// Of the processes of a run, one after the other; none: a client.
    #[must_use]
    pub fn of(processes: impl IntoIterator<Item = Option<Server>>) -> Self {
        let numbered = (0..).map(NodeId).zip(processes);
        Self { servers: numbered.filter_map(|(node, server)| Some((server?, node))).collect() }
    }

    /// Enters a server.
    pub fn enter(&mut self, server: Server, node: NodeId) {
        self.servers.push((server, node));
    }

    /// The process of a server; none if there is no such server.
    #[must_use]
    #[inline]
    pub fn node(&self, server: Server) -> Option<NodeId> {
        self.servers.iter().find(|(other, _)| *other == server).map(|(_, node)| *node)
    }

    /// What a process is; none for a client.
    #[must_use]
    #[inline]
    pub fn server(&self, node: NodeId) -> Option<Server> {
        self.servers.iter().find(|(_, other)| *other == node).map(|(server, _)| *server)
    }

    /// The brokers, in the order of entry.
    pub fn brokers(&self) -> impl Iterator<Item = BrokerId> + '_ {
        self.servers.iter().filter_map(|(server, _)| match server {
            Server::Broker(broker) => Some(*broker),
            Server::Controller(_) => None,
        })
    }

    /// The controllers, in the order of entry.
    pub fn controllers(&self) -> impl Iterator<Item = ControllerId> + '_ {
        self.servers.iter().filter_map(|(server, _)| match server {
            Server::Controller(controller) => Some(*controller),
            Server::Broker(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_and_servers_are_found_by_name_and_not_by_arithmetic() {
        let mut roster = Roster::default();
        let quorum = [(3000, 7), (3001, 8)];
        for (id, node) in quorum {
            roster.enter(Server::Controller(ControllerId(id)), NodeId(node));
        }
        roster.enter(Server::Broker(BrokerId(100)), NodeId(2));
        assert_eq!(roster.node(Server::Broker(BrokerId(100))), Some(NodeId(2)));
        assert_eq!(roster.node(Server::Broker(BrokerId(2))), None);
        assert_eq!(roster.server(NodeId(8)), Some(Server::Controller(ControllerId(3001))));
        assert_eq!(roster.server(NodeId(0)), None, "a client");
        assert_eq!(roster.controllers().count(), 2);
        assert_eq!(roster.brokers().collect::<Vec<_>>(), [BrokerId(100)]);
    }
}
