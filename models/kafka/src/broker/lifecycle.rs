//! A broker's life as the controller sees it: registration, heartbeats, controlled shutdown.
//!
//! Kafka: `BrokerLifecycleManager`, `BrokerServer` (R5.3–R5.17). A broker never fences itself (R5.16).

use super::controllers::LOOK_AGAIN;
use super::{Broker, BrokerDisk, BrokerWrite, Out, Timer};
use crate::machine::{Channel, Ticket};
use crate::message::{
    BrokerHeartbeatRequest, BrokerRegistrationRequest, ControllerRequest, CorrelationId,
    HeartbeatState, Request,
};
use crate::observation::Observation;
use ackproof_types::{BrokerEpoch, Delay, ErrorCode, Micros};

const RETRY_FIRST: Micros = Micros::from_millis(100);
const STARTING_INTERVAL: Micros = Micros::from_millis(10);
const SHUTDOWN_INTERVAL: Micros = Micros::from_millis(50);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum State {
    /// Not registered yet.
    Registering,
    /// Registered; asks to stay fenced until its metadata is applied.
    Starting,
    /// Metadata applied, waiting to be unfenced.
    Recovering,
    /// Ports are open.
    Running,
    /// Asked the controller for leave.
    ShuttingDown,
    /// All logs are closed, and this flush of them is under way.
    Closing(Ticket),
}

/// Where a broker process is in its life.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Lifecycle {
    state: State,
    incarnation: u64,
    previous_epoch: Option<BrokerEpoch>,
    epoch: Option<BrokerEpoch>,
    in_flight: Option<CorrelationId>,
    /// The next heartbeat goes out as soon as the one under way is answered.
    hurry: bool,
    /// The controller answered once since the shutdown began.
    shutdown_answered: bool,
    failures: u32,
    /// So many log directories are offline as of the heartbeat under way.
    told: usize,
}

impl Lifecycle {
    /// A process that starts on `disk`.
    pub(super) fn new(disk: &BrokerDisk) -> Self {
        Self {
            state: State::Registering,
            incarnation: disk.starts + 1,
            previous_epoch: disk.previous_epoch(),
            epoch: None,
            in_flight: None,
            hurry: false,
            shutdown_answered: false,
            failures: 0,
            told: 0,
        }
    }

    pub(super) fn epoch(&self) -> Option<BrokerEpoch> {
        self.epoch
    }

    /// Whether the ports are open (R5.9).
    pub(super) fn serves(&self) -> bool {
        match self.state {
            State::Registering | State::Starting | State::Recovering => false,
            State::Running | State::ShuttingDown | State::Closing(_) => true,
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        matches!(self.state, State::Closing(_))
    }

    pub(super) fn is_shutting_down(&self) -> bool {
        self.state == State::ShuttingDown
    }

    fn backoff(&self, most: Micros) -> Delay {
        let doubled = Micros(RETRY_FIRST.0 << self.failures.min(10));
        Delay::jittered(doubled.min(most), 2)
    }
}

impl Broker {
    pub(super) fn register(&mut self, out: &mut Out) {
        let request =
            Request::Controller(ControllerRequest::BrokerRegistration(BrokerRegistrationRequest {
                broker: self.env.id,
                incarnation: self.lifecycle.incarnation,
                version: self.env.cluster.profile.version,
                previous_epoch: self.lifecycle.previous_epoch,
                offline: self.storage.all_offline(),
            }));
        self.ask_lifecycle(request, out);
    }

    fn ask_lifecycle(&mut self, request: Request, out: &mut Out) {
        let Some(correlation) = self.ask(Channel::Lifecycle, request, out) else {
            return out.arm(Timer::Lifecycle, LOOK_AGAIN);
        };
        self.lifecycle.in_flight = Some(correlation);
        out.arm(Timer::LifecycleTimeout, Micros(self.settings().broker_session_timeout.0 / 2));
    }

    pub(super) fn registered(
        &mut self,
        correlation: CorrelationId,
        result: Result<BrokerEpoch, ErrorCode>,
        out: &mut Out,
    ) {
        if !self.lifecycle_answered(correlation, out) {
            return;
        }
        match result {
            Ok(epoch) => {
                self.lifecycle.failures = 0;
                self.lifecycle.epoch = Some(epoch);
                self.lifecycle.state = State::Starting;
                self.heartbeat(out);
            }
            Err(ErrorCode::NotController) => out.arm(Timer::Lifecycle, LOOK_AGAIN),
            // R5.4: an earlier incarnation's session is alive.
            Err(_) => self.retry_lifecycle(out),
        }
    }

    fn lifecycle_answered(&mut self, correlation: CorrelationId, out: &mut Out) -> bool {
        let expected = self.lifecycle.in_flight == Some(correlation);
        if expected {
            self.lifecycle.in_flight = None;
            out.disarm(Timer::LifecycleTimeout);
        }
        expected
    }

    fn retry_lifecycle(&mut self, out: &mut Out) {
        let delay = self.lifecycle.backoff(self.settings().broker_session_timeout);
        self.lifecycle.failures += 1;
        self.lifecycle.hurry = false;
        out.arm(Timer::Lifecycle, delay);
    }

    pub(super) fn lifecycle_failed(&mut self, out: &mut Out) {
        self.lose_controller(Channel::Lifecycle);
        self.lifecycle.in_flight = None;
        out.disarm(Timer::LifecycleTimeout);
        self.retry_lifecycle(out);
    }

