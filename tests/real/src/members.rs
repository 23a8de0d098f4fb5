//! How the members of groups are configured and started: Kafka's VerifiableConsumer, and the harness's own client
//! (`tests/real/java/Member.java`) where records take time to process or a member stops polling. It starts nothing.

use crate::kafka::{arguments, command_config, lines};
use crate::process::Launch;
use ackproof_scenario::plan::{Action, Group, Plan, SettingValue, Settings, Target};
use ackproof_types::{CommitStrategy, Hold, KafkaVersion, Micros};
use std::collections::BTreeMap;
use std::path::Path;

/// The source of the harness's own client.
pub(crate) const SOURCE: &str = include_str!("../java/Member.java");
/// Longest processing time that counts as none.
const AT_ONCE: Micros = Micros::from_millis(1);

/// What the client of one protocol refuses though the plan has a value for it
/// (Kafka: `ConsumerConfig#checkUnsupportedConfigsPostProcess`).
const CLASSIC_ONLY: [&str; 3] =
    ["heartbeat.interval.ms", "session.timeout.ms", "partition.assignment.strategy"];
const CONSUMER_ONLY: [&str; 1] = ["group.remote.assignor"];

/// A member that is to start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'a> {
    /// Its plan.
    pub(crate) plan: &'a Plan,
    /// Its group, by index.
    pub(crate) group: u16,
    /// Its number in the group.
    pub(crate) number: u16,
    /// The run's time.
    pub(crate) now: Micros,
}

/// Whether the members of a group are the harness's own clients.
pub(crate) fn is_own(plan: &Plan, group: u16) -> bool {
    let stalls = |target: Target| match target {
        Target::Member(of, _) | Target::AnyMember(of) => of == group,
        _ => false,
    };
    let mut kinds = plan.faults.iter().flat_map(|fault| &fault.choices).map(|(_, kind)| kind);
    let is_slow = plan.groups[usize::from(group)].process.max > AT_ONCE;
    is_slow || kinds.any(|kind| kind.action == Action::Hold(Hold::Poll) && stalls(kind.target))
}

impl<'a> Member<'a> {
    fn group(&self) -> &'a Group {
        &self.plan.groups[usize::from(self.group)]
    }

    /// The settings that it starts with now: the group's, or those of the last deploy.
    fn settings(&self) -> &'a Settings {
        let deployed = self.group().deploys.iter().rev().find(|(from, _)| *from <= self.now);
        deployed.map_or(&self.group().config, |(_, settings)| settings)
    }

    fn commits_itself(&self) -> bool {
        self.group().commit == CommitStrategy::Auto
    }

    /// Its properties file.
    pub(crate) fn properties(&self, bootstrap: &str) -> String {
        let mut settings = self.settings().clone();
        let refused: &[&str] = if is_consumer(&settings) { &CLASSIC_ONLY } else { &CONSUMER_ONLY };
        settings.0.retain(|key, _| !refused.contains(key));
        for value in settings.0.values_mut() {
            if let SettingValue::Word(word) = value {
                *word = word.replace("{member}", &self.number.to_string());
            }
        }
        settings.0.insert("enable.auto.commit", SettingValue::Switch(self.commits_itself()));
        let name = &self.group().name;
        lines(&settings) + &format!("group.id={name}\nbootstrap.servers={bootstrap}\n")
    }

    /// Starts it with its properties `file`. The harness's own client is a class in the folder `classes`, and
    /// does not poll while `stall` is there.
    pub(crate) fn start(
        &self,
        (line, bootstrap): (KafkaVersion, &str),
        file: &Path,
        stall: &Path,
    ) -> Launch {
        let (group, settings) = (self.group(), self.settings());
        let topic = self.plan.topics[group.topics[0].index()].name.clone();
        if is_own(self.plan, self.group) {
            let process = group.process;
            let arguments = vec![
                file.display().to_string(),
                topic,
                process.min.0.to_string(),
                process.max.0.to_string(),
                stall.display().to_string(),
            ];
            return Launch { main: "Member".to_owned(), arguments, heap: 96 };
        }
        let mut pairs = BTreeMap::from([
            ("--bootstrap-server", bootstrap.to_owned()),
            ("--topic", topic),
            ("--group-id", group.name.clone()),
            ("--group-protocol", settings.word("group.protocol").to_owned()),
            ("--reset-policy", settings.word("auto.offset.reset").to_owned()),
            (command_config(line, "--consumer.config"), file.display().to_string()),
        ]);
        if is_consumer(settings) {
            let assignor = settings.text("group.remote.assignor").map(str::to_owned);
            pairs.extend(assignor.map(|name| ("--group-remote-assignor", name)));
        } else {
            let session = settings.number("session.timeout.ms").to_string();
            let assignors = settings.word("partition.assignment.strategy").to_owned();
            pairs.extend([("--session-timeout", session), ("--assignment-strategy", assignors)]);
        }
        let switches: &[&str] = match self.commits_itself() {
            true => &["--verbose", "--enable-autocommit"],
            false => &["--verbose"],
        };
        let main = "org.apache.kafka.tools.VerifiableConsumer".to_owned();
        Launch { main, arguments: arguments(pairs, switches), heap: 96 }
    }
}

