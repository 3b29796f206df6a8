use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kitelogik_core::PolicyEngine;
use tokio::sync::{mpsc, oneshot};

#[cfg(feature = "rest")]
use super::download::Download;
use super::reading::Reading;
use super::settings::Settings;
use super::source::Place;
use super::task::Wake;
use super::version::Version;
use super::watching::Watching;
use super::{ReloadError, order};
use crate::fault;

/// Reads the source, and makes versions of what it holds. What takes time does so on a thread of its own.
pub(super) struct Reader {
    place: Arc<Place>,
    settings: Arc<Settings>,
    watching: Option<Arc<Mutex<Watching>>>,
    #[cfg(feature = "rest")]
    download: Option<Download>,
}

/// What was read, and when reading began.
pub(super) type Timed = (Reading, Instant);

/// Files that are still changing after so long, or ten times as long as they must be quiet, are left alone until the
/// next look.
const RESTLESS: Duration = Duration::from_secs(30);

/// How long a version may take for the one decision it is asked for; an engine's own limit is shorter.
const HEALTH_TIME: Duration = Duration::from_secs(5);

impl Reader {
    pub(super) fn new(
        place: Place,
        settings: Arc<Settings>,
        wakes: mpsc::Sender<Wake>,
    ) -> Result<Self, ReloadError> {
        let watching = place
            .path()
            .map(|path| Arc::new(Mutex::new(Watching::new(path, wakes))));
        Ok(Self {
            #[cfg(feature = "rest")]
            download: Download::of(&place, &settings)?,
            place: Arc::new(place),
            settings,
            watching,
        })
    }

    pub(super) async fn read(&mut self) -> Result<Timed, ReloadError> {
        let begun = Instant::now();
        #[cfg(feature = "rest")]
        if let Some(download) = &mut self.download {
            return Ok((download.read(&self.settings).await?, begun));
        }
        let (place, settings) = (Arc::clone(&self.place), Arc::clone(&self.settings));
        let watching = self.watching.clone();
        let reading = blocking(move || {
            if let Some(watching) = watching {
                // Whatever it was when something panicked, it is renewed.
                let mut watching = watching.lock().unwrap_or_else(PoisonError::into_inner);
                watching.renew();
            }
            Reading::of_files(&place, &settings)
        });
        Ok((reading.await?, begun))
    }

    /// What two readings in a row agree on, with the time between them that files must be quiet. `first` is the first;
    /// what comes from a server comes whole.
    pub(super) async fn settled(
        &mut self,
        first: Result<Timed, ReloadError>,
    ) -> Result<Timed, ReloadError> {
        if self.watching.is_none() {
            return first;
        }
        let quiet_for = self.settings.quiet_for;
        let limit = RESTLESS.max(quiet_for.saturating_mul(10));
        let begun = Instant::now();
        let mut before = first;
        loop {
            tokio::time::sleep(quiet_for).await;
            let after = self.read().await;
            match (&before, &after) {
                (Ok((before, _)), Ok((after, _))) if before.is_as(after) => break,
                (Err(before), Err(after)) if before == after => break,
                _ if begun.elapsed() > limit => {
                    return Err(ReloadError::Unsettled(limit.as_secs()));
                }
                _ => before = after,
            }
        }
        before
    }

    /// A first version.
    pub(super) async fn first(&mut self) -> Result<(Version, Instant), ReloadError> {
        let first = self.read().await;
        let (reading, read) = self.settled(first).await?;
        order::check_first(reading.bundle.as_ref(), &self.settings)?;
        Ok((self.prepare(reading).await?, read))
    }

    /// Loads, checks and tests what was read.
    pub(super) async fn prepare(&self, reading: Reading) -> Result<Version, ReloadError> {
        let settings = Arc::clone(&self.settings);
        let version = blocking(move || Version::prepare(reading, &settings)).await?;
        let health = fault::bounded(version.engine.health(), HEALTH_TIME).await;
        let health = health.unwrap_or_else(|fault| Err(fault.of_engine()));
        health.map_err(|error| ReloadError::Undecided(error.to_string()))?;
        Ok(version)
    }
}

/// Runs `work` on a thread of its own, which gives way to those that decide.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReloadError> + Send + 'static,
) -> Result<T, ReloadError> {
    let (done, result) = oneshot::channel();
    let work = move || {
        give_way();
        let result = catch_unwind(AssertUnwindSafe(work))
            .unwrap_or_else(|panic| Err(ReloadError::Panicked(fault::panic_message(&*panic))));
        // Nobody waits any more where the reloading has been stopped.
        drop(done.send(result));
    };
    std::thread::Builder::new()
        .name("kitelogik-reload".to_owned())
        .spawn(work)
        .map_err(|_| ReloadError::Stopped)?;
    result.await.unwrap_or(Err(ReloadError::Stopped))
}

/// Gives this thread the lowest priority: to parse, compile and test a policy takes a processor for a
/// while, and decisions must not wait for it. Elsewhere than on Linux, a priority is the process's.
#[cfg(target_os = "linux")]
fn give_way() {
    // Where that is not possible, the thread competes as any other.
    let _ = rustix::process::nice(19);
}

#[cfg(not(target_os = "linux"))]
fn give_way() {}
