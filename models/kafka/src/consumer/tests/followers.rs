//! Reading from a follower (KIP-392).

use super::harness::{Harness, P0, batch, config};
use super::*;
use crate::client::network::data;
use crate::machine::{ConnectionId, Peer};
use crate::message::{Fetched, FetchedPartition, Rack};
use crate::variant::Variant;
use ackproof_types::Micros;

const LEADER: BrokerId = BrokerId(1);
const NEAR: BrokerId = BrokerId(2);

/// A member that has asked its leader, which has not answered.
fn member(variants: &[Variant]) -> Harness {
    let config = ConsumerConfig {
        bootstrap: [LEADER, NEAR].into(),
        client_rack: Some(Rack(1)),
        variants: variants.iter().copied().collect(),
        ..config(CommitStrategy::SyncAfterBatch)
    };
    let mut h = Harness::configured(&config, |request| matches!(request, Request::Fetch(_)));
    h.story();
    h
}

/// Who is asked, and has not answered.
fn asked(h: &Harness) -> Vec<BrokerId> {
    let broker = |to| match to {
        Server::Broker(broker) => broker,
        Server::Controller(_) => panic!("a client asks no controller"),
    };
    h.held.iter().map(|(route, ..)| broker(route.to)).collect()
}

fn nothing(preferred_read_replica: Option<BrokerId>) -> Fetched {
    Fetched {
        fetch_offset: Offset(0),
        high_watermark: Offset(4),
        log_start: Offset(0),
        diverging: None,
        preferred_read_replica,
        batches: Vec::new(),
    }
}

/// The oldest fetch is answered with this.
fn told(h: &mut Harness, result: Result<Fetched, ErrorCode>) {
    let (route, id, _) = h.held.remove(0);
    let response = Response::Fetch(vec![FetchedPartition { partition: P0, result }]);
    let from = Peer { connection: ConnectionId(0), route };
    h.step(Input::Deliver { from, message: Message::Response(id, response) });
}

#[test]
fn it_reads_where_the_leader_sends_it_for_as_long_as_metadata_lasts() {
    let mut h = member(&[]);
    assert_eq!(asked(&h), [LEADER]);
    told(&mut h, Ok(nothing(Some(NEAR))));
    assert_eq!(asked(&h), [NEAR]);
    assert_eq!(h.timers.get(&Timer::ReadReplica(P0)), Some(&Micros::from_millis(300_000).into()));
    told(&mut h, Ok(nothing(None)));
    assert_eq!(asked(&h), [NEAR], "and again");
    h.fire(Timer::ReadReplica(P0));
    told(&mut h, Ok(Fetched { batches: vec![batch(0, 4)], ..nothing(None) }));
    assert_eq!(h.story().last().map(String::as_str), Some("polled 0+2"));
    h.fire(Timer::Process);
    h.fire(Timer::Process);
    assert_eq!(asked(&h).first(), Some(&LEADER));
}

#[test]
fn what_is_out_of_range_at_a_follower_is_asked_of_the_leader() {
    let out = || Err(ErrorCode::OffsetOutOfRange);
    let mut h = member(&[]);
    told(&mut h, Ok(nothing(Some(NEAR))));
    told(&mut h, out());
    assert_eq!((asked(&h), h.requests.contains(&"list-offsets")), (vec![LEADER], false));
    told(&mut h, out());
    assert!(h.requests.contains(&"list-offsets"), "R8.6: the leader's word");
    let mut h = member(&[Variant::FollowerReadReset]);
    told(&mut h, Ok(nothing(Some(NEAR))));
    told(&mut h, out());
    assert!(h.requests.contains(&"list-offsets"));
}

#[test]
fn a_follower_that_is_gone_is_forgotten() {
    for (variants, then) in [(&[] as &[Variant], LEADER), (&[Variant::FollowerReadReset], NEAR)] {
        let mut h = member(variants);
        told(&mut h, Ok(nothing(Some(NEAR))));
        h.held.clear();
        h.step(Input::Disconnected(data(NEAR)));
        if then == NEAR {
            h.fire(Timer::Network(NetworkTimer::Reconnect(data(NEAR))));
        }
        assert_eq!(asked(&h), [then]);
    }
    // Metadata does not list it any more.
    let mut h = member(&[]);
    h.brokers = 1;
    h.fire(Timer::Network(NetworkTimer::MetadataBackoff));
    h.fire(Timer::Network(NetworkTimer::MetadataAge));
    told(&mut h, Ok(nothing(Some(NEAR))));
    assert_eq!(asked(&h), [LEADER]);
}
