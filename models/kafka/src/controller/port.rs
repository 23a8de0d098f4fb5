//! How the quorum speaks through a controller: messages to other controllers, answers, timers, the disk.

use super::{MetadataWrite, Out, Timer};
use crate::machine::{Channel, Route, Ticket, To};
use crate::message::quorum::{Answer, FetchOfLog, Fetched, QuorumReply, QuorumRequest};
use crate::message::{
    ControllerRequest, ControllerResponse, CorrelationId, Message, Request, Response,
};
use crate::metadata::MetadataRecord;
use crate::raft::{self, Asker, Port};
use ackproof_types::{ControllerId, Delay, Server};
use std::sync::Arc;

/// The outbox of a step.
pub(super) struct Wire<'a>(pub(super) &'a mut Out);

fn route(to: ControllerId, channel: Channel) -> Route {
    Route { to: Server::Controller(to), channel }
}

fn request(number: u64, request: ControllerRequest) -> Message {
    Message::Request(CorrelationId(number), Request::Controller(request))
}

impl Wire<'_> {
    fn reply(&mut self, to: Asker, response: ControllerResponse) {
        let message = Message::Response(to.correlation, Response::Controller(response));
        self.0.reply(to.connection, message);
    }
}

impl Port<Arc<MetadataRecord>> for Wire<'_> {
    fn ask(&mut self, to: ControllerId, number: u64, asked: QuorumRequest) {
        let message = request(number, ControllerRequest::Quorum(asked));
        self.0.send(route(to, Channel::Quorum), message);
    }
    fn fetch(&mut self, from: ControllerId, number: u64, fetch: FetchOfLog) {
        let message = request(number, ControllerRequest::MetadataFetch(fetch));
        self.0.send(route(from, Channel::MetadataLog), message);
    }
    fn answer(&mut self, to: Asker, answer: Answer<QuorumReply>) {
        self.reply(to, ControllerResponse::Quorum(answer));
    }
    fn answer_fetch(&mut self, to: Asker, answer: Answer<Fetched<Arc<MetadataRecord>>>) {
        self.reply(to, ControllerResponse::MetadataFetch(answer));
    }
    fn hang_up(&mut self, on: ControllerId) {
        self.0.close(To::Route(route(on, Channel::Quorum)));
    }
    fn hang_up_fetch(&mut self, on: ControllerId) {
        self.0.close(To::Route(route(on, Channel::MetadataLog)));
    }
    fn arm(&mut self, timer: raft::Timer, delay: Delay) {
        self.0.arm(Timer::Quorum(timer), delay);
    }
    fn disarm(&mut self, timer: raft::Timer) {
        self.0.disarm(Timer::Quorum(timer));
    }
    fn write(&mut self, write: MetadataWrite) {
        self.0.write(write);
    }
    fn flush(&mut self) -> Ticket {
        self.0.flush()
    }
}
