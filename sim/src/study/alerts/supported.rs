//! What of PromQL is evaluated. Everything else is refused before a run begins.

use promql_parser::parser::token::{
    T_ADD, T_AVG, T_COUNT, T_DIV, T_EQLC, T_GROUP, T_GTE, T_GTR, T_LAND, T_LOR, T_LSS, T_LTE,
    T_LUNLESS, T_MAX, T_MIN, T_MOD, T_MUL, T_NEQ, T_POW, T_SUB, T_SUM,
};
use promql_parser::parser::{Expr, VectorMatchCardinality, VectorSelector};

/// Functions.
pub(super) const FUNCTIONS: &[&str] = &[
    "abs",
    "absent",
    "absent_over_time",
    "avg_over_time",
    "ceil",
    "changes",
    "clamp_max",
    "clamp_min",
    "count_over_time",
    "delta",
    "floor",
    "idelta",
    "increase",
    "irate",
    "last_over_time",
    "max_over_time",
    "min_over_time",
    "present_over_time",
    "rate",
    "resets",
    "round",
    "scalar",
    "sum_over_time",
    "time",
    "vector",
];

/// The first thing in `expr` that is not evaluated; none: it can be.
pub(super) fn unsupported(expr: &Expr) -> Option<String> {
    match expr {
        Expr::NumberLiteral(_) => None,
        Expr::StringLiteral(_) => Some("a text".to_owned()),
        Expr::Subquery(_) => Some("a subquery".to_owned()),
        Expr::Extension(_) => Some("an extension".to_owned()),
        Expr::Paren(paren) => unsupported(&paren.expr),
        Expr::Unary(unary) => unsupported(&unary.expr),
        Expr::VectorSelector(selector) => of_selector(selector),
        Expr::MatrixSelector(matrix) => of_selector(&matrix.vs),
        Expr::Call(call) => {
            if !FUNCTIONS.contains(&call.func.name) {
                return Some(call.func.name.to_owned());
            }
            call.args.args.iter().find_map(|argument| unsupported(argument))
        }
        Expr::Aggregate(aggregate) => {
            let known = [T_SUM, T_AVG, T_MIN, T_MAX, T_COUNT, T_GROUP].contains(&aggregate.op.id());
            if known { unsupported(&aggregate.expr) } else { Some(aggregate.op.to_string()) }
        }
        Expr::Binary(binary) => {
            let known = [
                T_ADD, T_SUB, T_MUL, T_DIV, T_MOD, T_POW, T_EQLC, T_NEQ, T_GTR, T_LSS, T_GTE,
                T_LTE, T_LAND, T_LOR, T_LUNLESS,
            ];
            if !known.contains(&binary.op.id()) {
                return Some(binary.op.to_string());
            }
            let modifier = binary.modifier.as_ref();
            if let Some(
                VectorMatchCardinality::ManyToOne(_) | VectorMatchCardinality::OneToMany(_),
            ) = modifier.map(|modifier| &modifier.card)
            {
                return Some("group_left or group_right".to_owned());
            }
            if modifier.is_some_and(|one| one.fill_values.lhs.or(one.fill_values.rhs).is_some()) {
                return Some("fill".to_owned());
            }
            unsupported(&binary.lhs).or_else(|| unsupported(&binary.rhs))
        }
    }
}

fn of_selector(selector: &VectorSelector) -> Option<String> {
    selector.at.as_ref().map(|_| "@".to_owned())
}
