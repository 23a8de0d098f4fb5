//! Becoming the active controller, what follows from a commit, and giving the office up (R5.1, R5.12, R5.31).
//!
//! Kafka: `QuorumController#claim`, `#renounce`, `QuorumMetaLogListener`.

use super::administration::altered;
use super::{Controller, Office, Out, Timer, lifecycle, observations};
use crate::message::{ControllerRequest, ControllerResponse, Message, Response};
use crate::metadata::{MetadataImage, MetadataRecord, PartitionRegistration, checksum};
use crate::observation::Observation;
use crate::profile::Rule;
use ackproof_types::{ControllerEpoch, Delay, ErrorCode};
use std::sync::Arc;

impl Controller {
    /// Whether it decides.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.office != Office::Standby
    }

    /// After each step: what the quorum has come to.
    pub(super) fn keep_up(&mut self, out: &mut Out) {
        if let Office::Active(epoch) = self.office
            && (!self.raft.is_established() || self.raft.epoch() != epoch)
        {
            self.renounce(epoch, out);
        }
        let is_standby = !self.is_active();
        if self.told < self.raft.high_watermark() {
            if is_standby {
                self.replay(out);
            }
            self.commit(out);
        }
        if is_standby && self.raft.is_established() {
            self.claim(out);
        }
    }

    /// A standby applies what is committed, and says what it is.
    fn replay(&mut self, out: &mut Out) {
        self.load_snapshot(out);
        for offset in self.told..self.raft.high_watermark() {
            let Some(record) = self.record(offset) else { continue };
            if !self.raft.is_alone() {
                for fact in facts_of(&self.image, &record) {
                    out.observe(Observation::Decided { offset, fact: Box::new(fact) });
                }
            }
            self.image.apply(&record);
        }
    }

    pub(super) fn record(&self, offset: u64) -> Option<Arc<MetadataRecord>> {
        self.raft.entries(offset..offset + 1).first()?.payload.record().map(Arc::clone)
    }

    /// R5.1, R5.30: who waited for it is told.
    fn commit(&mut self, out: &mut Out) {
        let committed = self.raft.high_watermark();
        if !self.raft.is_alone() {
            let entries = self.raft.entries(self.told..committed);
            let checksums = entries.iter().map(checksum).collect();
            out.observe(Observation::MetadataApplied { offset: self.told, checksums });
        }
        self.told = committed;
        while let Some((upto, fact)) = self.facts.pop_front_if(|(upto, _)| *upto <= committed) {
            out.observe(if self.raft.is_alone() {
                fact
            } else {
                Observation::Decided { offset: upto - 1, fact: Box::new(fact) }
            });
        }
        while let Some(answer) = self.deferred.pop_front_if(|it| it.upto <= committed) {
            let response = Response::Controller(answer.response);
            out.reply(answer.connection, Message::Response(answer.correlation, response));
        }
        self.snapshot_if_due(out);
    }

    /// R5.31: it has replayed its log to the end, and decides from here on.
    fn claim(&mut self, out: &mut Out) {
        let settings = &self.config.broker;
        for broker in self.image.brokers.keys() {
            // R5.12: every clock starts anew.
            out.arm(Timer::Session(*broker), settings.broker_session_timeout);
        }
        // A check of a controller that has been up for long: where in its period a session ends is
        // arbitrary.
        out.arm(Timer::StaleCheck, Delay::rest_of(lifecycle::stale_check_interval(settings)));
        // R17.14.
        let all = !self.config.profile.has(Rule::FencedBrokersUntracked);
        let tracked = self.image.brokers.iter().filter(|(_, known)| all || !known.fenced);
        self.sessions = tracked.map(|(broker, _)| *broker).collect();
        if settings.auto_leader_rebalance {
            out.arm(Timer::PreferredElection, settings.leader_imbalance_check_interval);
        }
        if self.may_elect_uncleanly() {
            out.arm(Timer::UncleanElection, settings.unclean_leader_election_interval);
        }
        let epoch = self.raft.epoch();
        self.office = Office::Active(epoch);
        if !self.raft.is_alone() {
            out.observe(Observation::ControllerElected(epoch));
            self.create_topics(out);
        }
    }

    /// It has lost the office: whoever waits asks the next one, and what is not committed was never decided.
    fn renounce(&mut self, epoch: ControllerEpoch, out: &mut Out) {
        self.office = Office::Standby;
        for answer in std::mem::take(&mut self.deferred) {
            let response = Response::Controller(refused(&answer.response));
            out.reply(answer.connection, Message::Response(answer.correlation, response));
        }
        self.facts.clear();
        for broker in self.image.brokers.keys() {
            out.disarm(Timer::Session(*broker));
        }
        for timer in [Timer::StaleCheck, Timer::PreferredElection, Timer::UncleanElection] {
            out.disarm(timer);
        }
        self.contacts.clear();
        self.sessions.clear();
        self.stale.clear();
        self.image = self.committed();
        out.observe(Observation::ControllerResigned(epoch));
    }
}

