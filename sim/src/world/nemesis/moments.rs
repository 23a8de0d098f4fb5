//! Watches the history and the wire for the moments that faults are aimed at, as an operator could who sees both.
//! It strikes nobody.

use super::leaders::Leaders;
use super::votes::{Vote, Votes};
use ackproof_kafka::message::{
    ControllerRequest, ControllerResponse, FetchedPartition, Message, Request, Response,
};
use ackproof_oracle::history::{Entry, Event};
use ackproof_scenario::moment::Moment;
use ackproof_types::{NodeId, TopicPartition};
use std::collections::BTreeMap;

/// A moment that has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene {
    pub(crate) moment: Moment,
    /// None: it is about controllers.
    pub(crate) partition: Option<TopicPartition>,
    /// The broker that has to do with it most, or the controller that has voted.
    pub(crate) node: NodeId,
    /// The controller that it has voted for.
    pub(crate) candidate: Option<NodeId>,
}

impl Scene {
    fn new(moment: Moment, partition: TopicPartition, node: NodeId) -> Self {
        Self { moment, partition: Some(partition), node, candidate: None }
    }
}

/// Faults that wait for a moment, and the moments of those that have waited for one.
#[derive(Debug, Default)]
pub(crate) struct Moments {
    waiting: Vec<(u32, Moment)>,
    scenes: BTreeMap<u32, Scene>,
    votes: Votes,
}

impl Moments {
    /// Fault `number` waits for `moment`.
    pub(crate) fn add(&mut self, number: u32, moment: Moment) {
        self.waiting.push((number, moment));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Fault `number` need not wait: the moment is there.
    pub(crate) fn is_there(&mut self, number: u32, scene: Scene) {
        self.scenes.insert(number, scene);
    }

    /// The moment at which fault `number` is to strike.
    pub(crate) fn scene(&self, number: u32) -> Option<Scene> {
        self.scenes.get(&number).copied()
    }

    /// Fault `number` waits no longer; says whether it did.
    pub(crate) fn give_up(&mut self, number: u32) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|(waits, _)| *waits != number);
        self.waiting.len() < before
    }

    /// Nobody waits any longer; returns who did.
    pub(crate) fn give_up_all(&mut self) -> impl Iterator<Item = u32> + use<> {
        std::mem::take(&mut self.waiting).into_iter().map(|(number, _)| number)
    }

    /// The faults that have waited for `entry`.
    pub(crate) fn look(
        &mut self,
        entry: &Entry,
        leaders: &Leaders,
        coordinators: &[TopicPartition],
    ) -> Vec<u32> {
        self.come(of_entry(entry, leaders, coordinators))
    }

    /// The faults that have waited for `message`, which goes from `ends.0` to `ends.1`.
    pub(crate) fn look_at_message(
        &mut self,
        message: &Message,
        ends: (NodeId, NodeId),
        leaders: &Leaders,
    ) -> Vec<u32> {
        let vote = self.votes.granted(message, ends).map(|Vote { candidate, voter }| Scene {
            moment: Moment::Vote,
            partition: None,
            node: voter,
            candidate: Some(candidate),
        });
        self.come(vote.or_else(|| of_message(message, ends, leaders)))
    }

    fn come(&mut self, scene: Option<Scene>) -> Vec<u32> {
        let Some(scene) = scene else { return Vec::new() };
        let Self { waiting, scenes, .. } = self;
        let mut due = Vec::new();
        waiting.retain(|(number, moment)| {
            // Whoever strikes first in that moment ends it.
            let is_over = scene.moment == Moment::InSync && !due.is_empty();
            let comes = *moment == scene.moment && !is_over;
            if comes {
                scenes.insert(*number, scene);
                due.push(*number);
            }
            !comes
        });
        due
    }
}

fn of_entry(entry: &Entry, leaders: &Leaders, coordinators: &[TopicPartition]) -> Option<Scene> {
    let scene = |moment, partition, node| Some(Scene::new(moment, partition, node));
    let here = |moment, partition| scene(moment, partition, entry.node);
    let leader = |moment, partition| scene(moment, partition, leaders.leader(partition)?);
    match &entry.event {
        Event::Appended { partition, as_leader: true, records, .. } => {
            if coordinators.contains(partition) {
                return here(Moment::Commit, *partition);
            }
            let is_alone = leaders.followers(*partition).is_empty();
            (!records.is_empty() && !is_alone).then(|| here(Moment::Append, *partition))?
        }
        Event::LeaderElected { partition, leader: Some(elected), .. } => {
            scene(Moment::Election, *partition, leaders.process(*elected))
        }
        Event::BecameLeader { partition, .. } => here(Moment::Leadership, *partition),
        Event::Truncated { partition, .. } => here(Moment::Truncation, *partition),
        Event::Rebalanced { group, .. } => {
            leader(Moment::Rebalance, *coordinators.get(group.index())?)
        }
        Event::Retried { partition, .. } => leader(Moment::Retry, *partition),
        Event::IsrChanged { partition, .. } if leaders.is_whole() => {
            leader(Moment::InSync, *partition)
        }
        Event::Unfenced { broker } => recovering(leaders.process(*broker), leaders),
        Event::FaultEnded { .. } => recovering(entry.node, leaders),
        Event::FaultStarted { target: Some(node), .. } => {
            leaders.id(*node)?;
            let all = || leaders.partitions_at(*node);
            let led = all().find(|one| leaders.leader(*one) == Some(*node));
            scene(Moment::Fault, led.or_else(|| all().next())?, *node)
        }
        _ => None,
    }
}

/// The moment in which nothing is under way, if this is one; it lasts, so that nobody need wait for it to come.
pub(crate) fn whole(pick: u64, leaders: &Leaders) -> Option<Scene> {
    let partition = leaders.drawn(pick).filter(|_| leaders.is_whole())?;
    Some(Scene::new(Moment::InSync, partition, leaders.leader(partition)?))
}

/// A broker is back, and not yet in sync with a partition that it has.
fn recovering(node: NodeId, leaders: &Leaders) -> Option<Scene> {
    leaders.id(node)?;
    let partition = leaders.partitions_at(node).find(|one| !leaders.is_in_sync(node, *one))?;
    Some(Scene::new(Moment::Recovery, partition, node))
}

fn of_message(message: &Message, (from, to): (NodeId, NodeId), leaders: &Leaders) -> Option<Scene> {
    let scene = |moment, partition, node| Some(Scene::new(moment, partition, node));
    match message {
        Message::Request(_, Request::Controller(ControllerRequest::AlterPartition(request))) => {
            scene(Moment::IsrChange, request.partitions.first()?.partition, from)
        }
        Message::Response(_, Response::Controller(ControllerResponse::AlterPartition(Ok(all)))) => {
            scene(Moment::IsrAnswer, all.first()?.0, to)
        }
        Message::Response(_, Response::Fetch(parts)) => {
            leaders.id(to)?;
            let part = parts.iter().find(|part| has_records(part))?;
            scene(Moment::FetchAnswer, part.partition, from)
        }
        Message::Throttled(_, answer) => of_message(answer, (from, to), leaders),
        _ => None,
    }
}

fn has_records(part: &FetchedPartition) -> bool {
    part.result.as_ref().is_ok_and(|data| !data.batches.is_empty())
}
