//! What the manual and `ackproof explain NAME` tell of each fault beside its sentence: what Kafka does then, which
//! settings bound the harm, and an example. It knows nothing of how a fault is carried out.

/// What is told of a fault, in words that begin small and end without a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultNote {
    /// Its verb.
    pub verb: &'static str,
    /// What Kafka does then.
    pub rule: &'static str,
    /// Which settings bound the harm.
    pub bounds: &'static str,
    /// A fault for `scenarios/basics/no-faults.json`.
    pub example: &'static str,
}

const fn note(
    verb: &'static str,
    rule: &'static str,
    bounds: &'static str,
    example: &'static str,
) -> FaultNote {
    FaultNote { verb, rule, bounds, example }
}

/// A note for every verb, in the order of [`super::describe::FAULTS`].
pub const FAULT_NOTES: &[FaultNote] = &[
    note(
        "crash",
        "the kernel closes the connections of a killed process. A dead broker keeps its leaderships \
         until `broker.session.timeout.ms` is over, a dead member its partitions until \
         `session.timeout.ms` is. What was not replicated, or not committed, is lost or done again",
        "`broker.session.timeout.ms`, `session.timeout.ms`, `acks`, `min.insync.replicas`",
        r#"{"at":"10s","crash":"leader of payments-0","for":"15s"}"#,
    ),
    note(
        "power-loss",
        "Kafka answers before the disk has a record: it relies on the other replicas. A broker that lost its \
         power comes back with the part of each log that it had flushed, and some of the rest, cut at a \
         batch. Segments are flushed when they are full; so a young log may come back empty. Checkpoints \
         are as last written. Nobody is told of the end of its connections: requests time out. The records \
         are lost if it is elected without them: because it was the last replica in sync, or because all \
         replicas lost theirs",
        "`min.insync.replicas`, `eligible.leader.replicas.version`, `segment.bytes`, replicas whose power \
         does not fail together (`broker.rack`)",
        r#"{"at":"10s","power-loss":"leader of payments-0","for":"15s"}"#,
    ),
    note(
        "disk-lost",
        "a pod without a persistent volume, or a disk that was replaced. The broker has another log \
         directory then, and says so before it serves (KIP-858); nobody minds that it is empty. It fetches \
         everything anew. If it was the last replica in sync, it is elected as it is, and the others cut \
         their logs",
        "`replication.factor`, `min.insync.replicas`, `eligible.leader.replicas.version`",
        r#"{"at":"10s","disk-lost":"broker-1","for":"15s"}"#,
    ),
    note(
        "log-dir-failed",
        "an I/O error. The broker finds it with its next write, of a record or of a checkpoint, which fails with \
         KAFKA_STORAGE_ERROR. What it hosts in that directory goes offline there, and it tells the controller, which \
         takes it out of these in-sync sets and elects others. Was it the last one in sync, nobody leads. The \
         other directories go on. Without the directory of the metadata log, or without any, the broker ends, and does not \
         start as long as it is so. A directory is used again only after a restart. What lies in the one that \
         failed is not put elsewhere. An empty one that takes its place gets its replicas anew from their leaders",
        "`log.dirs`, `metadata.log.dir`, `min.insync.replicas`, `replication.factor`",
        r#"{"at":"10s","log-dir-failed":"leader of payments-0","for":"15s"}"#,
    ),
    note(
        "disk-full",
        "an append that finds no room is an I/O error like any other: the directory is given up, and with one directory \
         the broker ends. `retention.bytes` is no protection, as it is looked at every five minutes and counts \
         one partition. What retention deletes meanwhile gives no room back here. Room alone brings nothing back: \
         a restart does",
        "`log.dirs`, `metadata.log.dir`, `retention.bytes` by far below what a disk holds",
        r#"{"at":"10s","disk-full":"broker-2","left":"50kB","for":"15s"}"#,
    ),
    note(
        "corrupt-log",
        "a torn write, or a bit that rots. A broker that was killed looks through the segments from its recovery \
         point on when it starts, finds the batch by its checksum, and cuts the log there: all behind it is \
         fetched from the leader again, or lost if it leads with what is left. A broker that was stopped \
         cleanly does not look. A follower that fetches the batch refuses the whole answer and tries again each \
         `replica.fetch.backoff.ms`: it leaves the in-sync set and never comes back. A consumer's `poll()` throws a \
         `KafkaException` as often as it comes to the batch (`check.crcs`)",
        "`min.insync.replicas`, `replication.factor`, `flush.messages` (what is below the recovery point is not looked at)",
        r#"{"at":"10s","corrupt-log":"a follower of payments-0","for":"5s"}"#,
    ),
    note(
        "restart",
        "a broker that stops cleanly hands its leaderships over first (controlled shutdown), a member \
         commits and leaves its group. A static member commits and keeps its place: if it is not back \
         when `session.timeout.ms` is over, its partitions are given away. A broker of Kafka 4.0 that \
         starts again within its old session waits until that session is over",
        "`broker.session.timeout.ms`, and the line of Kafka: 4.1 no longer waits",
        r#"{"at":"10s","restart":"broker-1","for":"5s"}"#,
    ),
    note(
        "rolling-restart",
        "a deploy: one after the other stops cleanly and starts again; with \"to\" it starts as another line of Kafka, and \
         the feature levels stay. Each broker moves its \
         leaderships twice; each member costs the group a rebalance, or none with a `group.instance.id`",
        "`group.instance.id`, `session.timeout.ms`, `max.poll.records` (a member stops once its poll is \
         done)",
        r#"{"at":"8s","rolling-restart":"members of ledger","for":"2s"}"#,
    ),
    note(
        "pause",
        "a frozen process (a garbage collection, a virtual machine that is moved) keeps its connections \
         and hears nothing. Others take its place, and it works on as if it were still in office when \
         it wakes",
        "`session.timeout.ms`, `max.poll.interval.ms`, `broker.session.timeout.ms`",
        r#"{"at":"10s","pause":"any member of ledger","for":"15s"}"#,
    ),
    note(
        "isolate",
        "nobody is told of a cut link: what is sent waits for TCP, until a request times out. A leader \
         that is cut off from the controllers is replaced while it may still talk to clients",
        "`request.timeout.ms`, `replica.lag.time.max.ms`, `broker.session.timeout.ms`, `acks`",
        r#"{"at":"8s","isolate":"leader of payments-0","from":["brokers","controllers"],"for":"12s"}"#,
    ),
    note(
        "partition",
        "as with `isolate`, for whole groups of processes. The side with the controller elects; on the \
         other side writes with `acks=all` wait",
        "`min.insync.replicas`, `request.timeout.ms`, `delivery.timeout.ms`",
        r#"{"at":"8s","partition":[["broker-1"],["broker-2","broker-3","controller"]],"for":"10s"}"#,
    ),
    note(
        "slow",
        "latency adds up: a write with `acks=all` takes the way to the leader and a round of the \
         slowest follower in sync. A follower that is too slow leaves the in-sync set",
        "`replica.lag.time.max.ms`, `request.timeout.ms`, `linger.ms`",
        r#"{"at":"8s","slow":"broker-1","to":["brokers"],"by":"100ms","for":"10s"}"#,
    ),
    note(
        "lossy",
        "TCP sends a lost packet again after 0.2 s, then after twice as long each time. What is behind \
         it on the connection waits",
        "`request.timeout.ms`, `retry.backoff.ms`",
        r#"{"at":"8s","lossy":"broker-1","loss":"20%","for":"10s"}"#,
    ),
    note(
        "throttle",
        "a narrow link is a queue: heartbeats wait behind batches. Followers that do not keep up leave \
         the in-sync set",
        "`replica.lag.time.max.ms`, `batch.size`, `request.timeout.ms`",
        r#"{"at":"8s","throttle":"broker-1","rate":"50kB/s","for":"10s"}"#,
    ),
    note(
        "reset",
        "every request in flight on a connection that breaks has an unknown outcome. Clients connect \
         again and send again",
        "`enable.idempotence`: without it, a retry may be in the log twice",
        r#"{"at":"10s","reset":"leader of payments-0"}"#,
    ),
    note(
        "clock-jump",
        "a machine that resumes, or whose NTP has failed. Records bear what the clock of their producer shows \
         (CreateTime). A leader refuses what is more than `message.timestamp.after.max.ms` ahead of its own clock: \
         INVALID_TIMESTAMP, which is not sent again. What is too old for retention goes with the next look at it, read \
         or not; what bears the future stays. A broker whose clock is ahead deletes early, and as a leader it takes \
         its followers along; with `message.timestamp.type=LogAppendTime` it stamps records itself. Commits and idle \
         producers expire by the broker's clock as well",
        "`message.timestamp.type`, `message.timestamp.before.max.ms`, `message.timestamp.after.max.ms`, `retention.ms`",
        r#"{"at":"10s","clock-jump":"billing-0","by":"+50m","for":"5s"}"#,
    ),
    note(
        "clock-drift",
        "as with `clock-jump`, little by little. NTP keeps a clock within some 500ppm of the right rate; half a minute a \
         day is 350ppm. Timeouts do not go by it",
        "`message.timestamp.type`, `retention.ms`",
        r#"{"at":"10s","clock-drift":"leader of payments-0","by":"+50000ppm","for":"15s"}"#,
    ),
    note(
        "slow-follower",
        "a follower that does not come to the end of the log for `replica.lag.time.max.ms` leaves the \
         in-sync set. Until then `acks=all` waits for it",
        "`replica.lag.time.max.ms`, `min.insync.replicas`",
        r#"{"at":"8s","slow-follower":"a follower of payments-0","by":"400ms","for":"10s"}"#,
    ),
    note(
        "leave",
        "a member that closes its consumer commits, if it does so by itself, and leaves. Its partitions \
         are given away at once. A static member leaves nothing: its session has to end",
        "`group.instance.id`, `session.timeout.ms`",
        r#"{"at":"10s","leave":"any member of ledger","for":"10s"}"#,
    ),
    note(
        "join",
        "a rebalance: with the eager protocol all members give up all partitions, with the cooperative \
         one those that move, and with `group.protocol=consumer` the coordinator takes one after the \
         other",
        "`partition.assignment.strategy`, `group.protocol`, `group.initial.rebalance.delay.ms`",
        r#"{"at":"10s","join":"ledger","for":"10s"}"#,
    ),
    note(
        "stall-poll",
        "heartbeats go on in the background, so that only `max.poll.interval.ms` ends it: the client \
         then leaves its group (KIP-62). A static member does not give its place up: it stops its \
         heartbeats, and its partitions wait until `session.timeout.ms` is over as well",
        "`max.poll.interval.ms`, and `session.timeout.ms` for static members",
        r#"{"at":"10s","stall-poll":"any member of ledger","for":"10s"}"#,
    ),
    note(
        "unsubscribe",
        "unlike close(), unsubscribe() does not commit. The partitions of the member go to others, \
         which begin at the last commit",
        "a commit before it; `pause()` keeps the partitions",
        r#"{"at":"10s","unsubscribe":"any member of ledger","for":"8s"}"#,
    ),
    note(
        "pause-partitions",
        "a member that has paused its partitions polls on, so it stays in its group; the lag grows. \
         Partitions that a rebalance gives it meanwhile are not paused",
        "none: the application resumes them",
        r#"{"at":"10s","pause-partitions":"any member of ledger","for":"8s"}"#,
    ),
    note(
        "fail-over",
        "the application of a group moves to the cluster that a mirror copies its topic to. It begins there \
         where the mirror has committed for it, or where `auto.offset.reset` says, and does again what it \
         had done behind that",
        "`sync.group.offsets.enabled`, `sync.group.offsets.interval.seconds`, \
         `emit.checkpoints.interval.seconds`, `offset.lag.max`, `auto.offset.reset`",
        r#"{"at":"40s","fail-over":"ledger"}"#,
    ),
    note(
        "elect-unclean",
        "the controller refuses if the partition has a leader. Else it takes the first replica that serves, with \
         the records that this one happens to have: what only the others had is gone, acknowledged or not",
        "`min.insync.replicas`, `unclean.leader.election.enable`",
        r#"{"at":"25s","elect-unclean":"payments-0"}"#,
    ),
    note(
        "add-partitions",
        "clients learn of new partitions with their next refresh of metadata; with \
         `group.protocol=consumer` the coordinator tells the members instead. Keys may go to other \
         partitions from then on, and a group has no commit in the new ones",
        "`metadata.max.age.ms` of producers, `groups.NAME.config.metadata.max.age.ms`, \
         `auto.offset.reset`",
        r#"{"at":"10s","add-partitions":"payments","to":6}"#,
    ),
    note(
        "create-topic",
        "the controller creates the topic with an id of its own, and leaders begin empty logs. Clients go by its name: \
         consumers keep their positions, and go on at them if the new log reaches so far. Up to Kafka 4.0, and with \
         `group.protocol=classic` on all lines, a commit for the deleted topic that arrives late counts for the new one",
        "`auto.offset.reset`, `group.protocol`, `cluster.kafka`",
        r#"{"at":"20s","create-topic":"payments"}"#,
    ),
    note(
        "delete-topic",
        "the controller writes one record, and each broker deletes its logs of the topic when it hears of it; one that \
         is down does so at its next start. What groups have committed there is deleted too. Producers go on trying \
         until their time is over, and members lose the partitions with the next rebalance",
        "`delivery.timeout.ms`, `max.block.ms`, `metadata.max.age.ms`",
        r#"{"at":"10s","delete-topic":"payments"}"#,
    ),
    note(
        "reassign",
        "the controller adds the new replicas, which copy the log as followers. With the change of the in-sync set \
         that has all of them, those that are not named leave it and the partition, delete their logs, and the \
         leader epoch rises; if the leader is one of them the next in the list leads. Meanwhile as many replicas \
         count as there are",
        "`replica.lag.time.max.ms`, `min.insync.replicas`",
        r#"{"at":"10s","reassign":"payments-0","to":["broker-3","broker-1"]}"#,
    ),
    note(
        "cancel-reassignment",
        "the replicas that were added leave, with their logs, and the others stay. It is refused where only added \
         replicas are in sync, unless `unclean.leader.election.enable` allows to throw away what only they have",
        "`unclean.leader.election.enable`",
        r#"{"at":"10s","cancel-reassignment":"payments-0"}"#,
    ),
    note(
        "alter-config",
        "the controller writes the setting into the metadata log, and each broker goes by it once it has read that \
         far. A write with `acks=all` that waits is judged by the minimum of the moment. With eligible leader \
         replicas a new `min.insync.replicas` clears those of the topic: who leads when nobody is in sync is then \
         an unclean election, or nobody",
        "`min.insync.replicas`, `unclean.leader.election.enable`, `retention.ms`",
        r#"{"at":"10s","alter-config":"payments","config":{"min.insync.replicas":1}}"#,
    ),
    note(
        "update-features",
        "the second half of an upgrade. New binaries change no feature: eligible leader replicas stay off until somebody \
         finalizes them. The controller refuses levels that a registered broker does not support, and a lower \
         `metadata.version`; `witness: features_updated` says whether it took them",
        "`kafka`, `features`, `rolling-restart` with `to`",
        r#"{"at":"10s","update-features":{"eligible.leader.replicas.version":1}}"#,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::FAULTS;

    #[test]
    fn every_fault_has_a_note_with_an_example_of_it() {
        let verbs: Vec<&str> = FAULT_NOTES.iter().map(|note| note.verb).collect();
        assert_eq!(verbs, FAULTS.iter().map(|(verb, _)| *verb).collect::<Vec<_>>());
        for FaultNote { verb, example, .. } in FAULT_NOTES {
            assert!(example.contains(&format!("\"{verb}\":")), "{example}");
        }
    }
}
