//! When each record was sent. No tool prints a `send`, so it is put together:
//! - Values count up from 0 in every life of a producer: once a number shows up all below it were sent. Numbers
//!   past the summary's `sent` were not. Where every life has a prefix of its own, its records come after those of
//!   the lives before, and what of those shows nowhere was not sent as far as anyone can tell.
//! - A record in a log at the end carries the time of its `send`, and its partition. Without that time a send
//!   is no later than its outcome, than its first reading, and than the send of the next number.
//! - One that is known of the summary alone, or of a log without times, is sent when its producer was last heard of.
//!
//! It knows nothing of when a process ended by anyone else's word.

use super::roster::{Roster, Speaker};
use super::{Dump, Line, Log, What};
use ackproof_types::{Record, RecordId, TopicPartition};
use std::collections::BTreeMap;

/// A history has no more of them.
const MAX_SENDS: u64 = 1 << 26;

/// A call of `send`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Send {
    /// Microseconds since 1970.
    pub(super) at: u64,
    /// The log of its producer.
    pub(super) log: usize,
    pub(super) record: Record,
    pub(super) partition: Option<TopicPartition>,
}

/// What is known of a number.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// It was sent no later.
    by: u64,
    partition: Option<TopicPartition>,
}

/// A life of a producer.
#[derive(Debug)]
struct Life {
    from: u64,
    /// When it was last heard of before it closed.
    until: u64,
    limit: Option<u32>,
    through: u32,
    known: BTreeMap<u32, Known>,
    /// Which of the lives with a prefix of their own it is; none: it has not been heard of.
    own: Option<u16>,
    /// The number of its first record.
    first: u32,
}

impl Life {
    const fn new(from: u64) -> Self {
        let known = BTreeMap::new();
        Self { from, until: from, limit: None, through: 0, known, own: None, first: 0 }
    }

    fn is(&mut self, speaker: Speaker) {
        if self.own.is_none() {
            (self.own, self.first) = (Some(speaker.life), speaker.first);
        }
    }

    fn see(&mut self, number: u32, by: u64, partition: Option<TopicPartition>) {
        if self.limit.is_some_and(|limit| number >= limit) {
            return;
        }
        self.through = self.through.max(number.saturating_add(1));
        let one = self.known.entry(number).or_insert(Known { by, partition });
        one.by = one.by.min(by);
        one.partition = one.partition.or(partition);
    }
}

/// All sends, of each producer in the order of its calls.
pub(super) fn sends(
    roster: &Roster,
    producers: &[Log],
    consumers: &[Log],
    dump: Option<&Dump>,
) -> Result<Vec<Send>, String> {
    let mut lives: Vec<Vec<Life>> = producers.iter().map(|log| told(log, roster)).collect();
    // By producer; one whose log is missing sent nothing that is on record.
    let logs: BTreeMap<_, _> = roster.producers.iter().copied().zip(0_usize..).collect();
    if let Some(dump) = dump {
        for (place, held) in &dump.partitions {
            let partition = roster.place(&place.topic, place.partition);
            for one in held.values.values() {
                let Some((record, speaker)) = roster.told(&one.value) else { continue };
                let Some(log) = logs.get(&record.id.producer) else { continue };
                let (lives, number) = (&mut lives[*log], record.id.number);
                let at = one.timestamp.map(micros);
                let life = found(&of(lives, speaker), number, at);
                let life = &mut lives[life];
                life.is(speaker);
                life.see(number, at.unwrap_or(life.until), Some(partition));
            }
        }
    }
    for Line { timestamp, what } in consumers.iter().flat_map(|log| &log.lines) {
        let What::Record { value, place, .. } = what else { continue };
        let Some((record, speaker)) = roster.told(value) else { continue };
        let Some(log) = logs.get(&record.id.producer) else { continue };
        let (lives, number) = (&mut lives[*log], record.id.number);
        let at = micros(*timestamp);
        let life = seen(&of(lives, speaker), number, at);
        let partition = roster.place(&place.topic, place.partition);
        lives[life].is(speaker);
        lives[life].see(number, at, Some(partition));
    }
    let count: u64 = lives.iter().flatten().map(|life| u64::from(life.through)).sum();
    if count > MAX_SENDS {
        return Err(format!("the values count {count} sends; {MAX_SENDS} are the most"));
    }
    let each = lives.iter().enumerate();
    Ok(each
        .flat_map(|(log, lives)| lives.iter().flat_map(move |life| calls(roster, log, life)))
        .collect())
}

