//! Reading a directory of policy files: what is loaded, and what is left out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::PolicyError;
use crate::document::{self, Document, Format};
use crate::module::Module;
use crate::rules;

/// No file of a policy is larger: one that is was not meant to be one.
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;
/// How much text a policy may have where nothing else is said: 64 MiB.
pub(crate) const MAX_POLICY_BYTES: usize = 64 * 1024 * 1024;
const MAX_FILES: usize = 10_000;
const MAX_DEPTH: usize = 32;

/// What files gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    pub(crate) modules: Vec<Module>,
    /// Rules in YAML, and the place of each within its directory.
    pub(crate) rules: Vec<(String, rules::Source)>,
    pub(crate) documents: Vec<Document>,
    pub(crate) warnings: Vec<String>,
    pub(crate) size: Size,
    /// Where files of tests go; they are left out where there is no such place.
    pub(crate) tests: Option<TestFiles>,
}

/// How much text is read so far, and how much may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    taken: usize,
    limit: usize,
}

impl Size {
    pub(crate) fn up_to(limit: usize) -> Self {
        Self { taken: 0, limit }
    }

    /// Makes room for what was read before.
    pub(crate) fn add(&mut self, other: Self) -> Result<(), PolicyError> {
        self.take("what was read", other.taken)
    }

    /// Makes room for so much text of what is called `name`.
    pub(crate) fn take(&mut self, name: impl AsRef<Path>, bytes: usize) -> Result<(), PolicyError> {
        self.taken = self.taken.saturating_add(bytes);
        if self.taken <= self.limit {
            return Ok(());
        }
        Err(PolicyError::File {
            path: name.as_ref().to_owned(),
            problem: format!(
                "makes the policy larger than {} bytes, the limit: `PolicyBuilder::max_bytes` raises it",
                self.limit
            ),
        })
    }
}

impl Default for Size {
    fn default() -> Self {
        Self::up_to(MAX_POLICY_BYTES)
    }
}

/// Files of tests: part of no policy.
#[derive(Clone, Debug, Default)]
pub(crate) struct TestFiles {
    pub(crate) modules: Vec<Module>,
    /// Decision tables in YAML: the name of each, and its text.
    pub(crate) tables: Vec<(String, String)>,
    /// The policy's own rules in YAML, as they were written.
    pub(crate) rules: Vec<rules::Source>,
}

impl TestFiles {
    pub(crate) fn is_empty(&self) -> bool {
        self.modules.is_empty() && self.tables.is_empty()
    }
}

