//! `high-watermark`: within one leadership the high watermark never falls, and it never passes that
//! replica's log end. No log begins above it, and no replica in sync cuts its log below it.
//!
//! Source: bug corpus §10.2 HwLeLeo. A witness is a high watermark that rose. It does *not* demand monotony
//! over leaderships: a new leader's high watermark is often behind (R2.20). Whether followers have what it
//! covers is asked by `log-matching` and `min-insync-replicas`. Where a
//! follower's log begins is held against the highest high watermark of the partition. Broken on purpose by
//! `delete-past-hw`, and by a leader that truncates while leading. What a replica in sync cuts is held against what
//! the elected leader has committed ([`kept`]): broken on purpose by `trunc-to-hw`.
//!
//! What cannot fool it. *A stale leader* is held against its own log and leadership, not against
//! the next one's. *A late message* can only make it rise. *After a restart* the lead is taken anew, which is
//! on record with the high watermark it begins with.

mod kept;

use crate::context::Context;
use crate::exposed::Exposed;
use crate::gone::Gone;
use crate::history::{Entry, Event};
use crate::kind::Kind;
use crate::places::Places;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{LeaderEpoch, NodeId, Offset, TopicPartition};
use kept::{Cut, Kept};
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] = &[
    Kind::Appended,
    Kind::Truncated,
    Kind::TailLost,
    Kind::HighWatermark,
    Kind::BecameLeader,
    Kind::BecameFollower,
    Kind::LeaderElected,
    Kind::LogStartMoved,
    Kind::IsrChanged,
    Kind::ProcessStarted,
    Kind::LogDeleted,
    Kind::TopicDeleted,
];

/// One replica. Without a known end (no append of it is on record) only monotony is judged.
#[derive(Debug, Default)]
struct Replica {
    end: Option<Offset>,
    /// An append is on record, so that further ones are too.
    appends: bool,
    led: Option<(LeaderEpoch, Offset)>,
}

