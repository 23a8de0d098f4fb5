//! Kafka's rule behind each duplicate, and what cures it.

use super::Advice;
use crate::cause::{DuplicateCause, OrderCause, OutputCause, SinkCause};

/// Of a record that is there, or was processed, again.
#[expect(clippy::too_many_lines, reason = "a table, a row for each")]
pub(super) const fn duplicates(cause: DuplicateCause) -> Advice {
    match cause {
        DuplicateCause::ProducerRetry => Advice {
            rule: "a request whose answer is lost is sent again. Without idempotence a broker takes it \
                   for a new one (KIP-98)",
            cure: "`enable.idempotence=true`, the default since Kafka 3.0. If nobody sets it, `acks=1` \
                   and `retries=0` switch it off, and only a line at level INFO says so",
        },
        DuplicateCause::ProducerRestart => Advice {
            rule: "a producer that starts again gets a new producer id, so that no broker knows what \
                   the one before has sent",
            cure: "records with a number of their own, and consumers that know the numbers they have \
                   seen",
        },
        DuplicateCause::SentAgain => Advice {
            rule: "idempotence covers the retries of one send. A second call of send() is a new record",
            cure: "`delivery.timeout.ms` longer than any outage, so that no send fails; and consumers \
                   that recognise a record by a number of its own",
        },
        DuplicateCause::EpochBump => Advice {
            rule: "when a batch fails and its outcome is open, an idempotent producer raises its epoch \
                   and numbers anew what is left. What a broker had written already comes under a new \
                   number (KIP-360)",
            cure: "`delivery.timeout.ms` well above `request.timeout.ms`; where restarts of brokers \
                   cause it, `max.in.flight.requests.per.connection=1`",
        },
        DuplicateCause::Deduplication => Advice {
            rule: "a broker knows the last five batches of an idempotent producer by their numbers \
                   (KIP-98). Here it did not",
            cure: "no setting: it is a bug of the broker, of the client or of the model. Keep the \
                   history and report it",
        },
        DuplicateCause::LogDuplicate => Advice {
            rule: "a group is given what is in the log, copies included",
            cure: "the cure of the cause that is told of the copy in the log",
        },
        DuplicateCause::MemberCrash => Advice {
            rule: "what a member has processed since its last commit is given to the next owner again. \
                   This is what at least once means",
            cure: "commit more often, and let the place of the result recognise what it has (`sink`)",
        },
        DuplicateCause::Rebalance => Advice {
            rule: "who is given a partition begins at its committed offset",
            cure: "commit when partitions are revoked (`on_revoke: commit`), and a protocol that moves \
                   fewer of them (`protocol=cooperative`, `protocol=consumer`)",
        },
        DuplicateCause::CommitRefused => Advice {
            rule: "a coordinator takes commits of the current generation or member epoch only. While the \
                   group rebalances, and after it has given the partition away, it refuses them",
            cure: "commit more often than the group rebalances, and when partitions are revoked \
                   (`on_revoke: commit`); static members (`group.instance.id`) or a protocol that moves \
                   fewer partitions",
        },
        DuplicateCause::Replaced => Advice {
            rule: "with `group.protocol=classic` a process that joins with the `group.instance.id` of \
                   another one takes its place, and the other one is fenced (KIP-345). With \
                   `group.protocol=consumer` it is the newcomer that is refused \
                   (UNRELEASED_INSTANCE_ID), unless the other one has left or its session is over",
            cure: "an id for each member, and a commit before a member is replaced",
        },
        DuplicateCause::Zombie => Advice {
            rule: "a member that has lost its partitions learns of it with its next heartbeat or poll. \
                   Its commit is refused, but its work is done",
            cure: "a session longer than any pause, and a store that refuses what is older than it has",
        },
        DuplicateCause::Expired => Advice {
            rule: "a coordinator deletes the commits of a group that has been empty for \
                   `offsets.retention.minutes` (KIP-211). For a consumer that uses assign(), and for a \
                   topic that a live group no longer subscribes to, the time counts from the last \
                   commit. With `earliest` the group reads everything again",
            cure: "`offsets.retention.minutes` longer than any pause of the group, and than the time \
                   between two commits of a consumer that uses assign()",
        },
        DuplicateCause::PositionReset => Advice {
            rule: "a group without a commit, or with a position out of range, begins where \
                   `auto.offset.reset` says",
            cure: "commit soon after the first records, and `unclean.leader.election.enable=false` so \
                   that logs are not cut",
        },
        DuplicateCause::BehindCommit => Advice {
            rule: "a group resumes from the commit that took effect last. Here it resumed before it. An \
                   unclean election of `__consumer_offsets` brings that, and so does \
                   `min.insync.replicas=1` of the brokers: the coordinator that takes over lacks the \
                   last commits",
            cure: "`unclean.leader.election.enable=false` for the whole cluster, \
                   `offsets.topic.replication.factor=3`, and `min.insync.replicas=2` of the brokers. If \
                   these are set, it is a bug of the broker, of the client or of the model: keep the \
                   history and report it",
        },
        DuplicateCause::SameMember => Advice {
            rule: "an application that tries a record again, or seeks back, is given it again because \
                   it asked",
            cure: "try only the record again that failed, and let the place of the result recognise \
                   what it has",
        },
        DuplicateCause::NotOnRecord => Advice {
            rule: "the history lacks the events that would tell",
            cure: "write more of what happened: commits, assignments and polls of every member \
                   (`ackproof schema history`)",
        },
        DuplicateCause::ProducerExpired => Advice {
            rule: "a broker forgets an idempotent producer that has written nothing for \
                   `producer.id.expiration.ms` (1 day by default, KIP-854)",
            cure: "`producer.id.expiration.ms` above the `delivery.timeout.ms` of every producer",
        },
        DuplicateCause::PollOverrun => Advice {
            rule: "a consumer that does not poll within `max.poll.interval.ms` (5 minutes by default) \
                   leaves its group, and its application works on (KIP-62). A static member \
                   (`group.instance.id`) does not give its place up: it stops its heartbeats, and its \
                   partitions wait until `session.timeout.ms` is over as well",
            cure: "`max.poll.records` so low that a batch is done in time, or a longer \
                   `max.poll.interval.ms`",
        },
        DuplicateCause::SessionExpired => Advice {
            rule: "a coordinator takes a member for dead if no heartbeat comes for `session.timeout.ms` \
                   (45 s by default, KIP-735)",
            cure: "`session.timeout.ms` longer than any pause; with `group.protocol=consumer` it is the \
                   brokers' `group.consumer.session.timeout.ms`",
        },
        DuplicateCause::CommitWentBack => Advice {
            rule: "commits take effect in the order in which the coordinator gets them. One that is \
                   sent again, or that a connection delivers which its member has given up, may come \
                   after a newer one",
            cure: "do not send a failed commit again from its callback (`on_commit_failure: ignore`): \
                   the next one covers it",
        },
        DuplicateCause::LateCommit => Advice {
            rule: "a coordinator asks whether a member and its generation are current, not whether it \
                   owns what it commits",
            cure: "commit in onPartitionsRevoked, and forget those partitions (`on_revoke: commit`); a \
                   `group.id` of its own for each application",
        },
        DuplicateCause::OffsetNotAdvanced => Advice {
            rule: "a committed offset is the next one that the group reads: that of the last record \
                   processed, plus one",
            cure: "commit exactly that (`commit_offset: next`)",
        },
        DuplicateCause::NeverCommitted => Advice {
            rule: "a group without a committed offset begins where `auto.offset.reset` says, each time",
            cure: "commit, or keep the positions where the results are (`writes: with-position`)",
        },
        DuplicateCause::TruncationRewind => Advice {
            rule: "a consumer whose log was cut finds by the epoch of its position where both logs \
                   agree, and goes on there (KIP-320)",
            cure: "`unclean.leader.election.enable=false`, and `min.insync.replicas=2` with three \
                   replicas",
        },
        DuplicateCause::MirrorRestart => Advice {
            rule: "Connect keeps how far a source task has come every `offset.flush.interval.ms`. A task \
                   that starts again copies what it has copied since. What a task had under way when it \
                   died may take effect after what the next one kept",
            cure: "flush more often, stop mirrors cleanly, and deduplicate behind the copy",
        },
        DuplicateCause::TranslationLag => Advice {
            rule: "a mirror translates a committed offset to the nearest pair of offsets before it, and \
                   commits that from time to time: never too far, often too early (KIP-545)",
            cure: "shorter `emit.checkpoints.interval.seconds`, `sync.group.offsets.interval.seconds` and \
                   `offset.lag.max`, and deduplicate by what the record itself says",
        },
    }
}

