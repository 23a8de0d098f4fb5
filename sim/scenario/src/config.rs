//! Kafka settings of one process or topic, as a file gives them: values checked against the table,
//! with their places, and defaults filled in. How settings constrain each other is elsewhere.

use crate::diagnostic::nearest;
use crate::json::{Node, Value};
use crate::plan::{SettingValue, Settings};
use crate::settings::{self, Kind, Preset, Scope, Setting, Standing, kafka};
use crate::sink::{At, Sink};
use ackproof_types::KafkaVersion;
use std::collections::BTreeMap;

/// What a file sets explicitly, with the place of each value.
pub(crate) struct Config<'n> {
    /// Values by key; only modelled ones.
    pub(crate) given: BTreeMap<&'static str, (SettingValue, At<'n>)>,
    /// Whose settings they are.
    pub(crate) scope: Scope,
    /// Whose defaults hold.
    pub(crate) kafka: KafkaVersion,
}

impl<'n> Config<'n> {
    /// Reads an object of settings.
    pub(crate) fn read(sink: &mut Sink<'_>, at: Option<&At<'n>>, scope: Scope) -> Self {
        let mut given = BTreeMap::new();
        if let Some(at) = at
            && sink.is_object(at)
        {
            for (key, child) in at.children() {
                // Whoever reads the group says what that means.
                if key == "group.id" && is_empty(&child) {
                    continue;
                }
                match settings::find(scope, key) {
                    Some(setting) if setting.is_modelled() => {
                        let read = value(sink, setting, &child);
                        if let Some(value) =
                            read.filter(|value| suits(sink, setting, value, &child))
                        {
                            given.insert(setting.key, (value, child));
                        }
                    }
                    Some(setting) => ignore(sink, setting, &child),
                    None => unknown_key(sink, scope, key, &child),
                }
            }
        }
        Self { given, scope, kafka: sink.kafka }
    }

    /// Where `key` is set, if it is.
    pub(crate) fn place(&self, key: &str) -> Option<At<'n>> {
        self.given.get(key).map(|(_, at)| at.clone())
    }

    /// Everything modelled: what is given, else the default.
    pub(crate) fn filled(&self) -> Settings {
        let modelled = settings::of(self.scope).filter(|setting| setting.is_modelled());
        let value = |setting: &'static Setting| {
            let given = self.given.get(setting.key).map(|(value, _)| value.clone());
            Some((setting.key, given.or_else(|| preset(setting, self.kafka))?))
        };
        Settings(modelled.filter_map(value).collect())
    }
}

/// The default of a setting in a line of Kafka, if it has one.
pub(crate) fn preset(setting: &Setting, version: KafkaVersion) -> Option<SettingValue> {
    match setting.default_in(version) {
        Preset::Number(number) => Some(SettingValue::Number(number)),
        Preset::Switch(on) => Some(SettingValue::Switch(on)),
        Preset::Word(word) => Some(SettingValue::Word(word.to_owned())),
        Preset::Unneeded => None,
    }
}

/// A value that nobody checks, as Kafka would read it.
fn text(at: &At<'_>) -> String {
    match &at.node.value {
        Value::String(text) | Value::Number(text) => text.clone(),
        Value::Bool(on) => on.to_string(),
        Value::Null => String::new(),
        Value::Array(_) | Value::Object(_) => {
            let items: Vec<String> = at.items().iter().map(text).collect();
            items.join(",")
        }
    }
}

/// Whether the line of Kafka takes a value too: not every line takes what some do.
fn suits(sink: &mut Sink<'_>, setting: &Setting, value: &SettingValue, at: &At<'_>) -> bool {
    let Some(theirs) = kafka::find(setting.scope, setting.key, sink.kafka) else {
        let message = format!("Kafka {} has no \"{}\"", sink.kafka, setting.key);
        let has =
            |version: &KafkaVersion| kafka::find(setting.scope, setting.key, *version).is_some();
        let since = KafkaVersion::ALL.into_iter().find(has);
        let hint = since.map(|since| format!("it came with Kafka {since}: set \"kafka\""));
        sink.hinted(at.key_span, &at.path, message, hint);
        return false;
    };
    let SettingValue::Number(number) = value else { return true };
    let checked = theirs.check(&number.to_string());
    if let Err(why) = &checked {
        sink.at(at, format!("{} {why}: Kafka {} refuses that", setting.key, sink.kafka));
    }
    checked.is_ok()
}

/// What the models do not follow: refused if no verdict would be true with it, else noted.
/// Whether there is nothing at `at`: null, or no letter.
pub(crate) fn is_empty(at: &At<'_>) -> bool {
    at.node.value == Value::Null || at.node.as_str() == Some("")
}

fn ignore(sink: &mut Sink<'_>, setting: &'static Setting, child: &At<'_>) {
    let (key, value) = (setting.key, text(child));
    if let Standing::Refused(refusal) = setting.standing
        && !refusal.unless.contains(&value.as_str())
    {
        let message =
            format!("\"{key}\" is not modelled, and no verdict would be true: {}", refusal.why);
        let hint =
            Some("leave it out, and read the verdict as one for a client without it".to_owned());
        sink.hinted(child.key_span, &child.path, message, hint);
        return;
    }
    note(sink, setting, child, format!("\"{key}\" is not modelled: it has no effect here"));
}

/// A setting that the models follow has no effect in this scenario.
pub(crate) fn unused(sink: &mut Sink<'_>, (scope, key): (Scope, &str), at: &At<'_>, why: &str) {
    if let Some(setting) = settings::find(scope, key) {
        note(sink, setting, at, format!("\"{key}\" has no effect {why}"));
    }
}

