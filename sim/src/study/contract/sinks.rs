//! What the configuration promises of a group's sink, and what it leaves possible.

use super::possible;
use ackproof_oracle::cause::SinkCause;
use ackproof_reports::contract::{Clause, Contract};
use ackproof_reports::run::Fate;
use ackproof_scenario::plan::{Group, Plan};
use ackproof_types::{MemoryIn, SinkConfig, SinkWrites};

/// Adds the clauses of the group's sink.
pub(super) fn sink(contract: &mut Contract, plan: &Plan, group: &Group) {
    let Some(sink) = group.sink else { return };
    let name = &group.name;
    let ways = ways(plan, group, sink);
    for (cause, says, key) in &ways {
        let settings = vec![format!("groups.{name}.{key}")];
        let causes = std::iter::once(cause.name());
        let clause = Clause { says: format!("{says} in the sink of {name}"), settings };
        contract.possible.push(possible(Fate::Sink, Some(name), causes, clause));
    }
    let says = match sink.writes {
        SinkWrites::Append => return,
        _ if !ways.is_empty() => return,
        SinkWrites::OncePerRecord | SinkWrites::OncePerOffset => {
            format!("a record that {name} processes takes effect in its sink once")
        }
        SinkWrites::WithPosition | SinkWrites::ThenPosition => {
            format!("a record at an offset takes effect in the sink of {name} once")
        }
        SinkWrites::Upsert | SinkWrites::UpsertIfNewer => {
            format!("each row in the sink of {name} holds the last value that it came to")
        }
    };
    let settings = vec![format!("groups.{name}.sink.writes={}", sink.writes)];
    contract.promises.push(Clause { says, settings });
}

/// Whether the sink of some group may hold what it should not.
pub(super) fn may_be_wrong(plan: &Plan) -> bool {
    plan.groups
        .iter()
        .any(|group| group.sink.is_some_and(|sink| !ways(plan, group, sink).is_empty()))
}

/// In which ways it may, with the key responsible.
fn ways(plan: &Plan, group: &Group, sink: SinkConfig) -> Vec<(SinkCause, &'static str, String)> {
    let writes = || format!("sink.writes={}", sink.writes);
    let mut ways = Vec::new();
    if sink.writes.deduplicates() {
        if let Some(memory) = sink.memory {
            let says = "a record that is processed again after that many rows takes effect again";
            ways.push((SinkCause::Forgotten, says, format!("sink.memory={memory}")));
        }
        if sink.memory_in == MemoryIn::Member {
            let says = "a record that another process has processed takes effect again";
            ways.push((SinkCause::MemberMemory, says, "sink.memory_in=member".to_owned()));
        }
    }
    let unclean = group
        .topics
        .iter()
        .any(|topic| plan.topics[topic.index()].config.switch("unclean.leader.election.enable"));
    if sink.writes == SinkWrites::ThenPosition {
        let says = "a record whose row is written and whose position is not takes effect again";
        ways.push((SinkCause::PositionApart, says, writes()));
    }
    match sink.writes {
        SinkWrites::OncePerOffset | SinkWrites::WithPosition | SinkWrites::ThenPosition => {
            let says = "a record that its producer wrote twice takes effect twice";
            ways.push((SinkCause::LogDuplicate, says, writes()));
            if unclean {
                let says = "a record at an offset that was used before takes no effect";
                ways.push((SinkCause::OffsetReused, says, writes()));
            }
        }
        SinkWrites::Upsert => {
            let says = "a member that works on after it has lost a partition leaves an older value";
            ways.push((SinkCause::StaleOverwrite, says, writes()));
        }
        SinkWrites::Append | SinkWrites::OncePerRecord | SinkWrites::UpsertIfNewer => {}
    }
    if sink.writes.by_key() && unclean {
        let says = "the value of a record that was cut from the log stays";
        ways.push((SinkCause::NotInLog, says, writes()));
    }
    ways
}
