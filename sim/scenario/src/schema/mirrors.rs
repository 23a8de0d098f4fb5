//! The schema of a mirror. It checks nothing.

use super::{described, object};
use crate::mirrors::{MIRROR_KEYS, Row, SETTINGS};
use serde_json::{Map, Value, json};

pub(super) fn mirror() -> Value {
    let mut mirror = object(MIRROR_KEYS, |key| match key {
        "topic" => described(
            json!({ "type": "string" }),
            "The topic that it copies, into one called cluster.topic. Can be left out if there is only one.",
        ),
        "to" => described(json!({ "type": "string" }), "The cluster that it copies to."),
        "at" => described(
            json!({ "type": "string" }),
            "The cluster in whose datacentre it runs; the one that it copies to if left out.",
        ),
        "groups" => described(
            json!({ "type": "array", "items": { "type": "string" } }),
            "Groups whose committed offsets it translates. Default: all that read the topic.",
        ),
        "config" => config(),
        other => unreachable!("no schema for {other}"),
    });
    mirror["required"] = json!(["to"]);
    mirror
}

fn config() -> Value {
    let properties: Map<String, Value> = SETTINGS
        .iter()
        .map(|row| {
            let (schema, about) = match row {
                Row::Number(_, (min, max), usual, about) => (
                    json!({ "type": "integer", "minimum": min, "maximum": max, "default": usual }),
                    about,
                ),
                Row::Switch(_, usual, about) => {
                    (json!({ "type": "boolean", "default": usual }), about)
                }
            };
            (row.key().to_owned(), described(schema, about))
        })
        .collect();
    let schema =
        json!({ "type": "object", "properties": properties, "additionalProperties": false });
    described(
        schema,
        "Settings of MirrorMaker 2 and of its Connect worker, under their names and in their units.",
    )
}