/// A file that is deployed is full of such settings: told of is what could break something.
fn note(sink: &mut Sink<'_>, setting: &'static Setting, at: &At<'_>, message: String) {
    let named = sink.is_named(at.key_span);
    if !named {
        sink.warn(at, message);
    }
    sink.ignored.push((setting, at.path.clone(), text(at), named));
}

fn unknown_key(sink: &mut Sink<'_>, scope: Scope, key: &str, child: &At<'_>) {
    if kafka::all().iter().any(|theirs| theirs.scope == scope && theirs.key == key) {
        let message = format!(
            "\"{key}\" is a setting of Kafka's that has no effect on what a scenario shows"
        );
        let hint = Some("leave it out".to_owned());
        sink.hinted(child.key_span, &child.path, message, hint);
        return;
    }
    let other = Scope::ALL.into_iter().find(|other| settings::find(*other, key).is_some());
    if let Some(other) = other {
        let message =
            format!("\"{key}\" is a setting of a {}, not of a {}", other.name(), scope.name());
        sink.error(child.key_span, &child.path, message);
    } else {
        let what = format!("{} setting", scope.name());
        let known = settings::of(scope).map(|setting| setting.key);
        sink.unknown(child.key_span, &child.path, (&what, key), known);
    }
}

fn value(sink: &mut Sink<'_>, setting: &Setting, at: &At<'_>) -> Option<SettingValue> {
    match setting.kind {
        Kind::Number { unit, min, max } => number(sink, setting.key, unit, (min, max), at),
        Kind::Switch => {
            if let Value::Bool(on) = at.node.value {
                return Some(SettingValue::Switch(on));
            }
            sink.at(at, format!("expected true or false, found {}", at.node.kind()));
            None
        }
        Kind::Word(words) | Kind::Reset(words) => word(sink, setting, words, at),
        Kind::Words(words) => list(sink, setting, words, at),
        Kind::Text => sink.string(at).and_then(|text| {
            if text.is_empty() && setting.default == Preset::Unneeded {
                sink.at(at, format!("{} must not be empty", setting.key));
                return None;
            }
            Some(SettingValue::Word(text.to_owned()))
        }),
        Kind::Anything => None,
    }
}

/// As Kafka reads a list: separated by commas, or an array as JSON has it.
fn list(
    sink: &mut Sink<'_>,
    setting: &Setting,
    words: &[&str],
    at: &At<'_>,
) -> Option<SettingValue> {
    let key = setting.key;
    let mut given: Vec<&str> = match &at.node.value {
        Value::String(text) => text.split(',').map(str::trim).collect(),
        Value::Array(items) => items.iter().filter_map(Node::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    given.retain(|word| !word.is_empty());
    if given.is_empty() {
        sink.at(at, format!("expected a list of {}", words.join(", ")));
        return None;
    }
    for (number, word) in given.iter().enumerate() {
        if !words.contains(word) {
            unknown(sink, setting, (word, words), at);
            return None;
        }
        if given[..number].contains(word) {
            sink.at(at, format!("{word} stands twice in {key}"));
            return None;
        }
    }
    Some(SettingValue::Word(given.join(",")))
}

/// A word that the models do not know. Kafka may: the class of somebody's own assignor.
fn unknown(sink: &mut Sink<'_>, setting: &Setting, (given, words): (&str, &[&str]), at: &At<'_>) {
    let key = setting.key;
    let theirs = kafka::find(setting.scope, key, sink.kafka);
    let is_theirs = theirs.is_some_and(|theirs| theirs.check(given).is_ok());
    if is_theirs && nearest(given, words.iter().copied()).is_none() {
        let message = format!("{key}={given}: Kafka takes that, the models do not");
        let hint = format!("they know {}", words.join(", "));
        sink.hinted(at.node.span, &at.path, message, Some(hint));
    } else {
        let what = format!("value of {key}");
        sink.unknown(at.node.span, &at.path, (&what, given), words.iter().copied());
    }
}

fn number(
    sink: &mut Sink<'_>,
    key: &str,
    unit: &str,
    (min, max): (i64, i64),
    at: &At<'_>,
) -> Option<SettingValue> {
    if at.node.as_str().is_some() {
        let message = if unit.is_empty() {
            format!("\"{key}\" is a whole number without quotes")
        } else {
            format!("\"{key}\" is a whole number of {unit}, as in Kafka, without quotes")
        };
        sink.at(at, message);
        return None;
    }
    sink.whole(at, min, max).map(SettingValue::Number)
}

fn word(
    sink: &mut Sink<'_>,
    setting: &Setting,
    words: &[&str],
    at: &At<'_>,
) -> Option<SettingValue> {
    let key = setting.key;
    let given = match &at.node.value {
        Value::String(text) | Value::Number(text) => text.as_str(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            sink.at(at, format!("expected one of {}, found {}", words.join(", "), at.node.kind()));
            return None;
        }
    };
    let theirs = kafka::find(setting.scope, key, sink.kafka);
    let text = theirs.map_or_else(|| given.to_owned(), |theirs| theirs.spelt(given));
    if setting.kind.foreign(&text).is_some() {
        unknown(sink, setting, (given, words), at);
        return None;
    }
    // `-1` is Kafka's other name for `all`.
    let text = if key == "acks" && text == "-1" { "all".to_owned() } else { text };
    Some(SettingValue::Word(text))
}
