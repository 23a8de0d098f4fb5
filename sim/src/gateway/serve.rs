//! A run with clients from outside: live, and once more from its tape, with the names that have shown meanwhile.
//!
//! Who takes part shows only in the course of a run, and what the oracle is told beforehand must have it. So a run from
//! outside takes place twice: live, under numbers, and from its tape, at the speed of the machine, under names. Both
//! must come to the same digest.

use super::claims::called;
pub use super::door::Acknowledged;
use super::door::{Door, Outgoing, Seen, Source};
use super::live::{Lag, Live};
use super::tape::{Incoming, Place, Tape};
use crate::world::bounds::{Bounds, Failure};
use crate::world::lower::{Cast, Role};
use crate::world::recorder::Watch;
use crate::world::run::RunOutcome;
use crate::world::run::outside::run_with_outside;
use ackproof_oracle::verdict::Subject;
use ackproof_scenario::plan::{OutsideGroup, OutsideProducer, Outsiders, Plan};
use ackproof_types::{Acks, BrokerId, ClusterId, TopicId};
use ackproof_wire::{Endpoint, Setting, Topic, Writer};
use std::collections::BTreeMap;

/// Simulated microseconds from the start of the brokers to when clients are let in: by then every partition has a
/// leader and all its replicas in sync.
pub const READY: u64 = 3_000_000;

/// Room for so many clients, producers and groups from outside.
const CLIENTS: u16 = 64;
const PRODUCERS: u16 = 256;
const GROUPS: u16 = 64;

/// What a run with clients from outside leaves.
#[derive(Debug)]
pub struct Served {
    /// As of any run.
    pub outcome: RunOutcome,
    /// The plan, with those who took part from outside.
    pub plan: Plan,
    /// What came in.
    pub tape: Tape,
    /// How late the world was.
    pub lag: Lag,
    /// What was asked for and is not there, and what connections were ended for.
    pub missing: Vec<String>,
    /// Why connections were ended by the brokers' side, and how many.
    pub broken: BTreeMap<String, u64>,
    /// Records that were given to clients of which it does not show for whom they read.
    pub unclaimed: u64,
    /// How often the application said that it processed what it cannot have, and what was wrong first.
    pub misled: Option<(u64, String)>,
    /// Records that their producers surely know to be written.
    pub acked: Vec<Acknowledged>,
}

/// A plan with room for those who may come.
fn with_room(plan: &Plan, place: &Place) -> Plan {
    let topic = plan.user_topics().next().map_or(TopicId(0), |(id, _)| id);
    let mut plan = plan.clone();
    let producer = OutsideProducer { client: 0, topic, acks: Acks::All, idempotent: false };
    plan.outsiders = Outsiders {
        replace: plan.outsiders.replace,
        told: place.told,
        clients: (1..=CLIENTS).map(|number| format!("client-{number}")).collect(),
        producers: vec![producer; usize::from(PRODUCERS)],
        groups: (1..=GROUPS)
            .map(|number| OutsideGroup { name: format!("group-{number}"), topics: Vec::new() })
            .collect(),
    };
    plan
}

/// A plan with those who came.
fn with_names(plan: &Plan, place: &Place, seen: &Seen) -> Plan {
    let mut plan = plan.clone();
    let groups = plan.groups.len();
    let group = |(place, name): (usize, &String)| {
        let number = u16::try_from(groups + place).ok();
        let topics = number.and_then(|number| seen.subscribed.get(&number));
        OutsideGroup { name: name.clone(), topics: topics.into_iter().flatten().copied().collect() }
    };
    let producer = |one: &Writer| OutsideProducer {
        client: one.client,
        topic: one.topic,
        acks: one.acks,
        idempotent: one.idempotent,
    };
    plan.outsiders = Outsiders {
        replace: plan.outsiders.replace,
        told: place.told,
        clients: (0..).zip(&seen.clients).map(|(number, name)| called(name, number)).collect(),
        producers: seen.writers.iter().map(producer).collect(),
        groups: seen.groups.iter().enumerate().map(group).collect(),
    };
    plan
}

