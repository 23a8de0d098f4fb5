//! Files that somebody deploys: whose settings they are, what becomes of each, and where a value that a plan has
//! comes from. It knows no cluster.

use ackproof_reports::doctor::{SettingReport, Standing as Becomes};
use ackproof_scenario::diagnostic::Diagnostic;
use ackproof_scenario::files::{hidden, is_handed_on, is_secret};
use ackproof_scenario::json::{Span, SyntaxError};
use ackproof_scenario::properties::Entry;
use ackproof_scenario::settings::words::about;
use ackproof_scenario::settings::{self, CONDITIONAL, Refusal, SHAPES, Scope, Standing, kafka};
use ackproof_scenario::spring;
use ackproof_types::KafkaVersion;
use std::collections::BTreeSet;
use std::path::Path;

/// A file as it was named.
#[derive(Clone, Debug)]
pub struct Given {
    /// Whose settings these are, if the user says.
    pub scope: Option<Scope>,
    /// Its name.
    pub file: String,
    /// What is in it.
    pub text: String,
}

/// A file of a known scope.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) scope: Scope,
    pub(super) file: String,
    /// What the scenario calls whose file it is.
    pub(super) name: String,
    text: String,
    pub(super) entries: Vec<Entry>,
}

/// All of them.
#[derive(Clone, Debug)]
pub(super) struct Files(Vec<File>);

/// More than anybody deploys together.
const MOST: usize = 32;

impl Files {
    pub(super) fn new(given: Vec<Given>, version: KafkaVersion) -> Result<Self, String> {
        if given.len() > MOST {
            return Err(format!("error: {} files are too many: at most {MOST}", given.len()));
        }
        let mut files: Vec<File> = Vec::new();
        let mut names = BTreeSet::new();
        let spread = given.into_iter().map(spread).collect::<Result<Vec<_>, String>>()?;
        for Given { scope, file, text } in spread.into_iter().flatten() {
            let entries = spring::read(&file, &text, scope.unwrap_or(Scope::Broker));
            let entries = entries.map_err(|error| told(&file, &text, error))?;
            let scope = match scope {
                Some(scope) => scope,
                None => whose(&file, &entries, version)?,
            };
            if let Some(other) =
                files.iter().find(|one| one.scope == scope && scope == Scope::Broker)
            {
                return Err(format!(
                    "error: {} and {file} are both of a broker, and all brokers have the same settings here; \
                     name one of them",
                    other.file
                ));
            }
            let stem = match spring::is_spring(&file, &text) {
                true => scope.name().to_owned(),
                false => stem(&file, scope),
            };
            let name = free(&stem, &mut names);
            files.push(File { scope, file, name, text, entries });
        }
        Ok(Self(files))
    }

    pub(super) fn all(&self) -> &[File] {
        &self.0
    }

    pub(super) fn of(&self, scope: Scope) -> impl Iterator<Item = &File> {
        self.0.iter().filter(move |one| one.scope == scope)
    }

    /// The text of a file as a scenario reads it: without what is refused here.
    pub(super) fn text(&self, name: &str) -> Result<(String, String), String> {
        let file = self.0.iter().find(|one| one.name == name).ok_or("no such file")?;
        let mut text = file.text.clone();
        for (entry, _) in file.refused() {
            blank(&mut text, Span { start: entry.key_span.start, end: entry.value_span.end });
        }
        Ok((file.file.clone(), text))
    }

    /// The entry that counts.
    pub(super) fn find(&self, scope: Scope, name: &str, key: &str) -> Option<(&File, &Entry)> {
        let named = |one: &&File| scope == Scope::Broker || one.name == name;
        let file = self.of(scope).find(named)?;
        Some((file, file.entry(key)?))
    }

