//! Whom a fault hits: the words of a scenario turned into a [`Target`]. It knows the plan's names.

use crate::diagnostic::nearest;
use crate::moment::ITS;
use crate::plan::{Peers, Plan, Target};
use crate::sink::{At, Sink};
use ackproof_types::{ClusterId, TopicId};

/// Every form of a target, by an example, with what it means.
pub const TARGETS: &[(&str, &str)] = &[
    ("broker-1", "the broker with this id, from 1"),
    ("any broker", "a broker that the seed draws"),
    ("brokers", "all brokers, of a rolling restart; as peers, all other brokers"),
    ("brokers of backup", "all brokers of one cluster, of a rolling restart or a loss of power"),
    ("controller", "the controller, if there is one; else controller-1, controller-2, …"),
    ("active controller", "the controller that decides when the fault strikes"),
    ("any controller", "a controller that the seed draws"),
    ("leader of payments-0", "whoever leads the partition when the fault strikes"),
    ("a follower of payments-0", "the follower in the in-sync set with the lowest id"),
    ("coordinator of ledger", "the broker that coordinates the group when the fault strikes"),
    ("its leader", "of a fault with \"on\": whoever leads the partition that the moment has"),
    ("its follower", "of a fault with \"on\": a follower in sync with it, drawn by the seed"),
    ("its broker", "of a fault with \"on\": the broker at which the moment comes"),
    (
        "its laggard",
        "of a fault with \"on\": a replica of the partition that is out of sync, drawn by the seed",
    ),
    ("its voter", "of a fault \"on\" a \"vote\": the controller that has voted"),
    ("its candidate", "of a fault \"on\" a \"vote\": the controller that it has voted for"),
    ("billing-0", "an instance of a producer, from 0"),
    ("any producer", "an instance that the seed draws, of all producers"),
    ("any producer of billing", "an instance that the seed draws, of one producer"),
    ("ledger-0", "a member of a group, from 0"),
    ("any member of ledger", "a member that the seed draws"),
    ("all members of ledger", "each member at once; of a rolling restart, one after another"),
    ("ledger", "the group: one more member joins; as peers, all its members"),
    ("controllers", "all controllers, of a rolling restart; as peers, all other controllers"),
    ("controllers of backup", "all controllers of one cluster, of a rolling restart"),
    ("clients", "as peers: all producers and members"),
    ("billing", "as peers: all instances of a producer"),
    ("backup-broker-1", "a broker of a further cluster; its controller is backup-controller"),
    (
        "cluster backup",
        "as peers: the controller and the brokers of a cluster; the first one is primary",
    ),
    ("datacentre backup", "as peers: a cluster, and the clients beside it"),
    (
        "zone a",
        "all brokers of a rack, the controllers that share its place in the order, and members with that client.rack",
    ),
];

/// Groups of peers by name.
pub(crate) const PEERS: &[(&str, Peers)] = &[
    ("brokers", Peers::Brokers),
    ("controllers", Peers::Controllers),
    ("clients", Peers::Clients),
];

/// What a cluster is as peers.
type OfCluster = fn(ClusterId) -> Peers;

/// Words before the name of a cluster, for what they mean as peers.
const CLUSTERS: [(&str, OfCluster); 2] =
    [("cluster ", Peers::Cluster), ("datacentre ", Peers::Datacentre)];

/// The target at `at`, if its words make sense.
pub(crate) fn target(sink: &mut Sink<'_>, at: &At<'_>, plan: &Plan) -> Option<Target> {
    let text = sink.string(at)?;
    told(sink, at, find(text, plan))
}

/// The topic at `at`, one of the scenario's own.
pub(crate) fn topic(sink: &mut Sink<'_>, at: &At<'_>, plan: &Plan) -> Option<TopicId> {
    let text = sink.string(at)?;
    let found = plan.user_topics().find(|(_, topic)| topic.name == text);
    if found.is_none() {
        let known: Vec<&str> = plan.user_topics().map(|(_, topic)| topic.name.as_str()).collect();
        let (message, hint) = unknown("topic", text, &known);
        sink.hinted(at.node.span, &at.path, message, hint);
    }
    found.map(|(id, _)| id)
}

