//! Everything that the oracle concludes, from one pass over a history. It knows which observer needs
//! which kind of event, and no property.

use crate::cause::LossCause;
use crate::context::Context;
use crate::deposed::Deposed;
use crate::effects::Effects;
use crate::history::Entry;
use crate::kind::Kind;
use crate::load::Load;
use crate::measure::{Counts, Measure};
use crate::outputs::Outputs;
use crate::registry;
use crate::starts::Starts;
use crate::story::Story;
use crate::timeline::Timeline;
use crate::verdict::{
    Findings, GroupCounts, Judgement, Loss, Property, PropertyResult, RecordCounts, Subject,
    Undecided,
};
use ackproof_types::TopicPartition;
use std::fmt;
use std::sync::Arc;

/// A judge of one run.
pub struct Judge {
    properties: Vec<Box<dyn Property>>,
    // Indices into the properties, by kind of event.
    routes: Vec<Vec<u8>>,
    context: Arc<Context>,
    starts: Starts,
    measure: Measure,
    timeline: Timeline,
    story: Option<Story>,
    entries: u64,
    /// By kind of event: whether it happened.
    seen: Vec<bool>,
    deposed: Deposed,
    effects: Effects,
    outputs: Outputs,
    load: Option<Load>,
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge").field("entries", &self.entries).finish_non_exhaustive()
    }
}

impl Judge {
    /// A judge that has seen nothing.
    #[must_use]
    pub fn new(context: Arc<Context>) -> Self {
        let mut routes = vec![Vec::new(); Kind::ALL.len()];
        let mut properties = Vec::new();
        for (index, (events, property)) in (0_u8..).zip(registry::routed(&context)) {
            for kind in events {
                routes[*kind as usize].push(index);
            }
            properties.push(property);
        }
        let (measure, timeline) =
            (Measure::new(Arc::clone(&context)), Timeline::new(Arc::clone(&context)));
        Self {
            properties,
            routes,
            context: Arc::clone(&context),
            starts: Starts::default(),
            measure,
            timeline,
            story: None,
            entries: 0,
            seen: vec![false; Kind::ALL.len()],
            deposed: Deposed::new(Arc::clone(&context)),
            outputs: Outputs::new(&context),
            effects: Effects::new(context),
            load: None,
        }
    }

    /// A judge that also tells the stories of `subjects`, which a judge of the same run found
    /// ([`Findings::subjects`]).
    #[must_use]
    pub fn telling(context: Arc<Context>, subjects: &[Subject]) -> Self {
        let story = Story::new(Arc::clone(&context), subjects);
        Self { story: Some(story), ..Self::new(context) }
    }

    /// The same, which also keeps what went wrong with each record, and why.
    #[must_use]
    pub fn explaining(mut self) -> Self {
        self.measure.explain();
        self
    }

    /// Takes the next entry of the history.
    pub fn observe(&mut self, entry: &Entry) {
        self.entries += 1;
        if self.deposed.sets_aside(&entry.event) {
            return;
        }
        let kind = Kind::of(&entry.event);
        self.seen[kind as usize] = true;
        for &index in &self.routes[kind as usize] {
            self.properties[usize::from(index)].observe(entry);
        }
        self.measure.observe(entry);
        self.effects.observe(entry);
        self.outputs.observe(entry);
        if Timeline::shows(kind) {
            self.timeline.observe(entry);
        }
        if kind == Kind::LogStartMoved
            && let Some((partition, below)) = self.starts.observe(entry, &self.context)
        {
            self.properties.iter_mut().for_each(|property| property.settle(partition, below));
            self.measure.settle(partition, below);
        }
        if kind == Kind::BrokerLoad {
            self.load = Load::with(self.load, entry);
        }
        if let Some(story) = &mut self.story {
            story.observe(entry);
        }
    }

    /// Whether a deposed leader answered the final read of `partition`: of its log nothing is known.
    #[must_use]
    pub fn disbelieves(&self, partition: TopicPartition) -> bool {
        self.deposed.disbelieves(partition)
    }

