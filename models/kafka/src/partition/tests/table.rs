//! The state table of a replica's role: every input to every state, with what it returns, writes and puts
//! on record. Each row is a fresh replica of broker 1 that real inputs brought into its state; its log
//! begins with two records of an earlier leadership, the first of them known as committed.

use super::super::Partition;
use super::super::leader::{LagTick, Surroundings};
use super::{ID, Replicas, batch, copied, registration};
use crate::broker::Out;
use crate::golden::{Row, compare, words};
use crate::message::{EpochEnd, IsrState, RecordBatch};
use crate::metadata::{MetadataImage, PartitionRegistration};
use crate::variant::Variants;
use ackproof_types::{BrokerEpoch, BrokerId, LeaderEpoch, Offset, PartitionEpoch};
use std::sync::Arc;

const HEAD: &str = "\
# Roles of a replica

A test writes and compares this table (`models/kafka/src/partition/tests/table.rs`); do not edit it. Each row
is one input to the replica of broker 1, of three, with `min.insync.replicas` 2. The effects begin with what
the caller is told; the broker answers requests accordingly. The class is Kafka's `Partition`; what is legal
stands in [RULES.md](../../RULES.md), chapters 2 and 3.
";

const OWN: u16 = 1;
const MIN_ISR: usize = 2;

/// Where a row begins.
#[derive(Clone, Copy, Debug)]
enum Scene {
    NoLeader,
    Follower,
    /// All replicas are in sync and caught up.
    Complete,
    /// Broker 3 is outside and has not fetched.
    Outside,
    /// Broker 3 was outside and fetched from the end.
    Expanding,
    /// Broker 3 is in sync and never fetched; the next check finds it lagging.
    Lagging,
    /// The check found it.
    Shrinking,
}

impl Scene {
    const ALL: [Self; 7] = [
        Self::NoLeader,
        Self::Follower,
        Self::Complete,
        Self::Outside,
        Self::Expanding,
        Self::Lagging,
        Self::Shrinking,
    ];

    fn build(self) -> Stage {
        let all = [1, 2, 3];
        match self {
            Self::NoLeader => {
                let nobody = PartitionRegistration { leader: None, ..registration(2, 1, &all) };
                Stage::with(&nobody)
            }
            Self::Follower => Stage::with(&registration(2, 1, &all)),
            Self::Complete => {
                let mut stage = Stage::with(&registration(OWN, 1, &all));
                stage.fetched(&[2, 3]);
                stage
            }
            Self::Outside | Self::Expanding => {
                let mut stage = Stage::with(&registration(OWN, 1, &[1, 2]));
                stage.fetched(&[2]);
                if matches!(self, Self::Expanding) {
                    stage.fetched(&[3]);
                }
                stage
            }
            Self::Lagging | Self::Shrinking => {
                let mut stage = Stage::with(&registration(OWN, 1, &all));
                stage.tick = LagTick(2);
                stage.fetched(&[2]);
                if matches!(self, Self::Shrinking) {
                    lag_check(&mut stage, &mut Out::default());
                }
                stage
            }
        }
    }
}

/// A replica and what its decisions depend on.
struct Stage {
    replica: Partition,
    image: MetadataImage,
    tick: LagTick,
}

impl Stage {
    /// After the first metadata.
    fn with(state: &PartitionRegistration) -> Self {
        let mut replica = copied(&[(0, 0, 1), (0, 1, 2)]);
        replica.log.set_high_watermark(Offset(1));
        let mut stage = Self { replica, image: Replicas::new().image, tick: LagTick(0) };
        stage.apply(state, &mut Out::default());
        stage
    }

    /// These followers fetch from the end.
    fn fetched(&mut self, followers: &[u16]) {
        for follower in followers {
            let end = self.replica.log.end();
            self.fetch(*follower, end, &mut Out::default());
        }
    }

    fn apply(&mut self, state: &PartitionRegistration, out: &mut Out) -> String {
        let around = around(&self.image, self.tick);
        let change = self.replica.apply(state, around, out);
        let advanced = self.replica.maybe_advance(around, out);
        format!("{change:?}{}", note(advanced, "high watermark rises"))
    }

    /// As the broker takes a fetch: note it, let the follower join, advance.
    fn fetch(&mut self, follower: u16, offset: Offset, out: &mut Out) -> String {
        let around = around(&self.image, self.tick);
        let (end, high_watermark) = (self.replica.log.end(), self.replica.log.high_watermark());
        let (id, epoch) = (BrokerId(follower), BrokerEpoch(i64::from(follower)));
        let (moved, joins) = match self.replica.leader() {
            Ok(leader) => {
                let moved = leader.fetched(id, epoch, offset, end, self.tick);
                (moved, leader.maybe_expand(id, high_watermark, around))
            }
            Err(error) => return format!("{error:?}"),
        };
        let advanced = moved && self.replica.maybe_advance(around, out);
        let told = if moved { "noted" } else { "nothing new" };
        let joins = note(joins, "proposes that it joins");
        format!("{told}{joins}{}", note(advanced, "high watermark rises"))
    }

