//! What applications say that they have processed, in the form of histories (`models/oracle/HISTORY.md`), or as Kafka's
//! clients name places. It reads text, and knows no run.

use super::order::Reply;
use serde_json::{Deserializer, Value};

/// A record that was processed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// None: the only one that reads there.
    pub(super) group: Option<String>,
    /// `orders-0`.
    pub(super) partition: String,
    pub(super) offset: i64,
    pub(super) dead_lettered: bool,
}

fn refused(error: &str) -> Reply {
    let hint = "write { \"group\": \"ledger\", \"partition\": \"orders-0\", \"offset\": 5 }";
    Reply::refused(400, error, Some(hint))
}

/// Reads objects, one after the other or in lists.
///
/// # Errors
/// What is wrong with the first one that is wrong.
pub(super) fn read(text: &str) -> Result<Vec<Told>, Reply> {
    let mut all = Vec::new();
    for value in Deserializer::from_str(text).into_iter::<Value>() {
        match value.map_err(|error| refused(&error.to_string()))? {
            Value::Array(items) => {
                for item in &items {
                    all.push(one(item)?);
                }
            }
            other => all.push(one(&other)?),
        }
    }
    Ok(all)
}

fn one(value: &Value) -> Result<Told, Reply> {
    let Value::Object(all) = value else {
        return Err(refused(&format!("expected an object, found {value}")));
    };
    if let Some(event) = all.get("event").filter(|event| *event != "processed") {
        return Err(refused(&format!("the event {event} is not \"processed\"")));
    }
    let offset = all.get("offset").and_then(Value::as_i64).filter(|offset| *offset >= 0);
    let partition = match (all.get("partition"), all.get("topic")) {
        (Some(Value::String(name)), None) => Some(name.clone()),
        (Some(Value::Number(number)), Some(Value::String(topic))) => {
            Some(format!("{topic}-{number}"))
        }
        _ => None,
    };
    let group = match all.get("group") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name.clone()),
        Some(other) => {
            return Err(refused(&format!("\"group\": expected a string, found {other}")));
        }
    };
    let partition = partition.ok_or_else(|| refused("which \"partition\"?"))?;
    let offset = offset.ok_or_else(|| refused("which \"offset\"?"))?;
    let dead_lettered = all.get("dead_lettered").and_then(Value::as_bool).unwrap_or(false);
    Ok(Told { group, partition, offset, dead_lettered })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lists_and_both_ways_to_name_a_place_are_read() {
        let told = |group: Option<&str>, partition: &str, offset| {
            let (group, partition) = (group.map(str::to_owned), partition.to_owned());
            Told { group, partition, offset, dead_lettered: false }
        };
        let text = "{\"at_us\":1,\"node\":\"a\",\"event\":\"processed\",\"group\":\"g\",\"partition\":\"t-0\",\"offset\":5}\n\
                    [{\"topic\":\"t\",\"partition\":1,\"offset\":6}]";
        assert_eq!(read(text), Ok(vec![told(Some("g"), "t-0", 5), told(None, "t-1", 6)]));
        assert_eq!(read("\n"), Ok(Vec::new()));
        for bad in [
            "{",
            "5",
            "{\"partition\":\"t-0\"}",
            "{\"partition\":\"t-0\",\"offset\":-1}",
            "{\"event\":\"polled\",\"partition\":\"t-0\",\"offset\":1}",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
