//! Pages: every command that promises one writes it, whole and within its size. What a page shows is looked at in
//! a browser, by a test that is ignored unless it is asked for: it needs what `tests/page/setup` installs.

use crate::cli::{MET, directory, run, scenario, write};
use crate::support::{read, root};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Bytes of the page of a chaos run of a minute.
const CHAOS: usize = 2_000_000;

/// The data that stands in a page.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"data\">").expect("a page has data");
    serde_json::from_str(rest.split_once("</script>").expect("they end").0).expect("they are JSON")
}

fn page(directory: &Path, status: i32, arguments: &[&str]) -> String {
    let ran = run(directory, &[arguments, &["--html", "out/page.html"]].concat());
    assert_eq!(ran.status, status, "{arguments:?}: {}", ran.talk);
    let file = directory.join("out/page.html");
    let page = std::fs::read_to_string(&file).expect("the page is there");
    std::fs::remove_file(file).expect("it is ours");
    for away in ["src=", "href=\"http", "@import", "url("] {
        assert!(!page.contains(away), "{arguments:?}: a page is one file, and has {away}");
    }
    page
}

#[test]
fn every_command_that_promises_a_page_writes_it() {
    let directory = directory();
    let path = directory.path();
    write(path, "a.json", &scenario(MET));
    let history = root().join("tests/histories/lost.jsonl").display().to_string();
    let of = |status, arguments: &[&str]| data(&page(path, status, arguments));
    let alone = of(0, &["run", "a.json", "--seed", "3"]);
    assert_eq!((&alone["page"], &alone["report"]["seed"]), (&"run".into(), &3.into()));
    let sent = &alone["report"]["records"]["sent"];
    let numbers = alone["course"]["records"]["number"].as_array().expect("a list");
    assert_eq!(sent.as_u64(), Some(numbers.len() as u64), "the lanes have every record");
    assert!(alone["contract"]["promises"].as_array().is_some_and(|all| !all.is_empty()));
    assert_eq!(of(0, &["run", "a.json", "--seeds", "3"])["page"], "sweep");
    let checked = of(1, &["check", &history]);
    assert_eq!(checked["page"], "check");
    assert!(checked["course"]["entries"]["kind"].as_array().is_some_and(|all| !all.is_empty()));
    let arms = ["compare", "a.json", "--vary", "acks=1,all", "--set", "enable.idempotence=false"];
    assert_eq!(of(0, &[&arms[..], &["--seeds", "0..2"]].concat())["page"], "compare");
    let real = root().join("tests/histories/real/leader-kill.jsonl.gz").display().to_string();
    let model = root().join("scenarios/real/leader-kill.json").display().to_string();
    let held = ["validate", &model, "--history", &real, "--seeds", "0..10"];
    assert_eq!(of(0, &held)["page"], "validate");
    // A page does not change the run, and can be printed.
    let printed = run(path, &["run", "a.json", "--seed", "3", "--format", "html"]);
    assert_eq!(data(&printed.out)["report"]["digest"], alone["report"]["digest"]);
}

/// What is in a trace is checked where it is written; here it is a file of Perfetto's, of one run, and small.
#[test]
fn a_run_is_a_trace_for_perfetto() {
    let directory = directory();
    let path = directory.path();
    let chaos = root().join("scenarios/basics/chaos.json").display().to_string();
    let trace = |status, arguments: &[&str]| {
        let ran = run(path, &[arguments, &["--perfetto", "out/run.pftrace"]].concat());
        assert_eq!(ran.status, status, "{arguments:?}: {}", ran.talk);
        (std::fs::read(path.join("out/run.pftrace")).unwrap_or_default(), ran)
    };
    let (_, refused) = trace(2, &["run", &chaos, "--seeds", "2"]);
    assert!(refused.talk.contains("--perfetto shows one run"), "{}", refused.talk);
    let (made, with) = trace(0, &["run", &chaos, "--seed", "7"]);
    let has =
        |trace: &[u8], text: &str| trace.windows(text.len()).any(|part| part == text.as_bytes());
    for text in ["broker-2", "owner of payments-1", "in-sync replicas", "sends in flight", "lag"] {
        assert!(has(&made, text), "{text}");
    }
    assert!(made.len() < 3 * CHAOS, "{} bytes", made.len());
    let without = run(path, &["run", &chaos, "--seed", "7"]);
    assert_eq!(with.out, without.out, "a trace changes nothing");
    let history = root().join("tests/histories/lost.jsonl").display().to_string();
    let (made, _) = trace(1, &["check", &history]);
    assert!(has(&made, "acked-durability"), "what is violated is marked");
    let (again, _) = trace(1, &["check", &history]);
    assert_eq!(made, again, "the same file each time");
}

