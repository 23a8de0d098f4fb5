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

    /// The name of its cause, if the oracle names one.
    #[must_use]
    pub fn cause(&self) -> Option<&'static str> {
        self.cause
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
                    && self
                        .cause
                        .is_none_or(|cause| causes.iter().any(|(known, _)| *known == cause))
            }
        }
    }

    /// The same failure, by the cause of which there is most.
    #[must_use]
    pub fn mainly(self, findings: &Findings) -> Self {
        let What::Count(name) = self.what else { return self };
        let most = causes(findings, name).into_iter().rev().max_by_key(|(_, count)| *count);
        Self { cause: most.map(|(cause, _)| cause).or(self.cause), ..self }
    }

    /// Whether a run fails of this, for this cause, whatever else it fails of.
    #[must_use]
    pub fn recurs(&self, findings: &Findings) -> bool {
        Self { violated: findings.properties.iter().map(|one| one.name).collect(), ..self.clone() }
            .is_in(findings)
    }

    /// Whether a run fails of this, a property for whatever cause.
    #[must_use]
    pub fn is_there(&self, findings: &Findings) -> bool {
        match self.what {
            What::Property(name) => is_violated(findings, name),
            What::Count(_) => self.recurs(findings),
        }
    }

    /// Whether `after`, a run that is otherwise as `before`, does without it. A property must not be violated for
    /// any other cause either. A count may have other causes, and may not go over to them.
    #[must_use]
    pub fn is_cured(&self, before: &Findings, after: &Findings) -> bool {
        match self.what {
            What::Property(name) => !is_violated(after, name),
            What::Count(name) => {
                let own = |of| self.cause.map_or(total(of, name), |cause| caused(of, name, cause));
                let gone = own(before);
                own(after) == 0 && total(after, name) + gone.div_ceil(2) <= total(before, name)
            }
        }
    }

    /// Whether a run could fail of it: a property that found nothing to judge could not.
    #[must_use]
    pub fn is_judged(&self, findings: &Findings) -> bool {
        match self.what {
            What::Property(name) => {
                let mut all = findings.properties.iter();
                all.any(|one| one.name == name && one.judgement != Judgement::Vacuous)
            }
            What::Count(_) => true,
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

fn is_violated(findings: &Findings, name: &str) -> bool {
    let mut all = findings.properties.iter();
    all.any(|one| one.name == name && one.judgement == Judgement::Violated)
}

/// As [`count`], of all groups together.
fn total(findings: &Findings, name: &str) -> u64 {
    let groups = findings.groups.iter();
    match name {
        "skipped" => groups.map(|group| group.skipped).sum(),
        "duplicates" => groups.map(|group| group.duplicates).sum(),
        _ => count(findings, name).0,
    }
}

/// How many of them have this cause.
fn caused(findings: &Findings, name: &str, cause: &str) -> u64 {
    let all = causes(findings, name).into_iter();
    all.filter(|(known, _)| *known == cause).map(|(_, count)| count).sum()
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
    (count, causes(findings, name).first().map(|(cause, _)| *cause))
}

fn causes(findings: &Findings, name: &str) -> Vec<(&'static str, u64)> {
    fn named<'c, C: Copy + 'c>(
        of: impl Iterator<Item = (&'c C, &'c u64)>,
        name: fn(&C) -> &'static str,
    ) -> Vec<(&'static str, u64)> {
        of.map(|(cause, count)| (name(cause), *count)).collect()
    }
    let (records, groups) = (&findings.records, &findings.groups);
    match name {
        "lost" => named(records.loss_causes.iter(), |one| one.name()),
        "unknown_absent" => named(records.absent_causes.iter(), SendCause::name),
        "reordered" => named(records.reorder_causes.iter(), |one| one.name()),
        "unknown" => named(records.unknown_causes.iter(), SendCause::name),
        "failed" => named(records.failure_causes.iter(), SendCause::name),
        "log_duplicates" => named(records.log_duplicate_causes.iter(), |one| one.name()),
        "skipped" => named(groups.iter().flat_map(|group| &group.skip_causes), |one| one.name()),
        "duplicates" => {
            named(groups.iter().flat_map(|group| &group.duplicate_causes), |one| one.name())
        }
        _ => Vec::new(),
    }
}
