//! Why a group skipped a record, and what is said of it. It knows what the checker has kept, and judges nothing.

use super::Open;
use super::deleted::Gone;
use super::progress::{Progress, Resumption};
use crate::cause::LossCause;
use crate::commits::{Attempt, CommitEnd, committed_early, given_up};
use crate::context::{Context, GroupContext, Word};
use crate::history::{PositionSource, StartReason};
use crate::report::instant;
use ackproof_types::words::plural;
use ackproof_types::{CommitOffset, GroupId, OffsetReset};

/// The first resumption past the record, and what it tells.
pub(super) fn explain(
    context: &Context,
    open: &Open,
    progress: Option<&Progress>,
) -> (LossCause, Option<Resumption>) {
    let (cause, by) = passed(context, open, progress);
    // A position in another topic of the same name was taken for one in this, directly or by a commit.
    let is_below = progress.is_some_and(|one| open.offset < one.brought);
    let again = open.partition.topic.life() > 0 && is_below;
    match cause {
        LossCause::NeverGiven | LossCause::NotOnRecord if again => (LossCause::TopicRecreated, by),
        _ => (cause, by),
    }
}

fn passed(
    context: &Context,
    open: &Open,
    progress: Option<&Progress>,
) -> (LossCause, Option<Resumption>) {
    let group = &context.groups[open.group.index()];
    // Given again since, it was in hand.
    let was_cut = progress
        .is_some_and(|one| one.cut.contains(open.offset.0) && !one.polled.contains(open.offset.0));
    let passed = progress.and_then(|progress| {
        progress.resumptions.iter().find(|resumption| resumption.until > open.offset)
    });
    let Some(resumption) = passed else {
        let committed = progress.and_then(|one| one.commit).map(|commit| commit.offset);
        let given = progress.is_some_and(|one| one.polled.contains(open.offset.0));
        let past = given && committed.is_some_and(|committed| committed > open.offset);
        if progress.is_some_and(|one| one.given_up.contains(open.offset.0)) {
            return (given_up(group), None);
        }
        let cause = match (past, was_cut) {
            (true, _) => LossCause::CommitPastWork,
            (false, true) => LossCause::LogCut,
            (false, false) => LossCause::NotOnRecord,
        };
        return (cause, None);
    };
    if progress.is_some_and(|one| one.given_up.contains(open.offset.0)) {
        return (given_up(group), Some(*resumption));
    }
    let resets_to = |to| group.reset == Word::Known(to);
    let by_duration = matches!(group.reset, Word::Known(OffsetReset::ByDuration(_)));
    let cause = match resumption.source {
        // A position that the group's setting does not give is the doing of no setting.
        PositionSource::NoCommitLatest if resets_to(OffsetReset::Latest) => {
            to_latest(context, open.group, resumption)
        }
        PositionSource::NoCommitByDuration if by_duration => LossCause::ResetByDuration,
        PositionSource::OutOfRangeByDuration if by_duration => LossCause::OutOfRange,
        PositionSource::OutOfRangeLatest if resets_to(OffsetReset::Latest) => LossCause::OutOfRange,
        PositionSource::OutOfRangeEarliest if resets_to(OffsetReset::Earliest) => {
            LossCause::OutOfRange
        }
        PositionSource::Committed if was_cut && resumption.commit.is_none() => LossCause::LogCut,
        PositionSource::Committed
            if resumption.commit.is_some_and(|one| context.translates(one.node, open.group)) =>
        {
            LossCause::TranslatedTooFar
        }
        PositionSource::Committed if is_beyond(group, open, resumption) => LossCause::CommitBeyond,
        PositionSource::Committed
            if open.offset < resumption.given
                && progress.is_some_and(|one| one.polled.contains(open.offset.0)) =>
        {
            let (attempt, end) = resumption
                .commit
                .map_or((Attempt::First, CommitEnd::Last), |one| (one.attempt, one.end));
            committed_early(group, attempt, end)
        }
        PositionSource::Committed
        | PositionSource::NoCommitEarliest
        | PositionSource::NoCommitLatest
        | PositionSource::NoCommitByDuration
        | PositionSource::OutOfRangeEarliest
        | PositionSource::OutOfRangeLatest
        | PositionSource::OutOfRangeByDuration
        | PositionSource::Truncated
        | PositionSource::Sought
        | PositionSource::Kept => LossCause::NeverGiven,
    };
    (cause, Some(*resumption))
}

/// Why there was no commit, and `auto.offset.reset=latest` decided.
fn to_latest(context: &Context, group: GroupId, by: &Resumption) -> LossCause {
    match (by.is_expired, by.is_added) {
        (true, _) => LossCause::Expired,
        (false, true) => LossCause::PartitionAdded,
        (false, false) if context.stands_for(group).is_some() => LossCause::FailOverReset,
        (false, false) => LossCause::ResetLatest,
    }
}

/// Whether the commit skips just this record (F37).
fn is_beyond(group: &GroupContext, open: &Open, by: &Resumption) -> bool {
    group.consuming.commit_offset == CommitOffset::Beyond
        && by.commit.is_some()
        && by.offset == open.offset + 1
}

/// The words of a violation.
pub(super) fn words(
    context: &Context,
    open: &Open,
    (cause, by): (LossCause, Option<Resumption>),
) -> String {
    let group = &context.groups[open.group.index()];
    let (record, place) = (context.record(open.id), context.partition(open.partition));
    let how = by.map_or_else(String::new, |by| {
        let who = context.node(by.node);
        let committed = by.commit.map_or_else(String::new, |commit| {
            let (who, at) = (context.node(commit.node), instant(commit.at));
            format!("; {who} committed {} at {at}", commit.offset)
        });
        format!("{committed}; {who} went on at {} at {}", by.offset, instant(by.at))
    });
    format!(
        "{} never processed {record} ({place} offset {}). {} (commit strategy {}){how}",
        group.name,
        open.offset,
        cause.about(),
        group.commit
    )
}

/// The words of a record that was deleted before its group had read it.
pub(super) fn deleted_words(
    context: &Context,
    open: &Open,
    gone: &Gone,
    by: Option<Resumption>,
) -> String {
    let group = context.group(open.group);
    let (record, place) = (context.record(open.id), context.partition(open.partition));
    if gone.with_topic {
        let (why, at) = (gone.cause().about(), instant(open.at));
        return format!(
            "{group} never processed {record} ({place} offset {}). {why}, at {at}",
            open.offset
        );
    }
    let why = gone.why.map_or("", StartReason::words);
    let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
    let then = by.map_or_else(String::new, |by| {
        let (who, at, how) = (context.node(by.node), instant(by.at), by.source.words());
        format!("; {who} went on at {} at {at} ({how})", by.offset)
    });
    format!(
        "{group} never processed {record} ({place} offset {}). {}; the log began at {} from {} on{why}{then}",
        open.offset,
        LossCause::Retention.about(),
        gone.start,
        instant(open.at)
    )
}

/// The words of a backlog, whose first record is `first`.
pub(super) fn waiting(context: &Context, group: GroupId, count: u64, first: &Open) -> String {
    let (record, place) = (context.record(first.id), context.partition(first.partition));
    let records = plural(count, "record");
    format!(
        "{} had not come to {records} when the run ended, the first of them {record} ({place} \
         offset {})",
        context.group(group),
        first.offset
    )
}