/// One or more processes at `at`: a group of peers, a producer, a group, or a target.
pub(crate) fn peers(sink: &mut Sink<'_>, at: &At<'_>, plan: &Plan) -> Option<Peers> {
    let text = sink.string(at)?;
    if let Some((_, peers)) = PEERS.iter().find(|(name, _)| *name == text) {
        return Some(*peers);
    }
    if let Ok(index) = producer(plan, text) {
        return Some(Peers::Producer(index));
    }
    for (word, of) in CLUSTERS {
        if let Some(name) = text.strip_prefix(word) {
            return told(sink, at, cluster(plan, name)).map(of);
        }
    }
    let result = match find(text, plan) {
        Ok(Target::Group(index) | Target::AllMembers(index)) => Ok(Peers::Group(index)),
        other => other.map(Peers::One),
    };
    if let Err((message, hint)) = &result {
        // A process with a wrong number is nearer to its kind than to a group of peers.
        let groups = PEERS.iter().map(|(name, _)| *name).filter(|_| numbered(text).is_none());
        let hint = nearest(text, groups).or_else(|| hint.clone());
        sink.hinted(at.node.span, &at.path, message.clone(), hint);
    }
    result.ok()
}

/// What is wrong, and what to do.
pub type Refusal = (String, Option<String>);

/// The target that `text` names.
pub(crate) fn find(text: &str, plan: &Plan) -> Result<Target, Refusal> {
    match text {
        "active controller" => return Ok(Target::ActiveController(ClusterId::FIRST)),
        "any controller" => return Ok(Target::AnyController),
        "controller" => return the_controller(text, ClusterId::FIRST, plan),
        "brokers" => return Ok(Target::AllBrokers(None)),
        "any broker" => return Ok(Target::AnyBroker),
        "any producer" if plan.producers.is_empty() => {
            return Err(("there is no producer".to_owned(), None));
        }
        "any producer" => return Ok(Target::AnyProducer(None)),
        // The nearest known name is not what is meant.
        "all brokers" => {
            let hint = format!(
                "write a fault for each of broker-1 to broker-{}, all with the same \"at\"",
                plan.main().brokers
            );
            return Err(("a fault hits one broker".to_owned(), Some(hint)));
        }
        "controllers" => return Ok(Target::AllControllers(ClusterId::FIRST)),
        _ => {}
    }
    if let Some((its, _)) = ITS.iter().find(|(_, words)| *words == text) {
        return Ok(Target::Its(*its));
    }
    if let Some(name) = text.strip_prefix("active controller of ") {
        return cluster(plan, name).map(Target::ActiveController);
    }
    if let Some(name) = text.strip_prefix("controllers of ") {
        return cluster(plan, name).map(Target::AllControllers);
    }
    if let Some(name) = text.strip_prefix("brokers of ") {
        return cluster(plan, name).map(|id| Target::AllBrokers(Some(id)));
    }
    if let Some(name) = text.strip_prefix("zone ") {
        return zone(plan, name).map(Target::Zone);
    }
    if let Some(name) = text.strip_prefix("any producer of ") {
        return producer(plan, name).map(|index| Target::AnyProducer(Some(index)));
    }
    if let Some(name) = text.strip_prefix("any member of ") {
        return group(plan, name).map(Target::AnyMember);
    }
    let all = ["all members of ", "members of "];
    if let Some(name) = all.iter().find_map(|words| text.strip_prefix(words)) {
        return group(plan, name).map(Target::AllMembers);
    }
    if let Some(name) = text.strip_prefix("coordinator of ") {
        return coordinated(plan, name).map(Target::CoordinatorOf);
    }
    if let Some(name) = text.strip_prefix("leader of ") {
        return partition(plan, name).map(|(topic, number)| Target::LeaderOf(topic, number));
    }
    if let Some(name) = text.strip_prefix("a follower of ") {
        let (topic, number) = partition(plan, name)?;
        if plan.topics[topic.index()].replication_factor < 2 {
            return Err((format!("{name} has one replica: no follower"), None));
        }
        return Ok(Target::FollowerOf(topic, number));
    }
    process(text, plan)
}

/// A name with a number behind the last hyphen.
fn numbered(text: &str) -> Option<(&str, u16)> {
    let (name, number) = text.rsplit_once('-')?;
    let plain = number.bytes().all(|byte| byte.is_ascii_digit());
    Some((name, number.parse().ok().filter(|_| plain)?))
}

fn index<'n>(names: impl IntoIterator<Item = &'n str>, name: &str) -> Option<u16> {
    let position = names.into_iter().position(|known| known == name)?;
    u16::try_from(position).ok()
}

fn unknown(kind: &str, name: &str, known: &[&str]) -> Refusal {
    let hint = nearest(name, known.iter().copied()).or_else(|| {
        (!known.is_empty() && known.len() <= 16).then(|| format!("known: {}", known.join(", ")))
    });
    (format!("unknown {kind} \"{name}\""), hint)
}

