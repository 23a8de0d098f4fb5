//! What may happen next, and what it does.

use super::replica::{Change, Fetch, Replica};
use super::{Grain, Replicas, Witness};
use crate::machine::Disk;
use crate::message::{Payload, RecordBatch};
use crate::observation::Observation;
use crate::partition::leader::LagTick;
use crate::variant::{Variant, Variants};
use ackproof_types::{
    Acks, BrokerId, LeaderEpoch, Offset, ProducerIndex, Record, RecordId, RecordSlice, Timestamp,
};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Bytes of a record; no rule here depends on it.
const SIZE: u32 = 100;

/// One step. Brokers are numbered by their place among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A broker that believes that it leads appends the next record.
    Produce(u8),
    /// A follower sends a fetch to its leader.
    Ask(u8, u8),
    /// The leader reads the follower's fetch; unless messages are told apart, the follower sends it now.
    Serve(u8, u8),
    /// The follower takes the leader's answer.
    Take(u8, u8),
    /// A leader's check finds members of the in-sync set that lag.
    Lag(u8),
    /// The controller reads a leader's proposal of an in-sync set.
    Alter(u8),
    /// The leader hears what the controller said to it.
    Altered(u8),
    /// The controller has not heard of a broker for too long.
    Fence(u8),
    /// The controller hears of a broker that it has fenced.
    Unfence(u8),
    /// A broker hears of the cluster, so many states later than it knows.
    Learn(u8, u8),
    /// A process is killed.
    Crash(u8),
    /// A broker loses power, and keeps so many of the changes of its log that were not flushed.
    LosePower(u8, u8),
    /// A process starts and registers.
    Start(u8),
    /// A broker writes its high watermark to its disk.
    Checkpoint(u8),
}

impl Replicas {
    /// Adds all that may happen next, in a fixed order.
    pub fn steps(&self, into: &mut Vec<Step>) {
        for at in self.places() {
            let replica = self.replica(at);
            self.steps_of(at, replica, into);
            for leader in self.places().filter(|leader| *leader != at) {
                self.fetches_of(at, leader, into);
            }
        }
    }

    fn steps_of(&self, at: u8, replica: &Replica, into: &mut Vec<Step>) {
        let bounds = self.bounds();
        match &replica.change {
            Change::None => {}
            Change::Asked(..) => into.push(Step::Alter(at)),
            Change::Answered(..) => into.push(Step::Altered(at)),
        }
        let known = self.quorum.image().brokers.get(&replica.id).copied();
        if known.is_some_and(|known| !known.fenced) {
            into.push(Step::Fence(at));
        }
        let Some(process) = &replica.process else {
            into.push(Step::Start(at));
            return;
        };
        let heard = process.image.as_ref().map(|(number, _)| *number);
        let news = self.quorum.after(heard.unwrap_or(0)).count();
        if replica.led().is_some() {
            if self.counts.produced < bounds.records {
                into.push(Step::Produce(at));
            }
            into.push(Step::Lag(at));
        }
        if known.is_some_and(|known| known.fenced && known.epoch == process.epoch)
            && heard.is_some()
        {
            into.push(Step::Unfence(at));
        }
        into.extend((1..=few(news)).map(|later| Step::Learn(at, later)));
        let power = self.counts.power_losses < bounds.power_losses;
        if self.counts.crashes < bounds.crashes || power {
            into.push(Step::Checkpoint(at));
        }
        if self.counts.crashes < bounds.crashes {
            into.push(Step::Crash(at));
        }
        if power {
            let unflushed = few(replica.disk.unflushed(self.setup.partition));
            into.extend((0..=unflushed).map(|kept| Step::LosePower(at, kept)));
        }
    }