/// What a controller answers that does not decide.
pub(super) fn not_controller(request: &ControllerRequest) -> ControllerResponse {
    let error = ErrorCode::NotController;
    match request {
        ControllerRequest::BrokerRegistration(_) => {
            ControllerResponse::BrokerRegistration(Err(error))
        }
        ControllerRequest::BrokerHeartbeat(_) => ControllerResponse::BrokerHeartbeat(Err(error)),
        ControllerRequest::AlterPartition(_) => ControllerResponse::AlterPartition(Err(error)),
        ControllerRequest::AllocateProducerIds(..)
        | ControllerRequest::MetadataFetch(_)
        | ControllerRequest::Quorum(_) => ControllerResponse::AllocateProducerIds(Err(error)),
    }
}

/// The same answer of a controller that does not decide any more.
fn refused(response: &ControllerResponse) -> ControllerResponse {
    let error = ErrorCode::NotController;
    match response {
        ControllerResponse::BrokerRegistration(_) => {
            ControllerResponse::BrokerRegistration(Err(error))
        }
        ControllerResponse::BrokerHeartbeat(_) => ControllerResponse::BrokerHeartbeat(Err(error)),
        ControllerResponse::AlterPartition(_) => ControllerResponse::AlterPartition(Err(error)),
        ControllerResponse::AllocateProducerIds(_)
        | ControllerResponse::MetadataFetch(_)
        | ControllerResponse::Quorum(_) => ControllerResponse::AllocateProducerIds(Err(error)),
    }
}

/// What a record says, for the history, that another controller has written.
fn facts_of(image: &MetadataImage, record: &MetadataRecord) -> Vec<Observation> {
    match record {
        MetadataRecord::BrokerChange { broker, fenced, .. } => {
            let changed = image.brokers.get(broker).is_some_and(|known| known.fenced != *fenced);
            let fact = if *fenced {
                Observation::Fenced { broker: *broker }
            } else {
                Observation::Unfenced { broker: *broker }
            };
            changed.then_some(fact).into_iter().collect()
        }
        MetadataRecord::Partition { partition, state } => {
            let before = image.partitions.get(partition);
            let moved = |before: &PartitionRegistration| before.leader != state.leader;
            let unclean = state.recovering && before.is_none_or(moved);
            observations(*partition, before, state, unclean).collect()
        }
        MetadataRecord::Topic { topic, config } => vec![altered(*topic, config)],
        MetadataRecord::RemoveTopic { topic } => {
            let partitions = u16::try_from(image.of_topic(*topic).count()).unwrap_or(u16::MAX);
            vec![Observation::TopicDeleted(*topic, partitions)]
        }
        MetadataRecord::Features(features) => vec![Observation::FeaturesUpdated(*features)],
        MetadataRecord::RegisterBroker { .. }
        | MetadataRecord::ProducerIds { .. }
        | MetadataRecord::LogsOffline { .. } => Vec::new(),
    }
}