fn producer(plan: &Plan, name: &str) -> Result<u16, Refusal> {
    let known: Vec<&str> = plan.producers.iter().map(|producer| producer.name.as_str()).collect();
    index(known.iter().copied(), name).ok_or_else(|| unknown("producer", name, &known))
}

/// The cluster called `name`.
fn cluster(plan: &Plan, name: &str) -> Result<ClusterId, Refusal> {
    let known: Vec<&str> = plan.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    let found = index(known.iter().copied(), name).map(ClusterId);
    found.ok_or_else(|| unknown("cluster", name, &known))
}

/// The cluster at `at`.
pub(crate) fn cluster_at(sink: &mut Sink<'_>, at: &At<'_>, plan: &Plan) -> Option<ClusterId> {
    let text = sink.string(at)?;
    told(sink, at, cluster(plan, text))
}

/// What was found at `at`; if it was refused, the report has it.
fn told<T>(sink: &mut Sink<'_>, at: &At<'_>, found: Result<T, Refusal>) -> Option<T> {
    if let Err((message, hint)) = &found {
        sink.hinted(at.node.span, &at.path, message.clone(), hint.clone());
    }
    found.ok()
}

/// The controller or the broker called `text` of a further cluster.
fn of_another_cluster(text: &str, plan: &Plan) -> Option<Result<Target, Refusal>> {
    for (id, other) in plan.numbered().skip(1) {
        let Some(rest) = text.strip_prefix(&other.name).and_then(|rest| rest.strip_prefix('-'))
        else {
            continue;
        };
        if rest == "controller" {
            return Some(the_controller(text, id, plan));
        }
        if let Some(("controller", number)) = numbered(rest) {
            return Some(controller(text, number, id, plan));
        }
        if let Some(("broker", number)) = numbered(rest) {
            return Some(broker(text, number, id, plan));
        }
    }
    None
}

/// The broker of this number, from 1, of the cluster `id`.
fn broker(text: &str, number: u16, id: ClusterId, plan: &Plan) -> Result<Target, Refusal> {
    let all = plan.brokers_of(id);
    if (1..=plan.cluster(id).brokers).contains(&number) {
        return Ok(Target::Broker(all.start() - 1 + number));
    }
    let (first, last) = (plan.broker_name(*all.start()), plan.broker_name(*all.end()));
    Err((format!("unknown broker \"{text}\""), Some(format!("there is {first} to {last}"))))
}

/// The only controller of the cluster `id`.
fn the_controller(text: &str, id: ClusterId, plan: &Plan) -> Result<Target, Refusal> {
    let all = plan.controllers_of(id);
    if all.len() == 1 {
        return Ok(Target::Controller(all.start));
    }
    let hint = format!(
        "write \"active controller\", \"any controller\" or \"{}\"",
        plan.controller_name(all.start)
    );
    Err((format!("\"{text}\" is one of {}", all.len()), Some(hint)))
}

/// The controller of this number, from 1, of the cluster `id`.
fn controller(text: &str, number: u16, id: ClusterId, plan: &Plan) -> Result<Target, Refusal> {
    let all = plan.controllers_of(id);
    let found = number.checked_sub(1).map(|nth| all.start + nth).filter(|one| all.contains(one));
    if all.len() > 1
        && let Some(found) = found
    {
        return Ok(Target::Controller(found));
    }
    let (first, last) = (plan.controller_name(all.start), plan.controller_name(all.end - 1));
    let known = if first == last { first } else { format!("{first} to {last}") };
    Err((format!("unknown controller \"{text}\""), Some(format!("there is {known}"))))
}

/// The group called `name`.
pub(crate) fn group(plan: &Plan, name: &str) -> Result<u16, Refusal> {
    let known: Vec<&str> = plan.groups.iter().map(|group| group.name.as_str()).collect();
    index(known.iter().copied(), name).ok_or_else(|| unknown("group", name, &known))
}

/// The group called `name`, of the scenario or of clients outside.
fn coordinated(plan: &Plan, name: &str) -> Result<u16, Refusal> {
    let here = plan.groups.iter().map(|group| group.name.as_str());
    let outside = plan.outsiders.groups.iter().map(|group| group.name.as_str());
    let known: Vec<&str> = here.chain(outside).collect();
    index(known.iter().copied(), name).ok_or_else(|| unknown("group", name, &known))
}

