//! What is told of a replica that has something wrong.

use super::Wrong;
use crate::context::Context;
use ackproof_types::{NodeId, TopicPartition};

pub(super) fn words(wrong: Wrong, who: NodeId, place: TopicPartition, context: &Context) -> String {
    let (who, place) = (context.node(who), context.partition(place));
    match wrong {
        Wrong::Conflict((offset, committed, found)) => {
            let (found, committed) = (found.words(context), committed.words(context));
            format!(
                "{who} holds {found} at {place} offset {offset}, where {committed} was \
                 committed"
            )
        }
        Wrong::Hole(end, base) => {
            format!("{who} appends at {base} to a log of {place} that ends at {end}")
        }
        Wrong::Acked((offset, committed, acked)) => {
            let (acked, committed) = (acked.record(context), committed.words(context));
            format!(
                "{acked} was acknowledged at {place} offset {offset}, where {committed} was \
                 committed"
            )
        }
        Wrong::Short(end, committed) => format!(
            "{who} is in sync with a log of {place} that ends at {end}, where everything \
             below {committed} was committed"
        ),
    }
}
