//! What lasts: lives of processes, faults, leaders, in-sync sets, owners and generations. A band ends where
//! the next one begins, or with the run.

use super::Places;
use ackproof_oracle::context::Context;
use ackproof_oracle::history::{Entry, Event, ProcessEnd};
use ackproof_reports::page::course::{Band, Course, Eligible, Fault, Generation, InSync, Owner};
use ackproof_types::{
    BrokerId, ControllerEpoch, GenerationId, GroupId, LeaderEpoch, NodeId, TopicPartition,
};
use std::collections::BTreeMap;

/// Bands in the making.
#[derive(Debug, Default)]
pub(super) struct Bands {
    done: Course,
    up: BTreeMap<NodeId, u64>,
    active: BTreeMap<NodeId, (u64, ControllerEpoch)>,
    fenced: BTreeMap<BrokerId, (NodeId, u64)>,
    faults: BTreeMap<u32, usize>,
    /// Faults that wait for a process to stop by itself.
    stops: BTreeMap<NodeId, u32>,
    leaders: BTreeMap<usize, Band>,
    in_sync: BTreeMap<usize, InSync>,
    eligible: BTreeMap<usize, Eligible>,
    owners: BTreeMap<(GroupId, usize), Owner>,
}

impl Bands {
    pub(super) fn observe(&mut self, entry: &Entry, context: &Context, places: &Places) {
        let at = entry.at.as_micros();
        match &entry.event {
            Event::Phase(phase) => {
                let name = serde_json::to_value(phase).ok();
                let name = name.and_then(|name| name.as_str().map(str::to_owned));
                self.done.phases.push((at, name.unwrap_or_default()));
            }
            Event::FaultStarted { fault, target, text } => {
                self.faults.insert(*fault, self.done.faults.len());
                if let Some(node) = target.filter(|_| is_stop(text)) {
                    self.stops.insert(node, *fault);
                }
                let nodes = named(*target, text, context);
                self.done.faults.push(Fault {
                    from: at,
                    to: u64::MAX,
                    text: text.to_string(),
                    nodes,
                });
            }
            Event::FaultEnded { fault } => self.is_over(at, *fault),
            Event::ProcessStarted => {
                self.up.insert(entry.node, at);
            }
            Event::ProcessEnded(how) => {
                if let Some(fault) = self.stops.remove(&entry.node)
                    && *how == ProcessEnd::Crash
                {
                    self.is_over(at, fault);
                }
                self.ended(entry.node, at);
            }
            Event::ControllerElected { epoch } => {
                self.active.insert(entry.node, (at, *epoch));
            }
            Event::ControllerResigned { .. } => self.resigned(entry.node, at),
            Event::Fenced { broker } => {
                self.fenced.insert(*broker, (context.process(*broker), at));
            }
            Event::Unfenced { broker } => {
                if let Some((node, from)) = self.fenced.remove(broker) {
                    self.done.lives.push(life(node, from, at, "fenced"));
                }
            }
            Event::Assigned { group, partitions, generation, .. } => {
                self.assigned(entry, *group, partitions, places);
                self.follows(at, *group, *generation);
            }
            Event::Revoked { group, partitions, .. } | Event::Lost { group, partitions, .. } => {
                for lane in partitions.iter().filter_map(|partition| places.get(partition)) {
                    self.gives_up(at, *group, *lane, Some(entry.node));
                }
            }
            Event::Rebalanced { group, generation, members, reason } => {
                self.done.generations.push(Generation {
                    group: group.index(),
                    at,
                    number: i64::from(generation.0),
                    members: *members,
                    reason: reason.map(ackproof_types::RebalanceReason::words),
                });
            }
            event => self.of_partition(at, event, context, places),
        }
    }