    /// The committed state, one partition epoch further and `epochs` leader epochs.
    fn state(&mut self, leader: Option<u16>, epochs: i32) -> PartitionRegistration {
        let (leader_epoch, partition_epoch) =
            (self.replica.leader_epoch.0, self.replica.partition_epoch.0);
        let isr = match self.replica.leader() {
            Ok(leader) => (1..=3).map(BrokerId).filter(|id| leader.in_isr(*id)).collect(),
            Err(_) => (1..=3).map(BrokerId).collect(),
        };
        PartitionRegistration {
            isr,
            leader: leader.map(BrokerId),
            leader_epoch: LeaderEpoch(leader_epoch + epochs),
            partition_epoch: PartitionEpoch(partition_epoch + 1),
            ..registration(OWN, 0, &[])
        }
    }

    /// The set that is proposed, if one is.
    fn proposed(&mut self) -> Option<Vec<BrokerId>> {
        let (epoch, version) = (self.replica.leader_epoch, self.replica.partition_epoch);
        let own = (BrokerId(OWN), BrokerEpoch(1));
        let proposal = self.replica.leader().ok()?.proposal(ID, epoch, version, own)?;
        Some(proposal.isr.into_iter().map(|(id, _)| id).collect())
    }

    /// The role in words, with the ends of the log.
    fn describe(&mut self) -> String {
        let role = self.role();
        let (epoch, version) = (self.replica.leader_epoch.0, self.replica.partition_epoch.0);
        let (end, high) = (self.replica.log.end().0, self.replica.log.high_watermark().0);
        format!("{role}; epochs {epoch}, {version}; end {end}, high watermark {high}")
    }

    fn role(&mut self) -> String {
        if let Some(follower) = self.replica.follower() {
            return match follower.leader {
                Some(leader) => format!("Follower of {}", leader.0),
                None => "Follower without leader".to_owned(),
            };
        }
        let proposed = self.proposed();
        let Ok(leader) = self.replica.leader() else { return "none".to_owned() };
        let isr: Vec<BrokerId> = (1..=3).map(BrokerId).filter(|id| leader.in_isr(*id)).collect();
        let pending = match proposed {
            Some(proposed) if proposed.len() > isr.len() => {
                format!(", pending Expand to {}", ids(&proposed))
            }
            Some(proposed) => format!(", pending Shrink to {}", ids(&proposed)),
            None => String::new(),
        };
        format!("Leader, in sync {}{pending}", ids(&isr))
    }
}

fn around(image: &MetadataImage, tick: LagTick) -> Surroundings<'_> {
    let (id, variants) = (BrokerId(OWN), Variants::default());
    Surroundings { id, image, tick, min_isr: MIN_ISR, variants }
}

fn note(holds: bool, what: &str) -> String {
    if holds { format!(", {what}") } else { String::new() }
}

fn ids(brokers: &[BrokerId]) -> String {
    brokers.iter().map(|id| id.0.to_string()).collect::<Vec<_>>().join(" ")
}

/// What an input tells its caller; none if it cannot come in this state.
type Input = fn(&mut Stage, &mut Out) -> Option<String>;

/// Metadata, and answers of the controller.
const CONTROL: &[(&str, Input)] = &[
    ("metadata: leads, new leader epoch", |stage, out| {
        let state = stage.state(Some(OWN), 1);
        Some(stage.apply(&state, out))
    }),
    ("metadata: leads, same leader epoch", |stage, out| {
        let state = stage.state(Some(OWN), 0);
        stage.replica.is_leader().then(|| stage.apply(&state, out))
    }),
    ("metadata: broker 2 leads, new leader epoch", |stage, out| {
        let state = stage.state(Some(2), 1);
        Some(stage.apply(&state, out))
    }),
    ("metadata: same leader, same leader epoch", |stage, out| {
        let leader = stage.replica.follower()?.leader;
        let state = stage.state(leader.map(|id| id.0), 0);
        Some(stage.apply(&state, out))
    }),
    ("metadata: no leader, new leader epoch", |stage, out| {
        let state = stage.state(None, 1);
        Some(stage.apply(&state, out))
    }),
    ("metadata: older partition epoch", |stage, out| {
        let state = stage.state(Some(2), 1);
        let old = PartitionRegistration { partition_epoch: PartitionEpoch(0), ..state };
        Some(stage.apply(&old, out))
    }),
    ("lag check", lag_check),
    ("AlterPartition accepted", |stage, out| {
        let isr = stage.proposed()?;
        let leader_epoch = stage.replica.leader_epoch;
        let partition_epoch = PartitionEpoch(stage.replica.partition_epoch.0 + 1);
        let accepted = IsrState { leader_epoch, partition_epoch, isr };
        stage.replica.leader().ok()?.accepted(&accepted);
        stage.replica.partition_epoch = partition_epoch;
        let advanced = stage.replica.maybe_advance(around(&stage.image, stage.tick), out);
        Some(format!("committed{}", note(advanced, "high watermark rises")))
    }),
    ("AlterPartition refused", |stage, _| {
        stage.proposed()?;
        stage.replica.leader().ok()?.refused();
        Some("the last committed set stands".to_owned())
    }),
];

