//! A run at a glance: what faults did, who led, who was in sync, how groups rebalanced, in some 25
//! lines that are read in ten seconds. It judges nothing.
//!
//! What happens to many partitions for one reason is one line, and so is a broker's return to many
//! in-sync sets within two seconds. The start of the run is left out. Of a long run the beginning, the
//! end and what is near a violation stay; a line says how many are missing between them. Keeps an item
//! for each change, none for a record.

use crate::context::Context;
use crate::history::{Entry, Event, Phase, ProcessEnd};
use crate::kind::Kind;
use crate::verdict::TimelineItem;
use ackproof_types::words::plural;
use ackproof_types::{
    BrokerId, GenerationId, GroupId, LeaderEpoch, NodeId, RebalanceReason, Timestamp,
    TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Items that are shown, lines about missing ones aside.
const SHOWN: usize = 24;
/// Of those, at the beginning and at the end, whatever is near a violation.
const ENDS: usize = 6;
/// Changes of one kind this close together, in microseconds, are one item.
const TOGETHER: u64 = 2_000_000;
/// Partitions that are still named one by one.
const NAMED: usize = 3;

/// One item: what happened, perhaps several times in a row.
#[derive(Debug, PartialEq, Eq)]
enum Item {
    Text(String),
    Fenced(BrokerId),
    Elected {
        leader: BrokerId,
        unclean: bool,
        partitions: Vec<(TopicPartition, LeaderEpoch)>,
    },
    Offline(Vec<TopicPartition>),
    Isr {
        removed: Vec<BrokerId>,
        added: Vec<BrokerId>,
        partitions: BTreeSet<TopicPartition>,
    },
    Rebalanced {
        group: GroupId,
        from: GenerationId,
        to: GenerationId,
        members: u16,
        /// How often for each reason that is on record, in the order of the first.
        reasons: Vec<(RebalanceReason, u32)>,
    },
}

/// A timeline in the making.
#[derive(Debug)]
pub struct Timeline {
    context: Arc<Context>,
    items: Vec<(Timestamp, Item)>,
    /// Partitions that had their first leader.
    elected: BTreeSet<TopicPartition>,
    /// Processes that started once.
    started: BTreeSet<NodeId>,
    /// Faults in force: their targets, their words, and since when.
    faults: BTreeMap<u32, (Option<NodeId>, Arc<str>, Timestamp)>,
    /// The process that a fault began or ended with in this instant, as its next entry.
    moved: Option<(Timestamp, NodeId)>,
    reading: bool,
}

impl Timeline {
    /// Nothing yet.
    #[must_use]
    pub const fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            items: Vec::new(),
            elected: BTreeSet::new(),
            started: BTreeSet::new(),
            faults: BTreeMap::new(),
            moved: None,
            reading: false,
        }
    }

    /// Whether events of this kind can show.
    pub(crate) const fn shows(kind: Kind) -> bool {
        matches!(
            kind,
            Kind::LeaderElected
                | Kind::IsrChanged
                | Kind::Phase
                | Kind::FaultStarted
                | Kind::FaultEnded
                | Kind::ProcessStarted
                | Kind::ProcessEnded
                | Kind::Unsent
                | Kind::PollFailed
                | Kind::Rebalanced
                | Kind::MemberReplaced
                | Kind::OffsetsExpired
                | Kind::GroupDeleted
                | Kind::Fenced
                | Kind::LogDirFailed
                | Kind::LogDamaged
                | Kind::ControllerElected
                | Kind::ControllerResigned
                | Kind::ReplicasChanged
                | Kind::FeaturesUpdated
                | Kind::OrderRefused
                | Kind::TopicCreated
                | Kind::TopicDeleted
        )
    }

    /// Takes one entry.
    pub fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::FaultStarted { fault, target, text } => {
                self.moved = target.map(|node| (entry.at, node));
                self.faults.insert(*fault, (*target, Arc::clone(text), entry.at));
                self.push(entry.at, Item::Text(format!("fault: {text}")));
            }
            Event::FaultEnded { fault } => {
                let Some((target, text, since)) = self.faults.remove(fault) else { return };
                self.moved = target.map(|node| (entry.at, node));
                // What is done at once has no end to tell.
                if since == entry.at {
                    return;
                }
                // Without the rule and the duration.
                let short = text.split(" (").next().unwrap_or(&text);
                let short = short.split(" for ").next().unwrap_or(short);
                self.push(entry.at, Item::Text(format!("over: {short}")));
            }
            Event::ProcessStarted | Event::ProcessEnded(_) => self.process(entry),
            Event::Unsent { .. } | Event::PollFailed { .. } => self.client(entry),
            Event::Phase(phase) => match phase {
                Phase::Settle => self.text(entry, "all faults over, settling begins"),
                Phase::FinalRead => {
                    self.reading = true;
                    self.text(entry, "final read of all logs");
                }
                Phase::Load | Phase::End => {}
            },
            // The first election belongs to the partition's creation.
            Event::LeaderElected { partition, leader, epoch, unclean, .. }
                if !self.elected.insert(*partition) =>
            {
                self.elect(entry.at, *partition, *leader, *epoch, *unclean);
            }
            Event::IsrChanged { partition, before, isr } => {
                let removed = before.iter().filter(|id| !isr.contains(id)).copied().collect();
                let added = isr.iter().filter(|id| !before.contains(id)).copied().collect();
                self.isr(entry.at, *partition, removed, added);
            }
            Event::MemberReplaced { group, before, member } if before != member => {
                let name = self.context.group(*group);
                let text = format!("a static member of {name} was replaced by one with its id");
                self.push(entry.at, Item::Text(text));
            }
            Event::OffsetsExpired { .. }
            | Event::GroupDeleted { .. }
            | Event::LogDirFailed { .. }
            | Event::LogDamaged { .. } => {
                self.broker(entry);
            }
            Event::Rebalanced { group, generation, members, reason } => {
                self.rebalance(entry.at, *group, (*generation, *members), *reason);
            }
            Event::ControllerElected { .. }
            | Event::ControllerResigned { .. }
            | Event::ReplicasChanged { .. }
            | Event::FeaturesUpdated { .. }
            | Event::TopicCreated { .. }
            | Event::TopicDeleted { .. }
            | Event::OrderRefused { .. } => self.office(entry),
            Event::Fenced { broker } => {
                // It is why leaders and in-sync sets change in this very instant.
                let first = self.items.iter().rposition(|(at, _)| *at != entry.at);
                let place = first.map_or(0, |index| index + 1);
                self.items.insert(place, (entry.at, Item::Fenced(*broker)));
            }
            _ => {}
        }
    }

    /// What a broker gives up, or its coordinator.
    fn broker(&mut self, entry: &Entry) {
        let text = match &entry.event {
            Event::OffsetsExpired { group, partitions } => {
                let (name, places) = (self.context.group(*group), names(&self.context, partitions));
                format!("what {name} had committed of {places} expired")
            }
            Event::GroupDeleted { group } => {
                let name = self.context.group(*group);
                format!("{name} was deleted: it had no members")
            }
            Event::LogDamaged { partition, from, to } => {
                let who = self.context.node(entry.node);
                let place = self.context.partition(*partition);
                format!("the disk of {who} has a wrong batch of {place}, from {from} below {to}")
            }
            Event::LogDirFailed { dir, halts, .. } => {
                let end = if *halts { ", and ends" } else { "" };
                let who = self.context.node(entry.node);
                format!("{who} gives up log directory {dir}{end}")
            }
            _ => return,
        };
        self.push(entry.at, Item::Text(text));
    }

    /// Which of several controllers decides, and what came of an order; the first controller belongs to the start
    /// of the run.
    fn office(&mut self, entry: &Entry) {
        let who = self.context.node(entry.node);
        let text = match &entry.event {
            Event::ControllerElected { epoch } if !self.elected.is_empty() => {
                format!("{who} is the active controller (epoch {epoch})")
            }
            Event::ControllerResigned { .. } => format!("{who} is the active controller no more"),
            Event::ReplicasChanged { partition, replicas, adding } if adding.is_empty() => {
                let place = self.context.partition(*partition);
                let brokers: Vec<&str> =
                    replicas.iter().map(|one| self.context.broker_name(*one)).collect();
                format!("{place} now lies on {}", brokers.join(", "))
            }
            Event::FeaturesUpdated { metadata_version, eligible_leader_replicas } => format!(
                "finalized: metadata.version {metadata_version}, eligible.leader.replicas.version \
                 {eligible_leader_replicas}"
            ),
            Event::TopicCreated { topic, .. } => {
                format!("{} is created", self.context.topic(*topic))
            }
            Event::TopicDeleted { topic, .. } => {
                format!("{} is deleted", self.context.topic(*topic))
            }
            Event::OrderRefused { request, error } => {
                format!("{who} refused {request}: {}", error.name())
            }
            _ => return,
        };
        self.push(entry.at, Item::Text(text));
    }

    fn push(&mut self, at: Timestamp, item: Item) {
        self.items.push((at, item));
    }

    /// An application ends.
    fn client(&mut self, entry: &Entry) {
        let who = self.context.node(entry.node);
        let text = match &entry.event {
            Event::Unsent { records } => {
                let what = plural(records.len() as u64, "record");
                format!("{who} ends without flush: {what} never left its buffer")
            }
            Event::PollFailed { group, error } => {
                let group = self.context.group(*group);
                format!("{who}: poll() threw {} in {group}, and its application ends", error.name())
            }
            _ => return,
        };
        self.push(entry.at, Item::Text(text));
    }

    fn text(&mut self, entry: &Entry, text: &str) {
        self.push(entry.at, Item::Text(text.to_owned()));
    }

    fn process(&mut self, entry: &Entry) {
        let node = entry.node;
        let started = matches!(entry.event, Event::ProcessStarted);
        let is_first = started && self.started.insert(node);
        // What a fault does at once to its target is told with it; a restart takes its time.
        let by_fault = self.moved == Some((entry.at, node))
            || self.faults.values().any(|(target, ..)| *target == Some(node));
        let is_killed = matches!(entry.event, Event::ProcessEnded(ProcessEnd::Killed));
        if is_first || by_fault && !is_killed || self.reading {
            return;
        }
        let how = match &entry.event {
            Event::ProcessEnded(how) => how.words(),
            _ => "started",
        };
        let text = format!("{} {how}", self.context.node(node));
        self.push(entry.at, Item::Text(text));
    }

    /// The items not older than `TOGETHER`, youngest first.
    fn recent(&mut self, now: Timestamp) -> impl Iterator<Item = &mut Item> {
        let since = now.as_micros().saturating_sub(TOGETHER);
        let recent = self.items.iter_mut().rev().take_while(move |(at, _)| at.as_micros() >= since);
        recent.map(|(_, item)| item)
    }

    fn elect(
        &mut self,
        now: Timestamp,
        place: TopicPartition,
        leader: Option<BrokerId>,
        epoch: LeaderEpoch,
        unclean: bool,
    ) {
        let Some(leader) = leader else {
            for item in self.recent(now) {
                if let Item::Offline(partitions) = item {
                    return partitions.push(place);
                }
            }
            return self.push(now, Item::Offline(vec![place]));
        };
        for item in self.recent(now) {
            if let Item::Elected { leader: other, unclean: how, partitions } = item
                && (*other, *how) == (leader, unclean)
            {
                return partitions.push((place, epoch));
            }
        }
        self.push(now, Item::Elected { leader, unclean, partitions: vec![(place, epoch)] });
    }

    fn isr(
        &mut self,
        now: Timestamp,
        place: TopicPartition,
        minus: Vec<BrokerId>,
        plus: Vec<BrokerId>,
    ) {
        for item in self.recent(now) {
            if let Item::Isr { removed, added, partitions } = item
                && (&*removed, &*added) == (&minus, &plus)
            {
                partitions.insert(place);
                return;
            }
        }
        let partitions = [place].into();
        self.push(now, Item::Isr { removed: minus, added: plus, partitions });
    }

    fn rebalance(
        &mut self,
        now: Timestamp,
        id: GroupId,
        (generation, count): (GenerationId, u16),
        reason: Option<RebalanceReason>,
    ) {
        if let Some((_, Item::Rebalanced { group, to, members, reasons, .. })) =
            self.items.last_mut()
            && *group == id
        {
            (*to, *members) = (generation, count);
            let Some(reason) = reason else { return };
            match reasons.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, count)) => *count += 1,
                None => reasons.push((reason, 1)),
            }
            return;
        }
        let (from, to) = (generation, generation);
        let reasons = reason.map(|reason| (reason, 1)).into_iter().collect();
        self.push(now, Item::Rebalanced { group: id, from, to, members: count, reasons });
    }

    /// The items, those near the instants of violations first of all, and how many were left out.
    #[must_use]
    pub fn conclude(self, near: &[Timestamp]) -> (Vec<TimelineItem>, u64) {
        let context = self.context;
        let count = self.items.len();
        let chosen = choose(&self.items.iter().map(|(at, _)| *at).collect::<Vec<_>>(), near);
        let mut shown = Vec::new();
        let mut missing = 0;
        for ((at, item), keep) in self.items.into_iter().zip(&chosen) {
            if !keep {
                missing += 1;
                continue;
            }
            if missing > 0 {
                shown.push(TimelineItem { at, text: format!("… {missing} more before this") });
                missing = 0;
            }
            shown.push(TimelineItem { at, text: words(&context, &item) });
        }
        let kept = chosen.iter().filter(|keep| **keep).count();
        (shown, (count - kept) as u64)
    }
}

