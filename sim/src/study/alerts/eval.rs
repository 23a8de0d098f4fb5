//! Evaluates an expression of PromQL at an instant, as Prometheus does it. It knows what [`super::supported`] lets
//! through; where types do not fit, nothing is found.

use super::functions::over;
use super::series::{Labels, Store};
use promql_parser::label::METRIC_NAME;
use promql_parser::parser::token::{
    T_ADD, T_AVG, T_COUNT, T_DIV, T_EQLC, T_GROUP, T_GTE, T_GTR, T_LAND, T_LOR, T_LSS, T_LTE,
    T_MAX, T_MIN, T_MOD, T_MUL, T_NEQ, T_POW, T_SUB, TokenId,
};
use promql_parser::parser::{
    AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, MatrixSelector, Offset, VectorSelector,
};
use std::collections::BTreeMap;

/// A vector: labels with their values.
pub(super) type Vector = Vec<(Labels, f64)>;

/// What an expression is at an instant.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Scalar(f64),
    Vector(Vector),
}

impl Value {
    /// As an alert sees it: a scalar is one thing without labels.
    pub(super) fn vector(self) -> Vector {
        match self {
            Self::Scalar(value) => vec![(Labels::new(), value)],
            Self::Vector(vector) => vector,
        }
    }

    fn map(self, of: impl Fn(f64) -> f64) -> Self {
        match self {
            Self::Scalar(value) => Self::Scalar(of(value)),
            Self::Vector(vector) => Self::Vector(
                vector.into_iter().map(|(labels, value)| (unnamed(labels), of(value))).collect(),
            ),
        }
    }
}

fn unnamed(mut labels: Labels) -> Labels {
    labels.remove(METRIC_NAME);
    labels
}

/// Evaluates `expr` at `now`, in milliseconds.
pub(super) fn eval(store: &Store, expr: &Expr, now: i64) -> Value {
    match expr {
        Expr::NumberLiteral(number) => Value::Scalar(number.val),
        Expr::Paren(paren) => eval(store, &paren.expr, now),
        Expr::Unary(unary) => eval(store, &unary.expr, now).map(|value| -value),
        Expr::VectorSelector(selector) => Value::Vector(select(store, selector, now)),
        Expr::Call(call) => function(store, call, now),
        Expr::Aggregate(aggregate) => {
            let vector = eval(store, &aggregate.expr, now).vector();
            Value::Vector(aggregated(aggregate, vector))
        }
        Expr::Binary(binary) => {
            let sides = (eval(store, &binary.lhs, now), eval(store, &binary.rhs, now));
            combined(binary, sides)
        }
        Expr::MatrixSelector(_)
        | Expr::StringLiteral(_)
        | Expr::Subquery(_)
        | Expr::Extension(_) => Value::Vector(Vec::new()),
    }
}

fn shifted(now: i64, offset: Option<&Offset>) -> i64 {
    let millis =
        |length: &std::time::Duration| i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
    match offset {
        None => now,
        Some(Offset::Pos(length)) => now.saturating_sub(millis(length)),
        Some(Offset::Neg(length)) => now.saturating_add(millis(length)),
    }
}

fn select(store: &Store, selector: &VectorSelector, now: i64) -> Vector {
    let at = shifted(now, selector.offset.as_ref());
    let series = store.select(selector.name.as_ref(), &selector.matchers).into_iter();
    series.filter_map(|one| Some((one.labels.clone(), one.at(at)?))).collect()
}

