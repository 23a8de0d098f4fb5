//! What an administrator has the active controller do with a topic or a partition.

use super::{Action, Plan, SettingValue, Settings, Target};
use crate::describe::listed;
use ackproof_types::{FeatureUpdate, TopicId};
use std::collections::BTreeSet;

/// What an administrator wants. It is asked for once, and what was done stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// A leader of the target, a partition without one, from outside the in-sync set if need be
    /// (`kafka-leader-election.sh --election-type unclean`).
    ElectUnclean,
    /// So many partitions in all for the target, a topic (`kafka-topics.sh --alter --partitions`).
    AddPartitions(u16),
    /// The target, a topic, with the settings of the plan: again, or for the first time
    /// (`kafka-topics.sh --create`).
    CreateTopic,
    /// Nothing of the target, a topic, any more (`kafka-topics.sh --delete`).
    DeleteTopic,
    /// These brokers as the replicas of the target, a partition, the preferred leader first
    /// (`kafka-reassign-partitions.sh --execute`).
    Reassign(Vec<u16>),
    /// Nothing of what is under way for the target, a partition (`kafka-reassign-partitions.sh --cancel`).
    CancelReassignment,
    /// Other settings of the target, a topic; of those that are not named nothing changes
    /// (`kafka-configs.sh --alter --add-config`).
    AlterConfig(Settings),
    /// These feature levels for the whole cluster, if all its brokers support them; others stay
    /// (`kafka-features.sh upgrade`).
    UpdateFeatures(FeatureUpdate),
}

impl Order {
    /// The verb of a scenario for it.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::ElectUnclean => "elect-unclean",
            Self::AddPartitions(_) => "add-partitions",
            Self::CreateTopic => "create-topic",
            Self::DeleteTopic => "delete-topic",
            Self::AlterConfig(_) => "alter-config",
            Self::Reassign(_) => "reassign",
            Self::CancelReassignment => "cancel-reassignment",
            Self::UpdateFeatures(_) => "update-features",
        }
    }

    /// Why it has no length.
    pub(crate) const fn is_for_good(&self) -> &'static str {
        match self {
            Self::ElectUnclean => "an election happens at once; it has no \"for\"",
            Self::AddPartitions(_) => "a topic keeps its partitions; this has no \"for\"",
            Self::CreateTopic => "a topic stays until it is deleted; this has no \"for\"",
            Self::DeleteTopic => "what is deleted is gone; this has no \"for\"",
            Self::Reassign(_) => "replicas stay where they are moved to; this has no \"for\"",
            Self::CancelReassignment => "this happens at once; it has no \"for\"",
            Self::UpdateFeatures(_) => "feature levels stay; this has no \"for\"",
            Self::AlterConfig(_) => {
                "settings stay until they are altered again; this has no \"for\": write another fault"
            }
        }
    }

    /// What was asked for `target`; what came of it is on record.
    pub(crate) fn done(&self, target: &str, plan: &Plan) -> String {
        match self {
            Self::Reassign(brokers) => {
                let names: Vec<String> = brokers.iter().map(|one| plan.broker_name(*one)).collect();
                format!("an administrator asked to move {target} to {}", listed(&names))
            }
            Self::CancelReassignment => {
                format!("an administrator asked to give up moving {target}")
            }
            Self::ElectUnclean => {
                format!("an administrator asked for an unclean election of {target}")
            }
            Self::AddPartitions(all) => {
                format!("an administrator asked for {all} partitions of {target}")
            }
            Self::CreateTopic => format!("an administrator asked to create {target}"),
            Self::DeleteTopic => format!("an administrator asked to delete {target}"),
            Self::UpdateFeatures(features) => {
                let all: Vec<String> =
                    features.levels().iter().map(|(key, level)| format!("{key} {level}")).collect();
                format!("an administrator asked to finalize {}", all.join(", "))
            }
            Self::AlterConfig(settings) => {
                let all: Vec<String> =
                    settings.0.iter().map(|(key, value)| format!("{key}={value}")).collect();
                format!("an administrator asked to give {target} {}", all.join(", "))
            }
        }
    }
}

impl Plan {
    /// Topics that a fault may delete, each once.
    pub fn deleted(&self) -> impl Iterator<Item = TopicId> {
        self.ordered(&Order::DeleteTopic).into_iter()
    }

    /// Topics that a fault may create, each once.
    pub fn created(&self) -> impl Iterator<Item = TopicId> {
        self.ordered(&Order::CreateTopic).into_iter()
    }

    /// Topics that a fault may delete and one may create again, each once.
    pub fn recreated(&self) -> impl Iterator<Item = TopicId> {
        let created = self.ordered(&Order::CreateTopic);
        self.deleted().filter(move |topic| created.contains(topic))
    }

    /// Topics that are not there until a fault creates them: none deletes them.
    #[must_use]
    pub fn absent(&self) -> BTreeSet<TopicId> {
        let deleted = self.ordered(&Order::DeleteTopic);
        self.created().filter(|topic| !deleted.contains(topic)).collect()
    }

    fn ordered(&self, order: &Order) -> BTreeSet<TopicId> {
        let kinds = self.faults.iter().flat_map(|fault| &fault.choices);
        let topics = kinds.filter_map(|(_, kind)| match (&kind.action, kind.target) {
            (Action::Administer(given), Target::Topic(topic)) if given == order => Some(topic),
            _ => None,
        });
        topics.collect()
    }

    /// The plan with the loosest settings and the fewest replicas that its topics ever have: what they leave
    /// possible, a run may show.
    #[must_use]
    pub fn loosened(&self) -> Self {
        let mut plan = self.clone();
        let kinds = self.faults.iter().flat_map(|fault| &fault.choices);
        for (_, kind) in kinds {
            if let (Action::Administer(Order::Reassign(to)), Target::Partition(topic, _)) =
                (&kind.action, kind.target)
            {
                let factor = &mut plan.topics[topic.index()].replication_factor;
                *factor = to.len().try_into().unwrap_or(u16::MAX).min(*factor);
            }
            if let (Action::Administer(Order::AlterConfig(settings)), Target::Topic(topic)) =
                (&kind.action, kind.target)
            {
                let config = &mut plan.topics[topic.index()].config.0;
                for (key, value) in &settings.0 {
                    if let Some(known) = config.get_mut(key) {
                        *known = looser(known, value);
                    }
                }
            }
        }
        plan
    }
}

/// That one of two values that promises less.
fn looser(one: &SettingValue, other: &SettingValue) -> SettingValue {
    match (one, other) {
        // Without a bound nothing is deleted.
        (SettingValue::Number(-1), _) => other.clone(),
        (_, SettingValue::Number(-1)) => one.clone(),
        (SettingValue::Number(a), SettingValue::Number(b)) => SettingValue::Number(*a.min(b)),
        (SettingValue::Switch(a), SettingValue::Switch(b)) => SettingValue::Switch(*a || *b),
        _ => one.clone(),
    }
}
