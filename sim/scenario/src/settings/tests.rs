//! The table is sound, and harm is told from what breaks nothing.

use super::*;
use Scope::{Broker, Topic};
use std::collections::BTreeSet;

#[test]
fn keys_are_distinct_and_defaults_legal() {
    let mut seen = BTreeSet::new();
    for setting in SETTINGS {
        assert!(seen.insert((setting.scope.name(), setting.key)), "{} twice", setting.key);
        for version in KafkaVersion::ALL {
            let legal = match (setting.kind, setting.default_in(version)) {
                (Kind::Number { min, max, .. }, Preset::Number(n)) => (min..=max).contains(&n),
                (Kind::Switch, Preset::Switch(_)) => true,
                (Kind::Word(words) | Kind::Reset(words), Preset::Word(word)) => {
                    words.contains(&word)
                }
                (Kind::Words(words), Preset::Word(list)) => {
                    list.split(',').all(|word| words.contains(&word))
                }
                (Kind::Text, Preset::Unneeded | Preset::Word(_)) => true,
                (Kind::Word(_) | Kind::Words(_) | Kind::Number { .. }, Preset::Unneeded) => {
                    setting.is_modelled()
                }
                (Kind::Anything, Preset::Unneeded) => !setting.is_modelled(),
                _ => false,
            };
            assert!(legal, "{} in {version}", setting.key);
        }
        assert!(setting.since.is_sorted_by_key(|(version, _)| *version), "{}", setting.key);
    }
}

#[test]
fn a_value_that_breaks_nothing_is_no_harm() {
    let harms = |scope, key: &str, value| match find(scope, key).map(|one| one.standing) {
        Some(Standing::Harmful(harm)) => harm.is_in(value),
        other => panic!("{key}: {other:?}"),
    };
    for (scope, key, harmful, harmless) in [
        (Broker, "group.max.size", "10", "2147483647"),
        (Topic, "remote.storage.enable", "true", "false"),
    ] {
        assert!(harms(scope, key, harmful), "{key}={harmful}");
        assert!(!harms(scope, key, harmless), "{key}={harmless}");
    }
}
