//! The tables that Kafka's own tools print of groups and topics, with the same columns and widths. What is not
//! known is `-`, as there.
//!
//! - [`groups`] how the tables of groups look
//!
//! Kafka: `ConsumerGroupCommand#printOffsets`, `#printMembers`, `#printStates`, `TopicCommand.TopicDescription`, `TopicCommand.PartitionDescription`.

mod groups;

use std::fmt::{self, Write};

/// What one of the tools would have printed at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// When, in microseconds.
    pub at: u64,
    /// A block for each cluster.
    pub blocks: Vec<Block>,
    /// What the tool would not have been told, or not at once: for a person, beside the tables.
    pub notes: Vec<String>,
}

/// What it prints of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The name of the cluster; none: the first one.
    pub cluster: Option<String>,
    /// The tables.
    pub tables: Tables,
}

/// Tables of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tables {
    /// Of `kafka-consumer-groups.sh --describe --all-groups`.
    Groups(Details, Vec<GroupTable>),
    /// Of `kafka-topics.sh --describe --exclude-internal`.
    Topics(Vec<TopicTable>),
}

/// What the tool is asked to describe of groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Details {
    /// Their partitions.
    #[default]
    Offsets,
    /// `--members`.
    Members,
    /// `--state`.
    State,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupTable {
    /// Its name.
    pub group: String,
    /// Its state.
    pub state: GroupState,
    /// Who keeps it; none: nobody, or it is not on record.
    pub coordinator: Option<Coordinator>,
    /// Its members.
    pub members: Vec<MemberRow>,
    /// A row for each partition that it owns or committed.
    pub rows: Vec<GroupRow>,
}

/// What the coordinator says of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupState {
    /// It does not know it.
    Missing,
    /// It has no members.
    Empty,
    /// Its members join anew.
    Preparing,
    /// Its members have joined, and wait for their assignment.
    Completing,
    /// Members of a group of the new protocol are on their way to their assignment.
    Reconciling,
    /// It has members.
    Stable,
}

/// A broker that keeps a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coordinator {
    /// Its name.
    pub host: String,
    /// Its number.
    pub id: String,
}

/// A member of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberRow {
    /// Its id.
    pub consumer: Option<String>,
    /// What it is called.
    pub client: String,
    /// How many partitions it owns.
    pub partitions: usize,
}

/// A partition of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupRow {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u16,
    /// The next offset to read, as it was committed.
    pub current: Option<i64>,
    /// How far the log can be read.
    pub end: Option<i64>,
    /// Who owns it.
    pub consumer: Option<String>,
    /// Where that one is.
    pub host: Option<String>,
    /// What that one is called.
    pub client: Option<String>,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicTable {
    /// Its name.
    pub topic: String,
    /// Replicas of each partition.
    pub replication_factor: u16,
    /// Settings that are not the default of Kafka.
    pub configs: Vec<String>,
    /// Its partitions.
    pub partitions: Vec<PartitionRow>,
}

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionRow {
    /// Its number.
    pub partition: u16,
    /// Its replicas; none: it is not on record.
    pub replicas: Option<Replicas>,
}

/// Who has a partition. Brokers bear the numbers of their cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replicas {
    /// Who leads; none: nobody.
    pub leader: Option<String>,
    /// Who has a replica.
    pub all: Vec<String>,
    /// Who is in sync.
    pub isr: Vec<String>,
    /// Who may lead when nobody is in sync, and who led when the last one in sync left; none: it is not on
    /// record.
    pub eligible: Option<(Vec<String>, Vec<String>)>,
}

const UNKNOWN: &str = "-";

/// What is printed; more than one block get a heading each.
#[must_use]
pub fn described(all: &[Described]) -> String {
    let mut text = String::new();
    let alone = matches!(all, [one] if one.blocks.len() == 1);
    for one in all {
        let several = one.blocks.len() > 1;
        for block in &one.blocks {
            if !alone {
                let separator = if text.is_empty() { "" } else { "\n" };
                put(&mut text, format_args!("{separator}{}\n", heading(one.at, block, several)));
            }
            match &block.tables {
                Tables::Groups(details, tables) => {
                    tables.iter().for_each(|one| groups::group(&mut text, *details, one));
                }
                Tables::Topics(tables) => tables.iter().for_each(|one| topic(&mut text, one)),
            }
        }
    }
    text
}

