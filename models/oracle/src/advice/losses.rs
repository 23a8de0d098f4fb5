//! Kafka's rule behind each loss, and what cures it.

use super::Advice;
use crate::cause::LossCause;

/// Of a loss.
#[expect(clippy::too_many_lines, reason = "a table, a row for each")]
pub(super) const fn losses(cause: LossCause) -> Advice {
    match cause {
        LossCause::AcksOne => Advice {
            rule: "with `acks=1` a leader answers as soon as a batch is in its own log. Its followers \
                   fetch it afterwards. A leader that dies, or is cut off or replaced, before they have \
                   it takes it along",
            cure: "`acks=all` with `min.insync.replicas=2`",
        },
        LossCause::StaleLeader => Advice {
            rule: "a leader that is cut off does not know that another one was elected. With `acks=1` \
                   it goes on answering, and cuts those records off when it follows the new leader",
            cure: "`acks=all` with `min.insync.replicas=2`: a leader that is alone cannot answer",
        },
        LossCause::UncleanElection => Advice {
            rule: "if no replica in sync is alive, `unclean.leader.election.enable=true` lets another \
                   one lead. What it lacks is gone (KIP-106)",
            cure: "`unclean.leader.election.enable=false` and `min.insync.replicas=2`: the partition \
                   waits for a replica that has everything",
        },
        LossCause::LastReplica => Advice {
            rule: "with `min.insync.replicas=1` the only replica in sync may acknowledge alone. What it \
                   loses in a restart nobody else has",
            cure: "`min.insync.replicas=2` with three replicas",
        },
        LossCause::ForcedElection => Advice {
            rule: "no setting allowed it. An administrator can force such an election \
                   (`kafka-leader-election.sh`)",
            cure: "bring a replica that was in sync back first; if nobody forced it, keep the history \
                   and report it",
        },
        LossCause::PowerLoss => Advice {
            rule: "Kafka does not wait for the disk. It relies on replicas whose power does not fail at \
                   the same time. The last replica in sync may lead again whatever it lost, unless \
                   eligible leader replicas are on",
            cure: "replicas in several racks or zones (`broker.rack`), `min.insync.replicas=2`, and \
                   eligible leader replicas (KIP-966, on in a cluster that Kafka 4.1 or later formats)",
        },
        LossCause::DiskLost => Advice {
            rule: "a broker with an empty disk is as good as any other to the controller. The last replica \
                   in sync may lead again whatever it lost, unless eligible leader replicas are on",
            cure: "`min.insync.replicas=2` with three replicas, eligible leader replicas (KIP-966, on in \
                   a cluster that Kafka 4.1 or later formats), and disks that outlive a broker",
        },
        LossCause::DamagedLog => Advice {
            rule: "after an unclean stop a broker looks through the segments from the recovery point on, and cuts \
                   its log at the first batch whose checksum is wrong. After a clean one it does not look: \
                   followers and consumers find the batch, and come no further",
            cure: "`min.insync.replicas=2` with three replicas; and move the leadership to another replica, \
                   delete the log of the broker with the wrong batch, and let it fetch anew",
        },
        LossCause::OnlyReplica => Advice {
            rule: "with one replica nobody can take over",
            cure: "`replication.factor=3` with `min.insync.replicas=2`",
        },
        LossCause::MovedToOne => Advice {
            rule: "a leader asks for as many replicas in sync as `min.insync.replicas` says, but for no more \
                   than the partition has: with one replica it acknowledges alone",
            cure: "move to as many brokers as before, and look at the plan of a reassignment before it runs",
        },
        LossCause::Replication => Advice {
            rule: "a record acknowledged with `acks=all` is on all replicas in sync, and only a replica \
                   that has it may lead. Here this did not hold",
            cure: "no setting: it is a bug of the broker, of the client or of the model. Keep the \
                   history and report it",
        },
        LossCause::CommitBeforeProcessing => Advice {
            rule: "a group goes on at its committed offset. What was committed, and not processed yet \
                   when a member died, is never processed",
            cure: "commit after the records of a poll are processed (`commit: sync-after-batch`)",
        },
        LossCause::HandOff => Advice {
            rule: "an automatic commit covers what poll() returned before. It cannot know what worker \
                   threads still have in hand",
            cure: "`enable.auto.commit=false`, and commit what the workers have finished; or process in \
                   the poll loop",
        },
        LossCause::BackgroundCommit => Advice {
            rule: "with `group.protocol=consumer` a thread of the client commits the positions. Since \
                   Kafka 4.2 the interval commit may come while poll() hands out the next batch \
                   (KAFKA-18376)",
            cure: "commit by hand after processing, or `group.protocol=classic`",
        },
        LossCause::RevocationCommitAgain => Advice {
            rule: "with `group.protocol=consumer` the client commits before it gives partitions up, and \
                   polls of the partitions that it keeps go on meanwhile. Where that commit fails, the \
                   next attempt takes the positions of that moment",
            cure: "commit by hand after processing, or `group.protocol=classic`",
        },
        LossCause::CommitPastWork => Advice {
            rule: "a commit is what somebody sent. The commit strategy on record does not explain this \
                   one",
            cure: "find who else commits for this group: another application with its `group.id`, a \
                   tool, or a bug",
        },
        LossCause::ResetLatest => Advice {
            rule: "a group without a committed offset begins where `auto.offset.reset` says. `latest`, \
                   the default, is the end of the log at that moment",
            cure: "`auto.offset.reset=earliest`",
        },
        LossCause::Expired => Advice {
            rule: "a coordinator deletes the commits of a group that has been empty for \
                   `offsets.retention.minutes` (7 days by default, KIP-211). For a consumer that uses \
                   assign(), and for a topic that a live group no longer subscribes to, the time counts \
                   from the last commit",
            cure: "`offsets.retention.minutes` longer than any pause of the group, and \
                   `auto.offset.reset=earliest`",
        },
        LossCause::OutOfRange => Advice {
            rule: "a position outside the log is out of range. With `auto.offset.reset` the consumer \
                   moves to an end of the log, and says so only in its own log",
            cure: "`auto.offset.reset=earliest` or `none`, and `unclean.leader.election.enable=false` \
                   so that logs are not cut",
        },
        LossCause::NeverGiven => Advice {
            rule: "a member gives its application every record from its position on. Here the group \
                   moved on without this one",
            cure: "no setting explains it: look for a seek of the application, or a bug of the client",
        },
        LossCause::NotOnRecord => Advice {
            rule: "the history lacks the events that would tell",
            cure: "write more of what happened: commits, assignments and polls of every member \
                   (`ackproof schema history`)",
        },
        LossCause::PartitionAdded => Advice {
            rule: "a consumer of a classic group learns of a new partition when it refreshes its \
                   metadata (`groups.NAME.config.metadata.max.age.ms`, 5 minutes by default). With \
                   `group.protocol=consumer` the coordinator sees the partition itself, and gives it \
                   away with the next heartbeats. With `latest` the group begins at the end of that \
                   moment",
            cure: "`auto.offset.reset=earliest`, or `by_duration` with more than \
                   `groups.NAME.config.metadata.max.age.ms` (KIP-1106)",
        },
        LossCause::WorkerPositions => Advice {
            rule: "the position of a consumer lies behind what poll() returned, whatever the workers \
                   have done",
            cure: "commit up to the first record that is still in hand (`covers: contiguous`)",
        },
        LossCause::HighestDone => Advice {
            rule: "a commit covers all that lies below it, and workers finish out of order",
            cure: "commit up to the first record that is still in hand (`covers: contiguous`)",
        },
        LossCause::StoredCommit => Advice {
            rule: "librdkafka stores the offset of a record when it hands the record out. A thread of \
                   its own commits what is stored",
            cure: "`enable.auto.offset.store=false`, and store an offset once its record is processed",
        },
        LossCause::CommitBeyond => Advice {
            rule: "a committed offset is the next one that the group reads: that of the last record \
                   processed, plus one",
            cure: "commit exactly that (`commit_offset: next`)",
        },
        LossCause::CloseAfterException => Advice {
            rule: "with `enable.auto.commit=true` close() commits the positions, and these lie behind \
                   all that poll() returned",
            cure: "commit by hand after processing (`commit: sync-after-batch`): close() then commits \
                   nothing",
        },
        LossCause::Skipped => Advice {
            rule: "Kafka does not know that the processing of a record failed. The application decides \
                   what becomes of it",
            cure: "put it into a dead-letter topic and wait for the acknowledgement (`on_failure: \
                   dead-letter`), or stop",
        },
        LossCause::DroppedPoll => Advice {
            rule: "the position moves when poll() returns, not when a record is processed",
            cure: "seek back to the first record that is not processed (`on_failure: seek-back`)",
        },
        LossCause::LogCut => Advice {
            rule: "without a leader epoch a committed offset cannot tell that the log was cut below it \
                   and has grown again (KIP-320)",
            cure: "commit what the consumer knows, epochs included, and often; \
                   `unclean.leader.election.enable=false`",
        },
        LossCause::ResetByDuration => Advice {
            rule: "`by_duration` begins at the first record that is not older than the duration \
                   (KIP-1106)",
            cure: "a duration longer than any time without a commit, or `auto.offset.reset=earliest`",
        },
        LossCause::CommittedBeforeAcked => Advice {
            rule: "send() hands a record to the producer. Whether it is written, the future or the \
                   callback tells later",
            cure: "flush before the commit, and look at the outcomes (`wait: before-commit`)",
        },
        LossCause::OutputDropped => Advice {
            rule: "flush() returns when every send has an outcome, good or bad. Only the future and the \
                   callback know of the error",
            cure: "do not commit an input whose output failed (`on_failure: resend` or `stop`)",
        },
        LossCause::OutputAcksZero => Advice {
            rule: "with `acks=0` a send succeeds when the socket has taken it. No broker answers",
            cure: "`acks=all` for the producer of the output",
        },
        LossCause::OutputAcksOne => Advice {
            rule: "with `acks=1` a leader answers as soon as a batch is in its own log. Its followers \
                   fetch it afterwards. A leader that dies, or is cut off or replaced, before they have \
                   it takes it along",
            cure: "`acks=all` for the producer of the output, with `min.insync.replicas=2` for its topic",
        },
        LossCause::OutputLost => Advice {
            rule: "an acknowledged output is a record like any other: its own topic must keep it",
            cure: "the cure of the cause that `acked-durability` names for the topic of the output",
        },
        LossCause::DeadLetterLost => Advice {
            rule: "a dead letter is a send like any other. Who commits before its acknowledgement does \
                   not know whether it is written",
            cure: "wait for it before the commit (`dead_letter.wait: before-commit`)",
        },
        LossCause::Retention => Advice {
            rule: "each replica deletes whole segments by the age or the size of what they hold, up to the high \
                   watermark, and does not ask who has read them. Age is the broker's clock less the time that a \
                   record bears: a record from an archive is old when it is written, and under a clock that is ahead \
                   all are. A consumer that comes later is out of range, and `auto.offset.reset` moves it on; only \
                   its own log says so",
            cure: "`retention.ms` and `retention.bytes` above the longest pause of a group at the highest load, and \
                   an alert on its lag in time; `message.timestamp.type=LogAppendTime` for what is played \
                   back; `auto.offset.reset=none`, if a gap must not go unnoticed",
        },
        LossCause::TopicDeleted => Advice {
            rule: "the controller writes one record, and every broker that hears of it deletes its logs of the topic, \
                   whoever has read them; what groups had committed there is deleted as well",
            cure: "look at the lag of every group before a topic is deleted: the end offsets of the topic and what is \
                   committed are the same (`kafka-consumer-groups.sh --describe`)",
        },
        LossCause::TopicRecreated => Advice {
            rule: "consumers and coordinators go by the name of a topic: a position that is not behind the end of the new \
                   log is taken for one in it, and a commit for the old topic that arrives late for one of the new",
            cure: "stop the group before the topic is deleted, and reset its offsets once it is there again \
                   (`kafka-consumer-groups.sh --reset-offsets --to-earliest`); or delete the records and keep the topic \
                   (`kafka-delete-records.sh`)",
        },
        LossCause::TranslatedTooFar | LossCause::FailOverReset => failed_over(cause),
    }
}

/// Of a group that went over to another cluster.
const fn failed_over(cause: LossCause) -> Advice {
    if matches!(cause, LossCause::TranslatedTooFar) {
        return Advice {
            rule: "a mirror translates down: to the nearest pair of offsets before what was committed, and one \
                   further",
            cure: "it is a bug of the mirror: begin earlier by hand",
        };
    }
    Advice {
        rule: "MirrorMaker commits for groups of the other cluster only with `sync.group.offsets.enabled=true`, \
               and a group without a commit begins where `auto.offset.reset` says",
        cure: "switch it on, or begin at the checkpoints (`RemoteClusterUtils`), and use `earliest`",
    }
}
