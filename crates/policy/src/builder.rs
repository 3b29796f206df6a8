//! Putting a policy together.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::builtin::{self, Builtin, BuiltinData};
#[cfg(feature = "bundle")]
use crate::bundle::{Bundle, Verification};
use crate::compiled;
use crate::directory::{MAX_POLICY_BYTES, Size, Sources, TestFiles, canonical};
use crate::document::{self, Document, Format};
use crate::limits::Limits;
use crate::revision::revision;
use crate::source::{Gathered, Source};
use crate::syntax::{self, Outline};
use crate::{Module, Policy, PolicyError, rules};

/// What a [`Policy`] is made of. Made by [`Policy::builder`].
///
/// Files are read by [`build`](Self::build), so that all their errors come in one run.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct PolicyBuilder {
    pub(crate) sources: Vec<Source>,
    pub(crate) builtin: Builtin,
    pub(crate) entry_point: String,
    elsewhere: bool,
    max_bytes: usize,
    #[cfg(feature = "bundle")]
    verification: Verification,
}

impl PolicyBuilder {
    pub(crate) fn new() -> Self {
        Self {
            sources: Vec::new(),
            builtin: Builtin::Whole,
            entry_point: Policy::ENTRY_POINT.to_owned(),
            elsewhere: false,
            max_bytes: MAX_POLICY_BYTES,
            #[cfg(feature = "bundle")]
            verification: Verification::default(),
        }
    }

    /// A directory, a file, or, with the feature `bundle`, a bundle whose name ends in `.tar.gz`: whichever `path` is.
    pub fn path(self, path: impl Into<PathBuf>) -> Self {
        self.with(Source::Path(path.into()))
    }

    /// All `.rego` and rules files below a directory, and its data files, as [`Policy::load`] reads them.
    pub fn directory(self, path: impl Into<PathBuf>) -> Self {
        self.with(Source::Directory(path.into()))
    }

    /// One `.rego` file, one data file named `data.json`, `data.yaml` or `data.yml`, or rules in any other `.yaml` or
    /// `.yml` file.
    pub fn file(self, path: impl Into<PathBuf>) -> Self {
        self.with(Source::File(path.into()))
    }

    /// A data file of any name that ends in `.json`, `.yaml` or `.yml`; its keys are the paths under `data`.
    pub fn data_file(self, path: impl Into<PathBuf>) -> Self {
        self.with(Source::DataFile(path.into()))
    }

    /// Rego text, and the name it goes by in messages.
    pub fn rego(self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.with(Source::Rego(name.into(), text.into()))
    }

    /// Rules in YAML, and the name they go by in messages.
    pub fn yaml(self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.with(Source::Rules(rules::Source::new(name, text)))
    }

    /// Data as JSON text: an object whose keys are the paths under `data`.
    pub fn data_json(self, text: impl Into<String>) -> Self {
        self.with(Source::Data(text.into(), Format::Json))
    }

    /// Data as YAML text: a mapping whose keys are the paths under `data`.
    pub fn data_yaml(self, text: impl Into<String>) -> Self {
        self.with(Source::Data(text.into(), Format::Yaml))
    }

    /// Data: an object whose keys are the paths under `data`.
    pub fn data(self, value: Value) -> Self {
        self.with(Source::Value(value))
    }

    /// A bundle: its modules and data, as if they lay in a directory. Where it was built with this version's built-in
    /// bundle, that is put in anew; one that brings another version of it, or its own, stands alone.
    #[cfg(feature = "bundle")]
    pub fn bundle(self, bundle: Bundle) -> Self {
        self.with(Source::Bundle(Box::new(bundle)))
    }

    /// How bundles that are named by [`path`](Self::path) are checked. Default: [`Verification::Unsigned`].
    #[cfg(feature = "bundle")]
    pub fn verification(mut self, verification: Verification) -> Self {
        self.verification = verification;
        self
    }

    /// How much text the policy may have, in bytes: modules, rules and data together. Default: 64 MiB.
    ///
    /// A larger one is [`PolicyError::File`], which names what was too much. A file may have up to 8 MiB in any case, and a
    /// directory 10,000 files.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// For a policy that decides on another machine than this one: the place it is read from here is then not among
    /// the paths that no call may touch.
    pub fn for_elsewhere(mut self) -> Self {
        self.elsewhere = true;
        self
    }

