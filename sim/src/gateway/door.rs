//! Between the world and what is outside: frames become messages and answers become frames, and what shows of clients
//! goes on record, no sooner than it is sure that they have heard of it.

mod names;
mod orders;

use super::claims::Claims;
use super::operator::Operator;
use super::order::Reply;
use super::tape::Incoming;
use crate::world::leaving::Leaving;
use crate::world::lives::World;
use crate::world::lower::Cast;
use crate::world::run::orders::{Command, Done};
use crate::world::run::outside::Outside;
use ackproof_kafka::machine::{Channel, Route};
use ackproof_kafka::message::Message;
use ackproof_oracle::history::{Event, ProcessEnd};
use ackproof_scenario::plan::Plan;
use ackproof_types::{BrokerId, NodeId, Offset, RecordId, RecordSlice, Server, TopicPartition};
use ackproof_wire::fact::Fact;
use ackproof_wire::{Answered, Setting, Taken, Wire};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What is done outside.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// An answer, with its length in front.
    Frame(u32, Bytes),
    /// A connection is reset, and why, if the client is to blame.
    Reset(u32, Option<String>),
    /// A port is open from here on, or closed.
    Listens(BrokerId, bool),
    /// What became of an order.
    Reply(u32, Reply),
}

/// How long after its computer took an answer a client has read it, if its connection is still there, in microseconds.
const TIME_TO_READ: u64 = 5000;

/// Where things come from, and where answers go.
pub(super) trait Source {
    /// As [`Outside::next`].
    fn next(&mut self, now: u64, due: Option<u64>) -> Option<u64>;
    /// What comes in then.
    fn take(&mut self) -> Incoming;
    /// Something goes out.
    fn put(&mut self, what: Outgoing);
}

/// A connection.
#[derive(Debug)]
struct Connection {
    broker: BrokerId,
    client: Option<u16>,
    /// Answers that were sent, and those that the client's computer has.
    sent: u64,
    written: u64,
    /// What the client knows once it has read the answer with this number; and when its computer took that answer.
    told: VecDeque<(u64, Vec<Fact>)>,
    taken_at: u64,
}

/// What is known of the outside at the end.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Names of clients, groups, and who wrote where.
    pub(super) clients: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) writers: Vec<ackproof_wire::Writer>,
    /// What groups subscribed to.
    pub(super) subscribed: BTreeMap<u16, BTreeSet<ackproof_types::TopicId>>,
    /// What was asked for and is not there.
    pub(super) missing: BTreeSet<String>,
    /// Connections that were ended because of what came in on them, with the reason.
    pub(super) broken: BTreeMap<String, u64>,
    /// Records given to clients of which it does not show for whom they read.
    pub(super) unclaimed: u64,
    /// Lines about what was processed that make no sense, and what is wrong with the first of them.
    pub(super) misled: Option<(u64, String)>,
    /// Records that their producers surely know to be written, each with its key, if it can be read.
    pub(super) acked: Vec<Acknowledged>,
}

/// A record that its producer surely knows to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// Where it lies.
    pub partition: TopicPartition,
    /// Where it lies there.
    pub offset: Offset,
    /// Which.
    pub record: RecordId,
    /// Its key; none: it is packed into a compressed batch. None within: it has none.
    pub key: Option<Option<Bytes>>,
}

/// The door of a world.
pub(super) struct Door<S> {
    pub(super) source: S,
    wire: Wire,
    cast: Cast,
    /// Of how many clients and writers it is known for whom they stand.
    known: (usize, usize),
    /// The process of the first client; the others follow.
    first: NodeId,
    connections: BTreeMap<u32, Connection>,
    claims: Claims,
    /// First records of batches that clients know to be written.
    acked: BTreeSet<u64>,
    /// Connections whose clients have answers to read, and until when.
    waiting: VecDeque<(u64, u32)>,
    operator: Operator,
    seen: Seen,
    over: bool,
}

impl<S: Source> Door<S> {
    pub(super) fn new(
        source: S,
        (plan, setting): (Plan, Setting),
        cast: Cast,
        first: NodeId,
    ) -> Self {
        let told = plan.outsiders.told;
        Self {
            operator: Operator::new(plan),
            source,
            wire: Wire::new(setting),
            cast,
            known: (0, 0),
            first,
            connections: BTreeMap::new(),
            claims: Claims::new(told),
            acked: BTreeSet::new(),
            waiting: VecDeque::new(),
            seen: Seen::default(),
            over: false,
        }
    }

    /// What is left when it is over.
    pub(super) fn into_seen(self) -> (S, Seen) {
        let mut seen = self.seen;
        seen.clients = self.wire.clients().to_vec();
        seen.groups = self.wire.groups().to_vec();
        seen.writers = self.wire.writers().to_vec();
        seen.unclaimed = self.claims.unclaimed;
        (self.source, seen)
    }

    fn node(&self, client: u16) -> NodeId {
        NodeId(self.first.0.saturating_add(client))
    }

    fn route(broker: BrokerId, connection: u32) -> Route {
        Route { to: Server::Broker(broker), channel: Channel::Outside(connection) }
    }

