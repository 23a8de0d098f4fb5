//! The contract of every participant: a machine takes one input at a time and answers with effects.
//!
//! A machine knows neither simulator, clock, randomness, thread nor socket. Whoever drives it (the
//! simulation, an explorer, a gateway) keeps the laws of [`Machine`].

use crate::harm::Harm;
use crate::message::Message;
use crate::observation::Observation;
use ackproof_types::{Delay, Lane, Offset, Server, Timestamp, TopicPartition};
use std::fmt::Debug;
use std::hash::Hash;

/// A deterministic participant of the protocol. Its driver keeps four laws:
///
/// 1. Effects take place in order, and a step is atomic: the driver hands all of them over before
///    anything else runs.
/// 2. A timer that fires is the latest one armed under its name; arming again moves it, and the driver
///    draws its length from the range it was given.
/// 3. [`Input::Flushed`] is the only proof of durability against power loss. A [`Effect::Write`]
///    survives the end of the process at once.
/// 4. A machine reads no clock, randomness, environment or map order; `now` is for stamping. What Kafka
///    decides by comparing clocks is a named timer.
///
/// Connections behave like TCP: one per [`Route`], opened by the first send, ordered, without loss or
/// duplication while it lasts. It ends when its opener closes it, when the other process dies or when
/// it cannot be set up; then the opener gets [`Input::Disconnected`] and what was in flight is
/// ambiguous. The acceptor is not told: its answer goes nowhere. As in Kafka's `SocketServer`, the next
/// request of a connection is delivered only after the one before was answered (or excused with
/// [`Message::NoResponse`]), and the time of a [`Message::Throttled`] is over.
pub trait Machine: Sized + Clone + Debug + Eq + Hash {
    /// What the process is started with, the same at every restart.
    type Config: Clone + Debug;
    /// Names of timers; at most one pending under each name.
    type Timer: Copy + Debug + Ord + Hash;
    /// What outlives the process.
    type Disk: Disk;
    /// What the surroundings of the process ask of it.
    type Call: Debug;

    /// Starts the process on what an earlier one left on `disk`.
    fn boot(
        config: &Self::Config,
        disk: &Self::Disk,
        now: Timestamp,
        out: &mut OutboxOf<Self>,
    ) -> Self;

    /// Takes one input.
    fn step(&mut self, now: Timestamp, input: InputOf<Self>, out: &mut OutboxOf<Self>);

    /// Asserts what holds of its state between any two steps.
    fn check(&self) {}
}

/// The outbox of a machine.
pub type OutboxOf<M> = Outbox<<M as Machine>::Timer, <<M as Machine>::Disk as Disk>::Write>;
/// The effects of a machine.
pub type EffectOf<M> = Effect<<M as Machine>::Timer, <<M as Machine>::Disk as Disk>::Write>;
/// The inputs of a machine.
pub type InputOf<M> = Input<<M as Machine>::Timer, <M as Machine>::Call>;

/// What outlives a process: the fold of its writes.
pub trait Disk: Clone + Default + Debug + Eq + Hash {
    /// One change.
    type Write: Debug;

    /// Applies `write` as the page cache does: it survives the process, not yet a power loss.
    fn apply(&mut self, write: Self::Write);

    /// All writes so far are safe against power loss.
    fn flush(&mut self);

    /// The machine loses power: what was flushed stays, and of each file's `n` changes since the oldest
    /// `survive(n)`. Returns what logs have lost by it.
    fn lose_power(&mut self, survive: &mut dyn FnMut(usize) -> usize) -> Vec<LostTail>;

    /// Another disk takes its place, an empty one. Returns what logs have lost by it.
    fn replace(&mut self) -> Vec<LostTail> {
        Vec::new()
    }

    /// Something happens to it, whether a process runs on it or not. Returns what logs have lost by it.
    fn suffer(&mut self, _harm: Harm) -> Vec<LostTail> {
        Vec::new()
    }
}

/// What one log has lost with its disk, or with what its disk had not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LostTail {
    /// The log.
    pub partition: TopicPartition,
    /// Its end before.
    pub from: Offset,
    /// Everything below is there.
    pub to: Offset,
}

/// No disk, for clients.
impl Disk for () {
    type Write = std::convert::Infallible;
    fn apply(&mut self, write: Self::Write) {
        match write {}
    }
    fn flush(&mut self) {}
    fn lose_power(&mut self, _survive: &mut dyn FnMut(usize) -> usize) -> Vec<LostTail> {
        Vec::new()
    }
}

/// What a machine is told. `T` names its timers, `C` what surroundings ask of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input<T, C> {
    /// A message arrived.
    Deliver {
        /// Whence; answers go back on the same connection.
        from: Peer,
        /// The message.
        message: Message,
    },
    /// A connection that this machine opened has ended, or could not be set up.
    Disconnected(Route),
    /// The socket has taken all that was sent on this connection; only after [`Effect::AwaitSend`].
    SendCompleted(Route),
    /// A timer fired.
    Fire(T),
    /// All writes up to the one with this ticket are safe against power loss.
    Flushed(Ticket),
    /// The surroundings ask for something.
    Call(C),
}

