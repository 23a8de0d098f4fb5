//! Faults, read from the tree: one sentence each, made of a verb, a target, and when.

use crate::clock::{self, ClockFault};
use crate::cluster::MAX_COUNT;
use crate::describe::{FAULTS, listed};
use crate::disk;
use crate::durations;
use crate::features;
use crate::json::Value;
use crate::mirrors;
use crate::moment;
use crate::orders::{self, needed};
use crate::plan::{
    Action, Direction, Fault, FaultKind, Links, Order, Peers, Plan, Target, Topic, When,
};
use crate::sink::{At, Sink};
use crate::storage;
use crate::talk::TALKS;
use crate::targets::{PEERS, peers, target};
use crate::when;
use ackproof_types::{Delay, Hold, KafkaVersion, Micros};

/// Keys that say how: the verbs each goes with.
pub(crate) const HOW_KEYS: &[(&str, &[&str])] = &[
    ("from", &["isolate"]),
    ("to", &["slow", "lossy", "throttle", "add-partitions", "reassign", "rolling-restart"]),
    ("direction", &["isolate", "slow", "lossy", "throttle"]),
    ("by", &["slow", "slow-follower", clock::JUMPS, clock::DRIFTS]),
    ("only", &["slow"]),
    ("loss", &["lossy"]),
    ("rate", &["throttle"]),
    ("dir", &[disk::FAILS, disk::FILLS]),
    ("returns", &[disk::FAILS]),
    ("left", &[disk::FILLS]),
    ("log", &[disk::DAMAGES]),
    ("batch", &[disk::DAMAGES]),
    ("stopped", &[disk::DAMAGES]),
    ("grace", &["restart", "rolling-restart", "leave"]),
    ("config", &["alter-config"]),
    ("cluster", &["update-features"]),
];
/// Directions by name.
pub(crate) const DIRECTIONS: &[(&str, Direction)] = &[
    ("both", Direction::Both),
    ("outgoing", Direction::Outgoing),
    ("incoming", Direction::Incoming),
];

/// What users ask for and no fault does, with the nearest that one does.
const NOT_MODELLED: &[(&str, &str)] = &[
    ("delete-records", "retention deletes records, \"delete-topic\" all of a topic"),
    ("lose-disk", "\"disk-lost\" takes a broker's disk"),
    ("wipe-disk", "\"disk-lost\" takes a broker's disk"),
];

/// How long each broker is down in a rolling restart that does not say.
const ROLLING: Delay = Delay::exactly(Micros::from_secs(5));
/// Largest weight of a choice.
const MAX_WEIGHT: i64 = 1_000_000;

/// Reads `faults`.
pub(crate) fn faults(sink: &mut Sink<'_>, at: Option<&At<'_>>, plan: &Plan) -> Vec<Fault> {
    let items = at.map(|at| sink.list(at)).unwrap_or_default();
    let grown = grown(&items, plan);
    let mut faults = Vec::new();
    for item in &items {
        let Some(fault) = fault(sink, item, &grown) else { continue };
        for (_, kind) in &fault.choices {
            if let (Action::Administer(Order::AddPartitions(all)), Target::Topic(topic)) =
                (&kind.action, kind.target)
                && *all <= plan.topics[topic.index()].partitions
            {
                let Topic { name, partitions, .. } = &plan.topics[topic.index()];
                sink.at(
                    item,
                    format!("{name} has {partitions} partitions from the start: \"to\" more"),
                );
            }
        }
        faults.push(fault);
    }
    faults
}

/// The plan with all partitions that topics ever have: a fault may name one that another fault adds.
fn grown(items: &[At<'_>], plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    let choices = items.iter().flat_map(|item| item.get("one_of")).flat_map(|list| list.items());
    for item in items.iter().cloned().chain(choices) {
        let named = item.get("add-partitions");
        let topic = named.as_ref().and_then(|at| at.node.as_str());
        let all = item.get("to").and_then(|at| match &at.node.value {
            Value::Number(number) => number.parse::<u16>().ok(),
            _ => None,
        });
        let known = plan.topics.iter_mut().find(|one| Some(one.name.as_str()) == topic);
        if let (Some(known), Some(all)) = (known, all) {
            known.partitions = known.partitions.max(all.min(MAX_COUNT));
        }
    }
    plan
}

fn verbs() -> impl Iterator<Item = &'static str> {
    FAULTS.iter().map(|(verb, _)| *verb)
}