/// Of a record behind a later one.
pub(super) const fn order(cause: OrderCause) -> Advice {
    match cause {
        OrderCause::InFlightRetry => Advice {
            rule: "several requests are under way at a time, and one that is sent again comes behind \
                   those that followed it",
            cure: "`enable.idempotence=true`, or `max.in.flight.requests.per.connection=1`",
        },
        OrderCause::ProducerRestart => Advice {
            rule: "a producer that starts again gets a new producer id, so that no broker knows what \
                   the one before has sent",
            cure: "records with a number of their own, and consumers that know the numbers they have \
                   seen",
        },
        OrderCause::SentAgain => Advice {
            rule: "idempotence covers the retries of one send. A second call of send() is a new record",
            cure: "`delivery.timeout.ms` longer than any outage, so that no send fails; and consumers \
                   that recognise a record by a number of its own",
        },
        OrderCause::EpochBump => Advice {
            rule: "when a batch fails and its outcome is open, an idempotent producer raises its epoch \
                   and numbers anew what is left. What a broker had written already comes under a new \
                   number (KIP-360)",
            cure: "`delivery.timeout.ms` well above `request.timeout.ms`; where restarts of brokers \
                   cause it, `max.in.flight.requests.per.connection=1`",
        },
        OrderCause::WrittenLate => Advice {
            rule: "a request that a process has sent outlives it: it may still be on its way, or wait for \
                   its broker, when the next process has begun. A producer without idempotence is not \
                   fenced (a mirror of MirrorMaker 2 is one: Connect switches idempotence off)",
            cure: "consumers that do not mind: nobody was told that it is written. With \
                   `exactly.once.source.support` Connect fences the task before (not modelled)",
        },
        OrderCause::NotOnRecord => Advice {
            rule: "the history lacks the events that would tell",
            cure: "write more of what happened: commits, assignments and polls of every member \
                   (`ackproof schema history`)",
        },
    }
}