    pub(super) fn fetches_of(&self, at: u8, leader: u8, into: &mut Vec<Step>) {
        let replica = self.replica(at);
        let to = self.replica(leader);
        let asks = || to.process.is_some() && replica.fetches_from(to.id);
        match &replica.fetches[usize::from(leader)] {
            Fetch::None if !asks() => {}
            Fetch::None if self.bounds().grain == Grain::Message => {
                into.push(Step::Ask(at, leader));
            }
            Fetch::None | Fetch::Asked(..) => into.push(Step::Serve(at, leader)),
            Fetch::Answered(_) => into.push(Step::Take(at, leader)),
        }
    }

    /// The world after `step`, which [`Replicas::steps`] gave; none: beyond the bounds. `seen` is told what
    /// the machines observe.
    #[must_use]
    pub fn after(&self, step: Step, seen: Witness<'_>) -> Option<Self> {
        let mut next = self.stepped(step, seen)?;
        next.forget();
        Some(next)
    }

    /// The same, with all that the controller has told.
    pub(super) fn stepped(&self, step: Step, seen: Witness<'_>) -> Option<Self> {
        let mut next = self.clone();
        next.take(step, seen);
        let state = next.quorum.partition();
        let bounds = next.bounds();
        let within = state.leader_epoch.0 < i32::from(bounds.epochs)
            && next.quorum.number() <= u32::from(bounds.changes);
        within.then_some(next)
    }

    pub(super) fn take(&mut self, step: Step, seen: Witness<'_>) {
        let setup = Arc::clone(&self.setup);
        let id = |at: u8| setup.cluster.brokers[usize::from(at)];
        match step {
            Step::Produce(at) => self.produce(at, seen),
            Step::Ask(at, leader) => {
                let replica = self.replica_mut(at);
                if let Some((who, what)) = replica.ask(id(leader), setup.cluster.variants) {
                    *replica.fetch_mut(leader) = Fetch::Asked(who, what);
                }
            }
            Step::Serve(at, leader) => self.serve(at, leader, seen),
            Step::Take(at, leader) => {
                let replica = self.replica_mut(at);
                let fetch = std::mem::replace(replica.fetch_mut(leader), Fetch::None);
                if let Fetch::Answered(answer) = fetch {
                    self.answered((at, leader), answer, seen);
                }
            }
            Step::Lag(at) => self.lag(at, seen),
            Step::Alter(at) => self.alter(at, seen),
            Step::Altered(at) => self.altered(at, seen),
            Step::Fence(at) => {
                Arc::make_mut(&mut self.quorum).fence(id(at), &mut |fact| seen(None, fact));
            }
            Step::Unfence(at) => {
                let epoch = self.replica(at).epoch();
                let quorum = Arc::make_mut(&mut self.quorum);
                quorum.heartbeat(id(at), epoch, true, &mut |fact| seen(None, fact));
            }
            Step::Learn(at, later) => self.learn(at, later, seen),
            Step::Crash(at) => {
                self.counts.crashes += 1;
                self.kill(at);
            }
            Step::LosePower(at, kept) => {
                self.counts.power_losses += 1;
                self.kill(at);
                self.replica_mut(at).disk.lose_power(&mut |_| usize::from(kept));
            }
            Step::Start(at) => self.start(at, seen),
            Step::Checkpoint(at) => {
                self.replica_mut(at).with(&setup, &mut |_| {}, |process, _, out| {
                    process.partition.log.checkpoint_high_watermark(out);
                });
            }
        }
    }

