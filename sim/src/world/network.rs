//! Links and connections between processes.
//!
//! A link (ordered pair of processes, [`link`]) has latency, cuts, extra delay, loss and a rate ([`narrow`]).
//! A connection behaves like TCP: ordered, no loss, no duplication; a packet that is lost, by chance or in a
//! cut, is sent again by a timer, and holds up what follows it ([`retransmit`]); it ends when its opener
//! closes it or the other process dies. What a socket holds is bounded for who asks ([`socket`]). Knows nothing of what it carries but its size.

mod link;
mod narrow;
#[cfg(test)]
mod narrow_tests;
#[cfg(test)]
mod pair;
mod retransmit;
#[cfg(test)]
mod retransmit_tests;
mod socket;
#[cfg(test)]
mod socket_tests;

use super::events::{Due, Events, Toward};
use ackproof_kafka::machine::{Channel, ConnectionId, Peer, Route};
use ackproof_kafka::message::Message;
use ackproof_scenario::plan::Network as Settings;
use ackproof_scenario::talk::Talk;
use ackproof_types::{Delay, Micros, NodeId, Roster};
use link::{Link, Links};
use retransmit::Recovery;
pub(crate) use retransmit::syn_again_after_s;
pub(crate) use socket::Buffers;
use std::collections::VecDeque;

/// `socket.connection.setup.timeout.ms`, 10 s, less the 20 % that a client lets it vary by.
const SETUP_TIMEOUT: Micros = Micros::from_secs(8);
/// The 40 % from least to most.
const SETUP_VARIES: Delay = Delay { min: Micros(0), max: Micros::from_secs(4) };

/// What travels.
#[derive(Debug)]
pub(crate) enum Packet {
    /// A message.
    Data(Message),
    /// The acceptor's end is gone.
    End,
}

/// What travels on the connections of one channel; one way, or both.
pub(crate) type Stretch = (Channel, Option<Toward>);

/// The connections on which servers say it.
pub(crate) fn on(talk: Talk) -> Channel {
    match talk {
        Talk::Fetches => Channel::Fetcher,
        Talk::Metadata => Channel::MetadataLog,
        Talk::Heartbeats => Channel::Lifecycle,
        Talk::InSyncChanges => Channel::Controller,
        Talk::Votes => Channel::Quorum,
    }
}

/// One way along a connection.
#[derive(Debug, Default)]
struct Way {
    /// When the last packet arrives; the next one arrives later.
    last: u64,
    /// On their way, each with a [`Due::Arrival`].
    in_flight: VecDeque<Packet>,
    /// In the sender's kernel: behind one that was lost, or in the queue of a narrow link.
    stalled: VecDeque<Packet>,
    recovery: Recovery,
    /// How often its first packet, which opens the connection, was lost.
    lost_syns: u32,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) opener: NodeId,
    pub(crate) acceptor: NodeId,
    pub(crate) route: Route,
    /// The acceptor has seen it, in this life.
    pub(crate) accepted_in: Option<u32>,
    /// The opener still holds it.
    pub(crate) open: bool,
    /// The opener no longer held it when an answer came.
    pub(crate) is_reset: bool,
    /// It has been under way for as long as a set-up is sure to be given.
    is_late: bool,
    /// The acceptor works on a request; the next ones wait here.
    pub(crate) busy: bool,
    pub(crate) backlog: VecDeque<Message>,
    /// Its opener waits until the socket has taken what it sent.
    pub(crate) is_awaited: bool,
    to_acceptor: Way,
    to_opener: Way,
}

impl Way {
    /// Nothing has passed yet toward the acceptor: the next packet opens the connection.
    fn is_first(&self, toward: Toward) -> bool {
        toward == Toward::Acceptor && self.last == 0
    }
}

impl Connection {
    /// Its other end, as either side is told.
    pub(crate) fn peer(&self, id: ConnectionId) -> Peer {
        Peer { connection: id, route: self.route }
    }

