//! What a narrow link lets through, when, and in what order: single cases, and many at random.

use super::{Network, Packet};
use crate::events::{Agenda, Due, Events, Toward};
use ackproof_kafka::machine::{Channel, ConnectionId, Route};
use ackproof_kafka::message::{CorrelationId, Message, Request};
use ackproof_oracle::history::Phase;
use ackproof_scenario::stream;
use ackproof_types::{Delay, Micros, NodeId};
use madsim::runtime::Runtime;
use rand::RngExt;

const FROM: NodeId = NodeId(0);
const TO: NodeId = NodeId(1);
/// An ApiVersions request: 31 + 27 bytes, and one segment's headers.
const SIZE: u64 = 124;
/// Nobody notices that it takes 1 µs to travel.
const LATENCY: Delay = Delay::exactly(Micros(1));

/// Two processes, and what has arrived at the second: when, on which connection, which message.
struct Pair {
    network: Network,
    events: Events,
    arrived: Vec<(u64, ConnectionId, u64)>,
}

impl Pair {
    fn new(seed: u64) -> Self {
        let network = Network::new(&[1, 2], LATENCY, seed);
        Self { network, events: Events::new(), arrived: Vec::new() }
    }

    fn open(&mut self, channel: Channel) -> ConnectionId {
        self.network.open(FROM, Route { node: TO, channel }, &mut self.events)
    }

    fn send(&mut self, id: ConnectionId, number: u64) {
        let message = Message::Request(CorrelationId(number), Request::ApiVersions);
        self.network.send(id, Toward::Acceptor, Packet::Data(message), &mut self.events);
    }

    /// Until `at`, or until nothing is left.
    fn run(&mut self, at: u64) {
        self.events.push(at, Due::Agenda(Agenda::Phase(Phase::End)));
        while let Some(due) = self.events.pop() {
            match due {
                Due::Agenda(_) => return,
                Due::Departure(from, to) => self.network.depart(from, to, &mut self.events),
                Due::Arrival(id, toward) => {
                    let packet = self.network.arrive(id, toward);
                    if let Some(Packet::Data(Message::Request(number, _))) = packet {
                        self.arrived.push((self.events.now(), id, number.0));
                    }
                }
                _ => {}
            }
        }
    }

    fn throttle(&mut self, fault: u32, rate: u64) {
        self.network.throttle(fault, FROM, TO, rate);
    }

    fn widen(&mut self, fault: u32) {
        self.network.widen(fault, FROM, TO, &mut self.events);
    }

    fn numbers(&self) -> Vec<u64> {
        self.arrived.iter().map(|(_, _, number)| *number).collect()
    }

    fn times(&self) -> Vec<u64> {
        self.arrived.iter().map(|(at, ..)| *at).collect()
    }
}

/// Simulated time needs a runtime.
fn simulated(seed: u64, test: impl FnOnce(Pair)) {
    let runtime = Runtime::with_seed_and_config(seed, madsim::Config::default());
    runtime.block_on(async move { test(Pair::new(seed)) });
}

#[test]
fn all_connections_of_a_link_wait_in_one_queue() {
    simulated(1, |mut pair| {
        let (data, fetcher) = (pair.open(Channel::Data), pair.open(Channel::Fetcher));
        pair.throttle(0, SIZE * 10);
        for number in 0..6 {
            pair.send(if number % 2 == 0 { data } else { fetcher }, number);
        }
        pair.run(10_000_000);
        assert_eq!(pair.numbers(), [0, 1, 2, 3, 4, 5], "in the order they were sent");
        // Each takes a tenth of a second; a handshake goes before the first of a connection.
        assert_eq!(pair.times(), [100_003, 200_003, 300_001, 400_001, 500_001, 600_001]);
    });
}

#[test]
fn the_narrowest_of_several_counts_and_the_last_to_end_lets_all_go() {
    simulated(1, |mut pair| {
        let id = pair.open(Channel::Data);
        pair.throttle(0, SIZE);
        pair.throttle(1, SIZE * 100);
        for number in 0..4 {
            pair.send(id, number);
        }
        pair.run(1_500_000);
        assert_eq!(pair.times(), [1_000_003], "one a second");
        pair.widen(1);
        pair.run(2_500_000);
        assert_eq!(pair.numbers(), [0, 1], "the other still holds");
        pair.widen(0);
        pair.run(2_600_000);
        assert_eq!(pair.numbers(), [0, 1, 2, 3]);
        assert_eq!(pair.times()[2..], [2_500_001, 2_500_002], "at once, in order");
        pair.send(id, 4);
        pair.run(10_000_000);
        assert_eq!(pair.times()[4..], [2_600_001], "as wide as before");
    });
}

