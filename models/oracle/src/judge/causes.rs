//! For every cause a history that has this cause and no other. Whoever adds a cause and knows of no such
//! history cannot build this file.
//!
//! What is close to a cause and has another, the tests of those who tell it say.

use super::Judge;
use crate::cause::{DuplicateCause, LossCause, OrderCause, SendCause, SendEnd};
use crate::context::{Context, ProducerLimits};
use crate::history::{Event, Phase, PositionSource, ProcessEnd, TailLoss};
use crate::test_history::*;
use crate::verdict::Findings;
use ackproof_types::{
    Acks, CommitOffset, Covers, ErrorCode, GenerationId, LeaderEpoch, MemberId, Micros, Offset,
    OnRecordFailure, RebalanceReason, TopicPartition,
};
use std::collections::BTreeSet;
use std::sync::Arc;

type Events = Vec<(u16, Event)>;

/// A history and its context.
struct Told {
    context: Context,
    events: Events,
}

impl Told {
    fn judged(self) -> Findings {
        let mut judge = Judge::new(Arc::new(self.context));
        entries(self.events).iter().for_each(|entry| judge.observe(entry));
        judge.conclude()
    }
}

/// A row for each variant, checked by the compiler: the cause, and its history.
macro_rules! rows {
    ($name:ident: $of:ident { $($variant:ident $(($($field:pat),*))? $(= $value:expr)?, $told:expr;)* }) => {
        fn $name() -> Vec<($of, Told)> {
            // A variant without a row does not get past this.
            const fn is_told(cause: $of) -> $of {
                match cause { $($of::$variant $(($($field),*))? => cause,)* }
            }
            vec![$((is_told(rows!(@ $of $variant $(= $value)?)), $told)),*]
        }
    };
    (@ $of:ident $variant:ident) => { $of::$variant };
    (@ $of:ident $variant:ident = $value:expr) => { $of::$variant($value) };
}

mod commits;
mod disks;
mod mirrors;
mod obstacles;
mod outputs;
mod sinks;
mod topics;

fn told(events: Events) -> Told {
    Told { context: context(), events }
}

fn took_lead(broker: u16, epoch: i32, end: i64) -> (u16, Event) {
    let (epoch, log_end, high_watermark) = (LeaderEpoch(epoch), Offset(end), Offset(0));
    (broker, Event::BecameLeader { partition: P, epoch, log_end, high_watermark })
}

fn crashed(node: u16) -> (u16, Event) {
    (node, Event::ProcessEnded(ProcessEnd::Crash))
}

// Losses of a log.

/// A record is acknowledged by broker 1, which leads all three; then this.
fn lost(acks: &str, min_insync_replicas: u16, last: Events) -> Told {
    let mut context = context();
    context.producers[0].acks = acks.parse().expect("acks");
    context.topics[1].min_insync_replicas = min_insync_replicas;
    let first = [elected(1, 0, &[1, 2, 3]), took_lead(1, 0, 0), sent(0), appended(1, 0, 0, &[0])];
    let events = [&first[..], &[acked(0, &[0])], &last, &[final_done(0)]].concat();
    Told { context, events }
}

/// Another one in sync leads, and has not got it.
fn without_it() -> Events {
    vec![elected(2, 1, &[2, 3]), took_lead(2, 1, 0)]
}

/// The leader was the last in sync, and comes back without it.
fn alone() -> Events {
    vec![elected(0, 1, &[1]), elected(1, 2, &[1]), took_lead(1, 2, 0)]
}

fn unclean() -> Events {
    let (node, mut event) = elected(3, 1, &[3]);
    if let Event::LeaderElected { unclean, .. } = &mut event {
        *unclean = true;
    }
    vec![(node, event), took_lead(3, 1, 0)]
}

fn by_setting() -> Told {
    let mut told = lost("all", 2, unclean());
    told.context.topics[1].unclean_leader_election = true;
    told
}

fn single() -> Told {
    let mut told = lost("all", 1, alone());
    told.context.topics[1].replication_factor = 1;
    told
}

