//! What the sockets of a connection hold, for an opener that wants to know when its own has taken what it sent.
//!
//! A socket takes what fits into its buffer. What the other side has not taken, for a cut, a slow link or a
//! process that does not read, stays there; only what is read makes room. Bytes are counted as they are on the
//! wire. Whoever does not ask is not bounded: its requests wait for answers, and are few.

use super::{Connection, Network, Packet, Way};
use crate::world::events::{Due, Events};
use ackproof_kafka::machine::ConnectionId;

/// What the sockets of a process hold, in bytes and each way of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Buffers {
    /// `SO_SNDBUF`.
    pub(crate) send: u64,
    /// `SO_RCVBUF`.
    pub(crate) receive: u64,
}

impl Way {
    fn bytes(&self) -> u64 {
        self.in_flight.iter().chain(&self.stalled).map(Packet::wire_bytes).sum()
    }
}

impl Connection {
    /// Whether the opener's socket has taken all that was sent: what it cannot hold is with the acceptor. A
    /// message goes whole, so one that is larger than the buffer is taken when it has gone.
    fn has_taken_all(&self, send: u64, receive: u64) -> bool {
        let unread: u64 = self.backlog.iter().map(|message| message.wire_bytes()).sum();
        self.to_acceptor.bytes() + unread.saturating_sub(receive) <= send
    }

    /// The opener lets go: what its socket has not taken was never sent.
    pub(super) fn drop_unsent(&mut self) {
        if !std::mem::take(&mut self.is_awaited) {
            return;
        }
        let way = &mut self.to_acceptor;
        if way.stalled.pop_back().is_none() && way.in_flight.pop_back().is_none() {
            self.backlog.pop_back();
        }
    }
}

impl Network {
    /// The opener of a connection waits until its socket has taken all that it sent: a
    /// [`Due::SendCompleted`].
    pub(crate) fn await_send(&mut self, id: ConnectionId, events: &mut Events) {
        if let Some(connection) = self.get(id) {
            connection.is_awaited = true;
            self.made_room(id, events);
        }
    }

    /// The acceptor has taken something of what was sent.
    pub(crate) fn made_room(&mut self, id: ConnectionId, events: &mut Events) {
        let Some(connection) = self.get(id).filter(|connection| connection.is_awaited) else {
            return;
        };
        let (opener, acceptor) = (connection.opener.index(), connection.acceptor.index());
        let (send, receive) = (self.buffers[opener].send, self.buffers[acceptor].receive);
        if let Some(connection) = self.get(id)
            && connection.has_taken_all(send, receive)
        {
            connection.is_awaited = false;
            events.push(events.now(), Due::SendCompleted(id));
        }
    }
}
