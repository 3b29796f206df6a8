//! What a policy is made of, read once.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::directory::TestFiles;
use crate::source::{Gathered, Source};
use crate::{PolicyBuilder, PolicyError};

/// All that a [`PolicyBuilder`] names, read once: whatever is checked, tested and built of it is of one and the same
/// text, also where the files change meanwhile.
///
/// ```
/// use kitelogik_policy::testing::TestRunner;
/// use kitelogik_policy::{Policy, check};
///
/// # let folder = tempfile::tempdir()?;
/// # std::fs::write(folder.path().join("a.rego"), "package kitelogik.userpolicy\n\nallow if input.action == \"get_page\"\n")?;
/// let snapshot = Policy::builder().directory(folder.path()).read()?;
/// std::fs::remove_file(folder.path().join("a.rego"))?;
///
/// assert!(check::check(snapshot.policy()).passed());
/// assert_eq!(TestRunner::new(snapshot.policy())?.run()?.counts.failed, 0);
/// assert!(snapshot.policy().build().is_ok());
/// assert!(Policy::builder().directory(folder.path()).read().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Snapshot {
    policy: PolicyBuilder,
    digest: String,
    places: Vec<PathBuf>,
}

impl Snapshot {
    /// A digest (SHA-256, 64 hexadecimal digits) of everything that was read, tests as well;
    /// [`Policy::revision`](crate::Policy::revision) is of less.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Where it was really read from, links followed. The built-in bundle keeps calls away from these places, so that
    /// the same text read from another place is a policy of the same revision that protects another place.
    pub fn places(&self) -> &[PathBuf] {
        &self.places
    }

    /// A policy of what was read, with the settings of the builder that read it.
    pub fn policy(&self) -> PolicyBuilder {
        self.policy.clone()
    }
}

impl PolicyBuilder {
    /// Reads all that was named, tests that lie beside it included, and composes nothing yet.
    ///
    /// # Errors
    ///
    /// [`PolicyError`], where something cannot be read. Tests alone are [no policy](PolicyError::NoPolicy).
    pub fn read(mut self) -> Result<Snapshot, PolicyError> {
        let gathered = self.gather(Some(TestFiles::default()))?;
        let read = &gathered.sources;
        if read.modules.is_empty() && read.rules.is_empty() && read.documents.is_empty() {
            let place = match gathered.own.first() {
                Some((path, _)) => format!("`{}`", path.display()),
                None => "what was given".to_owned(),
            };
            return Err(PolicyError::NoPolicy { place });
        }
        let digest = digest(&gathered, &self);
        let places = gathered.own.iter().map(|(path, _)| path.clone()).collect();
        self.sources = vec![Source::Gathered(Box::new(gathered))];
        Ok(Snapshot {
            policy: self,
            digest,
            places,
        })
    }
}

/// Over each part after its length, so that no text moves from one part to another unseen.
fn digest(gathered: &Gathered, policy: &PolicyBuilder) -> String {
    let mut digest = Sha256::new();
    let mut part = |text: &str| {
        digest.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(text.as_bytes());
    };
    let sources = &gathered.sources;
    let tests = sources.tests.iter();
    part(&policy.entry_point);
    part(&format!("{:?}", policy.builtin));
    part("modules");
    for module in sources.modules.iter() {
        part(&module.name);
        part(&module.place);
        part(&module.text);
    }
    part("rules");
    for (place, source) in &sources.rules {
        part(place);
        part(source.name());
        part(source.text());
    }
    part("documents");
    for document in &sources.documents {
        part(&document.origin);
        part(&document.value.to_string());
    }
    part("tests");
    for module in tests.clone().flat_map(|tests| &tests.modules) {
        part(&module.name);
        part(&module.text);
    }
    part("tables");
    for (name, text) in tests.flat_map(|tests| &tests.tables) {
        part(name);
        part(text);
    }
    let bytes = digest.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
