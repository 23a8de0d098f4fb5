//! Why nothing is left of what a group made of a record. It judges nothing.

use super::{Fate, Input, Moment, Output};
use crate::cause::LossCause;
use crate::commits::{Attempt, CommitEnd, committed_early};
use crate::context::{Context, Word};
use crate::history::PositionSource;
use crate::report::instant;
use ackproof_types::{Acks, Awaits, CommitStrategy, GroupId, Offset, RecordId};
use std::collections::BTreeMap;

/// What is known beside the record.
pub(super) struct Known<'a> {
    pub(super) group: GroupId,
    pub(super) outputs: &'a BTreeMap<RecordId, Output>,
    /// The first commit past the record.
    pub(super) passing: Option<(Offset, Moment, Attempt)>,
    /// How a member began behind the record before that, if not at a commit.
    pub(super) begins: Option<PositionSource>,
}

/// The cause, and the words for it.
pub(super) fn explain(context: &Context, input: &Input, known: &Known<'_>) -> (LossCause, String) {
    let with_fate = |id: &RecordId| known.outputs.get(id).map(|output| (*id, output));
    let mut made = input.outputs.iter().filter_map(with_fate);
    // The group relied on an acknowledgement, if there was one; else on what it did last.
    let acked = made.clone().find(|(_, output)| output.fate == Fate::Acked);
    let Some((id, output)) = acked.or_else(|| made.next_back()) else {
        return (LossCause::NotOnRecord, LossCause::NotOnRecord.about().to_owned());
    };
    let producer = context.producer(id.producer);
    let dead = context.groups[known.group.index()].outputs.dead_letters;
    let is_dead = dead.is_some_and(|one| one.topic.name() == producer.topic);
    let cause = if is_dead { LossCause::DeadLetterLost } else { told(context, known, id, output) };
    let (what, topic) = (context.record(id), &context.topics[producer.topic.index()].name);
    let made_at = format!(
        "{}: {} sent {what} to {topic} at {}",
        cause.about(),
        context.node(output.derived.node),
        instant(output.derived.at)
    );
    let fate = match output.fate {
        Fate::Acked if producer.acks == Acks::None => "took it for written (acks=0)".to_owned(),
        Fate::Acked => format!("it was acknowledged (acks={})", producer.acks),
        Fate::Failed(failed) => format!("its send failed at {}", instant(failed.at)),
        Fate::Open => "it has no outcome".to_owned(),
    };
    let commit = known.passing.map_or_else(String::new, |(to, sent, _)| {
        format!("; {} committed {to} at {}", context.node(sent.node), instant(sent.at))
    });
    (cause, format!("{made_at}; {fate}{commit}"))
}

/// Why a result is lost.
fn told(context: &Context, known: &Known<'_>, id: RecordId, output: &Output) -> LossCause {
    let producer = context.producer(id.producer);
    let unclean = context.topics[producer.topic.index()].unclean_leader_election;
    match (output.fate, producer.acks) {
        (Fate::Acked, Acks::None) => LossCause::OutputAcksZero,
        (Fate::Acked, Acks::Leader) if !unclean => LossCause::OutputAcksOne,
        (Fate::Acked, Acks::Leader | Acks::All) => LossCause::OutputLost,
        (fate, _) => match (fate, known.passing) {
            (Fate::Failed(failed), Some((_, sent, _))) if failed.seq < sent.seq => {
                LossCause::OutputDropped
            }
            (_, Some((.., attempt))) => {
                known.begins.map_or_else(|| early(context, known, attempt), begun)
            }
            (_, None) => LossCause::NotOnRecord,
        },
    }
}

/// Why the group began behind the record.
const fn begun(source: PositionSource) -> LossCause {
    match source {
        PositionSource::NoCommitLatest => LossCause::ResetLatest,
        PositionSource::NoCommitByDuration => LossCause::ResetByDuration,
        PositionSource::OutOfRangeEarliest
        | PositionSource::OutOfRangeLatest
        | PositionSource::OutOfRangeByDuration => LossCause::OutOfRange,
        PositionSource::Kept => LossCause::TopicRecreated,
        PositionSource::Committed
        | PositionSource::NoCommitEarliest
        | PositionSource::Truncated
        | PositionSource::Sought => LossCause::NotOnRecord,
    }
}

/// Why the group committed before the acknowledgement.
fn early(context: &Context, known: &Known<'_>, attempt: Attempt) -> LossCause {
    let group = &context.groups[known.group.index()];
    let awaits = group.outputs.results.map(|one| one.awaits);
    match group.commit {
        _ if awaits == Some(Awaits::Never) => LossCause::CommittedBeforeAcked,
        Word::Known(
            CommitStrategy::BeforeProcessing
            | CommitStrategy::AutoInBackground
            | CommitStrategy::Auto,
        ) => committed_early(group, attempt, CommitEnd::Last),
        Word::Known(_) | Word::Other(_) => LossCause::CommitPastWork,
    }
}
