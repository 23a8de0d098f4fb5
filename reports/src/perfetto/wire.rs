//! The messages of Perfetto's trace format that a run needs, with Perfetto's own numbers for their fields.
//! Perfetto's `trace_packet.proto`, `track_event.proto`, `track_descriptor.proto` and `interned_data.proto` have
//! them all.

/// What [`Event::kind`] can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(super) enum EventKind {
    Unspecified = 0,
    SliceBegin = 1,
    SliceEnd = 2,
    Instant = 3,
    Counter = 4,
}

/// A flag of [`Packet::flags`]: what was interned before is forgotten.
pub(super) const CLEARED: u32 = 1;
/// A flag of [`Packet::flags`]: refers to what was interned before.
pub(super) const REFERS: u32 = 2;

/// A file. Several of them, one behind the other, are one again.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Trace {
    #[prost(message, repeated, tag = "1")]
    pub(super) packets: Vec<Packet>,
}

/// A part of it.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Packet {
    #[prost(uint64, optional, tag = "8")]
    pub(super) timestamp: Option<u64>,
    #[prost(uint32, optional, tag = "10")]
    pub(super) sequence: Option<u32>,
    #[prost(message, optional, tag = "11")]
    pub(super) event: Option<Event>,
    #[prost(message, optional, tag = "12")]
    pub(super) interned: Option<Interned>,
    #[prost(uint32, optional, tag = "13")]
    pub(super) flags: Option<u32>,
    #[prost(message, optional, tag = "60")]
    pub(super) track: Option<Descriptor>,
}

/// A track.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Descriptor {
    #[prost(uint64, optional, tag = "1")]
    pub(super) id: Option<u64>,
    #[prost(string, optional, tag = "2")]
    pub(super) name: Option<String>,
    #[prost(message, optional, tag = "3")]
    pub(super) process: Option<Process>,
    #[prost(uint64, optional, tag = "5")]
    pub(super) parent: Option<u64>,
    #[prost(message, optional, tag = "8")]
    pub(super) counter: Option<Counter>,
}

/// What makes a track a process.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Process {
    #[prost(int32, optional, tag = "1")]
    pub(super) number: Option<i32>,
    #[prost(string, optional, tag = "6")]
    pub(super) name: Option<String>,
}

/// What makes a track a counter.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Counter {
    #[prost(string, optional, tag = "6")]
    pub(super) unit: Option<String>,
}

/// Something on a track.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Event {
    #[prost(message, repeated, tag = "4")]
    pub(super) details: Vec<Detail>,
    #[prost(enumeration = "EventKind", optional, tag = "9")]
    pub(super) kind: Option<i32>,
    #[prost(uint64, optional, tag = "10")]
    pub(super) name: Option<u64>,
    #[prost(uint64, optional, tag = "11")]
    pub(super) track: Option<u64>,
    #[prost(double, optional, tag = "44")]
    pub(super) value: Option<f64>,
    #[prost(fixed64, repeated, packed = "false", tag = "47")]
    pub(super) flows: Vec<u64>,
    #[prost(fixed64, repeated, packed = "false", tag = "48")]
    pub(super) last_of_flows: Vec<u64>,
}

/// Something known of an event.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Detail {
    #[prost(uint64, optional, tag = "1")]
    pub(super) name: Option<u64>,
    #[prost(int64, optional, tag = "4")]
    pub(super) number: Option<i64>,
    #[prost(uint64, optional, tag = "17")]
    pub(super) text: Option<u64>,
}

/// Words with numbers, which stand for them.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Interned {
    #[prost(message, repeated, tag = "2")]
    pub(super) names: Vec<Word>,
    #[prost(message, repeated, tag = "3")]
    pub(super) details: Vec<Word>,
    #[prost(message, repeated, tag = "29")]
    pub(super) texts: Vec<Word>,
}

/// A word with its number: of Perfetto's `EventName`, `DebugAnnotationName` and `InternedString`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Word {
    #[prost(uint64, optional, tag = "1")]
    pub(super) number: Option<u64>,
    #[prost(string, optional, tag = "2")]
    pub(super) text: Option<String>,
}
