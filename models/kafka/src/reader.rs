//! The final read: every partition from its log start to the high watermark, once, for the oracle. It
//! knows nothing of groups; it retries whatever fails until everything is read.

use crate::client::network::{Completed, Failed, data};
use crate::client::{ClientSettings, NetworkClient, NetworkTimer};
use crate::machine::{Input, InputOf, Machine, Outbox, Route, To};
use crate::message::{
    CorrelationId, FetchPartition, FetchRequest, FetchSession, FetchedPartition,
    ListOffsetsPartition, ListedOffset, Message, OffsetSpec, Request, Response,
};
use crate::observation::Observation;
use ackproof_types::{
    BrokerId, ErrorCode, LeaderEpoch, Micros, Offset, Timestamp, TopicId, TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

/// The effects of a reader.
pub type Out = Outbox<Timer, Infallible>;

/// How long an answer may take.
const REQUEST_TIMEOUT: Micros = Micros::from_secs(30);
/// How long a leader may hold a fetch.
const FETCH_WAIT: Micros = Micros::from_millis(500);
/// The pause after an error.
const RETRY: Micros = Micros::from_millis(100);
/// How long metadata is good for without an error.
const METADATA_MAX_AGE: Micros = Micros::from_secs(300);
/// More than it ever asks at a time.
const MAX_IN_FLIGHT: usize = 5;

/// What a reader is started with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReaderConfig {
    /// `bootstrap.servers`.
    pub bootstrap: Arc<[BrokerId]>,
    /// What to read; and what else their topics turn out to have.
    pub partitions: Vec<TopicPartition>,
    /// Bound in bytes on one fetch and on each partition of it.
    pub max_bytes: u32,
    /// Whom it asks first follows from it.
    pub salt: u64,
}

/// The timers of a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// A timer of the network client.
    Network(NetworkTimer),
    /// Partitions that failed may be tried again.
    Retry,
}

impl From<NetworkTimer> for Timer {
    fn from(timer: NetworkTimer) -> Self {
        Self::Network(timer)
    }
}

/// What a request under way is for: at most one per broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Purpose {
    Offsets(BrokerId, OffsetSpec),
    Fetch(BrokerId),
}

/// How far a partition is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Progress {
    /// The log start at the first lookup.
    start: Option<Offset>,
    /// The high watermark at the first lookup.
    end: Option<Offset>,
    /// The next offset to read.
    next: Offset,
    /// Who was asked, and under which epoch: an answer may come after another was asked.
    asked: BTreeMap<BrokerId, LeaderEpoch>,
    /// The leadership that is on record as the one that answers.
    by: Option<(BrokerId, LeaderEpoch)>,
    done: bool,
    /// Its last request failed; wait before the next.
    delayed: bool,
}

impl Progress {
    /// Puts on record who answers, whenever that changes: a leader that was deposed and does not know it
    /// answers too, and what it has is not what the log is.
    fn answered(&mut self, partition: TopicPartition, broker: BrokerId, out: &mut Out) {
        let Some(&epoch) = self.asked.get(&broker) else { return };
        if self.by.replace((broker, epoch)) != Some((broker, epoch)) {
            out.observe(Observation::FinalReadBy { partition, broker, epoch });
        }
    }
}

/// Reads everything that is readable, then exits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reader {
    config: ReaderConfig,
    client: NetworkClient<Purpose>,
    progress: BTreeMap<TopicPartition, Progress>,
    busy: BTreeSet<BrokerId>,
    exited: bool,
}

impl Machine for Reader {
    type Config = ReaderConfig;
    type Timer = Timer;
    type Disk = ();
    type Call = ();

    fn boot(config: &ReaderConfig, _disk: &(), _now: Timestamp, out: &mut Out) -> Self {
        let topics: BTreeSet<TopicId> = config.partitions.iter().map(|one| one.topic).collect();
        let partitions = config.partitions.iter();
        let topics: Vec<TopicId> = topics.into_iter().collect();
        let settings = ClientSettings {
            bootstrap: Arc::clone(&config.bootstrap),
            max_in_flight: MAX_IN_FLIGHT,
            request_timeout: REQUEST_TIMEOUT,
            retry_backoff: RETRY,
            retry_backoff_max: RETRY,
            metadata_max_age: METADATA_MAX_AGE,
            salt: config.salt,
        };
        let mut reader = Self {
            config: config.clone(),
            client: NetworkClient::new(settings, &topics),
            progress: partitions.map(|one| (*one, Progress::default())).collect(),
            busy: BTreeSet::new(),
            exited: false,
        };
        reader.drive(out);
        reader
    }