/// A stale leader answers after another one took its place.
fn stale() -> Told {
    let mut told = lost("1", 2, vec![]);
    told.events = vec![took_lead(1, 0, 0), took_lead(2, 1, 0), sent(0), acked(0, &[0])];
    told.events.push(final_done(0));
    told
}

fn disk_lost() -> Events {
    let (from, to) = (Offset(1), Offset(0));
    let gone = (1, Event::TailLost { partition: P, from, to, by: TailLoss::Disk });
    vec![crashed(1), gone, elected(1, 1, &[1]), took_lead(1, 1, 0)]
}

// What a group skips.

/// A group that works skips the record at offset 0 of a log that holds nothing else.
fn skipped((protocol, commit, reset): (&str, &str, &str), events: Events) -> Told {
    let mut context = context();
    context.groups[0].protocol = protocol.into();
    context.groups[0].commit = commit.into();
    context.groups[0].reset = reset.into();
    let first = [processed(900, 900), phase(Phase::Settle), sent(0), sent(1), acked(0, &[0])];
    let last = [final_read(0, &[0]), phase(Phase::End)];
    Told { context, events: [&first[..], &events, &last].concat() }
}

/// One member is given the record and commits past it, the next goes on from there.
fn committed_past(protocol: &str, commit: &str) -> Told {
    let next = positioned(6, 1, PositionSource::Committed);
    let events = vec![polled(0, &[0]), commit_sent(1), committed(1), next];
    skipped((protocol, commit, "latest"), events)
}

/// A group committed 2, then the log was cut at 0 and grew to 2 again.
fn cut_and_regrown() -> Told {
    let next = positioned(6, 2, PositionSource::Committed);
    let events = vec![polled(0, &[5, 6]), commit_sent(2), committed(2), took_lead(2, 1, 0), next];
    skipped(("classic", "sync-after-batch", "latest"), events)
}

fn began(reset: &str, source: PositionSource) -> Told {
    skipped(("classic", "auto", reset), vec![positioned(5, 1, source)])
}

fn expired() -> (u16, Event) {
    (1, Event::OffsetsExpired { group: G, partitions: [P].into() })
}

fn expired_and_reset() -> Told {
    let next = positioned(6, 1, PositionSource::NoCommitLatest);
    skipped(("classic", "auto", "latest"), vec![expired(), next])
}

fn added_and_reset() -> Told {
    let new = TopicPartition { partition: 1, ..P };
    let added = (0, Event::PartitionsAdded { topic: P.topic, partitions: 2 });
    let latest = positioned(5, 1, PositionSource::NoCommitLatest);
    let mut told = skipped(("classic", "auto", "latest"), vec![assigned(5, 1), added, latest]);
    for (_, event) in &mut told.events {
        if let Event::Positioned { partition, .. } | Event::FinalRead { partition, .. } = event {
            *partition = new;
        }
    }
    told
}

fn given_up(on_failure: OnRecordFailure) -> Told {
    let events = vec![polled(0, &[0]), gave_up(0, 0)];
    let mut told = skipped(("classic", "sync-after-batch", "latest"), events);
    told.context.groups[0].consuming.on_failure = on_failure;
    told
}

fn passed_in_poll() -> Told {
    skipped(("classic", "auto", "latest"), vec![polled(0, &[0, 1]), processed(1, 1)])
}

