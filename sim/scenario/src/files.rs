//! Kafka's `.properties` files that a scenario names ("properties"): each setting goes into the tree where it
//! would stand in "config", with its place in its file. What the scenario says itself stays.
//!
//! Kafka reads a file without a word about what it does not know, so that is a warning; what it refuses is an
//! error. It does not know how settings constrain each other: the tree is read as any other.

use crate::diagnostic::{nearest, place};
use crate::json::{Member, Node, Span, Value};
use crate::outputs::OUTPUTS;
use crate::properties::Entry;
use crate::settings::kafka::{self, Definition};
use crate::settings::{self, Kind, Scope};
use crate::sink::Sink;
use crate::spring;
use ackproof_types::KafkaVersion;
use std::collections::BTreeMap;

/// The key that names a file.
pub(crate) const PROPERTIES: &str = "properties";

/// Gives a file that a scenario names, its name for people and its text, or says why there is none.
pub type Reader<'r> = &'r dyn Fn(&str) -> Result<(String, String), String>;

/// Beginnings of keys that Kafka hands on to what a file names: it defines none of them itself.
const HANDED_ON: &[&str] = &["listener.name.", "config.providers", "rlmm.config.", "rsm.config."];

/// Whether Kafka hands a setting on to what a file names, and defines none of that name itself.
#[must_use]
pub fn is_handed_on(key: &str) -> bool {
    HANDED_ON.iter().any(|start| key.starts_with(start))
}

/// Words in the keys of what nobody may read in a report.
const SECRETS: &[&str] = &["password", "secret", "jaas.config", "credential", "token"];

/// Whether the value of a setting is not to be shown.
#[must_use]
pub fn is_secret(scope: Scope, key: &str) -> bool {
    let password = |one: &Definition| one.kind == kafka::Type::Password;
    let theirs = kafka::all().iter().find(|one| one.scope == scope && one.key == key);
    // What Kafka knows has its type; all else may be anything.
    theirs.is_some_and(password) || SECRETS.iter().any(|word| key.to_lowercase().contains(word))
}

/// The same of a file that is none: line by line, whosever file it is.
#[must_use]
pub fn hidden(text: &str) -> String {
    let line = |line: &str| {
        let indent = line.len() - line.trim_start().len();
        let ends = line[indent..].find(['=', ':', ' ']).map(|end| indent + end);
        let (key, value) = line.split_at(ends.unwrap_or(line.len()));
        let star =
            |c: char| if c.is_whitespace() { c.to_string() } else { "*".repeat(c.len_utf8()) };
        if Scope::ALL.into_iter().any(|scope| is_secret(scope, key.trim())) {
            format!("{key}{}", value.chars().map(star).collect::<String>())
        } else {
            line.to_owned()
        }
    };
    text.split_inclusive('\n').map(line).collect()
}

/// `text` with stars for what is not to be shown: messages show lines of it.
fn masked(text: &str, scope: Scope, entries: &[Entry]) -> String {
    let mut masked = text.to_owned();
    for Entry { key, value_span: Span { start, end }, .. } in entries {
        let Some(value) = text.get(*start..*end).filter(|_| is_secret(scope, key)) else {
            continue;
        };
        let star = |c: char| if c == '\n' { "\n".to_owned() } else { "*".repeat(c.len_utf8()) };
        masked.replace_range(*start..*end, &value.chars().map(star).collect::<String>());
    }
    masked
}

