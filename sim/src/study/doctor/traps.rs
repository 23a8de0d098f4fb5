//! Settings that are known to lose, to repeat or to delay records, each with the command that demonstrates it. It
//! knows Kafka's settings, and no run.

use super::files::Files;
use crate::study::contract::may_forget;
use ackproof_reports::command::quoted;
use ackproof_reports::doctor::{Trap, Weight};
use ackproof_scenario::plan::{Group, Ignored, Plan, Producer, Topic};
use ackproof_scenario::settings::{Preset, Scope, find};
use ackproof_types::{CommitStrategy, KafkaVersion, Micros, OffsetReset};

/// Everything that is known of the settings of `plan`.
pub(super) fn traps(plan: &Plan, files: &Files, version: KafkaVersion) -> Vec<Trap> {
    let mut found = Found { files, version, traps: Vec::new() };
    for producer in &plan.producers {
        let topic = &plan.topics[producer.topic.index()];
        alone(&mut found, producer, topic);
        forgotten(&mut found, producer, plan);
        if found.has(Scope::Producer) {
            acknowledgement(&mut found, producer);
            patience(&mut found, producer, plan);
            size(&mut found, producer, topic);
            batch(&mut found, producer, topic);
        }
    }
    plan.user_topics().for_each(|(_, one)| replicas(&mut found, one));
    plan.user_topics().for_each(|(_, one)| retention(&mut found, one));
    plan.groups.iter().for_each(|one| group(&mut found, one));
    if !plan.groups.is_empty() && plan.topics[0].replication_factor == 1 {
        found.add(
            "offsets-one-replica",
            &["cluster.config.offsets.topic.replication.factor=1".to_owned()],
            "the commits of a group are on one broker: while it is down the group reads nothing, and with its \
             disk the commits are gone",
            &[
                "scenarios/basics/coordinator-crash.json",
                "cluster.config.offsets.topic.replication.factor=1",
                "expect.longest_read_stall.max=15s",
            ],
        );
    }
    created(&mut found);
    expiry(&mut found, plan);
    for Ignored { path, value, harm } in &plan.ignored {
        let Some(harm) = harm else { continue };
        let key = path.split_once(".config.").map_or(path.as_str(), |(_, key)| key);
        let weight = if LIMITS.contains(&key) { Weight::Trap } else { Weight::Open };
        let says = format!("it could break {}: {}", harm.breaks.join(", "), harm.why);
        found.put(key, weight, &[format!("{path}={value}")], &says, None);
    }
    found.traps.sort_by_key(|one| one.weight);
    found.traps
}

/// What is not modelled and takes records away, whatever else is set.
const LIMITS: &[&str] = &["group.max.size", "max.connections", "max.connections.per.ip"];

struct Found<'f> {
    files: &'f Files,
    version: KafkaVersion,
    traps: Vec<Trap>,
}

impl Found<'_> {
    /// Whether a file says so: nobody is told of a default of what is put around the files.
    fn has(&self, scope: Scope) -> bool {
        self.files.of(scope).next().is_some()
    }

    /// A trap that a scenario shows; behind the scenario, what is set.
    fn add(&mut self, name: &str, settings: &[String], says: &str, shown_by: &[&str]) {
        self.put(name, Weight::Trap, settings, says, Some(command(shown_by)));
    }

    fn put(
        &mut self,
        name: &str,
        weight: Weight,
        settings: &[String],
        says: &str,
        command: Option<String>,
    ) {
        let settings = settings.iter().map(|one| self.files.whence(one, self.version)).collect();
        let trap = Trap { name: name.to_owned(), weight, settings, says: says.to_owned(), command };
        // One file may be that of several producers.
        if !self.traps.contains(&trap) {
            self.traps.push(trap);
        }
    }
}

fn command(shown_by: &[&str]) -> String {
    let (scenario, sets) = shown_by.split_first().unwrap_or((&"", &[]));
    // One seed need not show it.
    let mut words = vec!["ackproof", "run", scenario, "--seeds", "0..8"];
    for set in sets {
        words.extend(["--set", set]);
    }
    quoted(&words.into_iter().map(str::to_owned).collect::<Vec<_>>())
}

