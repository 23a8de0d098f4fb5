//! Scenario texts as plans, with the names of the properties, witnesses and variants that this build
//! has. The language itself is `ackproof-scenario`'s; it knows no oracle and no model.

use super::lower::{self, Cast};
use ackproof_kafka::variant::Variant;
use ackproof_oracle::context::Context;
use ackproof_oracle::measure::WITNESSES;
use ackproof_oracle::registry::PROPERTIES;
use ackproof_scenario::diagnostic::Diagnostic;
use ackproof_scenario::files::Reader;
use ackproof_scenario::moment::MOMENTS;
use ackproof_scenario::plan::Plan;
use ackproof_scenario::resolve::{Names, load_from};
use ackproof_scenario::{properties, swarm};
use std::path::Path;

/// Largest `.properties` file, in bytes.
const MAX_PROPERTIES: u64 = 1024 * 1024;

/// Calls `with` with the names that a scenario may use.
pub fn with_names<T>(with: impl FnOnce(&Names<'_>) -> T) -> T {
    let properties: Vec<&str> = PROPERTIES.iter().map(|property| property.name).collect();
    let variants: Vec<&str> = Variant::ALL.iter().map(|variant| variant.name()).collect();
    let moments = MOMENTS.iter().map(|row| row.witness);
    let witnesses: Vec<&str> = WITNESSES.iter().copied().chain(moments).collect();
    with(&Names { properties: &properties, witnesses: &witnesses, variants: &variants })
}

/// The plan that `text` describes, with warnings; `file` is its name in messages, and files that it names are
/// looked for beside it.
///
/// # Errors
/// Everything wrong with it, warnings among it.
pub fn load(
    text: &str,
    file: &str,
    sets: &[(String, String)],
) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    load_reading(text, (file, &|named| beside(file, named)), sets)
}

/// As [`load`], with files that `reader` gives.
///
/// # Errors
/// As [`load`].
pub fn load_reading(
    text: &str,
    from: (&str, Reader<'_>),
    sets: &[(String, String)],
) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    with_names(|names| load_from(text, from, names, sets))
}

/// A `.properties` file by its path from the scenario `file`.
fn beside(file: &str, named: &str) -> Result<(String, String), String> {
    let path = Path::new(file).parent().unwrap_or(Path::new("")).join(named);
    read_properties(&path).map(|text| (path.display().to_string(), text))
}

/// The text of a `.properties` file.
///
/// # Errors
/// Why it cannot be read.
pub fn read_properties(path: &Path) -> Result<String, String> {
    let meta = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !meta.is_file() {
        return Err("this is no file".to_owned());
    }
    if meta.len() > MAX_PROPERTIES {
        return Err(format!("{} bytes are too many for a .properties file", meta.len()));
    }
    std::fs::read(path).map(properties::decode).map_err(|error| error.to_string())
}

/// Who takes part in a run of `plan` and what is configured, as a judge needs it; the members that a
/// `join` may add and the final reader are among its processes.
#[must_use]
pub fn context(plan: &Plan) -> Context {
    lower::context(plan, &Cast::new(plan))
}

/// Overridden values: path and value.
pub type Sets = Vec<(String, String)>;

/// The plan of `text` with `sets`, as swarm changes it for `seed`, and what was drawn; `plan` is the one
/// without.
///
/// # Errors
/// What a draw makes wrong with it: a bug of the draw.
pub fn load_drawn(
    text: &str,
    file: &str,
    (plan, sets): (&Plan, &[(String, String)]),
    seed: u64,
) -> Result<(Plan, Sets), Vec<Diagnostic>> {
    let drawn = swarm::draw(plan, sets, seed);
    let (plan, _said_before) = load(text, file, &[sets, &drawn].concat())?;
    Ok((plan, drawn))
}
