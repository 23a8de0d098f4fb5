//! Batches of records as clients wrote them. The models know their records by number; the bytes are kept here and come
//! out again with the offset and the epoch that the leader gave them. Both lie outside the checksum, so nothing is
//! unpacked.

use ackproof_kafka::message::{Payload, ProducerStamp, RecordBatch};
use ackproof_types::{
    ErrorCode, LeaderEpoch, Offset, ProducerEpoch, ProducerId, ProducerIndex, Record, RecordId,
    Sequence, TopicPartition,
};
use bytes::{BufMut, Bytes, BytesMut};
use std::collections::BTreeMap;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// Bytes of the header of a batch, version 2.
const HEADER: usize = 61;
/// Where the checksum begins to count.
const CHECKED: usize = 21;
/// Attributes: the batch belongs to a transaction, or is a marker.
const TRANSACTIONAL: u16 = 0x30;

/// What the header of a batch says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) count: u32,
    /// Milliseconds since 1970; -1: none.
    pub(crate) max_timestamp: i64,
    pub(crate) producer: Option<ProducerStamp>,
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

/// Reads the one batch that `bytes` are, as a broker does before it appends (`LogValidator`, `KafkaApis`).
pub(crate) fn header(bytes: &[u8]) -> Result<Header, ErrorCode> {
    if bytes.len() < HEADER {
        return Err(ErrorCode::CorruptMessage);
    }
    let length = i32::from_be_bytes(field(bytes, 8));
    if bytes[16] != 2 {
        return Err(ErrorCode::InvalidRecord);
    }
    // From version 3 of the request on there is one batch for a partition.
    if usize::try_from(length).ok().and_then(|length| length.checked_add(12)) != Some(bytes.len()) {
        return Err(ErrorCode::InvalidRecord);
    }
    if u32::from_be_bytes(field(bytes, 17)) != crc32c::crc32c(&bytes[CHECKED..]) {
        return Err(ErrorCode::CorruptMessage);
    }
    if u16::from_be_bytes(field(bytes, 21)) & TRANSACTIONAL != 0 {
        return Err(ErrorCode::InvalidRecord);
    }
    let last_delta = i32::from_be_bytes(field(bytes, 23));
    let count = i32::from_be_bytes(field(bytes, 57));
    // A record takes seven bytes at least, unless they are compressed; nobody packs a thousand into one byte.
    let most = (bytes.len() - HEADER).saturating_mul(1000);
    let count = u32::try_from(count).ok().filter(|count| *count > 0 && *count as usize <= most);
    let (Some(count), true) = (count, last_delta == count.unwrap_or(0).cast_signed() - 1) else {
        return Err(ErrorCode::InvalidRecord);
    };
    let id = i64::from_be_bytes(field(bytes, 43));
    if id >= 0 && i32::from_be_bytes(field(bytes, 53)) < 0 {
        return Err(ErrorCode::InvalidRecord);
    }
    let producer = (id >= 0).then(|| ProducerStamp {
        id: ProducerId(id),
        epoch: ProducerEpoch(i16::from_be_bytes(field(bytes, 51))),
        base_sequence: Sequence(i32::from_be_bytes(field(bytes, 53))),
    });
    Ok(Header { count, max_timestamp: i64::from_be_bytes(field(bytes, 35)), producer })
}

/// What an idempotent producer calls a batch.
type Sequenced = (TopicPartition, ProducerId, ProducerEpoch, Sequence);
/// What is in a batch, whoever sends it as what.
type Content = (TopicPartition, ProducerIndex, u128);

/// All batches that were written.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    /// By their first record.
    bytes: BTreeMap<u64, Bytes>,
    /// Batches of idempotent producers, by what makes two of them the same one, sent again.
    sequenced: BTreeMap<Sequenced, RecordId>,
    /// The last batch with some content, and as what it was sent.
    contents: BTreeMap<Content, (RecordId, Option<(ProducerId, ProducerEpoch)>)>,
    /// How many records each producer has written.
    counts: BTreeMap<ProducerIndex, u32>,
}

/// A batch that came in.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) records: Arc<[Record]>,
    /// It was sent before.
    pub(crate) again: bool,
}

