//! A policy, ready for an engine.

use std::path::Path;

use serde_json::Value;

use crate::limits::Limits;
use crate::rules::RuleOrigin;
use crate::{Module, PolicyBuilder, PolicyError, write};

/// Rego modules and one data document, checked and composed with the built-in bundle.
///
/// An engine takes all [`modules`](Self::modules) and the [`data`](Self::data), and asks for the
/// [`entry_point`](Self::entry_point).
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) modules: Vec<Module>,
    pub(crate) data: Value,
    pub(crate) revision: String,
    pub(crate) entry_point: String,
    pub(crate) warnings: Vec<String>,
    pub(crate) rules: Vec<RuleOrigin>,
    pub(crate) limits: Option<Limits>,
}

impl Policy {
    /// What is asked where nothing else is given: `data.kitelogik.main`.
    pub const ENTRY_POINT: &'static str = "data.kitelogik.main";

    /// Loads a directory, a `.rego` file, a `.yaml` or `.yml` file of [rules](crate::rules), or a data file named
    /// `data.json`, `data.yaml` or `data.yml`.
    ///
    /// Of a directory, every `.rego` file is loaded, in its sub-directories too, every YAML file with `version` or
    /// `rules` at its top, and every data file, rooted at the folder it lies in. Left out are `_test.rego` and
    /// `_test.yaml` files, hidden files and directories, and what editors leave
    /// behind (`~`, `.bak`, `.orig`, `.swp`, `#x#`). Links are followed within the directory only. A file may have
    /// up to 8 MiB.
    ///
    /// # Errors
    ///
    /// [`PolicyError`], for everything that [`PolicyBuilder::build`] refuses.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, PolicyError> {
        Self::builder().path(path.as_ref()).build()
    }

    /// [Rules](crate::rules) in YAML, composed with the built-in bundle.
    ///
    /// # Errors
    ///
    /// [`PolicyError::Rules`], with everything that is wrong in `text`.
    pub fn from_yaml(text: impl Into<String>) -> Result<Self, PolicyError> {
        Self::builder().yaml("rules.yaml", text).build()
    }

    /// Starts a policy from several directories, files or texts.
    pub fn builder() -> PolicyBuilder {
        PolicyBuilder::new()
    }

    /// The built-in bundle alone, which allows nothing: every call that it does not deny is refused.
    ///
    /// # Errors
    ///
    /// None that a user could cause.
    pub fn builtin() -> Result<Self, PolicyError> {
        Self::builder()
            .data(Value::Object(serde_json::Map::new()))
            .build()
    }

    /// The Rego modules, those of the built-in bundle first.
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// The whole `data` document: what the user gave, and `kitelogik` with the merged limits.
    pub fn data(&self) -> &Value {
        &self.data
    }

    /// A digest (SHA-256, 64 hexadecimal digits) of all modules, the data and the entry point. Neither the order of
    /// files nor the place they were loaded from changes it.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// The package or rule that answers, as in `data.kitelogik.main`.
    pub fn entry_point(&self) -> &str {
        &self.entry_point
    }

    /// What is probably not meant, but no error: files that were not loaded, a bundle that stands alone.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The rules that were written in YAML: what each is called, and where it stands.
    pub fn rules(&self) -> &[RuleOrigin] {
        &self.rules
    }

    /// The limits in force; `None` where the built-in bundle is not part of the policy.
    pub fn limits(&self) -> Option<&Limits> {
        self.limits.as_ref()
    }

    /// Writes the policy as files that `opa run --server DIRECTORY` loads: the modules, and one `data.json`.
    ///
    /// The directory is made anew and put in place when it is whole. One that exists must be empty, or have been
    /// written by this function; it is replaced.
    ///
    /// # Errors
    ///
    /// [`PolicyError::Io`], and [`PolicyError::File`] where the directory holds something else.
    pub fn write_to(&self, directory: impl AsRef<Path>) -> Result<(), PolicyError> {
        write::write(self, directory.as_ref())
    }
}
