//! What a person sees: reports at three widths, as goldens, and colours where they are wanted. With `BLESS=1` in the
//! environment the goldens are written anew; then read them.

use crate::cli::ackproof as command;
use crate::support::{assert_none, parallel, root};
use std::process::Command;

/// What is shown, by the name of its golden.
const SHOWN: &[(&str, &[&str])] = &[
    ("run", &["run", ACKS_ONE, "--seed", "1"]),
    ("sweep", &["run", ACKS_ONE, "--seeds", "0..3"]),
    (
        "shrink",
        &[
            "shrink",
            ACKS_ONE,
            "--seed",
            "1",
            "--runs",
            "60",
            "-o",
            "target/terminal/small.json",
            "--force",
        ],
    ),
    ("explain", &["explain", ACKS_ONE, "--seeds", "0..2"]),
    ("life", &["explain", UNCLEAN, "--seed", "0"]),
    ("name", &["explain", "acked-durability"]),
    ("compare", &["compare", ACKS_ONE, "--set", "acks=1", "--set", "acks=all", "--seeds", "3"]),
    ("grid", &["compare", ACKS_ONE, "--vary", "acks=0,1,all", "--seeds", "2"]),
];

const ACKS_ONE: &str = "scenarios/footguns/acks-one-leader-crash.json";
const UNCLEAN: &str = "scenarios/footguns/unclean-election.json";

const WIDTHS: [usize; 3] = [50, 80, 120];

const GOLDEN: &str = "tests/tests/data/terminal";

fn shown(arguments: &[&str], width: usize) -> String {
    let mut command = command(&root());
    command.args(arguments).env("COLUMNS", width.to_string());
    let output = command.output().expect("the binary starts");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Lines that are wider than the screen, but for commands, which are to be copied, and what cannot be broken.
fn too_wide(text: &str, width: usize) -> Vec<&str> {
    let wide = |line: &&str| {
        let words = line.split_whitespace().count();
        line.chars().count() > width && !line.starts_with("ackproof ") && words > 1
    };
    text.lines().filter(wide).collect()
}

#[test]
fn reports_fit_the_screen_and_look_as_they_did() {
    let all: Vec<(usize, usize)> = (0..SHOWN.len())
        .flat_map(|index| (0..WIDTHS.len()).map(move |width| (index, width)))
        .collect();
    // The shrunk schedule is one file: its three runs must not meet.
    let (alone, together): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(index, _)| SHOWN[*index].0 == "shrink");
    let one = |(index, width): &(usize, usize)| {
        let (name, arguments) = SHOWN[*index];
        let width = WIDTHS[*width];
        let text = shown(arguments, width);
        let file = format!("{GOLDEN}/{name}-{width}.txt");
        let path = root().join(&file);
        if std::env::var_os("BLESS").is_some() {
            std::fs::create_dir_all(root().join(GOLDEN)).expect("a folder");
            std::fs::write(&path, &text).expect("it can be written");
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        let mut findings = Vec::new();
        if golden != text {
            findings.push(format!(
                "{file}: look, and run this test with BLESS=1 in the environment:\n{text}"
            ));
        }
        findings
            .extend(too_wide(&text, width).iter().map(|line| format!("{file}: too wide: {line}")));
        findings
    };
    let mut findings: Vec<String> = parallel(&together, one).into_iter().flatten().collect();
    findings.extend(alone.iter().flat_map(one));
    assert_none(&findings);
}

/// Without a width lines stay whole, whatever they hold, for whoever searches them.
#[test]
fn what_is_no_screen_gets_whole_lines() {
    let mut command = command(&root());
    command.args(["explain", "acks-one"]).env_remove("COLUMNS");
    let text = String::from_utf8(command.output().expect("it starts").stdout).expect("UTF-8");
    assert!(text.lines().any(|line| line.len() > 100), "{text}");
}

const BOLD: &str = "\u{1b}[";

/// Whether there are colours, with these variables and options.
fn coloured(variables: &[(&str, &str)], options: &[&str]) -> bool {
    let mut command = command(&root());
    command.args(["list", "commits"]).args(options).envs(variables.iter().copied());
    let output = command.output().expect("the binary starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).contains(BOLD)
}

#[test]
fn colours_are_for_whoever_wants_them() {
    assert!(!coloured(&[], &[]), "a pipe");
    assert!(coloured(&[("CLICOLOR_FORCE", "1")], &[]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "0")], &[]));
    assert!(coloured(&[], &["--color", "always"]));
    assert!(coloured(&[("NO_COLOR", "1")], &["--color", "always"]), "what is typed wins");
    assert!(!coloured(&[("CLICOLOR_FORCE", "1")], &["--color", "never"]));
}

/// On a terminal, which `script` makes, there are colours, unless somebody says no.
#[test]
fn a_terminal_has_colours_and_a_width() {
    let on_terminal = |variables: &[(&str, &str)]| {
        let binary = crate::support::binary();
        let line = format!("stty rows 24 cols 60; {} list commits", binary.display());
        let mut script = Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).current_dir(root()).env("TERM", "xterm-256color");
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"] {
            script.env_remove(name);
        }
        let output = script.envs(variables.iter().copied()).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).replace('\r', ""))
    };
    let Some(shown) = on_terminal(&[]) else { return };
    assert!(shown.contains(BOLD), "{shown}");
    let plain = on_terminal(&[("NO_COLOR", "1")]).expect("script is there");
    assert!(!plain.contains(BOLD), "{plain}");
    assert!(plain.contains("sync-after-batch"), "{plain}");
    assert_eq!(too_wide(&plain, 60), Vec::<&str>::new());
}
