//! All interleavings of a small world instead of one run of a large one: the replication of one partition.
//!
//! - [`search`] breadth first · [`known`] the states that were met · [`packed`] a state as numbers of its parts ·
//!   [`store`] the parts · [`worst`] what a broken state leads to
//! - [`steps`] what was found, as a file · [`retell`] as a history

mod known;
mod packed;
pub mod retell;
pub mod search;
pub mod steps;
mod store;
pub mod worst;

use crate::world::lower;
use ackproof_kafka::replicas::step::Told;
use ackproof_kafka::replicas::{Bounds, Replicas, Step, Witness};
use ackproof_scenario::plan::Plan;
use ackproof_types::ClusterId;
use packed::MOST_BROKERS;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::document;
    use ackproof_kafka::replicas::{Grain, Invariant};

    /// A bug that a search does not come to within minutes, and a way to it.
    struct ByHand {
        variant: &'static str,
        brokers: u16,
        bounds: Bounds,
        way: &'static str,
    }

    const BOUNDS: Bounds = Bounds {
        records: 1,
        epochs: 3,
        changes: 4,
        crashes: 0,
        power_losses: 0,
        grain: Grain::Fetch,
        mended: true,
    };

    const BY_HAND: [ByHand; 3] = [
        // The follower hears of the second leader only after the third has counted what it fetched.
        ByHand {
            variant: "truncate-lazily-no-epoch-in-fetch",
            brokers: 3,
            bounds: BOUNDS,
            way: "fence 1;unfence 1;learn 2 2;learn 1 2;serve 1 2;alter 2;fence 2;learn 1 2;produce 1;serve 0 1;\
                  serve 0 1;learn 0 1;serve 0 2",
        },
        ByHand {
            variant: "unfenced-hw-advance",
            brokers: 3,
            bounds: Bounds { records: 2, ..BOUNDS },
            way: "produce 1;serve 0 1;fence 1;unfence 1;learn 2 2;learn 1 2;serve 1 2;serve 1 2;alter 2;fence 2;\
                  learn 1 2;produce 1;serve 0 1",
        },
        // With three brokers the new leader is alone in its in-sync set, and all that it has is exposed at once.
        ByHand {
            variant: "isr-join-before-epoch-start",
            brokers: 4,
            bounds: Bounds { grain: Grain::Answer, ..BOUNDS },
            way: "produce 1;serve 2 1;take 2 1;serve 2 1;serve 3 1;take 3 1;serve 3 1;lag 1;alter 1;altered 1;\
                  fence 1;learn 2 2;learn 0 2;serve 0 2;alter 2",
        },
    ];

    /// Whether all steps can be taken, and the last one breaks an invariant.
    fn breaks(one: &ByHand, variants: &str) -> bool {
        let text = include_str!("../../../../scenarios/explore/replication.json");
        let sets = [
            ("cluster.brokers".to_owned(), one.brokers.to_string()),
            ("topics.payments.replication.factor".to_owned(), one.brokers.to_string()),
            ("variants".to_owned(), variants.to_owned()),
        ];
        let (plan, _) = document::load(text, "replication.json", &sets).expect("a scenario");
        let start = world(&plan, one.bounds).expect("a world");
        let steps: Vec<Step> =
            one.way.split(';').map(|step| step.trim().parse().expect("a step")).collect();
        let holds = |world: &Replicas| Invariant::ALL.iter().all(|one| world.holds(*one));
        let Ok(before) = after(&start, &steps[..steps.len() - 1], &mut |_, _| {}) else {
            return false;
        };
        assert!(holds(&before), "{}", one.variant);
        after(&start, &steps, &mut |_, _| {}).is_ok_and(|broken| !holds(&broken))
    }

    #[test]
    fn bugs_that_are_too_deep_for_a_search_are_broken_by_hand() {
        for one in &BY_HAND {
            assert!(breaks(one, &format!("[\"{}\"]", one.variant)), "{}", one.variant);
            assert!(!breaks(one, "[]"), "{}", one.variant);
        }
    }
}
