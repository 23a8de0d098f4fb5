//! The JSON Schema of a scenario, for editors: made from the same tables that the reader uses. It
//! knows shapes only; rules between values are the reader's.

mod faults;
mod groups;
mod mirrors;

use crate::capacity::{CAPACITY_KEYS, MAX_CORES, MAX_PAGE_CACHE, PROFILES, QUOTA_KEYS};
use crate::clients::PRODUCER_KEYS;
use crate::clock::SHIFT;
use crate::cluster::{
    CLUSTER_KEYS, MAX_BROKERS, MAX_COUNT, MAX_SYN_LINEAR_TIMEOUTS, NETWORK_KEYS, STARTUP_KEYS,
    SYN_LINEAR_TIMEOUTS,
};
use crate::durations::{BANDWIDTH, BY_DURATION, DELAY, DURATION, PERCENT, RATE, SIZES};
use crate::expect::EXPECTED;
use crate::features::FEATURE_KEYS;
use crate::files::PROPERTIES;
use crate::resolve::{KEYS, LATENCIES, LENGTHS, MEASURES, Names, RUN_KEYS, STATISTICS};
use crate::sends::RECORD;
use crate::settings::{self, Kind, Preset, Scope, Setting, Standing};
use crate::topics::TOPIC_KEYS;
use ackproof_types::{AfterCrash, AtEnd, KafkaVersion, OnFailure};
use faults::fault;
use groups::group;
use mirrors::mirror;
use serde_json::{Map, Value, json};

/// The schema of a scenario, as a JSON Schema of draft 2020-12.
#[must_use]
pub fn schema(names: &Names<'_>) -> Value {
    let variants = json!({ "type": "array", "items": { "enum": names.variants } });
    let faults = json!({ "type": "array", "items": fault() });
    let root = object(KEYS, |key| match key {
        "$schema" => described(json!({ "type": "string" }), "Where this schema is."),
        "name" => described(json!({ "type": "string" }), "Its name; else the file's."),
        "about" => described(json!({ "type": "string" }), "What it shows, in a sentence or two."),
        "seed" => described(
            json!({ "type": "integer", "minimum": 0 }),
            "The seed of what a schedule does not fix: latencies and jitter.",
        ),
        "kafka" => {
            let lines = KafkaVersion::ALL.map(KafkaVersion::name);
            described(json!({ "enum": lines }), "The line of Kafka whose code and defaults hold.")
        }
        "features" => described(features(), "Finalized feature levels, as an upgrade keeps them."),
        "cluster" => {
            described(cluster(CLUSTER_KEYS), "Brokers and the network between all processes.")
        }
        "clusters" => described(
            by_name(further_cluster()),
            "Clusters beside the first one, by name. No broker knows one of another cluster.",
        ),
        "topics" => described(by_name(topic()), "Topics by name."),
        "producers" => described(by_name(producer()), "Producers by name."),
        "groups" => described(by_name(group()), "Consumer groups by name."),
        "mirrors" => described(
            by_name(mirror()),
            "Mirrors by name (MirrorMaker 2): each copies a topic to another cluster.",
        ),
        "faults" => described(faults.clone(), "What goes wrong, one sentence per fault."),
        "run" => described(run(), "How long it takes, in simulated time."),
        "expect" => {
            described(expect(names), "What must be true. Properties that are not named must hold.")
        }
        "variants" => described(variants.clone(), "Bugs to switch on in the models."),
        "mended" => described(
            json!({ "type": "boolean", "default": false }),
            "Closes the known gaps in Kafka's own rules of replication: no Kafka runs so.",
        ),
        other => unreachable!("no schema for {other}"),
    });
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ackproof scenario",
    });
    if let (Value::Object(schema), Value::Object(root)) = (&mut schema, root) {
        schema.extend(root);
        schema.insert("required".to_owned(), json!(["topics", "producers"]));
    }
    schema
}

fn features() -> Value {
    object(FEATURE_KEYS, |key| match key {
        "metadata.version" => {
            json!({ "enum": KafkaVersion::ALL.map(KafkaVersion::metadata_version) })
        }
        "transaction.version" => json!({ "enum": [0, 1, 2] }),
        _ => json!({ "enum": [0, 1] }),
    })
}