    /// Whatever answers the client's computer has taken, the client has read: it went on, or said goodbye.
    fn heard(&mut self, number: u32, world: &mut World) {
        let Some(connection) = self.connections.get_mut(&number) else { return };
        let Some(client) = connection.client else { return };
        let broker = connection.broker;
        let mut facts = Vec::new();
        while let Some((_, told)) =
            connection.told.pop_front_if(|(number, _)| *number <= connection.written)
        {
            facts.extend(told);
        }
        for fact in facts {
            self.record(client, broker, fact, world);
        }
    }

    /// Answers with records below `offsets` that a client has been sent.
    fn read_below(
        &mut self,
        client: u16,
        offsets: &[(TopicPartition, Offset)],
    ) -> Vec<(u16, BrokerId, Fact)> {
        let is_below = |fact: &Fact| match fact {
            Fact::Delivered { partition, base_offset, .. } => {
                offsets.iter().any(|(place, next)| place == partition && base_offset < next)
            }
            _ => false,
        };
        let mut read = Vec::new();
        let connections = self.connections.values_mut();
        for connection in connections.filter(|one| one.client == Some(client)) {
            for (_, told) in &mut connection.told {
                let all = told.extract_if(.., |fact| is_below(fact));
                read.extend(all.map(|fact| (client, connection.broker, fact)));
            }
        }
        read
    }

    /// Connections whose client has had time to read what its computer took. One that is killed meanwhile leaves it
    /// unread, and its connection is reset.
    fn had_time(&mut self, world: &mut World) {
        let now = world.now();
        while let Some((_, number)) = self.waiting.pop_front_if(|(until, _)| *until <= now) {
            let waits = |one: &Connection| one.taken_at + TIME_TO_READ <= now;
            if self.connections.get(&number).is_some_and(waits) {
                self.heard(number, world);
            }
        }
    }

    fn frame(&mut self, number: u32, frame: &Bytes, world: &mut World) {
        self.heard(number, world);
        let Some(connection) = self.connections.get_mut(&number) else { return };
        let broker = connection.broker;
        let taken = self.wire.client(frame).and_then(|client| {
            connection.client = Some(client);
            self.wire.frame(number, frame)
        });
        let Taken { requests, facts } = match taken {
            Ok(taken) => taken,
            Err(broken) => {
                *self.seen.broken.entry(broken.why.clone()).or_default() += 1;
                self.end(number, world);
                return self.source.put(Outgoing::Reset(number, Some(broken.why)));
            }
        };
        let Some(client) = self.connections.get(&number).and_then(|one| one.client) else { return };
        self.learn(world);
        for fact in facts {
            self.record(client, broker, fact, world);
        }
        for request in requests {
            world.kernel.request(self.node(client), Self::route(broker, number), request);
        }
    }

    /// Forgets a connection, on this side and in the world.
    fn end(&mut self, number: u32, world: &mut World) {
        self.wire.closed(number);
        if let Some(Connection { broker, client: Some(client), .. }) =
            self.connections.remove(&number)
        {
            world.kernel.hang_up(self.node(client), Self::route(broker, number));
        }
    }

    fn answer(&mut self, number: u32, message: Message) {
        let Answered { frame, facts } = self.wire.answer(message);
        let Some(connection) = self.connections.get_mut(&number) else { return };
        let Some(frame) = frame else { return };
        connection.sent += 1;
        if !facts.is_empty() {
            connection.told.push_back((connection.sent, facts));
        }
        self.source.put(Outgoing::Frame(number, frame));
    }

    /// Puts on record what shows of a client.
    fn record(&mut self, client: u16, broker: BrokerId, fact: Fact, world: &mut World) {
        let node = self.node(client);
        let kernel = &mut world.kernel;
        match fact {
            Fact::Sent { partition, records } => {
                for record in records.iter() {
                    kernel
                        .record(node, Event::Sent { record: *record, partition: Some(partition) });
                }
            }
            Fact::Unanswered { partition, records } => {
                let records = RecordSlice::whole(records);
                let base_offset = Offset::UNKNOWN;
                kernel.record(
                    node,
                    Event::Acked { partition, base_offset, by: Some(broker), records },
                );
            }
            Fact::Acked { partition, base_offset, records } => {
                // A client that has heard of it once does not send it again; another one may have the same content.
                if let Some(first) = records.first()
                    && self.acked.insert(first.id.as_u64())
                {
                    let keys = self.wire.keys(first.id);
                    for (place, record) in records.iter().enumerate() {
                        let key = keys.as_ref().map(|keys| keys.get(place).cloned().flatten());
                        let (offset, record) = (base_offset.plus(place), record.id);
                        self.seen.acked.push(Acknowledged { partition, offset, record, key });
                    }
                    let records = RecordSlice::whole(records);
                    kernel.record(
                        node,
                        Event::Acked { partition, base_offset, by: Some(broker), records },
                    );
                }
            }
            Fact::Refused { partition, records, error } => {
                let (partition, records) = (Some(partition), RecordSlice::whole(records));
                let maybe_written = true;
                kernel.record(node, Event::Failed { partition, records, error, maybe_written });
            }
            Fact::Missing(what) => {
                self.seen.missing.insert(what);
            }
            of_group => self.record_of_group(client, of_group, world),
        }
    }

