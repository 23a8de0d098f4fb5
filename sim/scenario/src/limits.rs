//! What a broker's machine can do, and what clients may send and fetch: read from the tree.

use crate::capacity::{
    CAPACITY_KEYS, Capacity, MAX_CORES, MAX_PAGE_CACHE, PROFILES, QUOTA_KEYS, Quotas, THREADS,
};
use crate::config::{Config, unused};
use crate::durations;
use crate::json::Value;
use crate::sink::{At, Sink};

/// Kafka's settings that count only with a quota.
const WINDOWS: [&str; 2] = ["quota.window.num", "quota.window.size.seconds"];

/// Reads `capacity`: the name of a profile, or an object.
pub(crate) fn capacity(sink: &mut Sink<'_>, at: Option<&At<'_>>) -> Option<Capacity> {
    let at = at?;
    if at.node.as_str().is_some() {
        return profile(sink, at);
    }
    if !matches!(at.node.value, Value::Object(_)) {
        let (name, found) = (PROFILES[0].name, at.node.kind());
        sink.at(at, format!("expected a profile like \"{name}\" or an object, found {found}"));
        return None;
    }
    if !sink.object(at, CAPACITY_KEYS) {
        return None;
    }
    let usual = at.get("profile").and_then(|at| profile(sink, &at)).unwrap_or_default();
    let mut time = |key| at.get(key).and_then(|at| sink.duration(&at));
    let (request, network_request) = (time("request"), time("network_request"));
    let mut rate =
        |key| at.get(key).and_then(|at| sink.quantity(&at, "MB/s", durations::bandwidth));
    let (handler, network, disk) = (rate("handler"), rate("network"), rate("disk"));
    let page_cache = at.get("page_cache").and_then(|at| sink.whole(&at, 0, MAX_PAGE_CACHE));
    let cores = at.get("cores").and_then(|at| sink.whole(&at, 1, MAX_CORES));
    let found = Capacity {
        profile: usual.profile,
        cores: cores.and_then(|cores| u16::try_from(cores).ok()).or(usual.cores),
        request: request.or(usual.request),
        handler: handler.or(usual.handler),
        network_request: network_request.or(usual.network_request),
        network: network.or(usual.network),
        disk: disk.or(usual.disk),
        page_cache: page_cache.and_then(|bytes| u64::try_from(bytes).ok()).or(usual.page_cache),
    };
    let Capacity { request, handler, network_request, network, .. } = found;
    let costs = [request, network_request].iter().flatten().count()
        + [handler, network].iter().flatten().count();
    if let Some(at) = at.get("cores").filter(|_| costs == 0 && found.cores.is_some()) {
        let message = "nothing takes a core any time: say what a request costs".to_owned();
        let hint = "\"profile\": \"small-vm\", or \"request\": \"21us\"".to_owned();
        sink.hinted(at.node.span, &at.path, message, Some(hint));
    }
    Some(found)
}

fn profile(sink: &mut Sink<'_>, at: &At<'_>) -> Option<Capacity> {
    let given = sink.string(at)?;
    let found = PROFILES.iter().find(|profile| profile.name == given);
    if found.is_none() {
        let known = PROFILES.iter().map(|profile| profile.name);
        sink.unknown(at.node.span, &at.path, ("profile of a machine", given), known);
    }
    Some(found?.capacity)
}

/// Where requests take no time, nobody waits for a thread.
pub(crate) fn without(sink: &mut Sink<'_>, config: &Config<'_>) {
    for key in THREADS {
        if let Some(at) = config.place(key) {
            unused(sink, (config.scope, key), &at, "without \"cluster.capacity\"");
        }
    }
}

/// Reads `quotas`.
pub(crate) fn quotas(sink: &mut Sink<'_>, at: Option<&At<'_>>, config: &Config<'_>) -> Quotas {
    let at = at.filter(|at| sink.object(at, QUOTA_KEYS));
    let mut read = |key| {
        let rate = sink.whole(&at?.get(key)?, 1, i64::MAX)?;
        u64::try_from(rate).ok()
    };
    let [producer, consumer] = [read("producer_byte_rate"), read("consumer_byte_rate")];
    if let [None, None] = [producer, consumer] {
        for key in WINDOWS {
            if let Some(at) = config.place(key) {
                unused(sink, (config.scope, key), &at, "without \"cluster.quotas\"");
            }
        }
    }
    Quotas { producer, consumer }
}
