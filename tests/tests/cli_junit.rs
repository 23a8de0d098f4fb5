//! What other programs read: JUnit's XML by a parser and by the schema that Jenkins holds it against,
//! annotations and summary for GitHub, a line a run.
//!
//! `data/junit-10.xsd` is the schema of Jenkins' xUnit plugin, under the licence that stands in it.

use crate::cli::{INCONCLUSIVE, MET, VIOLATED, ackproof, directory, finish, run, scenario, write};
use crate::support::read;
use roxmltree::{Document, Node};
use serde_json::Value;
use std::path::Path;

/// A scenario of which every seed loses records: the leader answers alone while it is cut off from the
/// other brokers, and comes back without.
fn loses(expect: &str) -> String {
    let fault = r#", "faults": [ { "at": "5s", "isolate": "leader of payments-0",
        "from": ["brokers", "controllers"], "for": "20s" } ]"#;
    let text = scenario(&format!("{fault}, \"expect\": {{ {expect} }}"));
    text.replace(r#""acks": "all""#, r#""acks": "1", "enable.idempotence": false"#)
        .replace("10s", "30s")
}

fn all(path: &Path) {
    write(path, "all/1-met.json", &scenario(MET));
    write(path, "all/2-unsure.json", &scenario(INCONCLUSIVE));
    write(path, "all/3-limit.json", &scenario(VIOLATED));
    let odd = loses("\"lost\": { \"min\": 0 }").replacen(
        '{',
        "{\n  \"name\": \"it's <odd> & \\\"new\\\": 100 %, \\u0007\",",
        1,
    );
    write(path, "all/4-loses.json", &odd);
}

fn case<'a>(document: &'a Document<'_>, suite: &str, name: &str) -> Node<'a, 'a> {
    let is = |node: &Node<'_, '_>| {
        node.has_tag_name("testcase")
            && node.attribute("name") == Some(name)
            && node.attribute("classname").is_some_and(|file| file.contains(suite))
    };
    document.descendants().find(is).unwrap_or_else(|| panic!("no case {name} in {suite}"))
}

fn outcome(case: Node<'_, '_>) -> String {
    let child = case.children().find(Node::is_element);
    child.map_or("success".to_owned(), |child| {
        let kind = child.attribute("type").unwrap_or("?");
        format!("{} {kind}", child.tag_name().name())
    })
}

