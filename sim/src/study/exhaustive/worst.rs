//! What a broken state leads to: whether the next elections make a leader that lacks what was acknowledged.

use ackproof_kafka::replicas::{Invariant, Replicas, Step};

/// Steps after which the leader lacks an acknowledged record, fewest first; none if no election of a member of
/// the in-sync set does that.
#[must_use]
pub fn loss(broken: &Replicas) -> Option<Vec<Step>> {
    if !broken.holds(Invariant::LeaderCompleteness) {
        return Some(Vec::new());
    }
    let ways = broken.isr().into_iter().filter_map(|heir| crowned(broken, heir));
    ways.min_by_key(Vec::len)
}

/// Everyone before `heir` is fenced until it leads, and it hears of that.
fn crowned(broken: &Replicas, heir: u8) -> Option<Vec<Step>> {
    let mut world = broken.unbounded();
    let mut steps = Vec::new();
    let mut take = |world: &mut Replicas, step: Step| {
        let mut possible = Vec::new();
        world.steps(&mut possible);
        let next = possible.contains(&step).then(|| world.after(step, &mut |_, _| {})).flatten()?;
        *world = next;
        steps.push(step);
        Some(())
    };
    while let Some(leader) = world.leader().filter(|leader| *leader != heir) {
        take(&mut world, Step::Fence(leader))?;
    }
    world.leader()?;
    let mut possible = Vec::new();
    world.steps(&mut possible);
    let latest =
        possible.into_iter().filter(|step| matches!(step, Step::Learn(at, _) if *at == heir));
    if let Some(step) = latest.max() {
        take(&mut world, step)?;
    }
    (!world.holds(Invariant::LeaderCompleteness)).then_some(steps)
}
