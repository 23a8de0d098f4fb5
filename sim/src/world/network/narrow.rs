//! Narrow links: what is sent on one waits in one queue, whatever connection it is of, and leaves it no
//! faster than the link's rate.
//!
//! As `tc tbf` does on a real link, but without a burst and without a bound on the queue: nothing is lost in
//! it. A message passes whole. A cut takes the queue back to the senders, and so does the loss of a packet
//! with what its connection has behind it; a link that is wide again lets it go at once. It knows sizes, and
//! nothing else of what travels.

use super::{Network, Packet};
use crate::world::events::{Due, Events, Toward};
use ackproof_kafka::machine::ConnectionId;
use ackproof_types::NodeId;
use std::collections::VecDeque;

/// Payload of a TCP segment: 1500 bytes of Ethernet, less 20 for IP, 20 for TCP and 12 for its timestamps.
const SEGMENT: u64 = 1448;
/// What surrounds it on the wire: these 52 bytes, and 14 of Ethernet's header.
const HEADERS: u64 = 66;

/// The narrow side of a link.
#[derive(Debug, Default)]
pub(super) struct Narrow {
    /// By fault: bytes a second. None: the link is wide.
    rates: Vec<(u32, u64)>,
    /// Whose turn it is; the packets themselves wait with their connections. Those that are gone by then
    /// take no time.
    queue: VecDeque<(ConnectionId, Toward)>,
    /// When the first of the queue has passed.
    departs: Option<u64>,
}

impl Packet {
    /// Bytes on the wire. The end of a connection is an empty segment.
    pub(super) fn wire_bytes(&self) -> u64 {
        let payload = match self {
            Self::Data(message) => message.wire_bytes(),
            Self::End => 0,
        };
        payload + HEADERS * payload.div_ceil(SEGMENT).max(1)
    }
}

impl Narrow {
    pub(super) fn is_wide(&self) -> bool {
        self.rates.is_empty()
    }

    /// The narrowest of all that is in force.
    fn rate(&self) -> Option<u64> {
        self.rates.iter().map(|(_, rate)| *rate).min()
    }

    /// A cut: nobody has a turn any more. Who had one, once for each.
    pub(super) fn scatter(&mut self) -> VecDeque<(ConnectionId, Toward)> {
        self.departs = None;
        std::mem::take(&mut self.queue)
    }

    /// A way that is blocked has no turn. Nothing of it is passing just now: it is blocked by a packet that
    /// has left the queue.
    pub(super) fn forfeit(&mut self, whose: (ConnectionId, Toward)) {
        self.queue.retain(|other| *other != whose);
    }
}

impl Network {
    /// Lets no more than `rate` bytes a second through, for `fault`.
    pub(crate) fn throttle(&mut self, fault: u32, from: NodeId, to: NodeId, rate: u64) {
        self.link(from, to).narrow.rates.push((fault, rate));
    }

    /// Ends that; what waited goes at once if the link is wide now.
    pub(crate) fn widen(&mut self, fault: u32, from: NodeId, to: NodeId, events: &mut Events) {
        let narrow = &mut self.link(from, to).narrow;
        narrow.rates.retain(|(owner, _)| *owner != fault);
        if !narrow.is_wide() {
            return;
        }
        narrow.departs = None;
        for (id, toward) in std::mem::take(&mut narrow.queue) {
            self.transmit(id, toward, events);
        }
    }

    /// A packet that waits with its connection has its turn after all others of the link.
    pub(super) fn queue(
        &mut self,
        (from, to): (NodeId, NodeId),
        whose: (ConnectionId, Toward),
        events: &mut Events,
    ) {
        let narrow = &mut self.link(from, to).narrow;
        narrow.queue.push_back(whose);
        if narrow.departs.is_none() {
            self.begin(from, to, events);
        }
    }

    /// The first of the queue begins to pass.
    fn begin(&mut self, from: NodeId, to: NodeId, events: &mut Events) {
        loop {
            let narrow = &self.link(from, to).narrow;
            let (Some(rate), Some((id, toward))) = (narrow.rate(), narrow.queue.front().copied())
            else {
                return;
            };
            let waiting = self.get(id).and_then(|one| one.way(toward).stalled.front());
            let bytes = waiting.map(Packet::wire_bytes);
            let narrow = &mut self.link(from, to).narrow;
            let Some(bytes) = bytes else {
                narrow.queue.pop_front();
                continue;
            };
            let departs = events.now() + bytes.saturating_mul(1_000_000).div_ceil(rate);
            narrow.departs = Some(departs);
            events.push(departs, Due::Departure(from, to));
            return;
        }
    }

    /// The first of the queue has passed, unless a cut or the end of the fault came before.
    pub(crate) fn depart(&mut self, from: NodeId, to: NodeId, events: &mut Events) {
        let narrow = &mut self.link(from, to).narrow;
        if narrow.departs != Some(events.now()) {
            return;
        }
        narrow.departs = None;
        if let Some((id, toward)) = narrow.queue.pop_front() {
            self.transmit(id, toward, events);
        }
        self.begin(from, to, events);
    }
}
