//! Requests: a slice at the client from the request to its answer, one at the server from what it read to what it
//! answered, and a flow from one to the other.

use super::Nodes;
use super::tracks::{Details, Flows, Known, Stack, Tracks};
use crate::page::course::Course;
use std::collections::BTreeMap;

/// A slice to be: where, from when to when, which request, and how it is told.
struct Span {
    node: usize,
    span: (u64, u64),
    api: &'static str,
    other: usize,
    about: Option<String>,
    outcome: &'static str,
    flows: Flows,
}

/// `first_flow`: no flow from there on is taken.
pub(super) fn write(course: &Course, nodes: &Nodes, first_flow: u64, tracks: &mut Tracks) {
    let all = &course.messages;
    let (mut asked, mut served) = (Vec::new(), Vec::new());
    let mut sent = 0;
    for place in 0..all.step.len() {
        sent += all.step[place];
        let later = |from: Option<u64>, took: i64| {
            from.and_then(|from| Some(from + u64::try_from(took).ok()?))
        };
        let arrived = later(Some(sent), all.arrived[place]);
        let answered = later(arrived, all.answered[place]);
        let received = later(answered, all.received[place]);
        let error = usize::try_from(all.error[place]).ok().map(|error| all.errors[error]);
        let outcome = match (error, all.answered[place], arrived, answered, received) {
            (Some(error), ..) => error,
            (.., None, _, _) => "never arrived",
            (_, -2, ..) => "wants no answer",
            (.., None, _) => "no answer",
            (.., None) => "its answer never arrived",
            (.., Some(_)) => "answered",
        };
        let api = all.apis[usize::from(all.api[place])];
        let (client, server) = (usize::from(all.client[place]), usize::from(all.server[place]));
        let flow = vec![first_flow + place as u64];
        let binds = arrived.is_some();
        let through = if binds { flow.clone() } else { Vec::new() };
        let last = received.or(answered).or(arrived).unwrap_or(sent);
        asked.push(Span {
            node: client,
            span: (sent, last),
            api,
            other: server,
            about: about(course, all.about[place]),
            outcome,
            flows: Flows { through, last: Vec::new() },
        });
        if let Some(arrived) = arrived {
            served.push(Span {
                node: server,
                span: (arrived, answered.unwrap_or(arrived)),
                api,
                other: client,
                about: about(course, all.about[place]),
                outcome,
                flows: Flows { through: Vec::new(), last: flow },
            });
        }
    }
    served.sort_by_key(|one| one.span.0);
    put(course, nodes, ("requests", "to"), asked, tracks);
    put(course, nodes, ("handles", "from"), served, tracks);
}

fn put(
    course: &Course,
    nodes: &Nodes,
    (track, side): (&str, &'static str),
    spans: Vec<Span>,
    tracks: &mut Tracks,
) {
    let mut stacks: BTreeMap<usize, Stack> = BTreeMap::new();
    for one in spans {
        let stack = stacks.entry(one.node).or_default();
        let mut details = vec![
            (side, Known::Text(&course.nodes[one.other].name)),
            ("outcome", Known::Text(one.outcome)),
        ];
        details.extend(one.about.as_ref().map(|about| ("about", Known::Text(about))));
        let details: Details<'_> = &details;
        let what = (one.api, details, one.flows);
        stack.slice(tracks, (Some(nodes[one.node]), track), one.span, what);
    }
}

/// The partition or the group that a request is about.
fn about(course: &Course, place: i32) -> Option<String> {
    match place {
        -1 => None,
        ..-1 => {
            let group = usize::try_from(-2 - place).ok()?;
            course.groups.get(group).map(|name| format!("group {name}"))
        }
        0.. => course.partitions.get(usize::try_from(place).ok()?).cloned(),
    }
}
