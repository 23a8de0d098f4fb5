//! Words for people: what each fault does, what one of them did, and a first scenario to start from.
//!
//! It knows the names of a plan, and nothing of how a fault is carried out.

use crate::durations::{spell_bandwidth, spell_percent};
use crate::plan::{Action, Direction, FaultKind, Links, Peers, Plan, Target};
use ackproof_types::{ClusterId, Delay, Hold, Micros, TopicId};

/// Every commit strategy with what the application does.
pub const COMMITS: &[(&str, &str)] = &[
    ("auto", "enable.auto.commit=true: a poll commits what the polls before it returned"),
    (
        "auto-with-hand-off",
        "as auto, but worker threads do the work: a commit can pass records that are not processed",
    ),
    (
        "auto-in-background",
        "a thread of the client commits what was handed to the application (librdkafka and others)",
    ),
    ("sync-after-batch", "commitSync once all that a poll returned is processed"),
    ("async-after-batch", "commitAsync once all that a poll returned is processed"),
    ("sync-per-record", "commitSync after each record"),
    ("before-processing", "commitSync right after the poll, before the work: at most once"),
    ("never", "no commit: where a member begins, auto.offset.reset says each time"),
];

/// Every name that `expect` can limit, with what it counts or measures.
pub const MEASURED: &[(&str, &str)] = &[
    ("duplicate_rate", "records processed again, of all that were processed, per group"),
    ("log_duplicates", "copies of a record beyond the first, in the logs at the end"),
    ("lost", "records that were acknowledged and are in no log at the end"),
    ("loss_rate", "lost records, of all records that were sent"),
    ("unknown_absent", "records whose producer does not know the outcome, and that are in no log"),
    ("unknown_absent_rate", "unknown_absent records, of all records that were sent"),
    ("displaced", "records that were acknowledged at an offset other than the one they are at"),
    ("reordered", "records behind a later one of the same producer in a log"),
    ("skipped", "records that a group passed over, or that were deleted before it came to them"),
    ("backlog", "records in the logs that a group had not reached at the end"),
    ("dead_lettered", "records that a group put aside after too many failures"),
    ("sink_repeated", "rows in the sink of a group beyond the first of a record"),
    ("sink_missing", "acknowledged records that are not in the sink of a group"),
    (
        "output_duplicates",
        "records that a group made, in the logs beyond the first of each that it read",
    ),
    (
        "output_duplicate_rate",
        "output_duplicates, of all records of which something was written, per group",
    ),
    ("output_lost", "records that a group committed, and of which nothing that it made is left"),
    ("unknown", "records whose producer does not know the outcome: they may be written"),
    ("failed", "records that certainly failed at their producer"),
    (
        "unavailability",
        "the share of time in which waiting records were not acknowledged for a second",
    ),
    (
        "read_unavailability",
        "the share of time in which readable records were not processed for a second",
    ),
    ("longest_stall", "the longest time in which records waited and none was acknowledged"),
    (
        "longest_read_stall",
        "the longest time in which records could be read and none was processed",
    ),
    ("longest_failover", "the longest time until a partition had another leader"),
    ("longest_handover", "the longest time until a partition had an owner in its group again"),
    ("longest_queue", "the longest time in which a request waited for a thread of its broker"),
    ("longest_disk_queue", "the longest time in which a broker's disk had other work to do first"),
    ("handler_use", "the share of time in which the busiest broker's request handlers worked"),
    ("disk_use", "the share of time in which the busiest broker's disk worked"),
    ("ack_latency", "from the send of a record to its acknowledgement: mean, p50, p95, p99"),
    (
        "end_to_end_latency",
        "from the send of a record until a group processed it: mean, p50, p95, p99",
    ),
];

