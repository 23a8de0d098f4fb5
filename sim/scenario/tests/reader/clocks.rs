//! Clocks that are wrong: what a user reads when the fault is, and that a schedule says it again.

use crate::common::{fault, plan};
use ackproof_scenario::describe::describe;
use ackproof_scenario::schedule::Schedule;
use ackproof_scenario::write::tree;

#[test]
fn a_clock_is_put_wrong_by_a_sentence() {
    let cases = [
        (
            r#"{ "at": "5s", "clock-jump": "broker-1" }"#,
            "faults[0].clock-jump: how much? add \"by\": \"+90m\"",
        ),
        (
            r#"{ "at": "5s", "clock-jump": "broker-1", "by": "2h" }"#,
            "faults[0].by: \"2h\" is no signed length of time; write \"+90m\", \"-8d\" or \"-250ms\"",
        ),
        (
            r#"{ "at": "5s", "clock-drift": "broker-1", "by": "+2h" }"#,
            "faults[0].by: \"+2h\" is no rate of a clock; write \"+500ppm\" or \"-20000ppm\"",
        ),
        (
            r#"{ "at": "5s", "clock-jump": "controller", "by": "+2h" }"#,
            "faults[0].clock-jump: \"clock-jump\" hits a broker, all \"brokers\", a producer like \"billing-0\", a \
             member or a zone; no controller goes by what its clock shows",
        ),
        (
            r#"{ "at": "5s", "crash": "broker-1", "by": "+2h" }"#,
            "faults[0].by: \"by\" goes with \"slow\", \"slow-follower\", \"clock-jump\" and \"clock-drift\" only",
        ),
    ];
    for (text, said) in cases {
        assert_eq!(fault(text), said, "{text}");
    }
}

#[test]
fn a_schedule_says_what_is_wrong_with_a_clock() {
    let faults = r#"[
        { "at": "5s", "clock-jump": "brokers", "by": "-36h", "for": "3s" },
        { "at": "7s", "clock-drift": "any producer of billing", "by": "+500ppm" }
    ]"#;
    let plan = plan("faults", faults);
    let schedule = Schedule::new(&plan, 7);
    let written = tree(&plan, 7, &schedule.faults)["faults"].clone();
    assert_eq!(written.as_array().map(Vec::len), Some(4), "one for each broker: {written:#}");
    assert_eq!(written[0]["by"], "-36h");
    assert_eq!(written[3]["by"], "+500ppm");
    let kind = |number: usize| schedule.faults[number].kind.clone();
    let lasts = schedule.faults[0].lasts;
    assert_eq!(
        describe(&kind(0), &plan, Some("broker-1"), lasts),
        "the clock of broker-1 was 36h behind for 3s"
    );
    assert_eq!(
        describe(&kind(3), &plan, Some("billing-1"), None),
        "the clock of billing-1 ran 500ppm too fast (any producer of billing) until the load ended"
    );
}
