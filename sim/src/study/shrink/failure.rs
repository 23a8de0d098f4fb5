//! What a run failed of, so that a smaller run can be asked whether it fails of the same: a property or a
//! count, with the first cause that the oracle names. It knows no schedule.

use ackproof_oracle::cause::{DuplicateCause, SendCause};
use ackproof_oracle::registry::PROPERTIES;
use ackproof_oracle::verdict::{Duplicate, Findings, Judgement, PropertyResult, Violation};
use ackproof_scenario::plan::{Expected, Plan};
use std::collections::BTreeSet;
use std::fmt;

/// Counts that a failure can be about: more than none.
pub const COUNTS: &[&str] = &[
    "lost",
    "skipped",
    "backlog",
    "log_duplicates",
    "duplicates",
    "reordered",
    "unknown_absent",
    "unknown",
    "failed",
];

/// What failed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    what: What,
    /// The name of the cause; none where the oracle names none.
    cause: Option<&'static str>,
    /// Every property that the run violates: a smaller one may not violate another.
    violated: BTreeSet<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Property(&'static str),
    Count(&'static str),
}

impl Failure {
    /// The failure called `wanted`, or the one that matters most: a property that is to hold, a limit, a
    /// property that is violated as expected. None: the run does not fail so.
    #[must_use]
    pub fn of(plan: &Plan, findings: &Findings, wanted: Option<&str>) -> Option<Self> {
        let expected = |name: &str| plan.expect.properties.get(name).copied();
        let properties = findings.properties.iter();
        let violated: Vec<&PropertyResult> =
            properties.filter(|one| one.judgement == Judgement::Violated).collect();
        let all: BTreeSet<&'static str> = violated.iter().map(|one| one.name).collect();
        let property = |one: &PropertyResult| Self {
            what: What::Property(one.name),
            cause: one.violations.first().and_then(|first| first.cause).map(|cause| cause.name()),
            violated: all.clone(),
        };
        let count = |name: &'static str| {
            let (count, cause) = count(findings, name);
            (count > 0).then(|| Self { what: What::Count(name), cause, violated: all.clone() })
        };
        if let Some(wanted) = wanted {
            let named = violated.iter().find(|one| one.name == wanted).map(|one| property(one));
            let counted = COUNTS.iter().find(|name| **name == wanted);
            return named.or_else(|| counted.and_then(|name| count(name)));
        }
        let unexpected =
            violated.iter().find(|one| matches!(expected(one.name), None | Some(Expected::Held)));
        let limited = || {
            let limits = plan.expect.limits.iter();
            let names = limits.filter_map(|limit| {
                let name = limit.measure.replace("duplicate_rate", "duplicates");
                COUNTS.iter().find(|known| **known == name)
            });
            names.copied().find_map(count)
        };
        let any = || violated.iter().find(|one| expected(one.name) == Some(Expected::Violated));
        unexpected
            .map(|one| property(one))
            .or_else(|| any().map(|one| property(one)))
            .or_else(limited)
            .or_else(|| violated.first().map(|one| property(one)))
    }

    /// Whether a run failed of this, for this cause, and of nothing else.
    #[must_use]
    pub fn is_in(&self, findings: &Findings) -> bool {
        let violated =
            findings.properties.iter().filter(|one| one.judgement == Judgement::Violated);
        let is_new = |one: &PropertyResult| !self.violated.contains(one.name);
        if violated.into_iter().any(is_new) {
            return false;
        }
        match self.what {
            What::Property(name) => {
                let found = findings.properties.iter().find(|one| one.name == name);
                found.is_some_and(|one| {
                    let is_cause =
                        |cause| one.causes.keys().any(|(_, known)| known.name() == cause);
                    one.judgement == Judgement::Violated && self.cause.is_none_or(is_cause)
                })
            }
            What::Count(name) => {
                let causes = causes(findings, name);
                count(findings, name).0 > 0
                    && self.cause.is_none_or(|cause| causes.contains(&cause))
            }
        }
    }

    /// The violation that shows it best, if it is one of a property.
    #[must_use]
    pub fn violation<'f>(&self, findings: &'f Findings) -> Option<&'f Violation> {
        let is_it = |one: &&Violation| {
            self.cause.is_none() || one.cause.map(|cause| cause.name()) == self.cause
        };
        let of = |name| findings.properties.iter().filter(move |one| one.name == name);
        match self.what {
            What::Property(name) => of(name).flat_map(|one| &one.violations).find(is_it),
            What::Count(_) => None,
        }
    }

    /// The first record that was processed again for its cause, if it is about those.
    #[must_use]
    pub fn duplicate<'f>(&self, findings: &'f Findings) -> Option<(DuplicateCause, &'f Duplicate)> {
        if self.what != What::Count("duplicates") {
            return None;
        }
        let mut all = findings.groups.iter().flat_map(|group| &group.first_duplicates);
        let found = all.find(|(cause, _)| self.cause.is_none_or(|wanted| wanted == cause.name()));
        found.map(|(cause, duplicate)| (*cause, duplicate))
    }

    /// The property, or the count.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.what {
            What::Property(name) | What::Count(name) => name,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.what {
            What::Property(name) => write!(f, "{name} is violated")?,
            What::Count(name) => write!(f, "{name} is above 0")?,
        }
        self.cause.map_or(Ok(()), |cause| write!(f, " ({cause})"))
    }
}

/// Every name that a failure can have.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROPERTIES.iter().map(|property| property.name).chain(COUNTS.iter().copied())
}

fn count(findings: &Findings, name: &str) -> (u64, Option<&'static str>) {
    let records = &findings.records;
    let groups = findings.groups.iter();
    let count = match name {
        "lost" => records.lost,
        "log_duplicates" => records.log_duplicates,
        "unknown" => records.unknown,
        "reordered" => records.reordered,
        "unknown_absent" => records.unknown_absent,
        "failed" => records.failed,
        "skipped" => groups.map(|group| group.skipped).max().unwrap_or(0),
        "backlog" => groups.map(|group| group.backlog).max().unwrap_or(0),
        "duplicates" => groups.map(|group| group.duplicates).max().unwrap_or(0),
        _ => 0,
    };
    (count, causes(findings, name).first().copied())
}

fn causes(findings: &Findings, name: &str) -> Vec<&'static str> {
    let (records, groups) = (&findings.records, &findings.groups);
    match name {
        "lost" => records.loss_causes.keys().map(|cause| cause.name()).collect(),
        "unknown_absent" => records.absent_causes.keys().map(SendCause::name).collect(),
        "reordered" => records.reorder_causes.keys().map(|cause| cause.name()).collect(),
        "unknown" => records.unknown_causes.keys().map(SendCause::name).collect(),
        "failed" => records.failure_causes.keys().map(SendCause::name).collect(),
        "log_duplicates" => records.log_duplicate_causes.keys().map(|cause| cause.name()).collect(),
        "skipped" => {
            let causes = groups.iter().flat_map(|group| group.skip_causes.keys());
            causes.map(|cause| cause.name()).collect()
        }
        "duplicates" => {
            let causes = groups.iter().flat_map(|group| group.duplicate_causes.keys());
            causes.map(|cause| cause.name()).collect()
        }
        _ => Vec::new(),
    }
}
