//! From lines to events. What a judge takes for granted of an event is made sure of here: brokers that
//! append, offsets in order, producers that write to their own topic.

use super::claims::Claims;
use super::lines::{Line, Place};
use super::names::{Found, Mistake, Names};
use crate::context::Context;
use crate::history::Event;
use ackproof_types::{NodeId, Offset, Record};
use std::sync::Arc;

/// What names stand for, and what lines said so far.
#[derive(Debug)]
pub(super) struct Events {
    names: Names,
    claims: Claims,
}

impl Events {
    pub(super) fn new(context: &Arc<Context>) -> Self {
        Self { names: Names::new(context), claims: Claims::default() }
    }

    /// The node and the event of `line`.
    pub(super) fn event(&mut self, line: Line<'_>) -> Found<(NodeId, Event)> {
        let (place, (_, _, node)) = (line.place(), line.head());
        let node = node.map(|name| self.names.node(name)).transpose()?;
        let context = &self.names.context;
        if place == Place::Broker && node.and_then(|node| context.broker(node)).is_none() {
            let what = "this happens at a broker: \"node\":\"broker-1\"".to_owned();
            return Err(Mistake::new(what));
        }
        let event = line.event(&mut self.names)?;
        self.check(&event)?;
        let node = node.or_else(|| self.place_of(place, &event)).ok_or_else(|| {
            Mistake::new("missing field `node`: the process it happened at".to_owned())
        })?;
        let context = &self.names.context;
        let (name, place) = (|id| context.record(id), |at| context.partition(at));
        self.claims.check(node, &event, name, place).map_err(Mistake::new)?;
        Ok((node, event))
    }

    /// Where an event happened whose line does not say it.
    fn place_of(&self, place: Place, event: &Event) -> Option<NodeId> {
        match place {
            Place::Controller => Some(self.names.context.controller()),
            Place::Sender => {
                first(event).map(|record| self.names.context.producer(record.id.producer).node)
            }
            Place::Broker | Place::Process => None,
        }
    }

    /// What an event has to be by itself, and after what was sent.
    fn check(&mut self, event: &Event) -> Found<()> {
        let names = &mut self.names;
        match event {
            Event::Sent { record, partition } => {
                if let Some(partition) = partition {
                    names.written(*partition, [record].into_iter())?;
                }
                names.sent.insert(record.id);
            }
            Event::Rejected { record, .. } => {
                names.sent.insert(record.id);
            }
            Event::Acked { partition, base_offset, records, .. } => {
                names.written(*partition, records.iter())?;
                if *base_offset != Offset::UNKNOWN {
                    names.spans(*partition, *base_offset, records.len())?;
                }
            }
            Event::Failed { partition: Some(partition), records, .. } => {
                names.written(*partition, records.iter())?;
            }
            Event::Polled { partition, base_offset, records, .. }
            | Event::FinalRead { partition, base_offset, records } => {
                names.spans(*partition, *base_offset, records.len())?;
            }
            Event::Processed { partition, offset, .. }
            | Event::GaveUp { partition, offset, .. }
            | Event::Derived { partition, offset, .. }
            | Event::SinkWritten { partition, offset, .. } => {
                names.spans(*partition, *offset, 1)?;
            }
            Event::Appended { partition, base_offset, next_offset, records, .. } => {
                if base_offset.plus(records.len()) > *next_offset {
                    let what = "next_offset is one past the last of the records";
                    return Err(Mistake::new(what.to_owned()));
                }
                let length = usize::try_from(*next_offset - *base_offset).unwrap_or(usize::MAX);
                names.spans(*partition, *base_offset, length)?;
            }
            Event::PartitionsAdded { topic, partitions } => names.grow(*topic, *partitions)?,
            // One that was not there from the start is in the header with its partitions.
            Event::TopicCreated { topic, partitions } if topic.life() > 0 => {
                names.grow(*topic, *partitions)?;
            }
            Event::FinalReadDone { start, end, .. } if start > end => {
                let what = format!("the log starts at {start}, past its end {end}");
                return Err(Mistake::new(what));
            }
            _ => {}
        }
        Ok(())
    }
}

/// The first record that a producer tells of.
fn first(event: &Event) -> Option<&Record> {
    match event {
        Event::SendBlocked { record }
        | Event::Sent { record, .. }
        | Event::Rejected { record, .. }
        | Event::Retried { first: record, .. } => Some(record),
        Event::Acked { records, .. }
        | Event::Failed { records, .. }
        | Event::Unsent { records } => records.first(),
        _ => None,
    }
}
