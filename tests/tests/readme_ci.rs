//! What the manual tells people to put into their CI works: the commands of its workflows, in their order,
//! as their shells would run them, and its configuration. Nobody here reads YAML: a command is a line.

use crate::cli::{INCONCLUSIVE, MET, VIOLATED, ackproof, directory, run, scenario, write};
use crate::readme::documents;
use crate::support::{assert_none, binary, read};
use std::path::Path;
use std::process::Command;

const COMMIT: &str = "899b92c0ffee0123456789abcdef0123456789ab";

/// The text of every block in this language, of all documents.
fn blocks(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let texts: Vec<String> = documents().iter().map(|path| read(path)).collect();
    let parts = texts.iter().flat_map(|text| text.split(&fence).skip(1));
    parts.map(|part| part.split("\n```").next().unwrap_or_default().to_owned()).collect()
}

/// The lines of a workflow that call us, with what the services put in; fewer seeds will do.
fn commands(workflow: &str) -> Vec<String> {
    let calls = workflow.lines().filter_map(|line| {
        let at = line.find("ackproof run ").or_else(|| line.find("ackproof merge "))?;
        Some(line[at..].replace("${{ github.sha }}", COMMIT).replace("+500", "+5"))
    });
    let parts = |call: String| match call.contains("${{ matrix.part }}") {
        true => (1..=4).map(|part| call.replace("${{ matrix.part }}", &part.to_string())).collect(),
        false => vec![call],
    };
    calls.flat_map(parts).collect()
}

/// The exit status of each command of a workflow.
fn statuses(path: &Path, workflow: &str) -> Vec<Option<i32>> {
    let binary = binary();
    let folder = binary.parent().expect("a folder").display();
    let found = std::env::var("PATH").expect("a path");
    let status = |command: String| {
        let mut shell = Command::new("sh");
        shell.args(["-ec", &command]).current_dir(path).env("CI_COMMIT_SHA", COMMIT);
        shell.env("PATH", format!("{folder}:{found}")).env_remove("GITHUB_STEP_SUMMARY");
        shell.output().expect("a shell").status.code()
    };
    commands(workflow).into_iter().map(status).collect()
}

#[cfg(unix)]
#[test]
fn the_workflows_gate() {
    let workflows = blocks("yaml");
    let [github, gitlab] = workflows.as_slice() else { panic!("two workflows: {workflows:#?}") };
    for (expect, status) in [(MET, 0), (INCONCLUSIVE, 3), (VIOLATED, 1)] {
        let directory = directory();
        let path = directory.path();
        write(path, "scenarios/1-met.json", &scenario(MET));
        write(path, "scenarios/2-other.json", &scenario(expect));
        let parts = [Some(0); 4];
        assert_eq!(statuses(path, github), [&parts[..], &[Some(status)]].concat(), "{github}");
        for file in ["sweep.json", "junit.xml"] {
            assert!(path.join(file).exists(), "{file}");
            std::fs::remove_file(path.join(file)).expect("it is there");
        }
        assert_eq!(statuses(path, gitlab)[..1], [Some(status)], "{gitlab}");
        assert!(path.join("junit.xml").exists());
    }
}

#[test]
fn the_configuration_is_one() {
    let directory = directory();
    let blocks = blocks("toml");
    assert_eq!(blocks.len(), 1, "{blocks:?}");
    write(directory.path(), "ackproof.toml", &blocks[0]);
    let shown = run(directory.path(), &["config", "--profile", "ci"]);
    assert_eq!(shown.status, 0, "{shown:?}");
    assert!(shown.out.contains("seeds = \"0..500\"  # ackproof.toml:"), "{}", shown.out);
}

/// What `--help` says of the program and of each of its commands.
fn helps(path: &Path) -> String {
    let help = |words: &[&str]| {
        let output = ackproof(path).args(words).arg("--help").output().expect("the binary");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let all = help(&[]);
    let names = all.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names: Vec<&str> = names
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.contains(&"run") && names.len() > 10, "the commands are found: {names:?}");
    names.iter().map(|name| help(&[*name])).collect()
}

/// Options of Kafka's own tools and of promtool, which the documents name too.
const FOREIGN: &[&str] = &[
    "--all-groups",
    "--alter",
    "--election-type",
    "--exclude-internal",
    "--members",
    "--query",
    "--release-version",
    "--reset-offsets",
    "--state",
    "--to-earliest",
];

/// Options that the prose of the documents names are there.
#[test]
fn what_the_documents_name_can_be_typed() {
    let directory = directory();
    let helps = helps(directory.path());
    let is_flag = |letter: char| letter == '-' || letter.is_ascii_lowercase();
    let mut unknown = Vec::new();
    for path in documents() {
        let document = read(&path).replace("cargo run --release --", "");
        let prose = document.split("```").step_by(2).collect::<String>();
        let flags = prose.split(|letter| !is_flag(letter)).filter(|word| word.starts_with("--"));
        let flags = flags.filter(|word| word.chars().any(char::is_alphabetic));
        let missing = flags.filter(|flag| !helps.contains(flag) && !FOREIGN.contains(flag));
        unknown.extend(missing.map(|flag| format!("{path}: there is no {flag}")));
    }
    assert_none(&unknown);
}
