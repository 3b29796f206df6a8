use std::sync::Arc;

use bytes::Bytes;
use kitelogik_policy::bundle::Verification;

use super::reader::blocking;
use super::reading::Reading;
use super::settings::Settings;
use super::source::Place;
use super::{BundleUrl, ReloadError};
use crate::rest::{Getter, Got, OpaConfigError};

/// Gets a bundle from a server where it is not the one of the last time, and reads it.
pub(super) struct Download {
    getter: Getter,
    last: Option<Last>,
}

/// The last answer that had an `ETag`.
struct Last {
    etag: String,
    bytes: Bytes,
}

impl Download {
    /// None where the place is no URL.
    pub(super) fn of(place: &Place, settings: &Settings) -> Result<Option<Self>, ReloadError> {
        let Place::BundleUrl(url) = place else {
            return Ok(None);
        };
        let getter = Getter::new(url).map_err(|error| setting(&error))?;
        warn(&getter, url, settings);
        Ok(Some(Self { getter, last: None }))
    }

    pub(super) async fn read(&mut self, settings: &Arc<Settings>) -> Result<Reading, ReloadError> {
        let name = self.getter.shown().to_owned();
        let etag = self.last.as_ref().map(|last| last.etag.as_str());
        let got = self.getter.get(etag).await;
        let got = got.map_err(|problem| ReloadError::Unreadable(format!("{name}: {problem}")))?;
        let (bytes, etag) = match (got, &self.last) {
            (Got::Body { bytes, etag }, _) => (bytes, etag),
            // Read anew like a file that stays: its signature may have come to its end.
            (Got::Unchanged, Some(last)) => (last.bytes.clone(), Some(last.etag.clone())),
            (Got::Unchanged, None) => {
                let problem = "it says that nothing has changed, and has given nothing yet";
                return Err(ReloadError::Unreadable(format!("{name}: {problem}")));
            }
        };
        self.last = etag.map(|etag| Last {
            etag,
            bytes: bytes.clone(),
        });
        let settings = Arc::clone(settings);
        blocking(move || Reading::of_bytes(&name, &bytes, &settings)).await
    }
}

/// What somebody on the way could read, or put in the bundle's place.
fn warn(getter: &Getter, url: &BundleUrl, settings: &Settings) {
    if !getter.is_exposed() {
        return;
    }
    let address = getter.shown();
    if url.bearer_token.is_some() {
        tracing::warn!(
            address,
            "a bearer token is sent over `http`, where it can be read: use `https`"
        );
    }
    if !matches!(settings.verification, Verification::Signed(_)) {
        tracing::warn!(
            address,
            "a bundle without a signature that is checked comes over `http`, where it can be replaced: use `https`, or sign it"
        );
    }
}

fn setting(error: &OpaConfigError) -> ReloadError {
    ReloadError::Setting(match error {
        OpaConfigError::BaseUrl { url, problem } => format!(
            "bundle URL `{url}` {problem}; write it as in `https://policies.internal/refunds.tar.gz`"
        ),
        other => other.to_string(),
    })
}