/// Puts the settings of every file that the tree names into it.
pub(crate) fn put_in(root: &mut Node, sink: &mut Sink<'_>, reader: Reader<'_>) {
    // A wrong version is told where it is read.
    let named = root.get("kafka").and_then(Node::as_str).and_then(KafkaVersion::of);
    let version = named.unwrap_or_default();
    let Value::Object(sections) = &mut root.value else { return };
    for Member { key: section, value, .. } in sections {
        let scope = match section.as_str() {
            "cluster" => {
                File { sink, reader, scope: Scope::Broker, version }.put_in(value, section);
                continue;
            }
            "clusters" => Scope::Broker,
            "topics" => Scope::Topic,
            "producers" => Scope::Producer,
            "groups" => Scope::Consumer,
            _ => continue,
        };
        let Value::Object(entries) = &mut value.value else { continue };
        for Member { key: name, value, .. } in entries {
            let path = format!("{section}.{name}");
            let mut file = File { sink, reader, scope, version };
            file.put_in(value, &path);
            for output in OUTPUTS {
                let Some(node) = member(value, output) else { continue };
                let mut file = File { sink: file.sink, reader, scope: Scope::Producer, version };
                file.put_in(node, &format!("{path}.{output}"));
            }
            for (number, deploy) in deploys(value).iter_mut().enumerate() {
                file.put_in(deploy, &format!("{path}.deploys[{number}]"));
            }
        }
    }
}

/// What stands under `key`.
fn member<'n>(owner: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    let Value::Object(members) = &mut owner.value else { return None };
    members.iter_mut().find(|member| member.key == key).map(|member| &mut member.value)
}

/// Of a group, the later settings of its members, which may be in files too.
fn deploys(owner: &mut Node) -> &mut [Node] {
    match member(owner, "deploys").map(|deploys| &mut deploys.value) {
        Some(Value::Array(items)) => items,
        _ => &mut [],
    }
}

/// One file while it is read.
struct File<'f, 'a> {
    sink: &'f mut Sink<'a>,
    reader: Reader<'f>,
    scope: Scope,
    version: KafkaVersion,
}

impl File<'_, '_> {
    /// Into the "config" of what is at `path`.
    fn put_in(&mut self, owner: &mut Node, path: &str) {
        let Value::Object(members) = &mut owner.value else { return };
        let Some(named) = members.iter().find(|member| member.key == PROPERTIES) else { return };
        let (span, key_span) = (named.value.span, named.key_span);
        let here = format!("{path}.{PROPERTIES}");
        let Some(file) = named.value.as_str().map(str::to_owned) else {
            let message = format!("expected the name of a file, found {}", named.value.kind());
            self.sink.error(span, &here, message);
            return;
        };
        let (file, text) = match (self.reader)(&file) {
            Ok(found) => found,
            Err(why) => {
                self.sink.error(span, &here, format!("{file}: {why}"));
                return;
            }
        };
        if !members.iter().any(|member| member.key == "config") {
            let value = Node { span, value: Value::Object(Vec::new()) };
            members.push(Member { key: "config".to_owned(), key_span, value });
        }
        let config = members.iter_mut().find(|member| member.key == "config");
        // What is no object is told where it is read.
        let Some(Value::Object(given)) = config.map(|config| &mut config.value.value) else {
            return;
        };
        let scope = self.scope;
        let entries = spring::read(&file, &text, scope);
        let shown =
            entries.as_ref().map_or_else(|_| hidden(&text), |all| masked(&text, scope, all));
        let base = self.sink.add(&file, &shown);
        match entries {
            Ok(entries) => self.entries(entries, base, (&text, &format!("{path}.config")), given),
            Err(error) => self.sink.error(error.span.moved(base), &here, error.message),
        }
    }

    fn entries(
        &mut self,
        entries: Vec<Entry>,
        base: usize,
        (text, path): (&str, &str),
        given: &mut Vec<Member>,
    ) {
        let mut last: BTreeMap<String, Entry> = BTreeMap::new();
        for mut entry in entries {
            let (line, ..) = place(text, entry.key_span);
            entry.key_span = entry.key_span.moved(base);
            entry.value_span = entry.value_span.moved(base);
            let span = entry.key_span;
            let key = entry.key.clone();
            if let Some(before) = last.insert(key.clone(), entry) {
                let (first, ..) = place(text, before.key_span.back(base));
                let message = format!(
                    "\"{key}\" is set twice: line {line} counts, and line {first} does not"
                );
                self.sink.caution(span, &format!("{path}.{key}"), message, None);
            }
        }
        let provided = last.contains_key("config.providers");
        for entry in last.into_values() {
            // Kafka would not see this line either.
            if given.iter().any(|member| member.key == entry.key) {
                continue;
            }
            let at = format!("{path}.{}", entry.key);
            if let Some(value) = self.value(&entry, &at, provided) {
                let value = Node { span: entry.value_span, value };
                given.push(Member { key: entry.key, key_span: entry.key_span, value });
            }
        }
    }

