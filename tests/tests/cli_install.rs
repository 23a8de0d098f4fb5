//! What a package installs beside the binary: shells take the completions, and `man` takes the pages.

use crate::cli::{directory, run};
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