/// What a machine wants done. `T` names its timers, `W` is a change of its disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect<T, W> {
    /// Hand a message to a connection.
    Send {
        /// Which connection.
        to: To,
        /// What.
        message: Message,
    },
    /// Answer with [`Input::SendCompleted`] once the socket has taken all that was sent on this connection,
    /// unless the connection ends before. What it has not taken by then is lost.
    AwaitSend(Route),
    /// End a connection. The closer gets no [`Input::Disconnected`].
    Close(To),
    /// Start, or start anew, the timer of this name.
    Arm {
        /// Its name.
        timer: T,
        /// When it fires, counted from now.
        delay: Delay,
    },
    /// Stop the timer of this name, if it runs.
    Disarm(T),
    /// Change the disk.
    Write(W),
    /// Make everything written so far safe against power loss, then answer with
    /// [`Input::Flushed`].
    Flush(Ticket),
    /// A fact for the history; never fed back.
    Observe(Observation),
    /// The process ends by itself, cleanly.
    Exit,
}

/// Names one flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Names one connection, for the side that accepted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Where a message came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    /// The connection.
    pub connection: ConnectionId,
    /// The same, as its opener names it. Who opened it is not told, as in Kafka.
    pub route: Route,
}

/// A connection as its opener names it: at most one at a time per process and channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// The server to reach.
    pub to: Server,
    /// Which of the connections to it.
    pub channel: Channel,
}

/// What a connection is for. Kafka opens several to one node, so that a parked request of one kind
/// does not hold up another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// A client's produce, fetch and metadata requests.
    Data,
    /// A consumer's requests to its group coordinator.
    Coordinator,
    /// All of a producer beside a consumer, in one process.
    Output(Lane),
    /// A replica fetcher's.
    Fetcher,
    /// A broker's registration and heartbeats (`BrokerLifecycleManager`).
    Lifecycle,
    /// A broker's AlterPartition (`AlterPartitionManager`) and producer id blocks.
    Controller,
    /// Fetches of the metadata log, of a broker or a controller (its Raft client).
    MetadataLog,
    /// Votes and the like between controllers.
    Quorum,
    /// Whatever a client sends that no model speaks for; each of its connections has a number.
    Outside(u32),
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum To {
    /// On the connection that this machine opened under this route, opening it if there is none.
    Route(Route),
    /// Back on a connection that this machine accepted.
    Connection(ConnectionId),
}

/// The effects of one step, in order. The driver owns and reuses it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outbox<T, W> {
    effects: Vec<Effect<T, W>>,
    flushes: u64,
}

impl<T, W> Default for Outbox<T, W> {
    fn default() -> Self {
        Self { effects: Vec::new(), flushes: 0 }
    }
}

impl<T, W> Outbox<T, W> {
    /// Sends on the connection of `route`.
    pub fn send(&mut self, route: Route, message: Message) {
        self.effects.push(Effect::Send { to: To::Route(route), message });
    }

    /// Asks to be told when the socket has taken what was sent.
    pub fn await_send(&mut self, route: Route) {
        self.effects.push(Effect::AwaitSend(route));
    }

    /// Answers on the connection that a message came from.
    pub fn reply(&mut self, connection: ConnectionId, message: Message) {
        self.effects.push(Effect::Send { to: To::Connection(connection), message });
    }

    /// Ends a connection.
    pub fn close(&mut self, to: To) {
        self.effects.push(Effect::Close(to));
    }

    /// Starts, or moves, a timer.
    pub fn arm(&mut self, timer: T, delay: impl Into<Delay>) {
        self.effects.push(Effect::Arm { timer, delay: delay.into() });
    }

    /// Stops a timer.
    pub fn disarm(&mut self, timer: T) {
        self.effects.push(Effect::Disarm(timer));
    }

    /// Changes the disk.
    pub fn write(&mut self, write: W) {
        self.effects.push(Effect::Write(write));
    }

    /// Asks for a flush of all that was written. Its ticket is above all before.
    pub fn flush(&mut self) -> Ticket {
        self.flushes += 1;
        let ticket = Ticket(self.flushes);
        self.effects.push(Effect::Flush(ticket));
        ticket
    }

    /// Puts a fact on record.
    pub fn observe(&mut self, observation: Observation) {
        self.effects.push(Effect::Observe(observation));
    }

    /// The facts of this step.
    pub fn observations_mut(&mut self) -> impl Iterator<Item = &mut Observation> {
        self.effects
            .iter_mut()
            .filter_map(|effect| if let Effect::Observe(fact) = effect { Some(fact) } else { None })
    }

    /// A message that nobody here asked for, or answers: the connection ends, and it is on record.
    pub fn misplaced(&mut self, on: To, api: &'static str) {
        self.observe(Observation::Misplaced(api));
        self.close(on);
    }

    /// Ends the process.
    pub fn exit(&mut self) {
        self.effects.push(Effect::Exit);
    }

    /// An outbox without effects whose next flush is numbered as this one's.
    #[must_use]
    pub fn emptied(&self) -> Self {
        Self { effects: Vec::new(), flushes: self.flushes }
    }

    /// Takes the effects out, in order, keeping the allocation.
    pub fn drain(&mut self) -> std::vec::Drain<'_, Effect<T, W>> {
        self.effects.drain(..)
    }
}