    /// What stands for an entry in the tree, if it is of any concern to a scenario.
    fn value(&mut self, entry: &Entry, at: &str, provided: bool) -> Option<Value> {
        let (key, text) = (entry.key.as_str(), entry.value.trim_matches(|c| c <= ' '));
        let ours = settings::find(self.scope, key);
        let Some(theirs) = kafka::find(self.scope, key, self.version) else {
            self.unknown(entry, at);
            return None;
        };
        if provided && text.contains("${") {
            if ours.is_some() {
                let message = format!(
                    "the value of \"{key}\" comes from a provider, which is not asked here"
                );
                let hint = Some(
                    "write the value under \"config\" in the scenario, or with --set".to_owned(),
                );
                self.sink.hinted(entry.value_span, at, message, hint);
            }
            return None;
        }
        if let Err(why) = theirs.check(text) {
            self.sink.error(entry.value_span, at, format!("{key} {why}: Kafka refuses that"));
            return None;
        }
        let ours = ours?;
        let text = &*theirs.spelt(text);
        if let Some(words) = ours.kind.foreign(text) {
            let message = format!("{key}={text}: Kafka takes that, the models do not");
            let hint = Some(format!("they know {}", words.join(", ")));
            self.sink.hinted(entry.value_span, at, message, hint);
            return None;
        }
        Some(match ours.kind {
            Kind::Number { max, .. } => Value::Number(number(theirs, text, max)),
            Kind::Switch => Value::Bool(text.eq_ignore_ascii_case("true")),
            Kind::Word(_) | Kind::Reset(_) | Kind::Words(_) | Kind::Text | Kind::Anything => {
                Value::String(text.to_owned())
            }
        })
    }

    /// As Kafka, with a warning: it hands such a setting to nobody.
    fn unknown(&mut self, entry: &Entry, at: &str) {
        let (key, scope) = (entry.key.as_str(), self.scope);
        if is_handed_on(key) {
            return;
        }
        let of = |scope, version| kafka::find(scope, key, version).is_some();
        let lines: Vec<&str> = KafkaVersion::ALL
            .into_iter()
            .filter(|version| of(scope, *version))
            .map(KafkaVersion::name)
            .collect();
        let other = Scope::ALL.into_iter().find(|other| of(*other, self.version));
        let (what, hint) = if !lines.is_empty() {
            (format!("only Kafka {} knows it", lines.join(", ")), None)
        } else if let Some(other) = other {
            (format!("it is a setting of a {}", other.name()), None)
        } else {
            let hint = nearest(key, kafka::keys(scope, self.version));
            ("Kafka ignores it, and so do we".to_owned(), hint)
        };
        let message =
            format!("\"{key}\" is no {} setting of Kafka {}: {what}", scope.name(), self.version);
        self.sink.caution(entry.key_span, at, message, hint);
    }
}

/// A number as JSON has it. What is longer than any run is as long as the longest that the models know.
fn number(theirs: &Definition, text: &str, max: i64) -> String {
    let number: i64 = text.parse().unwrap_or(max);
    if theirs.kind == kafka::Type::Long { number.min(max).to_string() } else { number.to_string() }
}

impl Span {
    const fn moved(self, by: usize) -> Self {
        Self { start: self.start + by, end: self.end + by }
    }

    const fn back(self, by: usize) -> Self {
        Self { start: self.start - by, end: self.end - by }
    }
}