fn replica(
    replicas: &mut Places<Vec<Replica>>,
    place: TopicPartition,
    node: NodeId,
) -> &mut Replica {
    let replicas = replicas.of(place);
    if replicas.len() <= node.index() {
        replicas.resize_with(node.index() + 1, Replica::default);
    }
    &mut replicas[node.index()]
}

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    gone: Gone,
    context: Arc<Context>,
    replicas: Places<Vec<Replica>>,
    exposed: Places<Exposed>,
    kept: Kept,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            gone: Gone::default(),
            context: Arc::clone(context),
            replicas: Places::default(),
            exposed: Places::default(),
            kept: Kept::default(),
        }
    }

    /// A log begins at `start` from here on.
    fn begin(&mut self, entry: &Entry, place: TopicPartition, start: Offset) {
        let led = replica(&mut self.replicas, place, entry.node).led.map(|(_, high)| high);
        let high = led.or_else(|| self.exposed.of(place).highest());
        let Some(high) = high else { return };
        self.report.judged(1);
        if start > high {
            let context = &self.context;
            self.report.violated(entry, || {
                let (who, place) = (context.node(entry.node), context.partition(place));
                format!(
                    "the log of {place} at {who} begins at {start}, above the high watermark {high}: \
                     what was not committed is deleted"
                )
            });
        }
    }

    fn rise(&mut self, entry: &Entry, place: TopicPartition, epoch: LeaderEpoch, to: Offset) {
        self.report.judged(1);
        self.exposed.of(place).rise(entry.node, to);
        let replica = replica(&mut self.replicas, place, entry.node);
        let before = replica.led.replace((epoch, to));
        let context = &self.context;
        if let Some((_, from)) = before.filter(|(led, from)| *led == epoch && *from > to) {
            self.report.violated(entry, || {
                let (who, place) = (context.node(entry.node), context.partition(place));
                format!(
                    "the high watermark of {place} at {who} fell from {from} to {to} within \
                     epoch {epoch}"
                )
            });
        }
        if let Some(end) = replica.end.filter(|end| replica.appends && *end < to) {
            self.report.violated(entry, || {
                let (who, place) = (context.node(entry.node), context.partition(place));
                format!("the high watermark of {place} at {who} is {to}, past its log end {end}")
            });
        }
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        if self.gone.observe(&entry.event) {
            return;
        }
        if let Some(Cut { partition, from, to, committed }) =
            self.kept.observe(entry, &self.context)
        {
            let context = &self.context;
            self.report.violated(entry, || {
                let (who, place) = (context.node(entry.node), context.partition(partition));
                format!(
                    "{who} is in sync, and cut its log of {place} from {from} to {to}, where everything \
                     below {committed} is committed"
                )
            });
        }
        match &entry.event {
            Event::Appended { partition, next_offset, .. } => {
                let replica = replica(&mut self.replicas, *partition, entry.node);
                replica.end = Some(*next_offset);
                replica.appends = true;
            }
            Event::Truncated { partition, to, .. } | Event::TailLost { partition, to, .. } => {
                replica(&mut self.replicas, *partition, entry.node).end = Some(*to);
            }
            Event::LogDeleted { partition, .. } => {
                *replica(&mut self.replicas, *partition, entry.node) = Replica::default();
            }
            Event::HighWatermark { partition, epoch, offset } => {
                self.rise(entry, *partition, *epoch, *offset);
            }
            Event::BecameLeader { partition, epoch, log_end, high_watermark } => {
                let replica = replica(&mut self.replicas, *partition, entry.node);
                replica.end = Some(*log_end);
                if high_watermark > log_end {
                    let context = &self.context;
                    self.report.violated(entry, || {
                        let (who, place) = (context.node(entry.node), context.partition(*partition));
                        format!(
                            "{who} leads {place} with a high watermark of {high_watermark}, past its \
                             log end {log_end}"
                        )
                    });
                }
                replica.led = Some((*epoch, *high_watermark));
                self.exposed.of(*partition).led(entry.node, *high_watermark);
            }
            Event::BecameFollower { partition, .. } => {
                replica(&mut self.replicas, *partition, entry.node).led = None;
            }
            Event::LeaderElected { partition, leader: Some(leader), .. } => {
                self.exposed.of(*partition).elected(self.context.process(*leader));
            }
            Event::LogStartMoved { partition, to, .. } => self.begin(entry, *partition, *to),
            _ => {}
        }
    }

    fn conclude(self: Box<Self>) -> PropertyResult {
        self.report.finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{Event, StartReason};
    use crate::test_history::*;
    use crate::verdict::Judgement;
    use ackproof_types::{LeaderEpoch, Offset};

    const NAME: &str = "high-watermark";

    #[test]
    fn a_fall_and_a_value_past_the_end_violate() {
        let fall = vec![high_watermark(1, 0, 2), high_watermark(1, 0, 1)];
        assert_eq!(judge(NAME, fall).judgement, Judgement::Violated);
        let past = vec![appended(1, 0, 0, &[0]), high_watermark(1, 0, 2)];
        assert_eq!(judge(NAME, past).judgement, Judgement::Violated);
        let (partition, epoch, log_end) = (P, LeaderEpoch(0), Offset(1));
        let took = Event::BecameLeader { partition, epoch, log_end, high_watermark: Offset(2) };
        assert_eq!(judge(NAME, vec![(1, took)]).judgement, Judgement::Violated);
    }

    fn begins(broker: u16, to: i64) -> (u16, Event) {
        let (partition, from, why) = (P, Offset(0), StartReason::Size);
        (broker, Event::LogStartMoved { partition, from, to: Offset(to), why })
    }

    #[test]
    fn a_log_that_begins_above_what_is_committed_violates() {
        let judged = |broker, to| {
            let events = vec![appended(1, 0, 0, &[0, 1, 2]), high_watermark(1, 0, 2)];
            judge(NAME, [events, vec![begins(broker, to)]].concat()).judgement
        };
        assert_eq!([judged(1, 2), judged(2, 2)], [Judgement::Held, Judgement::Held]);
        assert_eq!([judged(1, 3), judged(2, 3)], [Judgement::Violated, Judgement::Violated]);
        // What a stale leader believes says nothing of the one that leads now.
        let (partition, epoch, leader) = (P, LeaderEpoch(1), None);
        let follows = (1, Event::BecameFollower { partition, epoch, leader });
        let events = vec![high_watermark(1, 0, 2), follows, high_watermark(2, 1, 4), begins(1, 4)];
        assert_eq!(judge(NAME, events).judgement, Judgement::Held);
    }

    #[test]
    fn a_replica_in_sync_that_cuts_what_is_committed_violates() {
        let cut = |node| (node, Event::Truncated { partition: P, from: Offset(2), to: Offset(1) });
        let took = |epoch, log_end| {
            let (partition, epoch) = (P, LeaderEpoch(epoch));
            (
                1,
                Event::BecameLeader {
                    partition,
                    epoch,
                    log_end: Offset(log_end),
                    high_watermark: Offset(0),
                },
            )
        };
        let begin = |isr: &[u16]| vec![elected(1, 0, isr), took(0, 2), high_watermark(1, 0, 2)];
        let judged = |events: &[Vec<(u16, Event)>]| judge(NAME, events.concat()).judgement;
        assert_eq!(judged(&[begin(&[1, 2]), vec![cut(2)]]), Judgement::Violated);
        assert_eq!(judged(&[begin(&[1, 3]), vec![cut(2)]]), Judgement::Held, "out of sync");
        // It finds what it lost with its power.
        let found = vec![(2, Event::ProcessStarted), cut(2)];
        assert_eq!(judged(&[begin(&[1, 2]), found]), Judgement::Held);
        // The next leader has lost it.
        let less = vec![elected(1, 1, &[1, 2]), took(1, 1), cut(2)];
        assert_eq!(judged(&[begin(&[1, 2]), less]), Judgement::Held);
    }

    #[test]
    fn a_new_leadership_may_begin_lower() {
        let events =
            vec![appended(1, 0, 0, &[0, 1]), high_watermark(1, 0, 2), high_watermark(2, 1, 1)];
        assert_eq!(judge(NAME, events).judgement, Judgement::Held);
    }

    #[test]
    fn a_stale_leader_a_late_message_and_a_restart_hold() {
        let took = |epoch, log_end, high_watermark| {
            let (epoch, log_end) = (LeaderEpoch(epoch), Offset(log_end));
            let high_watermark = Offset(high_watermark);
            (1, Event::BecameLeader { partition: P, epoch, log_end, high_watermark })
        };
        let events = vec![
            took(0, 0, 0),
            appended(1, 0, 0, &[0, 1]),
            appended(2, 0, 0, &[0, 1]),
            elected(2, 1, &[2, 3]),
            high_watermark(2, 1, 1),
            // A fetch that was under way reaches the stale leader.
            high_watermark(1, 0, 2),
            // It starts anew, and leads again from what it had written down.
            (1, Event::ProcessStarted),
            took(0, 2, 1),
            high_watermark(1, 0, 2),
        ];
        let result = judge(NAME, events);
        assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 3));
    }

    #[test]
    fn where_no_append_is_on_record_the_end_is_unknown() {
        let (partition, epoch, log_end) = (P, LeaderEpoch(0), Offset(0));
        let took = Event::BecameLeader { partition, epoch, log_end, high_watermark: Offset(0) };
        let result = judge(NAME, vec![(1, took), high_watermark(1, 0, 3)]);
        assert_eq!(result.judgement, Judgement::Held);
    }

    #[test]
    fn without_a_high_watermark_nothing_is_judged() {
        assert_eq!(judge(NAME, vec![appended(1, 0, 0, &[0])]).judgement, Judgement::Vacuous);
    }
}
