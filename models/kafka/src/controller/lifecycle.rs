//! Registration, heartbeats, fencing and controlled shutdown of brokers (Kafka:
//! `ClusterControlManager`, `BrokerHeartbeatManager`). Which partitions change with them is decided in
//! `partitions`.

use super::{Controller, Out, Timer};
use crate::config::BrokerSettings;
use crate::message::{BrokerHeartbeatRequest, BrokerRegistrationRequest, HeartbeatState};
use crate::metadata::{BrokerRegistration, MetadataRecord};
use crate::observation::Observation;
use crate::profile::Rule;
use ackproof_types::{BrokerEpoch, BrokerId, ErrorCode, Micros};

/// The states of R5.14.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum BrokerState {
    Fenced,
    Unfenced,
    ControlledShutdown,
    ShutdownNow,
}

/// Kafka: `QuorumController#maybeFenceStaleBrokerPeriodNs`.
pub(super) fn stale_check_interval(settings: &BrokerSettings) -> Micros {
    Micros(settings.broker_session_timeout.0 / 8).max(Micros::from_millis(1))
}

impl Controller {
    /// R5.3 to R5.5.
    pub(super) fn register(
        &mut self,
        request: &BrokerRegistrationRequest,
        out: &mut Out,
    ) -> Result<BrokerEpoch, ErrorCode> {
        let broker = request.broker;
        // Kafka: `ClusterControlManager#registerBroker`. Its process never gets further than this.
        if request.version < self.features().metadata_version {
            return Err(ErrorCode::UnsupportedVersion);
        }
        let epoch = match self.image.brokers.get(&broker) {
            // R5.5: the same process again keeps its epoch and its flags.
            Some(known) if known.incarnation == request.incarnation => known.epoch,
            // R5.4: a session lives until its timer has fired, be its broker unfenced by then or not. Else a
            // request of a dead process that was under way would take the place of a living one.
            Some(known) if self.sessions.contains(&broker) && !self.may_be_replaced(known) => {
                return Err(ErrorCode::DuplicateBrokerRegistration);
            }
            Some(_) | None => {
                // Its session is over and the check has yet to come: the process before this one has
                // ended, and is treated as the check would (Kafka: `handleBrokerShutdown`).
                self.fence(broker, out);
                let before = self.image.brokers.get(&broker).map(|known| known.epoch);
                if self.has_eligible_replicas()
                    && before.is_some_and(|it| request.previous_epoch != Some(it))
                {
                    self.distrust(broker, out);
                }
                let offset = i64::try_from(self.log_end()).expect("a log fits 63 bits");
                let registration = BrokerRegistration {
                    epoch: BrokerEpoch(offset),
                    incarnation: request.incarnation,
                    version: request.version,
                    fenced: true,
                    in_controlled_shutdown: false,
                };
                self.append(MetadataRecord::RegisterBroker { broker, registration }, out);
                self.register_logs(broker, &request.offline, out);
                self.contacts.remove(&broker);
                registration.epoch
            }
        };
        self.touch(broker, out);
        Ok(epoch)
    }

    /// R17.15: whether another process may take the place of a registration whose session lives.
    fn may_be_replaced(&self, known: &BrokerRegistration) -> bool {
        self.config.profile.has(Rule::RegistrationReplacesLeaving) && !known.is_active()
    }

    /// Kafka: `BrokerHeartbeatManager#touch`.
    fn touch(&mut self, broker: BrokerId, out: &mut Out) {
        self.sessions.insert(broker);
        self.stale.retain(|stale| *stale != broker);
        out.arm(Timer::Session(broker), self.config.broker.broker_session_timeout);
    }

    /// R5.14.
    pub(super) fn heartbeat(
        &mut self,
        request: &BrokerHeartbeatRequest,
        out: &mut Out,
    ) -> Result<HeartbeatState, ErrorCode> {
        let broker = request.broker;
        self.check_epoch(broker, request.epoch)?;
        self.touch(broker, out);
        self.contacts.entry(broker).or_default().metadata_offset = request.metadata_offset;
        let is_caught_up = u64::try_from(request.epoch.0)
            .is_ok_and(|registered_at| request.metadata_offset > registered_at);
        let current = self.state_of(broker);
        let next = self.next_state(current, request, is_caught_up);
        match next {
            BrokerState::Fenced => self.fence(broker, out),
            BrokerState::Unfenced => self.unfence(broker, out),
            BrokerState::ControlledShutdown => self.begin_controlled_shutdown(broker, out),
            // R5.4: its session goes on.
            BrokerState::ShutdownNow => {
                self.fence(broker, out);
                self.contacts.remove(&broker);
            }
        }
        self.logs_offline(broker, &request.offline, out);
        Ok(HeartbeatState {
            is_caught_up,
            is_fenced: matches!(next, BrokerState::Fenced | BrokerState::ShutdownNow),
            should_shutdown: next == BrokerState::ShutdownNow,
        })
    }

