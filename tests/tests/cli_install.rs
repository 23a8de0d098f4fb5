//! What a package installs beside the binary: shells take the completions, and `man` takes the pages.

use crate::cli::{directory, run};
use crate::support::root;
use std::io::Write;
use std::process::{Command, Stdio};

const COMMANDS: &[&str] = &["run", "shrink", "explain", "compare", "check", "completions", "man"];

/// What a program says of `text`, or none if this machine does not have the program.
fn given(program: &str, arguments: &[&str], text: &str) -> Option<(bool, String)> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn every_shell_gets_completions_of_every_command() {
    let directory = directory();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(directory.path(), &["completions", shell]);
        assert_eq!((script.status, script.talk.as_str()), (0, ""), "{shell}");
        for command in COMMANDS {
            assert!(script.out.contains(command), "{shell} completes {command}");
        }
        assert!(script.out.contains("seeds"), "{shell} completes options");
        let reads = ["bash", "fish", "zsh"].contains(&shell);
        let read = reads.then(|| given(shell, &["-n"], &script.out)).flatten();
        assert!(read.as_ref().is_none_or(|(taken, _)| *taken), "{shell}: {read:?}");
    }
    let wrong = run(directory.path(), &["completions", "tcsh"]);
    assert_eq!(wrong.status, 2);
    assert!(wrong.talk.contains("bash, elvish, fish, powershell, zsh"), "{}", wrong.talk);
}

/// Bash offers what begins as the word does: the commands, and the values that an option has.
#[test]
fn bash_completes_what_is_typed() {
    let directory = directory();
    let script = run(directory.path(), &["completions", "bash"]).out;
    for (words, offered) in [
        ("ackproof comp", "compare completions"),
        ("ackproof list prop", "properties"),
        ("ackproof run --check-d", "--check-determinism"),
        ("ackproof explain acked", "acked-durability"),
        ("ackproof explain unclean.leader.election.e", "unclean.leader.election.enable"),
        ("ackproof man shr", "shrink"),
    ] {
        let all: Vec<&str> = words.split(' ').collect();
        let last = all.len() - 1;
        let ask = format!(
            "{script}\nCOMP_WORDS=({words}); COMP_CWORD={last}; _ackproof ackproof {} {}\n\
             echo \"${{COMPREPLY[*]}}\"\n",
            all[last],
            all[last - 1]
        );
        if let Some((true, said)) = given("bash", &[], &ask) {
            assert_eq!(said.trim(), offered, "{words}");
        }
    }
}

/// Fish says itself what it offers; zsh has a function for the names, which offers files too.
#[test]
fn fish_and_zsh_complete_names() {
    let directory = directory();
    let script = run(directory.path(), &["completions", "fish"]).out;
    for (words, offered) in [
        ("ackproof explain acked", "acked-durability"),
        ("ackproof explain unclean.leader.election.e", "unclean.leader.election.enable"),
        ("ackproof man shr", "shrink"),
    ] {
        let ask = format!("{script}\ncomplete -C \"{words}\"\n");
        if let Some((true, said)) = given("fish", &["--no-config"], &ask) {
            assert!(said.lines().any(|line| line.trim() == offered), "{words}: {said}");
        }
    }
    let script = run(directory.path(), &["completions", "zsh"]).out;
    assert_eq!(script.matches(":_ackproof_names'").count(), 1, "explain offers names");
    assert_eq!(script.matches(":_ackproof_pages'").count(), 1, "man offers commands");
    let offer = "\ncompadd() { print -l -- $@ }; _files() { print files }; _ackproof_names\n";
    let functions = script.split("autoload").next().unwrap_or_default();
    if let Some((true, said)) = given("zsh", &["-f"], &format!("{functions}{offer}")) {
        assert!(said.contains("acked-durability\n") && said.ends_with("files\n"), "{said}");
    }
}

