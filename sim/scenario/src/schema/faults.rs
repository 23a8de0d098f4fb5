//! The schema of a fault: a sentence, when, and what goes with it. It checks nothing.

use super::{described, features, pattern, setting_schema, whole};
use crate::clock::{DRIFT, SHIFT};
use crate::cluster::MAX_COUNT;
use crate::describe::{FAULTS, listed};
use crate::disk::{BATCHES, RETURNS, STOPS};
use crate::durations::{AMOUNT, BANDWIDTH, DELAY, DURATION, PERCENT};
use crate::faults::{DIRECTIONS, HOW_KEYS};
use crate::moment::names;
use crate::orders::ALTERABLE;
use crate::settings::{self, Scope};
use crate::talk::TALKS;
use ackproof_types::KafkaVersion;
use serde_json::{Map, Value, json};

/// A word of these, usually the first.
fn one_of<T>(known: &[(&str, T)]) -> Value {
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    json!({ "enum": names, "default": names[0] })
}

/// Settings of a topic that a fault alters.
fn altered() -> Value {
    let settings = settings::of(Scope::Topic).filter(|one| ALTERABLE.contains(&one.key));
    let properties: Map<_, _> =
        settings.map(|one| (one.key.to_owned(), setting_schema(one))).collect();
    json!({
        "type": "object", "properties": properties, "additionalProperties": false,
        "minProperties": 1,
    })
}

/// The keys of a sentence without its when, and the alternatives of its verb.
fn sentence() -> (Map<String, Value>, Value) {
    let lasts = "How long, like \"5s\" or \"2s..6s\"; else until the load ends.";
    let mut properties = Map::from_iter([("for".to_owned(), pattern(DELAY, lasts))]);
    let peers = json!({
        "type": "array", "items": { "type": "string" }, "minItems": 1, "uniqueItems": true,
    });
    for (verb, about) in FAULTS {
        let schema = match *verb {
            "rolling-restart" => {
                json!({ "type": "string", "pattern": "^((brokers|controllers)( of .+)?|(all )?members of .+)$" })
            }
            "update-features" => {
                let lines = KafkaVersion::ALL.map(KafkaVersion::name);
                json!({ "anyOf": [{ "enum": lines }, features()] })
            }
            "partition" => json!({ "type": "array", "items": peers, "minItems": 2 }),
            _ => json!({ "type": "string" }),
        };
        properties.insert((*verb).to_owned(), described(schema, about));
    }
    let directions: Vec<&str> = DIRECTIONS.iter().map(|(name, _)| *name).collect();
    for (key, verbs) in HOW_KEYS {
        let schema = match *key {
            "from" => peers.clone(),
            "to" => {
                json!({ "anyOf": [
                    peers, { "type": "integer", "minimum": 2, "maximum": MAX_COUNT },
                    { "enum": KafkaVersion::ALL.map(KafkaVersion::name) },
                ] })
            }
            "direction" => json!({ "enum": directions, "default": "both" }),
            "only" => json!({ "enum": TALKS.iter().map(|(name, _)| *name).collect::<Vec<_>>() }),
            "by" => json!({ "anyOf": [
                { "type": "string", "pattern": DELAY },
                { "type": "string", "pattern": SHIFT },
                { "type": "string", "pattern": DRIFT },
            ] }),
            "loss" => json!({ "type": "string", "pattern": PERCENT }),
            "rate" => json!({ "type": "string", "pattern": BANDWIDTH }),
            "grace" => json!({ "type": "string", "pattern": DURATION }),
            "dir" => json!({ "type": "integer", "minimum": 1, "maximum": u8::MAX }),
            "returns" => one_of(RETURNS),
            "log" | "cluster" => json!({ "type": "string" }),
            "batch" => {
                json!({ "anyOf": [one_of(BATCHES), { "type": "integer", "minimum": 0, "maximum": u32::MAX }] })
            }
            "stopped" => one_of(STOPS),
            "left" => json!({ "type": "string", "pattern": AMOUNT }),
            "config" => altered(),
            other => unreachable!("no schema for {other}"),
        };
        let verbs: Vec<String> = verbs.iter().map(|verb| format!("\"{verb}\"")).collect();
        let about = format!("Goes with {}.", listed(&verbs));
        properties.insert((*key).to_owned(), described(schema, &about));
    }
    let verbs = FAULTS.iter().map(|(verb, _)| json!({ "required": [verb] }));
    (properties, verbs.collect())
}

fn moments() -> Value {
    let weights =
        names().map(|name| (name.to_owned(), whole(0, None, 1, "How often it is drawn.")));
    let weights: Map<String, Value> = weights.collect();
    let about = "The moment that it waits for once it is due, or several by weight: `ackproof list moments`.";
    let names: Vec<&str> = names().collect();
    described(
        json!({ "oneOf": [
            { "enum": names },
            {
                "type": "object", "properties": weights, "additionalProperties": false,
                "minProperties": 1,
            },
        ] }),
        about,
    )
}

pub(super) fn fault() -> Value {
    let (mut properties, verbs) = sentence();
    let mut choice = properties.clone();
    choice.insert(
        "weight".to_owned(),
        whole(0, None, 1, "How often this choice is drawn, relative to the others."),
    );
    let choice = json!({
        "type": "object", "properties": choice, "additionalProperties": false, "oneOf": verbs,
    });
    let window = json!({
        "type": "array", "prefixItems": [
            { "type": "string", "pattern": DURATION },
            { "type": "string", "pattern": DURATION },
        ], "items": false, "minItems": 2,
    });
    let mut add = |key: &str, schema| properties.insert(key.to_owned(), schema);
    add("at", pattern(DURATION, "Once, at this time."));
    add("between", described(window, "Once within this window, or repeatedly with \"every\"."));
    let after = "Once, right after this happened for the first time, like \
                 \"leader of payments-0 appends offset 117\".";
    add("after", described(json!({ "type": "string" }), after));
    add("plus", pattern(DELAY, "How much later than \"after\" or \"on\", like \"1.2ms\"."));
    add("on", moments());
    let until = "Until when it waits for \"on\". Default: until the load ends; with \"every\", until the next one is due.";
    add("until", pattern(DURATION, until));
    add("every", pattern(DELAY, "Distance from one to the next, like \"3s..8s\"."));
    add(
        "one_of",
        described(
            json!({ "type": "array", "items": choice, "minItems": 1 }),
            "One of these, drawn by weight each time.",
        ),
    );
    let mut what = verbs.as_array().cloned().unwrap_or_default();
    what.push(json!({ "required": ["one_of"] }));
    json!({
        "type": "object", "properties": properties, "additionalProperties": false,
        "allOf": [
            { "oneOf": [
                { "required": ["at"] }, { "required": ["between"] }, { "required": ["after"] },
            ] },
            { "oneOf": what },
        ],
        "dependentRequired": { "every": ["between"], "until": ["on", "at"] },
    })
}