    /// The same of what concerns a group.
    fn record_of_group(&mut self, client: u16, fact: Fact, world: &mut World) {
        let node = self.node(client);
        let kernel = &mut world.kernel;
        match fact {
            Fact::Assigned { group, partitions } => {
                self.claims.speaks(client, group);
                self.claims.assign(client, group, &partitions);
            }
            Fact::Subscribed { group, topics } => {
                self.claims.speaks(client, group);
                self.seen.subscribed.entry(group.0).or_default().extend(topics);
            }
            Fact::Speaks(group) => self.claims.speaks(client, group),
            Fact::Delivered { partition, base_offset, records } => {
                let Some(group) = self.claims.reader(client, partition) else {
                    self.claims.pass_over(client, records.len());
                    return;
                };
                self.seen.subscribed.entry(group.0).or_default().insert(partition.topic);
                self.claims.deliver(client, (group, partition), base_offset, &records);
                kernel.record(node, Event::Polled { group, partition, base_offset, records });
            }
            Fact::CommitSent { group, offsets } => {
                self.claims.speaks(client, group);
                // Whoever commits what it was given has read it.
                for (client, broker, fact) in self.read_below(client, &offsets) {
                    self.record(client, broker, fact, world);
                }
                let kernel = &mut world.kernel;
                for (partition, next) in offsets.iter() {
                    for (offset, record) in self.claims.claim((group, *partition), *next) {
                        let (partition, dead_lettered) = (*partition, false);
                        kernel.record(
                            node,
                            Event::Processed { group, partition, offset, record, dead_lettered },
                        );
                    }
                }
                kernel.record(node, Event::CommitSent { group, offsets });
            }
            Fact::Committed { group, offsets } => {
                kernel.record(node, Event::Committed { group, offsets });
            }
            Fact::CommitFailed { group, offsets, error } => {
                let maybe_written = true;
                kernel.record(node, Event::CommitFailed { group, offsets, error, maybe_written });
            }
            Fact::Sent { .. }
            | Fact::Unanswered { .. }
            | Fact::Acked { .. }
            | Fact::Refused { .. }
            | Fact::Missing(_) => {}
        }
    }
}

impl<S: Source> Outside for Door<S> {
    fn next(&mut self, now: u64, due: Option<u64>) -> Option<u64> {
        self.source.next(now, due)
    }

    fn enter(&mut self, world: &mut World) {
        match self.source.take() {
            Incoming::Opened { connection, broker } => {
                let (client, told) = (None, VecDeque::new());
                let opened = Connection { broker, client, sent: 0, written: 0, told, taken_at: 0 };
                self.connections.insert(connection, opened);
            }
            Incoming::Frame { connection, frame } => self.frame(connection, &frame, world),
            Incoming::Written { connection } => {
                if let Some(one) = self.connections.get_mut(&connection) {
                    one.written += 1;
                    if !one.told.is_empty() {
                        one.taken_at = world.now();
                        self.waiting.push_back((one.taken_at + TIME_TO_READ, connection));
                    }
                }
            }
            Incoming::Closed { connection, clean } => {
                if clean {
                    self.heard(connection, world);
                }
                self.end(connection, world);
            }
            Incoming::Order { number, order } => self.order(number, &order, world),
            Incoming::End => {
                let all: Vec<u32> = self.connections.keys().copied().collect();
                for number in all {
                    self.heard(number, world);
                    self.end(number, world);
                }
                for client in (0..).take(self.wire.clients().len()) {
                    world.kernel.record(self.node(client), Event::ProcessEnded(ProcessEnd::Clean));
                }
                self.over = true;
            }
        }
    }

    fn orders(&mut self) -> Vec<(u32, Command)> {
        self.operator.commands()
    }

    fn done(&mut self, order: u32, done: Done, world: &World) {
        self.operator.done(order, &done, world.now());
    }

    fn comes(&mut self, order: u32, world: &World) {
        self.operator.comes(order, world.now());
    }

    fn look(&mut self, world: &mut World) {
        self.had_time(world);
        self.tell(world);
        let Some(leaving) = world.kernel.leaving.as_mut().filter(|all| !all.is_empty()) else {
            return;
        };
        for one in std::mem::take(leaving) {
            match one {
                Leaving::Answer(number, message) => self.answer(number, message),
                Leaving::Ended(number) => {
                    self.wire.closed(number);
                    if self.connections.remove(&number).is_some() {
                        self.source.put(Outgoing::Reset(number, None));
                    }
                }
                Leaving::Listens(node, on) => {
                    if let Some(Server::Broker(broker)) = self.cast.roster.server(node) {
                        self.source.put(Outgoing::Listens(broker, on));
                    }
                }
            }
        }
    }

    fn is_over(&self) -> bool {
        self.over
    }
}
