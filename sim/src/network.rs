//! Links and connections between processes.
//!
//! A link (ordered pair of processes) has latency, cuts, extra delay, loss and a rate ([`narrow`]). A
//! connection behaves like TCP: ordered, no loss, no duplication; a lost packet is a retransmission delay; a
//! cut link stalls it; it ends when its opener closes it or the other process dies. Knows nothing of what it
//! carries but its size.

mod narrow;
#[cfg(test)]
mod narrow_tests;

use crate::events::{Due, Events, Toward};
use ackproof_kafka::machine::{Channel, ConnectionId, Peer, Route};
use ackproof_kafka::message::Message;
use ackproof_scenario::schedule::draw;
use ackproof_scenario::stream;
use ackproof_types::{Delay, Micros, NodeId};
use narrow::Narrow;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;

/// A lost segment is sent again after this, doubling (RFC 6298 with Linux's minimum).
const RETRANSMISSION: u64 = 200_000;
/// `socket.connection.setup.timeout.ms`.
const SETUP_TIMEOUT: Micros = Micros::from_secs(10);
/// What waited behind a cut is sent again, as TCP does, after up to a second.
const RESUMPTION: Delay = Delay { min: Micros(1000), max: Micros::from_secs(1) };

/// What travels.
#[derive(Debug)]
pub(crate) enum Packet {
    /// A message.
    Data(Message),
    /// The acceptor's end is gone.
    End,
}

/// What travels on the connections of one channel, one way.
pub(crate) type Stretch = (Channel, Toward);

#[derive(Debug)]
struct Link {
    rng: ChaCha8Rng,
    cuts: u32,
    /// By fault: how much slower, and what; none: everything.
    slow: Vec<(u32, Delay, Option<Stretch>)>,
    loss: Vec<(u32, u32)>,
    narrow: Narrow,
}

/// One way along a connection.
#[derive(Debug, Default)]
struct Way {
    /// When the last packet arrives; the next one arrives later.
    last: u64,
    /// On their way, each with a [`Due::Arrival`].
    in_flight: VecDeque<Packet>,
    /// Behind a cut or in the queue of a narrow link, in the sender's kernel.
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
    to_acceptor: Way,
    to_opener: Way,
}

impl Way {
    /// When a packet that is sent at `at` arrives: after the one before.
    fn arrival(&mut self, link: &mut Link, latency: Delay, on: Stretch, at: u64) -> u64 {
        let is_first = on.1 == Toward::Acceptor && self.last == 0;
        self.last = (at + link.delay(latency, is_first, on)).max(self.last + 1);
        self.last
    }
}

impl Connection {
    /// Its acceptor as the opener sees it.
    pub(crate) fn acceptor(&self, id: ConnectionId) -> Peer {
        Peer { node: self.route.node, connection: id, channel: self.route.channel }
    }

    /// Its opener as the acceptor sees it.
    pub(crate) fn opener(&self, id: ConnectionId) -> Peer {
        Peer { node: self.opener, connection: id, channel: self.route.channel }
    }

    fn ends(&self, toward: Toward) -> (NodeId, NodeId) {
        match toward {
            Toward::Acceptor => (self.opener, self.route.node),
            Toward::Opener => (self.route.node, self.opener),
        }
    }

    fn way(&mut self, toward: Toward) -> &mut Way {
        match toward {
            Toward::Acceptor => &mut self.to_acceptor,
            Toward::Opener => &mut self.to_opener,
        }
    }

    /// Its opener let go of it and the acceptor has all that was sent.
    fn is_spent(&self) -> bool {
        !self.open
            && self.to_acceptor.in_flight.is_empty()
            && self.to_acceptor.stalled.is_empty()
            && self.backlog.is_empty()
    }
}

/// All links and connections.
#[derive(Debug)]
pub(crate) struct Network {
    nodes: usize,
    latency: Delay,
    links: Vec<Link>,
    /// What each process holds open; few at a time.
    routes: Vec<Vec<(Route, ConnectionId)>>,
    /// By the low half of the identifier; the high half counts the uses of the place.
    connections: Vec<(u32, Option<Box<Connection>>)>,
    free: Vec<u32>,
}

/// The place of a connection.
fn place(id: ConnectionId) -> u32 {
    u32::try_from(id.0 & u64::from(u32::MAX)).expect("the low half of 64 bits")
}

