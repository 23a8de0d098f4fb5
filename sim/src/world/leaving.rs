//! What leaves the world for clients that no model speaks for. It knows nothing of how they are reached.

use ackproof_kafka::message::Message;
use ackproof_types::NodeId;

/// What leaves the world.
#[derive(Debug)]
pub(crate) enum Leaving {
    /// An answer on a connection from outside.
    Answer(u32, Message),
    /// A connection from outside has ended.
    Ended(u32),
    /// The ports of a process are open from here on, or closed.
    Listens(NodeId, bool),
}
