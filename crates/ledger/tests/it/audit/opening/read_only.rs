//! Ledgers in a place where nothing may be written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use futures_util::StreamExt as _;
use kitelogik_ledger::{
    ApprovalFilter, AuditFilter, ExportFormat, Ledger, LedgerError, Position, Reviewer,
};
use tempfile::TempDir;

use crate::approvals::desk::refund;
use crate::audit::world::{allowed, record};
use crate::stores::TestStore;

/// A folder, seen through a mount that takes no writes, from root neither. Needs root; skipped loudly without.
struct Showcase {
    path: PathBuf,
    _at: TempDir,
}

impl Showcase {
    fn of(folder: &Path) -> Option<Self> {
        let at = TempDir::new().unwrap();
        let mount = |arguments: &[&str]| {
            let mut command = Command::new("mount");
            command.args(arguments);
            command.output().is_ok_and(|output| output.status.success())
        };
        let (folder, path) = (folder.to_str().unwrap(), at.path().to_str().unwrap());
        if !mount(&["--bind", folder, path]) {
            kitelogik_opa_process::skip(
                "kitelogik-ledger audit::opening::read_only",
                "the right to mount a file system (root)",
            );
            return None;
        }
        let showcase = Self {
            path: at.path().to_owned(),
            _at: at,
        };
        let path = showcase.path.to_str().unwrap();
        assert!(mount(&["-o", "remount,bind,ro", path]));
        std::fs::write(showcase.path.join("new"), "").unwrap_err();
        Some(showcase)
    }

    async fn open(&self) -> Result<Ledger, LedgerError> {
        read(&self.path.join("ledger.db")).await
    }
}

impl Drop for Showcase {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

async fn read(path: &Path) -> Result<Ledger, LedgerError> {
    // The tests' key lies beside the file under this name.
    Ledger::builder(format!("sqlite:{}", path.display()))
        .key_file(path.with_extension("key"))
        .read_only()
        .open()
        .await
}

/// Each file of a folder.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = std::fs::read_dir(folder).unwrap();
    files
        .map(|file| file.unwrap().path())
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect()
}

/// Copies by another process: who closes a file within one takes SQLite's locks on it away.
fn copy_file(file: PathBuf, folder: &Path) {
    let copied = Command::new("cp").arg(file).arg(folder).status().unwrap();
    assert!(copied.success());
}

/// Everything that can be asked of a ledger with two decisions and one request, `id`, is answered.
async fn everything_is_read(ledger: &Ledger, id: &str) {
    let (log, approvals) = (ledger.audit(), ledger.approvals());
    let found = log.query(&AuditFilter::all()).await.unwrap().records;
    assert_eq!(found.len(), 2);
    let decision = &found[0].decision_id;
    assert!(log.get(decision).await.unwrap().is_some());
    assert_eq!(log.stats(&AuditFilter::all()).await.unwrap().decisions, 2);
    let verified = log.verify(&Default::default(), |_| ()).await.unwrap();
    assert!(verified.is_intact(), "{:?}", verified.problems);
    let mut lines = Vec::new();
    log.export(ExportFormat::Chain, &AuditFilter::all(), &mut lines)
        .await
        .unwrap();
    let exported = lines.iter().filter(|byte| **byte == b'\n').count();
    assert!(exported >= 3, "{exported}");
    let mut tail = log.tail(Position::beginning());
    for _ in 0..3 {
        tail.next().await.unwrap().unwrap();
    }
    let ann = Reviewer::new("ann");
    let listed = approvals.list(&ApprovalFilter::all(), &ann).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(approvals.get(id, &ann).await.unwrap().id, id);
    assert_eq!(approvals.history(id, &ann).await.unwrap().len(), 1);
}

/// Two decisions and a request.
async fn fill(ledger: &Ledger) -> String {
    record(&ledger.audit(), "s1", &allowed()).await;
    record(&ledger.audit(), "s2", &allowed()).await;
    refund().pending(ledger).await
}

#[tokio::test]
async fn what_is_closed_is_read_where_nothing_can_be_written() {
    let store = TestStore::sqlite();
    let ledger = store.open().await;
    let id = fill(&ledger).await;
    ledger.close().await.unwrap();
    drop(ledger);
    let Some(showcase) = Showcase::of(store.folder.path()) else {
        return;
    };
    everything_is_read(&showcase.open().await.unwrap(), &id).await;
}

