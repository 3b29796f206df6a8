use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, broadcast, watch};

/// Who waits for what, in this process.
pub(crate) struct Hub {
    waiting: Mutex<HashMap<String, watch::Sender<()>>>,
    watching: broadcast::Sender<Change>,
    /// Told when somebody comes.
    awake: Notify,
}

/// What those who watch are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// This request is new, or another one than before.
    Request(String),
    /// Something may have been missed.
    Unknown,
}

/// How many changes a watcher may lag behind before it reads everything anew.
const BACKLOG: usize = 1_024;

impl Hub {
    pub(crate) fn new() -> Self {
        Self {
            waiting: Mutex::default(),
            watching: broadcast::Sender::new(BACKLOG),
            awake: Notify::new(),
        }
    }

    /// Waits for changes of the request with this id, from this moment on.
    pub(crate) fn wait(&self, id: &str) -> watch::Receiver<()> {
        let receiver = self
            .waiting()
            .entry(id.to_owned())
            .or_insert_with(|| watch::Sender::new(()))
            .subscribe();
        self.awake.notify_one();
        receiver
    }

    /// Watches all changes, from this moment on.
    pub(crate) fn watch(&self) -> broadcast::Receiver<Change> {
        let receiver = self.watching.subscribe();
        self.awake.notify_one();
        receiver
    }

    /// The request with this id changed.
    pub(crate) fn changed(&self, id: &str) {
        let mut waiting = self.waiting();
        if let Some(sender) = waiting.get(id)
            && sender.send(()).is_err()
        {
            waiting.remove(id);
        }
        drop(waiting);
        let _ = self.watching.send(Change::Request(id.to_owned()));
    }

    /// Anything may have changed.
    pub(crate) fn unknown(&self) {
        self.waiting().retain(|_, sender| sender.send(()).is_ok());
        let _ = self.watching.send(Change::Unknown);
    }

    /// Whether anybody waits or watches.
    pub(crate) fn is_listened_to(&self) -> bool {
        if self.watching.receiver_count() > 0 {
            return true;
        }
        let mut waiting = self.waiting();
        waiting.retain(|_, sender| sender.receiver_count() > 0);
        !waiting.is_empty()
    }

    /// Waits until somebody may listen.
    pub(crate) async fn stirred(&self) {
        self.awake.notified().await;
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<()>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