/// Every verb of a fault with what it does.
pub const FAULTS: &[(&str, &str)] = &[
    ("crash", "kills the process; it comes back when the fault ends"),
    (
        "power-loss",
        "cuts the power of a broker, or of all \"brokers\" at once: of each log some of what was not flushed \
         is lost; it comes back when the fault ends",
    ),
    (
        "disk-lost",
        "kills a broker and takes its disk: it comes back with an empty one when the fault ends",
    ),
    (
        "log-dir-failed",
        "lets writes to a log directory of a broker fail: it gives the directory up, or ends; when the fault ends \
         the directory \"returns\" intact or empty, and the broker is restarted",
    ),
    (
        "disk-full",
        "leaves a log directory of a broker no room, or no more than is \"left\"; when the fault ends there is \
         room again, and the broker is restarted",
    ),
    (
        "corrupt-log",
        "makes bytes of a \"batch\" (\"last\" or \"any\") of a log on a broker's disk wrong, and lets the broker start on \
         them: it is \"stopped\" (\"killed\" or \"cleanly\"), and comes back when the fault ends",
    ),
    ("restart", "stops the process cleanly; once it has stopped it stays down \"for\" this long"),
    (
        "rolling-restart",
        "restarts \"brokers\" cleanly, each down \"for\" this long, the next one once it is back in \
         all in-sync sets; or \"members of ledger\" (a deploy), the next one once it has started",
    ),
    ("pause", "freezes the process (SIGSTOP) until the fault ends"),
    (
        "isolate",
        "cuts its links \"from\" brokers, controllers, clients or named peers, in one \"direction\" \
         or both",
    ),
    ("partition", "cuts all links between the sides of a list of lists of processes"),
    (
        "slow",
        "delays messages on its links (\"to\" some peers) \"by\" this much; \"only\" what servers say to each other of \
         one thing: fetches, metadata, heartbeats, in-sync-changes or votes",
    ),
    (
        "lossy",
        "drops this share of packets (\"loss\") on its links (\"to\" some peers); TCP sends them again, later",
    ),
    (
        "throttle",
        "limits each of its links (\"to\" some peers) to this many bytes per second (\"rate\") and keeps their order",
    ),
    ("reset", "resets its connections, once"),
    (
        "clock-jump",
        "puts the clock of the process's computer \"by\" this much ahead (+) or behind (-); it is set right when the fault \
         ends",
    ),
    (
        "clock-drift",
        "lets the clock of the process's computer run too fast (+) or too slow (-), \"by\" so many microseconds a second; \
         it is set right when the fault ends",
    ),
    (
        "slow-follower",
        "delays each replica fetch of a broker \"by\" this much; without \"for\" until it is out of the \
         in-sync set",
    ),
    ("leave", "a member leaves its group cleanly and comes back when the fault ends"),
    ("join", "one more member joins the group and leaves when the fault ends"),
    ("stall-poll", "the application of a member does not poll until the fault ends"),
    (
        "unsubscribe",
        "the application of a member calls unsubscribe(), and subscribes again when the fault ends",
    ),
    (
        "pause-partitions",
        "the application of a member pauses all partitions that it has, and polls on, until the fault ends",
    ),
    (
        "fail-over",
        "kills all members of a group, and starts as many beside the cluster that a mirror copies its topic to, \
         once and for good",
    ),
    (
        "elect-unclean",
        "an administrator has a partition that has no leader elect one, in sync or not, once",
    ),
    (
        "add-partitions",
        "an administrator gives a topic more partitions: \"to\" so many in all, once and for good",
    ),
    (
        "create-topic",
        "an administrator creates a topic with its settings: one that was deleted, or one that is not there before",
    ),
    ("delete-topic", "an administrator deletes a topic with all that it holds, once and for good"),
    (
        "reassign",
        "an administrator moves a partition \"to\" these brokers, the preferred leader first: they follow, and \
         those that are not named leave once all of these are in sync",
    ),
    (
        "cancel-reassignment",
        "an administrator gives up moving a partition, if that is not over yet: it keeps the replicas it had",
    ),
    (
        "alter-config",
        "an administrator alters settings of a topic while the cluster runs: its \"config\", until the next such fault",
    ),
    (
        "update-features",
        "an administrator finalizes feature levels of the running cluster, as a line of Kafka has them or one by one, once \
         and for good",
    ),
];

/// The verb of a scenario for `action`.
#[must_use]
pub const fn verb(action: &Action) -> &'static str {
    match action {
        Action::Crash => "crash",
        Action::PowerLoss => "power-loss",
        Action::DiskLost => "disk-lost",
        Action::Storage(fault) => fault.verb(),
        Action::Restart => "restart",
        Action::RollingRestart(_) => "rolling-restart",
        Action::Pause => "pause",
        Action::Isolate(_) => "isolate",
        Action::Partition(_) => "partition",
        Action::Slow { .. } => "slow",
        Action::Lossy { .. } => "lossy",
        Action::Throttle { .. } => "throttle",
        Action::Reset => "reset",
        Action::Clock(fault) => fault.verb(),
        Action::SlowFollower(_) => "slow-follower",
        Action::Leave => "leave",
        Action::Join => "join",
        Action::Hold(Hold::Poll) => "stall-poll",
        Action::Hold(Hold::Subscription) => "unsubscribe",
        Action::Hold(Hold::Partitions) => "pause-partitions",
        Action::FailOver => "fail-over",
        Action::Administer(order) => order.verb(),
    }
}