impl Sources {
    /// Adds what others gave; tests only where tests are kept.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.modules.append(&mut other.modules);
        self.rules.append(&mut other.rules);
        self.documents.append(&mut other.documents);
        self.warnings.append(&mut other.warnings);
        if let (Some(tests), Some(mut others)) = (&mut self.tests, other.tests) {
            tests.modules.append(&mut others.modules);
            tests.tables.append(&mut others.tables);
        }
    }

    /// Reads `directory` recursively, in the order of the names.
    pub(crate) fn directory(&mut self, directory: &Path) -> Result<(), PolicyError> {
        let root = canonical(directory)?;
        if !root.is_dir() {
            return Err(PolicyError::File {
                path: directory.to_owned(),
                problem: "is not a directory".to_owned(),
            });
        }
        let before = self.modules.len() + self.rules.len();
        Walk {
            sources: self,
            shown: directory,
            root: &root,
            seen: BTreeSet::from([root.clone()]),
        }
        .visit(directory, &mut Vec::new())?;
        let tested = self.tests.as_ref().is_some_and(|tests| !tests.is_empty());
        if self.modules.len() + self.rules.len() == before && !tested {
            return Err(PolicyError::NoPolicy {
                place: format!("`{}`", directory.display()),
            });
        }
        Ok(())
    }

    /// Reads one file for what its name says: `.rego`, a data file, or rules in any other `.yaml`.
    pub(crate) fn file(&mut self, path: &Path) -> Result<(), PolicyError> {
        if let (Some(kind), Some(_)) = (test(file_name(path)), &self.tests) {
            return self.test(path, kind);
        }
        match kind(path) {
            Kind::Rego => {
                let place = file_name(path).to_owned();
                self.module(path, place)
            }
            Kind::Data(format) => self.data(path, format, &[]),
            Kind::Yaml => {
                let text = self.read(path)?;
                self.rules(path, file_name(path).to_owned(), text);
                Ok(())
            }
            Kind::OtherData | Kind::Other => Err(PolicyError::File {
                path: path.to_owned(),
                problem: "is neither a `.rego` file, nor rules in a `.yaml` file, nor a data file named `data.json`, `data.yaml` or `data.yml`"
                    .to_owned(),
            }),
        }
    }

    /// The text of a file for which there is room.
    pub(crate) fn read(&mut self, path: &Path) -> Result<String, PolicyError> {
        let text = read(path)?;
        self.size.take(path, text.len())?;
        Ok(text)
    }

    fn module(&mut self, path: &Path, place: String) -> Result<(), PolicyError> {
        let text = self.read(path)?;
        self.modules.push(Module {
            name: shown(path),
            place,
            text,
            builtin: false,
        });
        Ok(())
    }

    fn test(&mut self, path: &Path, kind: Test) -> Result<(), PolicyError> {
        if self.tests.is_none() {
            return Ok(());
        }
        let (name, text) = (shown(path), self.read(path)?);
        let Some(tests) = &mut self.tests else {
            return Ok(());
        };
        match kind {
            Test::Rego => tests.modules.push(Module {
                place: name.clone(),
                name,
                text,
                builtin: false,
            }),
            Test::Table => tests.tables.push((name, text)),
        }
        Ok(())
    }

    fn rules(&mut self, path: &Path, place: String, text: String) {
        self.rules
            .push((place, rules::Source::new(shown(path), text)));
    }

    /// A data file, rooted at the folders it lies in, as OPA roots it.
    fn data(&mut self, path: &Path, format: Format, folders: &[String]) -> Result<(), PolicyError> {
        let mut document = document::parse(&shown(path), &self.read(path)?, format)?;
        for folder in folders.iter().rev() {
            let inner = std::mem::take(&mut document.value);
            document.value = serde_json::json!({ folder: inner });
        }
        self.documents.push(document);
        Ok(())
    }
}

struct Walk<'a> {
    sources: &'a mut Sources,
    shown: &'a Path,
    root: &'a Path,
    /// Real paths of what was read, so that nothing is read twice through a link.
    seen: BTreeSet<PathBuf>,
}

impl Walk<'_> {
    fn visit(&mut self, directory: &Path, folders: &mut Vec<String>) -> Result<(), PolicyError> {
        if folders.len() > MAX_DEPTH {
            return Err(PolicyError::File {
                path: directory.to_owned(),
                problem: format!("is nested deeper than {MAX_DEPTH} directories"),
            });
        }
        let failed = |cause| PolicyError::Io {
            action: "read",
            path: directory.to_owned(),
            cause,
        };
        let mut names = Vec::new();
        for entry in fs::read_dir(directory).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let name = name.into_string().map_err(|name| PolicyError::File {
                path: directory.join(name),
                problem: "its name is not UTF-8: rename it".to_owned(),
            })?;
            names.push(name);
        }
        names.sort();
        for name in names {
            if left_out(&name) {
                continue;
            }
            let path = directory.join(&name);
            let real = canonical(&path)?;
            if !real.starts_with(self.root) {
                return Err(PolicyError::File {
                    path,
                    problem: format!(
                        "links to a place outside `{}`: copy it there, or load that place by itself",
                        self.shown.display()
                    ),
                });
            }
            if !self.seen.insert(real.clone()) {
                continue;
            }
            if self.seen.len() > MAX_FILES {
                return Err(PolicyError::File {
                    path: self.shown.to_owned(),
                    problem: format!(
                        "holds more than {MAX_FILES} files: is it the right directory?"
                    ),
                });
            }
            if real.is_dir() {
                folders.push(name);
                self.visit(&path, folders)?;
                folders.pop();
                continue;
            }
            if let Some(kind) = test(&name) {
                self.sources.test(&path, kind)?;
                continue;
            }
            match kind(&path) {
                Kind::Rego => self.sources.module(&path, place(folders, &name))?,
                Kind::Yaml => {
                    let text = self.sources.read(&path)?;
                    if rules::is_rules(&text) {
                        self.sources.rules(&path, place(folders, &name), text);
                    } else {
                        self.sources.warnings.push(format!(
                            "{} is not loaded: it has neither `version` nor `rules`, and in a directory data files are named `data.json`, `data.yaml` or `data.yml`",
                            shown(&path)
                        ));
                    }
                }
                Kind::Data(format) => self.sources.data(&path, format, folders)?,
                Kind::OtherData => self.sources.warnings.push(format!(
                    "{} is not loaded: in a directory, data files are named `data.json`, `data.yaml` or `data.yml`",
                    shown(&path)
                )),
                Kind::Other => {}
            }
        }
        Ok(())
    }
}

