//! A schedule's tree, taken apart and put together: records, faults, names, times. It works on names as
//! the file has them and knows no rule; whether the result makes sense is the ordinary reader's to say.

use ackproof_scenario::durations::{duration, spell};
use ackproof_types::Micros;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// A record: the producer, its process and the place in that one's list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) at: Micros,
    pub(crate) producer: String,
    pub(crate) process: String,
    pub(crate) index: usize,
}

/// The entries of the map `name` by name.
pub(crate) fn entries<'t>(tree: &'t Value, name: &str) -> Vec<(&'t str, &'t Value)> {
    let map = tree.get(name).and_then(Value::as_object);
    map.map(|map| map.iter().map(|(key, value)| (key.as_str(), value)).collect())
        .unwrap_or_default()
}

/// The names of the map `name`.
pub(crate) fn names(tree: &Value, name: &str) -> Vec<String> {
    entries(tree, name).into_iter().map(|(key, _)| key.to_owned()).collect()
}

/// The object at `path`, made if it is missing.
pub(crate) fn object<'t>(tree: &'t mut Value, path: &[&str]) -> Option<&'t mut Map<String, Value>> {
    let mut node = tree;
    for key in path {
        let map = node.as_object_mut()?;
        node = map.entry((*key).to_owned()).or_insert_with(|| Value::Object(Map::new()));
    }
    node.as_object_mut()
}

/// `tree` with `value` at `path`, or without anything there.
pub(crate) fn with(tree: &Value, path: &[&str], value: Option<Value>) -> Option<Value> {
    let mut tree = tree.clone();
    let (last, above) = path.split_last()?;
    let map = object(&mut tree, above)?;
    match value {
        Some(value) => {
            map.insert((*last).to_owned(), value);
        }
        None => {
            map.shift_remove(*last)?;
        }
    }
    Some(tree)
}

/// A whole number at `path`.
pub(crate) fn number(tree: &Value, path: &[&str]) -> Option<u64> {
    path.iter().try_fold(tree, |node, key| node.get(key)).and_then(Value::as_u64)
}