    /// Concludes after the last entry.
    #[must_use]
    pub fn conclude(self) -> Findings {
        let Counts { mut records, mut groups, witnesses, mut pace, mut told } =
            self.measure.conclude();
        pace.load = self.load;
        let mut properties: Vec<PropertyResult> =
            self.properties.into_iter().map(Property::conclude).collect();
        for (property, needs) in properties.iter_mut().zip(registry::NEEDS) {
            let vacuous = property.judgement == Judgement::Vacuous;
            if vacuous && property.undecided.is_none() && property.unjudged.is_none() {
                property.unjudged = Some(missing(needs, &self.seen));
            }
        }
        if let Some(why) = self.deposed.words() {
            properties
                .iter_mut()
                .zip(registry::NEEDS)
                .for_each(|(one, needs)| doubt(one, needs, &why));
        }
        let (sinks, outputs) = (self.effects.conclude(), self.outputs.conclude());
        for ((group, sink), outputs) in groups.iter_mut().zip(sinks).zip(outputs) {
            (group.sink, group.outputs) = (sink, outputs);
        }
        count_causes(&properties, &mut records, &mut groups);
        // What is in no log any more is not among what was found there.
        for group in &mut groups {
            let gone = [LossCause::Retention, LossCause::TopicDeleted];
            let gone = gone.iter().filter_map(|cause| group.skip_causes.get(cause));
            group.skipped += gone.sum::<u64>();
        }
        for (cause, count) in properties.iter().flat_map(|property| &property.displaced) {
            records.displaced += count;
            let lost = records.loss_causes.get_mut(cause).map(|lost| {
                *lost -= count;
                *lost
            });
            if lost == Some(0) {
                records.loss_causes.remove(cause);
            }
        }
        let mut near = Vec::new();
        for violation in properties.iter_mut().flat_map(|property| &mut property.violations) {
            near.push(violation.since);
            if let (Some(story), Some(subject)) = (&self.story, &violation.subject) {
                violation.story = story.of(subject);
            }
        }
        for duplicate in groups.iter_mut().flat_map(|group| group.first_duplicates.values_mut()) {
            if let Some(story) = &self.story {
                duplicate.story = story.of(&duplicate.subject);
            }
        }
        told.extend(properties.iter_mut().flat_map(|property| std::mem::take(&mut property.told)));
        let (timeline, timeline_omitted) = self.timeline.conclude(&near);
        let entries = self.entries;
        Findings {
            properties,
            records,
            groups,
            witnesses,
            told,
            pace,
            timeline,
            timeline_omitted,
            entries,
        }
    }
}

/// Counts why properties are violated with what it happened to.
fn count_causes(
    properties: &[PropertyResult],
    records: &mut RecordCounts,
    groups: &mut [GroupCounts],
) {
    for (&(loss, cause), count) in properties.iter().flat_map(|property| &property.causes) {
        let counts = match loss {
            Loss::Record => &mut records.loss_causes,
            Loss::RecordOf(group) => &mut groups[group.index()].skip_causes,
            Loss::CommitOf(group) => &mut groups[group.index()].commit_loss_causes,
            Loss::PassedBy(_) => continue,
            Loss::OutputOf(group) => {
                &mut groups[group.index()].outputs.get_or_insert_default().loss_causes
            }
        };
        *counts.entry(cause).or_default() += count;
    }
    for (&(group, cause), count) in properties.iter().flat_map(|one| &one.sink_causes) {
        if let Some(sink) = &mut groups[group.index()].sink {
            *sink.causes.entry(cause).or_default() += count;
        }
    }
}

/// A final read was set aside: what rests on final reads alone is undecided unless it is violated.
fn doubt(property: &mut PropertyResult, needs: &[Kind], why: &str) {
    let needs = |kind| needs.contains(&kind);
    if !needs(Kind::FinalRead) && !needs(Kind::FinalReadDone) {
        return;
    }
    property.unjudged = Some(why.to_owned());
    if property.judgement != Judgement::Violated && !needs(Kind::Polled) {
        property.judgement = Judgement::Vacuous;
        property.undecided = Some(Undecided { why: why.to_owned(), settle: None });
    }
}

/// Why a property that needs these kinds judged nothing.
fn missing(needs: &[Kind], seen: &[bool]) -> String {
    let missing = needs.iter().filter(|kind| !seen[**kind as usize]).map(|kind| kind.name());
    let missing: Vec<&str> = missing.collect();
    if missing.is_empty() {
        "nothing of what it judges happened".to_owned()
    } else {
        format!("the history has no {}", missing.join(" and no "))
    }
}

