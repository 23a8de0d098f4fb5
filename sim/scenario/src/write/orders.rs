//! What administrators do, as a scenario says it.

use super::{Object, setting_value};
use crate::plan::Order;
use serde_json::{Map, Value, json};

pub(super) fn ordered(object: &mut Object, order: &Order) {
    match order {
        Order::ElectUnclean => {}
        Order::AddPartitions(all) => object.put("to", json!(all)),
        Order::AlterConfig(settings) => {
            let all = settings.0.iter().map(|(key, set)| ((*key).to_owned(), setting_value(set)));
            object.put("config", Value::Object(all.collect::<Map<String, Value>>()));
        }
    }
}