rows! { losses: LossCause {
    AcksOne, lost("1", 2, without_it());
    StaleLeader, stale();
    UncleanElection, by_setting();
    LastReplica, lost("all", 1, alone());
    ForcedElection, lost("all", 2, unclean());
    PowerLoss, lost("all", 2, disks::unflushed());
    OnlyReplica, single();
    Replication, lost("all", 2, without_it());
    CommitBeforeProcessing, committed_past("classic", "before-processing");
    HandOff, committed_past("classic", "auto-with-hand-off");
    BackgroundCommit, committed_past("consumer", "auto");
    CommitPastWork, committed_past("classic", "sync-after-batch");
    PartitionAdded, added_and_reset();
    WorkerPositions, commits::by_workers(Covers::Positions);
    HighestDone, commits::by_workers(Covers::HighestDone);
    StoredCommit, committed_past("classic", "auto-in-background");
    CommitBeyond, commits::beyond();
    CloseAfterException, commits::closed_after_exception();
    Skipped, given_up(OnRecordFailure::Skip);
    DroppedPoll, given_up(OnRecordFailure::DropPoll);
    ResetLatest, began("latest", PositionSource::NoCommitLatest);
    Expired, expired_and_reset();
    OutOfRange, began("earliest", PositionSource::OutOfRangeEarliest);
    NeverGiven, began("latest", PositionSource::Committed);
    NotOnRecord, passed_in_poll();
    LogCut, cut_and_regrown();
    ResetByDuration, began("by_duration:PT1S", PositionSource::NoCommitByDuration);
    CommittedBeforeAcked, outputs::not_awaited();
    OutputDropped, outputs::dropped();
    OutputAcksZero, outputs::acked(Acks::None);
    OutputAcksOne, outputs::acked(Acks::Leader);
    OutputLost, outputs::acked(Acks::All);
    DeadLetterLost, outputs::dead_letter();
    DiskLost, lost("all", 2, disk_lost());
    TranslatedTooFar, mirrors::translated_too_far();
    FailOverReset, mirrors::reset();
    Retention, topics::deleted();
    TopicDeleted, topics::deleted_with_topic();
    TopicRecreated, topics::kept_in_the_next();
    RevocationCommitAgain, commits::committed_again();
    DamagedLog, lost("all", 2, disks::damaged());
    MovedToOne, lost("all", 2, disks::moved());
} }

#[test]
fn every_cause_of_a_loss_has_a_history() {
    for (cause, told) in losses() {
        let Findings { records, groups, .. } = told.judged();
        let skips = groups.iter().flat_map(|group| group.skip_causes.keys());
        let losses = records.loss_causes.keys().chain(skips).copied();
        let outputs = groups.iter().filter_map(|group| group.outputs.as_ref());
        let outputs = outputs.flat_map(|outputs| outputs.loss_causes.keys()).copied();
        // What its log lost of an output is a loss of that log too.
        let made: BTreeSet<LossCause> = outputs.collect();
        let found = if made.is_empty() { losses.collect() } else { made };
        assert_eq!(found, [cause].into(), "{}", cause.about());
    }
    assert_eq!(losses().len(), LossCause::ALL.len());
}

// Duplicates.

fn failed(number: u32) -> (u16, Event) {
    let (records, error) = (slice(&[number]), ErrorCode::Timeout);
    (4, Event::Failed { partition: Some(P), records, error, maybe_written: true })
}

fn bumped() -> (u16, Event) {
    (4, Event::ProducerEpochBumped { partition: P })
}

/// A record that was sent is in the log twice; meanwhile this.
fn written_twice(idempotent: bool, meanwhile: Events) -> Told {
    let mut told = told([&[sent(0)][..], &meanwhile, &[final_read(0, &[0, 0])]].concat());
    told.context.producers[0].idempotent = idempotent;
    told
}

/// The leader writes a record that is older than what the brokers remember, once more.
fn forgotten() -> Told {
    let appends = vec![appended(1, 0, 0, &[0]), appended(1, 0, 1, &[0])];
    let mut told = written_twice(true, appends);
    told.context.producers[0].limits.id_expiration = Some(Micros::from_secs(2));
    told
}

/// A member at node 5 processes the record at offset 0; then this.
fn worked(last: Events) -> Told {
    let found = positioned(5, 0, PositionSource::Committed);
    told([&[assigned(5, 1), found, processed(0, 0)][..], &last].concat())
}

/// The member at node 6 is given the partition, finds its position so, and processes the record again.
fn taken_over(source: PositionSource) -> Events {
    vec![assigned(6, 2), positioned(6, 0, source), at_node(6, processed(0, 0))]
}

