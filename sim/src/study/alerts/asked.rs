//! What rules ask for and no sample has: a name that nobody exports, or labels that no series bears. Such a rule
//! says nothing, however well it holds.

use super::rules::{Group, Makes};
use super::series::Store;
use crate::study::operators::sample_names;
use ackproof_scenario::diagnostic::nearest;
use promql_parser::parser::{Expr, VectorSelector};
use std::collections::BTreeMap;

/// What the rules of a file ask for in vain.
pub(super) struct Asked<'a> {
    /// Expressions by the name of the series that they record.
    recorded: BTreeMap<&'a str, &'a Expr>,
    names: Vec<String>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(groups: &'a [Group]) -> Self {
        let rules = groups.iter().flat_map(|group| &group.rules);
        let recorded = rules.filter_map(|rule| match &rule.makes {
            Makes::Series(name) => Some((name.as_str(), &rule.expr)),
            Makes::Alert { .. } => None,
        });
        Self { recorded: recorded.collect(), names: sample_names().collect() }
    }

    /// Sentences on what `expr` asks for and `store` never had.
    pub(super) fn in_vain(&self, expr: &Expr, store: &Store) -> Vec<String> {
        let mut found = Vec::new();
        self.search(expr, store, &mut Vec::new(), &mut found);
        found
    }

    fn search(
        &self,
        expr: &Expr,
        store: &Store,
        within: &mut Vec<&'a str>,
        found: &mut Vec<String>,
    ) {
        for selector in selectors(expr) {
            let Some(name) = &selector.name else { continue };
            if !store.select(Some(name), &selector.matchers).is_empty() {
                continue;
            }
            match self.recorded.get_key_value(name.as_str()) {
                // A series that is recorded from nothing: what it is made of is the matter.
                Some((name, expr)) if !store.has(name) => {
                    if !within.contains(name) {
                        within.push(name);
                        self.search(expr, store, within, found);
                    }
                }
                _ => {
                    let told = self.told(name, selector, store);
                    if !found.contains(&told) {
                        found.push(told);
                    }
                }
            }
        }
    }

    fn told(&self, name: &str, selector: &VectorSelector, store: &Store) -> String {
        if store.has(name) {
            return format!("no series fits {selector}");
        }
        if self.names.iter().any(|one| one == name) {
            return format!("no sample of {name} in this run");
        }
        let recorded = self.recorded.keys().copied();
        match nearest(name, self.names.iter().map(String::as_str).chain(recorded)) {
            Some(near) => format!("no such metric: {name}; {near}"),
            None => format!("no such metric: {name}"),
        }
    }
}

/// All selectors of an expression.
fn selectors(expr: &Expr) -> Vec<&VectorSelector> {
    let mut found = Vec::new();
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        match expr {
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
            Expr::Subquery(inner) => open.push(&inner.expr),
            Expr::Paren(inner) => open.push(&inner.expr),
            Expr::Unary(inner) => open.push(&inner.expr),
            Expr::VectorSelector(selector) => found.push(selector),
            Expr::MatrixSelector(matrix) => found.push(&matrix.vs),
            Expr::Call(call) => open.extend(call.args.args.iter().rev().map(|one| &**one)),
            Expr::Aggregate(aggregate) => open.push(&aggregate.expr),
            Expr::Binary(binary) => open.extend([&*binary.rhs, &*binary.lhs]),
        }
    }
    found
}
