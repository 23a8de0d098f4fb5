//! What threads tell the thread of the world.

use super::budget::Budget;
use super::order::{Order, Reply};
use super::tape::Tape;
use ackproof_types::BrokerId;
use bytes::Bytes;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// What a thread tells.
pub(super) enum Told {
    Opened(u32, BrokerId, Writer),
    Frame(u32, Bytes),
    Written(u32),
    Closed(u32, bool),
    /// An order, and who waits for what becomes of it.
    Order(Order, Option<Sender<Reply>>),
    /// Somebody wants to see what has come in so far.
    Tape(Sender<Tape>),
    End,
    /// The time is over that the world wanted to wait.
    Alarm,
}

/// The side of a connection that answers go to.
pub(super) struct Writer {
    pub(super) answers: Sender<Bytes>,
    pub(super) stream: TcpStream,
    pub(super) untaken: Arc<Budget>,
}
