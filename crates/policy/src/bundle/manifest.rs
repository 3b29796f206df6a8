//! The `.manifest`: what a bundle says about itself.

use kitelogik_core::text::visible;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::document::{self, Format};

/// OPA's name for the Rego that has `if` and `contains` without an import.
const REGO_VERSION: u64 = 1;

/// The key of `metadata` that puts the versions of a bundle in order.
const SEQUENCE: &str = "sequence";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    #[serde(default)]
    pub(super) revision: String,
    #[serde(default = "everything")]
    pub(super) roots: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rego_version: Option<u64>,
    /// Whatever else whoever built it has to say. OPA keeps it, and reads nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata: Option<Map<String, Value>>,
    #[serde(default, skip_serializing)]
    file_rego_versions: Option<Map<String, Value>>,
    #[serde(default, skip_serializing)]
    wasm: Option<Vec<Value>>,
}

impl Default for Manifest {
    fn default() -> Self {
        Self {
            revision: String::new(),
            roots: everything(),
            rego_version: None,
            metadata: None,
            file_rego_versions: None,
            wasm: None,
        }
    }
}

impl Manifest {
    pub(super) fn new(revision: &str) -> Self {
        Self {
            revision: revision.to_owned(),
            rego_version: Some(REGO_VERSION),
            ..Self::default()
        }
    }

    pub(super) fn read(text: &str) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| {
            format!("has a `.manifest` that cannot be read: {error}")
        };
        let document =
            document::parse(".manifest", text, Format::Json).map_err(|error| failed(&error))?;
        let mut manifest: Self =
            serde_json::from_value(document.value).map_err(|error| failed(&error))?;
        if manifest.roots.is_empty() {
            manifest.roots = everything();
        }
        manifest.check()?;
        Ok(manifest)
    }

    pub(super) fn write(&self) -> Result<String, String> {
        serde_json::to_string(self)
            .map(|text| text + "\n")
            .map_err(|error| error.to_string())
    }

    /// The place of this bundle in the order of its versions, where it says one.
    pub(super) fn sequence(&self) -> Option<u64> {
        self.metadata.as_ref()?.get(SEQUENCE)?.as_u64()
    }

    pub(super) fn set_sequence(&mut self, sequence: u64) {
        let metadata = self.metadata.get_or_insert_default();
        metadata.insert(SEQUENCE.to_owned(), sequence.into());
    }

    /// Checks what it says about itself.
    pub(super) fn check(&self) -> Result<(), String> {
        let metadata = self.metadata.iter().flatten();
        if metadata
            .filter(|(key, _)| *key == SEQUENCE)
            .any(|(_, value)| !value.is_u64())
        {
            return Err("has a `metadata.sequence` that is no whole number from 0 up".to_owned());
        }
        if self
            .wasm
            .as_ref()
            .is_some_and(|resolvers| !resolvers.is_empty())
        {
            return Err("has WebAssembly modules, which only OPA can run".to_owned());
        }
        for (index, root) in self.roots.iter().enumerate() {
            for other in self.roots.iter().skip(index + 1) {
                if within(root, &parts(other)) || within(other, &parts(root)) {
                    return Err(format!(
                        "has the roots `{}` and `{}`, which overlap",
                        visible(root),
                        visible(other)
                    ));
                }
            }
        }
        Ok(())
    }

    /// Checks that every module is Rego version 1.
    pub(super) fn check_files(&self, modules: &[(String, String)]) -> Result<(), String> {
        let version = self.rego_version.unwrap_or(REGO_VERSION);
        let files = self.file_rego_versions.iter().flat_map(Map::values);
        if version == REGO_VERSION && files.clone().all(|version| version == REGO_VERSION) {
            return Ok(());
        }
        let first = modules.first().map_or("", |(path, _)| path.as_str());
        Err(format!(
            "is not Rego version 1 (as in `{first}`): rewrite its modules with `opa fmt --rego-v1`, and build it anew"
        ))
    }

    pub(super) fn speaks_for_all(&self) -> bool {
        self.roots.iter().any(|root| parts(root).is_empty())
    }

    pub(super) fn speaks_for<S: AsRef<str>>(&self, path: &[S]) -> bool {
        self.roots.iter().any(|root| within(root, path))
    }

    pub(super) fn shown_roots(&self) -> String {
        self.roots
            .iter()
            .map(|root| format!("`{}`", visible(root)))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// The first path of `data` that lies within no root.
    pub(super) fn outside(&self, data: &Value) -> Option<String> {
        self.outside_below(data, &mut Vec::new())
    }

    fn outside_below<'d>(&self, value: &'d Value, path: &mut Vec<&'d str>) -> Option<String> {
        if self.speaks_for(path) {
            return None;
        }
        let leads_to_root = self
            .roots
            .iter()
            .any(|root| parts(root).starts_with(path.as_slice()));
        match value {
            Value::Object(object) if leads_to_root => object.iter().find_map(|(key, inner)| {
                path.push(key);
                let found = self.outside_below(inner, path);
                path.pop();
                found
            }),
            _ => Some(path.join(".")),
        }
    }
}

fn everything() -> Vec<String> {
    vec![String::new()]
}

fn parts(root: &str) -> Vec<&str> {
    root.split('/').filter(|part| !part.is_empty()).collect()
}

/// Whether `path` is `root` or lies below it.
fn within<S: AsRef<str>>(root: &str, path: &[S]) -> bool {
    let root = parts(root);
    path.len() >= root.len()
        && root
            .iter()
            .zip(path)
            .all(|(root, part)| *root == part.as_ref())
}