/// Whether the entry asks for what no fault does; it is said.
fn is_not_modelled(sink: &mut Sink<'_>, at: &At<'_>) -> bool {
    let children = at.children();
    let named = children.iter().find_map(|(key, child)| {
        NOT_MODELLED.iter().find(|(name, _)| name == key).map(|found| (found, child))
    });
    let Some(((name, nearest), child)) = named else { return false };
    let message = format!("\"{name}\" is not modelled");
    sink.hinted(child.key_span, &child.path, message, Some((*nearest).to_owned()));
    true
}

fn fault(sink: &mut Sink<'_>, at: &At<'_>, plan: &Plan) -> Option<Fault> {
    timed(sink, at, plan, when::read)
}

/// How it is read when a fault strikes.
type ReadWhen = fn(&mut Sink<'_>, &At<'_>, &Plan) -> Option<When>;

/// A fault of which `when` says when it strikes.
pub(crate) fn timed(
    sink: &mut Sink<'_>,
    at: &At<'_>,
    plan: &Plan,
    when: ReadWhen,
) -> Option<Fault> {
    let how = HOW_KEYS.iter().map(|(key, _)| *key);
    let one_of = at.get("one_of");
    let known: Vec<&str> = if one_of.is_some() {
        when::KEYS.iter().copied().chain(["one_of"]).collect()
    } else {
        when::KEYS.iter().copied().chain(["for", "one_of"]).chain(how).chain(verbs()).collect()
    };
    if is_not_modelled(sink, at) || !sink.object(at, &known) {
        return None;
    }
    let when = when(sink, at, plan);
    let choices = match one_of {
        Some(list) => {
            let items = sink.list(&list);
            if items.is_empty() {
                sink.at(&list, "nothing to choose from");
            }
            let choices: Vec<_> =
                items.iter().filter_map(|item| choice(sink, item, plan)).collect();
            if !choices.is_empty() && choices.iter().all(|(weight, _)| *weight == 0) {
                sink.at(&list, "every weight is 0: one choice must be possible");
            }
            choices
        }
        None => kind(sink, at, plan).map(|kind| (1, kind)).into_iter().collect::<Vec<_>>(),
    };
    let aim = moment::read(sink, at);
    let is_of_moment = choices.iter().any(|(_, kind)| kind.is_of_moment());
    if at.get("on").is_none() && is_of_moment {
        let message = "\"its\" is what a moment has: add \"on\": \"append\", or name a broker";
        sink.error(at.key_span, &at.path, message);
    }
    let mut its = choices.iter().flat_map(|(_, kind)| kind.its());
    if let Some(aim) = &aim
        && let Some(nobody) = its.find(|its| !its.is_at(aim))
    {
        let message = format!("\"{}\" is nobody at such a moment", nobody.words());
        let hint = "a \"vote\" has \"its voter\" and \"its candidate\", and no other moment has";
        sink.hinted(at.key_span, &at.path, message, Some(hint.to_owned()));
    }
    (!choices.is_empty()).then_some(Fault { when: when?, aim, choices })
}

fn choice(sink: &mut Sink<'_>, at: &At<'_>, plan: &Plan) -> Option<(u32, FaultKind)> {
    let how = HOW_KEYS.iter().map(|(key, _)| *key);
    let known: Vec<&str> = ["weight", "for"].into_iter().chain(how).chain(verbs()).collect();
    if !sink.object(at, &known) {
        return None;
    }
    let weight = at.get("weight").and_then(|at| sink.whole(&at, 0, MAX_WEIGHT));
    let weight = weight.and_then(|weight| u32::try_from(weight).ok()).unwrap_or(1);
    Some((weight, kind(sink, at, plan)?))
}

/// The verb of a sentence with its target.
fn verb<'n>(sink: &mut Sink<'_>, at: &At<'n>) -> Option<(&'n str, At<'n>)> {
    let mut found = at.children().into_iter().filter(|(key, _)| verbs().any(|verb| verb == *key));
    let Some(first) = found.next() else {
        // A misspelt verb is already reported as an unknown key.
        if sink.is_clean(&at.below("")) {
            let known: Vec<&str> = verbs().collect();
            let hint = format!("one of: {}", known.join(", "));
            sink.hinted(at.key_span, &at.path, "what? a fault needs a verb", Some(hint));
        }
        return None;
    };
    if let Some((second, place)) = found.next() {
        let message = format!("a fault has one verb; \"{}\" and \"{second}\" are two", first.0);
        sink.error(place.key_span, &place.path, message);
        return None;
    }
    Some(first)
}

