//! From the tools' logs to entries, and what is decided where the tools are silent:
//! - When a record was sent is put together in `sends.rs`, what happened around the clients in `frame.rs`.
//! - A failed send may have been written, unless the exception says that it never left the client.
//! - A record counts as processed when its `record_data` is printed: the consumer does nothing else with
//!   it, and commits only after that. `onPartitionsLost` prints what `onPartitionsRevoked` does.
//! - A commit is sent when `records_consumed` is printed, of what that line tells: the consumer's next
//!   step. Not where it never tells of commits: then they are automatic.
//! - Where a member resumed is told where it is certain: `positions.rs`.
//! - When an idempotent producer sends a batch again, and when it raises its epoch, its client logs: `client.rs`. Where
//!   that log is not there, it raised the epoch after each failed send.
//! - The end comes last: what clients print after it belongs to the whole all the same.

use super::client::Flights;
use super::frame::{Lives, Moment, clamp, during, lives, of_base, of_logs};
use super::positions::Positions;
use super::roster::{Roster, Settings};
use super::sends::{Send, micros, sends};
use super::{Base, Batch, Commit, Dump, Line, Log, Metadata, Place, What};
use ackproof_oracle::context::Context;
use ackproof_oracle::history::{Entry, Event, Phase};
use ackproof_oracle::jsonl::{entry_line, header_line};
use ackproof_types::{
    ErrorCode, GenerationId, MemberId, NodeId, Offset, ProducerIndex, Record, RecordSlice,
    Timestamp, TopicId, TopicPartition,
};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// What logs became.
#[derive(Clone, Debug)]
pub struct History {
    /// Its header.
    pub context: Context,
    /// What happened; `at` is the time since 1970.
    pub entries: Vec<Entry>,
    /// Values that are of none of the producers, which were left out.
    pub foreign: u64,
}

impl History {
    /// Writes it as HISTORY.md describes.
    ///
    /// # Errors
    /// Of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}", header_line(&self.context))?;
        self.entries
            .iter()
            .try_for_each(|entry| writeln!(out, "{}", entry_line(entry, &self.context)))
    }
}

/// The history of these logs alone.
///
/// # Errors
/// What keeps the logs from being one history.
pub fn history(
    producers: &[Log],
    consumers: &[Log],
    dump: Option<&Dump>,
    settings: &Settings,
) -> Result<History, String> {
    let roster = Roster::made(producers, consumers, dump, settings)?;
    let sends = sends(&roster, producers, consumers, dump)?;
    let logs: Vec<&Log> = producers.iter().chain(consumers).collect();
    let frame = of_logs(&logs, &sends, dump.is_some(), &roster);
    let lives = vec![Lives::new(); logs.len()];
    // Nobody says what topics these are: of positions nothing is certain.
    Making::new(roster, &logs, None).make(&sends, &logs, &lives, frame, dump)
}

/// The history of a run around which a harness kept `base`, with the logs of the clients that it started
/// (named as their processes: producers as in the header, members `group-number`), the records at the end,
/// and the controllers' log if the base tells of no elections itself. A producer's `--value-prefix` is its
/// place among the header's producers, from 0, and their number more in every further life. Events of `base`
/// keep their times; phases, faults and the lives of processes are its own, but a client that printed `shutdown_complete` ended cleanly then. Times
/// in `dump` give records their true `sent`, never after their acknowledgement. What the controllers decided
/// before `base` begins is told at its beginning; what they decided after its phase `end` is left out.
///
/// # Errors
/// What keeps these from being one history.
pub fn merge(
    base: &Base,
    producers: &[Log],
    consumers: &[Log],
    dump: Option<&Dump>,
    metadata: Option<&Metadata>,
) -> Result<History, String> {
    let is_phase = |phase| {
        let phase = Event::Phase(phase);
        base.entries.iter().any(|entry| entry.event == phase)
    };
    if dump.is_some() && !is_phase(Phase::FinalRead) {
        return Err("there is a final read, and the base has no phase final_read".to_owned());
    }
    if metadata.is_some() && base.is_decided() {
        return Err(
            "the base tells of elections already: leave out the controllers' log".to_owned()
        );
    }
    let roster = Roster::of(base, producers, consumers, dump)?;
    let sends = sends(&roster, producers, consumers, dump)?;
    let logs: Vec<&Log> = producers.iter().chain(consumers).collect();
    let lives: Vec<Lives> = (0..logs.len()).map(|log| lives(base, roster.node(log))).collect();
    let decided = metadata.map_or(Ok(Vec::new()), |log| log.events(&roster.context))?;
    let mut frame = during(base, decided);
    frame.extend(of_base(base, &logs, &roster));
    Making::new(roster, &logs, dump).make(&sends, &logs, &lives, frame, dump)
}