/// Lanes and curves are gathered apart from the oracle: they must come to the same.
#[test]
fn lanes_and_curves_agree_with_the_report() {
    let directory = directory();
    let of = |file: &str, seed: &str| {
        let file = root().join(file).display().to_string();
        data(&page(directory.path(), 0, &["run", &file, "--seed", seed]))
    };
    let crash = of("scenarios/basics/consumer-crash.json", "1");
    let (course, report) = (&crash["course"], &crash["report"]);
    let curve = |title: &str, place: usize| -> Vec<f64> {
        let charts = course["charts"]["charts"].as_array().expect("a list");
        let chart = charts.iter().find(|one| one["title"] == title);
        let values =
            chart.unwrap_or_else(|| panic!("no {title}"))["curves"][place]["values"].as_array();
        values.expect("a list").iter().filter_map(Value::as_f64).collect()
    };
    let step = course["charts"]["step"].as_f64().expect("a number") / 1e6;
    for (place, name) in ["sent", "acked"].iter().enumerate() {
        let sum: f64 = curve("throughput", place).iter().map(|rate| rate * step).sum();
        let counted = report["records"][name].as_f64().expect("a number");
        assert!((sum - counted).abs() < 2.0 + counted * 0.01, "{name}: {sum} and {counted}");
    }
    let causes = report["causes"].as_array().expect("a list");
    let causes = causes.iter().filter(|one| one["what"] == "duplicate");
    let counted: f64 = causes.clone().filter_map(|one| one["count"].as_f64()).sum();
    let again = (0..causes.count()).filter_map(|place| curve("duplicates so far", place).pop());
    assert_eq!(again.sum::<f64>(), counted, "duplicates by cause");
    assert!(counted > 0.0, "there are some");
    assert_eq!(curve("lag", 0).last(), Some(&0.0), "the group has caught up");
    let rebalances = report["groups"][0]["rebalances"].as_object().expect("by reason");
    let rebalances: u64 = rebalances.values().filter_map(Value::as_u64).sum();
    let generations = course["generations"].as_array().expect("a list");
    assert_eq!(generations.len() as u64, rebalances, "{generations:?}");
    let chaos = of("scenarios/basics/chaos.json", "7");
    let messages = &chaos["course"]["messages"];
    let times = |column: &str| messages[column].as_array().expect("a list").iter();
    let read = ["arrived", "received"].map(|column| {
        times(column).filter(|took| took.as_i64().is_some_and(|took| took >= 0)).count() as u64
    });
    let delivered = chaos["report"]["messages"].as_u64().expect("a number");
    let read = read.iter().sum::<u64>();
    assert!(read.abs_diff(delivered) * 100 < delivered, "{read} messages, {delivered} delivered");
    assert!(times("arrived").any(|took| *took == -1), "a crash loses messages");
    assert!(times("error").any(|error| error.as_i64().is_some_and(|error| error >= 0)), "refusals");
    let faults = chaos["course"]["faults"].as_array().expect("a list");
    assert_eq!(faults.len(), chaos["report"]["faults"].as_array().map_or(0, Vec::len));
    let nodes = chaos["course"]["nodes"].as_array().expect("a list");
    let place = nodes.iter().position(|node| node["name"] == "broker-2").expect("it took part");
    let lives = chaos["course"]["lives"].as_array().expect("a list");
    let ups = lives.iter().filter(|one| one["lane"] == place && one["text"] == "up").count();
    let faults = chaos["report"]["faults"].as_array().expect("a list");
    let ends = |one: &&Value| {
        one["target"] == "broker-2" && ["crash", "restart"].map(Value::from).contains(&one["kind"])
    };
    let ended = faults.iter().filter(ends).count();
    assert!(ended > 0 && ups == ended + 1, "{ups} lives, {ended} ends");
}

/// A broker that is told to stop and crashes first is not told to stop any longer.
#[test]
fn a_stop_that_a_crash_comes_before_ends_with_the_crash() {
    let directory = directory();
    let faults = r#", "faults": [ { "at": "3s", "restart": "broker-2", "for": "5s" },
        { "at": "3s", "crash": "broker-2", "for": "2s" } ]"#;
    write(directory.path(), "a.json", &scenario(faults));
    let page = data(&page(directory.path(), 0, &["run", "a.json"]));
    let faults = page["course"]["faults"].as_array().expect("a list");
    let ends: Vec<_> = faults.iter().map(|fault| fault["to"].as_u64()).collect();
    assert_eq!(ends, [Some(3_000_000), Some(5_000_000)], "{faults:?}");
}

#[test]
fn a_page_of_a_chaos_run_of_a_minute_is_small() {
    let directory = directory();
    let chaos = root().join("scenarios/basics/chaos.json").display().to_string();
    let page = page(directory.path(), 0, &["run", &chaos, "--seed", "7"]);
    assert!(page.len() < CHAOS, "{} bytes", page.len());
    assert!(page.contains(" entries of __consumer_offsets"), "it says what it leaves out");
}

/// Where `tests/page/setup` has installed a browser and packages; it runs once, and not beside itself.
fn installed() -> PathBuf {
    static SETUP: OnceLock<bool> = OnceLock::new();
    let setup =
        || Command::new(root().join("tests/page/setup")).status().is_ok_and(|it| it.success());
    assert!(SETUP.get_or_init(setup), "the browser or the packages could not be installed");
    root().join("target/page")
}

