//! The final read, with its leader played by hand.

use super::*;
use crate::driver::{After, Process};
use crate::machine::{ConnectionId, Effect, EffectOf, Peer};
use crate::message::{Fetched, MetadataResponse, PartitionMetadata, Payload, RecordBatch};
use ackproof_types::{ProducerIndex, Record, RecordId};
use std::sync::Arc;

const P: TopicPartition = TopicPartition { topic: TopicId(1), partition: 0 };
const BROKER: BrokerId = BrokerId(1);
const BY: Observation =
    Observation::FinalReadBy { partition: P, broker: BROKER, epoch: LeaderEpoch(0) };

fn answer(request: &Request, latest: Result<i64, ErrorCode>) -> Response {
    let leader_epoch = LeaderEpoch(0);
    match request {
        Request::ApiVersions => Response::ApiVersions,
        Request::Metadata(_) => Response::Metadata(MetadataResponse {
            brokers: [BROKER].into(),
            partitions: vec![PartitionMetadata {
                partition: P,
                leader: Some(BROKER),
                leader_epoch,
            }],
        }),
        Request::ListOffsets(asked) => {
            let offset = match asked[0].spec {
                OffsetSpec::Earliest => Ok(1),
                OffsetSpec::Latest => latest,
                OffsetSpec::Since(_) | OffsetSpec::LogEnd => panic!("it reads all"),
            };
            let listed = offset.map(|offset| ListedOffset { offset: Offset(offset), leader_epoch });
            Response::ListOffsets(vec![(P, listed)])
        }
        Request::Fetch(fetch) => {
            let id = |number| RecordId { producer: ProducerIndex(0), number };
            let records = (0..4).map(|n| Record { id: id(n), key: None, size: 1 }).collect();
            let batch = RecordBatch {
                base_offset: Offset(0),
                leader_epoch,
                producer: None,
                max_timestamp: Timestamp::START,
                size: 1,
                payload: Payload::Records(records),
            };
            let fetched = Fetched {
                fetch_offset: fetch.partitions[0].offset,
                high_watermark: Offset(4),
                log_start: Offset(1),
                diverging: None,
                preferred_read_replica: None,
                batches: vec![Arc::new(batch)],
            };
            Response::Fetch(vec![FetchedPartition { partition: P, result: Ok(fetched) }])
        }
        other => panic!("{other:?}"),
    }
}

/// Plays the broker. The facts, and whether the reader ended.
fn play(
    reader: &mut Process<Reader>,
    mut out: Vec<EffectOf<Reader>>,
    latest: Result<i64, ErrorCode>,
) -> (Vec<Observation>, bool) {
    let (mut facts, mut exited) = (Vec::new(), false);
    loop {
        let effects = std::mem::take(&mut out);
        if effects.is_empty() {
            return (facts, exited);
        }
        for effect in effects {
            match effect {
                Effect::Send { message: Message::Request(id, request), .. } => {
                    let from = Peer { connection: ConnectionId(0), route: data(BROKER) };
                    let message = Message::Response(id, answer(&request, latest));
                    let input = Input::Deliver { from, message };
                    exited |= reader.step(Timestamp::START, input, &mut out) == After::Exited;
                }
                Effect::Observe(fact) => facts.push(fact),
                Effect::Arm { .. } | Effect::Disarm(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

fn booted() -> (Process<Reader>, Vec<EffectOf<Reader>>) {
    let config = ReaderConfig {
        bootstrap: [BrokerId(1)].into(),
        partitions: vec![P],
        max_bytes: 1 << 20,
        salt: 0,
    };
    let (mut reader, mut out) = (Process::new(config), Vec::new());
    assert_eq!(reader.boot(Timestamp::START, &mut out), After::Runs);
    (reader, out)
}

#[test]
fn reads_from_the_log_start_to_the_high_watermark() {
    let (mut reader, out) = booted();
    let (facts, exited) = play(&mut reader, out, Ok(3));
    let [by, Observation::FinalRead { base_offset, records, .. }, done] = &facts[..] else {
        panic!("{facts:?}")
    };
    assert_eq!(*by, BY);
    assert_eq!((*base_offset, records.len(), records[0].id.number), (Offset(1), 2, 1));
    let (start, end) = (Offset(1), Offset(3));
    assert_eq!(*done, Observation::FinalReadDone { partition: P, start, end });
    assert!(exited, "all is read");
}

#[test]
fn waits_for_a_leader_that_does_not_know_its_high_watermark() {
    let (mut reader, out) = booted();
    let (facts, exited) = play(&mut reader, out, Err(ErrorCode::OffsetNotAvailable));
    assert!(facts == [BY] && !exited, "{facts:?}");
    let mut out = Vec::new();
    assert_eq!(reader.step(Timestamp::START, Input::Fire(Timer::Retry), &mut out), After::Runs);
    let (facts, exited) = play(&mut reader, out, Ok(1));
    let (start, end) = (Offset(1), Offset(1));
    assert_eq!(facts, [Observation::FinalReadDone { partition: P, start, end }]);
    assert!(exited, "an empty log is read at once");
}