fn kind(sink: &mut Sink<'_>, at: &At<'_>, plan: &Plan) -> Option<FaultKind> {
    let (verb, place) = verb(sink, at)?;
    for (key, go_with) in HOW_KEYS {
        if !go_with.contains(&verb)
            && let Some(child) = at.get(key)
        {
            let verbs: Vec<String> = go_with.iter().map(|verb| format!("\"{verb}\"")).collect();
            let message = format!("\"{key}\" goes with {} only", listed(&verbs));
            sink.error(child.key_span, &child.path, message);
        }
    }
    let target = match verb {
        "partition" => Some(Target::Sides),
        _ if orders::knows(verb) => orders::target(sink, at, verb, &place, plan),
        _ => target(sink, &place, plan),
    };
    let action = action(sink, at, verb, &place, plan);
    let lasts = at.get("for").and_then(|at| sink.delay(&at).map(|delay| (delay, at)));
    let (action, target) = (action?, target?);
    if let Err(allowed) = fits(&action, target) {
        sink.at(&place, format!("\"{verb}\" hits {allowed}"));
        return None;
    }
    if let Some((message, hint)) = mirrors::misfit(&action, target, plan) {
        if action != Action::FailOver || sink.is_clean("mirrors") {
            sink.hinted(place.node.span, &place.path, message, hint);
        }
        return None;
    }
    let lasts = match (&action, lasts) {
        (Action::FailOver, Some((_, at))) => {
            let message = "who has gone over stays there; this has no \"for\"";
            sink.error(at.key_span, &at.path, message);
            None
        }
        (Action::Reset, Some((_, at))) => {
            sink.error(at.key_span, &at.path, "a reset happens at once; it has no \"for\"");
            None
        }
        (Action::Administer(order), Some((_, at))) => {
            sink.error(at.key_span, &at.path, order.is_for_good());
            None
        }
        (Action::RollingRestart(_), None) => Some(ROLLING),
        (_, lasts) => lasts.map(|(delay, _)| delay),
    };
    let grace = at.get("grace").and_then(|at| sink.duration(&at));
    Some(FaultKind { action, target, lasts, grace })
}

fn action(
    sink: &mut Sink<'_>,
    at: &At<'_>,
    verb: &str,
    place: &At<'_>,
    plan: &Plan,
) -> Option<Action> {
    Some(match verb {
        "crash" => Action::Crash,
        "power-loss" => Action::PowerLoss,
        "disk-lost" => Action::DiskLost,
        disk::FAILS | disk::FILLS | disk::DAMAGES => {
            Action::Storage(storage::read(sink, at, verb, plan)?)
        }
        "restart" => Action::Restart,
        "rolling-restart" => {
            let to = at.get("to").map(|at| features::line(sink, &at));
            Action::RollingRestart(match to {
                Some(line) => Some(line?),
                None => None,
            })
        }
        "pause" => Action::Pause,
        "isolate" => Action::Isolate(links(sink, at, "from", plan)?),
        "partition" => Action::Partition(sides(sink, place, plan)?),
        "slow" => {
            let links = links(sink, at, "to", plan);
            let by = needed(sink, at, place, "by", "50ms..100ms")?;
            let only = match at.get("only") {
                Some(at) => Some(named(sink, &at, "talk of servers", TALKS)?),
                None => None,
            };
            Action::Slow { by: sink.delay(&by)?, links: links?, only }
        }
        "lossy" => {
            let links = links(sink, at, "to", plan);
            let given = needed(sink, at, place, "loss", "5%")?;
            let loss = sink.quantity(&given, "%", durations::percent)?;
            if !(1..1_000_000).contains(&loss) {
                sink.at(&given, "a share above 0% and below 100%; \"isolate\" cuts a link");
                return None;
            }
            Action::Lossy { links: links?, loss }
        }
        "throttle" => {
            let links = links(sink, at, "to", plan);
            let rate = needed(sink, at, place, "rate", "20kB/s")?;
            let bytes_per_second = sink.quantity(&rate, "B/s", durations::bandwidth)?;
            Action::Throttle { links: links?, bytes_per_second }
        }
        "reset" => Action::Reset,
        clock::JUMPS => {
            let by = needed(sink, at, place, "by", "+90m")?;
            Action::Clock(ClockFault::Jump(sink.quantity(&by, "s", clock::shift)?))
        }
        clock::DRIFTS => {
            let by = needed(sink, at, place, "by", "+500ppm")?;
            Action::Clock(ClockFault::Drift(sink.quantity(&by, "ppm", clock::drift)?))
        }
        "slow-follower" => match at.get("by") {
            Some(by) => Action::SlowFollower(sink.delay(&by)?),
            None => Action::SlowFollower(lagging(plan)),
        },
        "leave" => Action::Leave,
        "join" => Action::Join,
        "stall-poll" => Action::Hold(Hold::Poll),
        "unsubscribe" => Action::Hold(Hold::Subscription),
        "pause-partitions" => Action::Hold(Hold::Partitions),
        "fail-over" => Action::FailOver,
        _ if orders::knows(verb) => Action::Administer(orders::order(sink, at, verb, place, plan)?),
        other => unreachable!("the verb {other} is in the table but not here"),
    })
}

