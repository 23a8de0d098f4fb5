//! Entries of settings. Those that the models follow have all their parts; those that do not, what is known of
//! their values, and what they could break. One page holds the settings of one side: hundreds of pages of one
//! paragraph help nobody.

use super::scenarios::Told;
use super::{items, text};
use ackproof_oracle::advice::causes;
use ackproof_reports::reference::{Entry, Kind, Part};
use ackproof_scenario::settings::prose::{Prose, prose};
use ackproof_scenario::settings::words::{about, every};
use ackproof_scenario::settings::{Scope, Standing, find};

pub(super) fn entries(footguns: &[Told]) -> Vec<Entry> {
    let mut all = every();
    all.retain(|(scope, key)| is_told(*scope, key));
    // The pages in the order in which a reader meets them.
    let order = [Scope::Producer, Scope::Topic, Scope::Broker, Scope::Consumer];
    all.sort_by_key(|(scope, _)| order.iter().position(|one| one == scope));
    all.into_iter().map(|(scope, key)| entry(scope, key, footguns)).collect()
}

/// Whether it changes anything, here or on a real cluster. Of the others a list is enough (`list settings`).
fn is_told(scope: Scope, key: &str) -> bool {
    let standing = find(scope, key).map(|setting| setting.standing);
    prose(scope, key).is_some()
        || matches!(standing, Some(Standing::Harmful(_) | Standing::Refused(_)))
}

/// A setting that changes nothing here, which has no entry.
pub(super) fn entry(scope: Scope, key: &str, footguns: &[Told]) -> Entry {
    let values = about(scope, key);
    let values = values.split_once(": ").map_or(values.as_str(), |(_, values)| values);
    let mut parts: Vec<Part> = Vec::new();
    let says = match prose(scope, key) {
        Some(Prose { does, risk }) => {
            if !risk.is_empty() {
                parts.push(text("What goes wrong", risk));
            }
            does.to_owned()
        }
        None => "the models do not follow it".to_owned(),
    };
    parts.push(text("Values", values));
    parts.push(text("In a scenario", place(scope, key)));
    let is_its = |setting: &str| setting.split('=').next() == Some(key);
    let allowed = causes().into_iter().filter(|one| one.setting.is_some_and(is_its));
    let allowed = allowed.map(|one| (Kind::Cause, one.name.to_owned(), one.about.to_owned()));
    parts.extend(items("Causes that name it", allowed.collect()));
    let named = footguns.iter().filter(|told| told.names(key));
    parts.extend(items("Footguns that name it", named.map(Told::item).collect()));
    Entry {
        kind: Kind::Setting,
        name: key.to_owned(),
        what: format!("a setting of a {}", scope.name()),
        page: Some(scope.name().to_owned()),
        about: says,
        parts,
    }
}

/// Where a scenario says it.
fn place(scope: Scope, key: &str) -> String {
    let (path, example) = match scope {
        Scope::Broker => ("cluster.config", "cluster.config"),
        Scope::Topic => ("topics.NAME.config", "topics.payments.config"),
        Scope::Producer => ("producers.NAME.config", "producers.billing.config"),
        Scope::Consumer => ("groups.NAME.config", "groups.ledger.config"),
    };
    format!("under `{path}`, or with `--set {example}.{key}=…`")
}
