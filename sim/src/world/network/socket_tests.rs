//! When a socket has taken what was sent on a connection.

use super::pair::{FROM, TO, simulated};
use ackproof_kafka::machine::Channel;

/// Of a message of the tests on the wire; a socket holds one, and one that is read by nobody yet.
const SIZE: u64 = 124;

#[test]
fn what_fits_is_taken_at_once() {
    simulated(1, |mut pair| {
        let id = pair.open(Channel::Data);
        pair.send_awaited(id, 0);
        pair.run(1000);
        assert_eq!(pair.completed_at, [0]);
        assert_eq!(pair.numbers(), [0]);
    });
}

#[test]
fn behind_a_cut_a_socket_takes_what_its_buffer_holds() {
    simulated(1, |mut pair| {
        let id = pair.open(Channel::Data);
        pair.send_awaited(id, 0);
        pair.run(1000);
        pair.cut(FROM, TO);
        pair.send_awaited(id, 1);
        pair.run(2000);
        assert_eq!(pair.completed_at, [0, 1000], "124 of 200 bytes");
        pair.send_awaited(id, 2);
        pair.run(5_000_000);
        assert_eq!(pair.completed_at.len(), 2, "no room for 124 more");
        pair.network.heal(FROM, TO);
        pair.run(60_000_000);
        assert_eq!(pair.completed_at.len(), 3);
        assert_eq!(pair.numbers(), [0, 1, 2]);
    });
}

#[test]
fn what_was_not_taken_is_lost_with_the_connection() {
    simulated(1, |mut pair| {
        let id = pair.open(Channel::Data);
        pair.send_awaited(id, 0);
        pair.run(1000);
        pair.throttle(0, SIZE);
        for number in 1..3 {
            pair.send_awaited(id, number);
        }
        pair.network.close(id);
        pair.run(60_000_000);
        assert_eq!(pair.numbers(), [0, 1], "the kernel sends on what it has taken");
        assert_eq!(pair.completed_at, [0, 1000]);
    });
}
