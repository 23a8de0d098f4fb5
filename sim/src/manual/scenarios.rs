//! Entries of footguns: what their scenarios say of themselves, and what they expect.

use super::footguns::{FOOTGUNS, Footgun};
use super::{commands, items, text};
use crate::world::document::load_reading;
use ackproof_oracle::advice::causes;
use ackproof_oracle::registry::PROPERTIES;
use ackproof_reports::reference::{Entry, Kind};
use ackproof_scenario::describe::verb;
use ackproof_scenario::plan::{Expected, Plan};

/// A footgun with what its scenario means.
pub(super) struct Told {
    pub(super) footgun: &'static Footgun,
    pub(super) plan: Plan,
}

impl Told {
    /// It as an item of a list.
    pub(super) fn item(&self) -> (Kind, String, String) {
        (Kind::Footgun, self.footgun.name.to_owned(), self.plan.about.clone())
    }

    /// Whether its scenario expects `property` to be violated.
    pub(super) fn breaks(&self, property: &str) -> bool {
        self.expects(property, Expected::Violated)
    }

    fn expects(&self, property: &str, expected: Expected) -> bool {
        self.plan.expect.properties.get(property) == Some(&expected)
    }

    /// Whether one of its faults is called so.
    pub(super) fn has(&self, fault: &str) -> bool {
        let kinds = self.plan.faults.iter().flat_map(|fault| &fault.choices);
        kinds.into_iter().any(|(_, kind)| verb(&kind.action) == fault)
    }

    /// Whether its words name a setting.
    pub(super) fn names(&self, key: &str) -> bool {
        let inside = |letter: char| letter.is_alphanumeric() || letter == '.' || letter == '_';
        let names = |text: &str| {
            text.match_indices(key).any(|(at, _)| {
                let before = text[..at].chars().next_back();
                let mut after = text[at + key.len()..].chars();
                let (next, beyond) = (after.next(), after.next());
                let ends = match next {
                    // A key of one word is a word of English too.
                    Some('=') => true,
                    _ if !key.contains('.') => false,
                    // The end of a sentence, not of a longer key.
                    Some('.') => !beyond.is_some_and(char::is_alphanumeric),
                    Some(letter) => !inside(letter),
                    None => true,
                };
                let begins = !before.is_some_and(inside) || text[..at].ends_with(".config.");
                begins && ends
            })
        };
        self.footgun.parts().iter().any(|(_, text)| names(text))
    }

    /// The command that shows it.
    pub(super) fn command(&self) -> String {
        let seeds = match self.footgun.name {
            // Few seeds have this cause.
            "commit-sent-again" | "revocation-commit-sent-again" => 40,
            _ => 16,
        };
        format!("ackproof run {} --seeds 0..{seeds}", self.footgun.file())
    }
}

/// Every footgun.
pub(super) fn told() -> Vec<Told> {
    let read = |footgun: &'static Footgun| {
        let file = footgun.file();
        let reader = |_: &str| Err("a footgun names no files".to_owned());
        let (plan, _) = load_reading(footgun.text, (&file, &reader), &[]).ok()?;
        Some(Told { footgun, plan })
    };
    FOOTGUNS.iter().filter_map(read).collect()
}

pub(super) fn entries(footguns: &[Told]) -> Vec<Entry> {
    footguns.iter().map(entry).collect()
}

fn entry(told: &Told) -> Entry {
    let mut parts: Vec<_> =
        told.footgun.parts().into_iter().map(|(title, words)| text(title, words)).collect();
    let cause = (Kind::Cause, told.footgun.cause.to_owned(), about(told.footgun.cause));
    parts.extend(items("The report names the cause", vec![cause]));
    for (title, expected) in
        [("It breaks", Expected::Violated), ("It may break too", Expected::MayViolate)]
    {
        let broken = PROPERTIES.iter().filter(|one| told.expects(one.name, expected));
        let broken = broken.map(|one| (Kind::Property, one.name.to_owned(), one.about.to_owned()));
        parts.extend(items(title, broken.collect()));
    }
    parts.extend(commands("Run it", vec![told.command()]));
    Entry {
        kind: Kind::Footgun,
        name: told.footgun.name.to_owned(),
        what: "a footgun: what Kafka lets you get wrong".to_owned(),
        page: None,
        about: told.plan.about.clone(),
        parts,
    }
}

/// What a cause means, in a sentence.
fn about(cause: &str) -> String {
    let found = causes().into_iter().find(|one| one.name == cause);
    found.map_or_else(String::new, |one| one.about.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_footgun_is_read() {
        assert_eq!(told().len(), FOOTGUNS.len());
    }

    #[test]
    fn a_setting_is_named_by_its_whole_key() {
        let all = told();
        let named = |name: &str, key: &str| {
            all.iter().find(|one| one.footgun.name == name).expect("it is there").names(key)
        };
        assert!(named("poll-overrun", "max.poll.records"), "in the path of a --set");
        assert!(named("acks-zero", "acks"));
        assert!(!named("commit-sent-again", "retries"), "a callback that retries");
        assert!(named("frozen-member", "session.timeout.ms"));
        assert!(!named("frozen-member", "timeout.ms"), "not the end of another key");
        assert!(!named("poll-overrun", "max.poll"), "not the beginning of one");
    }
}