/// `tests/page/setup` has installed a browser, and `tests/page/look.mjs` looks.
#[test]
#[ignore = "needs Chromium and Node: run tests/page/setup, and ask for it with --ignored"]
fn a_browser_shows_what_pages_promise() {
    let at = installed();
    let shell = |program: &Path, arguments: &[&str]| {
        let ended = Command::new(program).current_dir(root()).args(arguments).status();
        ended.unwrap_or_else(|error| panic!("{}: {error}", program.display())).success()
    };
    let types = at.join("node_modules/.bin/tsc");
    assert!(shell(&types, &["-p", "tests/page/tsconfig.json"]), "types of reports/page");
    let directory = at.join("pages");
    let _gone = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).expect("it can be made");
    let of = |name: &str, status: i32, arguments: &[&str]| {
        let text = page(&directory, status, arguments);
        std::fs::write(directory.join(name), text).expect("it can be written");
    };
    let file = |name: &str| root().join(name).display().to_string();
    let (chaos, loss) = (
        file("scenarios/basics/chaos.json"),
        file("scenarios/footguns/acks-one-leader-crash.json"),
    );
    let history = file("tests/histories/lost.jsonl");
    of("run-chaos.html", 0, &["run", &chaos, "--seed", "7"]);
    let rules = file("scenarios/alerts/kafka.yml");
    let lost = ["run", &loss, "--seed", "1", "--set", "expect.acked-durability=held"];
    of("run-violated.html", 1, &[&lost[..], &["--alerts", &rules]].concat());
    of("run-what-if.html", 0, &["explain", &loss, "--seed", "1", "--what-if"]);
    let twice = file("scenarios/basics/consumer-crash.json");
    of("twice.html", 0, &["run", &twice, "--seed", "1"]);
    of("big.html", 0, &["run", &file("scenarios/load/throughput.json"), "--seed", "0"]);
    of(
        "power.html",
        0,
        &["run", &file("scenarios/footguns/power-loss-of-all.json"), "--seed", "1"],
    );
    let last = file("scenarios/footguns/last-in-sync-loses-power.json");
    let level = "features.eligible.leader.replicas.version=1";
    of("eligible.html", 3, &["run", &last, "--seed", "1", "--set", level]);
    let controllers = file("scenarios/basics/controller-failover.json");
    of("controllers.html", 0, &["run", &controllers, "--seed", "1"]);
    of("history.html", 1, &["check", &history]);
    of("sweep.html", 0, &["run", &file("scenarios/footguns"), "--seeds", "0..12"]);
    let warned = ["run", &loss, "--seeds", "0..20", "--alerts", &rules];
    of("sweep-alerts.html", 0, &warned);
    let compared =
        ["compare", &chaos, "--vary", "session.timeout.ms=6000,30000", "--seeds", "0..4"];
    of("compare.html", 0, &compared);
    let real = file("tests/histories/real/leader-kill.jsonl.gz");
    let model = file("scenarios/real/leader-kill.json");
    let held = ["validate", &model, "--history", &real, "--seeds", "0..10"];
    of("validate.html", 0, &held);
    let look = ["tests/page/look.mjs", &directory.display().to_string()];
    assert!(shell(Path::new("node"), &look), "see above; pictures are in target/page/pages/shots");
}

/// Grafana publishes what a dashboard may be as types of TypeScript (`@grafana/schema`); `tests/page/grafana.ts` makes
/// them those of a file.
#[test]
#[ignore = "needs Node: run tests/page/setup, and ask for it with --ignored"]
fn the_dashboard_keeps_to_the_schema_of_grafana() {
    let at = installed();
    let directory = at.join("grafana");
    std::fs::create_dir_all(&directory).expect("it can be made");
    std::fs::copy(root().join("tests/page/grafana.ts"), directory.join("grafana.ts"))
        .expect("it can be copied");
    let dashboard = read("reports/grafana/ackproof.json");
    let checked = |dashboard: &str| {
        let head = "import type { Shown } from \"./grafana\";\nexport const dashboard: Shown = ";
        std::fs::write(directory.join("dashboard.ts"), format!("{head}{dashboard};\n"))
            .expect("it can be written");
        let options = "--noEmit --strict --skipLibCheck --target es2023 --module esnext \
                       --moduleResolution bundler dashboard.ts";
        let mut types = Command::new(at.join("node_modules/.bin/tsc"));
        types.current_dir(&directory).args(options.split_whitespace());
        let output = types.output().expect("tsc is installed");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (is_right, said) = checked(&dashboard);
    assert!(is_right, "{said}");
    for (right, wrong) in [
        ("\"displayMode\": \"list\"", "\"displayMode\": \"lists\""),
        ("\"gridPos\"", "\"gridPosition\""),
        ("\"lineWidth\": 1", "\"lineWidth\": \"1\""),
    ] {
        let (is_right, _) = checked(&dashboard.replacen(right, wrong, 1));
        assert!(!is_right && dashboard.contains(right), "{wrong} is taken");
    }
}

#[test]
fn ci_looks_at_pages_in_a_browser() {
    let ci = read(".ci/run");
    let looks = "pages() {\n  tests/page/setup\n  ignored pages\n}\n";
    assert!(ci.contains(looks) && ci.contains("\nstep 20 pages\n"), "{ci}");
}
