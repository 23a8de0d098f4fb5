//! Several clusters in one run: each has its own brokers, controller and offsets, and none disturbs another.

use ackproof::world::recorder::Trace;
use ackproof::world::run::run;
use ackproof_oracle::context::Context;
use ackproof_oracle::history::Event;
use ackproof_oracle::jsonl::header_line;
use ackproof_oracle::verdict::Judgement;
use ackproof_scenario::plan::Plan;
use ackproof_scenario::resolve::{Names, load_with};
use ackproof_types::{GroupId, TopicId};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

const PAYMENTS: TopicId = TopicId(1);
const REFUNDS: TopicId = TopicId(2);
const BACKUP_OFFSETS: TopicId = TopicId(3);

fn plan(faults: &str) -> Plan {
    let names = Names { properties: &[], witnesses: &[], variants: &[] };
    let text = format!(
        r#"{{
          "clusters": {{ "backup": {{ "brokers": 4, "config": {{ "offsets.topic.num.partitions": 7 }} }} }},
          "topics": {{ "payments": {{}}, "refunds": {{ "cluster": "backup" }} }},
          "producers": {{
            "billing": {{ "topic": "payments", "rate": "50/s" }},
            "support": {{ "topic": "refunds", "rate": "50/s" }}
          }},
          "groups": {{
            "ledger": {{ "topics": ["payments"], "members": 2,
              "config": {{ "auto.offset.reset": "earliest", "session.timeout.ms": 10000 }} }},
            "refund-ledger": {{ "topics": ["refunds"], "members": 2,
              "config": {{ "auto.offset.reset": "earliest", "session.timeout.ms": 10000 }} }}
          }},
          "faults": [{faults}],
          "run": {{ "load": "30s", "settle": "60s" }}
        }}"#
    );
    load_with(&text, "test.json", &names, &[]).unwrap_or_else(|found| panic!("{found:#?}")).0
}

/// What `look` makes of each entry of a run in which nothing is violated.
fn seen<T: Send + 'static>(
    faults: &str,
    look: impl Fn(&Event, &Context) -> Option<T> + Send + 'static,
) -> (Vec<T>, Arc<Context>) {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&kept);
    let trace: Trace = Box::new(move |entry, context| {
        into.lock().expect("nobody panicked").extend(look(&entry.event, context));
    });
    let outcome = run(&plan(faults), 3, Some(trace)).expect("a run");
    for property in &outcome.findings.properties {
        assert_ne!(property.judgement, Judgement::Violated, "{}: {property:?}", property.name);
    }
    let kept = std::mem::take(&mut *kept.lock().expect("nobody panicked"));
    (kept, outcome.context)
}

#[test]
fn partitions_are_led_and_groups_kept_in_their_own_cluster() {
    let (led, context) = seen("", |event, context| match event {
        Event::LeaderElected { partition, leader: Some(leader), isr, .. } => {
            let process = context.node(context.process(*leader)).to_owned();
            Some((partition.topic, process, isr.len()))
        }
        _ => None,
    });
    for (topic, leader, in_sync) in &led {
        let is_backup = context.cluster(*topic).is_some();
        assert_eq!(leader.starts_with("backup-broker-"), is_backup, "{topic:?} at {leader}");
        assert!(*in_sync <= 3);
    }
    let all: BTreeSet<TopicId> = led.iter().map(|(topic, ..)| *topic).collect();
    assert_eq!(all, [TopicId(0), PAYMENTS, REFUNDS, BACKUP_OFFSETS].into());
    assert_eq!(context.home(GroupId(0)).topic, TopicId::CONSUMER_OFFSETS);
    let home = context.home(GroupId(1));
    assert_eq!(home.topic, BACKUP_OFFSETS);
    assert!(home.partition < 7);
}

#[test]
fn both_groups_process_everything_and_both_logs_are_read_at_the_end() {
    let (done, _) = seen("", |event, _| match event {
        Event::Processed { partition, record, .. } => Some((partition.topic, record.id)),
        _ => None,
    });
    let (read, _) = seen("", |event, _| match event {
        Event::FinalRead { partition, records, .. } => {
            Some(records.iter().map(|one| (partition.topic, one.id)).collect::<Vec<_>>())
        }
        _ => None,
    });
    let done: BTreeSet<_> = done.into_iter().collect();
    let read: BTreeSet<_> = read.into_iter().flatten().collect();
    assert_eq!(done, read);
    for topic in [PAYMENTS, REFUNDS] {
        assert!(read.iter().filter(|(one, _)| *one == topic).count() > 1000, "{topic:?}");
    }
}