fn heading(at: u64, block: &Block, several: bool) -> String {
    let tool = match block.tables {
        Tables::Groups(Details::Offsets, _) => "kafka-consumer-groups.sh --describe --all-groups",
        Tables::Groups(Details::Members, _) => {
            "kafka-consumer-groups.sh --describe --members --all-groups"
        }
        Tables::Groups(Details::State, _) => {
            "kafka-consumer-groups.sh --describe --state --all-groups"
        }
        Tables::Topics(_) => "kafka-topics.sh --describe --exclude-internal",
    };
    let cluster = match &block.cluster {
        Some(name) => format!(" on cluster {name}"),
        None if several => " on the first cluster".to_owned(),
        None => String::new(),
    };
    format!("# {tool} at {}{cluster}", seconds(at))
}

/// `47s`, `1.25s`.
#[must_use]
pub fn seconds(micros: u64) -> String {
    let fraction = format!("{:06}", micros % 1_000_000);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}s", micros / 1_000_000)
}

fn topic(text: &mut String, table: &TopicTable) {
    let TopicTable { topic, replication_factor, configs, partitions } = table;
    put(
        text,
        format_args!(
            "Topic: {topic}\tTopicId: {UNKNOWN}\tPartitionCount: {}\tReplicationFactor: \
             {replication_factor}\tConfigs: {}\n",
            partitions.len(),
            configs.join(",")
        ),
    );
    for row in partitions {
        let unknown = || [(); 5].map(|()| UNKNOWN.to_owned());
        let [leader, all, isr, elr, last] =
            row.replicas.as_ref().map_or_else(unknown, |replicas| {
                let leader = replicas.leader.clone().unwrap_or_else(|| "none".to_owned());
                let eligible = replicas.eligible.as_ref();
                let [elr, last] = eligible
                    .map_or([(); 2].map(|()| UNKNOWN.to_owned()), |(elr, last)| {
                        [elr.join(","), last.join(",")]
                    });
                [leader, replicas.all.join(","), replicas.isr.join(","), elr, last]
            });
        let number = row.partition;
        put(
            text,
            format_args!(
                "\tTopic: {topic}\tPartition: {number}\tLeader: {leader}\tReplicas: {all}\tIsr: {isr}\t\
                 Elr: {elr}\tLastKnownElr: {last}\n"
            ),
        );
    }
}

