//! A scenario in parts, and what is said about it.

use ackproof_scenario::diagnostic::Diagnostic;
use ackproof_scenario::plan::Plan;
use ackproof_scenario::resolve::{Names, load_with};

pub(crate) const NAMES: Names<'static> = Names {
    properties: &["acked-durability", "at-least-once"],
    witnesses: &["leader_elected", "isr_shrunk"],
    variants: &["trunc-to-hw", "no-dedup"],
};

/// A scenario with this in place of each part that it names.
pub(crate) fn scenario(part: &str, text: &str) -> String {
    let parts = [
        ("cluster", "{}"),
        ("topics", r#"{ "payments": {} }"#),
        ("producers", r#"{ "billing": { "instances": 2 } }"#),
        ("groups", r#"{ "ledger": { "members": 2 } }"#),
        ("faults", "[]"),
        ("expect", "{}"),
        ("variants", "[]"),
        ("run", "{}"),
    ];
    let lines = parts.map(|(name, usual)| {
        format!("  \"{name}\": {},\n", if name == part { text } else { usual })
    });
    format!("{{\n{}}}\n", lines.concat())
}

pub(crate) fn load(text: &str, sets: &[(&str, &str)]) -> Result<Plan, Vec<Diagnostic>> {
    let sets: Vec<_> = sets.iter().map(|(path, to)| ((*path).into(), (*to).into())).collect();
    load_with(text, "test.json", &NAMES, &sets).map(|(plan, _)| plan)
}

pub(crate) fn plan(part: &str, text: &str) -> Plan {
    load(&scenario(part, text), &[]).unwrap_or_else(|found| panic!("{found:#?}"))
}

/// The one message, with its hint.
pub(crate) fn message(part: &str, text: &str) -> String {
    let found = load(&scenario(part, text), &[]).expect_err("a mistake");
    assert_eq!(found.len(), 1, "{found:#?}");
    let hint = found[0].hint.as_ref().map_or(String::new(), |hint| format!(" ({hint})"));
    format!("{}: {}{hint}", found[0].path, found[0].message)
}

pub(crate) fn fault(text: &str) -> String {
    message("faults", &format!("[{text}]"))
}
