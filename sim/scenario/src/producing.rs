//! What any producer has, one of the workload or of a member: its settings with Kafka's rules between them.

use crate::cluster::Cluster;
use crate::config::Config;
use crate::plan::{SettingValue, Settings};
use crate::settings::Scope;
use crate::sink::{At, Sink};
use ackproof_types::{Micros, OnFailure};

/// What fails at once and is tried again at once takes no time, and goes on for ever.
pub(crate) fn comes_to_an_end(
    sink: &mut Sink<'_>,
    at: &At<'_>,
    (on_failure, config): (OnFailure, &Settings),
    cluster: &Cluster,
) {
    let endless = match on_failure {
        OnFailure::Drop => None,
        OnFailure::Resend => (config.number("max.block.ms") == 0)
            .then_some("with max.block.ms=0 an application that re-sends never comes to an end"),
        OnFailure::Stop => (cluster.startup.clients.min == Micros::ZERO).then_some(
            "with cluster.startup.clients of 0 an application that stops never comes to an end",
        ),
    };
    if let Some(message) = endless {
        sink.at(&at.get("on_failure").unwrap_or_else(|| at.clone()), message);
    }
}

/// Its settings, and which of them switched idempotence off.
pub(crate) fn producer_config(sink: &mut Sink<'_>, at: &At<'_>) -> (Settings, Option<String>) {
    let config = Config::read(sink, at.get("config").as_ref(), Scope::Producer);
    let mut settings = config.filled();
    let idempotence_off_by = idempotence(sink, &config, &mut settings);
    // Kafka raises the default of the whole to its parts, but refuses a value that cannot hold them.
    let least = settings.number("linger.ms").saturating_add(settings.number("request.timeout.ms"));
    if settings.number("delivery.timeout.ms") < least {
        if let Some(place) = config.place("delivery.timeout.ms") {
            let message = format!(
                "delivery.timeout.ms is below linger.ms + request.timeout.ms = {least}: \
                 Kafka refuses that"
            );
            sink.at(&place, message);
        }
        settings.0.insert("delivery.timeout.ms", SettingValue::Number(least));
    }
    (settings, idempotence_off_by)
}

/// Idempotence is on unless acks or retries speak against it, and then it is off without a word (R6.17);
/// asked for, they must not. Too many requests in flight are an error unless it is off by name (R17.30).
/// Returns what switched it off. `ProducerConfig#postProcessAndValidateIdempotenceConfigs`.
fn idempotence(
    sink: &mut Sink<'_>,
    config: &Config<'_>,
    settings: &mut Settings,
) -> Option<String> {
    const KEY: &str = "enable.idempotence";
    if !settings.switch(KEY) {
        return None;
    }
    let mut off_by = None;
    let explicit = config.place(KEY).is_some();
    let rules = [
        ("acks", settings.word("acks") == "all", "needs acks=all"),
        ("retries", settings.number("retries") > 0, "needs retries above 0"),
    ];
    for (key, fine, rule) in rules {
        let Some(place) = config.place(key).filter(|_| !fine) else { continue };
        if explicit {
            refuse(sink, &place, rule);
        } else {
            settings.0.insert(KEY, SettingValue::Switch(false));
            let value = if key == "acks" { settings.word(key).to_owned() } else { "0".to_owned() };
            off_by.get_or_insert_with(|| format!("{key}={value}"));
            let message = format!(
                "\"{KEY}\" is off: an idempotent producer {rule}, and Kafka switches it off by itself"
            );
            let hint = format!("say \"{KEY}\": false if you mean it");
            sink.warn_with(&place, message, hint);
        }
    }
    let key = "max.in.flight.requests.per.connection";
    if settings.number(key) > 5
        && let Some(place) = config.place(key)
    {
        refuse(sink, &place, "allows at most 5 requests in flight per connection");
    }
    off_by
}

fn refuse(sink: &mut Sink<'_>, place: &At<'_>, rule: &str) {
    let hint = Some("or set \"enable.idempotence\": false".to_owned());
    let message = format!("an idempotent producer {rule}");
    sink.hinted(place.node.span, &place.path, message, hint);
}
