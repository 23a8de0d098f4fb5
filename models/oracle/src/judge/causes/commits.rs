//! A commit passes what its group had in hand: a history for each cause.

use super::{Told, committed_past, crashed, skipped};
use crate::history::{Event, PositionSource, ProcessEnd};
use crate::test_history::*;
use ackproof_types::{CommitOffset, Covers, ErrorCode, Offset, OnRecordFailure};

/// A commit failed, and its next attempt covers what a poll returned meanwhile.
pub(super) fn committed_again() -> Told {
    let (error, offsets) = (ErrorCode::NetworkException, [(P, Offset(0))].into());
    let failed = Event::CommitFailed { group: G, offsets, error, maybe_written: true };
    let next = positioned(6, 1, PositionSource::Committed);
    let again = vec![commit_sent(0), polled(0, &[0]), (5, failed), commit_sent(1), committed(1)];
    skipped(("consumer", "auto", "latest"), [again, vec![crashed(5), next]].concat())
}

pub(super) fn by_workers(covers: Covers) -> Told {
    let mut told = committed_past("classic", "async-after-batch");
    told.context.groups[0].consuming.covers = Some(covers);
    told
}

pub(super) fn beyond() -> Told {
    let mut told = committed_past("classic", "sync-after-batch");
    told.context.groups[0].consuming.commit_offset = CommitOffset::Beyond;
    told
}

/// A member commits what a poll returned, and ends in good order.
pub(super) fn closed_after_exception() -> Told {
    let next = positioned(6, 1, PositionSource::Committed);
    let ended = (5, Event::ProcessEnded(ProcessEnd::Clean));
    let events = vec![polled(0, &[0]), commit_sent(1), committed(1), ended, next];
    let mut told = skipped(("classic", "auto", "latest"), events);
    told.context.groups[0].consuming.on_failure = OnRecordFailure::Throw;
    told
}
