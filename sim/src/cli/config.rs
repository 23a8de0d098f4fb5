//! Where the options of `run` come from: flag before environment before profile before file before
//! default. `ackproof config` shows the outcome. What a value means is [`super::options`]'s.

use super::args::{Config, Flags, Places};
use super::options::{KEYS, Key, Options};
use super::output::{result, talk};
use super::status::Status;
use ackproof_scenario::diagnostic::{Diagnostic, decode, nearest};
use ackproof_scenario::json::Span;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The file that is read if there is one.
const FILE: &str = "ackproof.toml";
/// Tables of profiles.
const PROFILE: &str = "profile";
/// Variables that say where to look, and so are no options.
const CONFIG_VARIABLE: &str = "ACKPROOF_CONFIG";
const PROFILE_VARIABLE: &str = "ACKPROOF_PROFILE";

/// A value with the place that it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    text: String,
    place: String,
}

/// What was said, by option; what comes later replaces.
#[derive(Debug, Default)]
struct Layers {
    options: Options,
    said: BTreeMap<&'static str, Said>,
}

impl Layers {
    fn put(&mut self, key: &Key, text: &str, place: String) -> Result<(), String> {
        (key.set)(&mut self.options, text)?;
        // Both say which seeds.
        let other = ["seed", "seeds"]
            .into_iter()
            .find(|other| ["seed", "seeds"].contains(&key.name) && *other != key.name);
        other.map(|other| self.said.remove(other));
        self.said.insert(key.name, Said { text: text.to_owned(), place });
        Ok(())
    }
}

/// The options that hold.
///
/// # Errors
/// Everything wrong in the first place that has something wrong.
pub(crate) fn options(places: &Places, flags: &Flags) -> Result<Options, String> {
    layers(places, flags).map(|layers| layers.options)
}

/// Shows them.
pub(crate) fn config(arguments: &Config) -> Status {
    match layers(&arguments.places, &arguments.flags) {
        Ok(layers) => result(&shown(&layers)),
        Err(text) => {
            talk(&text);
            Status::Usage
        }
    }
}

fn shown(layers: &Layers) -> String {
    let mut text = String::new();
    for key in KEYS {
        let line = match layers.said.get(key.name) {
            Some(Said { text, place }) => {
                format!("{} = {}  # {place}\n", key.name, toml::Value::String(text.clone()))
            }
            None if key.name == "seed" && layers.said.contains_key("seeds") => continue,
            None if key.default.is_empty() => format!("# {}: not set\n", key.name),
            None => format!("{} = \"{}\"  # default\n", key.name, key.default),
        };
        text.push_str(&line);
    }
    text
}

fn layers(places: &Places, flags: &Flags) -> Result<Layers, String> {
    let mut layers = Layers::default();
    let named = places.config.clone().or_else(|| variable(CONFIG_VARIABLE).map(PathBuf::from));
    let path = named.clone().unwrap_or_else(|| PathBuf::from(FILE));
    let profile = places.profile.clone().or_else(|| variable(PROFILE_VARIABLE));
    let is_there = named.is_some() || path.exists();
    if is_there {
        file(&path, profile.as_deref(), &mut layers)?;
    } else if let Some(profile) = profile {
        return Err(format!("error: there is no {FILE} that could have a profile \"{profile}\"\n"));
    }
    environment(&mut layers)?;
    for key in KEYS {
        if let Some(text) = (key.flag)(flags) {
            let place = format!("--{}", key.name);
            layers.put(key, text, place).map_err(|why| format!("error: {why}\n"))?;
        }
    }
    Ok(layers)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn environment(layers: &mut Layers) -> Result<(), String> {
    let both = variable("ACKPROOF_SEED").is_some() && variable("ACKPROOF_SEEDS").is_some();
    if both {
        return Err("error: ACKPROOF_SEED and ACKPROOF_SEEDS contradict each other\n".to_owned());
    }
    for key in KEYS {
        let name = key.variable();
        if let Some(text) = variable(&name) {
            let refused = |why| format!("error: {name}: {why}\n");
            layers.put(key, &text, name.clone()).map_err(refused)?;
        }
    }
    let known: Vec<String> = KEYS.iter().map(Key::variable).collect();
    let known = || known.iter().map(String::as_str).chain([CONFIG_VARIABLE, PROFILE_VARIABLE]);
    let mut names: Vec<String> =
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
    names.sort();
    for name in names.iter().filter(|name| name.starts_with("ACKPROOF_")) {
        if !known().any(|one| one == name) {
            let hint = nearest(name, known()).map_or_else(String::new, |hint| format!(": {hint}"));
            talk(&format!("warning: {name} means nothing to ackproof{hint}\n"));
        }
    }
    Ok(())
}

/// Reads a file, and one of its profiles.
fn file(path: &Path, profile: Option<&str>, layers: &mut Layers) -> Result<(), String> {
    let shown = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| format!("error: {shown}: {error}\n"))?;
    let text = decode(bytes, &shown).map_err(|error| format!("{error}\n"))?;
    let mut reader = Reader { text: &text, file: &shown, found: Vec::new() };
    match DeTable::parse(&text) {
        Ok(table) => reader.table(table.get_ref(), profile, layers),
        Err(error) => {
            let span = error.span().unwrap_or_default();
            reader.found.push(reader.error(span, error.message().to_owned()));
        }
    }
    if reader.found.is_empty() {
        return Ok(());
    }
    reader.found.sort_by_key(|one| (one.line, one.column));
    Err(reader.found.iter().map(|one| format!("{one}\n")).collect())
}

