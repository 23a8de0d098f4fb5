//! What is said of an acknowledged record that is not where it was acknowledged.

use super::Missing;
use crate::cause::LossCause;
use crate::context::Context;
use crate::report::instant;
use ackproof_types::TopicPartition;

pub(super) fn words(
    context: &Context,
    missing: &Missing,
    is_displaced: bool,
    unread: Option<TopicPartition>,
) -> String {
    let Missing { subject, cause, doom, instead, .. } = missing;
    let (name, place) = (context.record(subject.record), context.partition(subject.partition));
    let instead = instead.map_or_else(|| "nothing".to_owned(), |other| context.record(other));
    let elsewhere = match unread {
        Some(place) => format!("; it may be in {}, which was not read", context.partition(place)),
        None if is_displaced => "; it is elsewhere in a log".to_owned(),
        None => String::new(),
    };
    let how = doom.map_or_else(String::new, |doom| {
        let (who, at) = (context.node(doom.leader), instant(doom.at));
        match doom.cause {
            LossCause::StaleLeader => {
                format!("; {who} led (epoch {}) when the answer arrived at {at}", doom.epoch)
            }
            _ => format!("; {who} took the lead without it (epoch {}) at {at}", doom.epoch),
        }
    });
    format!(
        "{name} was acknowledged at {place} offset {}, where the log holds {instead} at the end{elsewhere}. \
         {}{how}",
        subject.offset,
        cause.about()
    )
}
