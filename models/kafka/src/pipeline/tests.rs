//! A pipeline as a whole: what belongs to whom, and what goes with a crash.

use super::*;

#[test]
fn a_connection_of_a_producer_is_told_from_that_of_the_consumer() {
    use crate::machine::ConnectionId;
    use ackproof_types::{BrokerId, Server};
    let data = Route { to: Server::Broker(BrokerId(1)), channel: Channel::Data };
    let coordinator = Route { channel: Channel::Coordinator, ..data };
    for lane in Lane::ALL {
        let To::Route(route) = outer(*lane, To::Route(data)) else { panic!("a route") };
        assert_eq!(route.channel, Channel::Output(*lane));
        assert_eq!(inner(route), (Some(*lane), data));
        let answer = To::Connection(ConnectionId(7));
        assert_eq!(outer(*lane, answer), answer);
    }
    assert_eq!(inner(data), (None, data));
    assert_eq!(inner(coordinator), (None, coordinator));
}

#[test]
fn no_life_names_a_record_as_an_earlier_one_did() {
    let mut disk = Numbers::default();
    disk.apply(Numbered { lane: Lane::DeadLetters, next: 3 });
    disk.apply(Numbered { lane: Lane::Results, next: 1 });
    assert_eq!(disk, Numbers([1, 3]));
}