#[tokio::test]
async fn reading_what_is_closed_leaves_nothing_beside_it() {
    let store = TestStore::sqlite();
    let ledger = store.open().await;
    let id = fill(&ledger).await;
    ledger.close().await.unwrap();
    drop(ledger);
    let before = content(store.folder.path());
    let path = store.folder.path().join("ledger.db");
    let reader = read(&path).await.unwrap();
    everything_is_read(&reader, &id).await;
    drop(reader);
    let by_name = Ledger::open_read_only(&store.address).await.unwrap();
    by_name.audit().query(&AuditFilter::all()).await.unwrap();
    drop(by_name);
    assert!(content(store.folder.path()) == before);
}

#[tokio::test]
async fn what_is_being_written_is_followed_from_where_nothing_can_be_written() {
    let store = TestStore::sqlite();
    let ledger = store.open().await;
    let id = fill(&ledger).await;
    let Some(showcase) = Showcase::of(store.folder.path()) else {
        return;
    };
    let reader = showcase.open().await.unwrap();
    everything_is_read(&reader, &id).await;
    let log = reader.audit();
    let mut tail = log.tail(log.position().await.unwrap());
    record(&ledger.audit(), "s3", &allowed()).await;
    let entry = tail.next().await.unwrap().unwrap();
    assert_eq!(entry.content.session.as_deref(), Some("s3"));
}

#[tokio::test]
async fn who_reads_what_is_closed_sees_it_when_somebody_begins_to_write() {
    let store = TestStore::sqlite();
    store.open().await.close().await.unwrap();
    let reader = read(&store.folder.path().join("ledger.db")).await.unwrap();
    let log = reader.audit();
    let mut tail = log.tail(log.position().await.unwrap());
    for session in ["s1", "s2"] {
        let ledger = store.open().await;
        record(&ledger.audit(), session, &allowed()).await;
        loop {
            let entry = tail.next().await.unwrap().unwrap();
            if entry.content.session.as_deref() == Some(session) {
                break;
            }
        }
        ledger.close().await.unwrap();
    }
    let found = log.query(&AuditFilter::all()).await.unwrap();
    assert_eq!(found.records.len(), 2);
}

#[tokio::test]
async fn a_copy_whose_log_cannot_be_read_says_so_and_is_not_shown_without_it() {
    let store = TestStore::sqlite();
    let ledger = store.open().await;
    let id = fill(&ledger).await;
    let copy = TempDir::new().unwrap();
    for name in ["ledger.db", "ledger.db-wal", "ledger.key"] {
        copy_file(store.folder.path().join(name), copy.path());
    }
    let Some(showcase) = Showcase::of(copy.path()) else {
        return;
    };
    let error = showcase.open().await.unwrap_err();
    assert!(matches!(error, LedgerError::Log { .. }), "{error}");
    assert!(
        error.to_string().contains("ledger.db-wal` holds entries"),
        "{error}"
    );
    // Where its index can be made, it is all there.
    let reader = read(&copy.path().join("ledger.db")).await.unwrap();
    everything_is_read(&reader, &id).await;
    drop(reader);
    // A log without anything in it holds nothing back.
    let empty = TempDir::new().unwrap();
    ledger.close().await.unwrap();
    drop(ledger);
    for name in ["ledger.db", "ledger.key"] {
        copy_file(store.folder.path().join(name), empty.path());
    }
    std::fs::write(empty.path().join("ledger.db-wal"), "").unwrap();
    let showcase = Showcase::of(empty.path()).unwrap();
    everything_is_read(&showcase.open().await.unwrap(), &id).await;
}

#[tokio::test]
async fn the_name_of_a_file_is_taken_as_it_is() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a file?mode=rw&x=%2e#ü.db");
    let address = format!("sqlite:{}", path.display());
    let ledger = Ledger::open(&address).await.unwrap();
    record(&ledger.audit(), "s1", &allowed()).await;
    ledger.close().await.unwrap();
    drop(ledger);
    let reader = Ledger::open_read_only(&address).await.unwrap();
    let found = reader.audit().query(&AuditFilter::all()).await.unwrap();
    assert_eq!(found.records.len(), 1);
    assert_eq!(content(folder.path()).len(), 2, "the file and its key");
}
