//! What `--help` says below the options: an example of every command, and its exit statuses.

/// Every command.
pub(super) const ACKPROOF: &str = "\
Example:
  ackproof run scenarios/basics/leader-crash.json --seed 7

Exit status: 0 all expectations met, 1 violated, 2 usage or scenario error, or output that cannot be \
written, 3 inconclusive, 4 nothing to run, 5 non-determinism, 70 ackproof itself failed, 130 interrupted.
`ackproof COMMAND --help` lists the exit statuses of a command.";

pub(super) const RUN: &str = "\
Example:
  ackproof run scenarios --seeds 0..100 --junit out/ackproof.xml
  ackproof run scenarios/basics/chaos.json --seed 7 --perfetto out/chaos.pftrace
  ackproof run scenarios/footguns/acks-one-leader-crash.json --seed 1 --groups-at 20s
  ackproof run scenarios/footguns/acks-one-leader-crash.json --seed 1 --alerts scenarios/alerts/kafka.yml

Exit status: 0 all expectations met, 1 violated, 2 usage or scenario error, or output that cannot be \
written, 3 inconclusive, 4 nothing to run, 5 non-determinism, 70 ackproof itself failed, 130 interrupted: \
the report covers the runs that were finished.";

pub(super) const REPLAY: &str = "\
Example:
  ackproof replay scenarios/regressions/no-deduplication.json

Exit status: 0 all expectations met, 1 violated, 2 usage error, or a file that names no seed, 3 inconclusive, \
4 nothing to run, 5 non-determinism, 70 ackproof itself failed, 130 interrupted.";

pub(super) const SERVE: &str = "\
Example:
  ackproof serve scenarios/basics/leader-crash.json --seed 7 -- pytest tests/

Exit status: 0 all expectations met, 1 a property or an expectation violated, or the command failed, 2 usage or \
scenario error, or a port that cannot be had, 3 inconclusive, 70 ackproof itself failed.";

pub(super) const SHRINK: &str = "\
Example:
  ackproof shrink scenarios/footguns/acks-one-leader-crash.json --seed 1 -o small.json

Exit status: 0 the failure is small now, 2 usage or scenario error, or a file that cannot be written, \
4 the run does not fail, 70 ackproof itself failed, 130 interrupted: \
the smallest schedule found so far is written.";

pub(super) const MERGE: &str = "\
Example:
  ackproof merge part-*.json --junit junit.xml

Exit status: that of the whole sweep: 0 all expectations met, 1 violated, 2 usage error, or reports that are \
not of one sweep, 3 inconclusive, 4 nothing to run, 5 non-determinism, 70 ackproof itself failed, 130 a part \
was interrupted.";

pub(super) const COMPARE: &str = "\
Example:
  ackproof compare scenarios/basics/leader-crash.json --set acks=1 --set acks=all --seeds 10

Exit status: 0 the comparison is complete (nothing is expected), 2 usage or scenario error, 4 nothing to run, \
70 a run has no report, 130 interrupted: the runs that were finished are shown.";

pub(super) const EXPLAIN: &str = "\
Example:
  ackproof explain scenarios/footguns/acks-zero.json --save-schedules witnesses
  ackproof explain scenarios/footguns/unclean-election.json --seed 0
  ackproof explain acked-durability
  ackproof explain scenarios/footguns/poll-overrun.json --seed 1 --record billing-0#1371
  ackproof explain scenarios/footguns/acks-one-leader-crash.json --seed 1 --what-if --html what-if.html

Exit status: 0 nothing is worse than promised, or a record is told, 1 something is, 2 usage or scenario error, or a directory \
that cannot be written, 3 a promise could not be decided, 4 nothing to run or to tell, 70 ackproof itself failed, 130 interrupted.";

pub(super) const EXPLORE: &str = "\
Example:
  ackproof explore scenarios/explore/replication.json --depth 6
  ackproof explore scenarios/explore/joins-unnoticed.json --mended -o found.json
  ackproof run found.json
  ackproof explain found.json

Exit status: 0 nothing is broken within the depth and the bounds, 1 an invariant is broken, 2 usage or scenario error, \
3 there are more states than allowed, 70 ackproof itself failed, 130 interrupted.";

pub(super) const ZOO: &str = "\
Example:
  ackproof zoo trunc-to-hw hw-stuck-after-shrink
  ackproof zoo

Exit status: 0 each bug that a scenario reaches is found, and silent when it is off, 1 one is not, 2 usage error, or no \
scenarios, 70 ackproof itself failed, 130 interrupted.";

pub(super) const DOCTOR: &str = "\
Example:
  ackproof doctor conf/producer.properties conf/consumer.properties conf/server.properties

Exit status: 0 no trap is found, 1 a trap is named, or something is worse than promised, 2 usage error, or \
files that Kafka refuses, 3 a promise could not be decided, 4 nothing to run, 70 ackproof itself failed, \
130 interrupted.";

pub(super) const BENCH: &str = "\
Example:
  ackproof bench scenarios/basics/chaos.json --rounds 3

Exit status: 0 the measurement is complete, 2 usage or scenario error, 70 ackproof itself failed.";

pub(super) const CONFIG: &str = "\
Example:
  ackproof config --profile ci

Exit status: 0 the options are shown, 2 usage error, or a mistake in a file or a variable.";

pub(super) const CHECK: &str = "\
Example:
  ackproof check tests/histories/lost.jsonl

Exit status: 0 nothing is violated, 1 violated, 2 usage error, or not a history, 3 an expectation could not \
be judged. `ackproof schema history` describes the format.";

pub(super) const IMPORT: &str = "\
Example:
  ackproof import verifiable --producer p.log --consumer c.log --final final.jsonl -o history.jsonl

Exit status: 0 the history is written, 2 usage error, logs that do not form a history, or a file that cannot \
be written.";

pub(super) const VALIDATE: &str = "\
Example:
  ackproof validate scenarios/real/leader-kill.json --history tests/histories/real/leader-kill.jsonl.gz

Exit status: 0 the two sides agree, 1 a property, the counts or the times differ, 2 usage error, or a file \
that is not a history of its scenario, 3 nothing could be compared, 70 ackproof itself failed, 130 interrupted.";

pub(super) const LIST: &str = "\
Example:
  ackproof list faults

Exit status: 0 the list is printed, 2 usage error.";

pub(super) const SCHEMA: &str = "\
Example:
  ackproof schema report

Exit status: 0 the schema is printed, 2 usage error.";

pub(super) const NEW: &str = "\
Example:
  ackproof new \"orders under fire\" -o scenarios/orders.json

Exit status: 0 the file is written, 2 usage error, or a file that exists already or cannot be written.";

pub(super) const COMPLETIONS: &str = "\
Example:
  ackproof completions bash > ~/.local/share/bash-completion/completions/ackproof
  ackproof completions zsh > ~/.zfunc/_ackproof
  ackproof completions fish > ~/.config/fish/completions/ackproof.fish

Exit status: 0 the script is printed, 2 usage error.";

pub(super) const MAN: &str = "\
Example:
  ackproof man > ~/.local/share/man/man1/ackproof.1
  ackproof man run | man -l -

Exit status: 0 the page is printed, 2 usage error.";
