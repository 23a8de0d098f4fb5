//! `ackproof completions` and `ackproof man`: what a package installs beside the binary. Both come from what can
//! be typed, and know no command themselves.

use super::args::{Arguments, Completions, Manual};
use super::output::{result, talk};
use super::status::Status;
use ackproof::manual::reference;
use clap::builder::PossibleValuesParser;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::collections::BTreeSet;
use std::io;

pub(crate) fn completions(arguments: &Completions) -> Status {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    if arguments.shell == Shell::Bash {
        command = named(command);
    }
    clap_complete::generate(arguments.shell, &mut command, "ackproof", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    result(&match arguments.shell {
        Shell::Fish => fish(script),
        Shell::Zsh => zsh(&script),
        _ => script,
    })
}

/// What `explain` knows.
fn names() -> BTreeSet<String> {
    reference().entries.into_iter().map(|entry| entry.name).collect()
}

/// The commands, which `man` knows.
fn commands(command: &Command) -> BTreeSet<String> {
    command.get_subcommands().map(|one| one.get_name().to_owned()).collect()
}

fn spaced(names: BTreeSet<String>) -> String {
    names.into_iter().collect::<Vec<_>>().join(" ")
}

/// Fish offers names beside files.
fn fish(mut script: String) -> String {
    let commands = spaced(commands(&Arguments::command()));
    for (command, how, names) in [("explain", "-a", spaced(names())), ("man", "-f -a", commands)] {
        let of = format!("-n \"__fish_ackproof_using_subcommand {command}\"");
        script.push_str(&format!("complete -c ackproof {of} {how} \"{names}\"\n"));
    }
    script
}

/// In zsh a function offers names beside files, where the script would offer files alone.
fn zsh(script: &str) -> String {
    let commands = spaced(commands(&Arguments::command()));
    let functions = format!(
        "_ackproof_names() {{\n    compadd -- {}\n    _files\n}}\n\n\
         _ackproof_pages() {{\n    compadd -- {commands}\n}}\n",
        spaced(names())
    );
    let mut text = String::new();
    for (number, line) in script.lines().enumerate() {
        let is_name = line.starts_with("':file --") && line.contains("or a name");
        let line = match line {
            _ if is_name => line.replace(":_files'", ":_ackproof_names'"),
            _ if line.starts_with("'*::command -- The command that the page") => {
                line.replace(":_default'", ":_ackproof_pages'")
            }
            _ => line.to_owned(),
        };
        text.push_str(&line);
        text.push('\n');
        // After `#compdef ackproof`.
        if number == 0 {
            text.push_str(&functions);
        }
    }
    text
}

/// With the names that `explain` and `man` know. Bash offers files where no name begins so.
fn named(command: Command) -> Command {
    let (names, below) = (names(), commands(&command));
    // A value must last as long as the process, which ends when it has printed them.
    let values = |names: BTreeSet<String>| {
        PossibleValuesParser::new(names.into_iter().map(|name| &*name.leak()).collect::<Vec<_>>())
    };
    let (names, below) = (values(names), values(below));
    command
        .mut_subcommand("explain", |one| one.mut_arg("file", |file| file.value_parser(names)))
        .mut_subcommand("man", |one| one.mut_arg("command", |name| name.value_parser(below)))
}

pub(crate) fn man(arguments: &Manual) -> Status {
    let mut whole = Arguments::command().disable_help_subcommand(true);
    whole.build();
    let mut command = &whole;
    for word in &arguments.command {
        let Some(below) = command.find_subcommand(word) else {
            let names = command.get_subcommands().map(Command::get_name).collect::<Vec<_>>();
            talk(&unknown(word, command.get_name(), &names));
            return Status::Usage;
        };
        command = below;
    }
    match page(command) {
        Ok(text) => result(&text),
        Err(error) => {
            talk(&format!("error: cannot make the page: {error}\n"));
            Status::Internal
        }
    }
}

fn unknown(word: &str, command: &str, names: &[&str]) -> String {
    if names.is_empty() {
        return format!("error: {command} has no command of its own, so there is no \"{word}\"\n");
    }
    format!("error: no command is called \"{word}\"; the commands are {}\n", names.join(", "))
}

/// Variables and files that every command knows.
const PLACES: &[(&str, &[(&str, &str)])] = &[
    (
        "ENVIRONMENT",
        &[
            ("ACKPROOF_…", "an option of ackproof run: ACKPROOF_SEEDS=50 is --seeds 50"),
            ("ACKPROOF_CONFIG", "the configuration file"),
            ("ACKPROOF_PROFILE", "a profile of the configuration file"),
            ("NO_COLOR", "no colours, on a terminal either"),
            ("CLICOLOR_FORCE", "colours, where the output is no terminal too"),
            ("COLUMNS", "the width of the output where there is no terminal to ask"),
            ("CI", "no progress bar"),
            (
                "RUST_LOG",
                "what ackproof logs of itself on stderr: RUST_LOG=info says when each run is over",
            ),
            ("GITHUB_STEP_SUMMARY", "with --format github: the file that the summary is added to"),
        ],
    ),
    (
        "FILES",
        &[
            ("ackproof.toml", "options, in the working directory"),
            ("ackproof-failures/", "schedules of runs that failed"),
        ],
    ),
];

/// The page of a command. What stands below its options becomes sections of their own.
fn page(command: &Command) -> io::Result<String> {
    let below = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (example, status) = below.split_once("\n\n").unwrap_or((&below, ""));
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let version = env!("CARGO_PKG_VERSION");
    let man = Man::new(command.clone())
        .title(name.clone())
        .source(format!("ackproof {version}"))
        .manual("ackproof");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    man.render_options_section(&mut text)?;
    let mut rest = Roff::default();
    rest.control("SH", ["EXIT STATUS"]);
    rest.text([roman(capital(status.trim_start_matches("Exit status: ")))]);
    rest.control("SH", ["EXAMPLES"]).control("nf", []);
    for line in example.lines().skip(1) {
        rest.text([roman(line.trim())]);
    }
    rest.control("fi", []);
    for (title, items) in PLACES {
        rest.control("SH", [*title]);
        for (name, says) in *items {
            rest.control("TP", []).text([bold(*name)]).text([roman(*says)]);
        }
    }
    if name != "ackproof" {
        rest.control("SH", ["SEE ALSO"]);
        rest.text([bold("ackproof"), roman("(1)")]);
    }
    rest.to_writer(&mut text)?;
    // Formatters differ in what they take for the encoding; this they all read.
    let ascii = |letter: char| match letter {
        letter if letter.is_ascii() => letter.to_string(),
        other => format!("\\[u{:04X}]", u32::from(other)),
    };
    Ok(String::from_utf8_lossy(&text).chars().map(ascii).collect())
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}
