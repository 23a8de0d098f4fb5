//! What is done to a process: to a broker and a controller together where they are one
//! (`process.roles=broker,controller`), a controller first. To each of them it is done in `lives.rs`.

use super::World;
use ackproof_oracle::history::{ProcessEnd, TailLoss};
use ackproof_types::{KafkaVersion, NodeId};

impl World {
    /// Those that are one process with `node`: a controller first.
    fn whole(&self, node: NodeId) -> impl Iterator<Item = NodeId> + use<> {
        let companion = self.companions.get(&node).copied();
        let first = companion.filter(|one| *one < node);
        let last = companion.filter(|one| *one > node);
        first.into_iter().chain([node]).chain(last)
    }

    /// From its next start on the process is that of another line of Kafka.
    pub(crate) fn install(&mut self, node: NodeId, line: KafkaVersion) {
        for one in self.whole(node) {
            self.slots[one.index()].process.install(line);
        }
    }

    /// Starts the process at `node` again, unless it is there or its work is done: it is ready after its
    /// start-up.
    pub(crate) fn start(&mut self, node: NodeId) {
        for one in self.whole(node) {
            self.start_one(one);
        }
    }

    /// Kills the process at `node`; its disk stays.
    pub(crate) fn kill(&mut self, node: NodeId) {
        for one in self.whole(node) {
            self.end(one, ProcessEnd::Crash);
        }
    }

    /// Kills the process at `node`, which has not stopped within its grace.
    pub(crate) fn lose_patience(&mut self, node: NodeId) {
        for one in self.whole(node) {
            self.end(one, ProcessEnd::Killed);
        }
    }

    /// Takes the power of the machine of the process at `node`, or its disk.
    pub(crate) fn lose(&mut self, node: NodeId, how: TailLoss) {
        for one in self.whole(node) {
            self.lose_one(one, how);
        }
    }

    /// Stops the process at `node` in good order. One that is starting has nothing to put in order, nor has a
    /// producer: it ends at once.
    pub(crate) fn stop(&mut self, node: NodeId) {
        // What is one process with it stops after it.
        let broker = self.whole(node).filter(|one| self.is_up(*one)).last();
        self.stop_one(broker.unwrap_or(node));
    }

    /// Resets the connections of a process that goes on.
    pub(crate) fn reset(&mut self, node: NodeId) {
        for one in self.whole(node) {
            self.reset_one(one);
        }
    }

    /// Freezes a process.
    pub(crate) fn pause(&mut self, node: NodeId) {
        for one in self.whole(node) {
            self.slots[one.index()].paused = true;
        }
    }

    /// Lets a frozen process go on with all that waited. A timer of a thread of its own has run out before the
    /// other thread takes what has come, or after: that is drawn. Of six members of a real group that were frozen
    /// for longer than their poll interval five left: three that waited in `poll()`, and two of three that waited
    /// for a commit.
    pub(crate) fn resume(&mut self, node: NodeId) {
        for one in self.whole(node) {
            self.resume_one(one);
        }
    }
}
