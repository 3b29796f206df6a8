use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::reader::{Reader, Timed};
use super::settings::Settings;
use super::source::Place;
use super::state::{Standing, State};
use super::{Inner, ReloadError, ReloadOutcome, Reloading};

/// Why the source is looked at before its time.
pub(super) enum Wake {
    /// The system told of a change.
    Changed,
    /// Somebody asked, and waits for the outcome.
    Asked(oneshot::Sender<Result<ReloadOutcome, ReloadError>>),
}

/// So many wakes may lie in the queue: who asks when it is full waits, and a change is told by the one before it.
const QUEUE: usize = 16;

pub(super) async fn start(place: Place, settings: Settings) -> Result<Reloading, ReloadError> {
    let runtime = Handle::try_current().map_err(|_| ReloadError::Stopped)?;
    let settings = Arc::new(settings);
    let (sender, wakes) = mpsc::channel(QUEUE);
    let mut reader = Reader::new(place, Arc::clone(&settings), sender.clone())?;
    let (first, read) = reader.first().await?;
    let state = Arc::new(State::new(first, settings, read));
    let task = Task {
        state: Arc::clone(&state),
        reader,
        wakes,
        looked: Instant::now(),
    };
    let task = runtime.spawn(task.run()).abort_handle();
    Ok(Reloading {
        inner: Arc::new(Inner {
            state,
            wakes: sender,
            task,
        }),
    })
}

/// Looks for new versions, one look at a time.
struct Task {
    state: Arc<State>,
    reader: Reader,
    wakes: mpsc::Receiver<Wake>,
    /// When the last look ended.
    looked: Instant,
}

impl Task {
    async fn run(mut self) {
        loop {
            let asked = self.wait().await;
            let outcome = self.look(asked.is_some()).await;
            self.state.tell_if_stale();
            self.looked = Instant::now();
            if let Some(asked) = asked {
                // Whoever asked may have gone.
                let _ = asked.send(outcome);
            }
        }
    }

    /// Until it is time to look, or somebody asks.
    async fn wait(&mut self) -> Option<oneshot::Sender<Result<ReloadOutcome, ReloadError>>> {
        let settings = &self.state.settings;
        let jitter = 0.8 + 0.4 * fastrand::f64();
        let mut next = self.looked + settings.poll_interval.mul_f64(jitter);
        loop {
            let stale = self.state.stale_at();
            let until = stale.map_or(next, |stale| stale.min(next));
            match tokio::time::timeout_at(until.into(), self.wakes.recv()).await {
                Ok(Some(Wake::Asked(asked))) => return Some(asked),
                // Not sooner after the last look than files must be quiet, however much they change.
                Ok(Some(Wake::Changed)) => {
                    next = next.min(self.looked + settings.quiet_for);
                    if Instant::now() >= next {
                        return None;
                    }
                }
                // The watch and the engine hold the other ends; without either there is nobody to look for.
                Ok(None) => std::future::pending().await,
                Err(_) if Instant::now() >= next => return None,
                Err(_) => self.state.tell_if_stale(),
            }
        }
    }

    async fn look(&mut self, asked: bool) -> Result<ReloadOutcome, ReloadError> {
        let first = self.reader.read().await;
        if let Ok(read) = &first
            && let Some(outcome) = self.known(read, asked)
        {
            return outcome;
        }
        let settled = self.reader.settled(first).await;
        let (reading, read) = match settled {
            Ok(settled) => settled,
            Err(error) => return self.refuse(error, None),
        };
        let settled = (reading, read);
        if let Some(outcome) = self.known(&settled, asked) {
            return outcome;
        }
        let (reading, read) = settled;
        let content = reading.content.clone();
        if let Err(error) = self.state.check_order(&reading) {
            return self.refuse(error, Some(content));
        }
        let prepared = self.reader.prepare(reading).await;
        match prepared.and_then(|version| self.state.offer(version, read)) {
            Ok(outcome) => Ok(outcome),
            Err(error) => self.refuse(error, Some(content)),
        }
    }

    /// The outcome, where what was read has been seen before.
    fn known(
        &self,
        (reading, read): &Timed,
        asked: bool,
    ) -> Option<Result<ReloadOutcome, ReloadError>> {
        match self.state.standing(reading, *read) {
            Standing::InForce => {
                self.state.refreshed(*read);
                Some(Ok(ReloadOutcome::Unchanged))
            }
            Standing::KeptOut => {
                self.state.refreshed(*read);
                Some(Ok(ReloadOutcome::KeptOut))
            }
            Standing::Waiting(change) => Some(Ok(ReloadOutcome::Waiting(change))),
            // Whoever asks has it tried again.
            Standing::Refused(error) if !asked => Some(Err(error)),
            Standing::Refused(_) | Standing::New => None,
        }
    }

    fn refuse(
        &self,
        error: ReloadError,
        content: Option<String>,
    ) -> Result<ReloadOutcome, ReloadError> {
        self.state.refused(error.clone(), content);
        Err(error)
    }
}
