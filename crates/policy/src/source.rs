//! What a policy is made of: files, directories, texts, data, bundles.

use std::path::{Path, PathBuf};

use serde_json::Value;

#[cfg(feature = "bundle")]
use crate::builtin::Builtin;
#[cfg(feature = "bundle")]
use crate::bundle::{Bundle, Verification};
use crate::directory::{Sources, Test, canonical, test};
use crate::document::{self, Format};
use crate::{Module, PolicyError, rules};

/// One of the things that a policy is made of.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Path(PathBuf),
    Directory(PathBuf),
    File(PathBuf),
    DataFile(PathBuf),
    Rego(String, String),
    Rules(rules::Source),
    Data(String, Format),
    Value(Value),
    #[cfg(feature = "bundle")]
    Bundle(Box<Bundle>),
    /// What other sources gave when they were read.
    Gathered(Box<Gathered>),
}

/// What sources gave, and where the policy itself lies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) sources: Sources,
    /// Each place, and whether it is a directory.
    pub(crate) own: Vec<(PathBuf, bool)>,
}

impl Source {
    /// A bundle, if this names one.
    #[cfg(feature = "bundle")]
    pub(crate) fn opened(
        self,
        verification: &Verification,
        builtin: Builtin,
    ) -> Result<Self, PolicyError> {
        let bundle = match self {
            Self::Bundle(bundle) => *bundle,
            Self::Path(path) if is_archive(&path) => Bundle::load(path, verification)?,
            other => return Ok(other),
        };
        let bundle = bundle.composed_anew(builtin == Builtin::Whole);
        Ok(Self::Bundle(Box::new(bundle)))
    }

    /// Adds what is there to `sources`, and to `own` where the policy itself lies.
    pub(crate) fn read(
        self,
        sources: &mut Sources,
        own: &mut Vec<(PathBuf, bool)>,
    ) -> Result<(), PolicyError> {
        match self {
            #[cfg(feature = "bundle")]
            Self::Bundle(bundle) => {
                let (mut modules, mut documents, path) = bundle.parts();
                for module in &modules {
                    sources.size.take(module.name(), module.text().len())?;
                }
                sources.modules.append(&mut modules);
                sources.documents.append(&mut documents);
                if let Some(path) = path {
                    own.push((canonical(&path)?, false));
                }
                Ok(())
            }
            #[cfg(not(feature = "bundle"))]
            Self::Path(path) if is_archive(&path) => Err(PolicyError::File {
                path,
                problem: "is a bundle: turn on the feature `bundle` to load it".to_owned(),
            }),
            Self::Path(path) if canonical(&path)?.is_dir() => {
                Self::Directory(path).read(sources, own)
            }
            Self::Path(path) => Self::File(path).read(sources, own),
            Self::Directory(path) => {
                own.push((canonical(&path)?, true));
                sources.directory(&path)
            }
            Self::File(path) => {
                own.push((canonical(&path)?, false));
                sources.file(&path)
            }
            Self::DataFile(path) => {
                own.push((canonical(&path)?, false));
                sources.data_file(&path)
            }
            Self::Rego(name, text) => {
                sources.size.take(&name, text.len())?;
                let into = match (&mut sources.tests, test(&name)) {
                    (Some(tests), Some(Test::Rego)) => &mut tests.modules,
                    _ => &mut sources.modules,
                };
                into.push(Module {
                    place: name.clone(),
                    name,
                    text,
                    builtin: false,
                });
                Ok(())
            }
            Self::Rules(source) => {
                sources.size.take(source.name(), source.text().len())?;
                if let (Some(tests), Some(Test::Table)) = (&mut sources.tests, test(source.name()))
                {
                    tests
                        .tables
                        .push((source.name().to_owned(), source.text().to_owned()));
                    return Ok(());
                }
                sources.rules.push((source.name().to_owned(), source));
                Ok(())
            }
            Self::Data(text, format) => {
                let origin = format!("data document {}", sources.documents.len() + 1);
                sources.size.take(&origin, text.len())?;
                sources
                    .documents
                    .push(document::parse(&origin, &text, format)?);
                Ok(())
            }
            Self::Gathered(gathered) => {
                own.extend(gathered.own);
                sources.size.add(gathered.sources.size)?;
                sources.append(gathered.sources);
                Ok(())
            }
            Self::Value(value) => {
                let origin = format!("data document {}", sources.documents.len() + 1);
                sources.documents.push(document::checked(&origin, value)?);
                Ok(())
            }
        }
    }
}

fn is_archive(path: &Path) -> bool {
    let name = path.to_string_lossy().to_lowercase();
    [".tar.gz", ".tgz"]
        .iter()
        .any(|ending| name.ends_with(ending))
        && !path.is_dir()
}

impl Sources {
    fn data_file(&mut self, path: &Path) -> Result<(), PolicyError> {
        let format = match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => Format::Json,
            Some("yaml" | "yml") => Format::Yaml,
            _ => {
                return Err(PolicyError::File {
                    path: path.to_owned(),
                    problem: "a data file ends in `.json`, `.yaml` or `.yml`".to_owned(),
                });
            }
        };
        let text = self.read(path)?;
        self.documents
            .push(document::parse(&path.display().to_string(), &text, format)?);
        Ok(())
    }
}
