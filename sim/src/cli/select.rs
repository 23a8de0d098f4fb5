//! From the paths that were typed to scenario files: a file is itself, a directory is what lies below
//! it. It does not read them.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

/// Finds the scenarios of `paths`: files in the order of the paths, those of a directory sorted, each
/// once.
///
/// # Errors
/// What cannot be read and which directory holds none, a line each.
pub(crate) fn select(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    let mut errors = String::new();
    for path in paths {
        match scenarios(path) {
            Ok(found) if found.is_empty() => {
                let path = path.display();
                errors.push_str(&format!(
                    "error: {path}: no scenario (*.json) below this directory\n"
                ));
            }
            Ok(found) => {
                for file in found {
                    if !files.contains(&file) {
                        files.push(file);
                    }
                }
            }
            Err((path, _)) if path.as_os_str() == "-" => {
                let text = "a scenario is a file; --trace writes to stdout by itself";
                errors.push_str(&format!("error: -: {text}\n"));
            }
            Err((path, error)) => {
                errors.push_str(&format!("error: {}: {error}\n", path.display()));
            }
        }
    }
    if errors.is_empty() { Ok(files) } else { Err(errors) }
}

type Refusal = (PathBuf, io::Error);

/// What once failed is run first.
const FIRST: &str = "regressions";

/// The scenarios below a directory, sorted, those that once failed first; a file is its own.
pub(crate) fn scenarios(path: &Path) -> Result<Vec<PathBuf>, Refusal> {
    let refused = |error| (path.to_owned(), error);
    if !std::fs::metadata(path).map_err(refused)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    walk(path, &mut found)?;
    let is_first = |path: &PathBuf| path.components().any(|part| part.as_os_str() == FIRST);
    found.sort_by_cached_key(|path| (!is_first(path), path.clone()));
    Ok(found)
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), Refusal> {
    let refused = |error| (directory.to_owned(), error);
    for entry in std::fs::read_dir(directory).map_err(refused)? {
        let entry = entry.map_err(refused)?;
        // Links to directories are not followed: they may lead in a circle.
        let kind = entry.file_type().map_err(refused)?;
        let (path, name) = (entry.path(), entry.file_name());
        let hidden = name.as_encoded_bytes().starts_with(b".");
        if kind.is_dir() && !hidden {
            walk(&path, found)?;
        } else if !kind.is_dir() && !hidden && is_scenario(&name) {
            found.push(path);
        }
    }
    Ok(())
}

fn is_scenario(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.ends_with(b".json") && !name.ends_with(b".schema.json")
}