/// Fetches, appends and truncation.
const DATA: &[(&str, Input)] = &[
    ("fetch of 2 at the end", |stage, out| {
        let end = stage.replica.log.end();
        Some(stage.fetch(2, end, out))
    }),
    ("fetch of 2 behind", |stage, out| Some(stage.fetch(2, Offset(1), out))),
    ("fetch of 3 at the end", |stage, out| {
        let end = stage.replica.log.end();
        Some(stage.fetch(3, end, out))
    }),
    ("fetch of 3 behind", |stage, out| Some(stage.fetch(3, Offset(1), out))),
    ("request of an older leader epoch", |stage, _| {
        let epoch = LeaderEpoch(stage.replica.leader_epoch.0 - 1);
        Some(format!("{:?}", stage.replica.check_epoch(epoch)))
    }),
    ("request of a newer leader epoch", |stage, _| {
        let epoch = LeaderEpoch(stage.replica.leader_epoch.0 + 1);
        Some(format!("{:?}", stage.replica.check_epoch(epoch)))
    }),
    ("append as leader", |stage, out| {
        match stage.replica.append_as_leader(batch(9, 1), Variants::default(), out) {
            Ok(placed) => {
                let around = around(&stage.image, stage.tick);
                let advanced = stage.replica.maybe_advance(around, out);
                let rises = note(advanced, "high watermark rises");
                Some(format!("placed at {}{rises}", placed.base.0))
            }
            Err(error) => Some(format!("{error:?}")),
        }
    }),
    ("append as follower, at the end", |stage, out| follow(stage, 0, out)),
    ("append as follower, past the end", |stage, out| follow(stage, 1, out)),
    ("divergence at 1 in epoch 0", |stage, out| {
        stage.replica.follower()?;
        let end = EpochEnd { epoch: LeaderEpoch(0), end: Offset(1) };
        stage.replica.truncate_on_divergence(end, Variants::default(), out);
        Some("cut".to_owned())
    }),
    ("divergence at the end", |stage, out| {
        stage.replica.follower()?;
        let end = EpochEnd { epoch: LeaderEpoch(0), end: stage.replica.log.end() };
        stage.replica.truncate_on_divergence(end, Variants::default(), out);
        Some("nothing to cut".to_owned())
    }),
];

/// The next check finds who lags; a follower is not asked.
fn lag_check(stage: &mut Stage, _: &mut Out) -> Option<String> {
    stage.tick = LagTick(stage.tick.0 + 1);
    let (end, around) = (stage.replica.log.end(), around(&stage.image, stage.tick));
    let shrinks = stage.replica.leader().ok()?.maybe_shrink(end, around);
    let told = if shrinks { "proposes that it goes" } else { "proposes nothing" };
    Some(told.to_owned())
}

/// The leader sent a batch that starts so far from the end.
fn follow(stage: &mut Stage, beyond: i64, out: &mut Out) -> Option<String> {
    stage.replica.follower()?;
    let base_offset = Offset(stage.replica.log.end().0 + beyond);
    let leader_epoch = stage.replica.leader_epoch;
    let sent = Arc::new(RecordBatch { base_offset, leader_epoch, ..batch(9, 1) });
    let fits = stage.replica.append_as_follower(&sent, out);
    let told = if fits { "appended" } else { "does not fit" };
    Some(told.to_owned())
}

fn row(scene: Scene, name: &str, input: Input) -> Row {
    let mut stage = scene.build();
    let before = stage.describe();
    let mut out = Out::default();
    let Some(told) = input(&mut stage, &mut out) else {
        return [before, name.to_owned(), "–".to_owned(), "cannot come".to_owned()];
    };
    let after = stage.describe();
    let next = if after == before { "the same".to_owned() } else { after };
    let mut effects = vec![told];
    effects.extend(out.drain().map(|effect| words(&effect, 2)));
    [before, name.to_owned(), next, effects.join("; ")]
}

#[test]
fn table_of_a_replicas_roles_is_current() {
    let mut rows = Vec::new();
    for scene in Scene::ALL {
        for (name, input) in CONTROL.iter().chain(DATA) {
            rows.push(row(scene, name, *input));
        }
    }
    compare("partition.md", HEAD, &rows);
}