    fn ends(&self, toward: Toward) -> (NodeId, NodeId) {
        match toward {
            Toward::Acceptor => (self.opener, self.acceptor),
            Toward::Opener => (self.acceptor, self.opener),
        }
    }

    fn way(&mut self, toward: Toward) -> &mut Way {
        match toward {
            Toward::Acceptor => &mut self.to_acceptor,
            Toward::Opener => &mut self.to_opener,
        }
    }

    /// Its opener let go of it, and either the acceptor has all that was sent, or there was no handshake
    /// yet: a kernel stops trying to open what nobody wants any more, but delivers what was sent on the rest.
    fn is_spent(&self) -> bool {
        let way = &self.to_acceptor;
        let is_delivered = way.in_flight.is_empty() && way.stalled.is_empty();
        !self.open && self.backlog.is_empty() && (is_delivered || way.is_first(Toward::Acceptor))
    }

    /// Puts a packet on its way. One that is lost waits at its sender until its timer comes.
    fn put(
        &mut self,
        id: ConnectionId,
        toward: Toward,
        packet: Packet,
        links: &mut Links,
        events: &mut Events,
    ) {
        let (ends, on) = (self.ends(toward), (self.route.channel, toward));
        let way = self.way(toward);
        let is_first = way.is_first(toward);
        if links.lose(ends, is_first) {
            way.stalled.push_front(packet);
            way.block((id, toward), ends, links, events);
            links.between(ends).narrow.forfeit((id, toward));
            return;
        }
        way.recovery = Recovery::None;
        way.last = (events.now() + links.delay(ends, is_first, on)).max(way.last + 1);
        way.in_flight.push_back(packet);
        events.push(way.last, Due::Arrival(id, toward));
    }
}

/// All links and connections.
#[derive(Debug)]
pub(crate) struct Network {
    roster: Roster,
    links: Links,
    /// By process.
    buffers: Vec<Buffers>,
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
    /// What links draw from now on comes from streams of `seed`.
    pub(crate) fn reseed(&mut self, entities: &[u64], seed: u64) {
        self.links.reseed(entities, seed);
    }

    /// Of as many processes as `entities`, which name their streams; `roster` says where servers are.
    pub(crate) fn new(
        entities: &[u64],
        (roster, buffers): (Roster, Vec<Buffers>),
        settings: Settings,
        seed: u64,
    ) -> Self {
        Self {
            roster,
            buffers,
            links: Links::new(entities, settings, seed),
            routes: vec![Vec::new(); entities.len()],
            connections: Vec::new(),
            free: Vec::new(),
        }
    }

    fn link(&mut self, from: NodeId, to: NodeId) -> &mut Link {
        self.links.between((from, to))
    }

    pub(crate) fn get(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.find(id).map(|(connection, _)| connection)
    }

