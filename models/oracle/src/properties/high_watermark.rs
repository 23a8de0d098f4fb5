//! `high-watermark`: within one leadership the high watermark never falls, and it never passes that
//! replica's log end.
//!
//! Source: bug corpus §10.2 HwLeLeo. A witness is a high watermark that rose. It does *not* demand monotony
//! over leaderships: a new leader's high watermark is often behind (R2.20). Whether followers have what it
//! covers is asked by `log-matching` and `min-insync-replicas`. Broken on purpose by a leader that truncates
//! while leading.
//!
//! What cannot fool it. *A stale leader* is held against its own log and leadership, not against
//! the next one's. *A late message* can only make it rise. *After a restart* the lead is taken anew, which is
//! on record with the high watermark it begins with.

use crate::context::Context;
use crate::history::{Entry, Event};
use crate::kind::Kind;
use crate::places::Places;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{LeaderEpoch, NodeId, Offset, TopicPartition};
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] =
    &[Kind::Appended, Kind::Truncated, Kind::TailLost, Kind::HighWatermark, Kind::BecameLeader];

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
    context: Arc<Context>,
    replicas: Places<Vec<Replica>>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            replicas: Places::default(),
        }
    }

    fn rise(&mut self, entry: &Entry, place: TopicPartition, epoch: LeaderEpoch, to: Offset) {
        self.report.judged(1);
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
        match &entry.event {
            Event::Appended { partition, next_offset, .. } => {
                let replica = replica(&mut self.replicas, *partition, entry.node);
                replica.end = Some(*next_offset);
                replica.appends = true;
            }
            Event::Truncated { partition, to, .. } | Event::TailLost { partition, to, .. } => {
                replica(&mut self.replicas, *partition, entry.node).end = Some(*to);
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
            }
            _ => {}
        }
    }

    fn conclude(self: Box<Self>) -> PropertyResult {
        self.report.finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::history::Event;
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