    /// `producers.p.config.acks=1` as the user knows it: `producer.properties:3 acks=1`.
    pub(super) fn whence(&self, setting: &str, version: KafkaVersion) -> String {
        let Some((path, value)) = setting.split_once('=') else { return setting.to_owned() };
        let (owner, key) = path.split_once(".config.").unwrap_or((path, ""));
        let (section, name) = owner.split_once('.').unwrap_or((owner, ""));
        let (scope, name, key) = match (section, key) {
            ("producers", key) if !key.is_empty() => (Scope::Producer, name, key),
            ("topics", "") => {
                let name = name.split('.').next().unwrap_or(name);
                (Scope::Topic, name, "replication.factor")
            }
            ("topics", key) => (Scope::Topic, name, key),
            ("groups", "") => {
                let name = name.split('.').next().unwrap_or(name);
                return self.commit(name, value);
            }
            ("groups", key) => (Scope::Consumer, name, key),
            ("cluster", key) if !key.is_empty() => (Scope::Broker, "", key),
            _ => return setting.to_owned(),
        };
        match self.set(scope, name, key, version) {
            Some((file, entry)) => {
                let shown = entry.value.trim();
                let same = shown.eq_ignore_ascii_case(value) || shown == "-1" && value == "all";
                let value = if same { shown } else { value };
                format!("{}:{} {}={value}", file.file, file.line(entry), entry.key)
            }
            None => absent(scope, key, value, version),
        }
    }

    /// The commit strategy follows from a setting.
    fn commit(&self, name: &str, value: &str) -> String {
        match self.find(Scope::Consumer, name, "enable.auto.commit") {
            Some((file, entry)) => {
                let (line, value) = (file.line(entry), entry.value.trim());
                format!("{}:{line} enable.auto.commit={value}", file.file)
            }
            None if value.starts_with("auto") => "enable.auto.commit=true by default".to_owned(),
            None => format!("commit={value}"),
        }
    }

    /// Where a value is set; a topic's also at its broker.
    fn set(
        &self,
        scope: Scope,
        name: &str,
        key: &str,
        version: KafkaVersion,
    ) -> Option<(&File, &Entry)> {
        let inherits = kafka::find(scope, key, version).map(|theirs| theirs.inherits.as_slice());
        let own = self.find(scope, name, key);
        let from = inherits.unwrap_or_default().iter();
        let mut broker = from.map(|key| self.find(Scope::Broker, "", key));
        let factor = || self.find(Scope::Broker, "", "default.replication.factor");
        own.or_else(|| broker.find_map(|found| found))
            .or_else(|| if key == "replication.factor" { factor() } else { None })
    }
}

impl File {
    /// The last of several counts.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|one| one.key == key)
    }

    /// The line of a setting, from 1.
    pub(super) fn line(&self, entry: &Entry) -> u64 {
        let before = self.text.get(..entry.key_span.start).unwrap_or_default();
        before.matches('\n').count() as u64 + 1
    }

    /// What Kafka takes, the models do not, and no value stands for.
    pub(super) fn refused(&self) -> impl Iterator<Item = (&Entry, Refusal)> {
        self.entries.iter().filter_map(|entry| {
            match settings::find(self.scope, &entry.key)?.standing {
                Standing::Refused(why) if !why.unless.contains(&entry.value.trim()) => {
                    Some((entry, why))
                }
                _ => None,
            }
        })
    }

    /// A value that Kafka takes and the models do not.
    pub(super) fn foreign(&self, entry: &Entry) -> bool {
        let ours = settings::find(self.scope, &entry.key).filter(|one| one.is_modelled());
        let value = entry.value.trim();
        // It is modelled, but a run begins without a commit.
        let needs_commits = entry.key == "auto.offset.reset" && value == "none";
        let mut theirs = kafka::all().iter();
        let theirs = theirs.find(|one| one.scope == self.scope && one.key == entry.key);
        let value = theirs.map_or_else(|| value.to_owned(), |theirs| theirs.spelt(value));
        ours.is_some_and(|one| one.kind.foreign(&value).is_some() || needs_commits)
    }

    pub(super) fn settings(&self, version: KafkaVersion) -> Vec<SettingReport> {
        let one = |entry: &Entry| {
            let standing = self.becomes(entry, version);
            let secret = standing == Becomes::Unknown || is_secret(self.scope, &entry.key);
            SettingReport {
                key: entry.key.clone(),
                value: (!secret).then(|| entry.value.trim().to_owned()),
                line: self.line(entry),
                standing,
                about: match standing {
                    Becomes::Unknown => format!("Kafka {version} does not know it"),
                    _ => about(self.scope, &entry.key),
                },
            }
        };
        self.entries.iter().map(one).collect()
    }

    fn becomes(&self, entry: &Entry, version: KafkaVersion) -> Becomes {
        let key = entry.key.as_str();
        if kafka::find(self.scope, key, version).is_none() {
            return if is_handed_on(key) { Becomes::NoEffect } else { Becomes::Unknown };
        }
        match settings::find(self.scope, key).map(|one| one.standing) {
            Some(Standing::Modelled) if self.foreign(entry) => Becomes::Refused,
            Some(Standing::Modelled) if CONDITIONAL.contains(&key) => Becomes::NoEffect,
            Some(Standing::Modelled) => Becomes::Modelled,
            _ if self.scope == Scope::Broker && SHAPES.contains(&key) => Becomes::Modelled,
            Some(Standing::Refused(why)) if !why.unless.contains(&entry.value.trim()) => {
                Becomes::Refused
            }
            _ => Becomes::NoEffect,
        }
    }
}

