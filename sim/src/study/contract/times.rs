//! How old records and commits may look: the time of a run, and by how much clocks and records are apart in it.

use ackproof_scenario::clock::ClockFault;
use ackproof_scenario::plan::{Action, Plan, Target};
use ackproof_types::{Micros, TopicId};

/// By how much clocks of the processes that `concerns` are wrong at most, taken together.
fn wrong(plan: &Plan, concerns: fn(Target) -> bool) -> Micros {
    let kinds = plan.faults.iter().flat_map(|fault| &fault.choices);
    let lengths =
        kinds.filter(|(_, kind)| concerns(kind.target)).map(|(_, kind)| match kind.action {
            Action::Clock(ClockFault::Jump(by)) => Micros(by.0.unsigned_abs()),
            Action::Clock(ClockFault::Drift(rate)) => {
                Micros(rate.over(plan.load.0).0.unsigned_abs())
            }
            _ => Micros::ZERO,
        });
    lengths.fold(Micros::ZERO, |all, one| all + one)
}

fn is_producer(target: Target) -> bool {
    matches!(target, Target::Producer(..) | Target::AnyProducer(_))
}

/// How old a commit may look to a coordinator.
pub(super) fn oldest_commit(plan: &Plan) -> Micros {
    plan.load + plan.settle + wrong(plan, |target| !is_producer(target))
}

/// How old a record of `topic` may look to retention.
pub(super) fn oldest_record(plan: &Plan, topic: TopicId) -> Micros {
    let run = plan.load + plan.settle + wrong(plan, |_| true);
    let settings = &plan.topics[topic.index()].config;
    if settings.word("message.timestamp.type") == "LogAppendTime" {
        return run;
    }
    let of_topic = plan.producers.iter().filter(|one| one.topic == topic);
    let back = of_topic.map(|one| Micros(one.sending.create_time.0.min(0).unsigned_abs())).max();
    run + back.unwrap_or_default()
}

/// Whether clocks, or what records bear, are wrong in `plan`.
pub(crate) fn are_wrong(plan: &Plan) -> bool {
    wrong(plan, |_| true) > Micros::ZERO
        || plan.producers.iter().any(|one| one.sending.create_time.0 != 0)
}