    fn of_partition(&mut self, at: u64, event: &Event, context: &Context, places: &Places) {
        match event {
            Event::LeaderElected { partition, leader, epoch, isr, unclean } => {
                let Some(lane) = places.get(partition) else { return };
                let leader = leader.map(|leader| context.process(leader));
                self.leads(*lane, at, leader, (*epoch, *unclean));
                self.syncs((*lane, *partition), at, isr, context);
            }
            Event::IsrChanged { partition, isr, .. } => {
                let Some(lane) = places.get(partition) else { return };
                self.syncs((*lane, *partition), at, isr, context);
            }
            Event::EligibleChanged { partition, elr, last_leader } => {
                let Some(lane) = places.get(partition) else { return };
                let process = |broker: &BrokerId| context.process(*broker).index();
                let who: Vec<usize> = elr.iter().map(process).collect();
                let last = last_leader.as_ref().map(process);
                self.are_eligible(Eligible { lane: *lane, from: at, to: u64::MAX, who, last });
            }
            _ => {}
        }
    }

    fn is_over(&mut self, at: u64, fault: u32) {
        if let Some(place) = self.faults.remove(&fault) {
            self.done.faults[place].to = at;
        }
    }

    /// A controller of several decides no more.
    fn resigned(&mut self, node: NodeId, at: u64) {
        if let Some((from, epoch)) = self.active.remove(&node) {
            self.done.lives.push(life(node, from, at, &office(epoch)));
        }
    }

    fn ended(&mut self, node: NodeId, at: u64) {
        self.resigned(node, at);
        if let Some(from) = self.up.remove(&node) {
            self.done.lives.push(life(node, from, at, "up"));
        }
        let who = node.index();
        let own: Vec<_> =
            self.owners.iter().filter(|(_, one)| one.who == who).map(|(key, _)| *key).collect();
        for (group, lane) in own {
            self.gives_up(at, group, lane, None);
        }
    }

    fn leads(
        &mut self,
        lane: usize,
        at: u64,
        leader: Option<NodeId>,
        (epoch, unclean): (LeaderEpoch, bool),
    ) {
        let how = if unclean { ", elected uncleanly" } else { "" };
        let text = format!("epoch {epoch}{how}");
        let band = Band { lane, from: at, to: u64::MAX, who: leader.map(NodeId::index), text };
        if let Some(mut before) = self.leaders.insert(lane, band) {
            before.to = at;
            self.done.leaders.push(before);
        }
    }

    fn syncs(
        &mut self,
        (lane, partition): (usize, TopicPartition),
        at: u64,
        isr: &[BrokerId],
        context: &Context,
    ) {
        let who = isr.iter().map(|broker| context.process(*broker).index()).collect();
        let least = context.topics[partition.topic.index()].min_insync_replicas;
        let few = isr.len() < usize::from(least);
        let band = InSync { lane, from: at, to: u64::MAX, who, few };
        if self.in_sync.get(&lane).is_some_and(|before| before.who == band.who) {
            return;
        }
        if let Some(mut before) = self.in_sync.insert(lane, band) {
            before.to = at;
            self.done.in_sync.push(before);
        }
    }

    fn are_eligible(&mut self, now: Eligible) {
        let (lane, at) = (now.lane, now.from);
        if let Some(mut before) = self.eligible.insert(lane, now) {
            before.to = at;
            self.done.eligible.push(before);
        }
    }

    /// A member owns what it is assigned, and nothing else.
    fn assigned(
        &mut self,
        entry: &Entry,
        group: GroupId,
        partitions: &[TopicPartition],
        places: &Places,
    ) {
        let (at, who) = (entry.at.as_micros(), entry.node.index());
        let lanes: Vec<usize> =
            partitions.iter().filter_map(|one| places.get(one)).copied().collect();
        let own: Vec<usize> = self
            .owners
            .iter()
            .filter(|((of, lane), one)| *of == group && one.who == who && !lanes.contains(lane))
            .map(|((_, lane), _)| *lane)
            .collect();
        for lane in own {
            self.gives_up(at, group, lane, None);
        }
        for lane in lanes {
            if self.owners.get(&(group, lane)).is_some_and(|one| one.who == who) {
                continue;
            }
            self.gives_up(at, group, lane, None);
            let owner = Owner { group: group.index(), lane, from: at, to: u64::MAX, who };
            self.owners.insert((group, lane), owner);
        }
    }