impl Network {
    /// Of as many processes as `entities`, which name their streams.
    pub(crate) fn new(entities: &[u64], latency: Delay, seed: u64) -> Self {
        let nodes = entities.len();
        let pairs = entities.iter().flat_map(|from| entities.iter().map(move |to| (from, to)));
        let links = pairs
            .map(|(from, to)| Link {
                rng: stream(seed, "link", from.rotate_left(32) ^ to),
                cuts: 0,
                slow: Vec::new(),
                loss: Vec::new(),
                narrow: Narrow::default(),
            })
            .collect();
        Self {
            nodes,
            latency,
            links,
            routes: vec![Vec::new(); nodes],
            connections: Vec::new(),
            free: Vec::new(),
        }
    }

    fn link(&mut self, from: NodeId, to: NodeId) -> &mut Link {
        &mut self.links[from.index() * self.nodes + to.index()]
    }

    pub(crate) fn get(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let (uses, connection) = self.connections.get_mut(place(id) as usize)?;
        if u64::from(*uses) == id.0 >> 32 { connection.as_deref_mut() } else { None }
    }

    /// The connection of `route`, opened now if there is none.
    pub(crate) fn open(
        &mut self,
        opener: NodeId,
        route: Route,
        events: &mut Events,
    ) -> ConnectionId {
        if let Some(id) = self.route(opener, route) {
            return id;
        }
        let connection = Box::new(Connection {
            opener,
            route,
            accepted_in: None,
            open: true,
            busy: false,
            backlog: VecDeque::new(),
            to_acceptor: Way::default(),
            to_opener: Way::default(),
        });
        let place = self.free.pop().unwrap_or_else(|| {
            self.connections.push((0, None));
            u32::try_from(self.connections.len() - 1).expect("few connections at a time")
        });
        let entry = &mut self.connections[place as usize];
        entry.0 = entry.0.wrapping_add(1);
        entry.1 = Some(connection);
        let id = ConnectionId(u64::from(entry.0) << 32 | u64::from(place));
        self.routes[opener.index()].push((route, id));
        events.push(events.now() + SETUP_TIMEOUT.0, Due::SetupDeadline(id));
        id
    }

    /// The connection that `opener` holds under `route`.
    pub(crate) fn route(&self, opener: NodeId, route: Route) -> Option<ConnectionId> {
        let held = self.routes[opener.index()].iter();
        held.clone().find(|(other, _)| *other == route).map(|(_, id)| *id)
    }

    /// The opener lets go of its connection: what it sent still arrives, no answer reaches it.
    pub(crate) fn release(&mut self, id: ConnectionId) {
        let Some(connection) = self.get(id) else { return };
        connection.open = false;
        connection.to_opener = Way::default();
        let (opener, is_spent) = (connection.opener, connection.is_spent());
        self.routes[opener.index()].retain(|(_, other)| *other != id);
        if is_spent {
            self.forget(id);
        }
    }

    /// Forgets a connection for good, with all that is on its way.
    pub(crate) fn forget(&mut self, id: ConnectionId) {
        let Some(connection) = self.get(id) else { return };
        let opener = connection.opener;
        self.routes[opener.index()].retain(|(_, other)| *other != id);
        self.connections[place(id) as usize].1 = None;
        self.free.push(place(id));
    }

    /// Connections that `node` opened, and connections to it.
    pub(crate) fn of(&self, node: NodeId) -> (Vec<ConnectionId>, Vec<ConnectionId>) {
        let open = |is: &dyn Fn(&Connection) -> bool| {
            let all = (0_u64..).zip(&self.connections);
            all.filter(|(_, (_, c))| c.as_deref().is_some_and(|c| c.open && is(c)))
                .map(|(place, (uses, _))| ConnectionId(u64::from(*uses) << 32 | place))
                .collect()
        };
        (open(&|c| c.opener == node), open(&|c| c.route.node == node))
    }

