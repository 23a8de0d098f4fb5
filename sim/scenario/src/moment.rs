//! Moments at which a fault does more harm than at others: something has begun that is not done. A fault that is
//! aimed at one strikes where it happens. Whoever runs the plan finds out when a moment comes.

use crate::durations;
use crate::json::{Span, Value};
use crate::sink::{At, Sink};
use ackproof_types::{Delay, Micros};

/// Who has to do with a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Its {
    /// The broker at which it comes.
    Broker,
    /// Whoever leads its partition.
    Leader,
    /// A follower in the in-sync set of its partition, drawn.
    Follower,
    /// A replica of its partition that is not in the in-sync set, drawn.
    Laggard,
    /// The controller that has voted.
    Voter,
    /// The controller that it has voted for.
    Candidate,
}

/// What is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// A leader has appended records, and no follower has fetched them.
    Append,
    /// A leader's answer to a follower is on its way, with records.
    FetchAnswer,
    /// A leader has proposed an in-sync set, and the controller has not heard of it.
    IsrChange,
    /// The controller has answered such a proposal, and the leader has not heard of it.
    IsrAnswer,
    /// The controller has elected a leader, and no broker knows it.
    Election,
    /// A broker has learned that it leads, and has appended nothing.
    Leadership,
    /// A broker has cut its log.
    Truncation,
    /// A commit is in the log of the coordinator, below no high watermark.
    Commit,
    /// A group has a new generation, and its members do not know it.
    Rebalance,
    /// A producer sends a batch again.
    Retry,
    /// A broker is back after a fault, and not yet in every in-sync set.
    Recovery,
    /// Another fault has begun.
    Fault,
    /// Nothing is under way: every broker is back, and in every in-sync set.
    InSync,
    /// A controller has voted for another one, which has not heard of it.
    Vote,
}

/// A moment in words.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Which.
    pub moment: Moment,
    /// Its name in a scenario.
    pub name: &'static str,
    /// What counts the faults that struck at it.
    pub witness: &'static str,
    /// What is under way.
    pub about: &'static str,
}

/// Every moment. All have a partition and a broker, but for a vote, which has a voter and a candidate.
pub const MOMENTS: &[Row] = &[
    Row {
        moment: Moment::Append,
        name: "append",
        witness: "fault_at_append",
        about: "a leader has appended records that no follower has fetched",
    },
    Row {
        moment: Moment::FetchAnswer,
        name: "fetch-answer",
        witness: "fault_at_fetch_answer",
        about: "records are on their way from a leader to a follower",
    },
    Row {
        moment: Moment::IsrChange,
        name: "isr-change",
        witness: "fault_at_isr_change",
        about: "a leader has proposed an in-sync set, and the controller has not heard of it",
    },
    Row {
        moment: Moment::IsrAnswer,
        name: "isr-answer",
        witness: "fault_at_isr_answer",
        about: "the controller has decided on a proposed in-sync set, and the leader has not heard of it",
    },
    Row {
        moment: Moment::Election,
        name: "election",
        witness: "fault_at_election",
        about: "the controller has elected a leader, and no broker knows it",
    },
    Row {
        moment: Moment::Leadership,
        name: "leadership",
        witness: "fault_at_leadership",
        about: "a broker has just learned that it leads a partition",
    },
    Row {
        moment: Moment::Truncation,
        name: "truncation",
        witness: "fault_at_truncation",
        about: "a broker has just cut its log",
    },
    Row {
        moment: Moment::Commit,
        name: "commit",
        witness: "fault_at_commit",
        about: "a commit is in the log of its coordinator, and waits for the high watermark",
    },
    Row {
        moment: Moment::Rebalance,
        name: "rebalance",
        witness: "fault_at_rebalance",
        about: "a group has a new generation that its members do not know; its partition is one of __consumer_offsets",
    },
    Row {
        moment: Moment::Retry,
        name: "retry",
        witness: "fault_at_retry",
        about: "a producer sends a batch again",
    },
    Row {
        moment: Moment::Recovery,
        name: "recovery",
        witness: "fault_at_recovery",
        about: "a broker is back after a fault, and not yet in every in-sync set",
    },
    Row {
        moment: Moment::Fault,
        name: "fault",
        witness: "fault_at_fault",
        about: "another fault has begun at a broker",
    },
    Row {
        moment: Moment::InSync,
        name: "in-sync",
        witness: "fault_at_in_sync",
        about: "every broker is up, unfenced, and in every in-sync set; this moment lasts",
    },
    Row {
        moment: Moment::Vote,
        name: "vote",
        witness: "fault_at_vote",
        about: "a controller has voted for another one, which has not heard of it; it has \"its voter\" and \"its candidate\"",
    },
];