impl Batches {
    /// Takes a batch of `producer` for `partition`; none: its producer has no numbers left.
    pub(crate) fn take(
        &mut self,
        (producer, partition): (ProducerIndex, TopicPartition),
        header: Header,
        bytes: &Bytes,
    ) -> Option<Taken> {
        let known = self.known((producer, partition), header, bytes);
        let first = match known {
            Some(first) => first,
            None => {
                let count = self.counts.entry(producer).or_default();
                let number = *count;
                *count = count.checked_add(header.count)?;
                let first = RecordId { producer, number };
                self.bytes.insert(first.as_u64(), bytes.clone());
                first
            }
        };
        self.note((producer, partition), header, bytes, first);
        let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX) / header.count;
        let record = |place: u32| Record {
            id: RecordId { producer: first.producer, number: first.number.saturating_add(place) },
            key: None,
            size,
        };
        Some(Taken { records: (0..header.count).map(record).collect(), again: known.is_some() })
    }

    /// The first record of a batch that was sent before. An idempotent producer that has raised its epoch, or has got
    /// another id, sends the same records under other names (KIP-360). What has no name is known by its content: an
    /// application that sends the same again in the same millisecond cannot be told from a retry.
    fn known(
        &self,
        (producer, partition): (ProducerIndex, TopicPartition),
        header: Header,
        bytes: &[u8],
    ) -> Option<RecordId> {
        let by_content = self.contents.get(&(partition, producer, content(bytes)));
        let Some(ProducerStamp { id, epoch, base_sequence }) = header.producer else {
            return by_content.map(|(first, _)| *first);
        };
        let by_sequence = self.sequenced.get(&(partition, id, epoch, base_sequence));
        let renamed = by_content.filter(|(_, stamp)| *stamp != Some((id, epoch)));
        by_sequence.copied().or_else(|| renamed.map(|(first, _)| *first))
    }

    fn note(
        &mut self,
        (producer, partition): (ProducerIndex, TopicPartition),
        header: Header,
        bytes: &[u8],
        first: RecordId,
    ) {
        let stamp = header.producer.map(|stamp| (stamp.id, stamp.epoch));
        self.contents.insert((partition, producer, content(bytes)), (first, stamp));
        if let Some(ProducerStamp { id, epoch, base_sequence }) = header.producer {
            self.sequenced.insert((partition, id, epoch, base_sequence), first);
        }
    }

    /// The keys of the batch that begins with this record; none: they cannot be read.
    pub(crate) fn keys(&self, first: RecordId) -> Option<Vec<Option<Bytes>>> {
        keys(self.bytes.get(&first.as_u64())?)
    }

    /// Puts `batch` as the leader stamped it at the end of `out`; false: no client wrote it.
    pub(crate) fn put(&self, batch: &RecordBatch, out: &mut BytesMut) -> bool {
        let Payload::Records(records) = &batch.payload else { return false };
        let first = records.first().and_then(|record| self.bytes.get(&record.id.as_u64()));
        let Some(bytes) = first else { return false };
        stamp(bytes, batch.base_offset, batch.leader_epoch, out);
        true
    }
}

/// The compression of a batch, in its attributes.
const COMPRESSION: u16 = 7;

/// The keys of the records of a batch; none: they are packed, or it is broken inside, which no broker looks at.
fn keys(bytes: &Bytes) -> Option<Vec<Option<Bytes>>> {
    let count = u32::from_be_bytes(field(bytes, 57));
    if u16::from_be_bytes(field(bytes, 21)) & COMPRESSION != 0 {
        return None;
    }
    let mut rest = bytes.slice(HEADER..);
    let mut keys = Vec::new();
    for _ in 0..count {
        let length = usize::try_from(varint(&mut rest)?).ok().filter(|one| *one <= rest.len())?;
        let mut record = rest.split_to(length);
        (!record.is_empty()).then(|| record.split_to(1))?;
        // How much later than the first one, and its place.
        varint(&mut record)?;
        varint(&mut record)?;
        let length = varint(&mut record)?;
        keys.push(match usize::try_from(length) {
            Ok(length) if length <= record.len() => Some(record.split_to(length)),
            Ok(_) => return None,
            Err(_) => None,
        });
    }
    Some(keys)
}

/// A number of few bytes, as Protocol Buffers have it.
fn varint(bytes: &mut Bytes) -> Option<i64> {
    let mut value = 0_u64;
    for place in 0..10 {
        let first = bytes.first().copied()?;
        let _ = bytes.split_to(1);
        value |= u64::from(first & 0x7f).checked_shl(7 * place)?;
        if first & 0x80 == 0 {
            return Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
        }
    }
    None
}

/// Attributes, times and records: all but who sent it, as what.
fn content(bytes: &[u8]) -> u128 {
    let mut hash = Xxh3::new();
    hash.update(&bytes[CHECKED..43]);
    hash.update(&bytes[57..]);
    hash.digest128()
}

/// `bytes` with the offset and the epoch of the leader.
fn stamp(bytes: &[u8], offset: Offset, epoch: LeaderEpoch, out: &mut BytesMut) {
    out.reserve(bytes.len());
    out.put_i64(offset.0);
    out.put_slice(&bytes[8..12]);
    out.put_i32(epoch.0);
    out.put_slice(&bytes[16..]);
}