type Entry<'e, 'i> = (&'e Spanned<toml::de::DeString<'i>>, &'e Spanned<DeValue<'i>>);

/// Reads the tree of a file while collecting mistakes.
struct Reader<'a> {
    text: &'a str,
    file: &'a str,
    found: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn error(&self, span: std::ops::Range<usize>, message: String) -> Diagnostic {
        let span = Span { start: span.start, end: span.end };
        Diagnostic::error(self.text, self.file, span, message)
    }

    fn table(&mut self, table: &DeTable<'_>, profile: Option<&str>, layers: &mut Layers) {
        let mut profiles = None;
        for entry in table.iter() {
            match (entry.0.get_ref().as_ref(), entry.1.get_ref()) {
                (PROFILE, DeValue::Table(table)) => profiles = Some(table),
                (PROFILE, _) => {
                    let message = "profiles are tables: [profile.ci]".to_owned();
                    self.found.push(self.error(entry.1.span(), message));
                }
                _ => self.entry(entry, None, layers),
            }
        }
        self.contradiction(table);
        let mut unused = Layers::default();
        let mut names = Vec::new();
        for (name, value) in profiles.into_iter().flat_map(|table| table.iter()) {
            let DeValue::Table(table) = value.get_ref() else {
                let message = "a profile is a table: [profile.ci]".to_owned();
                self.found.push(self.error(value.span(), message));
                continue;
            };
            let name = name.get_ref().as_ref();
            names.push(name.to_owned());
            // Profiles that are not asked for must be right as well.
            let layers = if profile == Some(name) { &mut *layers } else { &mut unused };
            table.iter().for_each(|entry| self.entry(entry, Some(name), layers));
            self.contradiction(table);
        }
        if let Some(profile) = profile.filter(|wanted| !names.iter().any(|name| name == wanted)) {
            let mut error = self.error(0..0, format!("there is no profile \"{profile}\" here"));
            let names = || names.iter().map(String::as_str);
            let all = || format!("there are {}", names().collect::<Vec<_>>().join(", "));
            error.hint = nearest(profile, names()).or_else(|| (names().count() > 0).then(all));
            self.found.push(error);
        }
    }

    fn contradiction(&mut self, table: &DeTable<'_>) {
        let find = |wanted| table.iter().find(|(key, _)| key.get_ref().as_ref() == wanted);
        if let (Some(_), Some((key, _))) = (find("seed"), find("seeds")) {
            let message = "\"seed\" and \"seeds\" contradict each other".to_owned();
            self.found.push(self.error(key.span(), message));
        }
    }

    fn entry(&mut self, (key, value): Entry<'_, '_>, profile: Option<&str>, layers: &mut Layers) {
        let name = key.get_ref().as_ref();
        let Some(row) = KEYS.iter().find(|row| row.name == name) else {
            let mut error = self.error(key.span(), format!("\"{name}\" is not an option"));
            let known = KEYS.iter().map(|row| row.name).chain([PROFILE]);
            error.hint = nearest(name, known);
            self.found.push(error);
            return;
        };
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Boolean(on) => on.to_string(),
            DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                let message = "expected a text, a whole number, or true or false".to_owned();
                self.found.push(self.error(value.span(), message));
                return;
            }
        };
        let line = self.error(key.span(), String::new()).line;
        let of = profile.map_or_else(String::new, |name| format!(" [profile.{name}]"));
        let place = format!("{}:{line}{of}", self.file);
        if let Err(why) = layers.put(row, &text, place) {
            self.found.push(self.error(value.span(), why));
        }
    }
}
