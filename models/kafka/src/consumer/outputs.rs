//! What the application sends on: a record for each that it has processed (consume-transform-produce), and one
//! for each that it puts aside. It holds what has no outcome yet, and what the application does once that is
//! known. How a record gets to a broker is its producer's business.

use super::application::{After, Phase, Then};
use super::{Consumer, Out};
use crate::config::OutputConfig;
use crate::observation::Observation;
use ackproof_types::{Awaits, Lane, Offset, Record, RecordId, Timestamp, TopicPartition};

/// What was sent on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Outputs {
    /// For the producers, in order.
    sends: Vec<(Lane, Record)>,
    lines: [Line; Lane::ALL.len()],
}

/// What one producer was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Line {
    /// The number of the next record.
    next: u32,
    /// All below have their outcome.
    settled: u32,
}

impl Consumer {
    /// The next numbers of records, as an earlier life left them.
    pub(crate) fn number_outputs(&mut self, next: [u32; Lane::ALL.len()]) {
        self.outputs.lines = next.map(|next| Line { next, settled: next });
    }

    /// What the producers are to send.
    pub(crate) fn take_outputs(&mut self) -> Vec<(Lane, Record)> {
        std::mem::take(&mut self.outputs.sends)
    }

    /// All records of `lane` below this number have their outcome.
    pub(crate) fn outputs_settled(
        &mut self,
        (lane, below): (Lane, u32),
        now: Timestamp,
        out: &mut Out,
    ) {
        self.outputs.lines[lane as usize].settled = below;
        if let Phase::Flushing(then) = self.application.phase
            && !self.is_awaiting()
        {
            self.go_on(then, out);
            self.drive(now, out);
        }
    }

    fn output(&self, lane: Lane) -> Option<OutputConfig> {
        let outputs = self.config.application.outputs;
        match lane {
            Lane::Results => outputs.results,
            Lane::DeadLetters => outputs.dead_letters,
        }
    }

    /// The application is done with a record, and sends on what it made of it.
    pub(super) fn send_on(
        &mut self,
        lane: Lane,
        (partition, offset): (TopicPartition, Offset),
        record: Record,
        out: &mut Out,
    ) {
        let Some(OutputConfig { producer, .. }) = self.output(lane) else { return };
        let line = &mut self.outputs.lines[lane as usize];
        let id = RecordId { producer, number: line.next };
        line.next += 1;
        let (group, output) = (self.config.group, Record { id, ..record });
        out.observe(Observation::Derived { group, partition, offset, record, output });
        self.outputs.sends.push((lane, output));
    }

    /// Whether something that the application waits for has no outcome.
    fn is_awaiting(&self) -> bool {
        Lane::ALL.iter().any(|&lane| {
            let line = self.outputs.lines[lane as usize];
            let awaits = self.output(lane).is_some_and(|one| one.awaits == Awaits::BeforeCommit);
            awaits && line.settled < line.next
        })
    }

    /// Goes on with `then` once all that is awaited has its outcome (`KafkaProducer#flush`). Whether the poll
    /// loop has something to do.
    pub(super) fn once_settled(&mut self, then: Then, out: &mut Out) -> bool {
        if self.is_awaiting() {
            self.application.phase = Phase::Flushing(then);
            return false;
        }
        self.go_on(then, out)
    }

    fn go_on(&mut self, then: Then, out: &mut Out) -> bool {
        match then {
            Then::Record(partition, next) => {
                let patience = self.config.default_api_timeout;
                self.commit_and_wait(vec![(partition, next)], After::Record, patience, out);
            }
            Then::Commit => self.commit_own(After::Record, out),
            Then::Batch => return self.poll_done(out),
            Then::Poll => self.enter_poll(out),
            Then::Close => {
                self.leave_asked();
                self.close(out);
            }
        }
        true
    }

    /// Nothing is settled that was not sent, and who waits does so for something.
    pub(super) fn check_outputs(&self) {
        let mut lines = self.outputs.lines.iter();
        assert!(lines.all(|line| line.settled <= line.next), "settled before it was sent");
        let waits = matches!(self.application.phase, Phase::Flushing(_));
        assert!(!waits || self.is_awaiting(), "nothing to wait for");
    }
}
