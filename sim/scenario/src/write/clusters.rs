//! Clusters as a schedule file has them: what differs from a default.

use super::{Object, config, none};
use crate::capacity::{Capacity, Quotas};
use crate::cluster;
use crate::durations::spell_range;
use crate::plan::{Cluster, Network, Plan};
use crate::settings::Scope;
use serde_json::{Map, Value, json};

/// The first cluster, with the network.
pub(super) fn first(plan: &Plan) -> Map<String, Value> {
    let Network { latency, syn_linear_timeouts } = plan.network;
    let mut network = Object::new();
    network.put_if(latency != cluster::LATENCY, "latency", || json!(spell_range(latency)));
    let usual = syn_linear_timeouts == cluster::SYN_LINEAR_TIMEOUTS;
    network.put_if(!usual, "syn_linear_timeouts", || json!(syn_linear_timeouts));
    put(plan.main(), plan, network.0)
}

/// A further cluster.
pub(super) fn one(cluster: &Cluster, plan: &Plan) -> Map<String, Value> {
    put(cluster, plan, Map::new())
}

fn put(cluster: &Cluster, plan: &Plan, network: Map<String, Value>) -> Map<String, Value> {
    let mut object = Object::new();
    object.put_if(cluster.brokers != 3, "brokers", || json!(cluster.brokers));
    object.put_if(cluster.controllers != 1, "controllers", || json!(cluster.controllers));
    object.put_if(!cluster.racks.is_empty(), "racks", || json!(cluster.racks));
    object.put_full("config", config(&cluster.config, (Scope::Broker, plan.kafka), &none()));
    object.put_full("network", network);
    let usual = cluster::STARTUP;
    let mut startup = Object::new();
    for (key, given, usual) in [
        ("brokers", cluster.startup.brokers, usual.brokers),
        ("clients", cluster.startup.clients, usual.clients),
    ] {
        startup.put_if(given != usual, key, || json!(spell_range(given)));
    }
    object.put_full("startup", startup.0);
    if let Some(capacity) = cluster.capacity {
        object.put("capacity", Value::Object(self::capacity(capacity)));
    }
    let Quotas { producer, consumer } = cluster.quotas;
    let mut quotas = Object::new();
    quotas.put_if(producer.is_some(), "producer_byte_rate", || json!(producer));
    quotas.put_if(consumer.is_some(), "consumer_byte_rate", || json!(consumer));
    object.put_full("quotas", quotas.0);
    object.0
}

fn capacity(capacity: Capacity) -> Map<String, Value> {
    let mut object = Object::new();
    object.put_if(capacity.profile.is_some(), "profile", || json!(capacity.profile));
    for (key, value) in capacity.figures() {
        // All others are text with a unit.
        let number: Option<u64> = value.parse().ok();
        object.put(key, number.map_or_else(|| json!(value), |number| json!(number)));
    }
    object.0
}
