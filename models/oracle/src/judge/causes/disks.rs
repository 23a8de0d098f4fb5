//! Logs that brokers come back with: a history for what each loss of their ends is told of.

use super::{Events, alone, crashed, took_lead};
use crate::history::Event;
use crate::test_history::*;
use ackproof_types::{BrokerId, Offset};
use std::sync::Arc;

pub(super) fn unflushed() -> Events {
    let cut = (1, Event::Truncated { partition: P, from: Offset(1), to: Offset(0) });
    vec![(1, Event::ProcessStarted), cut, elected(1, 1, &[1]), took_lead(1, 1, 0)]
}

pub(super) fn damaged() -> Events {
    let (from, to) = (Offset(0), Offset(1));
    let wrong = (1, Event::LogDamaged { partition: P, from, to });
    let cut = (1, Event::Truncated { partition: P, from: to, to: from });
    let start = (1, Event::ProcessStarted);
    vec![crashed(1), wrong, start, cut, elected(1, 1, &[1]), took_lead(1, 1, 0)]
}

/// The topic has three replicas, and the partition one.
pub(super) fn moved() -> Events {
    let replicas = Arc::new([BrokerId(1)]);
    let moved = Event::ReplicasChanged { partition: P, replicas, adding: Arc::new([]) };
    [vec![(0, moved)], alone()].concat()
}
