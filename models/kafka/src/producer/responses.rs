//! What brokers answer, and what becomes of requests that get no answer.
//!
//! It pairs answers with what was asked; what they mean to a batch is the sender's. Kafka:
//! `Sender#handleProduceResponse`, `TransactionManager.InitProducerIdHandler` (R6.9, R5.28).

use super::batch::Batch;
use super::{Out, Producer};
use crate::client::network::{Completed, Failed};
use crate::machine::Route;
use crate::message::{CorrelationId, PartitionMetadata, PartitionResults, Response};
use ackproof_types::{BrokerId, ErrorCode, Offset};

/// What a request in flight asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sent {
    /// A producer id.
    ProducerId,
    /// To append batches, by this broker.
    Produce(BrokerId, Vec<Batch>),
}

impl Producer {
    pub(super) fn response(
        &mut self,
        route: Route,
        correlation: CorrelationId,
        response: Response,
        out: &mut Out,
    ) {
        let (sent, response) = match self.client.answered(route, correlation, response, out) {
            Completed::Internal => return,
            Completed::Metadata => return self.accumulator.follow(self.client.metadata()),
            Completed::Failed(failed) => {
                return self.fail(failed, ErrorCode::NetworkException, out);
            }
            Completed::Request(_, sent, response) => (sent, response),
        };
        match (sent, response) {
            (Sent::ProducerId, Response::InitProducerId(Ok(numbering))) => {
                self.identified(numbering, out);
            }
            (Sent::ProducerId, Response::InitProducerId(Err(_))) => self.identity_failed(out),
            (Sent::Produce(broker, batches), Response::Produce(results, hints))
                if answers(&batches, &results) =>
            {
                for (batch, (place, result)) in batches.into_iter().zip(results) {
                    self.answered = place.topic;
                    self.complete(batch, result, broker, out);
                }
                self.take_hints(&hints);
            }
            (sent, response) => {
                let mut failed = vec![(correlation, sent)];
                failed.extend(self.client.misplaced(route, response.name(), out));
                self.fail(failed, ErrorCode::NetworkException, out);
            }
        }
    }

    /// R6.10: with `acks=0`, written to the socket is all there is.
    pub(super) fn send_completed(&mut self, route: Route, out: &mut Out) {
        if let Some(Sent::Produce(broker, batches)) = self.client.send_completed(route, out) {
            self.answered = self.metadata().id_of(self.config.topic);
            for batch in batches {
                self.complete(batch, Ok(Offset::UNKNOWN), broker, out);
            }
        }
    }

    /// A response named the new leaders of its partitions (KIP-951).
    pub(super) fn take_hints(&mut self, hints: &[PartitionMetadata]) {
        let mut news = false;
        for hint in hints {
            news |= self.client.metadata_mut().update_leadership(*hint);
        }
        if news {
            self.accumulator.follow(self.client.metadata());
        }
    }

    /// R6.9: these requests will not be answered.
    pub(super) fn fail(&mut self, failed: Failed<Sent>, error: ErrorCode, out: &mut Out) {
        for (_, sent) in failed {
            match sent {
                Sent::ProducerId => self.identity_failed(out),
                Sent::Produce(broker, batches) => {
                    for batch in batches {
                        self.complete(batch, Err(error), broker, out);
                    }
                }
            }
        }
    }

    /// Batches in requests in flight, those that are done included.
    pub(super) fn sent_batches(&self) -> impl Iterator<Item = &Batch> {
        self.client.in_flight().flat_map(|sent| match sent {
            Sent::Produce(_, batches) => batches.as_slice(),
            Sent::ProducerId => &[],
        })
    }
}

/// Whether a response answers every batch of its request, in its order.
fn answers(batches: &[Batch], results: &PartitionResults<Offset>) -> bool {
    let asked = batches.iter().map(|batch| batch.partition);
    asked.eq(results.iter().map(|(id, _)| id.partition))
}

impl Sent {
    /// The batches that it carries.
    pub(super) fn batches_mut(&mut self) -> &mut [Batch] {
        match self {
            Self::Produce(_, batches) => batches,
            Self::ProducerId => &mut [],
        }
    }
}
