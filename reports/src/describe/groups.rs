//! Tables of groups. Kafka: `ConsumerGroupCommand#printOffsets`, `#printMembers`, `#printStates` of 4.0.

use super::{Details, GroupRow, GroupState, GroupTable, UNKNOWN, put};

/// The narrowest column of a name.
const NAME: usize = 15;

/// What the tool prints of a group: first what is to be said of its state, then its table.
pub(super) fn group(text: &mut String, details: Details, table: &GroupTable) {
    let name = &table.group;
    match table.state {
        GroupState::Missing => {
            let what = format_args!("\nError: The consumer group '{name}' does not exist.\n");
            return put(text, what);
        }
        GroupState::Empty => {
            put(text, format_args!("\nConsumer group '{name}' has no active members.\n"));
        }
        GroupState::Preparing | GroupState::Completing | GroupState::Reconciling => {
            put(text, format_args!("\nWarning: Consumer group '{name}' is rebalancing.\n"));
        }
        GroupState::Stable => {}
    }
    match details {
        Details::Offsets => offsets(text, table),
        Details::Members => members(text, table),
        Details::State => state(text, table),
    }
}

fn state(text: &mut String, table: &GroupTable) {
    let coordinator = match &table.coordinator {
        Some(one) => format!("{}  ({})", one.host, one.id),
        None => UNKNOWN.to_owned(),
    };
    let word = match table.state {
        GroupState::Missing => "Dead",
        GroupState::Empty => "Empty",
        GroupState::Preparing => "PreparingRebalance",
        GroupState::Completing => "CompletingRebalance",
        GroupState::Reconciling => "Reconciling",
        GroupState::Stable => "Stable",
    };
    let (wide, far) = (table.group.len().max(NAME), coordinator.len().max(25));
    let count = table.members.len().to_string();
    let heads = ["GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE", "#MEMBERS"];
    for [group, coordinator, strategy, state, members] in
        [heads, [&table.group, &coordinator, UNKNOWN, word, &count]]
    {
        let cells =
            format_args!("\n{group:wide$} {coordinator:far$} {strategy:20} {state:20} {members}");
        put(text, cells);
    }
    text.push('\n');
}

fn members(text: &mut String, table: &GroupTable) {
    if table.members.is_empty() {
        return;
    }
    let wide = |names: &mut dyn Iterator<Item = usize>| names.fold(NAME, usize::max);
    let consumer = |one: &super::MemberRow| one.consumer.as_ref().map_or(1, String::len);
    let widths = [
        table.group.len().max(NAME),
        wide(&mut table.members.iter().map(consumer)),
        wide(&mut table.members.iter().map(|one| one.client.len())),
    ];
    let [group, id, client] = widths;
    text.push('\n');
    let mut line = |cells: [&str; 5]| {
        let [a, b, c, d, e] = cells;
        put(text, format_args!("{a:group$} {b:id$} {c:NAME$} {d:client$} {e:15} \n"));
    };
    line(["GROUP", "CONSUMER-ID", "HOST", "CLIENT-ID", "#PARTITIONS"]);
    for one in &table.members {
        let consumer = one.consumer.as_deref().unwrap_or(UNKNOWN);
        line([&table.group, consumer, UNKNOWN, &one.client, &one.partitions.to_string()]);
    }
}

fn offsets(text: &mut String, table: &GroupTable) {
    let name = &table.group;
    if table.rows.is_empty() {
        return;
    }
    let wide = |of: &dyn Fn(&GroupRow) -> usize| table.rows.iter().map(of).fold(NAME, usize::max);
    let length = |text: &Option<String>| text.as_ref().map_or(1, String::len);
    let widths = [
        name.len().max(NAME),
        wide(&|row| row.topic.len()),
        wide(&|row| length(&row.consumer)),
        wide(&|row| length(&row.host)),
    ];
    let names = ["GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG"];
    let names = names.into_iter().chain(["CONSUMER-ID", "HOST", "CLIENT-ID"]);
    line(text, widths, &names.map(str::to_owned).collect::<Vec<_>>());
    for row in &table.rows {
        let lag = row.end.zip(row.current).map(|(end, current)| end - current);
        let number = |value: Option<i64>| value.map(|value| value.to_string());
        let cells = [
            Some(name.clone()),
            Some(row.topic.clone()),
            Some(row.partition.to_string()),
            number(row.current),
            number(row.end),
            number(lag),
            row.consumer.clone(),
            row.host.clone(),
            row.client.clone(),
        ];
        line(text, widths, &cells.map(|cell| cell.unwrap_or_else(|| UNKNOWN.to_owned())));
    }
    text.push('\n');
}

/// A line of the table of a group, begun with a new line as in Kafka's tool.
fn line(text: &mut String, [group, topic, consumer, host]: [usize; 4], cells: &[String]) {
    let widths = [group, topic, 10, 15, 15, 15, consumer, host, 0];
    text.push('\n');
    for (nth, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let space = if nth == 0 { "" } else { " " };
        put(text, format_args!("{space}{cell:width$}"));
    }
}