/// The path within the directory that is loaded.
fn place(folders: &[String], name: &str) -> String {
    let mut place = folders.join("/");
    if !place.is_empty() {
        place.push('/');
    }
    place.push_str(name);
    place
}

pub(crate) enum Test {
    Rego,
    Table,
}

/// Whether a file is one of tests, by its name.
pub(crate) fn test(name: &str) -> Option<Test> {
    if name.ends_with("_test.rego") {
        Some(Test::Rego)
    } else if name.ends_with("_test.yaml") || name.ends_with("_test.yml") {
        Some(Test::Table)
    } else {
        None
    }
}

enum Kind {
    Rego,
    Yaml,
    Data(Format),
    OtherData,
    Other,
}

fn kind(path: &Path) -> Kind {
    match file_name(path) {
        "data.json" => return Kind::Data(Format::Json),
        "data.yaml" | "data.yml" => return Kind::Data(Format::Yaml),
        _ => {}
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("rego") => Kind::Rego,
        Some("yaml" | "yml") => Kind::Yaml,
        Some("json") => Kind::OtherData,
        _ => Kind::Other,
    }
}

/// Hidden files, and what editors leave behind.
fn left_out(name: &str) -> bool {
    name.starts_with('.')
        || name.ends_with('~')
        || (name.starts_with('#') && name.ends_with('#'))
        || [".bak", ".orig", ".rej", ".swp", ".swo", ".tmp"]
            .iter()
            .any(|ending| name.ends_with(ending))
}

/// The text of a file that is small enough and UTF-8.
pub(crate) fn read(path: &Path) -> Result<String, PolicyError> {
    let failed = |cause| PolicyError::Io {
        action: "read",
        path: path.to_owned(),
        cause,
    };
    let refused = |problem: String| PolicyError::File {
        path: path.to_owned(),
        problem,
    };
    let about = fs::metadata(path).map_err(failed)?;
    if !about.is_file() {
        return Err(refused("is not a regular file".to_owned()));
    }
    if about.len() > MAX_FILE_BYTES {
        return Err(refused(format!(
            "is larger than {} MiB, the limit for a policy file",
            MAX_FILE_BYTES / (1024 * 1024)
        )));
    }
    String::from_utf8(fs::read(path).map_err(failed)?)
        .map_err(|_| refused("is not UTF-8: save it as UTF-8".to_owned()))
}

pub(crate) fn canonical(path: &Path) -> Result<PathBuf, PolicyError> {
    fs::canonicalize(path).map_err(|cause| PolicyError::Io {
        action: "read",
        path: path.to_owned(),
        cause,
    })
}

fn file_name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

/// The path as it was given, with slashes on every platform: messages and names of modules agree everywhere.
fn shown(path: &Path) -> String {
    path.display().to_string().replace('\\', "/")
}
