//! Which controller a broker asks: the active one, as far as it knows.
//!
//! The fetches of the metadata log find it. The channels that ask it something keep to the one that they
//! found until it refuses, or cannot be reached. Kafka: `NodeToControllerChannelManager`,
//! `RaftControllerNodeProvider`.

use super::{Broker, Out};
use crate::machine::{Channel, Route};
use crate::message::{ControllerResponse, CorrelationId, Message, Request};
use ackproof_types::{ControllerId, ErrorCode, Micros, Server};

/// How soon a channel without a controller looks again (Kafka: `NodeToControllerRequestThread#doWork`).
pub(super) const LOOK_AGAIN: Micros = Micros::from_millis(100);

/// Whom the channels take for the active controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Channels {
    lifecycle: Option<ControllerId>,
    requests: Option<ControllerId>,
}

impl Channels {
    fn of(&mut self, channel: Channel) -> &mut Option<ControllerId> {
        if channel == Channel::Lifecycle { &mut self.lifecycle } else { &mut self.requests }
    }
}

impl Broker {
    /// Asks the active controller; none: it is not known.
    pub(super) fn ask(
        &mut self,
        channel: Channel,
        request: Request,
        out: &mut Out,
    ) -> Option<CorrelationId> {
        let found = self.metadata.leader(&self.env.cluster.controllers);
        let taken = self.channels.of(channel);
        let to = taken.or(found)?;
        *taken = Some(to);
        let correlation = self.correlation();
        let route = Route { to: Server::Controller(to), channel };
        out.send(route, Message::Request(correlation, request));
        Some(correlation)
    }

    /// The connection to the controller that a channel has found.
    pub(super) fn controller(&mut self, channel: Channel) -> Option<Route> {
        let to = Server::Controller((*self.channels.of(channel))?);
        Some(Route { to, channel })
    }

    /// The controller of a channel cannot be reached, or is not the active one.
    pub(super) fn lose_controller(&mut self, channel: Channel) {
        *self.channels.of(channel) = None;
    }
}

impl ControllerResponse {
    /// Whether the one who was asked is not the active controller.
    pub(super) fn is_refused_by_a_standby(&self) -> bool {
        match self {
            Self::BrokerRegistration(result) => *result == Err(ErrorCode::NotController),
            Self::BrokerHeartbeat(result) => *result == Err(ErrorCode::NotController),
            Self::AlterPartition(result) => *result == Err(ErrorCode::NotController),
            Self::AllocateProducerIds(result) => *result == Err(ErrorCode::NotController),
            Self::MetadataFetch(_) | Self::Quorum(_) => false,
        }
    }
}
