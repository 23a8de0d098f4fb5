//! What a reader needs of a cause beside its name: the rule of Kafka behind it, and what cures it. One table for
//! all causes, so that the manual and `ackproof explain NAME` say the same. It judges nothing.
//!
//! Whoever adds a cause and says nothing here cannot build this crate.

mod duplicates;
mod losses;
mod sends;

use crate::cause::{
    DuplicateCause, LossCause, Obstacle, OrderCause, OutputCause, SendEnd, SinkCause, StallCause,
};
use ackproof_types::{Micros, TopicId, TopicPartition};

/// What helps against a cause, in words that begin small and end without a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// Kafka's rule.
    pub rule: &'static str,
    /// What cures it.
    pub cure: &'static str,
}

/// A cause as the manual shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CauseInfo {
    /// Its stable kebab-case name.
    pub name: &'static str,
    /// What it is a cause of: `a loss`.
    pub of: &'static str,
    /// What it means, in one sentence.
    pub about: &'static str,
    /// The setting that allows it, if one does.
    pub setting: Option<&'static str>,
    /// What helps.
    pub advice: Advice,
}

const SENDS: [SendEnd; 9] = [
    SendEnd::Retries(0),
    SendEnd::DeliveryTimeout(Micros(0)),
    SendEnd::MaxBlock(Micros(0)),
    SendEnd::Final,
    SendEnd::AcksZero,
    SendEnd::NeverLeft,
    SendEnd::ProducerEnded,
    SendEnd::Open,
    SendEnd::NotOnRecord,
];

const STALLS: [Obstacle; 5] = [
    Obstacle::NoLeader,
    Obstacle::Failover,
    Obstacle::Follower,
    Obstacle::MinInsyncReplicas(0),
    Obstacle::NoOwner(None),
];

/// Every cause, in the order of the tables. A name may come twice: as the cause of a duplicate and of a disorder.
#[must_use]
pub fn causes() -> Vec<CauseInfo> {
    let row = |of, name, about, setting, advice| CauseInfo { name, of, about, setting, advice };
    let losses = LossCause::ALL
        .iter()
        .map(|one| row("a loss", one.name(), one.about(), one.setting(), losses::losses(*one)));
    let again = DuplicateCause::ALL
        .iter()
        .map(|one| row("a duplicate", one.name(), one.about(), None, duplicates::duplicates(*one)));
    let order = OrderCause::ALL
        .iter()
        .map(|one| row("a disorder", one.name(), one.about(), None, duplicates::order(*one)));
    let sinks = SinkCause::ALL
        .iter()
        .map(|one| row("a wrong sink", one.name(), one.about(), None, duplicates::sinks(*one)));
    let outputs = OutputCause::ALL.iter().map(|one| {
        row("an output made again", one.name(), one.about(), None, duplicates::outputs(*one))
    });
    let sends = SENDS.iter().map(|one| {
        let about = sends::sends_about(*one);
        row("a send without success", one.name(), about, None, sends::sends(*one))
    });
    let nowhere = TopicPartition { topic: TopicId(0), partition: 0 };
    let stalls = STALLS.iter().map(|one| {
        let name = StallCause { obstacle: *one, place: nowhere, moved_to: None }.name();
        row("a stall", name, sends::stalls_about(*one), None, sends::stalls(*one))
    });
    losses
        .chain(again)
        .chain(order)
        .chain(sinks)
        .chain(outputs)
        .chain(sends)
        .chain(stalls)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_there_once_for_what_it_causes() {
        let mut names: Vec<_> = causes().iter().map(|one| (one.of, one.name)).collect();
        assert!(names.len() > 80, "{names:?}");
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    }
}
