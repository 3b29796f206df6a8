//! `kitelogik init`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};
use serde_json::json;

use crate::answer::{Answer, Failure, Outcome};
use crate::output::{Output, shown};
use crate::template::{DEFAULT, Template};

const EXAMPLES: &str = "\
DIR must be new or empty: nothing is ever overwritten.

Examples:
  kitelogik init my-agent
  kitelogik init reader --template read-only";

/// Make a project that runs at once: a policy, its tests, and a Rust agent that uses it
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Init {
    /// The directory to make
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// What to begin from
    #[arg(long, value_name = "NAME", default_value = DEFAULT, value_parser = names())]
    template: String,
    /// The crate `kitelogik` that the agent uses: a path. Default: the one this program was built beside, or else its
    /// repository
    #[arg(long, value_name = "PATH")]
    library: Option<PathBuf>,
}

fn names() -> PossibleValuesParser {
    Template::all()
        .map(|template| PossibleValue::new(template.name()).help(template.description()))
        .collect::<Vec<_>>()
        .into()
}

pub(crate) fn run(arguments: &Init, output: &mut Output) -> Outcome {
    let template = Template::all()
        .find(|template| template.name() == arguments.template)
        .ok_or_else(|| Failure::new("there is no such template"))?;
    let directory = &arguments.directory;
    let files = template.files(&library(arguments.library.as_deref())?);
    make(directory, &files).map_err(|problem| {
        Failure::new(format_args!(
            "cannot make `{}`: {problem}",
            directory.display()
        ))
    })?;
    let shown_directory = directory.display().to_string();
    if output.is_json() {
        let files: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
        output.json(
            &json!({"directory": shown_directory, "template": template.name(), "files": files}),
        )?;
        return Ok(Answer::Yes);
    }
    for (path, _) in &files {
        output.line(format_args!("  {path}"))?;
    }
    output.line(format_args!("made {}; next:", shown(&shown_directory)))?;
    output.line(format_args!("  cd {}", shown(&shown_directory)))?;
    output.line("  kitelogik eval -i events.jsonl")?;
    output.line("  cargo run")?;
    Ok(Answer::Yes)
}

/// What stands behind `kitelogik =` in a `Cargo.toml`.
fn library(given: Option<&Path>) -> Outcome<String> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kitelogik");
    let path = match given {
        Some(path) => path,
        None if beside.join("Cargo.toml").is_file() => &beside,
        None => {
            return Ok(format!(
                "{{ git = {} }}",
                quoted(env!("CARGO_PKG_REPOSITORY"))
            ));
        }
    };
    let path = fs::canonicalize(path)
        .map_err(|error| Failure::new(format_args!("cannot read `{}`: {error}", path.display())))?;
    let path = path
        .to_str()
        .ok_or_else(|| Failure::new("the path of the library is not UTF-8"))?;
    Ok(format!("{{ path = {} }}", quoted(path)))
}

/// A TOML string: its escapes are those of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Fills a folder of another name, and then gives it its own: there is no half-made project, and nobody's file is
/// overwritten, also not one that somebody puts there in the meantime.
fn make(directory: &Path, files: &[(String, String)]) -> Result<(), String> {
    let exists = match fs::read_dir(directory) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err("it is there and not empty: give a new directory".to_owned());
            }
            true
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error.to_string()),
    };
    let failed = |error: io::Error| error.to_string();
    let parent = if exists {
        directory
    } else {
        match directory.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    };
    fs::create_dir_all(parent).map_err(failed)?;
    let staging = tempfile::Builder::new()
        .prefix(".kitelogik-")
        .tempdir_in(parent)
        .map_err(failed)?;
    let whole = staging.path().join("project");
    for (path, text) in files {
        let path = whole.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        fs::write(path, text).map_err(failed)?;
    }
    if !exists {
        // A directory that came into being meanwhile is taken only while it is empty.
        return fs::rename(&whole, directory).map_err(failed);
    }
    let mut moved: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(&whole).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let place = directory.join(entry.file_name());
        let result = if place.exists() {
            Err("somebody else writes into it".to_owned())
        } else {
            fs::rename(entry.path(), &place).map_err(failed)
        };
        if let Err(problem) = result {
            for (place, name) in moved
                .iter()
                .filter_map(|place| Some((place, place.file_name()?)))
            {
                let _ = fs::rename(place, whole.join(name));
            }
            return Err(problem);
        }
        moved.push(place);
    }
    Ok(())
}