pub(super) const fn micros(millis: u64) -> u64 {
    millis.saturating_mul(1000)
}

/// What a producer's own log says.
fn told(log: &Log, roster: &Roster) -> Vec<Life> {
    let mut lives = vec![Life::new(0)];
    let mut closed = false;
    for Line { timestamp, what } in &log.lines {
        let at = micros(*timestamp);
        if matches!(what, What::Started) {
            let heard = lives.last().is_some_and(|life| life.until > 0);
            if heard {
                lives.push(Life::new(at));
            }
            closed = false;
        }
        let life = lives.last_mut().expect("there is one");
        if !closed {
            life.until = at;
        }
        match what {
            What::Stopped => closed = true,
            What::Summary { sent } => {
                let sent = u32::try_from(*sent).unwrap_or(u32::MAX);
                let past = life.first.saturating_add(sent);
                life.limit = Some(past);
                life.through = life.through.max(past);
            }
            What::Acked { value, topic, partition, .. } => {
                let Some((record, speaker)) = roster.told(value) else { continue };
                let partition = roster.place(topic, *partition);
                life.is(speaker);
                life.see(record.id.number, at, Some(partition));
            }
            What::Failed { value, .. } => {
                let Some((record, speaker)) = roster.told(value) else { continue };
                life.is(speaker);
                life.see(record.id.number, at, None);
            }
            _ => {}
        }
    }
    lives
}

/// The lives that may have sent what `speaker` says, with their places.
fn of(lives: &[Life], speaker: Speaker) -> Vec<(usize, &Life)> {
    let like = |own: Option<u16>| lives.iter().enumerate().filter(move |(_, life)| life.own == own);
    let mut fitting: Vec<_> = like(Some(speaker.life)).collect();
    if fitting.is_empty() {
        fitting.extend(like(None));
    }
    if fitting.is_empty() {
        fitting.extend(lives.iter().enumerate());
    }
    fitting
}

/// The life whose record is in a log at the end; `at`: when it was sent.
fn found(lives: &[(usize, &Life)], number: u32, at: Option<u64>) -> usize {
    let place = at.map_or_else(
        || lives.iter().position(|(_, life)| number < life.through).unwrap_or(lives.len() - 1),
        |at| lives.iter().rposition(|(_, life)| life.from <= at).unwrap_or(0),
    );
    lives[place].0
}

/// The life whose record a consumer read: the first that may have sent it did.
fn seen(lives: &[(usize, &Life)], number: u32, at: u64) -> usize {
    let begun = lives.partition_point(|(_, life)| life.from <= at).max(1);
    let sent = lives[..begun].iter().position(|(_, life)| number < life.through);
    lives[sent.unwrap_or(begun - 1)].0
}

fn calls(roster: &Roster, log: usize, life: &Life) -> Vec<Send> {
    let mut calls = Vec::new();
    let mut next = None;
    for number in (life.first..life.through).rev() {
        let known = life.known.get(&number);
        let by = known.map(|known| known.by).into_iter().chain(next).min().unwrap_or(life.until);
        next = Some(by);
        let record =
            Record { id: RecordId { producer: roster.producers[log], number }, key: None, size: 0 };
        calls.push(Send {
            at: by,
            log,
            record,
            partition: known.and_then(|known| known.partition),
        });
    }
    calls.reverse();
    calls
}
