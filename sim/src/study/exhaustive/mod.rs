//! All interleavings of a small world instead of one run of a large one: the replication of one partition.
//!
//! - [`search`] breadth first · [`worst`] what a broken state leads to
//! - [`steps`] what was found, as a file · [`retell`] as a history

pub mod retell;
pub mod search;
pub mod steps;
pub mod worst;

use crate::world::lower;
use ackproof_kafka::replicas::step::Told;
use ackproof_kafka::replicas::{Bounds, Replicas, Step, Witness};
use ackproof_scenario::plan::Plan;
use ackproof_types::ClusterId;

/// The most brokers that a world has.
const MOST_BROKERS: usize = 5;

/// The world of a plan: the partition is the first of the topic that its first producer writes to, and
/// the producer's `acks` decide what is acknowledged.
///
/// # Errors
/// Why the plan has no such world.
pub fn world(plan: &Plan, bounds: Bounds) -> Result<Replicas, String> {
    witnessed(plan, bounds, &mut |_, _| {})
}

fn witnessed(plan: &Plan, bounds: Bounds, seen: Witness<'_>) -> Result<Replicas, String> {
    let Some(producer) = plan.producers.first() else {
        return Err("the topic and acks are those of the first producer, and there is none".into());
    };
    if producer.at != ClusterId::FIRST {
        return Err(
            "only the first cluster is looked at, and the first producer is beside another".into(),
        );
    }
    let cluster = lower::cluster(plan, ClusterId::FIRST);
    if cluster.brokers.len() > MOST_BROKERS {
        return Err(format!(
            "{} brokers interleave in more ways than can be looked at: {MOST_BROKERS} at most",
            cluster.brokers.len()
        ));
    }
    Ok(Replicas::new(&cluster, producer.topic, lower::acks(&producer.config), bounds, seen))
}

/// A step in words.
#[must_use]
pub fn told(world: &Replicas, step: Step) -> String {
    Told(step, world.brokers()).to_string()
}

/// The world after `steps`.
///
/// # Errors
/// Which of them cannot be taken.
pub fn after(start: &Replicas, steps: &[Step], seen: Witness<'_>) -> Result<Replicas, String> {
    let mut world = start.clone();
    for (number, step) in (1..).zip(steps) {
        let mut possible = Vec::new();
        world.steps(&mut possible);
        let next = possible.contains(step).then(|| world.after(*step, seen)).flatten();
        world = next.ok_or_else(|| format!("step {number}, {step:?}, cannot be taken there"))?;
    }
    Ok(world)
}
