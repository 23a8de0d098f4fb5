//! Values from the command line (`--set path=value`), put into the tree before it is read.

use crate::clients::{GROUP_KEYS, PRODUCER_KEYS};
use crate::diagnostic::nearest;
use crate::json::{MAX_DEPTH, Member, Node, Span, Typed, Value, parse};
use crate::protocol;
use crate::resolve::KEYS;
use crate::settings::{self, Scope};
use crate::sink::Sink;
use crate::topics::TOPIC_KEYS;

/// Maps by name: a name that the file does not have is a slip, not a new entry.
const BY_NAME: [&str; 3] = ["topics", "producers", "groups"];

/// Puts every value of `sets` where its path says.
pub(crate) fn apply(root: &mut Node, sets: &[(String, String)], sink: &mut Sink<'_>) {
    for (number, (path, text)) in sets.iter().enumerate() {
        if protocol::is_meant(path) {
            continue;
        }
        let (typed_path, typed_value) =
            (Span::typed(Typed::Path(number)), Span::typed(Typed::Value(number)));
        let string = |_| Node { span: typed_value, value: Value::String(text.clone()) };
        let mut value = parse(text).unwrap_or_else(string);
        value.place_at(typed_value);
        // A path that fails on its way leaves nothing behind.
        let mut changed = root.clone();
        let put_all = places(root, path).and_then(|places| {
            places.iter().try_for_each(|place| put(&mut changed, place, typed_path, value.clone()))
        });
        match put_all {
            Ok(()) => *root = changed,
            Err((message, hint)) => sink.hinted(typed_path, path, message, hint),
        }
    }
}

/// Where a path leads: a setting or a key without its place means every place of the scenario that has
/// it, `acks` every producer.
fn places(root: &Node, path: &str) -> Result<Vec<String>, Refusal> {
    let first = path.split(['.', '[']).next().unwrap_or(path);
    if KEYS.contains(&first) {
        return Ok(vec![path.to_owned()]);
    }
    let has = |scope| settings::of(scope).any(|setting| setting.key == path);
    let sections = [
        ("topics", has(Scope::Topic), TOPIC_KEYS),
        ("producers", has(Scope::Producer), PRODUCER_KEYS),
        ("groups", has(Scope::Consumer), GROUP_KEYS),
    ];
    let mut found = Vec::new();
    if has(Scope::Broker) {
        found.push(("cluster", vec![format!("cluster.config.{path}")]));
    }
    for (section, is_setting, keys) in sections {
        let tail = if is_setting {
            format!("config.{path}")
        } else if keys.contains(&path) && path != "config" {
            path.to_owned()
        } else {
            continue;
        };
        let named = root.members().into_iter().flatten().filter(|member| member.key == section);
        let names = named.flat_map(|member| member.value.members().unwrap_or_default());
        found.push((section, names.map(|one| format!("{section}.{}.{tail}", one.key)).collect()));
    }
    match found.as_slice() {
        [] => Ok(vec![path.to_owned()]),
        [(section, places)] if places.is_empty() => {
            Err((format!("\"{path}\" is of {section}, and the scenario has none"), None))
        }
        [(_, places)] => Ok(places.clone()),
        several => {
            let first = several.iter().filter_map(|(_, places)| places.first());
            let hint = first.map(|place| format!("\"{place}\"")).collect::<Vec<_>>().join(" or ");
            Err((format!("\"{path}\" can stand in several places"), Some(format!("write {hint}"))))
        }
    }
}

type Refusal = (String, Option<String>);

fn put(root: &mut Node, path: &str, typed: Span, value: Node) -> Result<(), Refusal> {
    let mut node = root;
    let mut rest = path;
    let mut parent = "";
    for _ in 0..MAX_DEPTH {
        let (step, more) = step(node, rest, parent);
        let (key, indices) = split_index(step)?;
        if key.is_empty() {
            return Err((format!("\"{path}\" is not a path like \"run.load\""), None));
        }
        let leaf = more.is_empty() && indices.is_empty();
        if let Value::Object(members) = &node.value
            && !leaf
            && BY_NAME.contains(&parent)
            && !members.iter().any(|member| member.key == key)
        {
            let hint = nearest(key, members.iter().map(|member| member.key.as_str()));
            return Err((format!("no \"{key}\" in {parent}"), hint));
        }
        node = child(node, key, typed)?;
        for index in indices {
            node = item(node, index, key)?;
        }
        if more.is_empty() {
            *node = value;
            return Ok(());
        }
        // What the user named is no key of ours, whatever it is called.
        parent = if BY_NAME.contains(&parent) { "" } else { key };
        rest = more;
    }
    Err(("a path this long leads nowhere".to_owned(), None))
}

/// The next key of a path, and what follows. Kafka's keys and names of topics have dots themselves.
fn step<'p>(node: &Node, rest: &'p str, parent: &str) -> (&'p str, &'p str) {
    if matches!(parent, "config" | "features") || rest == "replication.factor" {
        return (rest, "");
    }
    let members = node.members().unwrap_or_default();
    let known = members.iter().filter(|member| {
        rest.strip_prefix(member.key.as_str()).is_some_and(|more| more.starts_with('.'))
    });
    if let Some(longest) = known.max_by_key(|member| member.key.len()) {
        let (key, more) = rest.split_at(longest.key.len());
        return (key, more.get(1..).unwrap_or(""));
    }
    rest.split_once('.').unwrap_or((rest, ""))
}

/// `faults[0]` as a key and its indices.
fn split_index(step: &str) -> Result<(&str, Vec<usize>), Refusal> {
    let Some((key, tail)) = step.split_once('[') else { return Ok((step, Vec::new())) };
    let wrong = || (format!("\"{step}\" is not an index like \"faults[0]\""), None);
    let tail = tail.strip_suffix(']').ok_or_else(wrong)?;
    let indices = tail.split("][").map(str::parse).collect::<Result<_, _>>();
    Ok((key, indices.map_err(|_| wrong())?))
}

fn child<'t>(node: &'t mut Node, key: &str, span: Span) -> Result<&'t mut Node, Refusal> {
    let kind = node.kind();
    let Value::Object(members) = &mut node.value else {
        return Err((format!("no \"{key}\" here: this is {kind}"), None));
    };
    let found = members.iter().position(|member| member.key == key);
    let index = found.unwrap_or_else(|| {
        let value = Node { span, value: Value::Object(Vec::new()) };
        members.push(Member { key: key.to_owned(), key_span: span, value });
        members.len() - 1
    });
    Ok(&mut members[index].value)
}

fn item<'t>(node: &'t mut Node, index: usize, key: &str) -> Result<&'t mut Node, Refusal> {
    let Value::Array(items) = &mut node.value else {
        return Err((format!("\"{key}\" is not a list"), None));
    };
    let length = items.len();
    items
        .get_mut(index)
        .ok_or_else(|| (format!("no {key}[{index}]: the list has {length}, counted from 0"), None))
}