    /// A connection, and the links to send on.
    fn find(&mut self, id: ConnectionId) -> Option<(&mut Connection, &mut Links)> {
        let (uses, connection) = self.connections.get_mut(place(id) as usize)?;
        let connection = connection.as_deref_mut().filter(|_| u64::from(*uses) == id.0 >> 32)?;
        Some((connection, &mut self.links))
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
        let acceptor =
            self.roster.node(route.to).expect("machines know the servers of their cluster");
        let connection = Box::new(Connection {
            opener,
            acceptor,
            route,
            accepted_in: None,
            open: true,
            is_reset: false,
            is_late: false,
            busy: false,
            backlog: VecDeque::new(),
            is_awaited: false,
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

    /// The opener lets go of its connection: what it sent still arrives, unless the connection was never
    /// made; no answer reaches it.
    pub(crate) fn release(&mut self, id: ConnectionId) {
        let Some(connection) = self.get(id) else { return };
        connection.drop_unsent();
        connection.open = false;
        connection.to_opener = Way::default();
        let (opener, is_spent) = (connection.opener, connection.is_spent());
        self.routes[opener.index()].retain(|(_, other)| *other != id);
        if is_spent {
            self.forget(id);
        }
    }

    /// The opener gives up what it asked on a connection, and with it the connection, if it is made. If not,
    /// its requests were never sent: Kafka's clients let those expire, and go on connecting (only requests in
    /// flight time out in `NetworkClient#handleTimedOutRequests`).
    pub(crate) fn close(&mut self, id: ConnectionId) {
        let Some(connection) = self.get(id) else { return };
        let way = &mut connection.to_acceptor;
        if way.is_first(Toward::Acceptor) {
            way.stalled.clear();
        } else {
            self.release(id);
        }
    }

    /// Whether the set-up of a connection has taken too long. How long that is is drawn once it matters.
    pub(crate) fn setup_failed(&mut self, id: ConnectionId, events: &mut Events) -> bool {
        let Some(connection) = self.get(id) else { return false };
        if !connection.open || connection.accepted_in.is_some() {
            return false;
        }
        if std::mem::replace(&mut connection.is_late, true) {
            return true;
        }
        let ends = connection.ends(Toward::Acceptor);
        let more = self.links.between(ends).draw(SETUP_VARIES);
        events.push(events.now() + more.0, Due::SetupDeadline(id));
        false
    }

    /// Forgets a connection for good, with all that is on its way.
    pub(crate) fn forget(&mut self, id: ConnectionId) {
        let Some(connection) = self.get(id) else { return };
        let opener = connection.opener;
        self.routes[opener.index()].retain(|(_, other)| *other != id);
        self.connections[place(id) as usize].1 = None;
        self.free.push(place(id));
    }

    /// Connections that `node` opened, and connections to it that it has seen.
    pub(crate) fn of(&self, node: NodeId) -> (Vec<ConnectionId>, Vec<ConnectionId>) {
        let open = |is: &dyn Fn(&Connection) -> bool| {
            let all = (0_u64..).zip(&self.connections);
            all.filter(|(_, (_, c))| c.as_deref().is_some_and(|c| c.open && is(c)))
                .map(|(place, (uses, _))| ConnectionId(u64::from(*uses) << 32 | place))
                .collect()
        };
        let is_accepted = |c: &Connection| c.acceptor == node && c.accepted_in.is_some();
        (open(&|c| c.opener == node), open(&is_accepted))
    }

    /// Sends `packet`, if nothing that was lost is to go before.
    pub(crate) fn send(
        &mut self,
        id: ConnectionId,
        toward: Toward,
        packet: Packet,
        events: &mut Events,
    ) {
        let Some((connection, links)) = self.find(id) else { return };
        if toward == Toward::Opener && !connection.open {
            return;
        }
        let ends = connection.ends(toward);
        if connection.way(toward).is_blocked() {
            connection.way(toward).stalled.push_back(packet);
        } else if links.between(ends).has_queue() {
            connection.way(toward).stalled.push_back(packet);
            self.queue(ends, (id, toward), events);
        } else {
            connection.put(id, toward, packet, links, events);
        }
    }

    /// Sends the packet that has waited longest, unless another was lost meanwhile.
    fn transmit(&mut self, id: ConnectionId, toward: Toward, events: &mut Events) {
        let Some((connection, links)) = self.find(id) else { return };
        let way = connection.way(toward);
        if way.is_blocked() {
            return;
        }
        if let Some(packet) = way.stalled.pop_front() {
            connection.put(id, toward, packet, links, events);
        }
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

    /// Cuts a link: what is sent on it is lost, and what has its turn is sent again later.
    pub(crate) fn cut(&mut self, from: NodeId, to: NodeId, events: &mut Events) {
        let link = self.link(from, to);
        link.cuts += 1;
        for (id, toward) in link.narrow.scatter() {
            if let Some((connection, links)) = self.find(id) {
                connection.way(toward).block((id, toward), (from, to), links, events);
            }
        }
    }

    /// Heals one cut. No sender hears of it: each finds out when its timer comes.
    pub(crate) fn heal(&mut self, from: NodeId, to: NodeId) {
        let link = self.link(from, to);
        link.cuts = link.cuts.saturating_sub(1);
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
