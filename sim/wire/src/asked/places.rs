//! ListOffsets and OffsetForLeaderEpoch.

use super::{Asked, code, epoch, known, one};
use crate::frame::Head;
use crate::{Split, Wire};
use ackproof_kafka::message::{EpochQuery, ListOffsetsPartition, OffsetSpec, Request, Response};
use ackproof_types::{ErrorCode, TopicPartition};
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::{self as wire};

/// What an answer says of one partition; one that does not exist was not asked for.
fn told<T: Copy>(
    results: &[(TopicPartition, Result<T, ErrorCode>)],
    place: Option<TopicPartition>,
) -> Result<T, ErrorCode> {
    let place = place.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let found = results.iter().find(|(partition, _)| *partition == place);
    found.map_or(Err(ErrorCode::UnknownServerError), |(_, result)| *result)
}

impl Wire {
    /// What a time in a request means; none: nothing that is kept (`ListOffsetsRequest`).
    fn spec(&self, timestamp: i64) -> Option<OffsetSpec> {
        match timestamp {
            -1 => Some(OffsetSpec::Latest),
            // -4 is the start of what lies on the broker itself: everything does.
            -2 | -4 => Some(OffsetSpec::Earliest),
            0.. => Some(OffsetSpec::Since(self.time(timestamp))),
            _ => None,
        }
    }

    pub(super) fn ask_list_offsets(&self, request: wire::ListOffsetsRequest) -> Split {
        let mut asked = Vec::new();
        for topic in &request.topics {
            for part in &topic.partitions {
                let place = self.named(&topic.name, part.partition_index);
                if let (Some(partition), Some(spec)) = (place, self.spec(part.timestamp)) {
                    let leader_epoch = epoch(part.current_leader_epoch);
                    asked.push(ListOffsetsPartition { partition, leader_epoch, spec });
                }
            }
        }
        let request = Asked::ListOffsets(request);
        if asked.is_empty() { known(request) } else { one(request, Request::ListOffsets(asked)) }
    }

    pub(super) fn listed(
        &self,
        head: &Head,
        asked: &wire::ListOffsetsRequest,
        answers: Vec<Response>,
    ) -> wire::ListOffsetsResponse {
        let results = match answers.into_iter().next() {
            Some(Response::ListOffsets(results)) => results,
            _ => Vec::new(),
        };
        let topics = asked.topics.iter().map(|topic| {
            let parts = topic.partitions.iter().map(|part| {
                let place = self.named(&topic.name, part.partition_index);
                let result = match self.spec(part.timestamp) {
                    Some(_) => told(&results, place),
                    None => Err(ErrorCode::UnsupportedVersion),
                };
                // A record has no time of its own here: it is told that it is as old as was asked for.
                let time = match result {
                    Ok(listed) if listed.offset.0 >= 0 => part.timestamp.max(-1),
                    _ => -1,
                };
                let answer = ListOffsetsPartitionResponse::default()
                    .with_partition_index(part.partition_index)
                    .with_error_code(code(result))
                    .with_timestamp(time)
                    .with_offset(result.map_or(-1, |listed| listed.offset.0));
                match result {
                    Ok(listed) if head.version >= 4 => {
                        answer.with_leader_epoch(listed.leader_epoch.0)
                    }
                    _ => answer,
                }
            });
            ListOffsetsTopicResponse::default()
                .with_name(topic.name.clone())
                .with_partitions(parts.collect())
        });
        wire::ListOffsetsResponse::default().with_topics(topics.collect())
    }

    pub(super) fn ask_epoch_ends(&self, request: wire::OffsetForLeaderEpochRequest) -> Split {
        let mut asked = Vec::new();
        for topic in &request.topics {
            for part in &topic.partitions {
                if let Some(partition) = self.named(&topic.topic, part.partition) {
                    asked.push(EpochQuery {
                        partition,
                        current_leader_epoch: epoch(part.current_leader_epoch),
                        epoch: epoch(part.leader_epoch),
                    });
                }
            }
        }
        let request = Asked::EpochEnds(request);
        match asked.is_empty() {
            true => known(request),
            false => one(request, Request::OffsetsForLeaderEpoch(asked)),
        }
    }

    pub(super) fn epoch_ends(
        &self,
        asked: &wire::OffsetForLeaderEpochRequest,
        answers: Vec<Response>,
    ) -> wire::OffsetForLeaderEpochResponse {
        let results = match answers.into_iter().next() {
            Some(Response::OffsetsForLeaderEpoch(results)) => results,
            _ => Vec::new(),
        };
        let topics = asked.topics.iter().map(|topic| {
            let parts = topic.partitions.iter().map(|part| {
                let result = told(&results, self.named(&topic.topic, part.partition));
                EpochEndOffset::default()
                    .with_error_code(code(result))
                    .with_partition(part.partition)
                    .with_leader_epoch(result.map_or(-1, |end| end.epoch.0))
                    .with_end_offset(result.map_or(-1, |end| end.end.0))
            });
            OffsetForLeaderTopicResult::default()
                .with_topic(topic.topic.clone())
                .with_partitions(parts.collect())
        });
        wire::OffsetForLeaderEpochResponse::default().with_topics(topics.collect())
    }
}
