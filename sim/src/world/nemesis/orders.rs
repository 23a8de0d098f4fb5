//! What administrators ask a controller for: the order of a plan turned into calls of the machine.

use crate::world::lower;
use ackproof_kafka::controller::ControllerCall;
use ackproof_scenario::plan::{Order, Target};
use ackproof_types::{BrokerId, TopicPartition};

/// The calls that `order` about `target` makes, in order.
pub(super) fn calls(order: &Order, target: Target) -> Vec<ControllerCall> {
    match (order, target) {
        (Order::ElectUnclean, Target::Partition(topic, number)) => {
            vec![ControllerCall::ElectUnclean(TopicPartition::new(topic, number))]
        }
        (Order::AddPartitions(all), Target::Topic(topic)) => {
            vec![ControllerCall::CreatePartitions(topic, *all)]
        }
        (Order::CreateTopic, Target::Topic(topic)) => vec![ControllerCall::CreateTopic(topic)],
        (Order::DeleteTopic, Target::Topic(topic)) => vec![ControllerCall::DeleteTopic(topic)],
        (Order::AlterConfig(settings), Target::Topic(topic)) => {
            let all = lower::altered(settings);
            all.map(|setting| ControllerCall::AlterConfig(topic, setting)).collect()
        }
        (Order::Reassign(brokers), Target::Partition(topic, number)) => {
            let brokers = brokers.iter().copied().map(BrokerId).collect();
            vec![ControllerCall::Reassign(TopicPartition::new(topic, number), Some(brokers))]
        }
        (Order::CancelReassignment, Target::Partition(topic, number)) => {
            vec![ControllerCall::Reassign(TopicPartition::new(topic, number), None)]
        }
        (Order::UpdateFeatures(features), _) => vec![ControllerCall::UpdateFeatures(*features)],
        // A topic where a partition is meant, or the other way round.
        _ => Vec::new(),
    }
}
