//! The command that shows a run or a sweep again, as it is pasted into a shell. It only spells.

use crate::sweep::Part;
use shlex::Quoter;
use std::fmt;

/// What to run again.
#[derive(Clone, Copy, Debug)]
pub struct Command<'a> {
    /// Files, as the user named them.
    pub files: &'a [&'a str],
    /// The first seed.
    pub from: u64,
    /// One past the last.
    pub to: u64,
    /// `--set` values in their order.
    pub sets: &'a [(String, String)],
    /// Whether each seed draws its own settings.
    pub swarm: bool,
    /// Whether it was checked for determinism.
    pub check_determinism: bool,
    /// Which part of many seeds; none: all.
    pub part: Option<Part>,
}

impl fmt::Display for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ackproof run")?;
        for file in self.files {
            // A name that starts like an option would be read as one.
            let dashed = if file.starts_with('-') { "./" } else { "" };
            write!(f, " {}", quote(&format!("{dashed}{file}")))?;
        }
        if self.to == self.from.saturating_add(1) {
            write!(f, " --seed {}", self.from)?;
        } else {
            write!(f, " --seeds {}..{}", self.from, self.to)?;
            if let Some(Part { index, of }) = self.part {
                write!(f, " --partition {index}/{of}")?;
            }
        }
        for (path, value) in self.sets {
            write!(f, " --set {}", quote(&format!("{path}={value}")))?;
        }
        if self.swarm {
            f.write_str(" --swarm")?;
        }
        if self.check_determinism {
            f.write_str(" --check-determinism")?;
        }
        Ok(())
    }
}

/// The command that runs the schedule `file`.
#[must_use]
pub fn replay(file: &str) -> String {
    let dashed = if file.starts_with('-') { "./" } else { "" };
    format!("ackproof replay {}", quote(&format!("{dashed}{file}")))
}

/// Words as they are pasted into a shell.
#[must_use]
pub fn quoted(words: &[String]) -> String {
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

/// One word of a shell.
fn quote(word: &str) -> String {
    // A NUL cannot come from a command line.
    let quoter = Quoter::new().allow_nul(true);
    quoter.quote(word).map_or_else(|_| word.to_owned(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Command<'_> = Command {
        files: &["a.json"],
        from: 7,
        to: 8,
        sets: &[],
        swarm: false,
        check_determinism: false,
        part: None,
    };

    #[test]
    fn one_seed_and_many_are_spelled_apart() {
        assert_eq!(ONE.to_string(), "ackproof run a.json --seed 7");
        let many = Command { from: 0, to: 20, ..ONE };
        assert_eq!(many.to_string(), "ackproof run a.json --seeds 0..20");
        let part = Command { part: Some(Part { index: 3, of: 8 }), ..many };
        assert_eq!(part.to_string(), "ackproof run a.json --seeds 0..20 --partition 3/8");
        let swarm = Command { swarm: true, ..ONE };
        assert_eq!(swarm.to_string(), "ackproof run a.json --seed 7 --swarm");
    }

    #[test]
    fn what_a_shell_would_split_is_quoted() {
        let sets = [
            ("producers.billing.size".to_owned(), "10 B..$HOME".to_owned()),
            ("name".to_owned(), "it's".to_owned()),
        ];
        let files = ["my scenarios/a&b.json", "-x.json"];
        let command = Command { files: &files, sets: &sets, check_determinism: true, ..ONE };
        let words = shlex::split(&command.to_string()).unwrap();
        let expected = [
            "ackproof",
            "run",
            "my scenarios/a&b.json",
            "./-x.json",
            "--seed",
            "7",
            "--set",
            "producers.billing.size=10 B..$HOME",
            "--set",
            "name=it's",
            "--check-determinism",
        ];
        assert_eq!(words, expected);
    }
}