#[test]
fn every_command_has_a_manual_page_that_man_takes() {
    let directory = directory();
    let pages = [&[][..], &["run"], &["explain"], &["import", "verifiable"], &["man"]];
    for words in pages {
        let page = run(directory.path(), &[&["man"], words].concat());
        assert_eq!((page.status, page.talk.as_str()), (0, ""), "{words:?}");
        let name = [&["ackproof"], words].concat().join("-");
        assert!(page.out.contains(&format!(".TH {name} 1 ")), "{words:?}: {}", page.out);
        let titles: Vec<&str> =
            page.out.lines().filter_map(|line| line.strip_prefix(".SH ")).collect();
        for title in ["NAME", "SYNOPSIS", "DESCRIPTION", "\"EXIT STATUS\"", "EXAMPLES", "FILES"] {
            assert!(titles.contains(&title), "{words:?} has {title}: {titles:?}");
        }
        // groff says what it does not know.
        let warn = ["-man", "-wmac", "-wescape", "-wchar", "-winput", "-Tutf8"];
        let set = given("groff", &warn, &page.out);
        let Some((taken, said)) = set else { continue };
        // A line that cannot be adjusted is none of our business: long names do not break.
        let wrong =
            said.lines().find(|line| line.contains("troff:") && !line.contains("cannot adjust"));
        assert!(taken && wrong.is_none(), "{words:?}: {wrong:?}");
        // Bold is a letter over itself.
        let mut plain = String::new();
        for letter in said.chars() {
            if letter == '\u{8}' {
                plain.pop();
            } else {
                plain.push(letter);
            }
        }
        assert!(plain.contains("EXIT STATUS") && plain.contains("ackproof"), "{words:?}: {plain}");
    }
    let wrong = run(directory.path(), &["man", "runn"]);
    assert_eq!(wrong.status, 2);
    assert!(wrong.talk.contains("no command is called \"runn\""), "{}", wrong.talk);
}

/// The names behind a command, of `--help`.
fn below(help: &str) -> Vec<&str> {
    let (_, rest) = help.split_once("\nCommands:\n").unwrap_or_default();
    let rows = rest.lines().take_while(|line| line.starts_with("  "));
    rows.filter_map(|row| row.split_whitespace().next()).filter(|name| *name != "help").collect()
}

/// Words with one space between them, without what troff makes of them.
fn plain(text: &str) -> String {
    let text = text.replace("\\fB", "").replace("\\fI", "").replace("\\fR", "").replace("\\-", "-");
    let text = text.replace("\\*(Aq", "'").replace("\\[u2026]", "…").replace("\\&", "");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A page has what can be typed: each command, each option with its values, each exit status and each example.
#[test]
fn manual_pages_have_all_that_help_has() {
    let directory = directory();
    let said = |words: &[&str]| run(directory.path(), words).out;
    let top = said(&["--help"]);
    let mut commands: Vec<Vec<&str>> = below(&top).into_iter().map(|name| vec![name]).collect();
    assert!(commands.len() > 15, "{commands:?}");
    let import = said(&["import", "--help"]);
    commands.extend(below(&import).into_iter().map(|name| vec!["import", name]));
    commands.push(Vec::new());
    for words in &commands {
        let help = said(&[&words[..], &["--help"]].concat());
        let page = plain(&said(&[&["man"], &words[..]].concat()));
        let has = |text: &str| {
            let text = plain(text);
            assert!(page.contains(&text), "the page of {words:?} does not say {text:?}: {page}");
        };
        let mut options = 0;
        for line in help.lines().map(str::trim) {
            if let Some(name) = line.split_whitespace().find(|word| word.starts_with("--"))
                && line.starts_with('-')
                && !line.starts_with("- ")
            {
                has(name.split(['[', '=', ',']).next().unwrap_or(name));
                options += 1;
            } else if let Some((value, _)) =
                line.strip_prefix("- ").and_then(|value| value.split_once(": "))
            {
                has(&format!("{value}: "));
            }
        }
        assert!(options >= 2, "{words:?}: {help}");
        let (_, below_it) = help.split_once("\nExample:\n").unwrap_or_else(|| panic!("{words:?}"));
        let (examples, status) = below_it.split_once("\n\n").expect("exit statuses");
        examples.lines().for_each(has);
        let statuses = status.trim_start_matches("Exit status: ");
        has(&statuses[1..]);
        below(&help).into_iter().for_each(|name| has(&format!("-{name}(1)")));
    }
}

/// What the command line asks of its environment stands in every page.
#[test]
fn manual_pages_name_every_variable() {
    let page = run(&root(), &["man", "run"]).out;
    let mut found = Vec::new();
    for file in std::fs::read_dir(root().join("sim/src/cli")).expect("sources") {
        let path = file.expect("an entry").path();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let asks = |line: &&str| line.contains("var_os(") || line.contains("env::var(");
        let is_name = |word: &&str| {
            word.len() > 1 && word.chars().all(|one| one.is_ascii_uppercase() || one == '_')
        };
        let lines = text.lines().filter(|line| asks(line) || line.starts_with("const "));
        found.extend(
            lines
                .flat_map(|line| line.split('"').skip(1).step_by(2))
                .filter(is_name)
                .map(str::to_owned),
        );
    }
    assert!(found.iter().any(|name| name == "COLUMNS") && found.len() > 4, "{found:?}");
    for name in found.iter().map(String::as_str).chain(["NO_COLOR", "RUST_LOG"]) {
        assert!(page.contains(&format!("\\fB{name}\\fR")), "{name} is in no page: {found:?}");
    }
}
