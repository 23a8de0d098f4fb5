//! The nearest run that does not fail, beside the one that does: with the change that saves it at the least price,
//! else another seed. Both are told in full, and where they part first.

use super::{Failed, Question};
use crate::study::contract::contract;
use crate::study::course::{Chronicler, Shared};
use crate::study::life::{Ask, Source, Whole};
use crate::study::trial::trial_telling;
use crate::world::bounds::{Bounds, Failure};
use crate::world::document;
use crate::world::recorder::Trace;
use crate::world::run::run;
use ackproof_oracle::context::Context;
use ackproof_oracle::history::Entry;
use ackproof_reports::contract::Contract;
use ackproof_reports::page::course::{Charts, Course, Entries, Messages, Records};
use ackproof_reports::page::twin::{Lives, Parting, Twin};
use ackproof_reports::run::{Moment, RunReport};
use ackproof_reports::what_if::{Effect, WhatIfReport};
use ackproof_scenario::plan::Plan;
use std::sync::{Arc, Mutex, PoisonError};

/// A run in full, and its twin.
#[derive(Debug)]
pub struct Pair {
    /// What the run came to.
    pub report: RunReport,
    /// What its configuration promises.
    pub contract: Contract,
    /// What happened when.
    pub course: Course,
    /// None: the run does not fail, or nothing is known that does not.
    pub twin: Option<Twin>,
}

/// Tells the run that was asked about, and its twin.
///
/// # Errors
/// Why a run came to no end.
pub fn pair(question: &Question<'_>, found: &WhatIfReport) -> Result<Pair, Failure> {
    let Question { plan, seed, sets, .. } = *question;
    let kept = Kept::default();
    let origin = question.origin(sets);
    let chronicle = Shared::default();
    let watch = chronicle.watch(Some(kept.keeping()));
    let report = trial_telling(plan, &origin, seed, watch, &Bounds::default())?;
    let course = chronicle.course(&report.groups);
    let mut contract = contract(plan);
    contract.observe(seed, &report.causes);
    let twin = match nearest(question, found) {
        Some(nearest) => Some(told(question, &nearest, (kept, &report))?),
        None => None,
    };
    Ok(Pair { report, contract, course, twin })
}

/// A history that is kept while it happens.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<History>>);

/// Entries, and who took part: known from the first of them on.
type History = (Vec<Entry>, Option<Arc<Context>>);

impl Kept {
    fn keeping(&self) -> Trace {
        let kept = Arc::clone(&self.0);
        Box::new(move |entry, context| {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.0.push(entry.clone());
            kept.1.get_or_insert_with(|| Arc::new(context.clone()));
        })
    }

    /// None: nothing happened.
    fn whole(self) -> Option<Whole> {
        let (entries, context) =
            std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        Some(Whole::of(entries, context?))
    }
}

/// A run that does not fail.
struct Nearest {
    name: String,
    plan: Plan,
    sets: Vec<(String, String)>,
    seed: u64,
}

fn nearest(question: &Question<'_>, found: &WhatIfReport) -> Option<Nearest> {
    let Question { plan, seed, sets, text, file, .. } = *question;
    found.failure.as_ref()?;
    if let Some(flip) = found.flips.iter().find(|flip| flip.effect == Effect::Saves) {
        let sets = [sets, &flip.sets].concat();
        let name = format!("{} {} → {}", flip.setting, flip.from, flip.to);
        let (plan, _said_before) = document::load(text, file, &sets).ok()?;
        return Some(Nearest { name, plan, sets, seed });
    }
    let failed = Failed::of(plan, &run(plan, seed, None).ok()?.findings, question.wanted)?;
    let passes = |other: &u64| {
        run(plan, *other, None).is_ok_and(|outcome| !failed.is_there(&outcome.findings))
    };
    let other = (1..=question.others).map(|next| seed.wrapping_add(next)).find(passes)?;
    let (name, plan, sets) = (format!("seed {other}"), plan.clone(), sets.to_vec());
    Some(Nearest { name, plan, sets, seed: other })
}

fn told(
    question: &Question<'_>,
    nearest: &Nearest,
    (kept, report): (Kept, &RunReport),
) -> Result<Twin, Failure> {
    let Nearest { name, plan, sets, seed } = nearest;
    let there = Kept::default();
    let chronicle = Shared::default();
    let watch = chronicle.watch(Some(there.keeping()));
    let origin = question.origin(sets);
    let passes = trial_telling(plan, &origin, *seed, watch, &Bounds::default())?;
    let course = chronicle.course(&passes.groups);
    let (here, there) = (kept.whole(), there.whole());
    Ok(Twin {
        name: name.clone(),
        first: here.as_ref().zip(there.as_ref()).and_then(|(here, there)| parting(here, there)),
        glance: glance(&report.timeline, &passes.timeline),
        lives: here.zip(there).and_then(|(here, there)| lives(&here, &there)),
        command: passes.reproduce,
        // What single records did is told of the run that failed.
        course: Course {
            entries: Entries::default(),
            records: Records::default(),
            batches: Vec::new(),
            messages: Messages::default(),
            texts: Vec::new(),
            ..course
        },
    })
}

/// The first entries that differ.
fn parting(here: &Whole, there: &Whole) -> Option<Parting<Option<Course>>> {
    let (mut run, mut twin) = (here.entries().iter(), there.entries().iter());
    loop {
        let (run, twin) = (run.next(), twin.next());
        if run != twin {
            let at_us = [run, twin].into_iter().flatten().map(|one| one.at.as_micros()).min()?;
            let run = run.map(|one| alone(one, here.context()));
            return Some(Parting { at_us, run, twin: twin.map(|one| alone(one, there.context())) });
        }
        run?;
    }
}

/// The record that the failure is about, here and there.
fn lives(here: &Whole, there: &Whole) -> Option<Lives> {
    let source = || Source { of: String::new(), seed: None, reproduce: String::new() };
    let run = here.life(Ask::Telling, source()).ok()??;
    let twin = there.life(Ask::Record(&run.record), source()).ok().flatten();
    Some(Lives { run, twin })
}

/// An entry as a course of its own, which has the words for it.
fn alone(entry: &Entry, context: &Context) -> Course {
    let mut chronicler = Chronicler::default();
    chronicler.observe(entry, context);
    Course { charts: Charts::default(), ..chronicler.conclude(&[], Vec::new()) }
}

/// Where the runs at a glance part: what happened, whenever it did.
fn glance(run: &[Moment], twin: &[Moment]) -> Option<Parting<String>> {
    let text = |of: &[Moment], place: usize| of.get(place).map(|one| one.text.clone());
    let mut places = 0..run.len().max(twin.len());
    let place = places.find(|place| text(run, *place) != text(twin, *place))?;
    let at = [run, twin].into_iter().filter_map(|of| of.get(place)).map(|one| one.at_ms).min()?;
    Some(Parting {
        at_us: at.saturating_mul(1000),
        run: text(run, place).unwrap_or_default(),
        twin: text(twin, place).unwrap_or_default(),
    })
}
