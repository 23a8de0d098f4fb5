//! Links and connections between processes.
//!
//! A link (ordered pair of processes) has latency, cuts, extra delay and loss. A connection behaves like
//! TCP: ordered, no loss, no duplication; a lost packet is a retransmission delay; a cut link stalls it;
//! it ends when its opener closes it or the other process dies. Knows nothing of what it carries.

use ackproof_kafka::machine::{ConnectionId, Route};
use ackproof_kafka::message::Message;
use ackproof_scenario::schedule::draw;
use ackproof_scenario::stream;
use ackproof_types::{Delay, Micros, NodeId};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, VecDeque};

/// A lost segment is sent again after this, doubling (RFC 6298 with Linux's minimum).
const RETRANSMISSION: u64 = 200_000;
/// `socket.connection.setup.timeout.ms`.
pub(crate) const SETUP_TIMEOUT: Micros = Micros::from_secs(10);

/// Which way along a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Toward {
    /// To the process that accepted it.
    Acceptor,
    /// To the process that opened it.
    Opener,
}

/// What travels.
#[derive(Debug)]
pub(crate) enum Packet {
    /// A message.
    Data(Message),
    /// The acceptor's end is gone.
    End,
}

/// A delivery to schedule.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) at: u64,
    pub(crate) connection: ConnectionId,
    pub(crate) toward: Toward,
    pub(crate) packet: Packet,
}

#[derive(Debug)]
struct Link {
    rng: ChaCha8Rng,
    cuts: u32,
    slow: Vec<(u32, Delay)>,
    loss: Vec<(u32, u32)>,
}

#[derive(Debug, Default)]
struct Half {
    last: u64,
    stalled: VecDeque<Packet>,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) opener: NodeId,
    pub(crate) route: Route,
    /// The acceptor has seen it, in this life.
    pub(crate) accepted_in: Option<u32>,
    /// The opener still holds it.
    pub(crate) open: bool,
    /// The acceptor works on a request; the next ones wait here.
    pub(crate) busy: bool,
    pub(crate) backlog: VecDeque<Message>,
    to_acceptor: Half,
    to_opener: Half,
}

/// All links and connections.
#[derive(Debug)]
pub(crate) struct Network {
    nodes: usize,
    latency: Delay,
    links: Vec<Link>,
    routes: BTreeMap<(NodeId, Route), ConnectionId>,
    connections: BTreeMap<ConnectionId, Connection>,
    next: u64,
}

impl Network {
    pub(crate) fn new(nodes: usize, latency: Delay, seed: u64) -> Self {
        let links = (0..nodes * nodes)
            .map(|index| {
                let pair = ((index / nodes) as u64) << 16 | (index % nodes) as u64;
                Link {
                    rng: stream(seed, "link", pair),
                    cuts: 0,
                    slow: Vec::new(),
                    loss: Vec::new(),
                }
            })
            .collect();
        Self {
            nodes,
            latency,
            links,
            routes: BTreeMap::new(),
            connections: BTreeMap::new(),
            next: 0,
        }
    }

    fn link(&mut self, from: NodeId, to: NodeId) -> &mut Link {
        &mut self.links[from.index() * self.nodes + to.index()]
    }

    pub(crate) fn get(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.connections.get_mut(&id)
    }

    /// The connection of `route`, opened now if there is none; true if it is new.
    pub(crate) fn open(&mut self, opener: NodeId, route: Route) -> (ConnectionId, bool) {
        if let Some(id) = self.routes.get(&(opener, route)) {
            return (*id, false);
        }
        self.next += 1;
        let id = ConnectionId(self.next);
        self.routes.insert((opener, route), id);
        let connection = Connection {
            opener,
            route,
            accepted_in: None,
            open: true,
            busy: false,
            backlog: VecDeque::new(),
            to_acceptor: Half::default(),
            to_opener: Half::default(),
        };
        self.connections.insert(id, connection);
        (id, true)
    }

