//! Adds up what alert rules would have been good for.

use super::ascending;
use ackproof_reports::alerts::{AlertReport, AlertRuleSweep, AlertSweep};

/// Adds a run.
pub(crate) fn alerts(sum: &mut AlertSweep, run: &AlertReport) {
    sum.runs += 1;
    sum.violated += u64::from(run.violation.is_some());
    for (sum, one) in sum.alerts.iter_mut().zip(&run.alerts) {
        match (one.fired_ms, one.before_ms) {
            (None, _) => {}
            (Some(_), None) if run.violation.is_some() => sum.earlier += 1,
            (Some(_), None) => sum.unfounded += 1,
            (Some(_), Some(before)) => match u64::try_from(before) {
                Ok(before) if before > 0 => {
                    sum.warned += 1;
                    ascending(&mut sum.before_ms, vec![before]);
                }
                _ => sum.late += 1,
            },
        }
        for said in &one.in_vain {
            *sum.in_vain.entry(said.clone()).or_default() += 1;
        }
    }
}

/// Adds a part of a sweep. A part without a run has none.
pub(super) fn parts(sum: &mut Option<AlertSweep>, one: Option<AlertSweep>) {
    let Some(one) = one else { return };
    let Some(sum) = sum else {
        *sum = Some(one);
        return;
    };
    sum.runs += one.runs;
    sum.violated += one.violated;
    for (sum, one) in sum.alerts.iter_mut().zip(one.alerts) {
        let AlertRuleSweep { warned, before_ms, late, earlier, unfounded, in_vain, .. } = one;
        sum.warned += warned;
        sum.late += late;
        sum.earlier += earlier;
        sum.unfounded += unfounded;
        ascending(&mut sum.before_ms, before_ms);
        for (said, runs) in in_vain {
            *sum.in_vain.entry(said).or_default() += runs;
        }
    }
}

/// Whether two parts have evaluated the same rules.
pub(super) fn alike(one: Option<&AlertSweep>, other: Option<&AlertSweep>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return true };
    let rules = |sweep: &AlertSweep| -> Vec<_> {
        sweep.alerts.iter().map(|one| (one.alert.clone(), one.expr.clone(), one.for_ms)).collect()
    };
    one.interval_ms == other.interval_ms && rules(one) == rules(other)
}