    fn step(&mut self, _now: Timestamp, mut input: InputOf<Self>, out: &mut Out) {
        if self.exited {
            return;
        }
        self.client.unthrottled(&mut input, out);
        match input {
            Input::Deliver { from, message: Message::Response(id, response) } => {
                match self.client.answered(from.route, id, response, out) {
                    Completed::Internal => {}
                    Completed::Metadata => self.look_for_more(),
                    Completed::Request(id, purpose, response) => {
                        self.take(from.route, (id, purpose), response, out);
                    }
                    Completed::Failed(failed) => self.fail(failed),
                }
            }
            Input::Disconnected(route) => {
                let failed = self.client.disconnected(route, out);
                self.fail(failed);
            }
            Input::Fire(Timer::Network(timer)) => {
                let failed = self.client.fire(timer, out);
                self.fail(failed);
            }
            Input::Fire(Timer::Retry) => {
                for progress in self.progress.values_mut() {
                    progress.delayed = false;
                }
            }
            Input::Deliver { from, message: Message::Request(_, request) } => {
                out.misplaced(To::Connection(from.connection), request.name());
            }
            // It has no disk, and nothing is asked of it.
            Input::Deliver { .. }
            | Input::Flushed(_)
            | Input::SendCompleted(_)
            | Input::Call(()) => {}
        }
        self.drive(out);
    }
}

impl Reader {
    fn take(
        &mut self,
        route: Route,
        (id, purpose): (CorrelationId, Purpose),
        response: Response,
        out: &mut Out,
    ) {
        match (purpose, response) {
            (Purpose::Offsets(broker, spec), Response::ListOffsets(answers)) => {
                self.busy.remove(&broker);
                for (partition, answer) in answers {
                    self.offset_listed((broker, partition), spec, answer, out);
                }
            }
            (Purpose::Fetch(broker), Response::Fetch(answers)) => {
                self.busy.remove(&broker);
                for answer in answers {
                    self.fetched(broker, answer, out);
                }
            }
            (purpose, response) => {
                let mut failed = vec![(id, purpose)];
                failed.extend(self.client.misplaced(route, response.name(), out));
                self.fail(failed);
            }
        }
    }

    /// Topics may have more partitions by now than they began with, or be deleted: then nothing is to be read.
    fn look_for_more(&mut self) {
        let metadata = self.client.metadata();
        for topic in metadata.topics() {
            for number in 0..metadata.partition_count(topic) {
                self.progress.entry(TopicPartition::new(topic, number)).or_default();
            }
        }
        // Whoever answers knows all that was committed before it served: what it does not know is deleted.
        let gone: Vec<TopicId> =
            metadata.topics().into_iter().filter(|topic| metadata.is_gone(*topic)).collect();
        for (partition, progress) in &mut self.progress {
            progress.done |= gone.contains(&partition.topic);
        }
    }

    fn fail(&mut self, failed: Failed<Purpose>) {
        for (_, purpose) in failed {
            self.fail_one(purpose);
        }
    }

    fn fail_one(&mut self, purpose: Purpose) {
        match purpose {
            // The back-off of the connection spaces the next attempt.
            Purpose::Offsets(broker, _) | Purpose::Fetch(broker) => {
                self.busy.remove(&broker);
                self.client.metadata_mut().request_update();
            }
        }
    }

    fn delay(&mut self, partition: TopicPartition, out: &mut Out) {
        self.client.metadata_mut().request_update();
        if let Some(progress) = self.progress.get_mut(&partition) {
            progress.delayed = true;
            out.arm(Timer::Retry, RETRY);
        }
    }

    fn offset_listed(
        &mut self,
        (broker, partition): (BrokerId, TopicPartition),
        spec: OffsetSpec,
        answer: Result<ListedOffset, ErrorCode>,
        out: &mut Out,
    ) {
        // OFFSET_NOT_AVAILABLE among others: a new leader does not know its high watermark yet
        // (R2.20).
        let Ok(listed) = answer else { return self.delay(partition, out) };
        let place = self.client.metadata().place_of(partition);
        let Some(progress) = self.progress.get_mut(&partition) else { return };
        progress.answered(place, broker, out);
        match spec {
            OffsetSpec::Earliest => {
                progress.start = Some(listed.offset);
                progress.next = progress.next.max(listed.offset);
            }
            OffsetSpec::Latest => progress.end = Some(listed.offset),
            // It is not asked.
            OffsetSpec::Since(_) | OffsetSpec::LogEnd => {}
        }
        self.finish_if_read(partition, out);
    }

