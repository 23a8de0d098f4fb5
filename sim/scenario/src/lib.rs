//! What a scenario file means: text as typed → [`plan::Plan`] → [`schedule::Schedule`] for a seed.
//!
//! It knows no simulator and no model: a scenario must be able to describe a run against a real Kafka.
//!
//! - [`json`] the text as a tree with places · [`diagnostic`] mistakes · [`durations`] quantities
//! - [`settings`] the table of Kafka settings · [`properties`] Java's files of them, which [`files`] puts in
//! - [`spring`] the section of Spring Boot's file, which may be `yaml`
//! - [`resolve`] reads one and checks it · [`describe`] words for people · [`schema`] for editors
//! - [`notes`] what Kafka does under each fault
//! - [`plan`] the resolved scenario · [`schedule`] what a seed makes of it · [`anchor`], [`moment`] when else than at a time
//! - [`targets`] whom · [`talk`] what servers say to each other
//! - `overrides` values from the command line · `protocol` the one that stands for several
//! - `results` what a group writes to · `outputs` what it sends on · `autoscale` how
//!   many members it has · `mirrors` what copies to another cluster · `membership` what Kafka refuses of its
//!   settings · `producing` what any producer has · [`swarm`] what a seed changes about a plan
//! - [`disk`] what happens to disks, which [`storage`] reads · [`clock`] clocks that are wrong
//! - [`capacity`] what a broker's machine can do, which `limits` reads
//! - [`strike`] one fault by itself, which strikes at once
//! - [`mod@write`] the way back: a schedule with everything decided, as a file

pub mod anchor;
mod autoscale;
pub mod capacity;
mod clients;
pub mod clock;
mod cluster;
mod clusters;
mod compression;
mod config;
mod consuming;
pub mod describe;
pub mod diagnostic;
pub mod disk;
pub mod durations;
mod expect;
mod faults;
mod features;
pub mod files;
pub mod json;
mod limits;
mod membership;
mod mirrors;
pub mod moment;
pub mod notes;
mod orders;
mod outputs;
mod overrides;
pub mod plan;
mod producing;
pub mod properties;
mod protocol;
mod reading;
pub mod resolve;
mod results;
pub mod schedule;
pub mod schema;
mod sends;
pub mod settings;
mod sink;
pub mod spring;
pub mod storage;
pub mod strike;
pub mod swarm;
pub mod talk;
pub mod targets;
mod topics;
mod when;
pub mod write;
mod yaml;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The stream of random numbers for one purpose and entity. Streams are independent: drawing from one,
/// or adding another, moves no other.
#[must_use]
pub fn stream(seed: u64, purpose: &str, entity: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (lane, chunk) in (0_u64..).zip(key.chunks_exact_mut(8)) {
        let lane_seed = seed ^ lane.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = xxh3_64_with_seed(purpose.as_bytes(), lane_seed)
            ^ xxh3_64_with_seed(&entity.to_le_bytes(), !lane_seed);
        chunk.copy_from_slice(&mixed.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// What tells the streams of one named thing from those of another: by its name and not by its place,
/// so that what is added beside it moves nothing.
#[must_use]
pub fn entity(name: &str) -> u64 {
    xxh3_64_with_seed(name.as_bytes(), 0)
}
