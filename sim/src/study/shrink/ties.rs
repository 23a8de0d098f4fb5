//! Ties faults to what happens, in place of a time: then records before them can go without the fault
//! coming too early or too late. It reads a run's history and lists candidates, the boldest first.

use super::tree::{faults, with_fault};
use crate::world::recorder::Trace;
use crate::world::run::run;
use ackproof_oracle::context::Context;
use ackproof_oracle::history::{Entry, Event};
use ackproof_scenario::durations::spell;
use ackproof_scenario::plan::Plan;
use ackproof_types::{Micros, NodeId, RecordId};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// What faults can be tied to, and when they struck whom.
#[derive(Debug, Default)]
struct Moments {
    /// By time: where, and in the words of a scenario.
    moments: Vec<(Micros, Option<NodeId>, String)>,
    strikes: BTreeMap<usize, (Micros, NodeId)>,
    /// What was said before: an anchor is the first of its kind.
    said: BTreeSet<String>,
}

impl Moments {
    fn take(&mut self, entry: &Entry, context: &Context) {
        let at = Micros(entry.at.as_micros());
        let node = context.node(entry.node);
        let (place, text) = match &entry.event {
            Event::FaultStarted { fault, target: Some(target), .. } => {
                self.strikes.entry(*fault as usize).or_insert((at, *target));
                return;
            }
            Event::Appended { records, .. } => {
                let Some(last) = records.iter().last() else { return };
                (Some(entry.node), format!("{node} appends {}", name(last.id, context)))
            }
            Event::Acked { records, .. } => {
                let Some(last) = records.iter().last() else { return };
                (None, format!("{} is acknowledged", name(last.id, context)))
            }
            Event::Sent { record, .. } => {
                (Some(entry.node), format!("{} is sent", name(record.id, context)))
            }
            Event::Processed { record, .. } => {
                (Some(entry.node), format!("{node} processes {}", name(record.id, context)))
            }
            Event::Committed { offsets, .. } => {
                // The first commit of a partition that has something in it, whatever it is.
                let Some((partition, _)) = offsets.iter().find(|(_, offset)| offset.0 > 0) else {
                    return;
                };
                let topic = context.topics.get(partition.topic.index());
                let topic = topic.map_or("", |topic| topic.name.as_str());
                let text = format!("{node} commits {topic}-{} offset 1", partition.partition);
                (Some(entry.node), text)
            }
            _ => return,
        };
        if self.said.insert(text.clone()) {
            self.moments.push((at, place, text));
        }
    }

    /// The last moments before a strike: at the process that is hit, and anywhere.
    fn before(&self, (at, node): (Micros, NodeId)) -> Vec<(Micros, &str)> {
        let earlier = || self.moments.iter().rev().filter(move |(then, ..)| *then <= at);
        let here = earlier().filter(|(_, place, _)| *place == Some(node)).take(2);
        let acknowledged = earlier().filter(|(_, place, _)| place.is_none()).take(1);
        here.chain(acknowledged).map(|(then, _, text)| (*then, text.as_str())).collect()
    }
}

fn name(id: RecordId, context: &Context) -> String {
    let producer = context.producers.get(usize::from(id.producer.0));
    format!("{}#{}", producer.map_or("", |one| one.name.as_str()), id.number)
}

/// `tree`, the schedule of `plan`, with one of its faults tied: at once, or with the distance it had.
pub(crate) fn ties(tree: &Value, plan: &Plan, seed: u64) -> Vec<Value> {
    let moments = Arc::new(Mutex::new(Moments::default()));
    let keep = Arc::clone(&moments);
    let trace: Trace = Box::new(move |entry: &Entry, context: &Context| {
        keep.lock().unwrap_or_else(PoisonError::into_inner).take(entry, context);
    });
    if run(plan, seed, Some(trace)).is_err() {
        return Vec::new();
    }
    let moments = moments.lock().unwrap_or_else(PoisonError::into_inner);
    let mut found = Vec::new();
    for with_distance in [false, true] {
        for (number, fault) in faults(tree).iter().enumerate() {
            let Some(strike) = moments.strikes.get(&number).filter(|_| is_loose(fault)) else {
                continue;
            };
            for (then, text) in moments.before(*strike) {
                let distance = Micros(strike.0.0 - then.0);
                found.extend(tied(tree, number, text, with_distance.then_some(distance)));
            }
        }
    }
    found
}

/// Whether it comes too early or too late when records before it go: at a time, or with an offset.
fn is_loose(fault: &Value) -> bool {
    let after = fault.get("after").and_then(Value::as_str);
    after.is_none_or(|text| text.contains(" appends ") && text.contains("offset "))
}

fn tied(tree: &Value, number: usize, text: &str, distance: Option<Micros>) -> Option<Value> {
    with_fault(tree, number, |fault| {
        // When comes first in the sentence.
        let rest = std::mem::take(fault);
        fault.insert("after".to_owned(), json!(text));
        if let Some(distance) = distance.filter(|distance| *distance > Micros::ZERO) {
            fault.insert("plus".to_owned(), json!(spell(distance)));
        }
        let when = ["at", "after", "plus"];
        fault.extend(rest.into_iter().filter(|(key, _)| !when.contains(&key.as_str())));
    })
}