fn acknowledgement(found: &mut Found<'_>, producer: &Producer) {
    let setting =
        |key: &str, value: &str| format!("producers.{}.config.{key}={value}", producer.name);
    let acks = producer.config.word("acks");
    match acks {
        "0" => found.add(
            "acks-zero",
            &[setting("acks", acks)],
            "nobody asks whether a record arrived: what is sent to a dead or deposed leader is gone without an \
             error",
            &["scenarios/footguns/acks-zero.json"],
        ),
        "1" => found.add(
            "acks-one",
            &[setting("acks", acks)],
            "the leader acknowledges before its followers have the record: it is gone when the leader dies",
            &["scenarios/footguns/acks-one-leader-crash.json"],
        ),
        _ => {}
    }
    if acks != "0" && !producer.config.switch("enable.idempotence") && retries(producer) > 0 {
        found.add(
            "no-idempotence",
            &[setting("enable.idempotence", "false")],
            "a record is written twice when the answer is lost and it is sent again; acks below all and \
             retries=0 switch idempotence off without a word",
            &["scenarios/footguns/no-idempotence-retry.json"],
        );
    }
}

/// Whether brokers forget an idempotent producer before it sends again (R6.35).
fn forgotten(found: &mut Found<'_>, producer: &Producer, plan: &Plan) {
    let Some(after) = may_forget(plan, (producer.topic, &producer.config)) else { return };
    if !found.has(Scope::Broker) && !found.has(Scope::Producer) {
        return;
    }
    let waits = producer.config.number("delivery.timeout.ms");
    found.add(
        "producer-expired",
        &[
            format!("cluster.config.producer.id.expiration.ms={after}"),
            format!("producers.{}.config.delivery.timeout.ms={waits}", producer.name),
        ],
        "a broker forgets an idempotent producer before its retry comes, and writes the same records again",
        &["scenarios/footguns/producer-expired.json"],
    );
}

/// Whether one replica may acknowledge alone. A file of a producer does not say what its topic is.
fn alone(found: &mut Found<'_>, producer: &Producer, topic: &Topic) {
    let cluster = found.has(Scope::Topic) || found.has(Scope::Broker);
    let acks = producer.config.word("acks");
    let alone = topic.min_insync_replicas() == 1 && topic.replication_factor > 1;
    if acks != "all" || !alone || !cluster && !found.has(Scope::Producer) {
        return;
    }
    let settings = [
        format!("producers.{}.config.acks={acks}", producer.name),
        format!("topics.{}.config.min.insync.replicas=1", topic.name),
    ];
    let says = "with acks=all the last replica in sync acknowledges alone: the record is gone with its disk, or \
                when another replica may lead, as in this scenario";
    let weight = if cluster { Weight::Trap } else { Weight::Depends };
    let shown = command(&["scenarios/footguns/unclean-election.json"]);
    found.put("min-insync-one", weight, &settings, says, Some(shown));
}

fn retries(producer: &Producer) -> i64 {
    producer.config.number("retries")
}

/// From the end of a session to the acknowledgement of what waited: a new leader, a refresh of metadata and a
/// back-off.
const FAILOVER: Micros = Micros::from_secs(3);

/// Whether a producer gives up before a dead leader is succeeded.
fn patience(found: &mut Found<'_>, producer: &Producer, plan: &Plan) {
    let waits = producer.config.millis("delivery.timeout.ms");
    let session = plan.main().config.millis("broker.session.timeout.ms");
    if waits >= session + FAILOVER {
        return;
    }
    let shown = producer.config.number("delivery.timeout.ms").to_string();
    found.add(
        "delivery-timeout-short",
        &[
            format!("producers.{}.config.delivery.timeout.ms={shown}", producer.name),
            format!("cluster.config.broker.session.timeout.ms={}", session.as_millis()),
        ],
        "a producer gives up before a dead leader is succeeded: its records fail with every crash of a leader",
        &[
            "scenarios/basics/leader-crash.json",
            "producers.billing.config.request.timeout.ms=2000",
            "producers.billing.config.delivery.timeout.ms=6000",
            "expect.failed.max=0",
        ],
    );
}

/// `ProducerBatch#split` knows `batch.size` only (R6.12, KAFKA-8350).
fn batch(found: &mut Found<'_>, producer: &Producer, topic: &Topic) {
    let (filled, taken) =
        (producer.config.number("batch.size"), topic.config.number("max.message.bytes"));
    if filled <= taken {
        return;
    }
    found.add(
        "batch-too-large",
        &[
            format!("producers.{}.config.batch.size={filled}", producer.name),
            format!("topics.{}.config.max.message.bytes={taken}", topic.name),
        ],
        "a full batch is refused by the broker, split by batch.size into itself, and refused again until \
         delivery.timeout.ms is over (without compression)",
        &[
            "scenarios/basics/flush-at-end.json",
            "topics.payments.config.max.message.bytes=2000",
            "producers.script.config.delivery.timeout.ms=31000",
        ],
    );
}