pub(crate) fn faults(tree: &Value) -> &[Value] {
    tree.get("faults").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// `tree` without the faults of a range.
pub(crate) fn without_faults(tree: &Value, from: usize, to: usize) -> Option<Value> {
    let mut tree = tree.clone();
    let list = tree.get_mut("faults")?.as_array_mut()?;
    list.drain(from.min(list.len())..to.min(list.len()));
    Some(tree)
}

/// `tree` with the fault of this number changed.
pub(crate) fn with_fault(
    tree: &Value,
    number: usize,
    change: impl FnOnce(&mut Map<String, Value>),
) -> Option<Value> {
    let mut tree = tree.clone();
    change(tree.get_mut("faults")?.get_mut(number)?.as_object_mut()?);
    Some(tree)
}

/// A length of a fault, if it has one there.
pub(crate) fn length(fault: &Value, key: &str) -> Option<Micros> {
    duration(fault.get(key)?.as_str()?).ok()
}

/// Every record, by time.
pub(crate) fn records(tree: &Value) -> Vec<Place> {
    let mut places = Vec::new();
    for (producer, entry) in entries(tree, "producers") {
        for (process, list) in entries(entry, "sends") {
            for (index, line) in list.as_array().into_iter().flatten().enumerate() {
                let at = line.as_str().and_then(time).unwrap_or(Micros::ZERO);
                let (producer, process) = (producer.to_owned(), process.to_owned());
                places.push(Place { at, producer, process, index });
            }
        }
    }
    places.sort();
    places
}

/// When the record of a line is sent.
fn time(line: &str) -> Option<Micros> {
    duration(line.split(' ').next()?).ok()
}

/// `tree` without these records. A fault that waits for one of them waits for the one that is sent next
/// by the same process, or else the last.
pub(crate) fn without_records(tree: &Value, removed: &[Place]) -> Option<Value> {
    let mut tree = tree.clone();
    let gone: BTreeSet<(&str, usize)> =
        removed.iter().map(|place| (place.process.as_str(), place.index)).collect();
    for (_, entry) in tree.get_mut("producers")?.as_object_mut()?.iter_mut() {
        let Some(sends) = entry.get_mut("sends").and_then(Value::as_object_mut) else { continue };
        for (process, list) in sends.iter_mut() {
            let mut index = 0;
            list.as_array_mut()?.retain(|_| {
                index += 1;
                !gone.contains(&(process.as_str(), index - 1))
            });
        }
    }
    let total = |process: &str| {
        let left = records(&tree).into_iter().filter(|place| place.process == process);
        left.count()
    };
    let mut lost = false;
    let renumber = |word: &str| {
        let (process, number) = word.split_once('#')?;
        let number: usize = number.parse().ok()?;
        let before = gone.range((process, 0)..(process, number)).count();
        let left = total(process);
        lost |= left == 0;
        Some(format!("{process}#{}", (number - before).min(left.saturating_sub(1))))
    };
    let mut faults = tree.get("faults").cloned();
    if let Some(faults) = &mut faults {
        reword(faults, &mut { renumber });
    }
    if lost {
        return None;
    }
    if let (Some(faults), Some(map)) = (faults, tree.as_object_mut()) {
        map.insert("faults".to_owned(), faults);
    }
    Some(tree)
}

/// Changes every word of every string in `node` for which `change` has another.
fn reword(node: &mut Value, change: &mut impl FnMut(&str) -> Option<String>) {
    match node {
        Value::String(text) => {
            let words = text.split(' ');
            let words: Vec<String> =
                words.map(|word| change(word).unwrap_or_else(|| word.to_owned())).collect();
            *text = words.join(" ");
        }
        Value::Array(items) => items.iter_mut().for_each(|item| reword(item, change)),
        Value::Object(members) => members.values_mut().for_each(|value| reword(value, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Calls `from` `to` in every fault.
pub(crate) fn rename(tree: &mut Value, from: &str, to: &str) {
    if let Some(faults) = tree.get_mut("faults") {
        reword(faults, &mut |word: &str| match word.strip_prefix(from) {
            Some("") => Some(to.to_owned()),
            Some(rest) if rest.starts_with('#') => Some(format!("{to}{rest}")),
            _ => None,
        });
    }
}

/// Everything that happens at a time of its own: records and faults, by time.
pub(crate) fn times(tree: &Value) -> Vec<Micros> {
    let mut times: Vec<Micros> = records(tree).into_iter().map(|place| place.at).collect();
    times.extend(faults(tree).iter().filter_map(|fault| length(fault, "at")));
    times.sort_unstable();
    times
}

/// `tree` with every time changed: of records, of faults, of the end of the load.
pub(crate) fn retime(tree: &Value, change: impl Fn(Micros) -> Micros) -> Option<Value> {
    let mut tree = tree.clone();
    let new = |text: &mut Value| {
        let line = text.as_str()?;
        let at = time(line)?;
        let rest = line.split_once(' ').map_or_else(String::new, |(_, rest)| format!(" {rest}"));
        *text = Value::String(format!("{}{rest}", spell(change(at))));
        Some(())
    };
    for (_, entry) in tree.get_mut("producers")?.as_object_mut()?.iter_mut() {
        let Some(sends) = entry.get_mut("sends").and_then(Value::as_object_mut) else { continue };
        for line in sends.values_mut().filter_map(Value::as_array_mut).flatten() {
            new(line)?;
        }
    }
    if let Some(list) = tree.get_mut("faults").and_then(Value::as_array_mut) {
        for fault in list {
            fault.get_mut("at").map(new);
        }
    }
    tree.get_mut("run")?.get_mut("load").and_then(new)?;
    Some(tree)
}

/// `tree` with these words of every line of records left out: `key 5`, `size 120`.
pub(crate) fn plainer(tree: &Value, what: &str) -> Option<Value> {
    let mut tree = tree.clone();
    let mut changed = false;
    for (_, entry) in tree.get_mut("producers")?.as_object_mut()?.iter_mut() {
        let Some(sends) = entry.get_mut("sends").and_then(Value::as_object_mut) else { continue };
        for line in sends.values_mut().filter_map(Value::as_array_mut).flatten() {
            let words: Vec<&str> = line.as_str()?.split(' ').collect();
            let Some(at) = words.iter().position(|word| *word == what) else { continue };
            let left: Vec<&str> = [&words[..at], &words[(at + 2).min(words.len())..]].concat();
            *line = Value::String(left.join(" "));
            changed = true;
        }
    }
    changed.then_some(tree)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn after(tree: &Value) -> Vec<&str> {
        faults(tree).iter().filter_map(|fault| fault["after"].as_str()).collect()
    }

    /// Without the records of `billing-0` at these places.
    fn without(removed: &[usize]) -> Option<Value> {
        let fault = |after: &str| json!({ "after": after, "crash": "broker-1" });
        let tree = json!({
            "producers": { "billing": { "sends": {
                "billing-0": ["1s", "2s", "3s", "4s"],
                "billing-1": ["1s", "2s", "3s", "4s"],
            } } },
            "faults": [
                fault("billing-0#1 is sent"),
                fault("broker-2 appends billing-0#3"),
                fault("billing-1#3 is sent"),
            ],
        });
        let gone = |place: &Place| place.process == "billing-0" && removed.contains(&place.index);
        let removed: Vec<Place> = records(&tree).into_iter().filter(gone).collect();
        without_records(&tree, &removed)
    }

    #[test]
    fn a_fault_that_waits_for_a_record_waits_for_the_same_one_after_others_went() {
        let of = |removed: &[usize]| {
            after(&without(removed).expect("some are left")).join(", ").replace("billing-", "")
        };
        assert_eq!(of(&[]), "0#1 is sent, broker-2 appends 0#3, 1#3 is sent");
        assert_eq!(of(&[0]), "0#0 is sent, broker-2 appends 0#2, 1#3 is sent");
        assert_eq!(of(&[0, 2]), "0#0 is sent, broker-2 appends 0#1, 1#3 is sent");
        assert_eq!(of(&[0, 1]), "0#0 is sent, broker-2 appends 0#1, 1#3 is sent", "the next one");
        assert_eq!(of(&[3]), "0#1 is sent, broker-2 appends 0#2, 1#3 is sent", "the last one");
        let left = without(&[1, 2]).expect("some are left");
        let sends = &left["producers"]["billing"]["sends"];
        assert_eq!(sends["billing-0"], json!(["1s", "4s"]));
        assert_eq!(sends["billing-1"], json!(["1s", "2s", "3s", "4s"]));
        assert!(without(&[0, 1, 2, 3]).is_none(), "there is nothing left to wait for");
    }
}