/// Slow enough to fall out of the in-sync set.
fn lagging(plan: &Plan) -> Delay {
    let lags = plan.clusters.iter().map(|one| one.config.millis("replica.lag.time.max.ms"));
    let lag = lags.max().unwrap_or_default();
    Delay { min: Micros(lag.0 / 5 * 6), max: Micros(lag.0 / 2 * 3) }
}

/// The links of a target that a fault hits: to the peers under `key`, else to all.
fn links(sink: &mut Sink<'_>, at: &At<'_>, key: &str, plan: &Plan) -> Option<Links> {
    let chosen = if let Some(list) = at.get(key) {
        let chosen = side(sink, &list, &mut Vec::new(), plan);
        if matches!(&list.node.value, Value::Array(items) if items.is_empty()) {
            sink.at(&list, format!("nobody is listed; leave \"{key}\" out for everybody"));
        }
        chosen
    } else {
        PEERS.iter().map(|(_, peers)| *peers).collect()
    };
    let direction = match at.get("direction") {
        Some(at) => named(sink, &at, "direction", DIRECTIONS)?,
        None => Direction::Both,
    };
    (!chosen.is_empty()).then_some(Links { peers: chosen, direction })
}

/// One list of processes; `seen` are those already listed.
fn side(sink: &mut Sink<'_>, list: &At<'_>, seen: &mut Vec<Peers>, plan: &Plan) -> Vec<Peers> {
    let mut side = Vec::new();
    for item in sink.list(list) {
        let Some(named) = peers(sink, &item, plan) else { continue };
        // A zone is whoever is in it.
        let all = match named {
            Peers::One(Target::Zone(zone)) => {
                plan.in_zone(zone).into_iter().map(Peers::One).collect()
            }
            one => vec![one],
        };
        for peers in all {
            if seen.contains(&peers) {
                sink.at(&item, "listed twice");
            } else {
                seen.push(peers);
                side.push(peers);
            }
        }
    }
    side
}

/// The sides of a partition.
fn sides(sink: &mut Sink<'_>, place: &At<'_>, plan: &Plan) -> Option<Vec<Vec<Peers>>> {
    const FORM: &str = "[[\"broker-1\"], [\"broker-2\", \"controller\"]]";
    let lists = sink.list(place);
    if lists.len() < 2 {
        if matches!(place.node.value, Value::Array(_)) {
            sink.at(place, format!("a partition has two sides or more: {FORM}"));
        }
        return None;
    }
    let mut seen = Vec::new();
    let mut sides = Vec::new();
    for list in &lists {
        let side = side(sink, list, &mut seen, plan);
        if matches!(&list.node.value, Value::Array(items) if items.is_empty()) {
            sink.at(list, "nobody is on this side");
        }
        sides.push(side);
    }
    sides.iter().all(|side| !side.is_empty()).then_some(sides)
}

