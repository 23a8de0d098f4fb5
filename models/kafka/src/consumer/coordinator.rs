//! Which broker coordinates the group (R9.38). It knows nothing of what the coordinator is asked.
//!
//! Kafka: `AbstractCoordinator#ensureCoordinatorReady`, `#checkAndGetCoordinator`, `#markCoordinatorUnknown`.

use super::{Consumer, Out, Purpose, Timer};
use crate::client::backoff::once_more;
use crate::machine::{Channel, Route};
use crate::message::Request;
use ackproof_types::GroupProtocol;
use ackproof_types::{BrokerId, ErrorCode, Server};

/// How far the lookup has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Lookup {
    #[default]
    Idle,
    UnderWay,
    /// It failed; `retry.backoff.ms` runs.
    CoolingDown,
    /// It was found, but its connection has failed and may not be tried yet; `retry.backoff.ms` runs.
    Unavailable,
    /// After it failed, fresh metadata is waited for: who was asked may not be there any more.
    AwaitsMetadata,
}

/// What is known of the coordinator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Coordinator {
    broker: Option<BrokerId>,
    lookup: Lookup,
    failures: u32,
}

/// The connection to a broker as the coordinator: Kafka opens one of its own.
fn coordinator(broker: BrokerId) -> Route {
    Route { to: Server::Broker(broker), channel: Channel::Coordinator }
}

impl Consumer {
    /// The connection to the coordinator, if it is known and may be used now.
    pub(super) fn coordinator_route(&self) -> Option<Route> {
        let route = coordinator(self.coordinator.broker?);
        (!self.client.is_unavailable(route)).then_some(route)
    }

    /// Asks any broker, if it is not known.
    pub(super) fn find_coordinator(&mut self, out: &mut Out) {
        let is_known = self.coordinator.broker.is_some() || self.coordinator.lookup != Lookup::Idle;
        if is_known || !self.config.has_group_id {
            return;
        }
        let Some(route) = self.client.least_loaded_node() else {
            return self.coordinator_found(Err(ErrorCode::NetworkException), out);
        };
        self.coordinator.lookup = Lookup::UnderWay;
        let request = Request::FindCoordinator(self.config.group);
        self.send(route, request, Purpose::FindCoordinator, out);
    }

    pub(super) fn coordinator_found(&mut self, result: Result<BrokerId, ErrorCode>, out: &mut Out) {
        self.coordinator.lookup = match result {
            Ok(broker) if !self.client.is_unavailable(coordinator(broker)) => {
                let lookup = Lookup::Idle;
                self.coordinator = Coordinator { broker: Some(broker), lookup, failures: 0 };
                self.watch_session(out);
                self.client.ready(coordinator(broker), out);
                return;
            }
            Ok(_) => {
                if self.config.group_protocol == GroupProtocol::Classic {
                    self.fail_queued_commits(ErrorCode::CoordinatorNotAvailable, out);
                }
                Lookup::Unavailable
            }
            Err(error) => {
                // The commits of a member of a consumer group wait for the next lookup (Kafka:
                // `CommitRequestManager`).
                if self.config.group_protocol == GroupProtocol::Classic {
                    self.fail_queued_commits(error, out);
                }
                Lookup::CoolingDown
            }
        };
        let pause = self.retry_backoff_after(self.coordinator.failures);
        self.coordinator.failures = once_more(self.coordinator.failures);
        out.arm(Timer::CoordinatorBackoff, pause);
    }

    /// It may be looked up again.
    pub(super) fn coordinator_cooled(&mut self) {
        match self.coordinator.lookup {
            Lookup::CoolingDown => {
                self.coordinator.lookup = Lookup::AwaitsMetadata;
                self.client.metadata_mut().request_update();
            }
            Lookup::Unavailable => self.coordinator.lookup = Lookup::Idle,
            Lookup::Idle | Lookup::UnderWay | Lookup::AwaitsMetadata => {}
        }
    }

    /// Metadata came (Kafka: `ConsumerNetworkClient#awaitMetadataUpdate`).
    pub(super) fn coordinator_may_be_looked_up(&mut self) {
        if self.coordinator.lookup == Lookup::AwaitsMetadata {
            self.coordinator.lookup = Lookup::Idle;
        }
    }

    /// These errors make the coordinator unknown; what is under way to it fails.
    pub(super) fn coordinator_error(&mut self, error: ErrorCode, out: &mut Out) {
        let unknown = matches!(
            error,
            ErrorCode::NotCoordinator
                | ErrorCode::CoordinatorNotAvailable
                | ErrorCode::NetworkException
                | ErrorCode::RequestTimedOut
        );
        if unknown {
            self.coordinator_lost(out);
        }
    }

    /// `markCoordinatorUnknown`. Only the classic consumer also ends the connection (Kafka:
    /// `CoordinatorRequestManager#markCoordinatorUnknown` does not).
    pub(super) fn coordinator_lost(&mut self, out: &mut Out) {
        if let Some(broker) = self.coordinator.broker.take()
            && self.config.group_protocol == GroupProtocol::Classic
        {
            let route = coordinator(broker);
            let failed = self.client.disconnect(route, out);
            self.fail(failed, out);
        }
    }

    /// The connection to the coordinator ended, whether or not something was under way.
    pub(super) fn is_coordinator(&self, route: Route) -> bool {
        self.coordinator.broker.map(coordinator) == Some(route)
    }
}
