//! TCP's retransmission: what becomes of a packet that is lost, in a cut or by chance.
//!
//! A sender does not hear that a link is healed. It sends again what is not acknowledged, at distances that
//! double, and what it sends meanwhile waits behind it: RFC 6298, with Linux's numbers (`include/net/tcp.h`),
//! after the one tail loss probe of RFC 8985, which a lone segment sends as late as the timer would.
//! One timer a way, and nothing else is planned ahead, so that a second cut finds nothing that could pass it.
//! Knows neither how links lose nor how they queue.
//!
//! A handshake's first packet, the SYN, goes again after a second, `net.ipv4.tcp_syn_linear_timeouts` times more at
//! this distance, and then at distances that double. Linux 6.5 and later have 4 there, so that it goes after 1,
//! 2, 3, 4, 5, 7, 11 s; older kernels, as with 0, after 1, 3, 7, 15 s (`tcp_retransmit_timer`). Linux 6.18 was seen
//! to do so, each up to 4 % later.
//!
//! Left out: what is faster than the timer (fast retransmit, a probe with more in flight), a timer that follows the
//! measured round trip, acknowledgements that are lost, and that Linux gives up after a quarter of an hour.

use super::link::Links;
use super::{Network, Way};
use crate::world::events::{Due, Events, Toward};
use ackproof_kafka::machine::ConnectionId;
use ackproof_types::{Delay, Micros, NodeId};

/// First timer of an established connection: `TCP_RTO_MIN` and the round trip, with acknowledgements that come
/// late on purpose. Of 88 connections of a real cluster on one machine 48 had 204 ms, 27 had 208 ms, the others
/// up to 224 ms. So late is the probe too, and the timer starts anew with it.
pub(super) const FIRST: Delay =
    Delay { min: Micros::from_millis(204), max: Micros::from_millis(220) };
/// First timer of a handshake: `TCP_TIMEOUT_INIT`.
const FIRST_OF_HANDSHAKE: u64 = 1_000_000;
/// Connections that take longer are given up by their clients.
const SHOWN_S: u64 = 15;
/// `TCP_RTO_MAX`.
const LONGEST: u64 = 120_000_000;

/// How far one way of a connection has come with sending again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Recovery {
    /// What was last sent has passed.
    #[default]
    None,
    /// A packet was lost. Everything waits for a [`Due::Retransmit`]; if that is in vain, so long for the next.
    Blocked(u64),
    /// It has come, and nothing has passed yet.
    Trying(u64),
}

/// How long after a SYN that was lost the next one goes, if so many were lost before it.
fn of_handshake(lost: u32, linear_timeouts: u16) -> u64 {
    let doublings = lost.saturating_sub(u32::from(linear_timeouts));
    FIRST_OF_HANDSHAKE.saturating_mul(1 << doublings.min(7)).min(LONGEST)
}

/// So many seconds after the first a SYN that is lost is sent again, for a quarter of a minute.
pub(crate) fn syn_again_after_s(linear_timeouts: u16) -> Vec<u64> {
    let mut after = 0;
    let distances = (0..).map(|lost| of_handshake(lost, linear_timeouts));
    let times = distances.map(|distance| {
        after += distance;
        after / 1_000_000
    });
    times.take_while(|after| *after <= SHOWN_S).collect()
}

impl Way {
    pub(super) fn is_blocked(&self) -> bool {
        matches!(self.recovery, Recovery::Blocked(_))
    }

    /// What waits on it has not passed: it is tried again by a timer that starts now.
    pub(super) fn block(
        &mut self,
        (id, toward): (ConnectionId, Toward),
        ends: (NodeId, NodeId),
        links: &mut Links,
        events: &mut Events,
    ) {
        let (distance, next) = match self.recovery {
            Recovery::Blocked(_) => return,
            Recovery::None | Recovery::Trying(_) if self.is_first(toward) => {
                let distance = of_handshake(self.lost_syns, links.syn_linear_timeouts);
                self.lost_syns += 1;
                (distance, distance)
            }
            Recovery::None => {
                let first = links.first_timer(ends);
                (first, first)
            }
            Recovery::Trying(distance) => (distance, (distance * 2).min(LONGEST)),
        };
        self.recovery = Recovery::Blocked(next);
        events.push(events.now() + distance, Due::Retransmit(id, toward));
    }
}

impl Network {
    /// The timer of a way has come: all that waits on it is sent again, in order, until one is lost.
    pub(crate) fn retransmit(&mut self, id: ConnectionId, toward: Toward, events: &mut Events) {
        let Some((connection, links)) = self.find(id) else { return };
        let ends = connection.ends(toward);
        let way = connection.way(toward);
        // Otherwise its opener has let go of the connection since.
        let Recovery::Blocked(next) = way.recovery else { return };
        way.recovery = Recovery::Trying(next);
        let waiting = way.stalled.len();
        if waiting == 0 && way.is_first(toward) {
            // Its opener has nothing to say for now; the handshake goes on until the connection is made.
            if links.lose(ends, true) {
                way.block((id, toward), ends, links, events);
            } else {
                way.recovery = Recovery::None;
                way.last = events.now();
            }
            return;
        }
        let has_queue = links.between(ends).has_queue();
        for _ in 0..waiting {
            if has_queue {
                self.queue(ends, (id, toward), events);
            } else {
                self.transmit(id, toward, events);
            }
        }
    }
}