    /// Sends `packet`; behind a cut it waits in the sender's kernel.
    pub(crate) fn send(
        &mut self,
        id: ConnectionId,
        toward: Toward,
        packet: Packet,
        events: &mut Events,
    ) {
        let Some((uses, Some(connection))) = self.connections.get_mut(place(id) as usize) else {
            return;
        };
        if u64::from(*uses) != id.0 >> 32 || (toward == Toward::Opener && !connection.open) {
            return;
        }
        let (from, to) = connection.ends(toward);
        let link = &mut self.links[from.index() * self.nodes + to.index()];
        let channel = connection.route.channel;
        let way = connection.way(toward);
        if link.cuts > 0 {
            way.stalled.push_back(packet);
            return;
        }
        if !link.narrow.is_wide() {
            way.stalled.push_back(packet);
            self.queue((from, to), (id, toward), events.now(), events);
            return;
        }
        let at = way.arrival(link, self.latency, (channel, toward), events.now());
        way.in_flight.push_back(packet);
        events.push(at, Due::Arrival(id, toward));
    }

    /// Takes the packet that arrives.
    pub(crate) fn arrive(&mut self, id: ConnectionId, toward: Toward) -> Option<Packet> {
        self.get(id)?.way(toward).in_flight.pop_front()
    }

    /// Forgets the connection if nobody can use it any more.
    pub(crate) fn forget_if_spent(&mut self, id: ConnectionId) {
        if self.get(id).is_some_and(|connection| connection.is_spent()) {
            self.forget(id);
        }
    }

    pub(crate) fn cut(&mut self, from: NodeId, to: NodeId) {
        let link = self.link(from, to);
        link.cuts += 1;
        link.narrow.scatter();
    }

    /// Heals one cut; what waited is sent again.
    pub(crate) fn heal(&mut self, from: NodeId, to: NodeId, events: &mut Events) {
        let link = self.link(from, to);
        link.cuts = link.cuts.saturating_sub(1);
        if link.cuts > 0 {
            return;
        }
        if !link.narrow.is_wide() {
            self.requeue(from, to, events);
            return;
        }
        for place in 0..self.connections.len() {
            let (uses, connection) = &mut self.connections[place];
            let id = ConnectionId(u64::from(*uses) << 32 | place as u64);
            let Some(connection) = connection else { continue };
            for toward in [Toward::Acceptor, Toward::Opener] {
                if connection.ends(toward) != (from, to)
                    || connection.way(toward).stalled.is_empty()
                {
                    continue;
                }
                let waited = std::mem::take(&mut connection.way(toward).stalled);
                let link = &mut self.links[from.index() * self.nodes + to.index()];
                let resumed = events.now() + draw(&mut link.rng, RESUMPTION).0;
                let on = (connection.route.channel, toward);
                let way = connection.way(toward);
                for packet in waited {
                    way.in_flight.push_back(packet);
                    let at = way.arrival(link, self.latency, on, resumed);
                    events.push(at, Due::Arrival(id, toward));
                }
            }
        }
    }

    /// Makes a link slower for `fault`, or no longer.
    pub(crate) fn slow(
        &mut self,
        fault: u32,
        from: NodeId,
        to: NodeId,
        by: Option<(Delay, Option<Stretch>)>,
    ) {
        let link = self.link(from, to);
        link.slow.retain(|(owner, ..)| *owner != fault);
        link.slow.extend(by.map(|(by, what)| (fault, by, what)));
    }

    pub(crate) fn lose(&mut self, fault: u32, from: NodeId, to: NodeId, loss: Option<u32>) {
        let link = self.link(from, to);
        link.loss.retain(|(owner, _)| *owner != fault);
        link.loss.extend(loss.map(|loss| (fault, loss)));
    }
}

impl Link {
    /// How long the next packet travels. The first one of a connection comes after a handshake: one
    /// round trip more.
    fn delay(&mut self, latency: Delay, is_first: bool, on: Stretch) -> u64 {
        let mut delay = draw(&mut self.rng, latency).0;
        if is_first {
            delay *= 3;
        }
        for (_, extra, _) in
            self.slow.iter().filter(|(.., what)| what.is_none_or(|what| what == on))
        {
            delay += draw(&mut self.rng, *extra).0;
        }
        let loss: u32 = self.loss.iter().map(|(_, loss)| *loss).max().unwrap_or(0);
        let mut penalty = RETRANSMISSION;
        while loss > 0 && penalty < 10_000_000 && self.rng.random_range(0..1_000_000) < loss {
            delay += penalty;
            penalty *= 2;
        }
        delay
    }
}