/// What a fault of no moment is aimed at, beside those that are.
pub(crate) const ANY_TIME: &str = "any-time";

impl Moment {
    /// It in words.
    ///
    /// # Panics
    /// Never: every moment is in the table.
    #[must_use]
    pub fn row(self) -> &'static Row {
        let found = MOMENTS.iter().find(|row| row.moment == self);
        found.expect("every moment is in the table")
    }
}

/// A process by what it is to the moment that a fault is aimed at.
pub const ITS: &[(Its, &str)] = &[
    (Its::Broker, "its broker"),
    (Its::Leader, "its leader"),
    (Its::Follower, "its follower"),
    (Its::Laggard, "its laggard"),
    (Its::Voter, "its voter"),
    (Its::Candidate, "its candidate"),
];

impl Its {
    /// Whether it is a controller, of a vote; else it is a broker.
    #[must_use]
    pub fn is_controller(self) -> bool {
        matches!(self, Self::Voter | Self::Candidate)
    }

    /// Whether a moment of `aim` has it.
    pub(crate) fn is_at(self, aim: &Aim) -> bool {
        let mut moments = aim.moments.iter();
        moments.any(|(_, moment)| (*moment == Some(Moment::Vote)) == self.is_controller())
    }

    /// As a scenario names it.
    #[must_use]
    pub fn words(self) -> &'static str {
        ITS.iter().find(|(one, _)| *one == self).map_or("", |(_, words)| words)
    }
}

/// Names for `on`.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    MOMENTS.iter().map(|row| row.name).chain([ANY_TIME])
}

/// What a fault is aimed at: one of these by weight each time; none strikes at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aim {
    /// Weights.
    pub moments: Vec<(u32, Option<Moment>)>,
    /// How much later it strikes than the moment, or than it is due if it waits for none.
    pub plus: Delay,
    /// When it gives up; none: when the next one of its entry is due, or with the load.
    pub until: Option<Micros>,
}

/// Largest weight of a moment.
const MAX_WEIGHT: i64 = 1_000_000;

/// What the fault at `at` is aimed at, by its keys `on`, `plus` and `until`.
pub(crate) fn read(sink: &mut Sink<'_>, at: &At<'_>) -> Option<Aim> {
    let on = at.get("on");
    let later = at.get("until");
    if let Some(child) = later.as_ref().filter(|_| on.is_none() || at.get("at").is_none()) {
        sink.error(child.key_span, &child.path, "\"until\" goes with \"on\" and \"at\" only");
    }
    let on = on?;
    if at.get("after").is_some() {
        let message = "\"on\" goes with \"at\" or \"between\"; \"after\" is a moment by itself";
        sink.error(on.key_span, &on.path, message);
        return None;
    }
    let moments = match &on.node.value {
        Value::Object(_) => {
            on.children().into_iter().map(|(name, child)| weighted(sink, name, &child)).collect()
        }
        _ => {
            let name = sink.string(&on)?;
            named(sink, name, &on, on.node.span).map(|moment| vec![(1, moment)])
        }
    };
    let moments: Vec<(u32, Option<Moment>)> = moments?;
    if moments.iter().all(|(weight, _)| *weight == 0) {
        sink.at(&on, "every weight is 0: one moment must be possible");
        return None;
    }
    let plus = at.get("plus").map_or(Some(Delay::exactly(Micros::ZERO)), |at| sink.delay(&at));
    let until = later.as_ref().and_then(|at| sink.duration(at));
    let begins = at.get("at").and_then(|at| durations::duration(at.node.as_str()?).ok());
    if let (Some(later), Some(until), Some(begins)) = (&later, until, begins)
        && until <= begins
    {
        sink.at(later, "it gives up before it waits: \"until\" is later than \"at\"");
    }
    Some(Aim { moments, plus: plus?, until })
}

fn weighted(sink: &mut Sink<'_>, name: &str, at: &At<'_>) -> Option<(u32, Option<Moment>)> {
    let moment = named(sink, name, at, at.key_span);
    let weight = sink.whole(at, 0, MAX_WEIGHT)?;
    Some((u32::try_from(weight).ok()?, moment?))
}

fn named(sink: &mut Sink<'_>, name: &str, at: &At<'_>, span: Span) -> Option<Option<Moment>> {
    if name == ANY_TIME {
        return Some(None);
    }
    let found = MOMENTS.iter().find(|row| row.name == name);
    if found.is_none() {
        sink.unknown(span, &at.path, ("moment", name), names());
    }
    found.map(|row| Some(row.moment))
}
