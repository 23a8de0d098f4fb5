//! Where options come from: a flag outweighs the environment, that a profile, that the file, that the
//! default; and what is wrong is shown where it stands.

use crate::cli::{MET, Ran, ackproof, directory, finish, run, scenario, write};
use std::path::Path;

const FILE: &str = "seeds = 3\njobs = 2\nquiet = true\n\n[profile.ci]\nseeds = \"0x10+4\"\n\
                    fail-fast = true\n\n[profile.one]\nseed = 9\n";

fn with(path: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = ackproof(path);
    command.envs(variables.iter().copied()).args(arguments);
    finish(command.output().expect("the binary starts"))
}

#[test]
fn the_nearest_place_wins() {
    let directory = directory();
    let path = directory.path();
    write(path, "ackproof.toml", FILE);
    let seeds = |variables: &[(&str, &str)], arguments: &[&str]| {
        let ran = with(path, variables, &[&["config"], arguments].concat());
        assert_eq!(ran.status, 0, "{ran:?}");
        let is_seeds = |line: &&str| line.starts_with("seed = ") || line.starts_with("seeds = ");
        ran.out.lines().find(is_seeds).expect("it says which seeds").to_owned()
    };
    let environment = ("ACKPROOF_SEEDS", "7");
    let ci = ("ACKPROOF_PROFILE", "ci");
    assert_eq!(seeds(&[], &[]), "seeds = \"3\"  # ackproof.toml:1");
    let profile = "seeds = \"0x10+4\"  # ackproof.toml:6 [profile.ci]";
    assert_eq!(seeds(&[], &["--profile", "ci"]), profile);
    assert_eq!(seeds(&[ci], &[]), profile);
    assert_eq!(
        seeds(&[ci], &["--profile", "one"]),
        "seed = \"9\"  # ackproof.toml:10 [profile.one]"
    );
    assert_eq!(seeds(&[ci, environment], &[]), "seeds = \"7\"  # ACKPROOF_SEEDS");
    assert_eq!(seeds(&[ci, environment], &["--seed", "5"]), "seed = \"5\"  # --seed");
    std::fs::remove_file(path.join("ackproof.toml")).unwrap();
    assert_eq!(seeds(&[], &[]), "seed = \"0\"  # default");
    write(path, "other.toml", "seed = 4");
    assert_eq!(seeds(&[], &["--config", "other.toml"]), "seed = \"4\"  # other.toml:1");
    assert_eq!(seeds(&[("ACKPROOF_CONFIG", "other.toml")], &[]), "seed = \"4\"  # other.toml:1");
}

#[test]
fn what_holds_is_what_is_run_and_what_is_shown_can_be_used() {
    let directory = directory();
    let path = directory.path();
    write(path, "a.json", &scenario(MET));
    write(path, "ackproof.toml", FILE);
    let title = |ran: &Ran| ran.out.lines().next().unwrap_or_default().to_owned();
    assert_eq!(title(&run(path, &["run", "a.json"])), "MET  a  seeds 0..3");
    assert_eq!(title(&run(path, &["run", "a.json", "--profile", "ci"])), "MET  a  seeds 16..20");
    let format = [("ACKPROOF_FORMAT", "json"), ("ACKPROOF_JUNIT", "out.xml")];
    let ran = with(path, &format, &["run", "a.json", "--junit="]);
    assert!(ran.out.starts_with("{\"schema\""), "{ran:?}");
    assert!(!path.join("out.xml").exists(), "an empty flag takes it back");
    let shown = run(path, &["config", "--profile", "ci"]).out;
    write(path, "ackproof.toml", &shown);
    assert_eq!(title(&run(path, &["run", "a.json"])), "MET  a  seeds 16..20");
}

#[test]
fn mistakes_are_shown_where_they_stand() {
    let directory = directory();
    let path = directory.path();
    for (file, said) in [
        ("jobs = 2\nsedes = 5\n", ["ackproof.toml:2:1", "did you mean \"seeds\"?"]),
        ("[profile.ci]\njobs = 0\n", ["ackproof.toml:2:8", "not a number from 1"]),
        ("quiet = \"maybe\"\n", ["ackproof.toml:1:9", "neither true nor false"]),
        ("seeds = [1]\n", ["ackproof.toml:1:9", "expected"]),
        ("seed = 1\nseeds = 2\n", ["ackproof.toml:2:1", "contradict"]),
        ("seed = \n", ["ackproof.toml:1:", "error"]),
        ("profile = 1\n", ["ackproof.toml:1:11", "[profile.ci]"]),
    ] {
        write(path, "ackproof.toml", file);
        let ran = run(path, &["config"]);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{file}: {ran:?}");
        for words in said {
            assert!(ran.talk.contains(words), "{file} does not say {words}:\n{}", ran.talk);
        }
    }
    write(path, "ackproof.toml", FILE);
    for (variables, arguments, words) in [
        (&[][..], &["config", "--profile", "cii"][..], "did you mean \"ci\"?"),
        (&[("ACKPROOF_JOBS", "many")], &["config"], "ACKPROOF_JOBS"),
        (&[("ACKPROOF_SEED", "1"), ("ACKPROOF_SEEDS", "1")], &["config"], "contradict"),
        (&[], &["config", "--config", "none.toml"], "none.toml"),
    ] {
        let ran = with(path, variables, arguments);
        assert_eq!(ran.status, 2, "{ran:?}");
        assert!(ran.talk.contains(words), "{words}: {}", ran.talk);
    }
    let ran = with(path, &[("ACKPROOF_SEDES", "1")], &["config"]);
    assert_eq!(ran.status, 0);
    assert!(ran.talk.contains("did you mean \"ACKPROOF_SEEDS\"?"), "{}", ran.talk);
}
