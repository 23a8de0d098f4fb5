//! When each record was sent. No tool prints a `send`, so it is put together:
//! - Values count up from 0 in every life of a producer: once a number shows up all below it were sent. Numbers
//!   past the summary's `sent` were not. Where every life has a prefix of its own, its records come after those of
//!   the lives before, and what of those shows nowhere was not sent as far as anyone can tell.
//! - A record in a log at the end carries the time of its `send`, and its partition.
//! - One without that time was sent evenly between its neighbours that have theirs (the tools keep a rate), before
//!   the first of them since the tool had started, after the last of them at the pace of those before. But no
//!   later than its outcome, than its first reading, and than the send of the next number.
//! - Where no record has its time, a send is as late as that allows, at the latest when its producer was last heard
//!   of.
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
    /// `by` is its own time, as the log has it.
    timed: bool,
    partition: Option<TopicPartition>,
}

/// A life of a producer.
#[derive(Debug)]
struct Life {
    from: u64,
    /// When the tool said that it had started.
    began: Option<u64>,
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
        Self { from, began: None, until: from, limit: None, through: 0, known, own: None, first: 0 }
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
        let one = self.known.entry(number).or_insert(Known { by, timed: false, partition });
        one.by = one.by.min(by);
        one.partition = one.partition.or(partition);
    }

    /// The log has a time for it, which is no later than what else is known of it.
    fn time(&mut self, number: u32) {
        if let Some(one) = self.known.get_mut(&number) {
            one.timed = true;
        }
    }

    /// No later than this was each number sent, from `first` on.
    fn latest(&self) -> Vec<u64> {
        let mut next = None;
        let numbers = (self.first..self.through).rev();
        let mut latest: Vec<u64> = numbers
            .map(|number| {
                let known = self.known.get(&number).map(|known| known.by);
                let by = known.into_iter().chain(next).min().unwrap_or(self.until);
                next = Some(by);
                by
            })
            .collect();
        latest.reverse();
        latest
    }

    /// When each number was sent, from `first` on.
    fn times(&self) -> Vec<u64> {
        let mut times = self.latest();
        let place = |number: u32| (number - self.first) as usize;
        let timed = self
            .known
            .iter()
            .filter(|(number, known)| known.timed && (self.first..self.through).contains(*number));
        let timed: Vec<(usize, u64)> =
            timed.map(|(number, _)| (place(*number), times[place(*number)])).collect();
        let (Some(&first), Some(&last)) = (timed.first(), timed.last()) else { return times };
        if let Some(began) = self.began {
            spread(&mut times[..first.0], began, first.1);
        }
        for pair in timed.windows(2) {
            spread(&mut times[pair[0].0 + 1..pair[1].0], pair[0].1, pair[1].1);
        }
        let after = &mut times[last.0 + 1..];
        if last.0 > first.0 {
            let pace = (last.1 - first.1) / (last.0 - first.0) as u64;
            let end = last.1.saturating_add(pace.saturating_mul(after.len() as u64 + 1));
            spread(after, last.1, end);
        }
        times
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
                if at.is_some() {
                    life.time(number);
                }
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
        // What its client logs says nothing of its life.
        if matches!(what, What::Again { .. } | What::Raised) {
            continue;
        }
        let at = micros(*timestamp);
        if matches!(what, What::Started) {
            let heard = lives.last().is_some_and(|life| life.until > 0);
            if heard {
                lives.push(Life::new(at));
            }
            closed = false;
        }
        let life = lives.last_mut().expect("there is one");
        if matches!(what, What::Started) {
            life.began.get_or_insert(at);
        }
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

/// What is sent between two known times goes evenly, each no later than it must.
fn spread(between: &mut [u64], begin: u64, end: u64) {
    let length = u128::from(end.saturating_sub(begin));
    let steps = between.len() as u128 + 1;
    for (place, time) in (1_u128..).zip(between) {
        let passed = u64::try_from(length * place / steps).unwrap_or(u64::MAX);
        *time = (*time).min(begin.saturating_add(passed));
    }
}

fn calls(roster: &Roster, log: usize, life: &Life) -> Vec<Send> {
    let numbers = (life.first..life.through).zip(life.times());
    let call = |(number, at): (u32, u64)| {
        let id = RecordId { producer: roster.producers[log], number };
        let record = Record { id, key: None, size: 0 };
        let partition = life.known.get(&number).and_then(|known| known.partition);
        Send { at, log, record, partition }
    };
    numbers.map(call).collect()
}