/// Which items are shown.
fn choose(instants: &[Timestamp], near: &[Timestamp]) -> Vec<bool> {
    let count = instants.len();
    if count <= SHOWN {
        return vec![true; count];
    }
    let at_the_ends = |index: usize| index < ENDS || index + ENDS >= count;
    // Without a violation the beginning is worth most.
    let distance = |index: usize| {
        let at = instants[index].as_micros();
        near.iter().map(|near| near.as_micros().abs_diff(at)).min().unwrap_or(at)
    };
    let mut middle: Vec<usize> = (0..count).filter(|index| !at_the_ends(*index)).collect();
    middle.sort_by_key(|index| (distance(*index), *index));
    middle.truncate(SHOWN - 2 * ENDS);
    (0..count).map(|index| at_the_ends(index) || middle.contains(&index)).collect()
}

fn words(context: &Context, item: &Item) -> String {
    let broker = |id: &BrokerId| context.broker_name(*id);
    match item {
        Item::Text(text) => text.clone(),
        Item::Fenced(id) => format!("{} fenced: it may not lead", broker(id)),
        Item::Elected { leader, unclean, partitions } => {
            let leader = broker(leader);
            let how = if *unclean { "elected from outside the in-sync set" } else { "elected" };
            let places: Vec<TopicPartition> = partitions.iter().map(|(place, _)| *place).collect();
            match partitions.as_slice() {
                [(_, at)] => format!("{leader} {how} for {} (epoch {at})", names(context, &places)),
                _ => format!("{leader} {how} for {}", names(context, &places)),
            }
        }
        Item::Offline(partitions) => format!("no leader for {}", names(context, partitions)),
        Item::Isr { removed, added, partitions } => {
            let partitions: Vec<TopicPartition> = partitions.iter().copied().collect();
            let minus = removed.iter().map(|id| format!("−{}", broker(id)));
            let plus = added.iter().map(|id| format!("+{}", broker(id)));
            let changes: Vec<String> = minus.chain(plus).collect();
            format!("in-sync set of {}: {}", names(context, &partitions), changes.join(" "))
        }
        Item::Rebalanced { group, from, to, members, reasons } => {
            let name = context.group(*group);
            let why = |(reason, count): &(RebalanceReason, u32)| match count {
                1 => reason.words().to_owned(),
                _ => format!("{} ({count} times)", reason.words()),
            };
            let members = plural(u64::from(*members), "member");
            let why: Vec<String> = reasons.iter().map(why).collect();
            let why = if why.is_empty() { String::new() } else { format!("; {}", why.join(", ")) };
            if from == to {
                format!("{name} rebalanced: generation {to}, {members}{why}")
            } else {
                format!("{name} rebalanced: generations {from} to {to}, now {members}{why}")
            }
        }
    }
}

/// `payments-0, payments-1 and 17 of __consumer_offsets`; of many: `12 partitions`.
fn names(context: &Context, partitions: &[TopicPartition]) -> String {
    let mut partitions = partitions.to_vec();
    partitions.sort_unstable();
    let is_internal = |place: &&TopicPartition| context.keeps_offsets(place.topic);
    let (offsets, own): (Vec<&TopicPartition>, Vec<_>) = partitions.iter().partition(is_internal);
    if own.len() > NAMED {
        return plural(partitions.len() as u64, "partition");
    }
    let mut names: Vec<String> = own.iter().map(|place| context.partition(**place)).collect();
    if offsets.len() <= NAMED && own.is_empty() {
        names.extend(partitions.iter().map(|place| context.partition(*place)));
    } else if let Some(first) = offsets.first() {
        let name = &context.topics[first.topic.index()].name;
        names.push(format!("{} of {name}", offsets.len()));
    }
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

#[cfg(test)]
mod tests;