#[test]
fn a_cluster_that_is_cut_off_stops_nobody_in_the_other() {
    // No broker of the first cluster answers anybody; the second one goes on.
    let faults = r#"{ "at": "10s", "isolate": "billing-0", "from": ["cluster primary"], "for": "10s" },
        { "at": "10s", "isolate": "ledger-0", "from": ["cluster primary"], "for": "10s" },
        { "at": "10s", "isolate": "ledger-1", "from": ["cluster primary"], "for": "10s" }"#;
    let acked = |event: &Event, _: &Context| match event {
        Event::Acked { partition, .. } => Some(partition.topic),
        _ => None,
    };
    let (calm, _) = seen("", acked);
    let (cut, _) = seen(faults, acked);
    let count = |all: &[TopicId], topic| all.iter().filter(|one| **one == topic).count();
    assert_eq!(count(&cut, REFUNDS), count(&calm, REFUNDS), "the same without the cut");
    assert!(count(&cut, PAYMENTS) < count(&calm, PAYMENTS), "fewer batches, and larger ones");
}

#[test]
fn datacentres_that_are_cut_off_from_each_other_go_on_by_themselves() {
    let faults = r#"{ "at": "10s", "partition": [["datacentre primary"], ["datacentre backup"]], "for": "10s" }"#;
    let (calm, _) = seen("", |event, _| matches!(event, Event::Acked { .. }).then_some(()));
    let (cut, _) = seen(faults, |event, _| matches!(event, Event::Acked { .. }).then_some(()));
    assert_eq!(calm.len(), cut.len(), "nobody reads or writes across");
}

#[test]
fn a_history_says_what_is_where() {
    let (_, context) = seen("", |_, _| None::<()>);
    let line = header_line(&context);
    let clusters = r#""clusters":{"backup":{"brokers":4,"topics":["refunds"]}}"#;
    assert!(line.contains(clusters), "{line}");
    assert!(line.contains(r#""brokers":3,"#), "{line}");
}

#[test]
fn a_group_copies_to_the_other_cluster_and_keeps_its_offsets_where_it_reads() {
    let names = Names { properties: &[], witnesses: &[], variants: &[] };
    let text = r#"{
      "clusters": { "backup": {} },
      "topics": { "payments": {}, "primary.payments": { "cluster": "backup" } },
      "producers": { "billing": { "topic": "payments", "rate": "50/s" } },
      "groups": { "mirror": { "topics": ["payments"], "at": "backup", "members": 2,
        "produces": { "to": "primary.payments" },
        "config": { "auto.offset.reset": "earliest", "session.timeout.ms": 10000 } } },
      "faults": [
        { "at": "8s", "partition": [["datacentre primary"], ["datacentre backup"]], "for": "8s" },
        { "at": "20s", "crash": "any member of mirror", "for": "3s" }
      ],
      "run": { "load": "30s", "settle": "60s" }
    }"#;
    let (plan, _) =
        load_with(text, "test.json", &names, &[]).unwrap_or_else(|found| panic!("{found:#?}"));
    let facts = Arc::new(Mutex::new((BTreeSet::new(), BTreeSet::new(), BTreeSet::new())));
    let into = Arc::clone(&facts);
    let trace: Trace = Box::new(move |entry, context| {
        let (sources, copies, kept) = &mut *into.lock().expect("nobody panicked");
        let node = context.node(entry.node);
        match &entry.event {
            Event::Derived { record, output, .. } => {
                sources.insert((record.id, output.id));
            }
            Event::FinalRead { partition, records, .. } if partition.topic == REFUNDS => {
                copies.extend(records.iter().map(|record| record.id));
            }
            Event::Appended { partition, as_leader: true, .. } => {
                let is_backup = node.starts_with("backup-broker-");
                assert_eq!(is_backup, context.cluster(partition.topic).is_some(), "{node}");
            }
            Event::Committed { group, .. } => {
                kept.insert(context.home(*group).topic);
            }
            _ => {}
        }
    });
    let outcome = run(&plan, 5, Some(trace)).expect("a run");
    for property in &outcome.findings.properties {
        assert_ne!(property.judgement, Judgement::Violated, "{}: {property:?}", property.name);
    }
    let (sources, copies, kept) = &*facts.lock().expect("nobody panicked");
    let copied: BTreeSet<_> = sources.iter().filter(|(_, copy)| copies.contains(copy)).collect();
    let distinct: BTreeSet<_> = copied.iter().map(|(record, _)| *record).collect();
    assert!(distinct.len() > 1300, "{} payments are on the other side", distinct.len());
    assert_eq!(*kept, [TopicId::CONSUMER_OFFSETS].into());
}
