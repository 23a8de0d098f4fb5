//! How the number of a group's members follows its lag.

use crate::common::{message, plan};
use ackproof_scenario::write::tree;
use ackproof_types::Micros;

#[test]
fn an_autoscaler_has_the_defaults_of_kubernetes() {
    let of = |keys: &str| plan("groups", &format!(r#"{{ "ledger": {{ {keys} }} }}"#));
    assert_eq!(of("").groups[0].autoscale, None);
    let plan = of(r#""members": 2, "autoscale": { "max": 5, "lag": 100 }"#);
    let one = plan.groups[0].autoscale.expect("one");
    assert_eq!((one.max, one.lag), (5, 100));
    assert_eq!((one.every, one.cooldown), (Micros::from_secs(15), Micros::from_secs(300)));
    // A schedule keeps it.
    assert_eq!(tree(&plan, 1, &[])["groups"]["ledger"]["autoscale"]["max"], 5);
    let said = |keys: &str| {
        message("groups", &format!(r#"{{ "ledger": {{ "members": 2, "autoscale": {keys} }} }}"#))
    };
    for (keys, words) in [
        (r#"{ "lag": 5 }"#, "\"autoscale\" needs \"max\""),
        (r#"{ "max": 3 }"#, "\"autoscale\" needs \"lag\""),
        (r#"{ "max": 1, "lag": 5 }"#, "the group begins with 2 of them"),
        (
            r#"{ "max": 3, "lag": 5 }, "assign": "fixed""#,
            "members that assign() take no share of what others have",
        ),
        (r#"{ "max": 3, "lag": 0 }"#, "0 is not"),
        (r#"{ "max": 3, "lag": 5, "every": "0s" }"#, "must be above 0"),
    ] {
        assert!(said(keys).contains(words), "{}", said(keys));
    }
}
