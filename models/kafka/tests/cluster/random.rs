//! Random faults on a whole cluster: whatever happens, [`Watch`](crate::watch::Watch) holds at every
//! step, and after all is healed the cluster is whole again.

use crate::driver::{Cluster, Setting};
use crate::{fetch, produce};
use ackproof_kafka::config::BrokerSettings;
use ackproof_kafka::variant::Variant;
use ackproof_types::{Micros, NodeId, Offset};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Produce(u16),
    Read(u16),
    Run(u16),
    Kill(u16),
    Boot(u16),
    ShutDown(u16),
    Isolate(u16),
    Cut(u16, u16),
    Heal,
}

fn step() -> impl Strategy<Value = Step> {
    let broker = || 1_u16..=3;
    prop_oneof![
        6 => broker().prop_map(Step::Produce),
        2 => broker().prop_map(Step::Read),
        6 => (1_u16..2500).prop_map(Step::Run),
        2 => (1_u16..5).prop_map(Step::Run),
        1 => broker().prop_map(Step::Kill),
        2 => broker().prop_map(Step::Boot),
        1 => broker().prop_map(Step::ShutDown),
        1 => broker().prop_map(Step::Isolate),
        2 => (0_u16..=3, broker()).prop_map(|(one, other)| Step::Cut(one, other)),
        2 => (0_u16..=3, broker()).prop_map(|(one, other)| Step::Cut(other, one)),
        2 => Just(Step::Heal),
    ]
}

/// Short times, so that a few seconds hold many elections.
pub(crate) fn quick() -> BrokerSettings {
    let ms = Micros::from_millis;
    BrokerSettings {
        replica_lag_time_max: ms(1500),
        broker_heartbeat_interval: ms(300),
        broker_session_timeout: ms(1200),
        replica_fetch_backoff: ms(100),
        replica_socket_timeout: ms(1500),
        high_watermark_checkpoint_interval: ms(700),
        ..BrokerSettings::default()
    }
}

fn read(cluster: &mut Cluster, from: u16, number: u32) {
    let offset = cluster.watch.committed.len().saturating_sub(1);
    let offset = Offset(i64::try_from(offset).expect("small"));
    cluster.request(from, number, fetch(offset));
}

pub(crate) fn play(cluster: &mut Cluster, steps: &[Step]) {
    play_from(0, cluster, steps);
}

/// With records and requests numbered from `first` on.
fn play_from(first: u32, cluster: &mut Cluster, steps: &[Step]) {
    for (step, number) in steps.iter().zip(first..) {
        match *step {
            Step::Produce(to) => produce(cluster, to, number),
            Step::Read(from) => read(cluster, from, number),
            Step::Run(ms) => cluster.run_for(Micros::from_millis(ms.into())),
            Step::Kill(id) => cluster.kill(id),
            Step::Boot(id) if !cluster.is_up(id) => cluster.boot(id),
            Step::Boot(_) => {}
            Step::ShutDown(id) => cluster.shut_down(id),
            Step::Isolate(id) => cluster.isolate(id),
            Step::Cut(from, to) if from != to => cluster.cut(from, to),
            Step::Cut(..) => {}
            Step::Heal => cluster.heal(),
        }
    }
}

pub(crate) fn settle(cluster: &mut Cluster) {
    cluster.heal();
    cluster.run_for(Micros::from_secs(10));
    (1..=3).filter(|id| !cluster.is_up(*id)).collect::<Vec<_>>().into_iter().for_each(|id| {
        cluster.boot(id);
    });
    cluster.run_for(Micros::from_secs(10));
    let leader = cluster.leader().expect("all is healed");
    let before = cluster.watch.acked;
    produce(cluster, leader, 1_000_000);
    cluster.run_for(Micros::from_secs(2));
    assert_eq!(cluster.watch.acked, before + 1, "it takes records again");
    assert_eq!(cluster.isr().len(), 3, "all are in sync");
    for id in 1..=3 {
        assert_eq!(cluster.watch.logs[&NodeId(id)], cluster.watch.committed, "broker {id}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn nothing_committed_is_lost(steps in prop::collection::vec(step(), 1..90)) {
        let mut cluster = Cluster::with(Setting { broker: quick(), ..Setting::default() });
        play(&mut cluster, &steps);
        settle(&mut cluster);
    }

    #[test]
    fn a_copy_of_a_cluster_goes_the_same_way(
        before in prop::collection::vec(step(), 1..60),
        after in prop::collection::vec(step(), 1..30),
    ) {
        let mut one = Cluster::with(Setting { broker: quick(), ..Setting::default() });
        play(&mut one, &before);
        let mut other = one.clone();
        prop_assert_eq!(one.digest(), other.digest());
        play_from(1000, &mut one, &after);
        play_from(1000, &mut other, &after);
        prop_assert_eq!(one.digest(), other.digest());
        prop_assert_eq!(&one.observed, &other.observed);
    }
}

/// Bugs that some of the schedules below must show; unit tests of the models show the others.
const CAUGHT: &[Variant] = &[
    Variant::TruncateToHighWatermark,
    Variant::NoDivergenceCheck,
    Variant::ReadAboveHighWatermark,
    Variant::NoMaximalIsr,
    Variant::ReplicaMapCleared,
    Variant::HighWatermarkNotMonotone,
    Variant::HighWatermarkIgnoresFollowers,
    Variant::ElectionIgnoresIsr,
    Variant::LeaderChangeKeepsEpoch,
];

/// The number of the first schedule that shows `variant`, if one does.
fn first_catch(variant: Option<Variant>) -> Option<usize> {
    let mut runner = TestRunner::deterministic();
    let schedules = prop::collection::vec(step(), 90);
    (0..400).find(|_| {
        let tree = schedules.new_tree(&mut runner).expect("a schedule");
        let steps = tree.current();
        let holds = std::panic::catch_unwind(|| {
            let setting = Setting {
                broker: quick(),
                variants: Vec::from_iter(variant),
                ..Setting::default()
            };
            let mut cluster = Cluster::with(setting);
            play(&mut cluster, &steps);
            settle(&mut cluster);
        });
        holds.is_err()
    })
}

#[test]
fn every_bug_is_caught_and_nothing_else() {
    std::panic::set_hook(Box::new(|_| ()));
    let variants = CAUGHT.iter().copied().map(Some).chain([None]);
    let caught: Vec<_> = variants.map(|variant| (variant, first_catch(variant))).collect();
    let _silent = std::panic::take_hook();
    for (variant, first) in &caught {
        assert_eq!(first.is_some(), variant.is_some(), "{caught:?}");
    }
}