/// `payments-0`.
pub(crate) fn partition(plan: &Plan, text: &str) -> Result<(TopicId, u16), Refusal> {
    let Some((name, number)) = numbered(text) else {
        let example = plan.topics.get(1).map_or("payments", |topic| topic.name.as_str());
        let hint = Some(format!("write \"{example}-0\""));
        return Err((format!("\"{text}\" is not a partition"), hint));
    };
    let known: Vec<&str> = plan.topics.iter().map(|topic| topic.name.as_str()).collect();
    let topic = index(known.iter().copied(), name).ok_or_else(|| unknown("topic", name, &known))?;
    within(name, "partition", number, plan.topics[usize::from(topic)].partitions)?;
    Ok((TopicId(topic), number))
}

/// The partition at `at`.
pub(crate) fn led(sink: &mut Sink<'_>, at: &At<'_>, plan: &Plan) -> Option<Target> {
    let text = sink.string(at)?;
    let found = told(sink, at, partition(plan, text));
    found.map(|(topic, number)| Target::Partition(topic, number))
}

/// Checks a number from 0 against how many there are.
fn within(name: &str, what: &str, number: u16, count: u16) -> Result<(), Refusal> {
    if number < count {
        return Ok(());
    }
    let range =
        if count == 1 { format!("{name}-0") } else { format!("{name}-0 to {name}-{}", count - 1) };
    Err((format!("\"{name}\" has no {what} number {number}"), Some(format!("there is {range}"))))
}

/// The number of the zone called `name`.
fn zone(plan: &Plan, name: &str) -> Result<u16, Refusal> {
    let known = plan.zones();
    let found = known.iter().position(|one| *one == name).and_then(|nth| u16::try_from(nth).ok());
    found.ok_or_else(|| match known.as_slice() {
        [] => (
            "there are no zones".to_owned(),
            Some(
                "name the rack of each broker: \"cluster\": { \"racks\": [\"a\", \"b\", \"c\"] }"
                    .to_owned(),
            ),
        ),
        _ => (format!("unknown zone \"{name}\""), Some(format!("known: {}", known.join(", ")))),
    })
}

/// One process by its name, or a group.
pub(crate) fn process(text: &str, plan: &Plan) -> Result<Target, Refusal> {
    if let Ok(index) = group(plan, text) {
        return Ok(Target::Group(index));
    }
    if let Some(found) = of_another_cluster(text, plan) {
        return found;
    }
    if let Some((name, number)) = numbered(text) {
        if name == "broker" {
            return broker(text, number, ClusterId::FIRST, plan);
        }
        if name == "controller" {
            return controller(text, number, ClusterId::FIRST, plan);
        }
        if let Ok(index) = producer(plan, name) {
            let instances = plan.producers[usize::from(index)].instances;
            within(name, "instance", number, instances)?;
            return Ok(Target::Producer(index, number));
        }
        if let Ok(index) = group(plan, name) {
            within(name, "member", number, plan.groups[usize::from(index)].members)?;
            return Ok(Target::Member(index, number));
        }
    }
    if let Some(client) = index(plan.outsiders.clients.iter().map(String::as_str), text) {
        return Ok(Target::Outsider(client));
    }
    let examples = examples(plan);
    let hint = nearest(text, examples.iter().map(String::as_str))
        .or_else(|| Some(format!("write one of: {}", examples.join(", "))));
    Err((format!("\"{text}\" is nobody that a fault can hit"), hint))
}

/// One target of every form that the plan has.
fn examples(plan: &Plan) -> Vec<String> {
    let controller = plan.controller_name(plan.controllers_of(ClusterId::FIRST).start);
    let mut all: Vec<String> =
        ["broker-1", "any broker", &controller, "brokers"].map(str::to_owned).to_vec();
    if plan.main().controllers > 1 {
        all.push("active controller".to_owned());
    }
    all.extend(plan.zones().iter().map(|zone| format!("zone {zone}")));
    if plan.clusters.len() > 1 {
        all.extend(plan.clusters.iter().map(|one| format!("datacentre {}", one.name)));
    }
    if let Some(topic) = plan.topics.get(1) {
        all.extend(["leader", "a follower"].map(|role| format!("{role} of {}-0", topic.name)));
    }
    for producer in plan.producers.iter().take(4) {
        all.push(format!("{}-0", producer.name));
        all.push(format!("any producer of {}", producer.name));
    }
    for group in plan.groups.iter().take(4) {
        let name = &group.name;
        all.push(format!("{name}-0"));
        all.push(format!("any member of {name}"));
        all.push(format!("all members of {name}"));
        all.push(format!("coordinator of {name}"));
    }
    all.extend(plan.outsiders.clients.iter().cloned());
    let outside = plan.outsiders.groups.iter();
    all.extend(outside.map(|group| format!("coordinator of {}", group.name)));
    all
}