fn told(file: &str, text: &str, error: SyntaxError) -> String {
    Diagnostic::error(&hidden(text), file, error.span, error.message).to_string()
}

/// A file of Spring Boot's stands for one of each kind of client that it configures.
fn spread(given: Given) -> Result<Vec<Given>, String> {
    let Given { scope, file, text } = &given;
    if scope.is_some() || !spring::is_spring(file, text) {
        return Ok(vec![given]);
    }
    let scopes = spring::scopes(file, text).map_err(|error| told(file, text, error))?;
    if scopes.is_empty() {
        return Err(format!(
            "error: {file}: nothing stands under spring.kafka.producer or spring.kafka.consumer"
        ));
    }
    let each = scopes.into_iter().map(|scope| Given { scope: Some(scope), ..given.clone() });
    Ok(each.collect())
}

/// A value that no file sets.
fn absent(scope: Scope, key: &str, value: &str, version: KafkaVersion) -> String {
    let theirs = kafka::find(scope, key, version).and_then(|theirs| theirs.default);
    match (theirs, key) {
        (_, "enable.idempotence") if value == "false" => {
            format!("{key}=false, as acks or retries have it")
        }
        (Some(default), _) if default == value => format!("{key}={value} by default"),
        (Some(_), _) => format!("{key}={value}"),
        (None, _) => format!("{key}={value}, assumed"),
    }
}

/// Words in the name of a file that say whose it is.
const WORDS: [(&str, Scope); 5] = [
    ("producer", Scope::Producer),
    ("consumer", Scope::Consumer),
    ("server", Scope::Broker),
    ("broker", Scope::Broker),
    ("topic", Scope::Topic),
];

/// Whose settings these are: who knows most of the keys, and by name where that is open.
fn whose(file: &str, entries: &[Entry], version: KafkaVersion) -> Result<Scope, String> {
    let known = |scope| {
        entries.iter().filter(|one| kafka::find(scope, &one.key, version).is_some()).count()
    };
    let most = Scope::ALL.into_iter().map(known).max().unwrap_or(0);
    let best: Vec<Scope> = Scope::ALL.into_iter().filter(|scope| known(*scope) == most).collect();
    if let [one] = best.as_slice() {
        return Ok(*one);
    }
    let name = Path::new(file).file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let named = WORDS.iter().filter(|(word, scope)| name.contains(word) && best.contains(scope));
    let named: Vec<Scope> = named.map(|(_, scope)| *scope).collect();
    match named.as_slice() {
        [one] => Ok(*one),
        _ => {
            let names: Vec<&str> = best.iter().map(|scope| scope.name()).collect();
            Err(format!(
                "error: {file}: its settings may be those of a {}; write {}={file}",
                names.join(" or a "),
                best.first().map_or("producer", |scope| scope.name())
            ))
        }
    }
}

/// A name for whose file it is: `conf/billing.properties` → `billing`.
fn stem(file: &str, scope: Scope) -> String {
    let stem = Path::new(file).file_stem().unwrap_or_default().to_string_lossy();
    let legal = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = stem.chars().take(60).map(legal).collect();
    let usual =
        name.trim_matches('-').is_empty() || ["broker", "brokers", "controller"].contains(&&*name);
    if usual { scope.name().to_owned() } else { name }
}

/// `name`, or with a number behind it.
fn free(name: &str, taken: &mut BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut all = std::iter::once(name.to_owned()).chain(numbered);
    let free = all.find(|one| taken.insert(one.clone()));
    free.unwrap_or_else(|| name.to_owned())
}

/// Spaces in the place of a setting, so that all others stay where they are.
fn blank(text: &mut String, span: Span) {
    let Some(part) = text.get(span.start..span.end) else { return };
    let spaces: String = part
        .chars()
        .map(|c| if c == '\n' { "\n".to_owned() } else { " ".repeat(c.len_utf8()) })
        .collect();
    text.replace_range(span.start..span.end, &spaces);
}
