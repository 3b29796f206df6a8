use std::path::{Path, PathBuf};

#[cfg(feature = "rest")]
use super::BundleUrl;

/// Where a policy comes from, again and again.
#[derive(Clone, Debug)]
pub struct PolicySource {
    pub(super) place: Place,
}

#[derive(Clone, Debug)]
pub(super) enum Place {
    Path(PathBuf),
    Directory(PathBuf),
    BundleFile(PathBuf),
    #[cfg(feature = "rest")]
    BundleUrl(BundleUrl),
}

impl PolicySource {
    /// A directory, a file, or a bundle whose name ends in `.tar.gz` or `.tgz`: whatever
    /// [`Policy::load`](kitelogik_policy::Policy::load) takes.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.to_string_lossy().to_lowercase();
        let bundle = [".tar.gz", ".tgz"].iter().any(|end| name.ends_with(end)) && !path.is_dir();
        let place = if bundle {
            Place::BundleFile(path)
        } else {
            Place::Path(path)
        };
        Self { place }
    }

    /// A directory of Rego, rules in YAML and data; its tests are run. It may be a link, and it may hold links, as
    /// Kubernetes mounts a config map.
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        Self {
            place: Place::Directory(path.into()),
        }
    }

    /// An OPA bundle in a file of any name. Put a new one in place by renaming it.
    pub fn bundle_file(path: impl Into<PathBuf>) -> Self {
        Self {
            place: Place::BundleFile(path.into()),
        }
    }

    /// An OPA bundle on a server, as in `https://policies.internal/refunds.tar.gz`, or a [`BundleUrl`] with more to say.
    /// With the feature `rest`.
    #[cfg(feature = "rest")]
    pub fn bundle_url(url: impl Into<BundleUrl>) -> Self {
        Self {
            place: Place::BundleUrl(url.into()),
        }
    }
}

impl From<&str> for PolicySource {
    fn from(path: &str) -> Self {
        Self::path(path)
    }
}

impl From<&Path> for PolicySource {
    fn from(path: &Path) -> Self {
        Self::path(path)
    }
}

impl From<PathBuf> for PolicySource {
    fn from(path: PathBuf) -> Self {
        Self::path(path)
    }
}

impl Place {
    /// What to watch, where it lies in a file system.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) | Self::Directory(path) | Self::BundleFile(path) => Some(path),
            #[cfg(feature = "rest")]
            Self::BundleUrl(_) => None,
        }
    }
}