fn setting(plan: &Plan, place: &Place) -> Setting {
    let cluster = plan.main();
    let topic = |(id, topic): (u16, &ackproof_scenario::plan::Topic)| Topic {
        name: topic.name.clone(),
        is_internal: TopicId(id) == cluster.offsets,
    };
    let cast = Cast::new(plan);
    let inside = cast.nodes().filter(|(_, role)| matches!(role, Role::Producer(..))).count();
    let inside = inside + cast.outputs.len();
    let rack = |broker: BrokerId| {
        let index = plan.brokers_of(ClusterId::FIRST).position(|id| id == broker.0)?;
        cluster.racks.get(index).cloned()
    };
    let mut racks: Vec<String> = Vec::new();
    for rack in &cluster.racks {
        if !racks.contains(rack) {
            racks.push(rack.clone());
        }
    }
    let brokers = place.endpoints.iter().map(|(id, (host, port))| Endpoint {
        id: *id,
        host: host.clone(),
        port: *port,
        rack: rack(*id),
    });
    Setting {
        topics: (0..).zip(&plan.topics).map(topic).collect(),
        groups: plan.groups.iter().map(|group| group.name.clone()).collect(),
        room_for_groups: usize::from(GROUPS),
        room_for_clients: usize::from(CLIENTS),
        room_for_producers: usize::from(PRODUCERS),
        first_producer: u16::try_from(inside).unwrap_or(u16::MAX),
        brokers: brokers.collect(),
        racks,
        epoch_ms: place.epoch_ms,
    }
}

/// A door to a world of `plan`.
fn door<S: Source>(source: S, plan: &Plan, place: &Place) -> Door<S> {
    let cast = Cast::new(plan);
    let first = cast.find(Role::Outsider(0)).unwrap_or(ackproof_types::NodeId(u16::MAX));
    Door::new(source, (plan.clone(), setting(plan, place)), cast, first)
}

/// A tape that is played.
struct Played {
    tape: std::vec::IntoIter<(u64, Incoming)>,
    next: Option<(u64, Incoming)>,
}

impl Played {
    fn new(tape: &Tape) -> Self {
        let mut tape = tape.0.clone().into_iter();
        Self { next: tape.next(), tape }
    }
}

impl Source for Played {
    fn next(&mut self, now: u64, due: Option<u64>) -> Option<u64> {
        match &self.next {
            Some((at, _)) => Some(*at).filter(|at| due.is_none_or(|due| *at <= due)),
            // A tape that was cut ends where it ends.
            None => Some(now + 1),
        }
    }

    fn take(&mut self) -> Incoming {
        let next = self.next.take();
        self.next = self.tape.next();
        next.map_or(Incoming::End, |(_, incoming)| incoming)
    }

    fn put(&mut self, _what: Outgoing) {}
}

/// Runs `plan` under `seed` with whoever connects, until [`Live::stop`], and once more from the tape, which `watch` sees.
///
/// # Errors
/// As of any run, and if the tape repeated another one.
pub fn serve(
    plan: &Plan,
    seed: u64,
    (live, place): (Live, &Place),
    watch: Watch,
    bounds: &Bounds,
) -> Result<Served, Failure> {
    let room = with_room(plan, place);
    let mut door = door(live, &room, place);
    let first = run_with_outside(&room, seed, &mut door, Watch::default(), (&[], bounds))?;
    let (live, seen) = door.into_seen();
    let (tape, lag) = live.finish();
    let served = under_names(plan, seed, (&tape, place), seen, watch, bounds)?;
    if served.outcome.digest != first.digest {
        let text = "the tape repeated another run: the cluster is no function of what came in";
        return Err(Failure::Crashed(text.to_owned()));
    }
    Ok(Served { lag, ..served })
}

/// Runs `plan` under `seed` with what is on a tape.
///
/// # Errors
/// As of any run.
pub fn replay(
    plan: &Plan,
    seed: u64,
    (tape, place): (&Tape, &Place),
    watch: Watch,
    bounds: &Bounds,
) -> Result<Served, Failure> {
    let room = with_room(plan, place);
    let mut unnamed = door(Played::new(tape), &room, place);
    let dry = run_with_outside(&room, seed, &mut unnamed, Watch::default(), (&[], bounds))?;
    let (_, seen) = unnamed.into_seen();
    let served = under_names(plan, seed, (tape, place), seen, watch, bounds)?;
    if served.outcome.digest != dry.digest {
        let text = "a run under names was another one than the same under numbers";
        return Err(Failure::Crashed(text.to_owned()));
    }
    Ok(served)
}

/// The run of a tape, with the names that have shown in it.
fn under_names(
    plan: &Plan,
    seed: u64,
    (tape, place): (&Tape, &Place),
    seen: Seen,
    watch: Watch,
    bounds: &Bounds,
) -> Result<Served, Failure> {
    let named = with_names(plan, place, &seen);
    let play = |watch, subjects: &[Subject]| {
        let mut door = door(Played::new(tape), &named, place);
        run_with_outside(&named, seed, &mut door, watch, (subjects, bounds))
    };
    let mut outcome = play(watch, &[])?;
    let subjects = outcome.findings.subjects();
    if !subjects.is_empty() {
        outcome = play(Watch::default(), &subjects)?;
    }
    Ok(Served {
        outcome,
        plan: named,
        tape: tape.clone(),
        lag: Lag::default(),
        missing: seen.missing.into_iter().collect(),
        broken: seen.broken,
        unclaimed: seen.unclaimed,
        misled: seen.misled,
        acked: seen.acked,
    })
}
