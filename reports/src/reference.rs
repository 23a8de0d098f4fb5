//! What each name means: properties, faults, causes, footguns and settings, as entries of a reference, and as pages
//! of the manual. It knows no name itself.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Where the pages lie, below the manual.
pub const FOLDER: &str = "reference";

/// What a name is a name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// What the oracle judges.
    Property,
    /// What a scenario does to a process or a link.
    Fault,
    /// Why something went wrong.
    Cause,
    /// A scenario of something that Kafka lets you get wrong.
    Footgun,
    /// A setting of Kafka.
    Setting,
}

impl Kind {
    /// In the order in which they are shown.
    pub const ALL: [Self; 5] =
        [Self::Property, Self::Fault, Self::Cause, Self::Footgun, Self::Setting];

    /// Several of them, as a title and as the name of a folder.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Property => "properties",
            Self::Fault => "faults",
            Self::Cause => "causes",
            Self::Footgun => "footguns",
            Self::Setting => "settings",
        }
    }
}

/// A name, and what is to be known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// As it is typed.
    pub name: String,
    /// What it is, in words: `the cause of a loss`, `a setting of producers`.
    pub what: String,
    /// The page that it shares with others; none: it has one of its own.
    pub page: Option<String>,
    /// What it means, in a sentence.
    pub about: String,
    /// The rest.
    pub parts: Vec<Part>,
}

/// A part of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What it tells: `Kafka's rule`.
    pub title: String,
    /// What is told.
    pub body: Body,
}

/// What a part tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// Sentences. Names stand between backticks.
    Text(String),
    /// Other entries, each with a sentence.
    Items(Vec<(Kind, String, String)>),
    /// Commands to copy.
    Commands(Vec<String>),
}

/// All entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference {
    /// By kind, in the order of their tables.
    pub entries: Vec<Entry>,
}

/// A page of the manual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its file, below the manual.
    pub path: String,
    /// Its title, as the table of contents has it.
    pub title: String,
    /// What it belongs to; none for the list of a kind.
    pub kind: Option<Kind>,
    /// Markdown.
    pub text: String,
}

impl Entry {
    /// Its file, below the manual.
    fn path(&self) -> String {
        let page = self.page.as_ref().unwrap_or(&self.name);
        format!("{FOLDER}/{}/{page}.md", self.kind.plural())
    }

    /// Where it stands: its file, and its place in it if it shares that.
    fn place(&self) -> String {
        let path = self.path();
        if self.page.is_some() { format!("{path}#{}", anchor(&self.name)) } else { path }
    }
}

/// The anchor that a heading gets from its text, here and on the pages of repositories.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || "-_ ".contains(*letter));
    kept.map(|letter| if letter == ' ' { '-' } else { letter.to_ascii_lowercase() }).collect()
}

impl Reference {
    /// What is called `name`.
    #[must_use]
    pub fn named(&self, name: &str) -> Vec<&Entry> {
        self.entries.iter().filter(|entry| entry.name == name).collect()
    }

    /// Every page: the list of each kind, then its entries.
    #[must_use]
    pub fn pages(&self) -> Vec<Page> {
        let mut pages = Vec::new();
        for kind in Kind::ALL {
            let all: Vec<&Entry> = self.entries.iter().filter(|entry| entry.kind == kind).collect();
            pages.push(self.list(kind, &all));
            let mut paths: Vec<String> = Vec::new();
            for entry in &all {
                let path = entry.path();
                if paths.contains(&path) {
                    continue;
                }
                paths.push(path.clone());
                let here: Vec<&&Entry> = all.iter().filter(|one| one.path() == path).collect();
                pages.push(match &entry.page {
                    Some(page) => self.shared(kind, &path, page, &here),
                    None => Page {
                        title: entry.name.clone(),
                        kind: Some(kind),
                        text: self.written(entry, "#", &path),
                        path,
                    },
                });
            }
        }
        pages
    }

    fn shared(&self, kind: Kind, path: &str, page: &str, here: &[&&Entry]) -> Page {
        let mut text = format!("# {}\n\n{SOURCE}\n", capital(page));
        for entry in here {
            text.push_str(&format!("\n{}", self.written(entry, "##", path)));
        }
        Page { path: path.to_owned(), title: capital(page), kind: Some(kind), text }
    }

    fn list(&self, kind: Kind, all: &[&Entry]) -> Page {
        let path = format!("{FOLDER}/{}.md", kind.plural());
        let title = capital(kind.plural());
        let mut text = format!("# {title}\n\n{SOURCE}\n\n| name | meaning |\n|---|---|\n");
        for entry in all {
            let about = self.linked(&entry.about, entry, &path).replace('|', "\\|");
            let place = relative(&path, &entry.place());
            put(&mut text, format_args!("| [`{}`]({place}) | {about} |", entry.name));
        }
        Page { path, title, kind: None, text }
    }

    /// An entry in Markdown, on the page `path`.
    fn written(&self, entry: &Entry, level: &str, path: &str) -> String {
        let mut text = format!("{level} {}\n", entry.name);
        if level == "#" {
            put(&mut text, format_args!("\n{SOURCE}"));
        }
        let about = self.linked(&sentence(&entry.about), entry, path);
        put(&mut text, format_args!("\n*{}.* {about}", capital(&entry.what)));
        for Part { title, body } in &entry.parts {
            match body {
                Body::Text(words) => {
                    let words = self.linked(&sentence(words), entry, path);
                    put(&mut text, format_args!("\n**{title}.** {words}"));
                }
                Body::Items(items) => {
                    put(&mut text, format_args!("\n**{title}:**\n"));
                    for (kind, name, about) in items {
                        let link = self.link(*kind, name, path);
                        let about = self.linked(about, entry, path);
                        put(&mut text, format_args!("- {link}: {about}"));
                    }
                }
                Body::Commands(lines) => {
                    put(
                        &mut text,
                        format_args!("\n**{title}:**\n\n```sh\n{}\n```", lines.join("\n")),
                    );
                }
            }
        }
        text
    }

