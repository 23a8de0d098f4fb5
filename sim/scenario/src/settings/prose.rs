//! What each setting does and which value of it goes wrong, for the manual and `ackproof explain NAME`: a line of
//! `prose.tsv` for each. What a setting may be set to stands in the table of settings.

use super::Scope;

/// What is told of a setting, in words that begin small and end without a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prose {
    /// What it does.
    pub does: &'static str,
    /// Which value goes wrong, and how; empty: none is known.
    pub risk: &'static str,
}

/// What is told of a setting, if the models follow it.
#[must_use]
pub fn prose(scope: Scope, key: &str) -> Option<Prose> {
    let mut rows = rows();
    let (_, _, prose) = rows.find(|(scopes, name, _)| {
        *name == key && scopes.split(',').any(|one| one == scope.name())
    })?;
    Some(prose)
}

/// Whose each is, its key, and what is told of it.
fn rows() -> impl Iterator<Item = (&'static str, &'static str, Prose)> {
    let lines = include_str!("prose.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let mut cells = line.split('\t');
        let (scopes, key, does) = (cells.next()?, cells.next()?, cells.next()?);
        Some((scopes, key, Prose { does, risk: cells.next()? }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{SETTINGS, SHAPES, Standing};

    #[test]
    fn every_setting_that_counts_is_told_of_once() {
        let told = |scope: Scope, key: &str| {
            let ours = |scopes: &str| scopes.split(',').any(|one| one == scope.name());
            rows().filter(|(scopes, name, _)| *name == key && ours(scopes)).count()
        };
        for setting in SETTINGS {
            let shape = setting.scope == Scope::Broker && SHAPES.contains(&setting.key);
            let counts = setting.standing == Standing::Modelled || shape;
            let scope = setting.scope.name();
            assert_eq!(
                told(setting.scope, setting.key),
                usize::from(counts),
                "{scope}: {}",
                setting.key
            );
        }
        for (scopes, key, _) in rows() {
            let known =
                |scope| SETTINGS.iter().any(|one| one.scope.name() == scope && one.key == key);
            assert!(scopes.split(',').all(known), "{key}");
        }
    }
}