    /// Where no rebalance is on record, the generation of an assignment tells of one.
    fn follows(&mut self, at: u64, group: GroupId, generation: GenerationId) {
        let (of, number) = (group.index(), i64::from(generation.0));
        let known = self.done.generations.iter().any(|one| one.group == of && one.number >= number);
        if !known && number >= 0 {
            let one = Generation { group: of, at, number, members: 0, reason: None };
            self.done.generations.push(one);
        }
    }

    /// `by`: only if it is the one who owns it.
    fn gives_up(&mut self, at: u64, group: GroupId, lane: usize, by: Option<NodeId>) {
        let key = (group, lane);
        let is_own = |owner: &Owner| by.is_none_or(|node| node.index() == owner.who);
        if !self.owners.get(&key).is_some_and(is_own) {
            return;
        }
        if let Some(mut owner) = self.owners.remove(&key) {
            owner.to = at;
            self.done.owners.push(owner);
        }
    }

    pub(super) fn conclude(self, course: &mut Course) {
        let Self { mut done, up, active, fenced, leaders, in_sync, eligible, owners, .. } = self;
        let end = course.end;
        done.lives.extend(up.into_iter().map(|(node, from)| life(node, from, end, "up")));
        done.lives.extend(
            active.into_iter().map(|(node, (from, epoch))| life(node, from, end, &office(epoch))),
        );
        done.lives.extend(fenced.into_values().map(|(node, from)| life(node, from, end, "fenced")));
        done.leaders.extend(leaders.into_values());
        done.in_sync.extend(in_sync.into_values());
        done.eligible.extend(eligible.into_values());
        done.eligible.retain(|one| !one.who.is_empty() || one.last.is_some());
        done.owners.extend(owners.into_values());
        let open = done.leaders.iter_mut().map(|one| &mut one.to);
        let open = open.chain(done.in_sync.iter_mut().map(|one| &mut one.to));
        let open = open.chain(done.eligible.iter_mut().map(|one| &mut one.to));
        let open = open.chain(done.owners.iter_mut().map(|one| &mut one.to));
        for to in open.chain(done.faults.iter_mut().map(|one| &mut one.to)) {
            *to = end.min(*to);
        }
        course.phases = done.phases;
        course.faults = done.faults;
        course.lives = done.lives;
        course.leaders = done.leaders;
        course.in_sync = done.in_sync;
        course.eligible = done.eligible;
        course.owners = done.owners;
        course.generations = done.generations;
    }
}

fn office(epoch: ControllerEpoch) -> String {
    format!("active in epoch {epoch}")
}

fn life(node: NodeId, from: u64, to: u64, state: &str) -> Band {
    Band { lane: node.index(), from, to, who: None, text: state.to_owned() }
}

/// Whether a fault asks a process to stop by itself. If the process crashes first, nothing is left to ask.
fn is_stop(text: &str) -> bool {
    [" stopped cleanly", " was told to stop", " left its group"]
        .iter()
        .any(|one| text.contains(one))
}

/// The processes that a fault names: its target, and those in its words.
fn named(target: Option<NodeId>, text: &str, context: &Context) -> Vec<usize> {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
    let words: Vec<&str> = text.split(|letter| !is_word(letter)).collect();
    // A side that is a datacentre is told by its name: all processes are in one. Those of another cluster, which
    // begin with its name, are not meant.
    let is_elsewhere = |name: &str| {
        let others = context.clusters.iter().map(|cluster| cluster.name.as_str());
        let mut unnamed = others.filter(|other| !words.contains(other));
        unnamed.any(|other| name.strip_prefix(other).is_some_and(|rest| rest.starts_with('-')))
    };
    let in_centre = |name: &str| words.contains(&"datacentre") && !is_elsewhere(name);
    let nodes = context.nodes.iter().enumerate();
    nodes
        .filter(|(index, name)| {
            target.is_some_and(|one| one.index() == *index)
                || words.contains(&name.as_str())
                || in_centre(name)
        })
        .map(|(index, _)| index)
        .collect()
}
