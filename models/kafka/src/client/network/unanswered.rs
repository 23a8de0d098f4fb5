//! Requests that nobody will answer, with `acks=0`: in flight until the socket has taken them.
//!
//! Kafka: `NetworkClient#handleCompletedSends`, `InFlightRequests#completeLastSent` (R6.10).

use super::super::connection::{InFlight, Sent};
use super::{NetworkClient, NetworkTimer};
use crate::machine::{Outbox, Route};
use crate::message::Request;

impl<P> NetworkClient<P> {
    /// Sends what nobody will answer, `acks=0`, on a connection that is ready. It is in flight until the
    /// socket has taken it, and nothing is sent after it before (`InFlightRequests#canSendMore`).
    pub fn send_unanswered<T: From<NetworkTimer>, W>(
        &mut self,
        route: Route,
        request: Request,
        purpose: P,
        out: &mut Outbox<T, W>,
    ) {
        let at = self.index(route);
        self.transmit(at, Sent::Request(purpose), request, out);
        out.await_send(route);
        self.connections[at].is_sending = true;
    }

    /// The socket has taken what nobody will answer: what was remembered of it
    /// (`NetworkClient#handleCompletedSends`).
    pub fn send_completed<T: From<NetworkTimer>, W>(
        &mut self,
        route: Route,
        out: &mut Outbox<T, W>,
    ) -> Option<P> {
        let at = self.index(route);
        let connection = &mut self.connections[at];
        if !std::mem::take(&mut connection.is_sending) {
            return None;
        }
        let InFlight { correlation, sent } = connection.in_flight.pop_back()?;
        out.disarm(NetworkTimer::Request(correlation).into());
        self.send_unsent(at, out);
        match sent {
            Sent::Request(purpose) => Some(purpose),
            Sent::ApiVersions | Sent::Metadata => None,
        }
    }
}