    /// R4.3: the next record, alone in a batch.
    fn produce(&mut self, at: u8, seen: Witness<'_>) {
        let setup = Arc::clone(&self.setup);
        let id = setup.cluster.brokers[usize::from(at)];
        let number = self.counts.produced;
        let record = record(number);
        let batch = RecordBatch {
            base_offset: Offset(0),
            leader_epoch: LeaderEpoch::UNKNOWN,
            producer: None,
            max_timestamp: Timestamp::START,
            size: SIZE,
            payload: Payload::Records([record].into_iter().collect()),
        };
        let variants = setup.cluster.variants;
        let mut appended = None;
        self.replica_mut(at).with(
            &setup,
            &mut |fact| seen(Some(id), fact),
            |process, around, out| {
                let partition = &mut process.partition;
                let Ok(leader) = partition.leader() else { return };
                let few =
                    leader.isr_len() < around.min_isr && !variants.has(Variant::MinIsrIgnored);
                if setup.acks == Acks::All && few {
                    return;
                }
                let epoch = partition.leader_epoch;
                if let Ok(placed) = partition.append_as_leader(batch, Variants::default(), out) {
                    appended = Some(placed);
                    process.waiting.push((number, placed.next, epoch));
                    partition.maybe_advance(around, out);
                }
            },
        );
        let Some(placed) = appended else { return };
        seen(None, Observation::Sent { record, partition: setup.partition });
        self.counts.produced += 1;
        if setup.acks == Acks::All {
            self.settle(at, seen);
            return;
        }
        if let Some(process) = &mut self.replica_mut(at).process {
            process.waiting.clear();
        }
        if setup.acks == Acks::Leader {
            self.acknowledge(number, placed.base, id, seen);
        }
    }

    /// R4.6: who waits for replicas at this broker is answered.
    fn settle(&mut self, at: u8, seen: Witness<'_>) {
        let setup = Arc::clone(&self.setup);
        let id = setup.cluster.brokers[usize::from(at)];
        let min_isr = setup.cluster.topic(setup.partition.topic).effective_min_isr();
        let ignored = setup.cluster.variants.has(Variant::MinIsrIgnored);
        let replica = self.replica(at);
        let Some(process) = &replica.process else { return };
        if process.waiting.is_empty() {
            return;
        }
        let (epoch, exposed) =
            (process.partition.leader_epoch, process.partition.log.high_watermark());
        let done = |(_, next, of): &(u8, Offset, LeaderEpoch)| *of != epoch || exposed >= *next;
        let answered: Vec<_> = process.waiting.iter().copied().filter(done).collect();
        if answered.is_empty() {
            return;
        }
        let Some(process) = &mut self.replica_mut(at).process else { return };
        process.waiting.retain(|one| !done(one));
        let enough = process
            .partition
            .leader()
            .is_ok_and(|leader| ignored || leader.maximal_isr_len() >= min_isr);
        for (number, next, of) in answered {
            if of == epoch && enough {
                self.acknowledge(number, next + -1, id, seen);
            }
        }
    }

    fn acknowledge(&mut self, number: u8, at: Offset, by: BrokerId, seen: Witness<'_>) {
        self.counts.acked.push((number, at.0));
        self.counts.acked.sort_unstable();
        let records = RecordSlice::whole(Arc::new([record(number)]));
        let partition = self.setup.partition;
        seen(None, Observation::Acked { partition, base_offset: at, by, records });
    }

    fn serve(&mut self, at: u8, leader: u8, seen: Witness<'_>) {
        let setup = Arc::clone(&self.setup);
        let leader_id = setup.cluster.brokers[usize::from(leader)];
        let replica = self.replica_mut(at);
        let asked = match std::mem::replace(replica.fetch_mut(leader), Fetch::None) {
            Fetch::Asked(who, what) => Some((who, what)),
            Fetch::None | Fetch::Answered(_) => replica.ask(leader_id, setup.cluster.variants),
        };
        let Some(asked) = asked else { return };
        let to = self.replica_mut(leader);
        if to.process.is_none() {
            return;
        }
        let from = asked.0.epoch;
        let answer = to.serve(asked, &setup, &mut |fact| seen(Some(leader_id), fact));
        self.settle(leader, seen);
        let replica = self.replica_mut(at);
        // The answer to a process that has ended reaches nobody.
        if replica.process.is_none() || replica.epoch() != from {
            return;
        }
        if setup.bounds.grain == Grain::Fetch {
            self.answered((at, leader), answer, seen);
            self.replica_mut(at).is_answered();
        } else {
            *replica.fetch_mut(leader) = Fetch::Answered(answer);
        }
    }

