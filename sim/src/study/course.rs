//! Gathers the course of a run from its entries, for the page that draws it. It decides what is drawn and
//! what is left out, and judges nothing.
//!
//! - [`bands`] what lasts: lives, leaders, in-sync sets, owners · [`entries`] what happens · [`messages`]
//! - [`curves`] what is counted · [`stalls`] writes that stand still

mod bands;
mod curves;
mod entries;
mod messages;
mod stalls;

use crate::world::post::{Letter, Letters};
use crate::world::recorder::{Trace, Watch};
use ackproof_oracle::context::Context;
use ackproof_oracle::history::{Entry, Event};
use ackproof_reports::page::course::{Course, Node, NodeKind};
use ackproof_reports::run::GroupReport;
use ackproof_types::{NodeId, Server, TopicId, TopicPartition};
use bands::Bands;
use curves::Curves;
use entries::Kept;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The partitions of applications, by their places on the page.
type Places = BTreeMap<TopicPartition, usize>;

/// A course in the making.
#[derive(Debug, Default)]
pub struct Chronicler {
    /// The last instant.
    end: u64,
    /// Grows where a topic gets more partitions.
    places: Places,
    /// Who takes part: known from the first entry on.
    context: Option<Arc<Context>>,
    bands: Bands,
    kept: Kept,
    curves: Curves,
}

impl Chronicler {
    /// Takes one entry.
    pub fn observe(&mut self, entry: &Entry, context: &Context) {
        let mut known = self.context.take();
        if known.is_none() {
            for (number, topic) in (0..).zip(&context.topics) {
                self.add(TopicId(number), topic.partitions, context);
            }
        }
        if let Event::PartitionsAdded { topic, partitions }
        | Event::TopicCreated { topic, partitions } = entry.event
        {
            self.add(topic, partitions, context);
        }
        let known = self.context.insert(known.take().unwrap_or_else(|| Arc::new(context.clone())));
        if let Event::TopicAltered { .. } = entry.event {
            Arc::make_mut(known).alter(&entry.event);
        }
        self.end = entry.at.as_micros();
        self.bands.observe(entry, known, &self.places);
        self.kept.observe(entry, known, &self.places);
        self.curves.observe(entry, known, &self.places);
    }

    fn add(&mut self, topic: TopicId, partitions: u16, context: &Context) {
        if context.keeps_offsets(topic) {
            return;
        }
        for partition in 0..partitions {
            let next = self.places.len();
            self.places.entry(TopicPartition::new(topic, partition)).or_insert(next);
        }
    }

    /// Nothing more will happen; `groups` are what the oracle found of them, and `letters` what became of messages.
    #[must_use]
    pub fn conclude(self, groups: &[GroupReport], letters: Vec<Letter>) -> Course {
        let mut course = Course { end: self.end, ..Course::default() };
        let Some(context) = self.context.as_deref() else { return course };
        let nodes = (0..).map(NodeId).zip(&context.nodes);
        course.nodes =
            nodes.map(|(id, name)| Node { name: name.clone(), kind: kind(id, context) }).collect();
        let mut partitions: Vec<_> = self.places.iter().map(|(id, place)| (*place, *id)).collect();
        partitions.sort_unstable();
        course.partitions = partitions.into_iter().map(|(_, id)| context.partition(id)).collect();
        course.groups = context.groups.iter().map(|group| group.name.clone()).collect();
        self.bands.conclude(&mut course);
        leave_to_members(&mut course);
        self.kept.conclude(&mut course, context);
        messages::conclude(letters, &mut course, &self.places);
        course.charts = self.curves.conclude(self.end, context, groups);
        course
    }
}

/// Who reads the positions of a group after a run, to see what it has committed, is none of its members.
fn leave_to_members(course: &mut Course) {
    let Course { owners, nodes, .. } = course;
    let is_member = |who: usize| matches!(nodes[who].kind, NodeKind::Member);
    if owners.iter().any(|owner| is_member(owner.who)) {
        owners.retain(|owner| is_member(owner.who));
    }
}

/// What a process is: servers and producers are known, and a member bears the name of its group.
fn kind(id: NodeId, context: &Context) -> NodeKind {
    let name = context.node(id);
    let is_of = |group: &str| {
        let number = name.strip_prefix(group).and_then(|rest| rest.strip_prefix('-'));
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    match context.roster.server(id) {
        Some(Server::Controller(_)) => NodeKind::Controller,
        Some(Server::Broker(_)) => NodeKind::Broker,
        // One that sends on what it makes of records is a producer too.
        None if context.groups.iter().any(|group| is_of(&group.name)) => NodeKind::Member,
        None if context.producers.iter().any(|producer| producer.node == id) => NodeKind::Producer,
        None => NodeKind::Other,
    }
}

/// A chronicler that a run can be given, and that is asked when the run is over.
#[derive(Clone, Debug, Default)]
pub struct Shared {
    chronicler: Arc<Mutex<Chronicler>>,
    letters: Letters,
}

impl Shared {
    /// Sees every entry, which it hands to `others` after that, and every message.
    #[must_use]
    pub fn watch(&self, mut others: Option<Trace>) -> Watch {
        let shared = Arc::clone(&self.chronicler);
        let trace: Trace = Box::new(move |entry, context| {
            let mut chronicler = shared.lock().unwrap_or_else(PoisonError::into_inner);
            chronicler.observe(entry, context);
            drop(chronicler);
            if let Some(others) = &mut others {
                others(entry, context);
            }
        });
        Watch { trace: Some(trace), letters: Some(Arc::clone(&self.letters)) }
    }

    /// What it saw, as [`Chronicler::conclude`].
    #[must_use]
    pub fn course(&self, groups: &[GroupReport]) -> Course {
        let letters = self.letters.lock().map(|mut all| std::mem::take(&mut *all));
        let mut chronicler = self.chronicler.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *chronicler).conclude(groups, letters.unwrap_or_default())
    }
}
