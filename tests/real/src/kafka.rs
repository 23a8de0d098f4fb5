//! How Kafka's programs are configured and started: from a plan, key by key, to the files and arguments of
//! brokers, controllers, producers and consumers. It starts nothing.

use crate::process::Launch;
use ackproof_scenario::plan::{Plan, Producer, SettingValue, Settings, Topic};
use ackproof_types::KafkaVersion;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Controllers of a cluster.
pub(crate) const CONTROLLERS: u16 = 3;
/// The identifier that every cluster has.
pub(crate) const CLUSTER: &str = "YWNrcHJvb2YtcmVhbC0wMQ";
/// Where brokers listen.
const PORT: u16 = 9092;
/// Where controllers listen.
const CONTROLLER_PORT: u16 = 9093;

/// The version of the artifacts in `jars`, by the name of the clients'.
pub(crate) fn version(jars: &Path) -> Option<String> {
    let names = std::fs::read_dir(jars)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut versions = names.filter_map(|name| {
        Some(name.strip_prefix("kafka-clients-")?.strip_suffix(".jar")?.to_owned())
    });
    versions.next()
}

/// The line of the artifacts in `jars`.
pub(crate) fn line(jars: &Path) -> Option<KafkaVersion> {
    let version = version(jars)?;
    let mut parts = version.split('.');
    KafkaVersion::of(&format!("{}.{}", parts.next()?, parts.next()?))
}

/// The option of a tool for its properties: KIP-1147 gave all tools one name, and `old` is deprecated.
pub(crate) fn command_config(line: KafkaVersion, old: &'static str) -> &'static str {
    if line >= KafkaVersion::V4_2 { "--command-config" } else { old }
}

/// `node.id` of the controller `number`, from 1.
pub(crate) fn controller_id(number: u16) -> u16 {
    100 + number
}

/// Addresses of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    /// Of brokers, from 1.
    pub(crate) brokers: Vec<String>,
    /// Of controllers, from 1.
    pub(crate) controllers: Vec<String>,
}

impl Addresses {
    /// `bootstrap.servers`.
    pub(crate) fn bootstrap(&self) -> String {
        let all = self.brokers.iter().map(|address| format!("{address}:{PORT}"));
        all.collect::<Vec<_>>().join(",")
    }

    fn voters(&self) -> String {
        let all = (1..).zip(&self.controllers).map(|(number, address)| {
            format!("{}@{address}:{CONTROLLER_PORT}", controller_id(number))
        });
        all.collect::<Vec<_>>().join(",")
    }
}

/// What a server of the cluster is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// A broker by its number, from 1.
    Broker(u16),
    /// A controller by its number, from 1.
    Controller(u16),
}

/// The values of `settings` as lines of a properties file.
pub(crate) fn lines(settings: &Settings) -> String {
    let mut text = String::new();
    // Which roles a process has, the harness says.
    for (key, value) in settings.0.iter().filter(|(key, _)| **key != "process.roles") {
        let _ = match value {
            SettingValue::Number(number) => writeln!(text, "{key}={number}"),
            SettingValue::Switch(on) => writeln!(text, "{key}={on}"),
            SettingValue::Word(word) => writeln!(text, "{key}={word}"),
        };
    }
    text
}

/// The properties of `server`, whose data is in the folder `data`.
pub(crate) fn server(server: Server, plan: &Plan, addresses: &Addresses, data: &Path) -> String {
    let (role, id, listener, address, port) = match server {
        Server::Broker(id) => {
            ("broker", id, "PLAINTEXT", &addresses.brokers[usize::from(id) - 1], PORT)
        }
        Server::Controller(number) => (
            "controller",
            controller_id(number),
            "CONTROLLER",
            &addresses.controllers[usize::from(number) - 1],
            CONTROLLER_PORT,
        ),
    };
    let mut text = format!(
        "process.roles={role}\nnode.id={id}\ncontroller.quorum.voters={}\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
         listeners={listener}://{address}:{port}\nlog.dirs={}\n\
         # Indexes are made at full size, some for each of the partitions.\n\
         log.index.size.max.bytes=1048576\n",
        addresses.voters(),
        data.display()
    );
    if let Server::Broker(id) = server {
        if let Some(rack) = plan.main().racks.get(usize::from(id) - 1) {
            let _ = writeln!(text, "broker.rack={rack}");
        }
        let _ = writeln!(text, "advertised.listeners=PLAINTEXT://{address}:{port}");
        text.push_str("inter.broker.listener.name=PLAINTEXT\n");
    }
    text + &lines(&plan.main().config)
}

/// The properties of a server that is broker and controller in one, alone, on loopback.
pub(crate) fn alone(clients: u16, controllers: u16, data: &Path) -> String {
    format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controllers}\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
         listeners=PLAINTEXT://127.0.0.1:{clients},CONTROLLER://127.0.0.1:{controllers}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{clients}\nlog.dirs={}\n\
         offsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n",
        data.display()
    )
}

