//! A scenario's report as cases: one for everything that was expected, with what was found about it. What
//! viewers of tests and code hosts show is made of these. It decides nothing: the reasons did.

use crate::command::Command;
use crate::run::Violation;
use crate::seeds::seeds;
use crate::sweep::{Asked, Incident, PropertySweep, ScenarioReport};
use crate::verdict::{Reason, Verdict};

/// Something that was expected.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    /// What: the name that reasons have for it.
    pub(crate) name: String,
    /// Why it is not met; empty if it is.
    pub(crate) reasons: Vec<&'a Reason>,
    /// The first seed that shows why.
    pub(crate) seed: Option<u64>,
    /// What went wrong there, if a property did.
    pub(crate) first: Option<&'a Violation>,
    /// What is known beyond the reasons, in lines.
    pub(crate) notes: Vec<String>,
    /// Facts by name.
    pub(crate) facts: Vec<(&'static str, String)>,
}

impl Case<'_> {
    /// The worst of its reasons.
    pub(crate) fn verdict(&self) -> Verdict {
        self.reasons.iter().map(|reason| reason.verdict).max().unwrap_or(Verdict::Met)
    }

    /// All reasons in a line.
    pub(crate) fn text(&self) -> String {
        let texts: Vec<&str> = self.reasons.iter().map(|reason| reason.text.as_str()).collect();
        texts.join("; ")
    }

    /// The story, the seeds, the command: what somebody needs who has to mend it.
    pub(crate) fn details(&self, report: &ScenarioReport, asked: &Asked) -> String {
        let mut lines = vec![self.text()];
        lines.extend(self.notes.iter().cloned());
        if let (Some(seed), Some(first)) = (self.seed, self.first) {
            lines.push(format!("seed {seed}: {}", first.summary));
            lines.extend(first.story.iter().map(|line| format!("  {line}")));
        }
        if let Some(seed) = self.seed {
            let (from, to) = (seed, seed.saturating_add(1));
            let Asked { sets, swarm, check_determinism, .. } = asked;
            let (files, swarm) = (&[report.file.as_str()][..], *swarm);
            let check_determinism = *check_determinism;
            let command = Command { files, from, to, sets, swarm, check_determinism, part: None };
            lines.push(command.to_string());
        } else {
            lines.push(report.reproduce.clone());
        }
        lines.join("\n")
    }
}

/// Everything that was expected of a scenario, in a fixed order.
pub(crate) fn cases(report: &ScenarioReport) -> Vec<Case<'_>> {
    let case = |name: &str| Case {
        name: name.to_owned(),
        reasons: report.reasons.iter().filter(|reason| reason.expectation == name).collect(),
        seed: None,
        first: None,
        notes: Vec::new(),
        facts: Vec::new(),
    };
    let mut cases = vec![run(report, case("run"))];
    cases.extend(report.properties.iter().map(|one| property(one, case(&one.name))));
    for limit in &report.limits {
        let seed = limit.outside.first().copied();
        let notes = seed.map(|_| format!("outside in {}", seeds(&limit.outside)));
        let notes = notes.into_iter().collect();
        cases.push(Case { seed, notes, ..case(&limit.measure) });
    }
    for demand in &report.demands {
        let facts = vec![("seeds-with-enough", demand.reached.to_string())];
        cases.push(Case { facts, ..case(&format!("witness.{}", demand.witness)) });
    }
    cases.extend((0..report.faults.len()).map(|entry| case(&format!("faults[{entry}]"))));
    // Whatever else was decided has its case as well.
    for reason in &report.reasons {
        if !cases.iter().any(|case| case.name == reason.expectation) {
            cases.push(case(&reason.expectation));
        }
    }
    cases
}

/// That runs come to an end and are the same when repeated.
fn run<'a>(report: &ScenarioReport, case: Case<'a>) -> Case<'a> {
    let lists = [&report.crashed, &report.nondeterministic, &report.bounded];
    let incidents = || lists.into_iter().flatten();
    let note = |one: &Incident| format!("seed {}: {}", one.seed, one.text);
    let notes = incidents().take(10).map(note).collect();
    Case { seed: incidents().next().map(|one| one.seed), notes, ..case }
}

fn property<'a>(property: &'a PropertySweep, case: Case<'a>) -> Case<'a> {
    let PropertySweep { judged, violated, causes, rate, .. } = property;
    let mut facts = vec![
        ("seeds-judged", judged.to_string()),
        ("seeds-violated", violated.len().to_string()),
        ("expected", property.expected.to_string()),
    ];
    if let Some(rate) = rate {
        facts.push(("rate-low-95", rate.low.to_string()));
        facts.push(("rate-high-95", rate.high.to_string()));
    }
    let mut notes = Vec::new();
    if !violated.is_empty() {
        notes.push(format!("violated in {}", seeds(violated)));
    }
    for cause in causes {
        let (name, about) = (&cause.cause, &cause.about);
        notes.push(format!("{} by {name} in {}: {about}", cause.count, seeds(&cause.seeds)));
    }
    Case { seed: violated.first().copied(), first: property.first.as_ref(), notes, facts, ..case }
}
