//! The observer: a JVM with Kafka's own admin client, which answers what an operator would ask. One
//! question a line, one answer a line.

use crate::process::{Java, Launch};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

/// The namespace it lives in.
pub(crate) const NAME: &str = "observer";
/// Its source; Java runs it as it is.
pub(crate) const SOURCE: &str = include_str!("../java/Observer.java");

/// The running observer.
#[derive(Debug)]
pub(crate) struct Observer {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// A partition as its metadata have it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub(crate) struct Placed {
    /// Its topic.
    #[serde(default)]
    pub(crate) topic: String,
    /// The broker that leads it; none: nobody.
    pub(crate) leader: Option<u16>,
    /// Its in-sync set.
    pub(crate) isr: Vec<u16>,
    /// Its replicas.
    pub(crate) replicas: Vec<u16>,
}

impl Observer {
    /// Starts it.
    pub(crate) fn start(java: &Java, source: &Path, bootstrap: &str) -> Result<Self, String> {
        let launch = Launch {
            main: source.display().to_string(),
            arguments: vec![bootstrap.to_owned()],
            heap: 160,
        };
        let mut child = java
            .command(NAME, &launch)?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{NAME}: {error}"))?;
        let (Some(questions), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(format!("{NAME}: no pipes"));
        };
        Ok(Self { child, questions, answers: BufReader::new(answers) })
    }

    /// Its answer to `question`.
    ///
    /// # Errors
    /// What Kafka says, or why there is no answer.
    pub(crate) fn ask(&mut self, question: &str) -> Result<Value, String> {
        let dead = |error: std::io::Error| format!("{NAME}: {question}: {error}");
        writeln!(self.questions, "{question}").map_err(dead)?;
        self.questions.flush().map_err(dead)?;
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(dead)?;
        let answer: Value = serde_json::from_str(&line)
            .map_err(|error| format!("{NAME}: {question}: {error}: {line:?}"))?;
        if answer["ok"] == true {
            return Ok(answer);
        }
        let error = answer["error"].as_str().unwrap_or("no reason");
        Err(format!("{question}: {error}"))
    }

    /// The part `name` of its answer to `question`.
    pub(crate) fn learn<T: for<'de> serde::Deserialize<'de>>(
        &mut self,
        question: &str,
        name: &str,
    ) -> Result<T, String> {
        let mut answer = self.ask(question)?;
        let part = if name.is_empty() { answer } else { answer[name].take() };
        serde_json::from_value(part).map_err(|error| format!("{NAME}: {question}: {name}: {error}"))
    }

    /// Every partition.
    pub(crate) fn partitions(&mut self) -> Result<Vec<Placed>, String> {
        self.learn("partitions", "partitions")
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        // It holds nothing that has to be put in order.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