    /// R5.11: it waits for the check, or to be heard of again.
    pub(super) fn expire(&mut self, broker: BrokerId) {
        self.sessions.remove(&broker);
        self.stale.push(broker);
    }

    /// R5.11, R5.13: one broker an event, the next at once. Kafka:
    /// `QuorumController#registerMaybeFenceStaleBroker`.
    pub(super) fn fence_stale(&mut self, out: &mut Out) {
        if !self.stale.is_empty() {
            let broker = self.stale.remove(0);
            self.fence(broker, out);
        }
        let pause = if self.stale.is_empty() {
            stale_check_interval(&self.config.broker)
        } else {
            Micros::ZERO
        };
        out.arm(Timer::StaleCheck, pause);
    }

    fn state_of(&self, broker: BrokerId) -> BrokerState {
        let fenced = self.image.brokers.get(&broker).is_none_or(|known| known.fenced);
        let leaving = self
            .contacts
            .get(&broker)
            .is_some_and(|contact| contact.controlled_shutdown_offset.is_some());
        match (fenced, leaving) {
            (true, _) => BrokerState::Fenced,
            (false, true) => BrokerState::ControlledShutdown,
            (false, false) => BrokerState::Unfenced,
        }
    }

    fn next_state(
        &self,
        current: BrokerState,
        request: &BrokerHeartbeatRequest,
        is_caught_up: bool,
    ) -> BrokerState {
        match current {
            BrokerState::Fenced if request.want_shutdown => BrokerState::ShutdownNow,
            BrokerState::Fenced if !request.want_fence && is_caught_up => BrokerState::Unfenced,
            BrokerState::Fenced => BrokerState::Fenced,
            BrokerState::Unfenced if request.want_fence && request.want_shutdown => {
                BrokerState::ShutdownNow
            }
            BrokerState::Unfenced if request.want_fence => BrokerState::Fenced,
            BrokerState::Unfenced if request.want_shutdown => {
                if self.leads(request.broker) {
                    BrokerState::ControlledShutdown
                } else {
                    BrokerState::ShutdownNow
                }
            }
            BrokerState::Unfenced => BrokerState::Unfenced,
            BrokerState::ControlledShutdown
                if !self.leads(request.broker) && self.everyone_knows_of(request.broker) =>
            {
                BrokerState::ShutdownNow
            }
            BrokerState::ControlledShutdown => BrokerState::ControlledShutdown,
            BrokerState::ShutdownNow => BrokerState::ShutdownNow,
        }
    }

    /// Whether every active broker has applied the elections that replaced `broker` (R5.14).
    fn everyone_knows_of(&self, broker: BrokerId) -> bool {
        let needed = self
            .contacts
            .get(&broker)
            .and_then(|contact| contact.controlled_shutdown_offset)
            .unwrap_or(0);
        self.image
            .brokers
            .iter()
            .filter(|(id, registration)| **id != broker && registration.is_active())
            .all(|(id, _)| self.contacts.get(id).is_some_and(|c| c.metadata_offset >= needed))
    }

    fn fence(&mut self, broker: BrokerId, out: &mut Out) {
        let Some(known) = self.image.brokers.get(&broker).copied().filter(|known| !known.fenced)
        else {
            return;
        };
        // R5.13: elections first, then the record that says why.
        self.remove_from_in_sync_sets(broker, out);
        self.append(
            MetadataRecord::BrokerChange {
                broker,
                epoch: known.epoch,
                fenced: true,
                in_controlled_shutdown: known.in_controlled_shutdown,
            },
            out,
        );
        if let Some(contact) = self.contacts.get_mut(&broker) {
            contact.controlled_shutdown_offset = None;
        }
        self.observe(Observation::Fenced { broker });
    }

    /// R5.13, R5.15: with the same epoch; it leads only what nobody leads.
    fn unfence(&mut self, broker: BrokerId, out: &mut Out) {
        let Some(known) = self.image.brokers.get(&broker).copied().filter(|known| known.fenced)
        else {
            return;
        };
        self.append(
            MetadataRecord::BrokerChange {
                broker,
                epoch: known.epoch,
                fenced: false,
                in_controlled_shutdown: known.in_controlled_shutdown,
            },
            out,
        );
        self.observe(Observation::Unfenced { broker });
        self.elect_leaderless(out);
        self.create_topics(out);
    }

    /// R5.17.
    fn begin_controlled_shutdown(&mut self, broker: BrokerId, out: &mut Out) {
        let Some(known) = self.image.brokers.get(&broker).copied() else { return };
        if !known.in_controlled_shutdown {
            self.append(
                MetadataRecord::BrokerChange {
                    broker,
                    epoch: known.epoch,
                    fenced: known.fenced,
                    in_controlled_shutdown: true,
                },
                out,
            );
        }
        self.remove_from_in_sync_sets(broker, out);
        let end = self.log_end();
        let contact = self.contacts.entry(broker).or_default();
        contact.controlled_shutdown_offset.get_or_insert(end);
    }
}
