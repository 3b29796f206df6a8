//! `kitelogik compile`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use kitelogik_policy::rules::{self, Compiled, Source};
use serde_json::json;

use crate::answer::{Answer, Failure, Outcome};
use crate::files::{self, NewFile};
use crate::output::{Output, shown};
use crate::policy::read_file;

/// How every compiled module begins: nothing else is ever overwritten.
const HEADER: &str = "# Compiled from ";

const EXAMPLES: &str = "\
The gate loads rules in YAML directly: compiling them is for OPA servers, and for reading.

Exit codes: 0 compiled, 1 `--check` found a file that would change, 2 an error

Examples:
  kitelogik compile rules.yaml
  kitelogik compile rules.yaml -o policies
  kitelogik compile rules.yaml -o policies --check
  kitelogik compile - < rules.yaml";

/// Compile rules in YAML to Rego
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Compile {
    /// Rules files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write each module to a file of this directory, `rules.yaml` to `rules.rego`
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Write nothing; tell which files would change
    #[arg(long, requires = "output")]
    check: bool,
}

pub(crate) fn run(arguments: &Compile, output: &mut Output) -> Outcome {
    let mut sources = Vec::new();
    for path in &arguments.files {
        let name = if path.as_os_str() == "-" {
            if sources
                .iter()
                .any(|source: &Source| source.name() == "stdin")
            {
                return Err(Failure::new(
                    "standard input can be read once: give `-` once",
                ));
            }
            "stdin".to_owned()
        } else {
            path.display().to_string().replace('\\', "/")
        };
        sources.push(Source::new(name, read_file(path)?));
    }
    let compiled = rules::compile(&sources).map_err(Failure::new)?;
    for warning in &compiled.warnings {
        output.warn(warning);
    }
    match &arguments.output {
        Some(directory) => write(arguments, directory, &compiled, output),
        None => print(&compiled, output),
    }
}

fn print(compiled: &Compiled, output: &mut Output) -> Outcome {
    if output.is_json() {
        let modules: Vec<_> = compiled
            .modules
            .iter()
            .map(|(name, rego)| json!({"name": name, "rego": rego}))
            .collect();
        let rules: Vec<_> = compiled
            .rules
            .iter()
            .map(|rule| {
                json!({"name": rule.name, "file": rule.file, "line": rule.line, "then": rule.then.as_str()})
            })
            .collect();
        let warnings: Vec<_> = compiled.warnings.iter().map(ToString::to_string).collect();
        output.json(&json!({"modules": modules, "rules": rules, "warnings": warnings}))?;
        return Ok(Answer::Yes);
    }
    let [(_, rego)] = compiled.modules.as_slice() else {
        return Err(Failure::new(
            "several files become several modules: say with `-o DIR` where to write them",
        ));
    };
    output.document(rego)?;
    Ok(Answer::Yes)
}

fn write(
    arguments: &Compile,
    directory: &Path,
    compiled: &Compiled,
    output: &mut Output,
) -> Outcome {
    let mut changed = Vec::new();
    let mut names = BTreeSet::new();
    for (file, (_, rego)) in arguments.files.iter().zip(&compiled.modules) {
        let name = module_name(file);
        // Some file systems do not tell letters by their case.
        if !names.insert(name.to_lowercase()) {
            return Err(Failure::new(format_args!(
                "two files would become `{}`: rename one of them",
                directory.join(&name).display()
            )));
        }
        let path = directory.join(name);
        match fs::read(&path) {
            Ok(known) if known == rego.as_bytes() => continue,
            Ok(known) if !known.starts_with(HEADER.as_bytes()) => {
                return Err(Failure::new(format_args!(
                    "`{}` was not compiled from rules, and is not overwritten: rename it, or give another directory",
                    path.display()
                )));
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(Failure::new(format_args!(
                    "cannot read `{}`: {error}",
                    path.display()
                )));
            }
        }
        changed.push(NewFile {
            path,
            content: rego.as_bytes().to_vec(),
        });
    }
    if !arguments.check {
        files::replace(&changed)?;
    }
    let paths: Vec<String> = changed
        .iter()
        .map(|file| file.path.display().to_string())
        .collect();
    if output.is_json() {
        let key = if arguments.check {
            "would_change"
        } else {
            "written"
        };
        output.json(&json!({ key: paths }))?;
    } else {
        let verb = if arguments.check {
            "would change"
        } else {
            "wrote"
        };
        for path in &paths {
            output.line(format_args!("{verb} {}", shown(path)))?;
        }
    }
    Ok(Answer::yes_if(!arguments.check || changed.is_empty()))
}

fn module_name(file: &Path) -> String {
    let stem = file
        .file_stem()
        .filter(|_| file.as_os_str() != "-")
        .map_or_else(|| "rules".into(), |stem| stem.to_string_lossy());
    // `_test.rego` would be taken for a test.
    let stem = stem.strip_suffix("_test").unwrap_or(&stem);
    format!("{stem}.rego")
}
