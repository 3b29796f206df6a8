//! What the disk gives: the same callers, and a thread that appends bytes to a plain file.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use kitelogik_core::{AuditError, AuditSink, BoxFuture, DecisionRecord, Outcome, RecordId};
use tokio::sync::oneshot;

/// How many bytes a record has: about as many as the ledger's file grows by.
const RECORD: usize = 1_024;

/// A file that is synced for all callers who wait, as the ledger is, and has no order, no index, no hash.
pub(crate) struct PlainFile {
    records: Mutex<Option<mpsc::Sender<Option<oneshot::Sender<()>>>>>,
    thread: JoinHandle<Vec<Duration>>,
}

impl PlainFile {
    pub(crate) fn create(path: &Path) -> Self {
        let mut file = File::create(path).unwrap();
        let (records, waiting) = mpsc::channel::<Option<oneshot::Sender<()>>>();
        let thread = std::thread::spawn(move || {
            let mut syncs = Vec::new();
            while let Ok(first) = waiting.recv() {
                let batch: Vec<_> = std::iter::once(first).chain(waiting.try_iter()).collect();
                let begun = Instant::now();
                file.write_all(&vec![b'x'; batch.len() * RECORD]).unwrap();
                file.sync_data().unwrap();
                syncs.push(begun.elapsed());
                for caller in batch.into_iter().flatten() {
                    let _ = caller.send(());
                }
            }
            syncs
        });
        Self {
            records: Mutex::new(Some(records)),
            thread,
        }
    }

    fn append(&self, caller: Option<oneshot::Sender<()>>) {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.as_ref().unwrap().send(caller).unwrap();
    }

    /// How long it took to append each batch and to sync it.
    pub(crate) fn close(self) -> Vec<Duration> {
        let records = self.records.lock().unwrap().take();
        drop(records);
        self.thread.join().unwrap()
    }
}

impl AuditSink for PlainFile {
    fn record_decision<'a>(
        &'a self,
        _record: &'a DecisionRecord<'a>,
    ) -> BoxFuture<'a, Result<RecordId, AuditError>> {
        Box::pin(async move {
            let (tell, told) = oneshot::channel();
            self.append(Some(tell));
            told.await.unwrap();
            Ok(RecordId(0))
        })
    }

    fn record_outcome(&self, _record: RecordId, _outcome: Outcome) {
        self.append(None);
    }
}
