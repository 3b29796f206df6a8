//! A policy as one file: OPA bundles, signed if there is a key.
//!
//! A bundle is a `tar.gz` of Rego modules, data, a `.manifest` and, where it is signed, a `.signatures.json` as OPA
//! writes it: a JSON Web Token over the digest of every file. What is built here, `opa run -b` loads, and what
//! `opa build` builds, is loaded here.
//!
//! ```
//! use kitelogik_policy::Policy;
//! use kitelogik_policy::bundle::{Bundle, SigningKey, Verification, VerifyingKey};
//!
//! let policy = Policy::builder()
//!     .rego("refunds.rego", "package kitelogik.userpolicy\n\nallow if input.action == \"approve_refund\"")
//!     .for_elsewhere()
//!     .build()?;
//! let secret = b"a secret of at least 32 bytes, kept outside of the repository";
//! let bytes = Bundle::of(&policy).to_bytes(Some(&SigningKey::read(secret)?))?;
//!
//! let trusted = Verification::Signed(VerifyingKey::read(secret)?);
//! let bundle = Bundle::read("refunds.tar.gz", &bytes, &trusted)?;
//! assert_eq!(bundle.revision(), policy.revision());
//! assert!(Bundle::read("refunds.tar.gz", &bytes, &Verification::Unsigned).is_err());
//!
//! let loaded = Policy::builder().bundle(bundle).build()?;
//! assert_eq!(loaded.revision(), policy.revision());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is refused
//!
//! * A signature that does not match; a file that is missing, changed or not signed; a bundle without a signature where
//!   a key is set, and one with a signature where none is (nobody would check it): [`Verification::Skip`] says so on purpose.
//! * Paths that leave the bundle or are not plain, two files of one path (also in another case), links, devices, text that
//!   is not UTF-8, anything after the end of the archive.
//! * More than 64 MiB, packed or unpacked, or 10,000 files.
//! * Modules and data outside of the manifest's roots, Rego version 0, WebAssembly, query plans, delta bundles.

mod archive;
mod canonical;
mod error;
mod key;
mod manifest;
mod signature;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::builtin;
use crate::document::{self, Document, Format};
use crate::{Module, Policy};

pub use self::error::BundleError;
pub use self::key::{SigningKey, VerifyingKey};

use self::archive::{File, MAX_BYTES};
use self::manifest::Manifest;

const MANIFEST: &str = ".manifest";
const SIGNATURES: &str = ".signatures.json";

/// How a bundle's signature is checked.
#[derive(Clone, Debug, Default)]
pub enum Verification {
    /// There is no key: a bundle that is signed is refused, for its signature would not be checked. The default.
    #[default]
    Unsigned,
    /// The bundle must be signed, by this key.
    Signed(VerifyingKey),
    /// Takes any bundle, signed or not, and checks no signature.
    Skip,
}

/// A policy in one file.
#[derive(Clone, Debug)]
pub struct Bundle {
    name: String,
    path: Option<PathBuf>,
    manifest: Manifest,
    modules: Vec<(String, String)>,
    documents: Vec<Document>,
    signed: bool,
    anew: bool,
}

impl Bundle {
    /// `policy` as a bundle: all of its modules, the built-in ones among them, and its data. The revision is the
    /// policy's own.
    ///
    /// Build the policy [`for_elsewhere`](crate::PolicyBuilder::for_elsewhere), or the paths of this machine are in it.
    pub fn of(policy: &Policy) -> Self {
        let mut modules: Vec<(String, String)> = Vec::new();
        for module in policy.modules() {
            let mut path = archive::plain_path(&module.place);
            let mut count = 1;
            let taken = |path: &str| {
                modules
                    .iter()
                    .any(|(known, _)| known.to_lowercase() == path.to_lowercase())
            };
            while taken(&path) {
                count += 1;
                path = format!("{count}/{}", archive::plain_path(&module.place));
            }
            modules.push((path, module.text().to_owned()));
        }
        Self {
            name: "bundle".to_owned(),
            path: None,
            manifest: Manifest::new(policy.revision()),
            modules,
            documents: vec![Document {
                origin: "data.json".to_owned(),
                value: policy.data().clone(),
            }],
            signed: false,
            anew: false,
        }
    }

