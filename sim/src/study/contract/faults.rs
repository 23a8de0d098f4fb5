//! What the faults of a scenario leave possible beside its settings: brokers that come back with less.

use super::possible;
use ackproof_oracle::cause::LossCause;
use ackproof_reports::contract::{Clause, Possible};
use ackproof_reports::run::Fate;
use ackproof_scenario::plan::{Action, Order, Plan, Target};
use ackproof_types::TopicId;

/// How a broker that comes back with less loses what was acknowledged.
pub(super) const TAILS: [LossCause; 3] =
    [LossCause::PowerLoss, LossCause::DiskLost, LossCause::DamagedLog];

/// Whether brokers may come back with less than they had.
pub(super) fn takes_tails(plan: &Plan) -> bool {
    let mut kinds = plan.faults.iter().flat_map(|fault| &fault.choices);
    kinds.any(|(_, kind)| {
        matches!(kind.action, Action::PowerLoss | Action::DiskLost | Action::Storage(_))
    })
}

/// What leaves records of `topic` with one replica: its own setting, or a move.
pub(super) fn why_alone(plan: &Plan, topic: TopicId) -> String {
    let mut kinds = plan.faults.iter().flat_map(|fault| &fault.choices);
    let moves = kinds.any(|(_, kind)| match (&kind.action, kind.target) {
        (Action::Administer(Order::Reassign(to)), Target::Partition(one, _)) => {
            one == topic && to.len() == 1
        }
        _ => false,
    });
    match moves {
        true => "faults".to_owned(),
        false => format!("topics.{}.replication.factor=1", plan.topics[topic.index()].name),
    }
}

/// What `producer` may lose by it.
pub(super) fn tails(producer: &str) -> Possible {
    let clause = Clause {
        says: format!(
            "an acknowledged record of {producer} is lost when the brokers that have it lose their power \
             or their disks, or one of them does and is the last in sync"
        ),
        settings: vec!["faults".to_owned()],
    };
    possible(Fate::Lost, None, TAILS.map(LossCause::name).into_iter(), clause)
}