    /// Leaves the built-in bundle out, `kitelogik.security` included: nothing is denied but by the rules given here.
    pub fn without_builtin_bundle(mut self) -> Self {
        self.builtin = Builtin::Nothing;
        self
    }

    /// Leaves `kitelogik.security` out and keeps the rest of the built-in bundle: sensitive files, system paths,
    /// internal addresses and unsandboxed code are then up to the rules given here, which may bring a
    /// `kitelogik.security` of their own.
    pub fn without_builtin_security(mut self) -> Self {
        self.builtin = Builtin::WithoutSecurity;
        self
    }

    /// The package or rule that is asked. Default: [`Policy::ENTRY_POINT`], `data.kitelogik.main`.
    pub fn entry_point(mut self, path: impl Into<String>) -> Self {
        self.entry_point = path.into();
        self
    }

    /// Reads what was named, checks it and composes it with the built-in bundle.
    ///
    /// # Errors
    ///
    /// See [`PolicyError`]: whatever cannot be read, understood or composed, is an error here and not a surprise
    /// when a call is judged.
    pub fn build(self) -> Result<Policy, PolicyError> {
        self.compose(None).map(|(policy, _)| policy)
    }

    /// The policy, which has no test in it, and the tests that lie beside it or were given by name.
    pub(crate) fn build_with_tests(self) -> Result<(Policy, TestFiles), PolicyError> {
        self.compose(Some(TestFiles::default()))
    }

    fn compose(mut self, tests: Option<TestFiles>) -> Result<(Policy, TestFiles), PolicyError> {
        let Gathered { sources, mut own } = self.gather(tests)?;
        if self.elsewhere {
            own.clear();
        }
        let Sources {
            modules: mut user,
            rules,
            mut documents,
            mut warnings,
            size: _,
            tests,
        } = sources;
        let mut tests = match tests {
            Some(mut tests) => {
                tests.rules = rules.iter().map(|(_, source)| source.clone()).collect();
                tests
            }
            None => TestFiles::default(),
        };
        let rules = compiled::add(rules, &mut user, &mut warnings)?;
        refuse_same_names(&mut user);

        let mut all = user.clone();
        all.append(&mut builtin::modules(self.builtin));
        let mut user_outlines = syntax::outlines(&all).map_err(PolicyError::Rego)?;
        user_outlines.truncate(user.len());
        rules.refuse_names(&user, &user_outlines)?;
        let mut builtin = self.builtin;
        if builtin == Builtin::Whole && builtin::stands_alone(&user_outlines) {
            builtin = Builtin::Nothing;
            warnings.push(
                "the policy brings its own `kitelogik.main` and `kitelogik.security`: the built-in bundle is not used"
                    .to_owned(),
            );
        }
        if builtin != Builtin::Nothing {
            builtin::refuse_overrides(&user, &user_outlines, builtin)?;
        }

        let mut modules = builtin::modules(builtin);
        modules.append(&mut user);
        // Tests call what the policy has; nothing in the policy may come from a test.
        let count = modules.len();
        let outlines = syntax::outlines(&modules).map_err(PolicyError::Rego)?;
        if !tests.modules.is_empty() {
            modules.append(&mut tests.modules);
            refuse_same_names(&mut modules);
            syntax::outlines(&modules).map_err(PolicyError::Rego)?;
            tests.modules = modules.split_off(count);
        }

        let mut builtin_data = None;
        if builtin != Builtin::Nothing {
            let mut data = BuiltinData::load()?;
            data.extend(&mut documents)?;
            builtin_data = Some(data);
            if !outlines.iter().any(|outline| {
                outline
                    .package
                    .starts_with(&["kitelogik".to_owned(), "userpolicy".to_owned()])
            }) {
                warnings.push(
                    "no module is `package kitelogik.userpolicy`: nothing will be allowed"
                        .to_owned(),
                );
            }
        }
        if builtin == Builtin::Nothing {
            builtin::refuse_grants(&documents)?;
        }
        let user_data = document::merge(&documents)?;
        refuse_data_over_rules(&documents, &modules, &outlines)?;
        refuse_missing_entry_point(&self.entry_point, &outlines)?;

        let revision = revision(
            &modules,
            &compose(&user_data, builtin_data.as_ref())?,
            &self.entry_point,
        );
        if let Some(data) = &mut builtin_data {
            protect(&mut data.limits, &own);
        }
        let data = compose(&user_data, builtin_data.as_ref())?;
        let policy = Policy {
            modules,
            data: Value::Object(data),
            revision,
            entry_point: self.entry_point,
            warnings,
            rules: rules.origins,
            limits: builtin_data.map(|data| data.limits),
        };
        Ok((policy, tests))
    }

