//! Kafka's rule behind sends that fail and partitions that stall, and what helps.

use super::Advice;
use crate::cause::{Obstacle, SendEnd};

/// Of a send without an acknowledgement.
pub(super) const fn sends(cause: SendEnd) -> Advice {
    match cause {
        SendEnd::Retries(_) => Advice {
            rule: "a producer tries a batch again until `retries` or `delivery.timeout.ms` is used up \
                   (KIP-91)",
            cure: "leave `retries` at its default, and set `delivery.timeout.ms`",
        },
        SendEnd::DeliveryTimeout(_) => Advice {
            rule: "from send() on a producer tries for `delivery.timeout.ms` (2 minutes by default, \
                   KIP-91). If an attempt was under way, the record may be in the log",
            cure: "`delivery.timeout.ms` longer than a failover and than any outage that must not lose \
                   records; send again what failed, and expect duplicates",
        },
        SendEnd::MaxBlock(_) => Advice {
            rule: "send() waits for metadata, and for room in the buffer, for `max.block.ms` at most (1 \
                   minute by default)",
            cure: "a `buffer.memory` that lasts as long as an outage, or a source that waits",
        },
        SendEnd::Final => Advice {
            rule: "some errors stay the same however often a producer tries: a record that is too large \
                   is one",
            cure: "look at the name of the error; `max.request.size` no larger than `max.message.bytes`",
        },
        SendEnd::AcksZero => Advice {
            rule: "with `acks=0` a send succeeds when the socket has taken it. No broker answers",
            cure: "`acks=all`, and look at the outcome of every send",
        },
        SendEnd::NeverLeft => Advice {
            rule: "send() fills a buffer. What waits there is gone when the process ends, and no \
                   exception tells of it",
            cure: "flush() or close() before the end (`end: flush`)",
        },
        SendEnd::ProducerEnded => Advice {
            rule: "what is under way when a process dies has no outcome that anybody hears",
            cure: "a source that is read again after a crash: an outbox, for one (`after_crash: resend`)",
        },
        SendEnd::Open => Advice {
            rule: "an answer may take `delivery.timeout.ms`",
            cure: "a longer `run.settle`, so that every send has its outcome",
        },
        SendEnd::NotOnRecord => Advice {
            rule: "the history lacks the events that would tell",
            cure: "write more of what happened: commits, assignments and polls of every member \
                   (`ackproof schema history`)",
        },
    }
}

/// What ended it, in a sentence.
pub(super) const fn sends_about(cause: SendEnd) -> &'static str {
    match cause {
        SendEnd::Retries(_) => "retries: every attempt that it allows has failed",
        SendEnd::DeliveryTimeout(_) => "delivery.timeout.ms: the producer gave up",
        SendEnd::MaxBlock(_) => {
            "max.block.ms: send() itself failed, and the record never reached the buffer"
        }
        SendEnd::Final => "an error that no retry helps",
        SendEnd::AcksZero => "acks=0: nobody asked whether the record arrived",
        SendEnd::NeverLeft => {
            "the application ended without flush, and the record never left the buffer"
        }
        SendEnd::ProducerEnded => "the producer's process ended before an answer came",
        SendEnd::Open => "the history ended before an answer came",
        SendEnd::NotOnRecord => "the history does not say which limit was reached",
    }
}

/// Of a stall.
pub(super) const fn stalls(cause: Obstacle) -> Advice {
    match cause {
        Obstacle::NoLeader => Advice {
            rule: "a replica in sync may lead. Without one that is alive the partition waits. New \
                   clusters of Kafka 4.1 and later also let a replica lead that left the set when it \
                   had shrunk below `min.insync.replicas`, and that has not restarted uncleanly since \
                   (eligible leader replicas, KIP-966); ackproof does not model these",
            cure: "three replicas in several racks, and restarts one after the other",
        },
        Obstacle::Failover => Advice {
            rule: "the controller takes a broker for dead if no heartbeat comes for \
                   `broker.session.timeout.ms` (9 s by default), and elects another leader then",
            cure: "a clean shutdown moves leaders first; a shorter `broker.session.timeout.ms` finds a \
                   crash sooner",
        },
        Obstacle::Follower => Advice {
            rule: "`acks=all` waits for every replica in sync. A slow one leaves the set after \
                   `replica.lag.time.max.ms` (30 s by default), a dead one when its broker is fenced",
            cure: "a shorter `replica.lag.time.max.ms`, at the price of replicas that leave the set \
                   sooner",
        },
        Obstacle::MinInsyncReplicas(_) => Advice {
            rule: "with fewer replicas in sync a leader refuses `acks=all` with NOT_ENOUGH_REPLICAS, \
                   and nothing is written. If the set shrinks while a write waits for it, the answer is \
                   NOT_ENOUGH_REPLICAS_AFTER_APPEND: the leader has the record, and a retry without \
                   idempotence makes a copy",
            cure: "three replicas with `min.insync.replicas=2`: one may be away",
        },
        Obstacle::NoOwner(_) => Advice {
            rule: "a dead member keeps its partitions until its session is over, and with the eager \
                   protocol a rebalance takes all partitions from everybody",
            cure: "`protocol=cooperative` or `protocol=consumer`, a `group.instance.id` for members \
                   that restart, a shorter session",
        },
    }
}

/// What stood in the way, in a sentence.
pub(super) const fn stalls_about(cause: Obstacle) -> &'static str {
    match cause {
        Obstacle::NoLeader => "the partition had no leader: no replica that may lead was there",
        Obstacle::Failover => "the leader was down or hit by a fault, and no other was elected yet",
        Obstacle::Follower => {
            "a replica in sync was down or hit by a fault, and acks=all waited for it"
        }
        Obstacle::MinInsyncReplicas(_) => "fewer replicas were in sync than min.insync.replicas",
        Obstacle::NoOwner(_) => "no member of the group owned the partition",
    }
}
