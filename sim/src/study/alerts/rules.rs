//! Rule files of Prometheus: YAML as it is deployed, or inside of a `PrometheusRule` of Kubernetes. What cannot be
//! evaluated is refused, with its place.

use super::supported::unsupported;
use promql_parser::parser::{Expr, parse};
use promql_parser::util::parse_duration;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::time::Duration;

/// A group of rules, which are evaluated together.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// How often, in milliseconds; none: as often as there are samples.
    pub interval: Option<u64>,
    /// In order.
    pub rules: Vec<Rule>,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What it makes.
    pub makes: Makes,
    /// As it stands in the file.
    pub text: String,
    /// As it is evaluated.
    pub expr: Expr,
    /// Labels that it adds.
    pub labels: BTreeMap<String, String>,
}

/// What a rule makes of its expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Makes {
    /// An alert.
    Alert {
        /// Its name.
        name: String,
        /// How long the expression must hold, in milliseconds.
        wait: u64,
        /// How long it goes on firing after that.
        keep: u64,
    },
    /// A series of this name.
    Series(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    groups: Vec<GroupFile>,
    spec: Option<Spec>,
    #[serde(rename = "apiVersion")]
    _version: Option<IgnoredAny>,
    #[serde(rename = "kind")]
    _kind: Option<IgnoredAny>,
    #[serde(rename = "metadata")]
    _metadata: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Spec {
    groups: Vec<GroupFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupFile {
    name: Spanned<String>,
    interval: Option<Spanned<String>>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(rename = "limit")]
    _limit: Option<IgnoredAny>,
    #[serde(default)]
    rules: Vec<RuleFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    alert: Option<Spanned<String>>,
    record: Option<Spanned<String>>,
    expr: Spanned<String>,
    #[serde(rename = "for")]
    wait: Option<Spanned<String>>,
    keep_firing_for: Option<Spanned<String>>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    annotations: Option<IgnoredAny>,
}

/// Reads the text of `file`.
///
/// # Errors
/// All that is wrong, as it is shown.
pub fn read(file: &str, text: &str) -> Result<Vec<Group>, String> {
    let read: File = serde_saphyr::from_str(text)
        .map_err(|error| format!("error: {file}: {}\n", error.to_string().trim_end()))?;
    let mut groups = read.groups;
    groups.extend(read.spec.into_iter().flat_map(|spec| spec.groups));
    let mut mistakes = String::new();
    names(file, &groups, &mut mistakes);
    let groups: Vec<Group> =
        groups.into_iter().map(|one| group(file, one, &mut mistakes)).collect();
    let rules = groups.iter().flat_map(|group| &group.rules);
    if mistakes.is_empty() && !rules.into_iter().any(Rule::is_alert) {
        mistakes = format!("error: {file}: there is no alert in it\n");
    }
    if mistakes.is_empty() { Ok(groups) } else { Err(mistakes) }
}

impl Rule {
    /// Whether it makes an alert.
    pub(super) fn is_alert(&self) -> bool {
        matches!(self.makes, Makes::Alert { .. })
    }
}

/// The names of groups: each has one, of its own (Prometheus: `RuleGroups.Validate`).
fn names(file: &str, groups: &[GroupFile], mistakes: &mut String) {
    let mut seen = BTreeMap::new();
    for GroupFile { name, .. } in groups {
        let line = name.referenced.line();
        if name.value.is_empty() {
            mistakes.push_str(&format!("{}: a group needs a name\n", place(file, name)));
        } else if let Some(first) = seen.insert(name.value.as_str(), line) {
            let what = format!("a group of the name {:?} stands on line {first}", name.value);
            mistakes.push_str(&format!("{}: {what}\n", place(file, name)));
        }
    }
}

fn place(file: &str, of: &Spanned<String>) -> String {
    format!("error: {file}:{}:{}", of.referenced.line(), of.referenced.column())
}

/// Why a recording rule is none.
fn no_record(name: &str, read: &RuleFile) -> Option<String> {
    let is_name = |(place, letter): (usize, char)| {
        letter.is_ascii_alphabetic()
            || matches!(letter, '_' | ':')
            || place > 0 && letter.is_ascii_digit()
    };
    if name.contains(['{', '}']) {
        return Some("braces in the name of a series; do they belong into \"expr\"?".to_owned());
    }
    if !name.char_indices().all(is_name) {
        return Some("no name of a series: letters, digits, _ and :".to_owned());
    }
    let given = [
        ("for", read.wait.is_some()),
        ("keep_firing_for", read.keep_firing_for.is_some()),
        ("annotations", read.annotations.is_some()),
    ];
    let (key, _) = given.into_iter().find(|(_, is_given)| *is_given)?;
    Some(format!("a recording rule has no {key:?}"))
}

fn group(file: &str, read: GroupFile, mistakes: &mut String) -> Group {
    let interval = read.interval.and_then(|text| millis(file, &text, mistakes));
    let rules = read.rules.into_iter().filter_map(|one| rule(file, one, &read.labels, mistakes));
    Group { name: read.name.value, interval, rules: rules.collect() }
}

fn rule(
    file: &str,
    read: RuleFile,
    shared: &BTreeMap<String, String>,
    mistakes: &mut String,
) -> Option<Rule> {
    let at = |of: &Spanned<String>| place(file, of);
    let named = |name: &&Spanned<String>| !name.value.is_empty();
    let (alert, record) = (read.alert.as_ref().filter(named), read.record.as_ref().filter(named));
    let ((Some(name), None) | (None, Some(name))) = (alert, record) else {
        let what = "a rule has either an \"alert\" or a \"record\"";
        mistakes.push_str(&format!("{}: {what}\n", at(&read.expr)));
        return None;
    };
    if let Some(what) = record.and_then(|name| no_record(&name.value, &read)) {
        mistakes.push_str(&format!("{}: {}: {what}\n", at(name), name.value));
        return None;
    }
    let mut length = |text: &Option<Spanned<String>>| match text {
        Some(text) => millis(file, text, mistakes),
        None => Some(0),
    };
    let (wait, keep) = (length(&read.wait), length(&read.keep_firing_for));
    let parsed = parse(&read.expr.value).map_err(|error| format!("no PromQL: {error}"));
    let parsed = parsed.and_then(|expr| match unsupported(&expr) {
        Some(what) => Err(format!(
            "{what} is not evaluated here; the manual lists what is (reports/manual/operators.md)"
        )),
        None => Ok(expr),
    });
    let expr = match parsed {
        Ok(expr) => expr,
        Err(what) => {
            mistakes.push_str(&format!("{}: {}: {what}\n", at(&read.expr), name.value));
            return None;
        }
    };
    let mut labels = shared.clone();
    labels.extend(read.labels);
    let makes = if record.is_some() {
        Makes::Series(name.value.clone())
    } else {
        Makes::Alert { name: name.value.clone(), wait: wait?, keep: keep? }
    };
    Some(Rule { makes, text: read.expr.value.trim().to_owned(), expr, labels })
}

fn millis(file: &str, text: &Spanned<String>, mistakes: &mut String) -> Option<u64> {
    // The parser refuses a length of nothing, which Prometheus takes.
    let is_nothing = !text.value.contains(|letter: char| ('1'..='9').contains(&letter));
    let some = if is_nothing { text.value.replace('0', "1") } else { text.value.clone() };
    let length = if text.value == "0" { Ok(Duration::ZERO) } else { parse_duration(&some) };
    match length.map(|length| if is_nothing { Duration::ZERO } else { length }) {
        Ok(length) => u64::try_from(length.as_millis()).ok(),
        Err(_) => {
            let place = text.referenced;
            mistakes.push_str(&format!(
                "error: {file}:{}:{}: {:?} is not a duration; write 30s, 5m or 1h30m\n",
                place.line(),
                place.column(),
                text.value
            ));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_and_labels_of_the_group_are_theirs() {
        let text = "groups:\n- name: kafka\n  interval: 15s\n  labels: {team: a}\n  rules:\n  \
                    - record: lag:sum\n    expr: sum(kafka_consumergroup_lag)\n  \
                    - alert: Lag\n    expr: lag:sum > 5\n    for: 1m30s\n    labels: {severity: page}\n";
        let groups = read("a.yml", text).expect("it can be read");
        assert_eq!((groups.len(), groups[0].interval), (1, Some(15_000)));
        assert_eq!(groups[0].rules[0].makes, Makes::Series("lag:sum".to_owned()));
        let alert = Makes::Alert { name: "Lag".to_owned(), wait: 90_000, keep: 0 };
        assert_eq!(groups[0].rules[1].makes, alert);
        assert_eq!(groups[0].rules[1].labels.len(), 2);
        let nested: String = text.lines().map(|line| format!("  {line}\n")).collect();
        let wrapped =
            format!("apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec:\n{nested}");
        assert_eq!(read("a.yml", &wrapped).expect("so can this").len(), 1);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let rule = |rule: &str| format!("groups:\n- name: kafka\n  rules:\n  - {rule}\n");
        for (text, said) in [
            (rule("{alert: A, expr: 'sum(up'}"), "a.yml:4:"),
            (rule("{alert: A, expr: 'sum(up'}"), "A: no PromQL"),
            (rule("{alert: A, expr: 'topk(3, up)'}"), "topk is not evaluated here"),
            (rule("{alert: A, expr: 'max_over_time(up[5m:1m])'}"), "a subquery is not"),
            (rule("{alert: A, expr: up, for: soon}"), "\"soon\" is not a duration"),
            (rule("{expr: up}"), "either an \"alert\" or a \"record\""),
            (rule("{alert: A, expr: up, fro: 5m}"), "fro"),
            (rule("{record: a-b, expr: up}"), "a.yml:4:14: a-b: no name of a series"),
            (rule("{record: 'up{a=\"b\"}', expr: up}"), "braces in the name"),
            (rule("{record: a, expr: up, for: 5m}"), "a recording rule has no \"for\""),
            (rule("{alert: '', expr: up}"), "either an \"alert\" or a \"record\""),
            (rule("{alert: A, expr: up}\n- name: kafka\n  rules: []"), "stands on line 2"),
            (rule("{record: a, expr: up}"), "there is no alert in it"),
            ("groups: [".to_owned(), "error: a.yml"),
        ] {
            let error = read("a.yml", &text).expect_err(&text);
            assert!(error.contains(said), "{text}: {said}: {error}");
        }
    }
}
