//! Tracks, and what is on them, on the way to a file. An event is encoded when it comes, and put in order at
//! the end.

use super::wire::{
    CLEARED, Counter, Descriptor, Detail, Event, EventKind, Interned, Packet, Process, REFERS,
    Trace, Word,
};
use prost::Message;
use std::collections::BTreeMap;

/// All that is written is of one sequence.
const SEQUENCE: u32 = 1;

/// A track, by its number in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Track(u64);

/// Something known of an event, under a name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Known<'a> {
    Number(i64),
    Text(&'a str),
}

/// Details of an event.
pub(super) type Details<'a> = &'a [(&'static str, Known<'a>)];

/// The flows that pass an event, and those that end there.
#[derive(Clone, Debug, Default)]
pub(super) struct Flows {
    pub(super) through: Vec<u64>,
    pub(super) last: Vec<u64>,
}

/// Words that have a number each.
#[derive(Debug, Default)]
struct Words {
    numbers: BTreeMap<String, u64>,
}

impl Words {
    fn number(&mut self, text: &str) -> u64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.numbers.len() as u64 + 1;
        self.numbers.insert(text.to_owned(), number);
        number
    }

    fn all(self) -> Vec<Word> {
        let words = self.numbers.into_iter();
        words.map(|(text, number)| Word { number: Some(number), text: Some(text) }).collect()
    }
}

/// Where an encoded event is, and when it takes place.
#[derive(Debug)]
struct Placed {
    at: u64,
    /// A slice that ends makes room for one that begins.
    begins: bool,
    bytes: std::ops::Range<usize>,
}

/// A file in the making. Times are microseconds of the run; those of the file are nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    descriptors: Vec<Descriptor>,
    names: Words,
    details: Words,
    texts: Words,
    bytes: Vec<u8>,
    placed: Vec<Placed>,
}

impl Tracks {
    fn add(&mut self, descriptor: Descriptor) -> Track {
        let id = self.descriptors.len() as u64 + 1;
        self.descriptors.push(Descriptor { id: Some(id), ..descriptor });
        Track(id)
    }

    /// A process, whose number in the file is that of its place.
    pub(super) fn process(&mut self, place: usize, name: &str) -> Track {
        // Perfetto has its own meaning for process 0.
        let number = i32::try_from(place + 1).ok();
        let process = Some(Process { number, name: Some(name.to_owned()) });
        self.add(Descriptor { process, ..Descriptor::default() })
    }

    pub(super) fn track(&mut self, parent: Option<Track>, name: &str) -> Track {
        let (parent, name) = (parent.map(|track| track.0), Some(name.to_owned()));
        self.add(Descriptor { parent, name, ..Descriptor::default() })
    }

    pub(super) fn counter(&mut self, parent: Track, name: &str, unit: &str) -> Track {
        let counter = Some(Counter { unit: Some(unit.to_owned()) });
        let (parent, name) = (Some(parent.0), Some(name.to_owned()));
        self.add(Descriptor { parent, name, counter, ..Descriptor::default() })
    }

    /// Something that lasts. Slices of one track must not overlap.
    pub(super) fn slice(
        &mut self,
        track: Track,
        (from, to): (u64, u64),
        name: &str,
        details: Details<'_>,
        flows: Flows,
    ) {
        if from >= to {
            return self.instant(track, from, name, details, flows);
        }
        let event = self.event(track, EventKind::SliceBegin, Some(name), details, flows);
        self.put(from, true, event);
        let event = self.event(track, EventKind::SliceEnd, None, &[], Flows::default());
        self.put(to, false, event);
    }

    /// Something that happens.
    pub(super) fn instant(
        &mut self,
        track: Track,
        at: u64,
        name: &str,
        details: Details<'_>,
        flows: Flows,
    ) {
        let event = self.event(track, EventKind::Instant, Some(name), details, flows);
        self.put(at, true, event);
    }

    /// From now on a counter has this value.
    pub(super) fn value(&mut self, track: Track, at: u64, value: f64) {
        let event = self.event(track, EventKind::Counter, None, &[], Flows::default());
        self.put(at, true, Event { value: Some(value), ..event });
    }

    fn event(
        &mut self,
        track: Track,
        kind: EventKind,
        name: Option<&str>,
        details: Details<'_>,
        flows: Flows,
    ) -> Event {
        let details = details.iter().map(|(name, known)| {
            let name = Some(self.details.number(name));
            match known {
                Known::Number(number) => Detail { name, number: Some(*number), text: None },
                Known::Text(text) => {
                    Detail { name, number: None, text: Some(self.texts.number(text)) }
                }
            }
        });
        Event {
            details: details.collect(),
            kind: Some(kind.into()),
            name: name.map(|name| self.names.number(name)),
            track: Some(track.0),
            value: None,
            flows: flows.through,
            last_of_flows: flows.last,
        }
    }

    fn put(&mut self, at: u64, begins: bool, event: Event) {
        let start = self.bytes.len();
        let packet = Packet {
            timestamp: Some(at * 1000),
            sequence: Some(SEQUENCE),
            flags: Some(REFERS),
            event: Some(event),
            ..Packet::default()
        };
        write(packet, &mut self.bytes);
        self.placed.push(Placed { at, begins, bytes: start..self.bytes.len() });
    }

    /// The file.
    pub(super) fn conclude(self) -> Vec<u8> {
        let Self { descriptors, names, details, texts, bytes, mut placed } = self;
        let mut file = Vec::with_capacity(bytes.len() + (1 << 16));
        for track in descriptors {
            write(
                Packet { track: Some(track), sequence: Some(SEQUENCE), ..Packet::default() },
                &mut file,
            );
        }
        let interned = Interned { names: names.all(), details: details.all(), texts: texts.all() };
        let words = Packet {
            sequence: Some(SEQUENCE),
            flags: Some(CLEARED),
            interned: Some(interned),
            ..Packet::default()
        };
        write(words, &mut file);
        placed.sort_by_key(|one| (one.at, one.begins));
        for one in placed {
            file.extend_from_slice(&bytes[one.bytes]);
        }
        file
    }
}

/// A file of one packet: files behind each other are one.
fn write(packet: Packet, bytes: &mut Vec<u8>) {
    Trace { packets: vec![packet] }.encode(bytes).expect("a vector grows");
}

/// More slices side by side than this say no more.
const SIDE_BY_SIDE: usize = 50;

/// Tracks of one name side by side, so that what overlaps finds a place. What is put there comes in the order in
/// which it begins. Perfetto draws tracks of one name as one.
#[derive(Debug, Default)]
pub(super) struct Stack {
    /// Each with the time from which it is free.
    tracks: Vec<(u64, Track)>,
    /// Has the beginning of what finds no place.
    more: Option<Track>,
}

impl Stack {
    /// Puts a slice on a track below `parent` that is free for it.
    pub(super) fn slice(
        &mut self,
        tracks: &mut Tracks,
        (parent, name): (Option<Track>, &str),
        (from, to): (u64, u64),
        (text, details, flows): (&str, Details<'_>, Flows),
    ) {
        let free = self.tracks.iter_mut().find(|(until, _)| *until <= from);
        let track = if let Some((until, track)) = free {
            *until = to;
            *track
        } else if self.tracks.len() < SIDE_BY_SIDE {
            let track = tracks.track(parent, name);
            self.tracks.push((to, track));
            track
        } else {
            let more = || tracks.track(parent, &format!("{name}, more at once"));
            let track = *self.more.get_or_insert_with(more);
            return tracks.instant(track, from, text, details, flows);
        };
        tracks.slice(track, (from, to), text, details, flows);
    }
}