/// `target` as a scenario names it.
#[must_use]
pub fn words(target: Target, plan: &Plan) -> String {
    let partition =
        |topic: TopicId, number: u16| format!("{}-{number}", plan.topics[topic.index()].name);
    let producer = |index: u16| plan.producers[usize::from(index)].name.as_str();
    let group = |index: u16| plan.group_name(index);
    match target {
        Target::Broker(number) => plan.broker_name(number),
        Target::Controller(number) => plan.controller_name(number),
        Target::ActiveController(ClusterId::FIRST) => "active controller".to_owned(),
        Target::ActiveController(id) => format!("active controller of {}", plan.cluster(id).name),
        Target::AnyController => "any controller".to_owned(),
        Target::AllControllers(ClusterId::FIRST) => "controllers".to_owned(),
        Target::AllControllers(id) => format!("controllers of {}", plan.cluster(id).name),
        Target::LeaderOf(topic, number) => format!("leader of {}", partition(topic, number)),
        Target::FollowerOf(topic, number) => {
            format!("a follower of {}", partition(topic, number))
        }
        Target::CoordinatorOf(index) => format!("coordinator of {}", group(index)),
        Target::Its(its) => its.words().to_owned(),
        Target::AnyBroker => "any broker".to_owned(),
        Target::AllBrokers(None) => "brokers".to_owned(),
        Target::AllBrokers(Some(id)) => format!("brokers of {}", plan.cluster(id).name),
        Target::Producer(index, instance) => format!("{}-{instance}", producer(index)),
        Target::AnyProducer(None) => "any producer".to_owned(),
        Target::AnyProducer(Some(index)) => format!("any producer of {}", producer(index)),
        Target::Member(index, member) => format!("{}-{member}", group(index)),
        Target::AnyMember(index) => format!("any member of {}", group(index)),
        Target::AllMembers(index) => format!("all members of {}", group(index)),
        Target::Group(index) => group(index).to_owned(),
        Target::Outsider(index) => plan.outsiders.clients[usize::from(index)].clone(),
        Target::Zone(zone) => format!("zone {}", plan.zones()[usize::from(zone)]),
        Target::Topic(topic) => plan.topics[topic.index()].name.clone(),
        Target::Partition(topic, number) => partition(topic, number),
        Target::Sides => "sides".to_owned(),
    }
}

/// The rule behind a target that is not a name.
#[must_use]
pub fn rule(target: Target, plan: &Plan) -> Option<String> {
    match target {
        Target::Broker(_)
        | Target::Controller(_)
        | Target::Producer(..)
        | Target::Member(..)
        | Target::Outsider(_)
        | Target::Topic(_)
        | Target::Partition(..)
        | Target::Sides => None,
        Target::LeaderOf(..)
        | Target::FollowerOf(..)
        | Target::CoordinatorOf(_)
        | Target::Its(_)
        | Target::ActiveController(_)
        | Target::AnyController
        | Target::AllControllers(_)
        | Target::AnyBroker
        | Target::AllBrokers(_)
        | Target::Zone(_)
        | Target::AnyProducer(_)
        | Target::AnyMember(_)
        | Target::AllMembers(_)
        | Target::Group(_) => Some(words(target, plan)),
    }
}

/// What a fault did to `target`, in a sentence: `broker-2 crashed (leader of payments-0) for 20s`. For a
/// partition `target` says who was cut off from whom. None: nobody fitted.
#[must_use]
pub fn describe(
    kind: &FaultKind,
    plan: &Plan,
    target: Option<&str>,
    lasts: Option<Micros>,
) -> String {
    let Some(target) = target else {
        let wanted = match kind.action {
            Action::Administer(_) => "active controller".to_owned(),
            _ => words(kind.target, plan),
        };
        return format!("{}: nobody fitted \"{wanted}\", nothing was done", verb(&kind.action));
    };
    let named = matches!(kind.target, Target::Topic(_) | Target::Partition(..));
    let name = named.then(|| words(kind.target, plan));
    let target = name.as_deref().unwrap_or(target);
    let mut text = match kind.grace {
        Some(grace) => format!("{target} was told to stop within {grace}, and was down"),
        None => done(&kind.action, plan, target),
    };
    // A group is named by what joined it, a rolling restart by its broker.
    let is_rule =
        !matches!(kind.target, Target::AllBrokers(_) | Target::AllMembers(_) | Target::Group(_));
    if let Some(rule) = rule(kind.target, plan).filter(|_| is_rule) {
        text.push_str(&format!(" ({rule})"));
    }
    match (lasts, &kind.action) {
        (Some(lasts), _) => {
            // Drawn lengths have microseconds that tell nobody anything.
            let lasts = if lasts.0 < 1000 { lasts } else { Micros::from_millis(lasts.as_millis()) };
            text.push_str(&format!(" for {lasts}"));
        }
        (None, Action::SlowFollower(_)) => text.push_str(" until it was out of the in-sync set"),
        (None, Action::Reset | Action::Administer(_) | Action::FailOver) => {}
        (None, _) => text.push_str(" until the load ended"),
    }
    text
}