fn put(text: &mut String, line: fmt::Arguments<'_>) {
    text.write_fmt(line).expect("a string takes every text");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(partition: u16, (current, end): (i64, i64), consumer: &str) -> GroupRow {
        let client = consumer.split_once('-').map(|(client, _)| client.to_owned());
        GroupRow {
            topic: format!("topic{}", partition % 3 + 1),
            partition,
            current: Some(current),
            end: Some(end),
            consumer: Some(consumer.to_owned()),
            host: Some("/127.0.0.1".to_owned()),
            client,
        }
    }

    fn table(group: &str, state: GroupState, rows: Vec<GroupRow>) -> GroupTable {
        let (group, members) = (group.to_owned(), Vec::new());
        GroupTable { group, state, coordinator: None, members, rows }
    }

    fn printed(tables: Tables) -> String {
        described(&[Described {
            at: 0,
            blocks: vec![Block { cluster: None, tables }],
            notes: Vec::new(),
        }])
    }

    /// The rows are those of Kafka's `docs/ops.html` ("Managing Consumer Groups"), which leaves the name of
    /// the group out: the tool has had it in front since 2.4.
    #[test]
    fn a_group_reads_as_in_the_documentation_of_kafka() {
        let second = "consumer2-e76ea8c3-5d30-4299-9005-47eb41f3d3c4";
        let fourth = "consumer4-117fe4d3-c6c1-4178-8ee9-eb4a3954bee0";
        let rows = vec![row(1, (520_678, 803_288), second), row(2, (243_655, 398_812), fourth)];
        let table = table("my-group", GroupState::Stable, rows);
        let documented = "\
TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG             CONSUMER-ID                                    HOST            CLIENT-ID
topic2          1          520678          803288          282610          consumer2-e76ea8c3-5d30-4299-9005-47eb41f3d3c4 /127.0.0.1      consumer2
topic3          2          243655          398812          155157          consumer4-117fe4d3-c6c1-4178-8ee9-eb4a3954bee0 /127.0.0.1      consumer4";
        let groups = ["GROUP", "my-group", "my-group"];
        let lines = documented.lines().zip(groups);
        let expected: String =
            lines.map(|(line, group)| format!("\n{group:15} {line}")).collect::<String>() + "\n";
        assert_eq!(printed(Tables::Groups(Details::Offsets, vec![table])), expected);
    }

    #[test]
    fn a_group_without_members_says_so_first_and_shows_what_it_committed() {
        let rows = vec![GroupRow {
            topic: "payments".to_owned(),
            current: Some(7),
            end: None,
            ..GroupRow::default()
        }];
        let table = table("ledger", GroupState::Empty, rows);
        let text = printed(Tables::Groups(Details::Offsets, vec![table]));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "Consumer group 'ledger' has no active members.");
        let cells: Vec<&str> = lines[4].split_whitespace().collect();
        assert_eq!(cells, ["ledger", "payments", "0", "7", "-", "-", "-", "-", "-"]);
    }

    #[test]
    fn members_and_states_read_as_those_of_the_tool() {
        let member = |client: &str, partitions| MemberRow {
            consumer: Some(format!("{client}-7")),
            client: client.to_owned(),
            partitions,
        };
        let ledger = GroupTable {
            coordinator: Some(Coordinator { host: "broker-2".to_owned(), id: "2".to_owned() }),
            members: vec![member("ledger-0", 2), member("ledger-1", 1)],
            ..table("ledger", GroupState::Completing, Vec::new())
        };
        let warning = "\nWarning: Consumer group 'ledger' is rebalancing.\n";
        let members = format!(
            "{warning}\n\
             GROUP           CONSUMER-ID     HOST            CLIENT-ID       #PARTITIONS     \n\
             ledger          ledger-0-7      -               ledger-0        2               \n\
             ledger          ledger-1-7      -               ledger-1        1               \n"
        );
        let state = format!(
            "{warning}\n\
             GROUP           COORDINATOR (ID)          ASSIGNMENT-STRATEGY  STATE                #MEMBERS\n\
             ledger          broker-2  (2)             -                    CompletingRebalance  2\n"
        );
        for (details, expected) in [(Details::Members, members), (Details::State, state)] {
            assert_eq!(printed(Tables::Groups(details, vec![ledger.clone()])), expected);
        }
        let missing = table("archive", GroupState::Missing, Vec::new());
        let text = printed(Tables::Groups(Details::State, vec![missing]));
        assert_eq!(text, "\nError: The consumer group 'archive' does not exist.\n");
    }

    /// As in Kafka's `docs/quickstart.html`, and with what later releases added.
    #[test]
    fn a_topic_reads_as_in_the_documentation_of_kafka() {
        let replicas = Replicas {
            leader: Some("0".to_owned()),
            all: vec!["0".to_owned()],
            isr: vec!["0".to_owned()],
            eligible: Some((Vec::new(), vec!["0".to_owned()])),
        };
        let table = TopicTable {
            topic: "quickstart-events".to_owned(),
            replication_factor: 1,
            configs: Vec::new(),
            partitions: vec![
                PartitionRow { partition: 0, replicas: Some(replicas) },
                PartitionRow { partition: 1, replicas: None },
            ],
        };
        let text = printed(Tables::Topics(vec![table]));
        assert_eq!(
            text,
            "Topic: quickstart-events\tTopicId: -\tPartitionCount: 2\tReplicationFactor: 1\tConfigs: \n\
             \tTopic: quickstart-events\tPartition: 0\tLeader: 0\tReplicas: 0\tIsr: 0\tElr: \tLastKnownElr: 0\n\
             \tTopic: quickstart-events\tPartition: 1\tLeader: -\tReplicas: -\tIsr: -\tElr: -\tLastKnownElr: -\n"
        );
    }
}
