//! What threads, queue, disk and page cache let through, and when.

use super::{Arrived, Done, Held, Limits, Server};
use crate::world::events::{Due, Events};
use ackproof_kafka::broker::BrokerWrite;
use ackproof_kafka::log::stored::LogWrite;
use ackproof_kafka::machine::{Channel, ConnectionId, Peer, Route};
use ackproof_kafka::message::{
    CorrelationId, Fetched, FetchedPartition, Message, Payload, RecordBatch, Request, Response,
};
use ackproof_oracle::history::Event;
use ackproof_scenario::capacity::Capacity;
use ackproof_types::{
    BrokerId, LeaderEpoch, Micros, NodeId, Offset, Server as Named, Timestamp, TopicId,
    TopicPartition,
};
use madsim::runtime::Runtime;
use std::sync::Arc;

const BROKER: NodeId = NodeId(1);
/// An ApiVersions request: 31 + 27 bytes.
const SIZE: u64 = 58;
const ROUTE: Route = Route { to: Named::Broker(BrokerId(1)), channel: Channel::Data };

/// A server, and a machine that answers at once.
struct Lab {
    server: Server,
    events: Events,
    /// When what happened: `handled 3`, `answered 3`.
    log: Vec<(u64, String)>,
    /// Bytes that the machine writes for each request.
    writes: u32,
    written: i64,
    answer: fn(u64) -> Message,
    parks: bool,
}

fn partition() -> TopicPartition {
    TopicPartition::new(TopicId(1), 0)
}

fn batch(base: i64, size: u32) -> Arc<RecordBatch> {
    let id = ackproof_types::RecordId { producer: ackproof_types::ProducerIndex(0), number: 0 };
    let record = ackproof_types::Record { id, key: None, size };
    Arc::new(RecordBatch {
        base_offset: Offset(base),
        leader_epoch: LeaderEpoch(0),
        producer: None,
        max_timestamp: Timestamp::START,
        size,
        payload: Payload::Records(vec![record].into()),
    })
}

fn short(number: u64) -> Message {
    Message::Response(CorrelationId(number), Response::ApiVersions)
}

/// With the first batch of the log.
fn old(number: u64) -> Message {
    let fetched = Fetched {
        preferred_read_replica: None,
        fetch_offset: Offset(0),
        high_watermark: Offset(1),
        log_start: Offset(0),
        diverging: None,
        batches: vec![batch(0, 1000)],
    };
    let partition = FetchedPartition { partition: partition(), result: Ok(fetched) };
    Message::Response(CorrelationId(number), Response::Fetch(vec![partition]))
}

/// In a simulation, with a server of one network thread, `handlers` and a queue of `queued_max`.
fn lab(capacity: Capacity, (handlers, queued_max): (usize, usize), test: impl FnOnce(Lab)) {
    Runtime::with_seed_and_config(1, madsim::Config::default()).block_on(async {
        let limits = Limits { capacity, network_threads: 1, handlers, queued_max };
        test(Lab {
            server: Server::new(BROKER, limits),
            events: Events::new(),
            log: Vec::new(),
            writes: 0,
            written: 0,
            answer: short,
            parks: false,
        });
    });
}

impl Lab {
    fn ask(&mut self, number: u64) {
        let peer = Peer { connection: ConnectionId(number), route: ROUTE };
        let message = Message::Request(CorrelationId(number), Request::ApiVersions);
        let request = Arrived { from: NodeId(9), peer, message, at: self.events.now() };
        self.server.arrived(request, &mut self.events);
    }

    fn write(&mut self, bytes: u32) {
        let append = LogWrite::Append(batch(self.written, bytes));
        self.written += 1;
        self.server.wrote(self.events.now(), &BrokerWrite::Log(partition(), append));
    }

    fn carry_out(&mut self, done: Done) {
        let now = self.events.now();
        match done {
            Done::Nothing => {}
            Done::Answer(id, _) => self.log.push((now, format!("answered {}", id.0))),
            Done::Request(..) => self.log.push((now, "asked".to_owned())),
            Done::Handle(request) => {
                let id = request.peer.connection;
                self.log.push((now, format!("handled {}", id.0)));
                self.server.begin();
                if self.writes > 0 {
                    self.write(self.writes);
                }
                if !self.parks {
                    let answer = Held::Answer(id, (self.answer)(id.0));
                    let done = self.server.send(answer, &mut self.events);
                    self.carry_out(done);
                }
                self.server.handled(&mut self.events);
            }
        }
    }

    fn take(&mut self, due: Due) {
        let Due::Served(BROKER, number) = due else { panic!("{due:?}") };
        let done = self.server.finish(number, &mut self.events);
        self.carry_out(done);
    }

