use std::path::PathBuf;
use std::sync::Arc;

use kitelogik_policy::bundle::Bundle;
use kitelogik_policy::{Policy, PolicyBuilder};

use super::ReloadError;
use super::settings::Settings;
use super::source::Place;

/// What the source held when it was read.
#[derive(Clone)]
pub(super) struct Reading {
    /// A digest of everything that counts, tests and the bundle's own words included.
    pub(super) content: String,
    /// Where it was really read from: the policy protects these places.
    pub(super) places: Vec<PathBuf>,
    pub(super) policy: PolicyBuilder,
    pub(super) bundle: Option<BundleFacts>,
}

/// What a bundle says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BundleFacts {
    pub(super) revision: Option<Arc<str>>,
    pub(super) sequence: Option<u64>,
}

impl Reading {
    /// Whether `other` is the same text from the same place.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        self.content == other.content && self.places == other.places
    }

    /// Reads files. Blocks.
    pub(super) fn of_files(place: &Place, settings: &Settings) -> Result<Self, ReloadError> {
        match place {
            Place::Path(path) => Self::of_policy(Policy::builder().path(path), settings),
            Place::Directory(path) => Self::of_policy(Policy::builder().directory(path), settings),
            Place::BundleFile(path) => {
                Self::of_bundle(Bundle::load(path, &settings.verification)?, settings)
            }
            #[cfg(feature = "rest")]
            Place::BundleUrl(_) => Err(ReloadError::Setting("a URL is no file".to_owned())),
        }
    }

    /// Reads a bundle that came from a server. Blocks.
    #[cfg(feature = "rest")]
    pub(super) fn of_bytes(
        name: &str,
        bytes: &[u8],
        settings: &Settings,
    ) -> Result<Self, ReloadError> {
        Self::of_bundle(Bundle::read(name, bytes, &settings.verification)?, settings)
    }

    fn of_policy(policy: PolicyBuilder, settings: &Settings) -> Result<Self, ReloadError> {
        let snapshot =
            (settings.compose)(policy.verification(settings.verification.clone())).read()?;
        Ok(Self {
            content: snapshot.digest().to_owned(),
            places: snapshot.places().to_vec(),
            policy: snapshot.policy(),
            bundle: None,
        })
    }

    fn of_bundle(bundle: Bundle, settings: &Settings) -> Result<Self, ReloadError> {
        let revision = bundle.revision();
        let facts = BundleFacts {
            revision: (!revision.is_empty()).then(|| revision.into()),
            sequence: bundle.sequence(),
        };
        let mut reading = Self::of_policy(Policy::builder().bundle(bundle), settings)?;
        reading.content = format!(
            "{} {:?} {:?}",
            reading.content, facts.sequence, facts.revision
        );
        reading.bundle = Some(facts);
        Ok(reading)
    }
}