#[cfg(test)]
mod causes;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Event, Phase};
    use crate::test_history::*;
    use ackproof_types::{BrokerId, LeaderEpoch};

    #[test]
    fn a_small_good_run_is_judged_good() {
        let events = vec![
            phase(Phase::Load),
            sent(0),
            appended(1, 0, 0, &[0]),
            appended(2, 0, 0, &[0]),
            high_watermark(1, 0, 1),
            acked(0, &[0]),
            polled(0, &[0]),
            processed(0, 0),
            commit_sent(1),
            committed(1),
            phase(Phase::Settle),
            phase(Phase::FinalRead),
            final_read(0, &[0]),
            final_done(1),
            phase(Phase::End),
        ];
        let mut judge = Judge::new(Arc::new(context()));
        for entry in entries(events) {
            judge.observe(&entry);
        }
        let findings = judge.conclude();
        for result in &findings.properties {
            assert_ne!(result.judgement, Judgement::Violated, "{result:?}");
        }
        let held = findings.properties.iter().filter(|r| r.judgement == Judgement::Held).count();
        assert_eq!((held, findings.entries, findings.records.acked), (10, 15, 1));
    }

    #[test]
    fn a_final_read_of_a_deposed_leader_judges_nothing() {
        let elected = |epoch, leader| {
            let (isr, unclean) = ([BrokerId(leader)].into(), false);
            let (leader, epoch) = (Some(BrokerId(leader)), LeaderEpoch(epoch));
            (0, Event::LeaderElected { partition: P, leader, epoch, isr, unclean })
        };
        let by = |broker, epoch| {
            let (broker, epoch) = (BrokerId(broker), LeaderEpoch(epoch));
            (0, Event::FinalReadBy { partition: P, broker, epoch })
        };
        // The log of broker-1 ends before the record that broker-2 acknowledged.
        let judged = |answered: Vec<(u16, Event)>| {
            let mut events = vec![elected(0, 1), elected(1, 2), sent(0), acked(0, &[0])];
            events.extend(answered);
            events.push(final_done(0));
            let mut judge = Judge::new(Arc::new(context()));
            entries(events).iter().for_each(|entry| judge.observe(entry));
            judge.conclude()
        };
        let stale = judged(vec![by(1, 0)]);
        let durability = &stale.properties[0];
        assert_eq!(durability.judgement, Judgement::Vacuous);
        let why = "broker-1 answered the final read of payments-0 as leader of epoch 0; it did not know \
                   that broker-2 had been elected in epoch 1";
        assert_eq!(durability.unjudged.as_deref(), Some(why));
        assert_eq!(durability.undecided.as_ref().map(|one| one.why.as_str()), Some(why));
        assert_eq!(stale.records.lost, 0);
        // A log that two answer for is the log of neither.
        let both = judged(vec![by(1, 0), final_read(0, &[1]), by(2, 1)]);
        assert_eq!(both.properties[0].judgement, Judgement::Vacuous);
        // The leader is asked before the reader knows its epoch, or another is asked in time, or it is not
        // on record who was: it is judged.
        for answered in [vec![by(2, 0)], vec![by(1, 0), by(2, 1)], vec![]] {
            assert_eq!(judged(answered).properties[0].judgement, Judgement::Violated);
        }
    }

    #[test]
    fn a_second_pass_tells_the_stories_and_changes_nothing_else() {
        let events =
            || entries(vec![sent(0), appended(1, 0, 0, &[0]), acked(0, &[0]), final_done(0)]);
        let judged = |mut judge: Judge| {
            events().iter().for_each(|entry| judge.observe(entry));
            judge.conclude()
        };
        let first = judged(Judge::new(Arc::new(context())));
        let subjects = first.subjects();
        assert_eq!(subjects.len(), 1);
        let second = judged(Judge::telling(Arc::new(context()), &subjects));
        let (before, after) = (&first.properties[0], &second.properties[0]);
        assert!(before.violations[0].story.is_empty());
        assert_eq!(after.violations[0].story.len(), 3);
        assert_eq!(before.violations[0].summary, after.violations[0].summary);
        assert_eq!(second.records.loss_causes.values().sum::<u64>(), 1);
    }
}
