//! Kafka's wire protocol on one side, the messages of the models on the other. No socket, no clock, no thread: bytes
//! come in with the number of their connection, and messages and bytes go out.
//!
//! - [`Wire`] what is known of clients and their requests in flight: start here
//! - `apis` which requests are answered · `shape` their lengths and counts, checked before anything is decoded
//! - `frame` headers and the bounds of a frame · `names` names as numbers · `batches` records as clients wrote them
//! - `asked` request by request: what it becomes, and what its answer becomes
//! - [`fact`] what shows on the wire of what clients do
//!
//! What peers send is hostile: whatever it is, nothing panics, and nothing is reserved that a frame cannot hold.

mod apis;
mod asked;
mod batches;
pub mod fact;
mod frame;
mod names;
mod shape;

pub use frame::MAX_FRAME;
pub use names::Topic;

use ackproof_kafka::message::{CorrelationId, Message, Request, Response};
use ackproof_types::{Acks, BrokerId, Micros, ProducerIndex, RecordId, TopicId};
use asked::Asked;
use batches::Batches;
use bytes::Bytes;
use fact::Fact;
use names::{Names, Table};
use std::collections::BTreeMap;

/// A broker as clients reach it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its `node.id`.
    pub id: BrokerId,
    /// Where it listens, as clients are told.
    pub host: String,
    /// Where it listens.
    pub port: u16,
    /// `broker.rack`, and its number among those of the cluster.
    pub rack: Option<String>,
}

/// What a wire is made for.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// Topics by number.
    pub topics: Vec<Topic>,
    /// The groups of the scenario; those that clients form come after them.
    pub groups: Vec<String>,
    /// Room for so many groups that clients form.
    pub room_for_groups: usize,
    /// Room for so many clients.
    pub room_for_clients: usize,
    /// Room for so many pairs of a client and a topic that it writes to.
    pub room_for_producers: usize,
    /// The number of the first of those.
    pub first_producer: u16,
    /// Brokers.
    pub brokers: Vec<Endpoint>,
    /// The racks of the cluster by number.
    pub racks: Vec<String>,
    /// Milliseconds since 1970 at which simulated time began.
    pub epoch_ms: i64,
}

/// A client that writes to a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// The client by number.
    pub client: u16,
    /// Where it writes.
    pub topic: TopicId,
    /// What it asks to be answered for; the least, if it asked for different things.
    pub acks: Acks,
    /// Its batches have a producer id.
    pub idempotent: bool,
}

/// Why a connection is ended by the broker's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What is wrong, for people.
    pub why: String,
}

/// What a frame becomes.
#[derive(Debug, Default)]
pub struct Taken {
    /// Requests for the machine, in order. Each is answered on its own.
    pub requests: Vec<Message>,
    /// What shows of the client.
    pub facts: Vec<Fact>,
}

/// What an answer becomes.
#[derive(Debug, Default)]
pub struct Answered {
    /// A frame with its length in front, once all parts of the answer are there.
    pub frame: Option<Bytes>,
    /// What shows of the client.
    pub facts: Vec<Fact>,
}

/// A request that has not been answered.
#[derive(Debug)]
struct Pending {
    connection: u32,
    head: frame::Head,
    client: u16,
    asked: Asked,
    /// Answers that came, each with its place.
    answers: Vec<Option<Response>>,
    throttled: Micros,
}

/// The codec with all that it must remember.
#[derive(Debug)]
pub struct Wire {
    setting: Setting,
    names: Names,
    clients: Table<String>,
    writers: Vec<Writer>,
    batches: Batches,
    metadata: asked::CommitMetadata,
    pending: BTreeMap<u64, Pending>,
    /// Which request a part belongs to, and its place there.
    parts: BTreeMap<CorrelationId, (u64, usize)>,
    next: u64,
}

impl Wire {
    /// A wire that nobody has used.
    #[must_use]
    pub fn new(setting: Setting) -> Self {
        let (topics, groups) = (setting.topics.clone(), setting.groups.clone());
        let names = Names::new(topics, groups, setting.room_for_groups);
        Self {
            setting,
            names,
            clients: Table::default(),
            writers: Vec::new(),
            batches: Batches::default(),
            metadata: asked::CommitMetadata::default(),
            pending: BTreeMap::new(),
            parts: BTreeMap::new(),
            next: 0,
        }
    }

    /// The clients that were seen, by number: their `client.id`.
    #[must_use]
    pub fn clients(&self) -> &[String] {
        self.clients.all()
    }