    /// R3.3: long enough after the check before.
    fn lag(&mut self, at: u8, seen: Witness<'_>) {
        let setup = Arc::clone(&self.setup);
        let id = setup.cluster.brokers[usize::from(at)];
        let replica = self.replica_mut(at);
        if let Some(process) = &mut replica.process {
            process.tick = LagTick(process.tick.0 + 3);
        }
        let mut shrinks = false;
        replica.with(&setup, &mut |fact| seen(Some(id), fact), |process, around, _| {
            let end = process.partition.log.end();
            shrinks =
                process.partition.leader().is_ok_and(|leader| leader.maybe_shrink(end, around));
        });
        if shrinks {
            replica.propose();
        } else if let Some(process) = &mut replica.process {
            process.tick = LagTick(process.tick.0 - 3);
        }
    }

    fn alter(&mut self, at: u8, seen: Witness<'_>) {
        let id = self.setup.cluster.brokers[usize::from(at)];
        let Change::Asked(epoch, proposal, number) = self.replica(at).change.clone() else {
            return;
        };
        let quorum = Arc::make_mut(&mut self.quorum);
        let answer = quorum.alter((id, epoch), proposal, &mut |fact| seen(None, fact));
        let replica = self.replica_mut(at);
        let hears = replica.process.is_some() && replica.epoch() == epoch;
        replica.change = if hears { Change::Answered(answer, number) } else { Change::None };
        if self.bounds().grain == Grain::Fetch && hears {
            self.altered(at, seen);
        }
    }

    fn altered(&mut self, at: u8, seen: Witness<'_>) {
        let setup = Arc::clone(&self.setup);
        let id = setup.cluster.brokers[usize::from(at)];
        let replica = self.replica_mut(at);
        if let Change::Answered(answer, number) =
            std::mem::replace(&mut replica.change, Change::None)
        {
            replica.altered((answer, number), &setup, &mut |fact| seen(Some(id), fact));
        }
        self.settle(at, seen);
    }

    fn learn(&mut self, at: u8, later: u8, seen: Witness<'_>) {
        let setup = Arc::clone(&self.setup);
        let id = setup.cluster.brokers[usize::from(at)];
        let Some(process) = &self.replica(at).process else { return };
        let known = process.image.as_ref().map_or(0, |(number, _)| *number);
        let image = self.quorum.after(known).nth(usize::from(later) - 1).cloned();
        let Some(image) = image else { return };
        self.replica_mut(at).learn(image, &setup, &mut |fact| seen(Some(id), fact));
        self.settle(at, seen);
    }

    /// Its connections end with it.
    fn kill(&mut self, at: u8) {
        self.replica_mut(at).kill();
        for other in &mut self.replicas {
            if other.fetches[usize::from(at)] != Fetch::None {
                *Arc::make_mut(other).fetch_mut(at) = Fetch::None;
            }
        }
    }

    /// R5.3, R5.4: while the controller still counts on the process before, it is refused, and asks again.
    fn start(&mut self, at: u8, seen: Witness<'_>) {
        let setup = Arc::clone(&self.setup);
        let replica = self.replica(at);
        let (id, incarnation) = (replica.id, replica.incarnation + 1);
        let quorum = Arc::make_mut(&mut self.quorum);
        let clean = None;
        let epoch = quorum.register(id, incarnation, clean, &mut |fact| seen(None, fact));
        let Some(epoch) = epoch else { return };
        self.replica_mut(at).start(epoch, &setup);
        seen(Some(id), Observation::BrokerStarted { epoch });
    }
}

/// What is counted here is bounded by less.
fn few(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}

fn record(number: u8) -> Record {
    let id = RecordId { producer: ProducerIndex(0), number: u32::from(number) };
    Record { id, key: None, size: SIZE }
}

/// As it is written down: a word and the places of brokers, or a number.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, first, second) = self.parts();
        match second {
            Some(second) => write!(f, "{word} {first} {second}"),
            None => write!(f, "{word} {first}"),
        }
    }
}