    /// Reads and checks the bundle in this file.
    ///
    /// # Errors
    ///
    /// Why it is not taken; see the [module](self).
    pub fn load(path: impl AsRef<Path>, verification: &Verification) -> Result<Self, BundleError> {
        let path = path.as_ref();
        let failed = |source| BundleError::Io {
            path: path.to_owned(),
            source,
        };
        let name = path.display().to_string().replace('\\', "/");
        let about = fs::metadata(path).map_err(failed)?;
        if !about.is_file() || about.len() > MAX_BYTES {
            return Err(BundleError::refused(
                &name,
                "is no file of up to 64 MiB, the limit for a bundle",
            ));
        }
        let bytes = fs::read(path).map_err(failed)?;
        let mut bundle = Self::read(&name, &bytes, verification)?;
        bundle.path = Some(path.to_owned());
        Ok(bundle)
    }

    /// Reads and checks the bundle in `bytes`, called `name` in messages.
    ///
    /// # Errors
    ///
    /// Why it is not taken; see the [module](self).
    pub fn read(
        name: &str,
        bytes: &[u8],
        verification: &Verification,
    ) -> Result<Self, BundleError> {
        let refused = |problem: String| BundleError::refused(name, problem);
        let mut files = archive::unpack(bytes).map_err(refused)?;
        let signatures = files
            .iter()
            .position(|file| file.path == SIGNATURES)
            .map(|index| files.remove(index));
        let signed = signatures.is_some();
        match (verification, signatures) {
            (Verification::Skip, _) | (Verification::Unsigned, None) => {}
            (Verification::Unsigned, Some(_)) => {
                return Err(BundleError::signature(
                    name,
                    "is signed, and there is no key to check it with: give the key, or skip the check on purpose",
                ));
            }
            (Verification::Signed(_), None) => {
                return Err(BundleError::signature(
                    name,
                    "is not signed, and a key is set",
                ));
            }
            (Verification::Signed(key), Some(signatures)) => {
                signature::verify(&signatures.text, &files, key)
                    .map_err(|problem| BundleError::signature(name, problem))?;
            }
        }
        Self::of_files(name, files, signed).map_err(refused)
    }

    fn of_files(name: &str, files: Vec<File>, signed: bool) -> Result<Self, String> {
        let mut bundle = Self {
            name: name.to_owned(),
            path: None,
            manifest: Manifest::default(),
            modules: Vec::new(),
            documents: Vec::new(),
            signed,
            anew: false,
        };
        for File { path, text } in files {
            let mut folders: Vec<&str> = path.split('/').collect();
            let base = folders.pop().unwrap_or_default();
            let format = match base {
                "data.json" => Format::Json,
                "data.yaml" | "data.yml" => Format::Yaml,
                MANIFEST if folders.is_empty() => {
                    bundle.manifest = Manifest::read(&text)?;
                    continue;
                }
                MANIFEST | SIGNATURES => {
                    return Err(format!("`{path}` does not lie at the top"));
                }
                "patch.json" => {
                    return Err("is a delta bundle, which only OPA can apply".to_owned());
                }
                "policy.wasm" | "plan.json" | ".manifest.pb" | "plan.pb" => {
                    return Err(format!(
                        "holds `{path}`, which only OPA can run: build the bundle with `--target rego`"
                    ));
                }
                _ if base.ends_with(".rego") => {
                    bundle.modules.push((path, text));
                    continue;
                }
                _ => continue,
            };
            let mut document = document::parse(&format!("{name}/{path}"), &text, format)
                .map_err(|error| error.to_string())?;
            for folder in folders.iter().rev() {
                let inner = std::mem::take(&mut document.value);
                document.value = Value::Object(Map::from_iter([((*folder).to_owned(), inner)]));
            }
            bundle.documents.push(document);
        }
        if bundle.modules.is_empty() {
            return Err("holds no Rego module".to_owned());
        }
        bundle.manifest.check_files(&bundle.modules)?;
        bundle.check_roots()?;
        Ok(bundle)
    }

    /// The version, as its manifest says it; empty if it says none.
    pub fn revision(&self) -> &str {
        &self.manifest.revision
    }

    /// Its place in the order of its versions, where whoever built it gave one: `metadata.sequence` in the manifest.
    pub fn sequence(&self) -> Option<u64> {
        self.manifest.sequence()
    }

    /// The paths under `data` that it speaks for, as in `kitelogik/userpolicy`; one that is empty is everything.
    pub fn roots(&self) -> &[String] {
        &self.manifest.roots
    }

