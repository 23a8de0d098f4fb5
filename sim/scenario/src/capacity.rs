//! What a broker's machine can do: how long a request takes there, and what its disk and memory hold.
//!
//! Without it a broker answers at once. A scenario names one of [`PROFILES`] or gives single figures, which
//! go before those of the profile. It does not know how requests wait: that is the world's.

use crate::durations::{spell, spell_bandwidth};
use ackproof_types::Micros;

/// Keys of `capacity`.
pub(crate) const CAPACITY_KEYS: &[&str] =
    &["profile", "cores", "request", "handler", "network_request", "network", "disk", "page_cache"];

/// Kafka's settings that count only where requests take time.
pub const THREADS: &[&str] = &["num.io.threads", "num.network.threads", "queued.max.requests"];

/// Largest page cache: a slip of the pen beyond.
pub(crate) const MAX_PAGE_CACHE: i64 = 1 << 50;

/// Most cores: a slip of the pen beyond.
pub(crate) const MAX_CORES: i64 = 1024;

/// What the machine of a broker can do. What is none takes no time, or has no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// The profile that it began with.
    pub profile: Option<&'static str>,
    /// Threads that work at the same time, of all that there are.
    pub cores: Option<u16>,
    /// How long a request handler takes for a request, whatever is in it.
    pub request: Option<Micros>,
    /// Bytes a second that one request handler gets through.
    pub handler: Option<u64>,
    /// How long a network thread takes for a request, reading it and writing its answer.
    pub network_request: Option<Micros>,
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
            ("cores", self.cores.map(|cores| cores.to_string())),
            ("request", self.request.map(spell)),
            ("handler", bandwidth(self.handler)),
            ("network_request", self.network_request.map(spell)),
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
    about: "two cores of a cloud's virtual machine, on which Kafka 4.4.0 was measured; 4 GB of page cache, and \
            the 125 MB/s that a general-purpose volume gives without extra charge (AWS gp3)",
    capacity: Capacity {
        profile: Some("small-vm"),
        cores: Some(2),
        request: Some(Micros(21)),
        handler: Some(418_000_000),
        network_request: Some(Micros(33)),
        network: Some(2_313_000_000),
        disk: Some(125_000_000),
        page_cache: Some(4_000_000_000),
    },
}];

/// Keys of `quotas`.
pub(crate) const QUOTA_KEYS: &[&str] = &["producer_byte_rate", "consumer_byte_rate"];
/// The default quotas of clients (`kafka-configs --entity-type clients --entity-default`): bytes a second at
/// each broker. None: without bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quotas {
    /// `producer_byte_rate`.
    pub producer: Option<u64>,
    /// `consumer_byte_rate`.
    pub consumer: Option<u64>,
}
