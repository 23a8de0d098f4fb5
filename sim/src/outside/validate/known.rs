//! Figures that are known to differ between real runs and simulated ones, each with the reason: they are shown,
//! and do not gate. A JSON object of scenarios, by the names of their files without `.json`, or `*` for all;
//! each an object of figures with the reasons.

use super::figures::NAMES;
use std::collections::BTreeMap;

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known(BTreeMap<String, BTreeMap<String, String>>);

impl Known {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        let all: BTreeMap<String, BTreeMap<String, String>> =
            serde_json::from_str(text).map_err(|error| error.to_string())?;
        for (scenario, figures) in &all {
            for (figure, why) in figures {
                if !NAMES.contains(&figure.as_str()) {
                    let names = NAMES.join(", ");
                    return Err(format!(
                        "{scenario}: {figure:?} is not a figure; the figures are {names}"
                    ));
                }
                if why.trim().is_empty() {
                    return Err(format!("{scenario}: {figure}: no reason"));
                }
            }
        }
        Ok(Self(all))
    }

    /// The figures of the scenario in the file `stem`.json, with the reasons; its own come before those of all.
    #[must_use]
    pub fn of(&self, stem: &str) -> BTreeMap<String, String> {
        let all = ["*", stem].into_iter().filter_map(|name| self.0.get(name));
        all.flatten().map(|(figure, why)| (figure.clone(), why.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Known;

    #[test]
    fn a_scenarios_own_reasons_come_before_those_of_all() {
        let text = r#"{"*": {"sent": "all", "acked": "all"}, "a": {"sent": "own"}}"#;
        let known = Known::read(text).unwrap();
        let of = |stem| known.of(stem).into_values().collect::<Vec<_>>();
        assert_eq!(of("a"), ["all", "own"]);
        assert_eq!(of("b"), ["all", "all"]);
    }

    #[test]
    fn what_is_no_figure_or_has_no_reason_is_refused() {
        let refused = |text: &str| Known::read(text).unwrap_err();
        assert!(
            refused(r#"{"a": {"send": "x"}}"#)
                .contains("\"send\" is not a figure; the figures are sent")
        );
        assert!(refused(r#"{"a": {"sent": " "}}"#).contains("sent: no reason"));
        assert!(refused("[]").contains("expected a map"));
    }
}