fn ranged(store: &Store, matrix: &MatrixSelector, name: &str, now: i64) -> Vector {
    let to = shifted(now, matrix.vs.offset.as_ref());
    let from = shifted(to, Some(&Offset::Pos(matrix.range)));
    let series = store.select(matrix.vs.name.as_ref(), &matrix.vs.matchers).into_iter();
    let found = series.filter_map(|one| {
        let value = over(name, &one.between(from, to), (from, to))?;
        let labels =
            if name == "last_over_time" { one.labels.clone() } else { unnamed(one.labels.clone()) };
        Some((labels, value))
    });
    found.collect()
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows no other numbers")]
fn function(store: &Store, call: &Call, now: i64) -> Value {
    let name = call.func.name;
    let arguments = &call.args.args;
    let first = arguments.first().map(|argument| &**argument);
    let second = arguments.get(1).map(|argument| eval(store, argument, now));
    let bound = match second {
        Some(Value::Scalar(value)) => value,
        Some(Value::Vector(_)) => f64::NAN,
        None => 1.0,
    };
    match (name, first) {
        ("time", _) => Value::Scalar((super::EPOCH_MS + now) as f64 / 1000.0),
        (_, None) => Value::Vector(Vec::new()),
        ("absent_over_time", Some(Expr::MatrixSelector(matrix))) => {
            absent(ranged(store, matrix, "present_over_time", now), &matrix.vs)
        }
        (_, Some(Expr::MatrixSelector(matrix))) => Value::Vector(ranged(store, matrix, name, now)),
        (_, Some(argument)) => {
            let value = eval(store, argument, now);
            match name {
                "vector" => Value::Vector(value.vector()),
                "scalar" => match value.vector().as_slice() {
                    [(_, one)] => Value::Scalar(*one),
                    _ => Value::Scalar(f64::NAN),
                },
                "absent" => match argument {
                    Expr::VectorSelector(selector) => absent(value.vector(), selector),
                    _ if value.clone().vector().is_empty() => {
                        Value::Vector(vec![(Labels::new(), 1.0)])
                    }
                    _ => Value::Vector(Vec::new()),
                },
                "abs" => value.map(f64::abs),
                "ceil" => value.map(f64::ceil),
                "floor" => value.map(f64::floor),
                "round" => value.map(|one| (one / bound + 0.5).floor() * bound),
                "clamp_min" => value.map(|one| one.max(bound)),
                "clamp_max" => value.map(|one| one.min(bound)),
                _ => Value::Vector(Vec::new()),
            }
        }
    }
}

/// 1 with what the selector demands of labels, if nothing is there.
fn absent(found: Vector, selector: &VectorSelector) -> Value {
    if !found.is_empty() {
        return Value::Vector(Vec::new());
    }
    let matchers = selector.matchers.matchers.iter();
    let equal = matchers
        .filter(|one| one.op == promql_parser::label::MatchOp::Equal && one.name != METRIC_NAME);
    let labels = equal.map(|one| (one.name.clone(), one.value.clone())).collect();
    Value::Vector(vec![(labels, 1.0)])
}

/// The labels by which things are the same.
fn key(
    labels: &Labels,
    modifier: Option<&LabelModifier>,
    default: impl Fn(&str) -> bool,
) -> Labels {
    let keeps = |name: &str| match modifier {
        Some(LabelModifier::Include(list)) => list.labels.iter().any(|one| one == name),
        Some(LabelModifier::Exclude(list)) => {
            name != METRIC_NAME && !list.labels.iter().any(|one| one == name)
        }
        None => default(name),
    };
    let kept = labels.iter().filter(|(name, _)| keeps(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows no other numbers")]
fn aggregated(aggregate: &AggregateExpr, vector: Vector) -> Vector {
    let mut groups: BTreeMap<Labels, Vec<f64>> = BTreeMap::new();
    for (labels, value) in vector {
        let key = key(&labels, aggregate.modifier.as_ref(), |_| false);
        groups.entry(key).or_default().push(value);
    }
    let value = |values: Vec<f64>| {
        let (sum, count) = (values.iter().sum::<f64>(), values.len() as f64);
        match aggregate.op.id() {
            T_AVG => sum / count,
            T_MIN => values.into_iter().fold(f64::NAN, f64::min),
            T_MAX => values.into_iter().fold(f64::NAN, f64::max),
            T_COUNT => count,
            T_GROUP => 1.0,
            _ => sum,
        }
    };
    groups.into_iter().map(|(labels, values)| (labels, value(values))).collect()
}

/// What an operator makes of two numbers, and whether a comparison keeps the left one.
fn applied(op: TokenId, left: f64, right: f64) -> (f64, bool) {
    let is = match op {
        T_EQLC => Some(left.partial_cmp(&right) == Some(std::cmp::Ordering::Equal)),
        T_NEQ => Some(left.partial_cmp(&right) != Some(std::cmp::Ordering::Equal)),
        T_GTR => Some(left > right),
        T_LSS => Some(left < right),
        T_GTE => Some(left >= right),
        T_LTE => Some(left <= right),
        _ => None,
    };
    let value = match op {
        T_ADD => left + right,
        T_SUB => left - right,
        T_MUL => left * right,
        T_DIV => left / right,
        T_MOD => left % right,
        T_POW => left.powf(right),
        _ => left,
    };
    (value, is.unwrap_or(true))
}

fn combined(binary: &BinaryExpr, sides: (Value, Value)) -> Value {
    let op = binary.op.id();
    let counts = binary.modifier.as_ref().is_some_and(|one| one.return_bool);
    let compares = binary.op.is_comparison_operator();
    let flag = |is: bool| f64::from(u8::from(is));
    match sides {
        (Value::Scalar(left), Value::Scalar(right)) => {
            let (value, is) = applied(op, left, right);
            Value::Scalar(if compares { flag(is) } else { value })
        }
        (Value::Vector(_), Value::Vector(_)) if binary.op.is_set_operator() => {
            let (left, right) = (sides.0.vector(), sides.1.vector());
            Value::Vector(set(binary, left, &right))
        }
        (left, right) => {
            let is_reversed = matches!(left, Value::Scalar(_));
            let pairs = match (left, right) {
                (Value::Vector(left), Value::Scalar(right)) => {
                    left.into_iter().map(|(labels, value)| (labels, value, right)).collect()
                }
                (Value::Scalar(left), Value::Vector(right)) => {
                    right.into_iter().map(|(labels, value)| (labels, left, value)).collect()
                }
                (left, right) => matched(binary, left.vector(), right.vector()),
            };
            let results = pairs.into_iter().filter_map(|(labels, left, right)| {
                let (value, is) = applied(op, left, right);
                if !compares {
                    Some((unnamed(labels), value))
                } else if counts {
                    Some((unnamed(labels), flag(is)))
                } else {
                    // A comparison keeps what the vector has.
                    is.then_some((labels, if is_reversed { right } else { left }))
                }
            });
            Value::Vector(results.collect())
        }
    }
}

/// One of each side for each key, with the labels that the result has.
fn matched(binary: &BinaryExpr, left: Vector, right: Vector) -> Vec<(Labels, f64, f64)> {
    let modifier = binary.modifier.as_ref().and_then(|one| one.matching.as_ref());
    let by = |labels: &Labels| key(labels, modifier, |name| name != METRIC_NAME);
    let right: BTreeMap<Labels, f64> =
        right.into_iter().map(|(labels, value)| (by(&labels), value)).collect();
    let pairs = left.into_iter().filter_map(|(labels, value)| {
        let key = by(&labels);
        let other = *right.get(&key)?;
        let keeps_all = modifier.is_none();
        Some((if keeps_all { labels } else { key }, value, other))
    });
    pairs.collect()
}

fn set(binary: &BinaryExpr, left: Vector, right: &Vector) -> Vector {
    let modifier = binary.modifier.as_ref().and_then(|one| one.matching.as_ref());
    let by = |labels: &Labels| key(labels, modifier, |name| name != METRIC_NAME);
    let keys = |vector: &Vector| -> std::collections::BTreeSet<Labels> {
        vector.iter().map(|(labels, _)| by(labels)).collect()
    };
    let others = keys(right);
    match binary.op.id() {
        T_LAND => left.into_iter().filter(|(labels, _)| others.contains(&by(labels))).collect(),
        T_LOR => {
            let own = keys(&left);
            let more = right.iter().filter(|(labels, _)| !own.contains(&by(labels))).cloned();
            left.into_iter().chain(more).collect()
        }
        _ => left.into_iter().filter(|(labels, _)| !others.contains(&by(labels))).collect(),
    }
}
