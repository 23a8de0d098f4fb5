//! A validation made by hand, and what the renderers make of it.

use ackproof_reports::sweep::{Interval, SeedRange};
use ackproof_reports::validate::{
    Agreement, Figure, FigureTest, FigureUnit, LeftOut, Place, PropertyMatch, Spread,
    ValidateReport, Validated,
};
use ackproof_reports::verdict::Judgement;
use ackproof_reports::{SCHEMA, human, markdown};

fn property(name: &str, agreement: Agreement, real: &[Judgement], violated: u64) -> PropertyMatch {
    let compared = agreement != Agreement::NotCompared;
    PropertyMatch {
        name: name.to_owned(),
        agreement,
        real: real.to_vec(),
        unjudged: if compared { vec![] } else { vec!["the history has no appended".to_owned()] },
        violated,
        held: 200 - violated,
        vacuous: 0,
        rate: Some(Interval { low: 0.0, high: 0.015 }),
        probability: compared.then_some(0.0012),
    }
}

fn figure(name: &str, real: &[Option<f64>], places: &[Option<Place>]) -> Figure {
    let simulated = places.iter().any(Option::is_some);
    let spread = Spread { runs: 200, low: 6900.0, median: 7030.0, high: 9060.0 };
    Figure {
        name: name.to_owned(),
        group: (name == "duplicates").then(|| "led|ger".to_owned()),
        unit: if name == "duplicates" { FigureUnit::Count } else { FigureUnit::Milliseconds },
        real: real.to_vec(),
        places: places.to_vec(),
        simulated: simulated.then_some(spread),
        known: (name == "longest_failover").then(|| "a reason".to_owned()),
    }
}

fn report() -> ValidateReport {
    use Judgement::{Held, Vacuous, Violated};
    let (inside, above) = (Some(Place::Inside), Some(Place::Above));
    let scenario = Validated {
        scenario: "real: leader kill".to_owned(),
        about: "The leader is killed.".to_owned(),
        file: "scenarios/real/leader-kill.json".to_owned(),
        agreement: Agreement::Differs,
        histories: vec!["1.jsonl".to_owned(), "2.jsonl".to_owned()],
        runs: 200,
        failed: 0,
        properties: vec![
            property("acked-durability", Agreement::Differs, &[Violated, Held], 0),
            property("at-least-once", Agreement::Agrees, &[Held, Held], 0),
            property("stable-reads", Agreement::Agrees, &[Held, Held], 4),
            property("log-matching", Agreement::NotCompared, &[Vacuous, Vacuous], 0),
        ],
        figures: vec![
            figure("longest_failover", &[Some(7000.0), Some(9500.0)], &[inside, above]),
            figure("longest_stall", &[Some(7000.0), Some(8000.0)], &[inside, inside]),
            figure("duplicates", &[Some(7000.0), None], &[inside, None]),
            figure("longest_handover", &[Some(7000.0), None], &[None, None]),
        ],
    };
    ValidateReport {
        schema: SCHEMA,
        seeds: SeedRange { from: 0, to: Some(200) },
        interrupted: false,
        agreement: Agreement::Differs,
        counts: FigureTest {
            compared: 1,
            outside: 0,
            known: 0,
            probability: Some(1.0),
            agreement: Agreement::Agrees,
        },
        times: FigureTest {
            compared: 200,
            outside: 30,
            known: 2,
            probability: Some(2.3e-7),
            agreement: Agreement::Differs,
        },
        scenarios: vec![scenario],
        left_out: vec![LeftOut { file: "runs/x".to_owned(), why: "no history".to_owned() }],
        reproduce: "ackproof validate --real runs --seeds 0..200".to_owned(),
    }
}

fn has(text: &str, wanted: &[&str]) {
    for line in wanted {
        assert!(text.lines().any(|one| one == *line), "no line {line:?} in\n{text}");
    }
}

#[test]
fn a_page_has_a_summary_and_a_section_for_each_scenario() {
    has(
        &markdown::validate(&report()),
        &[
            "| [real: leader kill](#real-leader-kill) | acked-durability violated 1 of 2 \
             | stable-reads violated 4 of 200 | **differ: acked-durability** | 4 | 1 | 3 |",
            "## real: leader kill",
            "`scenarios/real/leader-kill.json`: 2 real runs, 200 simulated runs.",
            "| acked-durability | violated 1 of 2, held 1 of 2 | held 200 of 200 \
             | **differs** (probability 0.0012) |",
            "| log-matching | not judged 2 of 2 (the history has no appended) | held 200 of 200 \
             | not compared |",
            "| longest failover | 7.00 s, 9.50 s | 7.03 s | 6.90 s to 9.06 s | inside, **above** |",
            "| longest stall of writes | 7.00 s, 8.00 s | 7.03 s | 6.90 s to 9.06 s | inside |",
            "| redeliveries, led\\|ger | 7000, – | 7030 | 6900 to 9060 | inside, – |",
            "| longest handover | 7.00 s, – |  |  | no simulated run has it |",
            "- Counts: 0 of 1 outside; as many by chance, or more: probability 1.000: agree.",
            "- Times: 30 of 200 outside; as many by chance, or more: probability 2.3e-7; 2 known to differ, not \
             tested: **differ**.",
            "- longest failover: a reason",
            "- `runs/x`: no history",
            "ackproof validate --real runs --seeds 0..200",
        ],
    );
}

#[test]
fn people_see_what_differs_first() {
    let text = anstream::adapter::strip_str(&human::validate(&report())).to_string();
    assert!(text.starts_with("DIFFERS  real: leader kill\n"), "{text}");
    has(
        &text,
        &[
            "  2 real runs against 200 simulated; 4 values inside, 1 outside, 3 not compared",
            "acked-durability: real violated 1 of 2, held 1 of 2; simulated held 200 of 200: differs \
             (probability 0.0012)",
            "stable-reads: real held 2 of 2; simulated violated 4 of 200, held 196 of 200",
            "never violated on either side: at-least-once",
            "not compared: log-matching",
        ],
    );
    assert!(text.contains("7.00 s, 9.50 s* (known)"), "{text}");
    assert!(text.contains("DIFFERS  times: 30 of 200 outside"), "{text}");
    assert!(text.contains("left out: runs/x: no history"), "{text}");
}