/// An object with these keys and no others.
fn object(keys: &[&str], value: impl Fn(&str) -> Value) -> Value {
    let properties: Map<_, _> = keys.iter().map(|key| ((*key).to_owned(), value(key))).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn described(mut schema: Value, about: &str) -> Value {
    if let Value::Object(members) = &mut schema {
        members.insert("description".to_owned(), about.into());
    }
    schema
}

fn by_name(entry: Value) -> Value {
    json!({ "type": "object", "additionalProperties": entry })
}

fn pattern(pattern: &str, about: &str) -> Value {
    described(json!({ "type": "string", "pattern": pattern }), about)
}

fn whole(min: u32, max: Option<u16>, default: u16, about: &str) -> Value {
    let mut schema = json!({ "type": "integer", "minimum": min, "default": default });
    if let (Value::Object(members), Some(max)) = (&mut schema, max) {
        members.insert("maximum".to_owned(), max.into());
    }
    described(schema, about)
}

/// One of some words, the first one if it is left out.
fn words(all: impl Iterator<Item = &'static str>, about: &str) -> Value {
    let all: Vec<&str> = all.collect();
    described(json!({ "enum": all, "default": all[0] }), about)
}

fn config(scope: Scope) -> Value {
    let settings = settings::of(scope);
    let properties: Map<_, _> =
        settings.map(|setting| (setting.key.to_owned(), setting_schema(setting))).collect();
    let about = format!("Settings of the {}, under Kafka's names and in its units.", scope.name());
    let schema =
        json!({ "type": "object", "properties": properties, "additionalProperties": false });
    described(schema, &about)
}

fn properties(scope: Scope) -> Value {
    let about = format!(
        "A .properties file of a {}, by its path from the scenario. \"config\" overrides it.",
        scope.name()
    );
    described(json!({ "type": "string" }), &about)
}

fn setting_schema(setting: &Setting) -> Value {
    if let Standing::Refused(refusal) = setting.standing {
        return json!({ "enum": refusal.unless, "description": refusal.why });
    }
    let mut schema = match setting.kind {
        Kind::Number { min, max, .. } => {
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
        Kind::Switch => json!({ "type": "boolean" }),
        Kind::Word(words) => {
            // A word that reads as a number may be typed as one.
            let numbers = words.iter().filter_map(|word| word.parse::<i64>().ok());
            let all: Vec<Value> =
                words.iter().map(|word| json!(word)).chain(numbers.map(|n| json!(n))).collect();
            json!({ "enum": all })
        }
        Kind::Reset(words) => json!({ "anyOf": [
            { "enum": words.iter().filter(|word| !word.contains(':')).collect::<Vec<_>>() },
            { "type": "string", "pattern": BY_DURATION },
        ] }),
        Kind::Words(words) => {
            let names = words.iter().map(|word| word.replace('.', "\\."));
            let one = format!("({})", names.collect::<Vec<_>>().join("|"));
            json!({ "anyOf": [
                { "type": "string", "pattern": format!("^ *{one} *(, *{one} *)*$") },
                { "type": "array", "items": { "enum": words }, "minItems": 1, "uniqueItems": true },
            ] })
        }
        Kind::Text if setting.default == Preset::Unneeded => {
            json!({ "type": "string", "minLength": 1 })
        }
        Kind::Text => json!({ "type": "string" }),
        Kind::Anything => {
            json!({ "description": "Kafka knows this setting. The models do not, and ignore it." })
        }
    };
    let default = match setting.default {
        Preset::Number(number) => json!(number),
        Preset::Switch(on) => json!(on),
        Preset::Word(word) => json!(word),
        Preset::Unneeded => return schema,
    };
    if let Value::Object(members) = &mut schema {
        members.insert("default".to_owned(), default);
    }
    schema
}

/// A cluster beside the first one: the network is the same.
fn further_cluster() -> Value {
    let keys: Vec<&str> = CLUSTER_KEYS.iter().copied().filter(|key| *key != "network").collect();
    cluster(&keys)
}

fn cluster(keys: &[&str]) -> Value {
    object(keys, |key| match key {
        "brokers" => whole(1, Some(MAX_BROKERS), 3, "Number of brokers."),
        "controllers" => described(
            json!({ "enum": [1, 3, 5], "default": 1 }),
            "Number of controllers: 1 (the default), 3 or 5. One cannot be replaced while it is down. With \
             process.roles=broker,controller: as many as there are brokers for.",
        ),
        "racks" => described(
            json!({ "type": "array", "items": { "type": "string" } }),
            "broker.rack of each broker, broker-1 first; none by default.",
        ),
        PROPERTIES => properties(Scope::Broker),
        "config" => config(Scope::Broker),
        "network" => object(NETWORK_KEYS, |key| match key {
            "latency" => pattern(DELAY, "One-way latency of a message, like \"200us..2ms\"."),
            "syn_linear_timeouts" => whole(
                0,
                Some(MAX_SYN_LINEAR_TIMEOUTS),
                SYN_LINEAR_TIMEOUTS,
                "Linux's net.ipv4.tcp_syn_linear_timeouts: when a lost SYN is sent again. 4, the default of \
                 Linux 6.5 and later: after 1, 2, 3, 4, 5, 7, 11 s. 0, as older kernels: after 1, 3, 7, 15 s.",
            ),
            other => unreachable!("no schema for {other}"),
        }),
        "startup" => object(STARTUP_KEYS, |key| {
            pattern(
                DELAY,
                &format!(
                    "From the start of one of the {key} to its first request, when it starts again."
                ),
            )
        }),
        "capacity" => capacity(),
        "quotas" => object(QUOTA_KEYS, |key| {
            described(
                json!({ "type": "integer", "minimum": 1 }),
                &format!("The default {key} of clients, in bytes a second at each broker."),
            )
        }),
        other => unreachable!("no schema for {other}"),
    })
}

fn capacity() -> Value {
    let names = || PROFILES.iter().map(|profile| profile.name);
    let about = PROFILES.iter().map(|profile| format!("{}: {}", profile.name, profile.about));
    let about = about.collect::<Vec<_>>().join("; ");
    let figures = object(CAPACITY_KEYS, |key| match key {
        "profile" => {
            words(names(), &format!("Whose figures hold unless they stand here. {about}."))
        }
        "cores" => described(
            json!({ "type": "integer", "minimum": 1, "maximum": MAX_CORES }),
            "How many threads of a broker work at the same time.",
        ),
        "request" => pattern(DURATION, "How long a request handler takes for a request."),
        "network_request" => {
            pattern(DURATION, "How long a network thread takes for a request and its answer.")
        }
        "handler" => pattern(BANDWIDTH, "Bytes a second that a request handler gets through."),
        "network" => pattern(BANDWIDTH, "Bytes a second that a network thread gets through."),
        "disk" => pattern(BANDWIDTH, "Bytes a second that the disk writes or reads."),
        "page_cache" => described(
            json!({ "type": "integer", "minimum": 0, "maximum": MAX_PAGE_CACHE }),
            "Bytes of the newest writes that are read from memory, not from the disk.",
        ),
        other => unreachable!("no schema for {other}"),
    });
    described(
        json!({ "anyOf": [words(names(), &about), figures] }),
        "What each broker's machine can do. Left out: everything at once.",
    )
}

fn topic() -> Value {
    object(TOPIC_KEYS, |key| match key {
        "cluster" => described(
            json!({ "type": "string" }),
            "The cluster it is on, of those under \"clusters\"; \"primary\", the first one, if left out.",
        ),
        "partitions" => whole(1, Some(MAX_COUNT), 3, "Number of partitions."),
        "replication.factor" => {
            whole(1, Some(MAX_BROKERS), 3, "Replicas of each partition; at most the brokers.")
        }
        PROPERTIES => properties(Scope::Topic),
        "config" => config(Scope::Topic),
        other => unreachable!("no schema for {other}"),
    })
}

fn producer() -> Value {
    object(PRODUCER_KEYS, |key| match key {
        "topic" => described(
            json!({ "type": "string" }),
            "The topic it writes to. Can be left out if there is only one topic.",
        ),
        "at" => described(json!({ "type": "string" }), BESIDE),
        "instances" => whole(1, Some(MAX_COUNT), 1, "Number of processes: name-0, name-1, …."),
        "rate" => {
            pattern(RATE, "Records of one instance, like \"100/s\" (the default) or \"30/m\".")
        }
        "records" => described(
            json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX }),
            "The number of records per instance. Default: it sends until the load ends.",
        ),
        "keys" => whole(0, None, 0, "Size of the key space; 0: records without keys."),
        "size" => pattern(SIZES, "Smallest and largest record in bytes, like \"100..200\"."),
        "compressed_to" => pattern(
            PERCENT,
            "What records shrink to with its compression.type, like \"40%\". Default: 100%.",
        ),
        "sends" => described(
            by_name(json!({ "type": "array", "items": { "type": "string", "pattern": RECORD } })),
            "Every record by name of the instance, like \"1.5s key 17 size 120\"; instead of a rate.",
        ),
        "start" => pattern(DURATION, "When it starts, like \"1s\"."),
        "on_failure" => words(
            OnFailure::ALL.iter().map(|one| one.name()),
            "What its application does with a record whose send failed: logs the error and goes on (drop), \
             hands it to send again unless no retry helps (resend), or ends its process, which is started \
             again (stop).",
        ),
        "after_crash" => words(
            AfterCrash::ALL.iter().map(|one| one.name()),
            "Where its application goes on after its process ended: at the first record whose outcome it \
             did not learn (resend), or behind the last one that it handed to send (drop).",
        ),
        "end" => words(
            AtEnd::ALL.iter().map(|one| one.name()),
            "What its application does once it has sent its last record: its process stays, it flushes and \
             ends, or it ends at once (exit), and what is in the buffer is gone.",
        ),
        "threads" => described(
            json!({ "type": "integer", "minimum": 1, "maximum": MAX_COUNT }),
            "How many threads of its application call send; one that is blocked in send calls nothing else. \
             Default: as many as there are calls.",
        ),
        "create_time" => pattern(
            SHIFT,
            "How far what its records bear (CreateTime) is from its clock, like \"-8d\" for records from an archive.",
        ),
        PROPERTIES => properties(Scope::Producer),
        "config" => config(Scope::Producer),
        other => unreachable!("no schema for {other}"),
    })
}