    /// The opener lets go of its connection.
    pub(crate) fn release(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.open = false;
            self.routes.remove(&(connection.opener, connection.route));
        }
    }

    pub(crate) fn route(&self, opener: NodeId, route: Route) -> Option<ConnectionId> {
        self.routes.get(&(opener, route)).copied()
    }

    /// Connections that `node` opened, and connections to it.
    pub(crate) fn of(&self, node: NodeId) -> (Vec<ConnectionId>, Vec<ConnectionId>) {
        let open = |is: &dyn Fn(&Connection) -> bool| {
            self.connections.iter().filter(|(_, c)| c.open && is(c)).map(|(id, _)| *id).collect()
        };
        (open(&|c| c.opener == node), open(&|c| c.route.node == node))
    }

    /// Sends `packet`; none if the link is cut: it waits in the sender's kernel.
    pub(crate) fn send(
        &mut self,
        now: u64,
        id: ConnectionId,
        toward: Toward,
        packet: Packet,
    ) -> Option<Arrival> {
        let connection = self.connections.get(&id)?;
        let (from, to) = ends(connection, toward);
        let is_first = toward == Toward::Acceptor && connection.to_acceptor.last == 0;
        let latency = self.latency;
        let link = self.link(from, to);
        if link.cuts > 0 {
            let half = self.half(id, toward);
            half.stalled.push_back(packet);
            return None;
        }
        let mut delay = draw(&mut link.rng, latency).0;
        if is_first {
            // The handshake: one round trip more.
            delay *= 3;
        }
        for (_, extra) in &link.slow {
            delay += draw(&mut link.rng, *extra).0;
        }
        let loss: u32 = link.loss.iter().map(|(_, loss)| *loss).max().unwrap_or(0);
        let mut penalty = RETRANSMISSION;
        while loss > 0 && penalty < 10_000_000 && link.rng.random_range(0..1_000_000) < loss {
            delay += penalty;
            penalty *= 2;
        }
        let half = self.half(id, toward);
        half.last = (now + delay).max(half.last + 1);
        let at = half.last;
        Some(Arrival { at, connection: id, toward, packet })
    }

    fn half(&mut self, id: ConnectionId, toward: Toward) -> &mut Half {
        let connection = self.connections.get_mut(&id).expect("looked up before");
        match toward {
            Toward::Acceptor => &mut connection.to_acceptor,
            Toward::Opener => &mut connection.to_opener,
        }
    }

    pub(crate) fn cut(&mut self, from: NodeId, to: NodeId) {
        self.link(from, to).cuts += 1;
    }

    /// Heals one cut; what waited is sent again, as TCP does, after up to a second.
    pub(crate) fn heal(&mut self, now: u64, from: NodeId, to: NodeId) -> Vec<Arrival> {
        let link = self.link(from, to);
        link.cuts = link.cuts.saturating_sub(1);
        if link.cuts > 0 {
            return Vec::new();
        }
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        let mut arrivals = Vec::new();
        for id in ids {
            for toward in [Toward::Acceptor, Toward::Opener] {
                if ends(&self.connections[&id], toward) != (from, to) {
                    continue;
                }
                let stalled = std::mem::take(&mut self.half(id, toward).stalled);
                if stalled.is_empty() {
                    continue;
                }
                let resume = Delay { min: Micros(1000), max: Micros::from_secs(1) };
                let later = now + draw(&mut self.link(from, to).rng, resume).0;
                for packet in stalled {
                    arrivals.extend(self.send(later, id, toward, packet));
                }
            }
        }
        arrivals
    }

    pub(crate) fn slow(&mut self, fault: u32, from: NodeId, to: NodeId, by: Option<Delay>) {
        let link = self.link(from, to);
        link.slow.retain(|(owner, _)| *owner != fault);
        link.slow.extend(by.map(|by| (fault, by)));
    }

    pub(crate) fn lose(&mut self, fault: u32, from: NodeId, to: NodeId, loss: Option<u32>) {
        let link = self.link(from, to);
        link.loss.retain(|(owner, _)| *owner != fault);
        link.loss.extend(loss.map(|loss| (fault, loss)));
    }

    /// Forgets a connection for good.
    pub(crate) fn forget(&mut self, id: ConnectionId) {
        self.release(id);
        self.connections.remove(&id);
    }
}

fn ends(connection: &Connection, toward: Toward) -> (NodeId, NodeId) {
    match toward {
        Toward::Acceptor => (connection.opener, connection.route.node),
        Toward::Opener => (connection.route.node, connection.opener),
    }
}