fn after(meanwhile: Events) -> Told {
    worked([meanwhile, taken_over(PositionSource::Committed)].concat())
}

fn replaced() -> (u16, Event) {
    let (before, member) = (MemberId(5), MemberId(6));
    (1, Event::MemberReplaced { group: G, before, member })
}

fn begun_anew(source: PositionSource, before: Events) -> Told {
    worked([before, taken_over(source)].concat())
}

/// The group puts a member out.
fn put_out(reason: RebalanceReason) -> (u16, Event) {
    let reason = Some(reason);
    (1, Event::Rebalanced { group: G, generation: GenerationId(2), members: 1, reason })
}

/// What was done is committed; then the member at `node` commits that nothing is.
fn worked_behind_commits(node: u16) -> Told {
    after(vec![committed(1), at_node(node, committed(0)), crashed(5)])
}

/// A commit of the first member is refused.
fn refused(offset: i64) -> (u16, Event) {
    let (offsets, error) = ([(P, Offset(offset))].into(), ErrorCode::RebalanceInProgress);
    (5, Event::CommitFailed { group: G, offsets, error, maybe_written: false })
}

fn not_advanced() -> Told {
    let mut told = after(vec![committed(0), crashed(5)]);
    told.context.groups[0].consuming.commit_offset = CommitOffset::Last;
    told
}

fn never_committed() -> Told {
    let mut told = after(vec![]);
    told.context.groups[0].commit = "never".into();
    told
}

rows! { duplicates: DuplicateCause {
    ProducerRetry, written_twice(false, vec![]);
    ProducerRestart, written_twice(true, vec![crashed(4), sent(0)]);
    SentAgain, written_twice(true, vec![sent(0)]);
    EpochBump, written_twice(true, vec![sent(1), failed(1), bumped()]);
    Deduplication, written_twice(true, vec![]);
    LogDuplicate, worked(vec![processed(1, 0)]);
    MemberCrash, after(vec![crashed(5)]);
    Rebalance, after(vec![]);
    Replaced, after(vec![replaced()]);
    Zombie, worked(vec![assigned(6, 2), positioned(6, 1, PositionSource::Committed), processed(0, 0)]);
    Expired, begun_anew(PositionSource::NoCommitEarliest, vec![committed(1), crashed(5), expired()]);
    PositionReset, begun_anew(PositionSource::OutOfRangeEarliest, vec![committed(1)]);
    BehindCommit, after(vec![committed(1)]);
    SameMember, worked(vec![processed(0, 0)]);
    ProducerExpired, forgotten();
    PollOverrun, after(vec![put_out(RebalanceReason::PollIntervalExceeded)]);
    SessionExpired, after(vec![put_out(RebalanceReason::SessionExpired)]);
    CommitWentBack, worked_behind_commits(5);
    LateCommit, worked_behind_commits(6);
    OffsetNotAdvanced, not_advanced();
    NeverCommitted, never_committed();
    TruncationRewind, worked(vec![positioned(5, 0, PositionSource::Truncated), processed(0, 0)]);
    MirrorRestart, mirrors::restarted();
    TranslationLag, mirrors::gone_over();
    CommitRefused, after(vec![refused(1)]);
    NotOnRecord, told(vec![processed(0, 0), at_node(6, processed(0, 0))]);
} }

#[test]
fn every_cause_of_a_duplicate_has_a_history() {
    for (cause, told) in duplicates() {
        let Findings { records, groups, .. } = told.judged();
        let again = groups.iter().flat_map(|group| group.duplicate_causes.keys());
        let found: BTreeSet<DuplicateCause> =
            records.log_duplicate_causes.keys().chain(again).copied().collect();
        assert_eq!(found, [cause].into(), "{}", cause.about());
    }
    assert_eq!(duplicates().len(), DuplicateCause::ALL.len());
}

// Records behind later ones.

/// The first of two records stands behind the second; meanwhile this.
fn reordered(idempotent: bool, meanwhile: Events) -> Told {
    let mut told = told([&[sent(0), sent(1)][..], &meanwhile, &[final_read(0, &[1, 0])]].concat());
    told.context.producers[0].idempotent = idempotent;
    told.context.producers[0].ordered = idempotent;
    told
}

