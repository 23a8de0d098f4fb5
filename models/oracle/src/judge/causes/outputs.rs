//! What a group made of a record is lost: a history for each cause.

use super::{Events, Told};
use crate::test_history::outputs::{commit, crashed, output_acked, output_failed, pipeline, story};
use ackproof_types::{Acks, Awaits, Offset};

/// The output has this fate, and its input is committed.
fn made(acks: Acks, fate: Events) -> Told {
    let context = pipeline(Awaits::BeforeCommit, acks);
    Told { context, events: story(fate.into_iter().chain(commit()).collect(), &[]) }
}

pub(super) fn acked(acks: Acks) -> Told {
    let base = if acks == Acks::None { Offset::UNKNOWN.0 } else { 0 };
    made(acks, vec![output_acked(base, &[0])])
}

pub(super) fn dropped() -> Told {
    made(Acks::All, vec![output_failed(&[0])])
}

/// Its member ends behind the commit.
pub(super) fn not_awaited() -> Told {
    let context = pipeline(Awaits::Never, Acks::All);
    let then = commit().into_iter().chain([crashed()]).collect();
    Told { context, events: story(then, &[]) }
}

/// The same of a record that was put aside.
pub(super) fn dead_letter() -> Told {
    let mut told = not_awaited();
    let outputs = &mut told.context.groups[0].outputs;
    outputs.dead_letters = outputs.results.take();
    told
}