    /// `name` as a link from the page `path`, if there is an entry of it.
    fn link(&self, kind: Kind, name: &str, path: &str) -> String {
        let mut all = self.entries.iter().filter(|entry| entry.kind == kind);
        match all.find(|entry| entry.name == name) {
            Some(entry) => format!("[`{name}`]({})", relative(path, &entry.place())),
            None => format!("`{name}`"),
        }
    }

    /// The way from `path` to a setting that is named with its place: `groups.NAME.config.metadata.max.age.ms`.
    fn scoped(&self, name: &str, path: &str) -> Option<String> {
        let (place, key) = name.split_once(".config.")?;
        let page = match place.split('.').next()? {
            "groups" => "consumer",
            "producers" => "producer",
            "topics" => "topic",
            _ => "broker",
        };
        let its = |entry: &&Entry| entry.name == key && entry.page.as_deref() == Some(page);
        self.entries.iter().find(its).map(|entry| relative(path, &entry.place()))
    }

    /// `words` with a link at each name between backticks that is an entry: a property, or a setting with or
    /// without its value.
    fn linked(&self, words: &str, own: &Entry, path: &str) -> String {
        let mut places: BTreeMap<&str, String> = BTreeMap::new();
        for entry in self.entries.iter().rev() {
            if matches!(entry.kind, Kind::Property | Kind::Setting) && entry.name != own.name {
                places.insert(&entry.name, relative(path, &entry.place()));
            }
        }
        let mut text = String::new();
        for (index, piece) in words.split('`').enumerate() {
            if index % 2 == 0 {
                text.push_str(piece);
                continue;
            }
            let name = piece.split('=').next().unwrap_or(piece);
            match self.scoped(name, path).as_ref().or_else(|| places.get(name)) {
                Some(place) => text.push_str(&format!("[`{piece}`]({place})")),
                None => text.push_str(&format!("`{piece}`")),
            }
        }
        text
    }
}

const SOURCE: &str =
    "<!-- Written from the code by `BLESS=1 cargo test`: edit the tables, not this page. -->";

/// The way from one page to another, both below the manual.
fn relative(from: &str, to: &str) -> String {
    let (page, mark) = to.split_once('#').map_or((to, None), |(page, mark)| (page, Some(mark)));
    let mark = mark.map_or_else(String::new, |mark| format!("#{mark}"));
    if page == from {
        return mark;
    }
    let from: Vec<&str> = from.split('/').collect();
    let to: Vec<&str> = page.split('/').collect();
    let folders = from.len() - 1;
    let common = from[..folders].iter().zip(&to).take_while(|(one, other)| one == other).count();
    format!("{}{}{mark}", "../".repeat(folders - common), to[common..].join("/"))
}

/// Words as a sentence: with a capital, and a stop.
#[must_use]
pub fn sentence(words: &str) -> String {
    let words = capital(words);
    if words.ends_with(['.', '?', '!']) { words } else { format!("{words}.") }
}

/// Words with a capital, unless they begin with what is typed: `acks=1: …`.
fn capital(words: &str) -> String {
    let first = words.split([' ', ':']).next().unwrap_or_default();
    if first.contains(['=', '.', '_', '(', '`']) || first.ends_with("()") {
        return words.to_owned();
    }
    let mut letters = words.chars();
    let capital = letters.next().map(|letter| letter.to_uppercase().to_string());
    capital.unwrap_or_default() + letters.as_str()
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a string takes every text");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: Kind, name: &str, page: Option<&str>) -> Entry {
        let page = page.map(str::to_owned);
        let what = "a thing".to_owned();
        let about = "`acks=1` does it".to_owned();
        let items = Body::Items(vec![(Kind::Cause, "b".to_owned(), "why".to_owned())]);
        let parts = vec![Part { title: "Seen in".to_owned(), body: items }];
        Entry { kind, name: name.to_owned(), what, page, about, parts }
    }

    #[test]
    fn names_lead_to_their_pages() {
        let all = Reference {
            entries: vec![
                entry(Kind::Property, "a", None),
                entry(Kind::Cause, "b", None),
                entry(Kind::Setting, "acks", Some("producer")),
            ],
        };
        let pages = all.pages();
        let find = |path: &str| pages.iter().find(|page| page.path == path).expect(path);
        let property = find("reference/properties/a.md");
        assert!(property.text.contains("[`acks=1`](../settings/producer.md#acks)"), "{property:?}");
        assert!(property.text.contains("- [`b`](../causes/b.md): why"), "{property:?}");
        assert!(find("reference/settings/producer.md").text.contains("\n## acks\n"));
        let list = find("reference/causes.md");
        assert!(list.text.contains("| [`b`](causes/b.md) |"), "{list:?}");
        assert_eq!(pages.len(), 5 + 3);
        assert_eq!(all.named("b").len(), 1);
    }

    #[test]
    fn words_become_sentences() {
        assert_eq!(sentence("a rule"), "A rule.");
        assert_eq!(sentence("acks=1: so it is."), "acks=1: so it is.");
        assert_eq!(anchor("max.in.flight_x y"), "maxinflight_x-y");
    }
}
