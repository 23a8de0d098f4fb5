//! Everything that the oracle concludes, from one pass over a history. It knows which observer needs
//! which kind of event, and no property.

use crate::context::Context;
use crate::history::Entry;
use crate::kind::Kind;
use crate::measure::{Counts, Measure};
use crate::registry;
use crate::story::Story;
use crate::timeline::Timeline;
use crate::verdict::{Findings, Judgement, Property, PropertyResult, Subject};
use std::fmt;
use std::sync::Arc;

/// A judge of one run.
pub struct Judge {
    properties: Vec<Box<dyn Property>>,
    // Indices into the properties, by kind of event.
    routes: Vec<Vec<u8>>,
    measure: Measure,
    timeline: Timeline,
    story: Option<Story>,
    entries: u64,
    /// By kind of event: whether it happened.
    seen: Vec<bool>,
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
        let (measure, timeline) = (Measure::new(Arc::clone(&context)), Timeline::new(context));
        Self {
            properties,
            routes,
            measure,
            timeline,
            story: None,
            entries: 0,
            seen: vec![false; Kind::ALL.len()],
        }
    }

    /// A judge that also tells the stories of `subjects`, which a judge of the same run found
    /// ([`Findings::subjects`]).
    #[must_use]
    pub fn telling(context: Arc<Context>, subjects: &[Subject]) -> Self {
        let story = Story::new(Arc::clone(&context), subjects);
        Self { story: Some(story), ..Self::new(context) }
    }

    /// Takes the next entry of the history.
    pub fn observe(&mut self, entry: &Entry) {
        self.entries += 1;
        let kind = Kind::of(&entry.event);
        self.seen[kind as usize] = true;
        for &index in &self.routes[kind as usize] {
            self.properties[usize::from(index)].observe(entry);
        }
        self.measure.observe(entry);
        if Timeline::shows(kind) {
            self.timeline.observe(entry);
        }
        if let Some(story) = &mut self.story {
            story.observe(entry);
        }
    }

    /// Concludes after the last entry.
    #[must_use]
    pub fn conclude(self) -> Findings {
        let Counts { mut records, mut groups, witnesses, pace } = self.measure.conclude();
        let mut properties: Vec<PropertyResult> =
            self.properties.into_iter().map(Property::conclude).collect();
        for (property, needs) in properties.iter_mut().zip(registry::NEEDS) {
            let vacuous = property.judgement == Judgement::Vacuous;
            if vacuous && property.undecided.is_none() && property.unjudged.is_none() {
                property.unjudged = Some(missing(needs, &self.seen));
            }
        }
        let causes = properties.iter().flat_map(|property| &property.causes);
        for (&(group, cause), count) in causes {
            let counts = match group {
                None => &mut records.loss_causes,
                Some(group) => &mut groups[group.index()].skip_causes,
            };
            *counts.entry(cause).or_default() += count;
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
        let (timeline, timeline_omitted) = self.timeline.conclude(&near);
        let entries = self.entries;
        Findings {
            properties,
            records,
            groups,
            witnesses,
            pace,
            timeline,
            timeline_omitted,
            entries,
        }
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
mod tests {
    use super::*;
    use crate::history::Phase;
    use crate::test_history::*;

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
