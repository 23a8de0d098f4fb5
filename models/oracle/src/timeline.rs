//! A run at a glance: what happened to processes, leaders, in-sync sets and groups, in few lines. It
//! judges nothing.

use crate::context::Context;
use crate::history::{Entry, Event, Phase, ProcessEnd};
use crate::verdict::TimelineItem;
use ackproof_types::{BrokerId, LeaderEpoch, Timestamp, TopicId, TopicPartition};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

/// Items that are kept.
const CAP: usize = 60;
/// Changes of the offsets topic in one millisecond that are still worth a line.
const FEW: usize = 3;

/// What several partitions can undergo in the same millisecond.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    Elected { leader: BrokerId, epoch: LeaderEpoch, unclean: bool },
    Offline,
    Isr { removed: Vec<BrokerId>, added: Vec<BrokerId> },
}

/// A timeline in the making.
#[derive(Debug)]
pub struct Timeline {
    context: Arc<Context>,
    items: Vec<TimelineItem>,
    omitted: u64,
    // Of the current millisecond.
    pending: Vec<(Timestamp, Change, Vec<TopicPartition>)>,
    elected: BTreeSet<TopicPartition>,
    unfenced: BTreeSet<BrokerId>,
}

impl Timeline {
    /// Nothing yet.
    #[must_use]
    pub const fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            items: Vec::new(),
            omitted: 0,
            pending: Vec::new(),
            elected: BTreeSet::new(),
            unfenced: BTreeSet::new(),
        }
    }

    /// Takes one entry.
    pub fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::LeaderElected { partition, leader, epoch, unclean, .. } => {
                if self.elected.insert(*partition) {
                    return;
                }
                let (epoch, unclean) = (*epoch, *unclean);
                let change = leader.map_or(Change::Offline, |leader| Change::Elected {
                    leader,
                    epoch,
                    unclean,
                });
                self.change(entry.at, change, *partition);
            }
            Event::IsrChanged { partition, before, isr } => {
                let removed = before.iter().filter(|id| !isr.contains(id)).copied().collect();
                let added = isr.iter().filter(|id| !before.contains(id)).copied().collect();
                self.change(entry.at, Change::Isr { removed, added }, *partition);
            }
            Event::Phase(phase) => {
                let name = match phase {
                    Phase::Load => "load begins",
                    Phase::Settle => "all faults healed, settling begins",
                    Phase::FinalRead => "final read begins",
                    Phase::End => "end",
                };
                self.item(entry.at, |_| name.to_owned());
            }
            Event::ProcessStarted if entry.at != Timestamp::START => {
                self.item(entry.at, |context| format!("{} started", context.node(entry.node)));
            }
            Event::ProcessEnded(end) => {
                let how = match end {
                    ProcessEnd::Crash => "crashed",
                    ProcessEnd::Clean => "stopped",
                };
                self.item(entry.at, |context| format!("{} {how}", context.node(entry.node)));
            }
            Event::Rebalanced { group, generation, members } => self.item(entry.at, |context| {
                let group = context.group(*group);
                format!("{group} rebalanced: generation {generation}, {members} members")
            }),
            Event::Fenced { broker } => self.item(entry.at, |_| format!("{broker} fenced")),
            // The first time belongs to the broker's start.
            Event::Unfenced { broker } => {
                let first = self.unfenced.insert(*broker);
                if !first {
                    self.item(entry.at, |_| format!("{broker} unfenced"));
                }
            }
            _ => {}
        }
    }

    fn item(&mut self, at: Timestamp, text: impl FnOnce(&Context) -> String) {
        self.flush();
        self.push(at, text);
    }

    fn push(&mut self, at: Timestamp, text: impl FnOnce(&Context) -> String) {
        if self.items.len() < CAP {
            self.items.push(TimelineItem { at, text: text(&self.context) });
        } else {
            self.omitted += 1;
        }
    }

    fn change(&mut self, at: Timestamp, change: Change, partition: TopicPartition) {
        if self.pending.first().is_some_and(|(then, ..)| then.as_millis() != at.as_millis()) {
            self.flush();
        }
        match self.pending.iter_mut().find(|(_, other, _)| *other == change) {
            Some((_, _, partitions)) => partitions.push(partition),
            None => self.pending.push((at, change, vec![partition])),
        }
    }

    fn flush(&mut self) {
        for (at, change, mut partitions) in std::mem::take(&mut self.pending) {
            let is_internal = |place: &TopicPartition| place.topic == TopicId::CONSUMER_OFFSETS;
            if partitions.iter().filter(|place| is_internal(place)).count() > FEW {
                partitions.retain(|place| !is_internal(place));
            }
            if !partitions.is_empty() {
                partitions.sort_unstable();
                self.push(at, |context| change_text(context, &change, &partitions));
            }
        }
    }

    /// The items, and how many were left out.
    #[must_use]
    pub fn conclude(mut self) -> (Vec<TimelineItem>, u64) {
        self.flush();
        (self.items, self.omitted)
    }
}

fn change_text(context: &Context, change: &Change, partitions: &[TopicPartition]) -> String {
    let names: Vec<String> = partitions.iter().map(|place| context.partition(*place)).collect();
    let names = names.join(", ");
    match change {
        Change::Elected { leader, epoch, unclean } => {
            let how = if *unclean { " uncleanly" } else { "" };
            format!("{leader} elected{how} for {names} (epoch {epoch})")
        }
        Change::Offline => format!("no leader for {names}"),
        Change::Isr { removed, added } => {
            let mut text = format!("in-sync set of {names}:");
            for id in removed {
                write!(text, " −{id}").expect("a string takes everything");
            }
            for id in added {
                write!(text, " +{id}").expect("a string takes everything");
            }
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_history::*;

    #[test]
    fn elections_of_one_millisecond_share_a_line() {
        let mut timeline = Timeline::new(Arc::new(context()));
        let mut events = Vec::new();
        for (leader, epoch) in [(1, 0), (2, 1)] {
            for topic in [0, 1] {
                let (node, mut event) = elected(leader, epoch, &[2, 3]);
                if let Event::LeaderElected { partition, .. } = &mut event {
                    partition.topic = TopicId(topic);
                }
                events.push((node, event));
            }
        }
        for mut entry in entries(events) {
            entry.at = Timestamp::from_micros(7000 + entry.seq);
            timeline.observe(&entry);
        }
        let (items, omitted) = timeline.conclude();
        let texts: Vec<&str> = items.iter().map(|item| item.text.as_str()).collect();
        assert_eq!(texts, ["broker-2 elected for __consumer_offsets-0, payments-0 (epoch 1)"]);
        assert_eq!(omitted, 0);
    }

    #[test]
    fn the_cap_counts_what_it_leaves_out() {
        let mut timeline = Timeline::new(Arc::new(context()));
        for entry in entries(vec![phase(Phase::Load); CAP + 2]) {
            timeline.observe(&entry);
        }
        let (items, omitted) = timeline.conclude();
        assert_eq!((items.len(), omitted), (CAP, 2));
    }
}
