//! Every property can fail, and every named bug is caught. A property that no variant, scenario or
//! hand-written history breaks would be an ornament, so the tables here must name one for each.

use crate::support::{assert_none, load, outcome, parallel};
use ackproof::manual::breakages::{BREAKAGES, Breakage};
use ackproof::manual::zoo::{BUDGET, CASES};
use ackproof_kafka::variant::Variant;
use ackproof_oracle::context::{
    ConsumingContext, Context, GroupContext, GroupPart, OutputsContext, ProducerContext,
    ProducerLimits, TopicContext, servers,
};
use ackproof_oracle::history::{Entry, Event, Phase};
use ackproof_oracle::registry::{PROPERTIES, properties};
use ackproof_oracle::verdict::Judgement;
use ackproof_types::{
    Acks, BrokerId, GenerationId, GroupId, LeaderEpoch, MemberId, NodeId, Offset, ProducerIndex,
    Record, RecordId, RecordSlice, Timestamp, TopicId, TopicPartition,
};
use std::collections::BTreeSet;

/// What happened, and at which node.
type Story = Vec<(u16, Event)>;

/// Writes a story.
type Tell = fn() -> Story;

/// Properties that no known bug of the models breaks; a history written by hand does. The controller
/// that forgets to raise an epoch, for one, is not worth a variant.
const BY_HAND: &[(&str, Tell)] = &[
    ("no-phantom", || vec![sent(1), final_read(0), (0, Event::Phase(Phase::End))]),
    ("high-watermark", || vec![high_watermark(2), high_watermark(1)]),
    ("one-leader-per-epoch", || vec![elected(1, 4, &[1, 2]), elected(2, 4, &[1, 2])]),
    ("leader-in-isr", || vec![elected(3, 4, &[1, 2])]),
    ("group-exclusive", || vec![assigned(5), assigned(6)]),
];

const PLACE: TopicPartition = TopicPartition { topic: TopicId(1), partition: 0 };

fn sent(number: u32) -> (u16, Event) {
    let id = RecordId { producer: ProducerIndex(0), number };
    (4, Event::Sent { record: Record { id, key: None, size: 100 }, partition: Some(PLACE) })
}

fn final_read(number: u32) -> (u16, Event) {
    let id = RecordId { producer: ProducerIndex(0), number };
    let records = RecordSlice::whole([Record { id, key: None, size: 100 }].into());
    (0, Event::FinalRead { partition: PLACE, base_offset: Offset(0), records })
}

fn high_watermark(offset: i64) -> (u16, Event) {
    let (epoch, offset) = (LeaderEpoch(0), Offset(offset));
    (1, Event::HighWatermark { partition: PLACE, epoch, offset })
}

fn elected(leader: u16, epoch: i32, isr: &[u16]) -> (u16, Event) {
    let (leader, epoch) = (Some(BrokerId(leader)), LeaderEpoch(epoch));
    let isr = isr.iter().map(|id| BrokerId(*id)).collect();
    (0, Event::LeaderElected { partition: PLACE, leader, epoch, isr, unclean: false })
}

fn assigned(node: u16) -> (u16, Event) {
    let (member, generation) = (MemberId(u64::from(node)), GenerationId(1));
    (node, Event::Assigned { group: GroupId(0), member, generation, partitions: [PLACE].into() })
}

fn context() -> Context {
    let topic = |name: &str| TopicContext {
        name: name.into(),
        partitions: 1,
        replication_factor: 3,
        min_insync_replicas: 2,
        unclean_leader_election: false,
        compacted: false,
    };
    let nodes = ["controller", "broker-1", "broker-2", "broker-3", "p-0", "g-0", "g-1"];
    Context {
        nodes: nodes.map(String::from).to_vec(),
        roster: servers(3),
        clusters: Vec::new(),
        topics: vec![topic("__consumer_offsets"), topic("t")],
        producers: vec![ProducerContext {
            node: NodeId(4),
            name: "p-0".into(),
            topic: TopicId(1),
            acks: Acks::All,
            idempotent: true,
            ordered: true,
            limits: ProducerLimits::default(),
        }],
        groups: vec![GroupContext {
            name: "g".into(),
            topics: vec![TopicId(1)],
            protocol: "classic".into(),
            commit: "sync-after-batch".into(),
            reset: "earliest".into(),
            commit_interval: None,
            sink: None,
            outputs: OutputsContext::default(),
            part: GroupPart::Application,
            consuming: ConsumingContext::default(),
        }],
    }
}

/// What `property` says to a history written by hand.
fn judge(property: &str, events: Story) -> Judgement {
    let mut all = properties(&context()).into_iter();
    let mut checker = all.find(|checker| checker.name() == property).expect("it is registered");
    for (seq, (node, event)) in (0..).zip(events) {
        let at = Timestamp::from_micros(seq * 1_000_000);
        checker.observe(&Entry { seq, at, node: NodeId(node), event });
    }
    checker.conclude().judgement
}

/// Whether some seed of the budget breaks the property.
fn breaks(breakage: &Breakage) -> bool {
    let variants = breakage.variant.map(|variant| format!("[\"{variant}\"]"));
    let set = variants.as_ref().map(|text| ("variants", text.as_str()));
    let plan = load(breakage.scenario, set.as_slice());
    let is_broken = |seed| {
        let findings = outcome(&plan, seed).findings;
        let mut results = findings.properties.iter();
        results.any(|one| one.name == breakage.property && one.judgement == Judgement::Violated)
    };
    (0..BUDGET).any(is_broken)
}

#[test]
fn every_breakage_is_caught() {
    let findings = parallel(BREAKAGES, |breakage| {
        let by = breakage.variant.map_or("its settings", Variant::name);
        (!breaks(breakage)).then(|| {
            format!("{}: {by} in {} breaks it in no seed", breakage.property, breakage.scenario)
        })
    });
    assert_none(&findings.into_iter().flatten().collect::<Vec<_>>());
}

#[test]
fn histories_written_by_hand_are_condemned() {
    for (property, events) in BY_HAND {
        assert_eq!(judge(property, events()), Judgement::Violated, "{property}");
    }
    // What is wrong is what was written wrong, not the form.
    assert_ne!(judge("leader-in-isr", vec![elected(1, 4, &[1, 2])]), Judgement::Violated);
    assert_ne!(
        judge("high-watermark", vec![high_watermark(1), high_watermark(2)]),
        Judgement::Violated
    );
}

#[test]
fn every_property_is_broken_by_something() {
    let mut broken: BTreeSet<&str> = BREAKAGES.iter().map(|breakage| breakage.property).collect();
    broken.extend(BY_HAND.iter().map(|(property, _)| property));
    let known: BTreeSet<&str> = PROPERTIES.iter().map(|property| property.name).collect();
    assert_eq!(broken, known, "a property needs a breakage here, and a breakage a property");
}

#[test]
fn every_variant_is_caught_by_something() {
    let mut caught: BTreeSet<Variant> =
        BREAKAGES.iter().filter_map(|breakage| breakage.variant).collect();
    caught.extend(CASES.iter().map(|case| case.variant));
    let known: BTreeSet<Variant> = Variant::ALL.iter().copied().collect();
    assert_eq!(caught, known, "a variant needs a scenario that shows what it breaks");
}
