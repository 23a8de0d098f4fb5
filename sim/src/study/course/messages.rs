//! Requests with their answers, in columns of small numbers. If there are too many, what polls and went well goes,
//! unless a fault is near.

use super::Places;
use crate::world::post::{About, Letter};
use ackproof_reports::page::course::{Course, Messages};
use ackproof_types::words::plural;
use std::collections::BTreeMap;

/// More requests make a page that is slow to open.
const MOST: usize = 20_000;
/// So near to a fault everything is kept, in microseconds.
const NEAR: u64 = 1_000_000;
/// What clients ask again and again, whether something happens or not.
const POLLS: &[&str] =
    &["Fetch", "Heartbeat", "BrokerHeartbeat", "ConsumerGroupHeartbeat", "Metadata"];

pub(super) fn conclude(mut letters: Vec<Letter>, course: &mut Course, places: &Places) {
    let all = letters.len();
    if all > MOST {
        let edges = course.faults.iter().flat_map(|fault| [fault.from, fault.to]);
        let edges: Vec<u64> = edges.collect();
        let is_near = |at: u64| edges.iter().any(|edge| edge.abs_diff(at) <= NEAR);
        letters.retain(|one| !POLLS.contains(&one.api) || went_wrong(one) || is_near(one.sent));
        if letters.len() < all {
            let what = plural((all - letters.len()) as u64, "request");
            let polls = POLLS.join(", ");
            let text = format!("{what} that went well, further than 1 s from a fault: of {polls}");
            course.left_out.push(text);
        }
    }
    if letters.len() > MOST {
        let (more, last) = (letters.len() - MOST, letters[MOST - 1].sent / 1_000_000);
        let what = plural(more as u64, "more request");
        course.left_out.push(format!("{what}, all that were sent later than {last} s"));
        letters.truncate(MOST);
    }
    course.messages = columns(&letters, places);
    course.messages.polls = POLLS;
}

/// Something did not arrive, or was refused.
fn went_wrong(letter: &Letter) -> bool {
    letter.error.is_some() || (letter.is_asked && letter.received.is_none())
}

fn columns(letters: &[Letter], places: &Places) -> Messages {
    let mut columns = Messages::default();
    let (mut apis, mut errors) = (BTreeMap::new(), BTreeMap::new());
    let mut last = 0;
    for one in letters {
        let next = columns.apis.len();
        let api = *apis.entry(one.api).or_insert_with(|| {
            columns.apis.push(one.api);
            u8::try_from(next).unwrap_or(u8::MAX)
        });
        let error = one.error.map_or(-1, |error| {
            let next = columns.errors.len();
            *errors.entry(error).or_insert_with(|| {
                columns.errors.push(error.name());
                i32::try_from(next).unwrap_or(-1)
            })
        });
        columns.step.push(one.sent - last);
        last = one.sent;
        columns.api.push(api);
        columns.client.push(one.client.0);
        columns.server.push(one.server.0);
        columns.about.push(match one.about {
            About::Partition(partition) => {
                places.get(&partition).map_or(-1, |place| i32::try_from(*place).unwrap_or(-1))
            }
            About::Group(group) => -2 - i32::from(group.0),
            About::Nothing => -1,
        });
        let took = |from: Option<u64>, to: Option<u64>| {
            let took = from.zip(to).map(|(from, to)| to.saturating_sub(from));
            took.and_then(|took| i64::try_from(took).ok()).unwrap_or(-1)
        };
        columns.arrived.push(took(Some(one.sent), one.arrived));
        columns.answered.push(if one.is_asked { took(one.arrived, one.answered) } else { -2 });
        columns.received.push(took(one.answered, one.received));
        columns.error.push(error);
    }
    columns
}