fn named<T: Copy>(sink: &mut Sink<'_>, at: &At<'_>, what: &str, known: &[(&str, T)]) -> Option<T> {
    let text = sink.string(at)?;
    let found = known.iter().find(|(name, _)| *name == text);
    if found.is_none() {
        let names = known.iter().map(|(name, _)| *name);
        sink.unknown(at.node.span, &at.path, (what, text), names);
    }
    found.map(|(_, value)| *value)
}

/// Whether `action` can hit `target`; if not, what it can hit.
fn fits(action: &Action, target: Target) -> Result<(), &'static str> {
    use Target::{
        ActiveController, AllBrokers, AllControllers, AllMembers, AnyBroker, AnyController,
        AnyMember, AnyProducer, Broker, Controller, CoordinatorOf, FollowerOf, Group, Its,
        LeaderOf, Member, Producer, Sides, Zone,
    };
    let is_member = matches!(target, Member(..) | AnyMember(_) | AllMembers(_));
    let is_broker = matches!(
        target,
        Broker(_) | LeaderOf(..) | FollowerOf(..) | CoordinatorOf(_) | AnyBroker | AllBrokers(_)
    ) || matches!(target, Its(its) if !its.is_controller());
    let is_controller = matches!(target, ActiveController(_) | AnyController | Controller(_))
        || matches!(target, Its(its) if its.is_controller());
    let (fine, allowed) = match action {
        Action::PowerLoss | Action::Crash | Action::Pause | Action::Restart
            if matches!(target, Zone(_)) =>
        {
            (true, "")
        }
        Action::Isolate(_) if matches!(target, Zone(_)) => (
            false,
            "one process; whoever is in a zone is cut off from the others together: \"partition\": \
             [[\"zone a\"], [\"zone b\", \"zone c\"]]",
        ),
        Action::Crash | Action::Restart | Action::Pause | Action::Clock(_)
            if matches!(target, Target::Outsider(_)) =>
        {
            (false, "a simulated process: your application is none; its links can be hit, or reset")
        }
        Action::PowerLoss if is_controller => (true, ""),
        Action::PowerLoss | Action::DiskLost => {
            (is_broker, "a broker, like \"broker-1\" or \"any broker\", or all \"brokers\" at once")
        }
        Action::Storage(_) => (
            is_broker && !matches!(target, AllBrokers(_)),
            "one broker, like \"broker-1\", \"any broker\" or \"leader of payments-0\"",
        ),
        Action::Clock(_) => {
            let others = matches!(target, Producer(..) | AnyProducer(_) | Zone(_));
            (is_broker || is_member || others, clock::HITS)
        }
        Action::RollingRestart(line) => (in_turn(*line, target), in_turn_hits(*line)),
        Action::Join | Action::FailOver => (matches!(target, Group(_)), "a group, like \"ledger\""),
        Action::Leave | Action::Hold(_) => (is_member, "a member, like \"any member of ledger\""),
        Action::Partition(_) => (target == Sides, "sides"),
        // What it is about was read as that.
        Action::Administer(_) => (true, ""),
        Action::SlowFollower(_) => (
            matches!(target, FollowerOf(..) | Broker(_))
                || matches!(target, Its(its) if !its.is_controller()),
            "a follower, like \"a follower of payments-0\"",
        ),
        Action::Crash
        | Action::Restart
        | Action::Pause
        | Action::Isolate(_)
        | Action::Slow { .. }
        | Action::Lossy { .. }
        | Action::Throttle { .. }
        | Action::Reset => (
            !matches!(target, Group(_) | AllBrokers(_) | AllControllers(_) | Zone(_)),
            "one process, like \"broker-1\", \"any broker\" or \"any member of ledger\", or \
             \"all members of ledger\"",
        ),
    };
    if fine { Ok(()) } else { Err(allowed) }
}

/// Whether a rolling restart can take `target` in turn.
fn in_turn(line: Option<KafkaVersion>, target: Target) -> bool {
    let servers = matches!(target, Target::AllBrokers(_) | Target::AllControllers(_));
    servers || (line.is_none() && matches!(target, Target::AllMembers(_)))
}

const fn in_turn_hits(line: Option<KafkaVersion>) -> &'static str {
    match line {
        Some(_) => {
            "\"brokers\" or \"controllers\" if they start as another line of Kafka; clients have none"
        }
        None => {
            "\"brokers\", \"controllers\", or the members of a group, like \"members of ledger\""
        }
    }
}