    /// The groups that clients have formed, by number.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        self.names.formed()
    }

    /// The number of the first of those who write.
    #[must_use]
    pub fn first_producer(&self) -> u16 {
        self.setting.first_producer
    }

    /// Who writes where, by number.
    #[must_use]
    pub fn writers(&self) -> &[Writer] {
        &self.writers
    }

    /// The keys of the batch that begins with this record; none: they are compressed.
    #[must_use]
    pub fn keys(&self, first: RecordId) -> Option<Vec<Option<Bytes>>> {
        self.batches.keys(first)
    }

    /// The client that sends `frame`, by number. Known from the first frame of a connection on.
    ///
    /// # Errors
    /// The frame is none, or there is no room for another client.
    pub fn client(&mut self, frame: &Bytes) -> Result<u16, Broken> {
        let (head, _) = frame::head(frame)?;
        let name = head.client_id.unwrap_or_default();
        let place = self.clients.place(name.as_str());
        if place >= self.setting.room_for_clients {
            let most = self.setting.room_for_clients;
            return Err(Broken {
                why: format!("client {name:?}: no room for more than {most} clients"),
            });
        }
        u16::try_from(place).map_err(|_| Broken { why: "too many clients".to_owned() })
    }

    /// Takes a frame of a client, without its length.
    ///
    /// # Errors
    /// The frame is none that is answered: the connection is to be ended.
    pub fn frame(&mut self, connection: u32, frame: &Bytes) -> Result<Taken, Broken> {
        let client = self.client(frame)?;
        let (head, body) = frame::head(frame)?;
        let mut taken = Taken::default();
        let asked = self.ask(&head, client, body, &mut taken.facts)?;
        let requests = asked.requests;
        let number = self.next;
        self.next += 1;
        for (place, request) in requests.into_iter().enumerate() {
            let correlation = CorrelationId(self.next);
            self.next += 1;
            self.parts.insert(correlation, (number, place));
            taken.requests.push(Message::Request(correlation, request));
        }
        let answers = vec![None; taken.requests.len()];
        let (asked, throttled) = (asked.asked, Micros::ZERO);
        self.pending
            .insert(number, Pending { connection, head, client, asked, answers, throttled });
        Ok(taken)
    }

    /// Takes an answer of a machine.
    pub fn answer(&mut self, message: Message) -> Answered {
        let (throttled, message) = match message {
            Message::Throttled(time, inner) => (time, *inner),
            other => (Micros::ZERO, other),
        };
        let (correlation, response) = match message {
            Message::Response(correlation, response) => (correlation, Some(response)),
            Message::NoResponse(correlation) => (correlation, None),
            Message::Request(..) | Message::Throttled(..) => return Answered::default(),
        };
        let Some((number, place)) = self.parts.remove(&correlation) else {
            return Answered::default();
        };
        let Some(response) = response else {
            self.pending.remove(&number);
            return Answered::default();
        };
        let Some(pending) = self.pending.get_mut(&number) else { return Answered::default() };
        pending.throttled = pending.throttled.max(throttled);
        if let Some(answer) = pending.answers.get_mut(place) {
            *answer = Some(response);
        }
        if pending.answers.iter().any(Option::is_none) {
            return Answered::default();
        }
        match self.pending.remove(&number) {
            Some(pending) => self.conclude(pending),
            None => Answered::default(),
        }
    }

    /// A connection is no more: nothing on it is answered.
    pub fn closed(&mut self, connection: u32) {
        self.pending.retain(|_, pending| pending.connection != connection);
        let pending = &self.pending;
        self.parts.retain(|_, (number, _)| pending.contains_key(number));
    }

    /// The number of a client as a producer to `topic`, which it has from now on.
    fn writer(
        &mut self,
        client: u16,
        topic: TopicId,
        acks: Acks,
        idempotent: bool,
    ) -> Option<ProducerIndex> {
        let is = |one: &Writer| one.client == client && one.topic == topic;
        let place = match self.writers.iter().position(is) {
            Some(place) => {
                let known = &mut self.writers[place];
                known.acks = known.acks.min(acks);
                known.idempotent &= idempotent;
                place
            }
            None if self.writers.len() < self.setting.room_for_producers => {
                self.writers.push(Writer { client, topic, acks, idempotent });
                self.writers.len() - 1
            }
            None => return None,
        };
        u16::try_from(place).ok()?.checked_add(self.setting.first_producer).map(ProducerIndex)
    }
}

/// A request as the machine takes it, in parts, and what must be remembered for the answer.
struct Split {
    asked: Asked,
    requests: Vec<Request>,
}
