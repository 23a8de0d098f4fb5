//! `ackproof replay`: a schedule file, run as it is. It is `ackproof run` for files that name their seed;
//! with `--seeds` the same records and faults meet other latencies.

use super::args::{Replay, Run};
use super::config::options;
use super::load::load;
use super::output::talk;
use super::run::run;
use super::select::select;
use super::serve;
use super::status::Status;
use std::fs::File;
use std::io::Read;
use std::path::Path;

pub(crate) fn replay(arguments: &Replay) -> Status {
    if let [file] = arguments.paths.as_slice()
        && is_tape(file)
    {
        return serve::replay(file);
    }
    let loaded = select(&arguments.paths).and_then(|files| load(&files, &arguments.sets));
    let files = match loaded {
        Ok(files) => files,
        Err(text) => {
            talk(&text);
            return Status::Usage;
        }
    };
    let asked = match options(&arguments.places, &arguments.flags) {
        Ok(options) => options.seeds.is_some(),
        Err(text) => {
            talk(&text);
            return Status::Usage;
        }
    };
    let unseeded = files.iter().find(|one| one.plan.seed.is_none() && !asked);
    if let Some(one) = unseeded {
        talk(&format!(
            "error: {}: names no \"seed\", so it is not a schedule; give one with --seed, or use \
             `ackproof run`\n",
            one.file
        ));
        return Status::Usage;
    }
    let Replay { paths, sets, trace, perfetto, operators, places, flags } = arguments.clone();
    let (save_schedule, force) = (None, false);
    run(&Run { paths, sets, trace, perfetto, operators, places, flags, save_schedule, force })
}

/// Whether a file begins as a tape does.
fn is_tape(file: &Path) -> bool {
    let mut head = [0; 40];
    let read = File::open(file).and_then(|mut file| file.read(&mut head));
    read.is_ok_and(|count| head[..count].starts_with(br#"{"ackproof":"tape""#))
}