    fn run(&mut self) {
        while let Some(due) = self.events.pop() {
            self.take(due);
        }
    }

    fn run_until(&mut self, at: u64) {
        let until = Due::Dead(BROKER);
        self.events.push(at, until);
        while let Some(due) = self.events.pop().filter(|due| *due != until) {
            self.take(due);
        }
    }

    fn log(&self) -> Vec<(u64, &str)> {
        self.log.iter().map(|(at, what)| (*at, what.as_str())).collect()
    }
}

fn slow(request: u64) -> Capacity {
    Capacity { request: Some(Micros(request)), ..Capacity::default() }
}

#[test]
fn without_figures_nothing_takes_time() {
    lab(Capacity::default(), (1, 1), |mut lab| {
        (0..3).for_each(|number| lab.ask(number));
        lab.run();
        assert_eq!(lab.events.now(), 0);
        assert_eq!(lab.log.len(), 6, "{:?}", lab.log);
    });
}

#[test]
fn requests_wait_for_a_handler_in_the_order_in_which_they_came() {
    lab(slow(100), (2, 500), |mut lab| {
        (0..5).for_each(|number| lab.ask(number));
        lab.run();
        let handled = lab.log().into_iter().filter(|(_, what)| what.starts_with("handled"));
        let expected = ["handled 0", "handled 1", "handled 2", "handled 3", "handled 4"];
        let times = [100, 100, 200, 200, 300];
        assert!(handled.eq(times.into_iter().zip(expected)), "{:?}", lab.log);
        let Event::BrokerLoad { queue_us, handlers_ppm, .. } = lab.server.account(300) else {
            panic!("an account of the load")
        };
        // Five times 100 us of twice 300 us.
        assert_eq!((queue_us, handlers_ppm), (200, 833_333));
    });
}

/// `RequestChannel.requestQueue`: a network thread that has a request too many does nothing else.
#[test]
fn a_full_queue_stops_the_network_thread_even_for_answers() {
    for (queued_max, answered) in [(1, 200), (500, 150)] {
        lab(slow(100), (1, queued_max), |mut lab| {
            lab.parks = true;
            (0..4).for_each(|number| lab.ask(number));
            lab.run_until(150);
            // The handler works on request 1, request 2 is in the queue, and the thread has request 3.
            let answer = Held::Answer(ConnectionId(0), short(0));
            let done = lab.server.send(answer, &mut lab.events);
            lab.carry_out(done);
            lab.run();
            assert!(lab.log().contains(&(answered, "answered 0")), "{:?}", lab.log);
        });
    }
}

#[test]
fn a_request_that_waits_in_the_machine_holds_no_thread() {
    lab(slow(100), (1, 500), |mut lab| {
        lab.parks = true;
        (0..3).for_each(|number| lab.ask(number));
        lab.run();
        assert_eq!(lab.log(), [(100, "handled 0"), (200, "handled 1"), (300, "handled 2")]);
    });
}

#[test]
fn an_answer_and_its_handler_wait_for_the_disk_and_requests_of_the_machine_too() {
    let capacity = Capacity { disk: Some(1_000_000), ..Capacity::default() };
    lab(capacity, (1, 500), |mut lab| {
        lab.writes = 500;
        (0..2).for_each(|number| lab.ask(number));
        lab.run();
        let times =
            [(0, "handled 0"), (500, "answered 0"), (500, "handled 1"), (1000, "answered 1")];
        let mut found = lab.log();
        found.sort();
        let mut times = times.to_vec();
        times.sort();
        assert_eq!(found, times);
        // A follower's fetcher: what it appends goes before what it asks next.
        lab.server.begin();
        lab.write(300);
        let ask = || Held::Request(ROUTE, Message::Request(CorrelationId(0), Request::ApiVersions));
        let done = lab.server.send(ask(), &mut lab.events);
        assert!(matches!(done, Done::Nothing), "{done:?}");
        lab.run();
        assert_eq!(lab.log().last(), Some(&(1300, "asked")));
        // One that it gives up meanwhile is never sent.
        lab.server.begin();
        lab.write(300);
        let done = lab.server.send(ask(), &mut lab.events);
        assert!(matches!(done, Done::Nothing), "{done:?}");
        lab.server.close(ROUTE);
        let before = lab.log.len();
        lab.run();
        assert_eq!(lab.log.len(), before);
        let Event::BrokerLoad { handlers_ppm, disk_queue_us, disk_ppm, .. } =
            lab.server.account(3200)
        else {
            panic!("an account of the load")
        };
        assert_eq!((disk_queue_us, disk_ppm), (0, 500_000), "1600 us of 3200");
        assert_eq!(handlers_ppm, 312_500, "1000 us: the handler waits for the disk");
    });
}