fn done(action: &Action, plan: &Plan, target: &str) -> String {
    match action {
        Action::Crash => format!("{target} crashed"),
        Action::PowerLoss => format!("{target} lost its power"),
        Action::DiskLost => format!("{target} lost its disk, and was down"),
        Action::Storage(fault) => fault.done(target),
        Action::RollingRestart(Some(line)) => {
            format!("{target} stopped cleanly, to start as Kafka {line}, and was down")
        }
        Action::Restart | Action::RollingRestart(None) => {
            format!("{target} stopped cleanly and was down")
        }
        Action::Pause => format!("{target} was frozen"),
        Action::Partition(_) => format!("{target} cut off from each other"),
        Action::Isolate(links) => {
            let peers = peers(links, plan);
            match links.direction {
                Direction::Both => format!("{target} cut off from {peers}"),
                Direction::Outgoing => format!("what {target} sent did not reach {peers}"),
                Direction::Incoming => format!("what {peers} sent did not reach {target}"),
            }
        }
        Action::Slow { links, by, only: None } => {
            format!("{} slower by {}", path(links, plan, target), length(*by))
        }
        Action::Slow { links, by, only: Some(talk) } => {
            format!("{} on {} slower by {}", talk.name(), path(links, plan, target), length(*by))
        }
        Action::Lossy { links, loss } => {
            let share = spell_percent(*loss);
            format!("{} lost {share} of packets", path(links, plan, target))
        }
        Action::Throttle { links, bytes_per_second } => {
            let rate = spell_bandwidth(*bytes_per_second);
            format!("{} carried no more than {rate} each", path(links, plan, target))
        }
        Action::Reset => format!("connections of {target} reset"),
        Action::Clock(fault) => fault.done(target),
        Action::SlowFollower(by) => {
            format!("replica fetches of {target} took {} longer", length(*by))
        }
        Action::Leave => format!("{target} left its group"),
        Action::Join => format!("{target} joined its group"),
        Action::Hold(Hold::Poll) => format!("{target} did not poll"),
        Action::Hold(Hold::Subscription) => format!("{target} was unsubscribed"),
        Action::Hold(Hold::Partitions) => format!("{target} had its partitions paused"),
        Action::FailOver => format!("{target} went over to the other cluster"),
        Action::Administer(order) => order.done(target, plan),
    }
}

fn path(links: &Links, plan: &Plan, target: &str) -> String {
    let peers = peers(links, plan);
    match links.direction {
        Direction::Both => format!("links between {target} and {peers}"),
        Direction::Outgoing => format!("links from {target} to {peers}"),
        Direction::Incoming => format!("links from {peers} to {target}"),
    }
}

fn length(range: Delay) -> String {
    if range.min == range.max {
        range.min.to_string()
    } else {
        format!("{}..{}", range.min, range.max)
    }
}

fn peers(links: &Links, plan: &Plan) -> String {
    let names: Vec<String> = links.peers.iter().map(|peers| peer(*peers, plan)).collect();
    listed(&names)
}

/// `peers` as a scenario names them.
pub(crate) fn peer(peers: Peers, plan: &Plan) -> String {
    match peers {
        Peers::Brokers => "brokers".to_owned(),
        Peers::Controllers => "controllers".to_owned(),
        Peers::Clients => "clients".to_owned(),
        Peers::Cluster(id) => format!("cluster {}", plan.cluster(id).name),
        Peers::Datacentre(id) => format!("datacentre {}", plan.cluster(id).name),
        Peers::Producer(index) => plan.producers[usize::from(index)].name.clone(),
        Peers::Group(index) => plan.groups[usize::from(index)].name.clone(),
        Peers::One(target) => words(target, plan),
    }
}

/// `a`, `a and b`, `a, b and c`.
#[must_use]
pub fn listed(names: &[String]) -> String {
    match names {
        [] => "nobody".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The text of a new scenario called `name`: small, complete and commented.
#[must_use]
pub fn template(name: &str) -> String {
    let name = serde_json::Value::from(name);
    format!(
        r#"// What this scenario shows, and why it matters.
{{
  "name": {name},
  "topics": {{ "payments": {{ "config": {{ "min.insync.replicas": 2 }} }} }},
  // Kafka's settings go under "config", under Kafka's names and in Kafka's units.
  "producers": {{ "billing": {{ "rate": "100/s", "config": {{ "acks": "all" }} }} }},
  "groups": {{ "ledger": {{ "members": 2, "config": {{ "auto.offset.reset": "earliest" }} }} }},
  // Faults are sentences: when, what, to whom, for how long.
  "faults": [{{ "at": "10s", "isolate": "leader of payments-0", "from": ["brokers", "controllers"], "for": "15s" }}],
  "run": {{ "load": "30s", "settle": "60s" }},
  // What must be so, else the exit status is 1; what is not named here must hold as well.
  "expect": {{ "acked-durability": "held", "at-least-once": "held" }}
}}
"#
    )
}
