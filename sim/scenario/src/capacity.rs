//! What a broker's machine can do: how long a request takes there, and what its disk and memory hold.
//!
//! Without it a broker answers at once. A scenario names one of [`PROFILES`] or gives single figures, which
//! go before those of the profile. It does not know how requests wait: that is the world's.

use crate::config::{Config, unused};
use crate::durations::{self, spell, spell_bandwidth};
use crate::json::Value;
use crate::sink::{At, Sink};
use ackproof_types::Micros;

/// Keys of `capacity`.
pub(crate) const CAPACITY_KEYS: &[&str] =
    &["profile", "request", "handler", "network", "disk", "page_cache"];

/// Kafka's settings that count only where requests take time.
pub const THREADS: &[&str] = &["num.io.threads", "num.network.threads", "queued.max.requests"];

/// Largest page cache: a slip of the pen beyond.
pub(crate) const MAX_PAGE_CACHE: i64 = 1 << 50;

/// What the machine of a broker can do. What is none takes no time, or has no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// The profile that it began with.
    pub profile: Option<&'static str>,
    /// How long a request handler takes for a request, whatever is in it.
    pub request: Option<Micros>,
    /// Bytes a second that one request handler gets through.
    pub handler: Option<u64>,
    /// Bytes a second that one network thread gets through, in and out.
    pub network: Option<u64>,
    /// Bytes a second that the disk writes or reads.
    pub disk: Option<u64>,
    /// Bytes of the newest writes that are read from memory; older ones are read from the disk.
    pub page_cache: Option<u64>,
}

impl Capacity {
    /// What it says, by key, as a scenario writes it; without the profile.
    #[must_use]
    pub fn figures(&self) -> Vec<(&'static str, String)> {
        let bandwidth = |rate: Option<u64>| rate.map(spell_bandwidth);
        let all = [
            ("request", self.request.map(spell)),
            ("handler", bandwidth(self.handler)),
            ("network", bandwidth(self.network)),
            ("disk", bandwidth(self.disk)),
            ("page_cache", self.page_cache.map(|bytes| bytes.to_string())),
        ];
        all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }
}

/// A machine that scenarios can name.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// What it is, and where its figures come from.
    pub about: &'static str,
    /// Its figures.
    pub capacity: Capacity,
}

/// The machines that scenarios can name.
pub const PROFILES: &[Profile] = &[Profile {
    name: "small-vm",
    about: "two cores, 4 GB of page cache, and the 125 MB/s that a cloud's general-purpose volume gives \
            without extra charge (AWS gp3); the times of threads are an assumption, not measured",
    capacity: Capacity {
        profile: Some("small-vm"),
        request: Some(Micros(100)),
        handler: Some(200_000_000),
        network: Some(400_000_000),
        disk: Some(125_000_000),
        page_cache: Some(4_000_000_000),
    },
}];

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
    let request = at.get("request").and_then(|at| sink.duration(&at));
    let mut rate =
        |key| at.get(key).and_then(|at| sink.quantity(&at, "MB/s", durations::bandwidth));
    let (handler, network, disk) = (rate("handler"), rate("network"), rate("disk"));
    let page_cache = at.get("page_cache").and_then(|at| sink.whole(&at, 0, MAX_PAGE_CACHE));
    Some(Capacity {
        profile: usual.profile,
        request: request.or(usual.request),
        handler: handler.or(usual.handler),
        network: network.or(usual.network),
        disk: disk.or(usual.disk),
        page_cache: page_cache.and_then(|bytes| u64::try_from(bytes).ok()).or(usual.page_cache),
    })
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

/// Keys of `quotas`.
pub(crate) const QUOTA_KEYS: &[&str] = &["producer_byte_rate", "consumer_byte_rate"];
/// Kafka's settings that count only with a quota.
const WINDOWS: [&str; 2] = ["quota.window.num", "quota.window.size.seconds"];

/// The default quotas of clients (`kafka-configs --entity-type clients --entity-default`): bytes a second at
/// each broker. None: without bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quotas {
    /// `producer_byte_rate`.
    pub producer: Option<u64>,
    /// `consumer_byte_rate`.
    pub consumer: Option<u64>,
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