    fn fetched(&mut self, broker: BrokerId, answer: FetchedPartition, out: &mut Out) {
        let (place, partition) = (answer.partition, answer.partition.name());
        let Some(progress) = self.progress.get_mut(&partition) else { return };
        let Some(end) = progress.end else { return };
        let fetched = match answer.result {
            Ok(fetched) => fetched,
            // What nobody can read is passed over.
            Err(ErrorCode::CorruptMessage) => {
                progress.answered(place, broker, out);
                progress.next = progress.next.plus(1);
                return self.finish_if_read(partition, out);
            }
            Err(error) => {
                if error == ErrorCode::OffsetOutOfRange {
                    // The log was cut, or begins later: there may be no more to read than this.
                    (progress.start, progress.end) = (None, None);
                }
                return self.delay(partition, out);
            }
        };
        if fetched.fetch_offset != progress.next {
            return;
        }
        progress.answered(place, broker, out);
        for batch in fetched.batches {
            let records = batch.records();
            let skipped = usize::try_from(progress.next.since(batch.base_offset));
            let skipped = skipped.map_or(records.len(), |skipped| skipped.min(records.len()));
            let base_offset = progress.next.max(batch.base_offset);
            let wanted = usize::try_from(end.since(base_offset)).unwrap_or(usize::MAX);
            let upto = records.len().min(skipped.saturating_add(wanted));
            if skipped < upto {
                let records = records.slice(skipped..upto);
                out.observe(Observation::FinalRead { partition: place, base_offset, records });
            }
            progress.next = progress.next.max(batch.next_offset().min(end));
        }
        self.finish_if_read(partition, out);
    }

    fn finish_if_read(&mut self, partition: TopicPartition, out: &mut Out) {
        let Some(progress) = self.progress.get_mut(&partition) else { return };
        let (Some(start), Some(end)) = (progress.start, progress.end) else { return };
        if progress.next >= end && !progress.done {
            progress.done = true;
            // Below `next` only if the log was cut while it was read.
            let end = progress.next;
            let partition = self.client.metadata().place_of(partition);
            out.observe(Observation::FinalReadDone { partition, start, end });
        }
    }

    fn drive(&mut self, out: &mut Out) {
        if self.progress.values().all(|progress| progress.done) {
            self.exited = true;
            return out.exit();
        }
        let bootstrap = Arc::clone(&self.config.bootstrap);
        for broker in bootstrap.iter().copied() {
            let route = data(broker);
            if self.busy.contains(&broker) || self.client.is_unavailable(route) {
                continue;
            }
            if let Some((request, purpose)) = self.next_request(broker) {
                self.busy.insert(broker);
                self.client.send(route, request, purpose, out);
            }
        }
        self.client.maybe_update(out);
    }

    /// Log starts first, then high watermarks, then records.
    fn next_request(&mut self, broker: BrokerId) -> Option<(Request, Purpose)> {
        let (mut earliest, mut latest, mut fetches) = (Vec::new(), Vec::new(), Vec::new());
        for (&partition, progress) in &mut self.progress {
            if progress.done || progress.delayed {
                continue;
            }
            let known = self.client.metadata().current_leader(partition);
            let Some((Some(leader), leader_epoch)) = known.map(|it| (it.leader, it.epoch)) else {
                self.client.metadata_mut().request_update();
                continue;
            };
            if leader != broker {
                // Another's.
            } else if progress.start.is_none() {
                let spec = OffsetSpec::Earliest;
                earliest.push(ListOffsetsPartition { partition, leader_epoch, spec });
            } else if progress.end.is_none() {
                let spec = OffsetSpec::Latest;
                latest.push(ListOffsetsPartition { partition, leader_epoch, spec });
            } else {
                fetches.push(FetchPartition {
                    partition: self.client.metadata().place_of(partition),
                    offset: progress.next,
                    leader_epoch,
                    last_fetched_epoch: LeaderEpoch::UNKNOWN,
                    log_start: Offset::UNKNOWN,
                    max_bytes: self.config.max_bytes,
                });
            }
            if leader == broker {
                progress.asked.insert(broker, leader_epoch);
            }
        }
        if !earliest.is_empty() {
            let purpose = Purpose::Offsets(broker, OffsetSpec::Earliest);
            return Some((Request::ListOffsets(earliest), purpose));
        }
        if !latest.is_empty() {
            let purpose = Purpose::Offsets(broker, OffsetSpec::Latest);
            return Some((Request::ListOffsets(latest), purpose));
        }
        if fetches.is_empty() {
            return None;
        }
        let request = Request::Fetch(FetchRequest {
            session: FetchSession::Sessionless,
            replica: None,
            rack: None,
            max_wait: FETCH_WAIT,
            min_bytes: 1,
            max_bytes: self.config.max_bytes,
            partitions: fetches,
        });
        Some((request, Purpose::Fetch(broker)))
    }
}

#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test names only what it expects")]
mod tests;
