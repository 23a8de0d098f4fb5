//! What administrators do, as a scenario says it.

use super::{Object, setting_value};
use crate::plan::{Order, Plan, Target};
use ackproof_types::ClusterId;
use serde_json::{Map, Value, json};

pub(super) fn ordered(object: &mut Object, (order, target): (&Order, Target), plan: &Plan) {
    match order {
        Order::ElectUnclean
        | Order::CancelReassignment
        | Order::CreateTopic
        | Order::DeleteTopic => {}
        // The verb has the levels.
        Order::UpdateFeatures(_) => {
            if let Target::ActiveController(id) = target {
                object.put_if(id != ClusterId::FIRST, "cluster", || json!(plan.cluster(id).name));
            }
        }
        Order::Reassign(brokers) => {
            let names: Vec<String> = brokers.iter().map(|one| plan.broker_name(*one)).collect();
            object.put("to", json!(names));
        }
        Order::AddPartitions(all) => object.put("to", json!(all)),
        Order::AlterConfig(settings) => {
            let all = settings.0.iter().map(|(key, set)| ((*key).to_owned(), setting_value(set)));
            object.put("config", Value::Object(all.collect::<Map<String, Value>>()));
        }
    }
}