#[test]
fn a_cut_stalls_the_queue_and_its_end_begins_it_anew() {
    simulated(1, |mut pair| {
        let id = pair.open(Channel::Data);
        pair.throttle(0, SIZE);
        pair.send(id, 0);
        pair.send(id, 1);
        pair.run(500_000);
        pair.network.cut(FROM, TO);
        pair.send(id, 2);
        pair.run(20_000_000);
        assert!(pair.arrived.is_empty(), "half of the first had passed, and is sent again");
        pair.network.heal(FROM, TO, &mut pair.events);
        pair.run(60_000_000);
        assert_eq!(pair.numbers(), [0, 1, 2]);
        let times = pair.times();
        assert!(
            (21_000_001..22_000_010).contains(&times[0]),
            "up to a second to resume: {times:?}"
        );
        assert!(
            times.windows(2).all(|two| two[1] - two[0] >= 999_990),
            "as slow as before: {times:?}"
        );
    });
}

#[test]
fn a_link_that_is_wide_again_lets_nothing_through_a_cut() {
    simulated(1, |mut pair| {
        let id = pair.open(Channel::Data);
        pair.throttle(0, SIZE);
        pair.send(id, 0);
        pair.send(id, 1);
        pair.run(100_000);
        pair.network.cut(FROM, TO);
        pair.widen(0);
        pair.run(10_000_000);
        assert!(pair.arrived.is_empty(), "{:?}", pair.arrived);
        pair.network.heal(FROM, TO, &mut pair.events);
        pair.run(20_000_000);
        assert_eq!(pair.numbers(), [0, 1]);
    });
}

#[test]
fn a_cut_that_is_soon_healed_does_not_let_the_first_pass_early() {
    simulated(1, |mut pair| {
        let id = pair.open(Channel::Data);
        pair.throttle(0, SIZE);
        pair.send(id, 0);
        pair.run(100_000);
        pair.network.cut(FROM, TO);
        pair.run(200_000);
        pair.network.heal(FROM, TO, &mut pair.events);
        pair.run(10_000_000);
        let times = pair.times();
        assert!(times.len() == 1 && times[0] >= 1_200_000, "a second from the heal on: {times:?}");
    });
}

#[test]
fn what_is_on_a_connection_that_is_gone_takes_no_time() {
    simulated(1, |mut pair| {
        let (dead, alive) = (pair.open(Channel::Data), pair.open(Channel::Fetcher));
        pair.throttle(0, SIZE);
        for number in 0..5 {
            pair.send(dead, number);
        }
        pair.send(alive, 5);
        pair.run(100_000);
        pair.network.forget(dead);
        pair.run(10_000_000);
        // The first was half through.
        assert_eq!(pair.arrived, [(2_000_003, alive, 5)]);
    });
}

/// Whatever is sent, cut, healed, narrowed and widened in whatever order: nothing is lost, nothing passes a
/// cut, a connection keeps its order.
#[test]
fn a_narrow_link_loses_nothing_and_keeps_the_order_of_each_connection() {
    for seed in 0..200 {
        simulated(seed, |mut pair| {
            let mut rng = stream(seed, "narrow links", 0);
            let ids = [Channel::Data, Channel::Fetcher, Channel::Coordinator].map(|c| pair.open(c));
            let (mut sent, mut cuts, mut faults) = (0, 0, Vec::new());
            for step in 0..60_u32 {
                match rng.random_range(0..10) {
                    0 => {
                        pair.network.cut(FROM, TO);
                        cuts += 1;
                    }
                    1 if cuts > 0 => {
                        pair.network.heal(FROM, TO, &mut pair.events);
                        cuts -= 1;
                    }
                    2 => {
                        pair.throttle(step, rng.random_range(20..2000));
                        faults.push(step);
                    }
                    3 if !faults.is_empty() => {
                        let fault = faults.swap_remove(rng.random_range(0..faults.len()));
                        pair.widen(fault);
                    }
                    _ => {
                        pair.send(ids[rng.random_range(0..3)], sent);
                        sent += 1;
                    }
                }
                let now = pair.events.now();
                pair.run(now + rng.random_range(0..3_000_000));
                let last = pair.arrived.last().map_or(0, |(at, ..)| *at);
                // What had left before the cut is on its way: up to a second after a heal.
                assert!(
                    cuts == 0 || last < now + 1_001_000,
                    "seed {seed}: through a cut at {last}"
                );
            }
            (0..cuts).for_each(|_| pair.network.heal(FROM, TO, &mut pair.events));
            faults.iter().for_each(|fault| pair.widen(*fault));
            pair.run(1_000_000_000);
            for id in ids {
                let of = pair.arrived.iter().filter(|(_, on, _)| *on == id);
                let numbers: Vec<u64> = of.map(|(_, _, number)| *number).collect();
                assert!(numbers.is_sorted(), "seed {seed}: {numbers:?}");
            }
            let mut all = pair.numbers();
            all.sort_unstable();
            assert_eq!(all, (0..sent).collect::<Vec<_>>(), "seed {seed}: each once");
        });
    }
}