    pub(super) fn lifecycle_due(&mut self, out: &mut Out) {
        if self.lifecycle.in_flight.is_some() {
            return;
        }
        match self.lifecycle.state {
            State::Registering => self.register(out),
            State::Starting | State::Recovering | State::Running | State::ShuttingDown => {
                self.heartbeat(out);
            }
            State::Closing(_) => {}
        }
    }

    fn heartbeat(&mut self, out: &mut Out) {
        let Some(epoch) = self.lifecycle.epoch else { return };
        let request =
            Request::Controller(ControllerRequest::BrokerHeartbeat(BrokerHeartbeatRequest {
                broker: self.env.id,
                epoch,
                metadata_offset: self.metadata.offset(),
                want_fence: self.lifecycle.state == State::Starting,
                want_shutdown: self.lifecycle.state == State::ShuttingDown,
                offline: self.storage.all_offline(),
            }));
        self.lifecycle.told = self.storage.offline().len();
        self.ask_lifecycle(request, out);
    }

    pub(super) fn heartbeat_answered(
        &mut self,
        correlation: CorrelationId,
        result: Result<HeartbeatState, ErrorCode>,
        out: &mut Out,
    ) {
        if !self.lifecycle_answered(correlation, out) {
            return;
        }
        let state = match result {
            Ok(state) => state,
            Err(ErrorCode::NotController) => return out.arm(Timer::Lifecycle, LOOK_AGAIN),
            Err(_) => return self.retry_lifecycle(out),
        };
        self.lifecycle.failures = 0;
        for dir in &self.storage.offline()[..self.lifecycle.told] {
            out.disarm(Timer::LogDirFailure(*dir));
        }
        let interval = self.settings().broker_heartbeat_interval;
        let next: Delay = match self.lifecycle.state {
            // Its metadata is applied and its logs are loaded: it is ready to be unfenced.
            State::Starting if state.is_caught_up && self.metadata.is_published() => {
                self.lifecycle.state = State::Recovering;
                self.lifecycle.hurry = true;
                interval.into()
            }
            State::Registering | State::Starting => STARTING_INTERVAL.into(),
            State::Recovering if !state.is_fenced => {
                self.lifecycle.state = State::Running;
                out.observe(Observation::BrokerStarted { epoch: self.epoch() });
                // How long before a fault a broker was last heard of decides when it is fenced. The
                // brokers of a cluster that has been up for long beat at times of their own; these
                // have all just started.
                Delay::rest_of(interval)
            }
            State::Recovering | State::Running => interval.into(),
            State::ShuttingDown if state.should_shutdown => {
                self.close_logs(out);
                return;
            }
            State::ShuttingDown if self.lifecycle.shutdown_answered => interval.into(),
            State::ShuttingDown => {
                self.lifecycle.shutdown_answered = true;
                SHUTDOWN_INTERVAL.into()
            }
            State::Closing(_) => return,
        };
        if std::mem::take(&mut self.lifecycle.hurry) {
            self.heartbeat(out);
        } else {
            out.arm(Timer::Lifecycle, next);
        }
    }

    /// The controller is to hear of a failed directory at once.
    pub(super) fn tell_of_storage(&mut self, out: &mut Out) {
        if self.lifecycle.in_flight.is_some() {
            self.lifecycle.hurry = true;
        } else {
            self.heartbeat(out);
        }
    }

    /// R5.17: asks the controller to move everything away first.
    pub(super) fn shutdown(&mut self, out: &mut Out) {
        if !self.lifecycle.serves() {
            self.close_logs(out);
            return;
        }
        self.lifecycle.state = State::ShuttingDown;
        if self.lifecycle.in_flight.is_none() {
            self.heartbeat(out);
        } else {
            self.lifecycle.hurry = true;
        }
    }

    /// R1.21: flushes and closes the logs, if they were ever loaded.
    fn close_logs(&mut self, out: &mut Out) {
        self.checkpoint_high_watermarks(out);
        self.checkpoint_starts(out);
        if self.lifecycle.epoch.is_none() || !self.metadata.is_published() {
            return out.exit();
        }
        for partition in self.partitions.all_mut() {
            partition.log.close(out);
        }
        self.lifecycle.state = State::Closing(out.flush());
    }

    /// All logs are closed, and safe: the marker goes last (R1.21).
    pub(super) fn flushed(&self, ticket: Ticket, out: &mut Out) {
        let State::Closing(closed) = self.lifecycle.state else { return };
        if let Some(epoch) = self.lifecycle.epoch
            && ticket >= closed
        {
            out.write(BrokerWrite::CleanShutdown(epoch));
            out.exit();
        }
    }

    /// Kafka: `LogManager#flushDirtyLogs`.
    pub(super) fn flush_old_logs(&mut self, out: &mut Out) {
        let now = self.env.now;
        for partition in self.partitions.all_mut() {
            partition.log.flush_if_old(now, out);
        }
        if let Some(interval) = self.settings().log_flush_scheduler_interval {
            out.arm(Timer::FlushCheck, interval);
        }
    }

    pub(super) fn checkpoint_high_watermarks(&mut self, out: &mut Out) {
        for partition in self.partitions.all_mut() {
            partition.log.checkpoint_high_watermark(out);
        }
    }
}