/// Of what a sink holds.
pub(super) const fn sinks(cause: SinkCause) -> Advice {
    match cause {
        SinkCause::Forgotten => Advice {
            rule: "a record comes again from the last commit on. A sink recognises it only as far back \
                   as it remembers",
            cure: "a memory longer than the longest replay, or a unique key in the row itself",
        },
        SinkCause::MemberMemory => Advice {
            rule: "after a crash or a rebalance a record comes to another process, whose memory is empty",
            cure: "keep the numbers where the result is written, in the same transaction (`memory_in: \
                   sink`)",
        },
        SinkCause::LogDuplicate => Advice {
            rule: "a copy in the log has an offset of its own, so that an offset does not tell that it \
                   is one",
            cure: "a number of the record's own (`writes: once-per-record`), and an idempotent producer",
        },
        SinkCause::OffsetReused => Advice {
            rule: "after an unclean election another record may lie at an offset that was read; so it \
                   may where one replica was alone in sync, and lost its disk or its power",
            cure: "`unclean.leader.election.enable=false` and `min.insync.replicas=2`, or a number of \
                   the record's own (`writes: once-per-record`)",
        },
        SinkCause::StaleOverwrite => Advice {
            rule: "a member that was replaced works on until it learns of it",
            cure: "a store that refuses a value older than the row's (`writes: upsert-if-newer`)",
        },
        SinkCause::NotInLog => Advice {
            rule: "a log that is cut takes back what was read: after an unclean election, or where one \
                   replica was alone in sync and lost its disk or its power",
            cure: "`unclean.leader.election.enable=false`, and `min.insync.replicas=2` with three \
                   replicas",
        },
        SinkCause::PositionApart => Advice {
            rule: "a crash can come between two transactions",
            cure: "rows and position in one transaction (`writes: with-position`)",
        },
        SinkCause::NotOnRecord => Advice {
            rule: "the history lacks the events that would tell",
            cure: "write more of what happened: commits, assignments and polls of every member \
                   (`ackproof schema history`)",
        },
    }
}

/// Of what a group made of a record again.
pub(super) const fn outputs(cause: OutputCause) -> Advice {
    match cause {
        OutputCause::InputAgain => Advice {
            rule: "at least once holds for the whole pipeline: an input that is processed again makes \
                   an output again",
            cure: "consumers of the output that recognise a record by a number of its input; Kafka's \
                   transactions do it too, and are not modelled",
        },
        OutputCause::CopyInLog => Advice {
            rule: "one send may be in the log more than once",
            cure: "the cure of the cause that is told of the copy in the log",
        },
    }
}