fn retried(first: u32, error: ErrorCode) -> (u16, Event) {
    (4, Event::Retried { partition: P, first: record(first), error })
}

rows! { orders: OrderCause {
    InFlightRetry, reordered(false, vec![retried(0, ErrorCode::RequestTimedOut)]);
    ProducerRestart, told(vec![sent(0), crashed(4), sent(1), sent(0), final_read(0, &[1, 0])]);
    WrittenLate, told(vec![sent(0), crashed(4), sent(1), final_read(0, &[1, 0])]);
    SentAgain, reordered(true, vec![sent(0)]);
    EpochBump, reordered(true, vec![sent(2), failed(2), bumped()]);
    NotOnRecord, reordered(true, vec![]);
} }

#[test]
fn every_cause_of_a_wrong_order_has_a_history() {
    for (cause, told) in orders() {
        let found: BTreeSet<OrderCause> =
            told.judged().records.reorder_causes.keys().copied().collect();
        assert_eq!(found, [cause].into(), "{}", cause.about());
    }
    assert_eq!(orders().len(), OrderCause::ALL.len());
}

// Sends without an acknowledgement.

const RETRIES: u32 = 1;
const DELIVERY: Micros = Micros::from_secs(3);
const BLOCK: Micros = Micros::from_secs(2);

/// A producer with these limits.
fn limited(events: Events) -> Told {
    let mut told = told(events);
    told.context.producers[0].limits = ProducerLimits {
        retries: Some(RETRIES),
        delivery_timeout: Some(DELIVERY),
        max_block: Some(BLOCK),
        id_expiration: None,
    };
    told
}

/// A second goes by.
fn wait() -> (u16, Event) {
    (3, Event::BrokerStarted)
}

fn failed_with(error: ErrorCode) -> (u16, Event) {
    let records = slice(&[0]);
    (4, Event::Failed { partition: Some(P), records, error, maybe_written: false })
}

fn blocked_and_rejected() -> Told {
    let (record, error) = (record(0), ErrorCode::Timeout);
    limited(vec![
        (4, Event::SendBlocked { record }),
        wait(),
        (4, Event::Rejected { record, error }),
    ])
}

fn unanswered() -> Told {
    let mut told = limited(vec![sent(0)]);
    told.context.producers[0].acks = "0".parse().expect("acks");
    told
}

const REFUSED: ErrorCode = ErrorCode::NotEnoughReplicas;

rows! { ends: SendEnd {
    Retries(_) = RETRIES, limited(vec![sent(0), retried(0, REFUSED), failed_with(REFUSED)]);
    DeliveryTimeout(_) = DELIVERY, limited(vec![sent(0), wait(), wait(), failed(0)]);
    MaxBlock(_) = BLOCK, blocked_and_rejected();
    Final, limited(vec![sent(0), failed_with(ErrorCode::MessageTooLarge)]);
    AcksZero, unanswered();
    NeverLeft, limited(vec![sent(0), (4, Event::Unsent { records: slice(&[0]) })]);
    ProducerEnded, limited(vec![sent(0), crashed(4)]);
    Open, limited(vec![sent(0)]);
    NotOnRecord, limited(vec![sent(0), failed_with(REFUSED)]);
} }

#[test]
fn every_end_of_a_send_has_a_history() {
    let mut names = BTreeSet::new();
    for (end, told) in ends() {
        let records = told.judged().records;
        let causes = records.failure_causes.keys().chain(records.unknown_causes.keys());
        let found: Vec<SendEnd> = causes.map(|cause| cause.end).collect();
        assert_eq!(found, [end]);
        names.insert(end.name());
    }
    assert_eq!(names.len(), ends().len(), "each has a name of its own");
    let shown = SendCause { error: Some(REFUSED), end: SendEnd::Retries(RETRIES) };
    assert_eq!(shown.name(), SendEnd::Retries(RETRIES).name());
}
