//! The one request of a member, and the errors that it is answered with (R9.29, R9.35). At the coordinator's
//! interval, and at once to join and to acknowledge; what did not change is left out.
//!
//! Kafka: `ConsumerHeartbeatRequestManager`, `AbstractHeartbeatRequestManager`.

use super::{LocalAssignment, State};
use crate::client::backoff::once_more;
use crate::consumer::{Consumer, Out, Purpose, Timer};
use crate::message::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, CorrelationId,
};
use ackproof_types::{Delay, ErrorCode, MemberEpoch};
use std::sync::Arc;

/// When the next heartbeat is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pulse {
    /// Now.
    Due,
    /// When the interval is over, or once there is something to tell.
    Resting,
    /// When the back-off is over.
    Cooling,
}

/// What the coordinator was told since the last error (Kafka: `HeartbeatState.SentFields`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Sent {
    /// What a member that does not change says once.
    myself: bool,
    /// What it has.
    owned: Option<Option<LocalAssignment>>,
}

impl Consumer {
    pub(in crate::consumer::membership) fn member_pulse(&mut self) {
        self.membership.consumer.pulse = Pulse::Due;
    }

    /// Sends the heartbeat that is due.
    pub(in crate::consumer::membership) fn beat(&mut self, out: &mut Out) {
        let member = &self.membership.consumer;
        let is_due = match member.pulse {
            Pulse::Due => true,
            Pulse::Resting => member.state.is_urgent(),
            Pulse::Cooling => false,
        };
        if !is_due || member.state.is_silent() || member.under_way.is_some() {
            return;
        }
        let Some(route) = self.coordinator_route() else { return };
        let request = self.next_heartbeat();
        let request = self.heartbeat_request(request);
        let id = self.send(route, request, Purpose::MemberHeartbeat, out);
        let member = &mut self.membership.consumer;
        member.under_way = Some(id);
        member.pulse = Pulse::Resting;
        out.arm(Timer::Heartbeat, Delay::exactly(member.interval));
        if member.state == State::Acknowledging {
            let is_there = member.current == member.target;
            member.state = if is_there { State::Stable } else { State::Reconciling };
        }
    }

    fn next_heartbeat(&mut self) -> ConsumerGroupHeartbeatRequest {
        let member = &mut self.membership.consumer;
        let mut request =
            ConsumerGroupHeartbeatRequest::new(self.config.group, member.id, member.epoch);
        request.instance = self.config.group_instance_id;
        let joins = member.state == State::Joining;
        if joins || !member.sent.myself {
            request.rebalance_timeout = Some(self.config.max_poll_interval);
            request.topics = Some(Arc::clone(&self.config.topics));
            request.assignor = self.config.group_remote_assignor;
            member.sent.myself = true;
        }
        if joins || member.sent.owned.as_ref() != Some(&member.current) {
            let current = member.current.as_ref();
            request.owned =
                Some(current.map_or_else(Arc::default, |it| Arc::clone(&it.partitions)));
            member.sent.owned = Some(member.current.clone());
        }
        request
    }

    /// R9.29: −1, or −2 for a static member that may come back. Nobody waits for the answer.
    pub(super) fn send_leave_heartbeat(&mut self, out: &mut Out) {
        let Some(route) = self.coordinator_route() else { return };
        let is_static = self.config.group_instance_id.is_some();
        let member = &mut self.membership.consumer;
        member.epoch = if is_static { MemberEpoch::LEAVE_STATIC } else { MemberEpoch::LEAVE };
        member.current = None;
        member.reconciliation = None;
        let request = self.next_heartbeat();
        let request = self.heartbeat_request(request);
        self.send(route, request, Purpose::Leave, out);
        let member = &mut self.membership.consumer;
        member.sent = Sent::default();
        member.under_way = None;
        member.pulse = Pulse::Due;
        member.failures = 0;
        out.disarm(Timer::Heartbeat);
    }

    /// A heartbeat was answered, or will not be.
    pub(in crate::consumer) fn member_heard(
        &mut self,
        id: CorrelationId,
        result: Result<ConsumerGroupHeartbeatResponse, ErrorCode>,
        out: &mut Out,
    ) {
        if self.membership.consumer.under_way != Some(id) {
            return;
        }
        self.membership.consumer.under_way = None;
        match result {
            Ok(said) => {
                let member = &mut self.membership.consumer;
                member.failures = 0;
                if member.interval != said.heartbeat_interval {
                    member.interval = said.heartbeat_interval;
                    member.pulse = Pulse::Resting;
                    out.arm(Timer::Heartbeat, Delay::exactly(member.interval));
                }
                self.member_told(said);
            }
            Err(error) => self.member_refused(error, out),
        }
    }

    /// The next request says everything again. These errors cost a back-off, those start afresh, and all
    /// others are fatal: UNRELEASED_INSTANCE_ID and FENCED_INSTANCE_ID, UNSUPPORTED_ASSIGNOR,
    /// GROUP_ID_NOT_FOUND.
    fn member_refused(&mut self, error: ErrorCode, out: &mut Out) {
        self.membership.consumer.sent = Sent::default();
        if matches!(error, ErrorCode::FencedMemberEpoch | ErrorCode::UnknownMemberId) {
            self.fenced();
            self.start_afresh(out);
        } else if matches!(error, ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable) {
            self.coordinator_error(error, out);
            self.start_afresh(out);
        } else if matches!(
            error,
            ErrorCode::CoordinatorLoadInProgress
                | ErrorCode::NetworkException
                | ErrorCode::RequestTimedOut
        ) {
            let pause = self.retry_backoff_after(self.membership.consumer.failures);
            let member = &mut self.membership.consumer;
            member.failures = once_more(member.failures);
            member.pulse = Pulse::Cooling;
            out.arm(Timer::Heartbeat, pause);
            self.coordinator_error(error, out);
        } else {
            self.member_failed(error, out);
        }
    }

    fn start_afresh(&mut self, out: &mut Out) {
        let member = &mut self.membership.consumer;
        member.failures = 0;
        member.pulse = Pulse::Due;
        out.disarm(Timer::Heartbeat);
    }
}
