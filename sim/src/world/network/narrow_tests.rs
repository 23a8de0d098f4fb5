//! What a narrow link lets through, when, and in what order: single cases, and many at random.

use super::pair::{FROM, TO, simulated};
use ackproof_kafka::machine::Channel;
use ackproof_scenario::stream;
use rand::RngExt;

/// An ApiVersions request: 31 + 27 bytes, and one segment's headers.
const SIZE: u64 = 124;

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
        pair.cut(FROM, TO);
        pair.send(id, 2);
        pair.run(20_000_000);
        assert!(pair.numbers().is_empty(), "half of the first had passed, and is sent again");
        pair.network.heal(FROM, TO);
        pair.run(60_000_000);
        assert_eq!(pair.numbers(), [0, 1, 2]);
        // Its handshake is tried again 1, 2, 3, 4, 5, 7, 11, 19 and 35 s after the cut; from then on one a second
        // passes.
        assert_eq!(pair.times(), [36_500_003, 37_500_001, 38_500_001], "as slow as before");
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
        pair.cut(FROM, TO);
        pair.widen(0);
        pair.run(10_000_000);
        assert!(pair.numbers().is_empty(), "{:?}", pair.times());
        pair.network.heal(FROM, TO);
        pair.run(20_000_000);
        assert_eq!(pair.times(), [11_100_003, 11_100_004], "wide");
    });
}

#[test]
fn a_cut_that_is_soon_healed_does_not_let_the_first_pass_early() {
    simulated(1, |mut pair| {
        let id = pair.open(Channel::Data);
        pair.throttle(0, SIZE);
        pair.send(id, 0);
        pair.run(100_000);
        pair.cut(FROM, TO);
        pair.run(200_000);
        pair.network.heal(FROM, TO);
        pair.run(10_000_000);
        assert_eq!(
            pair.times(),
            [2_100_003],
            "a second to pass, once its handshake is tried again"
        );
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
        assert_eq!((pair.times(), pair.numbers_of(alive)), (vec![2_000_003], vec![5]));
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
                        pair.cut(FROM, TO);
                        cuts += 1;
                    }
                    1 if cuts > 0 => {
                        pair.network.heal(FROM, TO);
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
                let last = pair.times().last().copied().unwrap_or(0);
                // What had left before the cut is on its way, a handshake before it.
                assert!(cuts == 0 || last <= now + 100, "seed {seed}: through a cut at {last}");
            }
            (0..cuts).for_each(|_| pair.network.heal(FROM, TO));
            faults.iter().for_each(|fault| pair.widen(*fault));
            pair.run(1_000_000_000);
            for id in ids {
                let numbers = pair.numbers_of(id);
                assert!(numbers.is_sorted(), "seed {seed}: {numbers:?}");
            }
            let mut all = pair.numbers();
            all.sort_unstable();
            assert_eq!(all, (0..sent).collect::<Vec<_>>(), "seed {seed}: each once");
        });
    }
}