fn is_consumer(settings: &Settings) -> bool {
    settings.word("group.protocol") == "consumer"
}

#[cfg(test)]
mod tests {
    use super::*;
    use ackproof::world::document::load;

    fn plan(group: &str, faults: &str) -> Plan {
        let text = format!(
            r#"{{
            "name": "x", "topics": {{ "payments": {{}} }}, "producers": {{ "billing": {{}} }},
            "groups": {{ "ledger": {{ {group} }} }}, "faults": [{faults}]
        }}"#
        );
        load(&text, "x.json", &[]).unwrap().0
    }

    /// The properties and the arguments of `ledger-3` at a time, in seconds.
    fn told(plan: &Plan, line: KafkaVersion, at: u64) -> (String, String) {
        let member = Member { plan, group: 0, number: 3, now: Micros::from_secs(at) };
        let launch = member.start((line, "b:1"), Path::new("/p"), Path::new("/s"));
        (member.properties("b:1"), format!("{} {}", launch.main, launch.arguments.join(" ")))
    }

    #[test]
    fn members_get_the_settings_of_the_plan_under_their_own_number() {
        let group = r#""process": "0ms", "config": {
            "session.timeout.ms": 10000, "group.instance.id": "pod-{member}", "client.rack": "zone-{member}",
            "partition.assignment.strategy": "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"}"#;
        let (properties, told) = told(&plan(group, ""), KafkaVersion::V4_0, 0);
        for line in ["group.instance.id=pod-3", "client.rack=zone-3", "enable.auto.commit=false"] {
            assert!(properties.lines().any(|one| one == line), "{line}: {properties}");
        }
        for part in [
            "VerifiableConsumer ",
            "--session-timeout 10000",
            "--group-id ledger",
            "--verbose",
            "--assignment-strategy org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
            "--consumer.config /p",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!told.contains("--enable-autocommit"));
    }

    #[test]
    fn a_member_of_the_consumer_protocol_is_not_told_what_its_client_refuses() {
        let group = r#""process": "0ms", "commit": "auto", "config": {
            "group.protocol": "consumer", "group.remote.assignor": "range"}"#;
        let (properties, told) = told(&plan(group, ""), KafkaVersion::V4_4, 0);
        for refused in CLASSIC_ONLY {
            assert!(!properties.contains(refused), "{refused}: {properties}");
        }
        for part in [
            "--group-protocol consumer",
            "--group-remote-assignor range",
            "--enable-autocommit",
            "--command-config /p",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!told.contains("--session-timeout") && !told.contains("--assignment-strategy"));
        assert!(properties.contains("enable.auto.commit=true\n"), "{properties}");
    }

    #[test]
    fn members_start_with_what_was_deployed_last() {
        let group = r#""process": "0ms", "deploys": [
            {"at": "20s", "config": {"group.protocol": "consumer"}}]"#;
        let plan = plan(group, "");
        let told = |at| told(&plan, KafkaVersion::V4_4, at).1;
        assert!(told(19).contains("--group-protocol classic"), "{}", told(19));
        assert!(told(20).contains("--group-protocol consumer"), "{}", told(20));
    }

    #[test]
    fn what_the_tool_cannot_do_the_own_client_does() {
        let stall = r#"{"at": "5s", "stall-poll": "ledger-0", "for": "5s"}"#;
        for (group, faults, own) in [
            (r#""process": "0ms""#, "", false),
            (r#""process": "0ms""#, stall, true),
            (r#""process": "2ms..5ms""#, "", true),
        ] {
            let (properties, told) = told(&plan(group, faults), KafkaVersion::V4_4, 0);
            assert_eq!(told.starts_with("Member /p payments "), own, "{told}");
            assert_eq!(told.ends_with(" /s"), own, "{told}");
            assert!(properties.contains("group.id=ledger\nbootstrap.servers=b:1\n"));
        }
    }
}