/// What becomes entries.
#[derive(Debug)]
enum Item<'a> {
    Around(NodeId, Event),
    Send(&'a Send),
    Line(usize, &'a Line),
    Read(&'a Dump),
}

/// A history in the making.
struct Making<'a> {
    roster: Roster,
    positions: Positions<'a>,
    owned: Vec<BTreeSet<TopicPartition>>,
    flights: Flights,
    /// Whether what a producer's client logged is known.
    heard: Vec<bool>,
    /// Whether a consumer prints its records.
    told: Vec<bool>,
    /// Whether it prints its commits.
    commits: Vec<bool>,
    entries: Vec<Entry>,
    now: u64,
    foreign: u64,
}

/// Whether a send certainly never left the client, by what its exception says.
fn is_certain(exception: &str, message: &str) -> bool {
    let class = exception.rsplit('.').next().unwrap_or_default();
    match class {
        "RecordTooLargeException" | "SerializationException" | "BufferExhaustedException" => true,
        // Else it waited in a batch, which may have been on its way.
        "TimeoutException" => message.contains("not present in metadata after"),
        _ => false,
    }
}

fn code(exception: &str) -> ErrorCode {
    match exception.rsplit('.').next().unwrap_or_default() {
        "TimeoutException" => ErrorCode::Timeout,
        "NotEnoughReplicasException" => ErrorCode::NotEnoughReplicas,
        "NotEnoughReplicasAfterAppendException" => ErrorCode::NotEnoughReplicasAfterAppend,
        "RecordTooLargeException" => ErrorCode::MessageTooLarge,
        "NetworkException" | "DisconnectException" => ErrorCode::NetworkException,
        "NotLeaderOrFollowerException" => ErrorCode::NotLeaderOrFollower,
        "OutOfOrderSequenceException" => ErrorCode::OutOfOrderSequenceNumber,
        _ => ErrorCode::UnknownServerError,
    }
}

/// Whether a producer asks for a new epoch when a batch is refused with it, and sends the batch again all the same.
const fn is_reason(error: ErrorCode) -> bool {
    matches!(error, ErrorCode::OutOfOrderSequenceNumber | ErrorCode::InvalidProducerEpoch)
}

impl<'a> Making<'a> {
    /// `known`: the final read, if it says where members resumed.
    fn new(roster: Roster, logs: &[&Log], known: Option<&'a Dump>) -> Self {
        let consumers = &logs[roster.producers.len()..];
        let is_commit = |line: &Line| matches!(line.what, What::Committed { .. });
        Self {
            positions: Positions::new(&roster.context, known, consumers.len()),
            owned: vec![BTreeSet::new(); consumers.len()],
            flights: Flights::default(),
            heard: logs.iter().map(|log| log.is_heard).collect(),
            told: vec![false; consumers.len()],
            commits: consumers.iter().map(|log| log.lines.iter().any(is_commit)).collect(),
            entries: Vec::new(),
            now: 0,
            foreign: 0,
            roster,
        }
    }

    fn make(
        mut self,
        sends: &[Send],
        logs: &[&Log],
        lives: &[Lives],
        frame: Vec<Moment>,
        dump: Option<&Dump>,
    ) -> Result<History, String> {
        let is_end = |(_, _, event): &Moment| *event == Event::Phase(Phase::End);
        let end = frame.iter().find(|moment| is_end(moment)).map(|(at, ..)| *at);
        let frame = frame.into_iter().filter(|moment| !is_end(moment));
        let (begins, around): (Vec<Moment>, Vec<Moment>) = frame.partition(|(_, _, event)| {
            matches!(event, Event::Phase(Phase::Load) | Event::ProcessStarted)
        });
        // At the same time a process begins, sends, tells and ends in this order.
        let moment = |(at, node, event): Moment| (at, Item::Around(node, event));
        let mut items: Vec<(u64, Item<'_>)> = begins.into_iter().map(moment).collect();
        items.extend(sends.iter().map(|send| (clamp(&lives[send.log], send.at), Item::Send(send))));
        for (index, (log, lives)) in logs.iter().zip(lives).enumerate() {
            items.extend(
                log.lines
                    .iter()
                    .map(|line| (clamp(lives, micros(line.timestamp)), Item::Line(index, line))),
            );
        }
        items.extend(around.into_iter().map(moment));
        let last = items.iter().map(|(at, _)| *at).max().unwrap_or(0);
        items.extend(dump.map(|dump| (end.unwrap_or(last), Item::Read(dump))));
        // Stable.
        items.sort_by_key(|(at, _)| *at);
        for (at, item) in items {
            self.now = self.now.max(at);
            self.item(item)?;
        }
        if let Some(end) = end {
            self.now = self.now.max(end);
            self.put(self.roster.context.controller(), Event::Phase(Phase::End));
        }
        let Self { roster, entries, foreign, .. } = self;
        Ok(History { context: roster.context, entries, foreign })
    }

    fn item(&mut self, item: Item<'_>) -> Result<(), String> {
        match item {
            Item::Around(node, event) => self.put(node, event),
            Item::Send(&Send { log, record, partition, .. }) => {
                self.flights.send(record, partition);
                self.put(self.roster.node(log), Event::Sent { record, partition });
            }
            Item::Line(log, line) => match log.checked_sub(self.roster.producers.len()) {
                None => self.produced(log, &line.what)?,
                Some(index) => self.consumed(index, &line.what)?,
            },
            Item::Read(dump) => self.read(dump),
        }
        Ok(())
    }

    fn put(&mut self, node: NodeId, event: Event) {
        let seq = self.entries.len() as u64;
        self.entries.push(Entry { seq, at: Timestamp::from_micros(self.now), node, event });
    }

    /// The record of a value; none: it is nobody's.
    fn record(&mut self, value: &str) -> Option<Record> {
        let record = self.roster.record(value);
        self.foreign += u64::from(record.is_none());
        record
    }

    /// The record of an outcome that `producer` tells.
    fn outcome(&mut self, producer: ProducerIndex, value: &str) -> Result<Option<Record>, String> {
        let Some(record) = self.record(value) else { return Ok(None) };
        if record.id.producer == producer {
            return Ok(Some(record));
        }
        let name = |producer| &self.roster.context.producer(producer).name;
        let (own, other) = (name(producer), name(record.id.producer));
        Err(format!(
            "{own}: value {value:?} is {other}'s: --value-prefix is the place among the producers, from 0"
        ))
    }

    fn produced(&mut self, index: usize, what: &What) -> Result<(), String> {
        let (node, producer) = (self.roster.node(index), self.roster.producers[index]);
        match what {
            What::Started | What::Stopped | What::Summary { .. } => {}
            What::Acked { value, topic, partition, offset } => {
                let Some(record) = self.outcome(producer, value)? else { return Ok(()) };
                self.flights.end(record.id);
                let partition = self.roster.place(topic, *partition);
                let base_offset = Offset(*offset);
                let records = RecordSlice::whole([record].into());
                self.put(node, Event::Acked { partition, base_offset, by: None, records });
            }
            What::Failed { value, topic, exception, message } => {
                let Some(record) = self.outcome(producer, value)? else { return Ok(()) };
                self.flights.end(record.id);
                let error = code(exception);
                if is_certain(exception, message) {
                    self.put(node, Event::Rejected { record, error });
                    return Ok(());
                }
                let records = RecordSlice::whole([record].into());
                let maybe_written = true;
                self.put(node, Event::Failed { partition: None, records, error, maybe_written });
                if self.roster.context.producer(producer).idempotent {
                    let all = self.partitions(self.roster.place(topic, 0).topic);
                    self.flights.ask(producer, all);
                    if !self.heard[index] {
                        self.raised(node, producer);
                    }
                }
            }
            What::Again { place, error } => self.again((node, producer), place, *error),
            What::Raised => self.raised(node, producer),
            What::Assigned(_)
            | What::Revoked(_)
            | What::Record { .. }
            | What::Consumed { .. }
            | What::Committed { .. } => return Err(self.misplaced(index, "VerifiableConsumer")),
        }
        Ok(())
    }

    fn partitions(&self, topic: TopicId) -> Vec<TopicPartition> {
        let count = self.roster.context.topics[topic.index()].partitions;
        (0..count).map(|partition| TopicPartition { topic, partition }).collect()
    }

    /// The client sends a batch of `place` again.
    fn again(
        &mut self,
        (node, producer): (NodeId, ProducerIndex),
        place: &Place,
        error: ErrorCode,
    ) {
        let partition = self.roster.place(&place.topic, place.partition);
        self.flights.ask(producer, is_reason(error).then_some(partition));
        if let Some(first) = self.flights.first(producer, partition) {
            self.put(node, Event::Retried { partition, first, error });
        }
    }

    /// An idempotent producer has raised its epoch.
    fn raised(&mut self, node: NodeId, producer: ProducerIndex) {
        let mut partitions = self.flights.asked(producer);
        if partitions.is_empty() {
            partitions.extend(self.partitions(self.roster.context.producer(producer).topic));
        }
        for partition in partitions {
            self.put(node, Event::ProducerEpochBumped { partition });
        }
    }

    fn misplaced(&self, log: usize, tool: &str) -> String {
        let name = self.roster.context.node(self.roster.node(log));
        format!("{name}: this has lines of a {tool}")
    }

    fn consumed(&mut self, index: usize, what: &What) -> Result<(), String> {
        let process = self.roster.producers.len() + index;
        let (node, group) = self.roster.consumers[index];
        let member = MemberId(process as u64);
        match what {
            What::Started => {
                self.owned[index].clear();
                self.positions.started(index);
            }
            What::Stopped => {}
            What::Assigned(places) => {
                self.positions.assigned(index, places);
                let places: Vec<_> = self.places(places);
                self.owned[index].extend(places);
                let partitions = self.owned[index].iter().copied().collect();
                let generation = GenerationId::UNKNOWN;
                self.put(node, Event::Assigned { group, member, generation, partitions });
            }
            What::Revoked(places) => {
                self.positions.revoked(index, places);
                let places = self.places(places);
                self.owned[index].retain(|place| !places.contains(place));
                self.put(node, Event::Revoked { group, member, partitions: places.into() });
            }
            What::Record { value, place, offset } => {
                self.told[index] = true;
                let partition = self.roster.place(&place.topic, place.partition);
                let source = self.positions.read(index, group, place, *offset);
                let offset = Offset(*offset);
                if let Some(source) = source {
                    self.put(node, Event::Positioned { group, partition, offset, source });
                }
                let Some(record) = self.record(value) else { return Ok(()) };
                let records = RecordSlice::whole([record].into());
                self.put(node, Event::Polled { group, partition, base_offset: offset, records });
                let dead_lettered = false;
                self.put(
                    node,
                    Event::Processed { group, partition, offset, record, dead_lettered },
                );
            }
            What::Consumed { count, batches } => {
                if *count > 0 && !self.told[index] {
                    let name = self.roster.context.node(node);
                    return Err(format!(
                        "{name}: no record_data: start the consumer with --verbose"
                    ));
                }
                if self.commits[index] && !batches.is_empty() {
                    let next = |one: &Batch| {
                        let Place { topic, partition } = &one.place;
                        (self.roster.place(topic, *partition), Offset(one.last.saturating_add(1)))
                    };
                    let offsets = batches.iter().map(next).collect();
                    self.put(node, Event::CommitSent { group, offsets });
                }
            }
            What::Committed { offsets, success, error } => {
                self.committed(index, offsets, (!success).then_some(error));
            }
            What::Acked { .. }
            | What::Failed { .. }
            | What::Summary { .. }
            | What::Again { .. }
            | What::Raised => {
                return Err(self.misplaced(process, "VerifiableProducer"));
            }
        }
        Ok(())
    }

    /// What became of a commit; `error`: why it failed.
    fn committed(&mut self, index: usize, offsets: &[Commit], error: Option<&String>) {
        if offsets.is_empty() {
            return;
        }
        let (node, group) = self.roster.consumers[index];
        let pair =
            |one: &Commit| (self.roster.place(&one.topic, one.partition), Offset(one.offset));
        let offsets = offsets.iter().map(pair).collect();
        let Some(error) = error else {
            self.put(node, Event::Committed { group, offsets });
            return;
        };
        // CommitFailedException: the coordinator refused it.
        let maybe_written = !error.contains("is not part of an active group");
        let code =
            if maybe_written { ErrorCode::UnknownServerError } else { ErrorCode::UnknownMemberId };
        self.put(node, Event::CommitFailed { group, offsets, error: code, maybe_written });
    }

    fn places(&self, places: &[Place]) -> Vec<TopicPartition> {
        places.iter().map(|place| self.roster.place(&place.topic, place.partition)).collect()
    }

    fn read(&mut self, dump: &Dump) {
        for (place, held) in &dump.partitions {
            let partition = self.roster.place(&place.topic, place.partition);
            for (offset, one) in &held.values {
                let Some(record) = self.record(&one.value) else { continue };
                let (base_offset, records) = (Offset(*offset), RecordSlice::whole([record].into()));
                let event = Event::FinalRead { partition, base_offset, records };
                self.put(self.roster.context.controller(), event);
            }
            let first = held.values.keys().next().copied();
            let past = held.values.keys().next_back().map_or(0, |last| last + 1);
            let start = Offset(held.start.or(first).unwrap_or(0));
            let end = Offset(held.end.unwrap_or(past).max(start.0));
            self.put(
                self.roster.context.controller(),
                Event::FinalReadDone { partition, start, end },
            );
        }
    }
}
