//! A process that reads and produces: a consumer with its application, and a producer for each topic that it
//! sends records on to. One crash takes all of them.
//!
//! Each is a client of its own, with connections and timers of its own. This file tells them apart, and hands
//! records from the application to its producers and outcomes back. It owns no rule of Kafka.

use crate::config::{ConsumerConfig, ProducerConfig};
use crate::consumer::{self, Consumer, ConsumerCall};
use crate::machine::{
    Channel, Disk, Effect, Input, InputOf, LostTail, Machine, Outbox, Peer, Route, To,
};
use crate::producer::{self, Producer, ProducerCall, Progress, SourceCursor};
use ackproof_types::{Lane, Timestamp};

/// The effects of a pipeline.
type Out = Outbox<Timer, Numbered>;
type Lanes<T> = [T; Lane::ALL.len()];

/// What a pipeline is started with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PipelineConfig {
    /// Its consumer and its application.
    pub consumer: ConsumerConfig,
    /// Its producer of results, if it has one.
    pub results: Option<ProducerConfig>,
    /// Its producer of dead letters, if it has one.
    pub dead_letters: Option<ProducerConfig>,
}

/// The timers of a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// One of its consumer's.
    Consumer(consumer::Timer),
    /// One of the producer of results.
    Results(producer::Timer),
    /// One of the producer of dead letters.
    DeadLetters(producer::Timer),
}

/// The numbers of the next records. They are no part of Kafka: no life of the process gives a record the name
/// that an earlier one gave to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Numbers(Lanes<u32>);

/// A record was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Numbered {
    lane: Lane,
    next: u32,
}

impl Disk for Numbers {
    type Write = Numbered;
    fn apply(&mut self, Numbered { lane, next }: Numbered) {
        self.0[lane as usize] = next;
    }
    fn flush(&mut self) {}
    fn lose_power(&mut self, _survive: &mut dyn FnMut(usize) -> usize) -> Vec<LostTail> {
        Vec::new()
    }
}

/// A process that reads and produces.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pipeline {
    consumer: Consumer,
    producers: Lanes<Option<Producer>>,
    /// The consumer is closed; the producers are being.
    closing: bool,
}

impl Machine for Pipeline {
    type Config = PipelineConfig;
    type Timer = Timer;
    type Disk = Numbers;
    type Call = ConsumerCall;

    fn boot(config: &PipelineConfig, disk: &Numbers, now: Timestamp, out: &mut Out) -> Self {
        let mut of_consumer = consumer::Out::default();
        let mut consumer = Consumer::boot(&config.consumer, &(), now, &mut of_consumer);
        consumer.number_outputs(disk.0);
        let configs = [&config.results, &config.dead_letters];
        let producers = std::array::from_fn(|lane| {
            let mut of_producer = producer::Out::default();
            let cursor = SourceCursor::at(disk.0[lane]);
            let config = configs[lane].as_ref()?;
            let producer = Producer::boot(config, &cursor, now, &mut of_producer);
            forward_producer(Lane::ALL[lane], of_producer, out);
            Some(producer)
        });
        let mut pipeline = Self { consumer, producers, closing: false };
        pipeline.carry_out(of_consumer, now, out);
        pipeline
    }

    fn step(&mut self, now: Timestamp, input: InputOf<Self>, out: &mut Out) {
        let (lane, input) = match input {
            Input::Deliver { from, message } => {
                let (lane, route) = inner(from.route);
                let from = Peer { route, ..from };
                match lane {
                    Some(lane) => (lane, Input::Deliver { from, message }),
                    None => return self.consume(now, Input::Deliver { from, message }, out),
                }
            }
            Input::Disconnected(route) => match inner(route) {
                (Some(lane), route) => (lane, Input::Disconnected(route)),
                (None, route) => return self.consume(now, Input::Disconnected(route), out),
            },
            Input::SendCompleted(route) => match inner(route) {
                (Some(lane), route) => (lane, Input::SendCompleted(route)),
                (None, route) => return self.consume(now, Input::SendCompleted(route), out),
            },
            Input::Fire(Timer::Consumer(timer)) => {
                return self.consume(now, Input::Fire(timer), out);
            }
            Input::Fire(Timer::Results(timer)) => (Lane::Results, Input::Fire(timer)),
            Input::Fire(Timer::DeadLetters(timer)) => (Lane::DeadLetters, Input::Fire(timer)),
            Input::Call(call) => return self.consume(now, Input::Call(call), out),
            // What is on its disk are names.
            Input::Flushed(_) => return,
        };
        self.produce(lane, now, input, out);
    }

    fn check(&self) {
        self.consumer.check();
        self.producers.iter().flatten().for_each(Machine::check);
    }
}