fn size(found: &mut Found<'_>, producer: &Producer, topic: &Topic) {
    let (sent, taken) =
        (producer.config.number("max.request.size"), topic.config.number("max.message.bytes"));
    if sent <= taken {
        return;
    }
    found.add(
        "record-too-large",
        &[
            format!("producers.{}.config.max.request.size={sent}", producer.name),
            format!("topics.{}.config.max.message.bytes={taken}", topic.name),
        ],
        "the producer takes records that the broker refuses: they fail, and nobody sends them again",
        &[
            "scenarios/basics/leader-crash.json",
            "topics.payments.config.max.message.bytes=100",
            "expect.failed.max=0",
        ],
    );
}

fn replicas(found: &mut Found<'_>, topic: &Topic) {
    let (factor, least) = (topic.replication_factor, topic.min_insync_replicas());
    let setting = |key: &str, value: u16| format!("topics.{}.{key}={value}", topic.name);
    if factor == 1 {
        found.add(
            "one-replica",
            &[setting("replication.factor", factor)],
            "a partition has one replica: while its broker is down nothing is written or read, and with its disk \
             everything is gone",
            &[
                "scenarios/basics/leader-crash.json",
                "topics.payments.replication.factor=1",
                "topics.payments.config.min.insync.replicas=1",
                "expect.longest_stall.max=15s",
            ],
        );
    } else if least == factor {
        let stated = topic.config.number("min.insync.replicas");
        found.add(
            "min-insync-all",
            &[
                format!("topics.{}.config.min.insync.replicas={stated}", topic.name),
                setting("replication.factor", factor),
            ],
            "every replica must be in sync: while one broker is down, nothing is written",
            &[
                "scenarios/basics/follower-crash.json",
                "topics.payments.config.min.insync.replicas=3",
                "expect.longest_stall.max=15s",
            ],
        );
    }
    if topic.config.switch("unclean.leader.election.enable") {
        found.add(
            "unclean-election",
            &[format!("topics.{}.config.unclean.leader.election.enable=true", topic.name)],
            "a replica without the latest records may lead: acknowledged records are gone, and groups read other \
             records at the same offsets",
            &["scenarios/footguns/unclean-election.json"],
        );
    }
}

/// A run is short, and what is deployed runs for years: what counts is whether a limit is lower than Kafka's own.
fn retention(found: &mut Found<'_>, topic: &Topic) {
    let version = found.version;
    let is_lower = |key: &&str| {
        let number = topic.config.number(key);
        let usual = find(Scope::Topic, key).map(|setting| setting.default_in(version));
        let longer = |usual| usual < 0 || number < usual;
        number >= 0 && matches!(usual, Some(Preset::Number(usual)) if longer(usual))
    };
    let lower = ["retention.ms", "retention.bytes"].into_iter().filter(is_lower);
    let set = |key| format!("topics.{}.config.{key}={}", topic.name, topic.config.number(key));
    let settings: Vec<String> = lower.map(set).collect();
    if !settings.is_empty() && (found.has(Scope::Topic) || found.has(Scope::Broker)) {
        found.add(
            "short-retention",
            &settings,
            "records are deleted whether they were read or not: a group that is away for longer, or that much behind, \
             never processes them",
            &["scenarios/footguns/retention-overtakes.json"],
        );
    }
}

/// Topics that nobody creates by hand have as many replicas as the broker's file says.
fn created(found: &mut Found<'_>) {
    const KEY: &str = "default.replication.factor";
    let broker = |key| found.files.find(Scope::Broker, "", key);
    let off = broker("auto.create.topics.enable")
        .is_some_and(|(_, entry)| entry.value.trim().eq_ignore_ascii_case("false"));
    if !found.has(Scope::Broker) || off || broker(KEY).is_some() {
        return;
    }
    found.add(
        "created-with-one-replica",
        &[
            format!("cluster.config.{KEY}=1"),
            "cluster.config.auto.create.topics.enable=true".to_owned(),
        ],
        "a topic that is created by its first record has one replica",
        &[
            "scenarios/basics/leader-crash.json",
            "topics.payments.replication.factor=1",
            "topics.payments.config.min.insync.replicas=1",
            "expect.longest_stall.max=15s",
        ],
    );
}