impl Step {
    const fn parts(self) -> (&'static str, u8, Option<u8>) {
        match self {
            Self::Produce(at) => ("produce", at, None),
            Self::Ask(at, to) => ("ask", at, Some(to)),
            Self::Serve(at, to) => ("serve", at, Some(to)),
            Self::Take(at, to) => ("take", at, Some(to)),
            Self::Lag(at) => ("lag", at, None),
            Self::Alter(at) => ("alter", at, None),
            Self::Altered(at) => ("altered", at, None),
            Self::Fence(at) => ("fence", at, None),
            Self::Unfence(at) => ("unfence", at, None),
            Self::Learn(at, later) => ("learn", at, Some(later)),
            Self::Crash(at) => ("crash", at, None),
            Self::LosePower(at, kept) => ("lose-power", at, Some(kept)),
            Self::Start(at) => ("start", at, None),
            Self::Checkpoint(at) => ("checkpoint", at, None),
        }
    }
}

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let no_step = || format!("{text:?} is no step");
        let mut words = text.split(' ');
        let word = words.next().unwrap_or_default();
        let numbers: Result<Vec<u8>, _> = words.map(str::parse).collect();
        let step = match (word, numbers.map_err(|_| no_step())?.as_slice()) {
            ("produce", [at]) => Self::Produce(*at),
            ("ask", [at, to]) => Self::Ask(*at, *to),
            ("serve", [at, to]) => Self::Serve(*at, *to),
            ("take", [at, to]) => Self::Take(*at, *to),
            ("lag", [at]) => Self::Lag(*at),
            ("alter", [at]) => Self::Alter(*at),
            ("altered", [at]) => Self::Altered(*at),
            ("fence", [at]) => Self::Fence(*at),
            ("unfence", [at]) => Self::Unfence(*at),
            ("learn", [at, later]) => Self::Learn(*at, *later),
            ("crash", [at]) => Self::Crash(*at),
            ("lose-power", [at, kept]) => Self::LosePower(*at, *kept),
            ("start", [at]) => Self::Start(*at),
            ("checkpoint", [at]) => Self::Checkpoint(*at),
            _ => return Err(no_step()),
        };
        Ok(step)
    }
}

/// A step in words, with the names of brokers.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a>(pub Step, pub &'a [BrokerId]);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |at: u8| format!("broker-{}", self.1[usize::from(at)].0);
        match self.0 {
            Step::Produce(at) => write!(f, "{} appends a record as leader", name(at)),
            Step::Ask(at, to) => write!(f, "{} sends a fetch to {}", name(at), name(to)),
            Step::Serve(at, to) => write!(f, "{} reads a fetch of {}", name(to), name(at)),
            Step::Take(at, to) => write!(f, "{} takes the answer of {}", name(at), name(to)),
            Step::Lag(at) => write!(f, "{} finds that members of its in-sync set lag", name(at)),
            Step::Alter(at) => write!(f, "the controller reads the proposal of {}", name(at)),
            Step::Altered(at) => write!(f, "{} hears what became of its proposal", name(at)),
            Step::Fence(at) => write!(f, "the controller fences {}", name(at)),
            Step::Unfence(at) => write!(f, "the controller hears of {} and unfences it", name(at)),
            Step::Learn(at, 1) => write!(f, "{} hears the next state of the cluster", name(at)),
            Step::Learn(at, later) => {
                write!(f, "{} hears of the cluster, {later} states later", name(at))
            }
            Step::Crash(at) => write!(f, "{} is killed", name(at)),
            Step::LosePower(at, kept) => {
                write!(f, "{} loses power and keeps {kept} unflushed changes of its log", name(at))
            }
            Step::Start(at) => write!(f, "{} starts and registers", name(at)),
            Step::Checkpoint(at) => write!(f, "{} writes its high watermark to disk", name(at)),
        }
    }
}