#[test]
fn old_data_comes_from_the_disk_and_holds_up_the_network_thread() {
    let page_cache = Some(2000);
    let capacity = Capacity { disk: Some(1_000_000), page_cache, ..Capacity::default() };
    lab(capacity, (1, 500), |mut lab| {
        lab.answer = old;
        (0..2).for_each(|_| lab.write(1000));
        lab.server.begin();
        lab.ask(0);
        lab.run();
        assert_eq!(lab.log(), [(0, "handled 0"), (0, "answered 0")], "both are in memory");
        lab.write(1000);
        lab.server.begin();
        lab.ask(1);
        lab.ask(2);
        lab.run();
        // Behind three writes, one read each.
        let times =
            [(0, "handled 1"), (0, "handled 2"), (4000, "answered 1"), (5000, "answered 2")];
        assert_eq!(lab.log()[2..], times);
        lab.server.lift();
        lab.ask(3);
        lab.run();
        assert_eq!(lab.log()[6..], [(5000, "handled 3"), (5000, "answered 3")]);
    });
}

#[test]
fn what_is_written_again_after_a_cut_is_in_memory() {
    let capacity =
        Capacity { disk: Some(1_000_000), page_cache: Some(1000), ..Capacity::default() };
    lab(capacity, (1, 500), |mut lab| {
        lab.answer = old;
        (0..2).for_each(|_| lab.write(1000));
        let cut = BrokerWrite::Log(partition(), LogWrite::Truncate(Offset(0)));
        lab.server.wrote(0, &cut);
        lab.written = 0;
        lab.write(1000);
        lab.server.begin();
        lab.ask(0);
        lab.run();
        assert_eq!(lab.log(), [(0, "handled 0"), (0, "answered 0")]);
    });
}

#[test]
fn a_crash_empties_the_queue_and_leaves_the_disk_at_work() {
    let capacity = Capacity { disk: Some(1_000_000), ..slow(100) };
    lab(capacity, (1, 1), |mut lab| {
        lab.write(1000);
        (0..4).for_each(|number| lab.ask(number));
        // One with the handler, one in the queue, one before it, and one that is not read.
        lab.run_until(50);
        lab.server.clear();
        lab.run();
        assert!(lab.log.is_empty(), "{:?}", lab.log);
        lab.writes = 1;
        lab.ask(5);
        let now = lab.events.now();
        lab.run();
        assert_eq!(lab.log(), [(now + 100, "handled 5"), (1001, "answered 5")]);
    });
}

#[test]
fn a_byte_takes_its_time_at_each_thread_until_that_is_lifted() {
    let capacity =
        Capacity { network: Some(1_000_000), handler: Some(500_000), ..Capacity::default() };
    lab(capacity, (1, 500), |mut lab| {
        lab.ask(0);
        lab.run();
        // An answer to ApiVersions has 459 bytes.
        let answered = 3 * SIZE + 459;
        assert_eq!(lab.log(), [(3 * SIZE, "handled 0"), (answered, "answered 0")]);
        lab.server.lift();
        lab.ask(1);
        lab.run();
        assert_eq!(lab.log()[2..], [(answered, "handled 1"), (answered, "answered 1")]);
    });
}

/// Two handlers on one core work one after the other, and whoever became ready first goes first.
#[test]
fn threads_wait_for_a_core_and_one_that_waits_for_the_disk_needs_none() {
    let capacity = Capacity { cores: Some(1), network_request: Some(Micros(10)), ..slow(100) };
    lab(capacity, (2, 500), |mut lab| {
        (0..2).for_each(|number| lab.ask(number));
        lab.run();
        let times =
            [(110, "handled 0"), (210, "handled 1"), (215, "answered 0"), (220, "answered 1")];
        assert_eq!(lab.log(), times, "the second was read before the first was handled");
        lab.server.clear();
        lab.server.lift();
        lab.log.clear();
        (2..4).for_each(|number| lab.ask(number));
        lab.run();
        assert!(lab.log.iter().all(|(at, _)| *at == 220), "{:?}", lab.log);
    });
    let capacity = Capacity { cores: Some(1), disk: Some(1_000_000), ..slow(100) };
    lab(capacity, (2, 500), |mut lab| {
        lab.writes = 500;
        (0..2).for_each(|number| lab.ask(number));
        lab.run();
        assert_eq!(lab.log()[..2], [(100, "handled 0"), (200, "handled 1")], "meanwhile");
    });
}