/// Whether commits are forgotten sooner than Kafka does by default (R9.37).
fn expiry(found: &mut Found<'_>, plan: &Plan) {
    const KEY: &str = "offsets.retention.minutes";
    let minutes = plan.main().config.number(KEY);
    let usual = find(Scope::Broker, KEY).map(|setting| setting.default_in(found.version));
    let is_shorter = matches!(usual, Some(Preset::Number(usual)) if minutes < usual);
    if !is_shorter || !found.has(Scope::Broker) {
        return;
    }
    found.add(
        "offsets-expire",
        &[format!("cluster.config.{KEY}={minutes}")],
        "a group that is down for longer loses its commits: it starts as auto.offset.reset says, and skips what \
         it has not read, or reads everything again",
        &["scenarios/footguns/offsets-expired.json"],
    );
}

fn group(found: &mut Found<'_>, group: &Group) {
    nameless(found, group);
    let name = &group.name;
    if group.config.word("auto.offset.reset") == "latest" {
        found.add(
            "reset-latest",
            &[format!("groups.{name}.config.auto.offset.reset=latest")],
            "a group without a commit starts at the end: what was written before its first position, or before \
             it came back after its commits expired, is never processed",
            &["scenarios/footguns/reset-latest-skips.json"],
        );
    }
    let reset = group.config.word("auto.offset.reset");
    if reset.starts_with(OffsetReset::BY_DURATION) {
        found.add(
            "reset-by-duration",
            &[format!("groups.{name}.config.auto.offset.reset={reset}")],
            "a group without a commit starts where that duration begins: what is older when it finds its first \
             position, or when it comes back after its commits expired, is never processed",
            &["scenarios/footguns/reset-by-duration.json"],
        );
    }
    let shared = group.config.text("group.instance.id").filter(|id| !id.contains("{member}"));
    if let Some(id) = shared {
        found.add(
            "shared-instance-id",
            &[format!("groups.{name}.config.group.instance.id={id}")],
            shared_id(group),
            &[
                "scenarios/basics/static-members.json",
                "groups.ledger.config.group.instance.id=pod",
                "expect.group-exclusive=may-violate",
                "expect.duplicate_rate.max=0.01",
            ],
        );
    }
    if group.commit == CommitStrategy::Auto && is_consumer(group) {
        found.add(
            "background-commit",
            &[
                format!("groups.{name}.config.group.protocol=consumer"),
                format!("groups.{name}.commit={}", group.commit.name()),
            ],
            "the client commits in the background, and may cover records that the application has not processed: \
             a crash skips them",
            &["scenarios/footguns/revocation-commit-sent-again.json"],
        );
    }
    if group.commit.is_automatic() {
        let shown = command(&["scenarios/footguns/auto-commit-hand-off.json"]);
        found.put(
            "auto-commit",
            Weight::Depends,
            &[format!("groups.{name}.commit={}", group.commit.name())],
            "safe only if the application has processed a batch before it polls again: with worker threads a \
             crash skips what waits for them",
            Some(shown),
        );
    } else {
        let shown = command(&["scenarios/footguns/commit-before-processing.json"]);
        found.put(
            "commit-by-hand",
            Weight::Depends,
            &[format!("groups.{name}.commit={}", group.commit.name())],
            "safe only if the application commits after it has processed: a commit before that skips records in \
             a crash",
            Some(shown),
        );
    }
}

fn is_consumer(group: &Group) -> bool {
    group.config.word("group.protocol") == "consumer"
}

/// R8.19.
fn nameless(found: &mut Found<'_>, group: &Group) {
    let file = found.files.of(Scope::Consumer).find(|file| file.name == group.name);
    let id = file.and_then(|file| file.entry("group.id"));
    if file.is_some() && id.is_none_or(|entry| entry.value.trim().is_empty()) {
        found.put(
            "no-group-id",
            Weight::Depends,
            &[format!("groups.{}.config.auto.offset.reset={}", group.name, group.config.word("auto.offset.reset"))],
            "the file has no group.id: unless the application sets one, subscribe() and every commit throw \
             InvalidGroupIdException, and a consumer that calls assign() begins each time where \
             auto.offset.reset says",
            Some(command(&["scenarios/basics/no-group-id.json"])),
        );
    }
}

/// R9.14, R9.30.
fn shared_id(group: &Group) -> &'static str {
    if is_consumer(group) {
        "all members that read this file have the same id: while one is in the group, poll() of every other one \
         throws UNRELEASED_INSTANCE_ID"
    } else {
        "all members that read this file have the same id: each that joins fences the one before, whose \
         poll() throws FENCED_INSTANCE_ID"
    }
}
