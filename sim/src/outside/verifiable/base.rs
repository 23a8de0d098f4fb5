//! A history without clients: what a harness around a cluster knows by itself, which is the whole header,
//! phases, faults, the lives of processes and, if it looked, elections. What the clients' logs tell must not be
//! in it. It knows nothing of the tools.

use ackproof_oracle::context::Context;
use ackproof_oracle::history::{Entry, Event};
use ackproof_oracle::jsonl::{Problem, Reader};
use ackproof_types::Timestamp;
use std::io::BufRead;

/// The harness's own history.
#[derive(Clone, Debug)]
pub struct Base {
    pub(super) context: Context,
    /// Their `at` is the `at_us` of their line.
    pub(super) entries: Vec<Entry>,
}

impl Base {
    /// Reads a history in the format of HISTORY.md.
    ///
    /// # Errors
    /// What is wrong with it, or an event that the logs of clients tell.
    pub fn read(input: impl BufRead) -> Result<Self, Problem> {
        let mut reader = Reader::open(input)?;
        let mut entries = Vec::new();
        // The header is the first line.
        let mut line = 1;
        while let Some(mut entry) = reader.entry()? {
            line += 1;
            if !is_base(&entry.event) {
                let what =
                    "this comes of the clients' logs and of the final read; a base has none of it";
                return Err(Problem { line, column: None, what: what.to_owned(), hint: None });
            }
            let at = reader.origin().unwrap_or(0).saturating_add(entry.at.as_micros());
            entry.at = Timestamp::from_micros(at);
            entries.push(entry);
        }
        Ok(Self { context: Context::clone(reader.context()), entries })
    }

    /// Whether it tells of elections.
    pub(super) fn is_decided(&self) -> bool {
        let decided =
            |event: &Event| matches!(event, Event::LeaderElected { .. } | Event::IsrChanged { .. });
        self.entries.iter().any(|entry| decided(&entry.event))
    }
}

/// Whether a harness knows it by itself. Positions are in no log: a harness may look them up.
const fn is_base(event: &Event) -> bool {
    !matches!(
        event,
        Event::Sent { .. }
            | Event::SendBlocked { .. }
            | Event::Rejected { .. }
            | Event::Acked { .. }
            | Event::Failed { .. }
            | Event::Unsent { .. }
            | Event::Retried { .. }
            | Event::ProducerEpochBumped { .. }
            | Event::Polled { .. }
            | Event::Processed { .. }
            | Event::CommitSent { .. }
            | Event::Committed { .. }
            | Event::CommitFailed { .. }
            | Event::FinalRead { .. }
            | Event::FinalReadDone { .. }
            | Event::FinalReadBy { .. }
            | Event::BrokerLoad { .. }
    )
}