/// What "at" says of a client.
pub(super) const BESIDE: &str =
    "The cluster in whose datacentre its processes run; that of its topics if left out.";

fn run() -> Value {
    object(RUN_KEYS, |key| match key {
        "load" => pattern(DURATION, "How long work and faults last, like \"30s\" (the default)."),
        "settle" => pattern(DURATION, "How long recovery may take, like \"60s\" (the default)."),
        other => unreachable!("no schema for {other}"),
    })
}

fn limit(bound: &Value) -> Value {
    let mut limit = described(
        object(&["min", "max"], |_| bound.clone()),
        "Bounds, both ends included. Counts and what is longest keep to them in every run; rates and \
         latencies of a sweep keep to them with their whole interval.",
    );
    if let Value::Object(limit) = &mut limit {
        limit.insert("minProperties".to_owned(), 1.into());
    }
    limit
}

fn expect(names: &Names<'_>) -> Value {
    let expected: Vec<&str> = EXPECTED.iter().map(|(name, _)| *name).collect();
    let mut properties = Map::new();
    for property in names.properties {
        properties.insert((*property).to_owned(), json!({ "enum": expected }));
    }
    let (number, length) =
        (json!({ "type": "number", "minimum": 0 }), pattern(DURATION, "A length."));
    for measure in MEASURES {
        properties.insert((*measure).to_owned(), limit(&number));
    }
    for measure in LENGTHS {
        properties.insert((*measure).to_owned(), limit(&length));
    }
    for measure in LATENCIES {
        properties.insert((*measure).to_owned(), object(STATISTICS, |_| limit(&length)));
    }
    let witness = object(names.witnesses, |_| json!({ "type": "integer", "minimum": 1 }));
    let about = "Events that must happen, at least this often. Without them the run shows nothing.";
    properties.insert("witness".to_owned(), described(witness, about));
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}