    /// The paths of its modules within the bundle.
    pub fn modules(&self) -> impl Iterator<Item = &str> {
        self.modules.iter().map(|(path, _)| path.as_str())
    }

    /// Whether it came with a signature; only [`Verification`] says whether that was checked.
    pub fn is_signed(&self) -> bool {
        self.signed
    }

    /// Gives it another revision, for example the commit it was built from. Default: the policy's digest.
    #[must_use]
    pub fn with_revision(mut self, revision: impl Into<String>) -> Self {
        self.manifest.revision = revision.into();
        self
    }

    /// Gives it a place in the order of its versions, for example the number of the build: whoever reloads bundles then
    /// takes none that comes before the one in force. Default: none.
    #[must_use]
    pub fn with_sequence(mut self, sequence: u64) -> Self {
        self.manifest.set_sequence(sequence);
        self
    }

    /// Says which paths under `data` it speaks for, so that an OPA server can have other bundles beside it. Default:
    /// everything.
    ///
    /// # Errors
    ///
    /// A root lies within another, or a module or data lies within none.
    pub fn with_roots<S: Into<String>>(
        mut self,
        roots: impl IntoIterator<Item = S>,
    ) -> Result<Self, BundleError> {
        self.manifest.roots = roots.into_iter().map(Into::into).collect();
        self.manifest
            .check()
            .and_then(|()| self.check_roots())
            .map_err(|problem| BundleError::refused(&self.name, problem))?;
        Ok(self)
    }

    /// The file: the same bytes for the same bundle and key, as far as the key's algorithm does so (ES256 does not).
    ///
    /// # Errors
    ///
    /// [`BundleError::Key`] if the key cannot sign, and a bundle that would not be read again.
    pub fn to_bytes(&self, key: Option<&SigningKey>) -> Result<Vec<u8>, BundleError> {
        let refused = |problem: String| BundleError::refused(&self.name, problem);
        let data = document::merge(&self.documents).map_err(|error| refused(error.to_string()))?;
        let data = serde_json::to_string_pretty(&canonical::sorted(&Value::Object(data)))
            .map_err(|error| refused(error.to_string()))?;
        let manifest = self.manifest.write().map_err(refused)?;
        let mut files = vec![
            File::new(MANIFEST, manifest),
            File::new("data.json", data + "\n"),
        ];
        let mut modules: Vec<File> = self
            .modules
            .iter()
            .map(|(path, text)| File::new(path, text.clone()))
            .collect();
        modules.sort_by(|one, other| one.path.cmp(&other.path));
        files.append(&mut modules);
        if let Some(key) = key {
            let text = signature::sign(&files, key)?;
            files.insert(0, File::new(SIGNATURES, text));
        }
        archive::pack(&files).map_err(refused)
    }

    /// Whether the built-in modules of this version are left out of its [`parts`](Self::parts), to be put in anew.
    pub(crate) fn composed_anew(mut self, anew: bool) -> Self {
        self.anew = anew;
        self
    }

    /// Its modules and data, as a policy takes them, and where it was read from.
    pub(crate) fn parts(self) -> (Vec<Module>, Vec<Document>, Option<PathBuf>) {
        let name = self.name;
        let mut documents = self.documents;
        let mut modules = self
            .modules
            .into_iter()
            .map(|(path, text)| Module {
                name: format!("{name}/{path}"),
                place: path,
                text,
                builtin: false,
            })
            .collect();
        if self.anew {
            builtin::take_out(&mut modules, &mut documents);
        }
        (modules, documents, self.path)
    }

    fn check_roots(&self) -> Result<(), String> {
        if self.manifest.speaks_for_all() {
            return Ok(());
        }
        let (modules, documents, _) = self.clone().composed_anew(false).parts();
        let packages = crate::syntax::packages(&modules).map_err(|problems| {
            problems
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        })?;
        for (module, package) in modules.iter().zip(packages) {
            if !self.manifest.speaks_for(&package) {
                return Err(format!(
                    "`{}` is `package {}`, outside of the roots {}",
                    module.place,
                    package.join("."),
                    self.manifest.shown_roots()
                ));
            }
        }
        for document in &documents {
            if let Some(path) = self.manifest.outside(&document.value) {
                return Err(format!(
                    "{} gives `data.{path}`, outside of the roots {}",
                    document.origin,
                    self.manifest.shown_roots()
                ));
            }
        }
        Ok(())
    }
}
