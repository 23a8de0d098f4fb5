//! Which broker a client turns to next, and when it gives up and begins again. It knows nothing of what the
//! requests ask for.

use super::network::data;
use super::{ClientSettings, NetworkClient, NetworkTimer};
use crate::machine::{Effect, Outbox, Route, To};
use crate::message::{CorrelationId, Message, MetadataResponse, Response};
use ackproof_types::{BrokerId, Micros, TopicId};
use std::convert::Infallible;

type Out = Outbox<NetworkTimer, Infallible>;

/// A client that knows three brokers and was started with two of them.
struct Lab {
    client: NetworkClient<()>,
    out: Out,
}

impl Lab {
    fn new() -> Self {
        let settings = ClientSettings {
            bootstrap: [BrokerId(1), BrokerId(2)].into(),
            max_in_flight: 5,
            request_timeout: Micros::from_secs(30),
            retry_backoff: Micros::from_millis(100),
            retry_backoff_max: Micros::from_secs(1),
            metadata_max_age: Micros::from_secs(300),
            salt: 0,
        };
        let mut lab =
            Self { client: NetworkClient::new(settings, &[TopicId(1)]), out: Out::default() };
        lab.turn();
        let asked = lab.answer(&Response::ApiVersions);
        lab.turn();
        let brokers = [1, 2, 3].map(BrokerId).into();
        lab.answer(&Response::Metadata(MetadataResponse { brokers, partitions: Vec::new() }));
        lab.client.disconnect(asked, &mut lab.out);
        lab.reconnect(asked);
        lab
    }

    fn turn(&mut self) {
        self.client.maybe_update(&mut self.out);
        self.client.check();
    }

    fn sent(&mut self) -> Vec<(Route, CorrelationId)> {
        let sent = self.out.drain().filter_map(|effect| {
            let Effect::Send { to: To::Route(route), message: Message::Request(id, _) } = effect
            else {
                return None;
            };
            Some((route, id))
        });
        sent.collect()
    }

    fn answer(&mut self, response: &Response) -> Route {
        let (route, id) = self.sent()[0];
        self.client.answered(route, id, response.clone(), &mut self.out);
        route
    }

    fn reconnect(&mut self, route: Route) {
        self.client.fire(NetworkTimer::Reconnect(route), &mut self.out);
    }
}

/// R17.31. Kafka: `ClusterConnectionStates#disconnected` sets `lastConnectAttemptMs`.
#[test]
fn a_connection_that_ended_last_is_tried_last() {
    let mut lab = Lab::new();
    let [one, two, three] = [1, 2, 3].map(|id| data(BrokerId(id)));
    for route in [one, two, three] {
        lab.client.ready(route, &mut lab.out);
    }
    for route in [three, one, two] {
        lab.client.disconnected(route, &mut lab.out);
        lab.reconnect(route);
    }
    lab.sent();
    assert_eq!(lab.client.least_loaded_node(), Some(three), "tried last, but the first to end");
}