/// Formats the data folder of the server with this properties `file`, with the levels of features that the plan
/// has: those of its `metadata.version`, whatever line runs.
pub(crate) fn format_storage(file: &Path, plan: &Plan) -> Launch {
    let file = file.display().to_string();
    let level = plan.features.metadata_version.metadata_version();
    let eligible =
        format!("eligible.leader.replicas.version={}", plan.features.eligible_leader_replicas);
    let mut arguments = vec!["format", "-t", CLUSTER, "-c", &file, "--release-version", level];
    // 4.0 has no such feature to name.
    if plan.features.eligible_leader_replicas > 0 {
        arguments.extend(["--feature", &eligible]);
    }
    let arguments = arguments.into_iter().map(str::to_owned).collect();
    Launch { main: "kafka.tools.StorageTool".to_owned(), arguments, heap: 64 }
}

/// Starts the server with this properties `file`.
pub(crate) fn start_server(server: Server, file: &Path) -> Launch {
    let heap = match server {
        Server::Broker(_) => 320,
        Server::Controller(_) => 160,
    };
    Launch { main: "kafka.Kafka".to_owned(), arguments: vec![file.display().to_string()], heap }
}

/// Prints the records of a segment of the metadata log.
pub(crate) fn dump_metadata(segment: &Path, line: KafkaVersion) -> Launch {
    let arguments = ["--cluster-metadata-decoder", "--files"].map(str::to_owned);
    let package = if line >= KafkaVersion::V4_3 { "org.apache.kafka" } else { "kafka" };
    Launch {
        main: format!("{package}.tools.DumpLogSegments"),
        arguments: [arguments.as_slice(), &[segment.display().to_string()]].concat(),
        heap: 128,
    }
}

/// The settings of the topic `number` as the observer takes them: `key=value,…`.
pub(crate) fn topic_settings(number: u16, topic: &Topic) -> String {
    let mut text = lines(&topic.config);
    // Number 0 is the topic of committed offsets, as `GroupCoordinator#groupMetadataTopicConfigs` wants it.
    if number == 0 {
        text.push_str("cleanup.policy=compact\ncompression.type=producer\n");
    }
    text.trim_end().replace('\n', ",")
}

/// The replicas of each partition of the topic `number`, where the simulator places them: who leads what
/// decides what a fault hits, and Kafka's own placement begins at a broker by chance.
pub(crate) fn placement(number: u16, topic: &Topic, brokers: u16) -> String {
    let replicas = |partition: u16| {
        let nth = |nth: u16| ((partition + number + nth) % brokers + 1).to_string();
        let all = (0..topic.replication_factor.min(brokers)).map(nth);
        all.collect::<Vec<_>>().join(",")
    };
    (0..topic.partitions).map(replicas).collect::<Vec<_>>().join(";")
}

/// The properties file of a producer.
pub(crate) fn producer_properties(producer: &Producer) -> String {
    lines(&producer.config)
}

/// Options of a program with their values, and switches.
pub(crate) fn arguments(pairs: BTreeMap<&str, String>, switches: &[&str]) -> Vec<String> {
    let pairs = pairs.into_iter().flat_map(|(name, value)| [name.to_owned(), value]);
    pairs.chain(switches.iter().map(|name| (*name).to_owned())).collect()
}

/// Starts an instance of `producer` whose values begin with `prefix`.
pub(crate) fn start_producer(
    producer: &Producer,
    plan: &Plan,
    prefix: usize,
    (line, bootstrap): (KafkaVersion, &str),
    properties: &Path,
) -> Launch {
    let rate = 1_000_000 / producer.interval.0.max(1);
    let acks = match producer.config.word("acks") {
        "all" => "-1",
        other => other,
    };
    let mut pairs = BTreeMap::from([
        ("--bootstrap-server", bootstrap.to_owned()),
        ("--topic", plan.topics[producer.topic.index()].name.clone()),
        ("--throughput", rate.to_string()),
        ("--acks", acks.to_owned()),
        ("--value-prefix", prefix.to_string()),
        (command_config(line, "--producer.config"), properties.display().to_string()),
    ]);
    if producer.keys > 0 {
        pairs.insert("--repeating-keys", producer.keys.to_string());
    }
    if let Some(records) = producer.records {
        pairs.insert("--max-messages", records.to_string());
    }
    let main = "org.apache.kafka.tools.VerifiableProducer".to_owned();
    Launch { main, arguments: arguments(pairs, &[]), heap: 96 }
}

/// How every JVM logs: what matters, to standard error.
pub(crate) const LOGGING: &str = r#"<Configuration status="ERROR">
  <Appenders>
    <Console name="stderr" target="SYSTEM_ERR">
      <PatternLayout pattern="%d{UNIX_MILLIS} %p %c{1} %m%n"/>
    </Console>
  </Appenders>
  <Loggers>
    <Root level="WARN"><AppenderRef ref="stderr"/></Root>
    <Logger name="kafka" level="INFO"/>
    <Logger name="org.apache.kafka.clients" level="INFO"/>
    <Logger name="org.apache.kafka.clients.admin" level="OFF"/>
    <Logger name="org.apache.kafka.clients.producer.ProducerConfig" level="WARN"/>
    <Logger name="org.apache.kafka.clients.consumer.ConsumerConfig" level="WARN"/>
    <Logger name="org.apache.kafka.coordinator.group" level="INFO"/>
    <Logger name="org.apache.kafka.controller" level="INFO"/>
    <Logger name="org.apache.kafka.raft" level="WARN"/>
    <Logger name="kafka.server.KafkaConfig" level="WARN"/>
  </Loggers>
