//! Heartbeats, and what a coordinator's errors mean to a member (R8.10, R8.11). It goes on whatever the
//! application does, and knows nothing of partitions.
//!
//! Kafka: `Heartbeat`, `AbstractCoordinator.HeartbeatThread`.

use super::{State, is_fatal, is_loss};
use crate::client::backoff::once_more;
use crate::consumer::membership::Asked;
use crate::consumer::{Consumer, Out, Purpose, Timer};
use crate::message::{GroupRequest, Request};
use crate::observation::Observation;
use ackproof_types::{ErrorCode, GenerationId, RebalanceReason};

impl Consumer {
    /// R8.10: by timer, whatever the application does.
    pub(in crate::consumer::membership) fn heartbeat(&mut self, out: &mut Out) {
        let Some(claim) = self.classic_claim() else { return };
        let Some(route) = self.coordinator_route() else {
            return out.arm(Timer::Heartbeat, self.retry_backoff());
        };
        if !self.membership.classic.heartbeat_under_way {
            self.membership.classic.heartbeat_under_way = true;
            let purpose = Purpose::Heartbeat(claim.generation);
            self.send(route, Request::Group(GroupRequest::Heartbeat(claim)), purpose, out);
        }
        out.arm(Timer::Heartbeat, self.config.heartbeat_interval);
    }

    pub(in crate::consumer) fn heartbeat_answered(
        &mut self,
        generation: GenerationId,
        result: Result<(), ErrorCode>,
        out: &mut Out,
    ) {
        self.membership.classic.heartbeat_under_way = false;
        match result {
            Ok(()) | Err(ErrorCode::RebalanceInProgress) => {
                self.membership.classic.heartbeat_failures = 0;
                self.watch_session(out);
            }
            Err(_) => {
                let pause = self.retry_backoff_after(self.membership.classic.heartbeat_failures);
                self.membership.classic.heartbeat_failures =
                    once_more(self.membership.classic.heartbeat_failures);
                out.arm(Timer::Heartbeat, pause);
            }
        }
        if let Err(error) = result {
            self.member_error(Asked::Heartbeat, generation, error, out);
        }
    }

    /// The coordinator has been heard of.
    pub(in crate::consumer) fn watch_session(&self, out: &mut Out) {
        if self.membership.classic.generation().is_some() {
            out.arm(Timer::Session, self.config.session_timeout);
        }
    }

    /// R8.10: to a client the end of its session means only that the coordinator is gone.
    pub(in crate::consumer) fn session_over(&mut self, out: &mut Out) {
        if self.membership.classic.generation().is_some() {
            self.coordinator_lost(out);
        }
    }

    /// R8.11: what a coordinator says to a member of `generation`.
    pub(in crate::consumer::membership) fn member_error(
        &mut self,
        asked: Asked,
        generation: GenerationId,
        error: ErrorCode,
        out: &mut Out,
    ) {
        if error == ErrorCode::RebalanceInProgress {
            self.membership.classic.rejoin_needed |= self.membership.classic.may_commit();
        } else if is_fatal(error) {
            self.poll_throws(error, out);
        } else if is_loss(error) {
            let unchanged = self.membership.classic.generation == Some(generation);
            let joining = matches!(self.membership.classic.state, State::Joining(_));
            if unchanged || (asked == Asked::Commit && !joining) {
                self.reset_generation(error, out);
            }
        } else {
            self.coordinator_error(error, out);
        }
    }

    pub(super) fn reset_generation(&mut self, error: ErrorCode, out: &mut Out) {
        self.membership.classic.reset(error);
        self.stop_heartbeats(out);
    }

    pub(super) fn stop_heartbeats(&self, out: &mut Out) {
        out.disarm(Timer::Heartbeat);
        out.disarm(Timer::Session);
    }

    /// R8.10: the application polls too rarely, or the process was frozen: then a thread that is in
    /// `poll()` may not have come to its next round. It learns of it then. Outside of a generation nobody
    /// watches; while the coordinator is unknown it is looked for first.
    pub(in crate::consumer::membership) fn classic_is_late(&mut self, out: &mut Out) {
        if self.application.is_closing() || self.membership.classic.generation().is_none() {
            return;
        }
        if self.coordinator_route().is_none() {
            return out.arm(Timer::MaxPoll, self.retry_backoff());
        }
        self.application.leave_unaware();
        if self.config.group_instance_id.is_some() {
            // It does not tell the coordinator (R9.21), so nobody else can say why it joins again.
            out.observe(Observation::PollOverdue { group: self.config.group });
        }
        self.send_leave(RebalanceReason::PollIntervalExceeded, out);
    }
}