    /// Reads all that was named.
    pub(crate) fn gather(&mut self, tests: Option<TestFiles>) -> Result<Gathered, PolicyError> {
        if self.sources.is_empty() {
            return Err(PolicyError::NoPolicy {
                place: "an empty builder".to_owned(),
            });
        }
        let mut gathered = Gathered::default();
        gathered.sources.tests = tests;
        gathered.sources.size = Size::up_to(self.max_bytes);
        for source in std::mem::take(&mut self.sources) {
            #[cfg(feature = "bundle")]
            let source = source.opened(&self.verification, self.builtin)?;
            source.read(&mut gathered.sources, &mut gathered.own)?;
        }
        Ok(gathered)
    }

    fn with(mut self, source: Source) -> Self {
        self.sources.push(source);
        self
    }
}

/// Two directories may hold files of one name, given in the same way; messages must still tell them apart.
fn refuse_same_names(modules: &mut [Module]) {
    let mut names = BTreeSet::new();
    for module in modules {
        let mut count = 1;
        let given = module.name.clone();
        while !names.insert(module.name.clone()) {
            count += 1;
            module.name = format!("{given} ({count})");
        }
    }
}

fn compose(
    user: &Map<String, Value>,
    builtin: Option<&BuiltinData>,
) -> Result<Map<String, Value>, PolicyError> {
    let mut data = user.clone();
    if let Some(builtin) = builtin {
        let value = serde_json::to_value(builtin).map_err(|error| PolicyError::Data {
            origin: "kitelogik/data.json".to_owned(),
            problem: error.to_string(),
        })?;
        data.insert("kitelogik".to_owned(), value);
    }
    Ok(data)
}

/// Protects where the policy was read from: by its absolute path, and as it is spelled from the working directory.
fn protect(limits: &mut Limits, own: &[(PathBuf, bool)]) {
    let here = std::env::current_dir()
        .ok()
        .and_then(|path| canonical(&path).ok());
    for (path, directory) in own {
        if path.parent().is_none() {
            continue;
        }
        let relative = here
            .as_deref()
            .and_then(|here| path.strip_prefix(here).ok())
            .filter(|relative| !relative.as_os_str().is_empty());
        for spelling in [Some(path.as_path()), relative].into_iter().flatten() {
            limits.protect(&spelling.to_string_lossy(), *directory);
        }
    }
}

/// Data at the path of a rule would answer in its stead, or be hidden by it: engines differ, so neither is allowed.
fn refuse_data_over_rules(
    documents: &[Document],
    modules: &[Module],
    outlines: &[Outline],
) -> Result<(), PolicyError> {
    for document in documents {
        for (module, outline) in modules.iter().zip(outlines) {
            for rule in &outline.rules {
                let mut value = Some(&document.value);
                for component in rule {
                    value = match value {
                        Some(Value::Object(object)) => object.get(component),
                        other => {
                            if other.is_some() {
                                break;
                            }
                            None
                        }
                    };
                }
                if value.is_some() {
                    return Err(PolicyError::Conflict {
                        path: format!("data.{}", rule.join(".")),
                        first: module.name.clone(),
                        second: document.origin.clone(),
                    });
                }
            }
        }
    }
    Ok(())
}

fn refuse_missing_entry_point(entry_point: &str, outlines: &[Outline]) -> Result<(), PolicyError> {
    let fail = |advice: String| {
        Err(PolicyError::EntryPoint {
            entry_point: entry_point.to_owned(),
            advice,
        })
    };
    let Some(path) = entry_point.strip_prefix("data.") else {
        return fail(
            "give the path of a package or a rule, as in `data.kitelogik.main`".to_owned(),
        );
    };
    let path: Vec<&str> = path.split('.').collect();
    let exists = outlines
        .iter()
        .flat_map(|outline| &outline.rules)
        .any(|rule| {
            rule.len() >= path.len() && rule.iter().zip(&path).all(|(have, want)| have == want)
        });
    if exists {
        return Ok(());
    }
    let packages: BTreeSet<String> = outlines
        .iter()
        .map(|outline| format!("`data.{}`", outline.package.join(".")))
        .collect();
    let packages: Vec<String> = packages.into_iter().collect();
    fail(format!("the policy has {}", packages.join(", ")))
}
