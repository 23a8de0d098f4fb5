//! What administrators ask the active controller for. A request does not go over the network, and nobody
//! sends one that is refused again (Kafka: `ControllerApis`, `ConfigurationControlManager`).

use super::partitions::cleared;
use super::{Controller, ControllerCall, Out, Timer};
use crate::config::{TopicConfig, TopicSetting};
use crate::metadata::MetadataRecord;
use crate::observation::Observation;
use crate::variant::Variant;
use ackproof_types::{Delay, ErrorCode, FeatureUpdate, Features, TopicId, TopicPartition};

impl Controller {
    pub(super) fn administer(&mut self, call: ControllerCall, out: &mut Out) {
        let request = call.request();
        let call = self.resolve(call);
        let done = match call {
            _ if !self.is_active() => Err(ErrorCode::NotController),
            ControllerCall::CreatePartitions(topic, count) => {
                self.create_partitions(topic, count, out)
            }
            ControllerCall::CreateTopic(topic) => self.create_topic(topic, out),
            ControllerCall::DeleteTopic(topic) => self.delete_topic(topic, out),
            ControllerCall::ElectUnclean(partition) => self.elect_unclean(partition, out),
            ControllerCall::AlterConfig(topic, setting) => {
                self.check_topic(topic).map(|()| self.alter_config(topic, setting, out))
            }
            ControllerCall::Reassign(partition, replicas) => {
                self.reassign(partition, replicas.as_deref(), out)
            }
            ControllerCall::UpdateFeatures(update) => self.update_features(update, out),
            ControllerCall::Shutdown => Ok(()),
        };
        if let Err(error) = done {
            out.observe(Observation::OrderRefused(request, error));
        }
    }

    /// Administrators name topics: which one has the name now.
    fn resolve(&self, call: ControllerCall) -> ControllerCall {
        let now = |topic: TopicId| self.image.current(topic);
        let place = |at: TopicPartition| TopicPartition::new(now(at.topic), at.partition);
        match call {
            ControllerCall::CreatePartitions(topic, count) => {
                ControllerCall::CreatePartitions(now(topic), count)
            }
            ControllerCall::DeleteTopic(topic) => ControllerCall::DeleteTopic(now(topic)),
            ControllerCall::ElectUnclean(at) => ControllerCall::ElectUnclean(place(at)),
            ControllerCall::AlterConfig(topic, setting) => {
                ControllerCall::AlterConfig(now(topic), setting)
            }
            ControllerCall::Reassign(at, to) => ControllerCall::Reassign(place(at), to),
            ControllerCall::CreateTopic(_)
            | ControllerCall::UpdateFeatures(_)
            | ControllerCall::Shutdown => call,
        }
    }

    /// The settings of a topic as of the end of the log.
    pub(super) fn topic(&self, topic: TopicId) -> &TopicConfig {
        self.image.altered.get(&topic).unwrap_or_else(|| self.config.topic(topic))
    }

    /// The feature levels of the cluster as of the end of the log.
    pub(super) fn features(&self) -> Features {
        self.image.features.unwrap_or(self.config.profile.features)
    }

    /// Kafka: `FeatureControlManager#updateFeatures`. Every registered broker and this controller must support the
    /// levels, `metadata.version` does not fall, and without eligible leader replicas nobody is one (R17.1).
    fn update_features(&mut self, update: FeatureUpdate, out: &mut Out) -> Result<(), ErrorCode> {
        let now = self.features();
        let features = now.with(update);
        let level = features.metadata_version;
        let mut lines = self.image.brokers.values().map(|known| known.version);
        let is_supported = lines.all(|line| line >= level) && self.config.profile.version >= level;
        if level < now.metadata_version || !is_supported {
            return Err(ErrorCode::InvalidUpdateVersion);
        }
        if features == now {
            return Ok(());
        }
        self.append(MetadataRecord::Features(features), out);
        self.observe(Observation::FeaturesUpdated(features));
        if now.eligible_leader_replicas > 0 && features.eligible_leader_replicas == 0 {
            self.change_all(out, |_, _, state| cleared(state));
        }
        Ok(())
    }

    /// Whether some topic lets a leader be elected that is not in sync.
    pub(super) fn may_elect_uncleanly(&self) -> bool {
        let topics = (0..).map(TopicId).zip(&self.config.topics);
        let mut topics = topics.map(|(name, _)| self.image.current(name));
        let is_there = |id: &TopicId| !self.image.removed.contains(id);
        topics.any(|id| is_there(&id) && self.topic(id).unclean_leader_election)
    }

    /// KIP-339, R17.8: another minimum clears who is eligible to lead, as they left under the old one.
    fn alter_config(&mut self, topic: TopicId, setting: TopicSetting, out: &mut Out) {
        let config = self.topic(topic).with(setting);
        let is_minimum = matches!(setting, TopicSetting::MinInsyncReplicas(_));
        // Only this one is written again with the same value.
        if config == *self.topic(topic) && !is_minimum {
            return;
        }
        let scanned = self.may_elect_uncleanly();
        self.append(MetadataRecord::Topic { topic, config }, out);
        self.observe(altered(topic, &config));
        let kept = self.config.variants.has(Variant::EligibleAfterNewMinimum);
        if is_minimum && self.has_eligible_replicas() && !kept {
            self.change_all(
                out,
                |_, id, state| if id.topic == topic { cleared(state) } else { None },
            );
        }
        if !scanned && self.may_elect_uncleanly() {
            // Where in its period the scan is, is arbitrary: partitions may have no leader for long (R5.22).
            let period = self.config.broker.unclean_leader_election_interval;
            out.arm(Timer::UncleanElection, Delay::rest_of(period));
        }
    }
}

impl ControllerCall {
    /// Kafka's name of the request.
    const fn request(&self) -> &'static str {
        match self {
            Self::CreatePartitions(..) => "CreatePartitions",
            Self::CreateTopic(_) => "CreateTopics",
            Self::DeleteTopic(_) => "DeleteTopics",
            Self::ElectUnclean(_) => "ElectLeaders",
            Self::AlterConfig(..) => "IncrementalAlterConfigs",
            Self::Reassign(..) => "AlterPartitionReassignments",
            Self::UpdateFeatures(_) => "UpdateFeatures",
            Self::Shutdown => "shutdown",
        }
    }
}

/// What altered settings are on record as.
pub(super) fn altered(topic: TopicId, config: &TopicConfig) -> Observation {
    Observation::TopicAltered {
        topic,
        min_insync_replicas: config.min_insync_replicas,
        unclean_leader_election: config.unclean_leader_election,
    }
}