/// The connection as the client knows it that has it, and which of the producers that is.
pub(crate) fn inner(route: Route) -> (Option<Lane>, Route) {
    match route.channel {
        Channel::Output(lane) => (Some(lane), Route { channel: Channel::Data, ..route }),
        Channel::Data
        | Channel::Coordinator
        | Channel::Fetcher
        | Channel::Lifecycle
        | Channel::Controller
        | Channel::MetadataLog
        | Channel::Quorum
        | Channel::Outside(_) => (None, route),
    }
}

/// The connection of a producer as the process has it.
pub(crate) fn outer(lane: Lane, to: To) -> To {
    match to {
        To::Route(route) => To::Route(outer_route(lane, route)),
        To::Connection(id) => To::Connection(id),
    }
}

/// The same of a route.
pub(crate) fn outer_route(lane: Lane, route: Route) -> Route {
    Route { channel: Channel::Output(lane), ..route }
}

/// What came of a step of a producer.
#[derive(Clone, Copy, Debug, Default)]
struct Came {
    /// All records below this number have their outcome.
    settled: Option<u32>,
    /// It has ended.
    exited: bool,
}

/// Hands on what a producer wants done.
fn forward_producer(lane: Lane, mut effects: producer::Out, out: &mut Out) -> Came {
    let mut came = Came::default();
    let timer = |timer| match lane {
        Lane::Results => Timer::Results(timer),
        Lane::DeadLetters => Timer::DeadLetters(timer),
    };
    for effect in effects.drain() {
        match effect {
            Effect::Send { to, message } => match outer(lane, to) {
                To::Route(route) => out.send(route, message),
                To::Connection(id) => out.reply(id, message),
            },
            Effect::AwaitSend(route) => out.await_send(outer_route(lane, route)),
            Effect::Close(to) => out.close(outer(lane, to)),
            Effect::Arm { timer: one, delay } => out.arm(timer(one), delay),
            Effect::Disarm(one) => out.disarm(timer(one)),
            Effect::Write(Progress::To(below)) => came.settled = Some(below),
            // It has no source to go on with.
            Effect::Write(Progress::Over) | Effect::Flush(_) => {}
            Effect::Observe(observation) => out.observe(observation),
            Effect::Exit => came.exited = true,
        }
    }
    came
}

impl Pipeline {
    /// The consumer and its application take an input.
    fn consume(&mut self, now: Timestamp, input: InputOf<Consumer>, out: &mut Out) {
        let mut effects = consumer::Out::default();
        self.consumer.step(now, input, &mut effects);
        self.carry_out(effects, now, out);
    }

    /// A producer takes an input.
    fn produce(&mut self, lane: Lane, now: Timestamp, input: InputOf<Producer>, out: &mut Out) {
        let Some(producer) = &mut self.producers[lane as usize] else { return };
        let mut effects = producer::Out::default();
        producer.step(now, input, &mut effects);
        let Came { settled, exited } = forward_producer(lane, effects, out);
        if exited {
            self.producers[lane as usize] = None;
            // A `send` failed, and the application stops at once.
            if !self.closing {
                self.producers = Lanes::default();
            }
            if self.producers.iter().all(Option::is_none) {
                out.exit();
            }
            return;
        }
        if let Some(below) = settled.filter(|_| !self.closing) {
            let mut effects = consumer::Out::default();
            self.consumer.outputs_settled((lane, below), now, &mut effects);
            self.carry_out(effects, now, out);
        }
    }

    /// Hands on what the consumer wants done, and what its application sends.
    fn carry_out(&mut self, mut effects: consumer::Out, now: Timestamp, out: &mut Out) {
        let mut exits = false;
        for effect in effects.drain() {
            match effect {
                Effect::Send { to: To::Route(route), message } => out.send(route, message),
                Effect::Send { to: To::Connection(id), message } => out.reply(id, message),
                Effect::AwaitSend(route) => out.await_send(route),
                Effect::Close(to) => out.close(to),
                Effect::Arm { timer, delay } => out.arm(Timer::Consumer(timer), delay),
                Effect::Disarm(timer) => out.disarm(Timer::Consumer(timer)),
                Effect::Write(never) => match never {},
                Effect::Flush(_) => {}
                Effect::Observe(observation) => out.observe(observation),
                Effect::Exit => exits = true,
            }
        }
        for (lane, record) in self.consumer.take_outputs() {
            out.write(Numbered { lane, next: record.id.number + 1 });
            self.produce(lane, now, Input::Call(ProducerCall::Send(record)), out);
        }
        if exits {
            self.close(now, out);
        }
    }

    /// The consumer is closed, and now the producers are: `close` waits for every outcome (R6.24).
    fn close(&mut self, now: Timestamp, out: &mut Out) {
        self.closing = true;
        for lane in Lane::ALL {
            self.produce(*lane, now, Input::Call(ProducerCall::End), out);
        }
    }
}

#[cfg(test)]
mod tests;