#[test]
fn junit_is_what_parsers_and_the_schema_of_jenkins_accept() {
    let directory = directory();
    let path = directory.path();
    all(path);
    let ran = run(path, &["run", "all", "--seeds", "3", "--junit", "out/deep/all.xml"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    let text = std::fs::read_to_string(path.join("out/deep/all.xml")).unwrap();
    let printed = run(path, &["run", "all", "--seeds", "3", "--format", "junit", "--jobs", "1"]);
    assert_eq!(printed.out, text, "stdout and file, one thread and several");

    let document = Document::parse(&text).unwrap();
    let suites = document.root_element().children().filter(|node| node.has_tag_name("testsuite"));
    assert_eq!(suites.count(), 4);
    assert_eq!(outcome(case(&document, "1-met", "at-least-once")), "success");
    assert_eq!(outcome(case(&document, "2-unsure", "witness.fenced")), "skipped inconclusive");
    assert_eq!(outcome(case(&document, "3-limit", "lost")), "failure violated");
    let lost = case(&document, "4-loses", "acked-durability");
    assert_eq!(outcome(lost), "failure violated");
    let told = lost.children().find(Node::is_element).unwrap().text().unwrap();
    assert!(told.contains("violated in seeds 0..3"), "{told}");
    assert!(told.contains("s  billing-0 sent billing-0#"), "the story: {told}");
    assert!(told.contains("\nackproof run all/4-loses.json --seed 0"), "{told}");
    let property = |name: &str| {
        let is = |node: &Node<'_, '_>| {
            node.has_tag_name("property") && node.attribute("name") == Some(name)
        };
        let found = document.descendants().rfind(is);
        found.and_then(|node| node.attribute("value")).map(str::to_owned)
    };
    assert_eq!(property("runs").as_deref(), Some("3"));
    assert_eq!(property("acked-durability.seeds-violated").as_deref(), Some("3"));
    assert!(property("acked-durability.rate-low-95").is_some());
    assert_eq!(invalid(&text), Vec::<String>::new());
    // A schema that accepts everything would prove nothing.
    assert!(!invalid(&text.replacen("<testcase name=", "<testcase nome=", 1)).is_empty());
    assert!(!invalid(&text.replacen("<testsuites ", "<testsuites skipped=\"1\" ", 1)).is_empty());
}

fn invalid(text: &str) -> Vec<String> {
    let schema = read("tests/tests/data/junit-10.xsd");
    let schema = uppsala::parse(&schema).expect("XML");
    let validator = uppsala::XsdValidator::from_schema(&schema).expect("a schema");
    let document = uppsala::parse(text).expect("XML");
    validator.validate(&document).iter().map(|error| format!("{error:?}")).collect()
}

#[test]
fn runs_without_an_end_and_interruptions_are_no_successes() {
    let directory = directory();
    let path = directory.path();
    write(path, "a.json", &scenario(MET));
    let bound = ["run", "a.json", "--max-events-at-once", "3", "--format", "junit"];
    for seeds in [&["--seeds", "2"][..], &["--seed", "1"]] {
        let ran = run(path, &[&bound[..], seeds].concat());
        assert_eq!(ran.status, 3, "{ran:?}");
        let document = Document::parse(&ran.out).unwrap();
        assert_eq!(outcome(case(&document, "a.json", "run")), "error bounded");
        assert_eq!(invalid(&ran.out), Vec::<String>::new());
    }
}

#[test]
fn github_gets_an_annotation_on_the_line_of_each_expectation_and_a_summary() {
    let directory = directory();
    let path = directory.path();
    all(path);
    let summary = path.join("step.md");
    std::fs::write(&summary, "before\n").unwrap();
    let mut command = ackproof(path);
    command.env("GITHUB_STEP_SUMMARY", &summary);
    command.args(["run", "all", "--seeds", "2", "--format", "github", "--github", "own.md"]);
    let ran = finish(command.output().unwrap());
    let commands: Vec<&str> = ran.out.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(commands.len(), 3, "{commands:#?}");
    let line = |file: &str, words: &str| {
        let text = std::fs::read_to_string(path.join(file)).unwrap();
        let found = text.lines().position(|line| line.contains(words));
        found.expect("the line is there") + 1
    };
    let limit = line("all/3-limit.json", "\"expect\"");
    let expected = format!("::error file=all/3-limit.json,line={limit},title=3-limit::lost is ");
    assert!(commands[0].starts_with(&expected), "{commands:#?}");
    // What nobody wrote down stands where the scenario's name does, and is escaped.
    let name = line("all/4-loses.json", "\"name\"");
    let place = format!("::error file=all/4-loses.json,line={name},title=it's <odd> & ");
    assert!(commands[1].starts_with(&place), "{commands:#?}");
    assert!(commands[1].contains("\"new\"%3A 100 %25%2C "), "{commands:#?}");
    assert!(commands[2].starts_with("::warning file=all/2-unsure.json,line="), "{commands:#?}");
    let (step, own) =
        (std::fs::read_to_string(&summary), std::fs::read_to_string(path.join("own.md")));
    let (step, own) = (step.unwrap(), own.unwrap());
    assert_eq!(step, format!("before\n{own}"), "what a step said before stays");
    for words in ["## ackproof: violated", "| ✅ | 1-met | 2 |", "billing-0 sent", "ackproof run "]
    {
        assert!(own.contains(words), "{words}: {own}");
    }
}

#[test]
fn a_line_a_run_is_in_order_and_fits_its_schema() {
    let directory = directory();
    let path = directory.path();
    all(path);
    let arguments = ["run", "all", "--seeds", "2", "--format", "jsonl", "--jsonl", "runs.jsonl"];
    let ran = run(path, &arguments);
    assert_eq!(std::fs::read_to_string(path.join("runs.jsonl")).unwrap(), ran.out);
    let schema = serde_json::from_str(&run(path, &["schema", "line"]).out).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let lines: Vec<Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| validator.is_valid(line)), "{lines:?}");
    let seeds: Vec<u64> = lines.iter().map(|line| line["seed"].as_u64().unwrap()).collect();
    assert_eq!(seeds, [0, 0, 0, 0, 1, 1, 1, 1], "seed by seed over all scenarios");
    let lost = &lines[3]["violated"][0];
    assert_eq!(
        (&lost["property"], &lost["causes"][0]["cause"]),
        (&"acked-durability".into(), &"acks-one".into())
    );
}