</Configuration>
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use ackproof::world::document::load;

    fn plan() -> Plan {
        let text = r#"{
            "name": "x",
            "cluster": { "racks": ["a", "b", "c"], "config": { "broker.session.timeout.ms": 12000 } },
            "topics": { "payments": { "partitions": 2, "config": { "min.insync.replicas": 2 } } },
            "producers": { "billing": { "rate": "40/s", "keys": 7, "config": { "acks": "1" } } },
            "groups": { "ledger": { "config": { "session.timeout.ms": 10000 } } }
        }"#;
        load(text, "x.json", &[]).unwrap().0
    }

    fn addresses() -> Addresses {
        let of = |numbers: [u8; 3]| numbers.map(|number| format!("10.77.0.{number}")).to_vec();
        Addresses { brokers: of([1, 2, 3]), controllers: of([4, 5, 6]) }
    }

    #[test]
    fn servers_get_the_settings_of_the_plan() {
        let (plan, addresses) = (plan(), addresses());
        let broker = server(Server::Broker(2), &plan, &addresses, Path::new("/d"));
        let has = |text: &str, line: &str| text.lines().any(|one| one == line);
        assert!(has(&broker, "node.id=2") && has(&broker, "listeners=PLAINTEXT://10.77.0.2:9092"));
        assert!(has(&broker, "broker.session.timeout.ms=12000"), "of the scenario: {broker}");
        assert!(has(&broker, "replica.lag.time.max.ms=30000"), "a default: {broker}");
        assert!(has(&broker, "broker.rack=b"), "{broker}");
        let voters = "101@10.77.0.4:9093,102@10.77.0.5:9093,103@10.77.0.6:9093";
        assert!(has(&broker, &format!("controller.quorum.voters={voters}")));
        let controller = server(Server::Controller(3), &plan, &addresses, Path::new("/d"));
        assert!(has(&controller, "node.id=103") && has(&controller, "process.roles=controller"));
        assert!(has(&controller, "broker.session.timeout.ms=12000"), "it decides on sessions");
        assert!(!controller.contains("advertised.listeners"));
    }

    #[test]
    fn programs_are_called_as_their_line_has_them() {
        let plan = plan();
        let format = format_storage(Path::new("/f"), &plan).arguments.join(" ");
        assert!(format.ends_with("-c /f --release-version 4.0-IV3"), "{format}");
        let main = |line| dump_metadata(Path::new("/s"), line).main;
        assert_eq!(main(KafkaVersion::V4_2), "kafka.tools.DumpLogSegments");
        assert_eq!(main(KafkaVersion::V4_4), "org.apache.kafka.tools.DumpLogSegments");
        let option = |line| command_config(line, "--producer.config");
        assert_eq!(option(KafkaVersion::V4_0), "--producer.config");
        assert_eq!(option(KafkaVersion::V4_4), "--command-config");
    }

    #[test]
    fn the_line_is_that_of_the_artifacts() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(line(folder.path()), None);
        std::fs::write(folder.path().join("kafka-clients-4.4.0.jar"), "").unwrap();
        assert_eq!(version(folder.path()).as_deref(), Some("4.4.0"));
        assert_eq!(line(folder.path()), Some(KafkaVersion::V4_4));
    }

    #[test]
    fn clients_get_the_settings_of_the_plan() {
        let (plan, bootstrap) = (plan(), addresses().bootstrap());
        assert_eq!(bootstrap, "10.77.0.1:9092,10.77.0.2:9092,10.77.0.3:9092");
        let by = (KafkaVersion::V4_0, bootstrap.as_str());
        let launch = start_producer(&plan.producers[0], &plan, 3, by, Path::new("/p"));
        let told = launch.arguments.join(" ");
        for part in [
            "--producer.config /p",
            "--acks 1",
            "--throughput 40",
            "--repeating-keys 7",
            "--value-prefix 3",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        let mut safe = plan.producers[0].clone();
        safe.config.0.insert("acks", SettingValue::Word("all".to_owned()));
        let launch = start_producer(&safe, &plan, 3, by, Path::new("/p"));
        assert!(launch.arguments.join(" ").contains("--acks -1"), "the tool knows no all");
        let properties = producer_properties(&plan.producers[0]);
        assert!(
            properties.contains("enable.idempotence=false\n"),
            "as Kafka decides: {properties}"
        );
        assert!(properties.contains("retries=2147483647\n"), "the tool's own is 0: {properties}");
        assert_eq!(placement(1, &plan.topics[1], 3), "2,3,1;3,1,2", "as the simulator places them");
        let settings = topic_settings(1, &plan.topics[1]);
        assert!(settings.split(',').any(|one| one == "min.insync.replicas=2"), "{settings}");
    }
}
