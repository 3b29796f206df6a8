use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kitelogik_core::Masking;

use crate::address::{Address, shown};
use crate::audit::{AuditLog, SealEvery};
use crate::key::Key;
use crate::store::{Mode, Opening, Store, program};
use crate::{ApprovalOptions, Approvals, Digest, LedgerError, PublicKey, Retention, Timestamp};

/// What must survive a restart: the audit chain, and the approvals.
///
/// Clones are the same ledger.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
    approvals: Approvals,
}

/// What all parts of one ledger share.
pub(crate) struct Shared {
    pub(crate) store: Store,
    /// Where the store is, without a password.
    address: String,
    /// Where the key is, or should be.
    pub(crate) key_file: Option<PathBuf>,
    /// None where the ledger was opened for reading without its key.
    pub(crate) key: Option<Arc<Key>>,
    pub(crate) masking: Masking,
    pub(crate) durability: Durability,
}

/// When a decision counts as recorded, so that the body may run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When it is on disk: nothing that ran is missing after a crash. Callers that record at the same
    /// time share one write to the disk.
    #[default]
    Disk,
    /// When it is in the queue of this process: faster, and a crash loses what waits there.
    Memory,
}

/// How a [`Ledger`] is opened.
#[must_use]
pub struct LedgerBuilder {
    opening: Opening,
    masking: Masking,
    durability: Durability,
    approvals: ApprovalOptions,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Ledger")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

impl Ledger {
    /// Opens the ledger at `address`, `sqlite:FILE` or `postgres://…`, and makes it where there is none.
    ///
    /// # Errors
    ///
    /// See [`LedgerBuilder::open`].
    pub async fn open(address: &str) -> Result<Self, LedgerError> {
        Self::builder(address).open().await
    }

    /// Opens the ledger at `address` to read it: see [`LedgerBuilder::read_only`].
    ///
    /// # Errors
    ///
    /// There is none, or see [`LedgerBuilder::open`].
    pub async fn open_read_only(address: &str) -> Result<Self, LedgerError> {
        Self::builder(address).read_only().open().await
    }

    /// Begins to say how the ledger at `address` is opened.
    ///
    /// A PostgreSQL is spoken to over TLS as the address says, in libpq's words. **Wherever there is TLS, the
    /// server's certificate and its name are checked**: `require`, which to libpq is TLS with whomever, here is
    /// `verify-full`, and so is `verify-ca`.
    ///
    /// | in the address | what it means |
    /// |---|---|
    /// | nothing, server on another machine | `sslmode=require` |
    /// | nothing, loopback or Unix socket | `sslmode=prefer` |
    /// | `sslmode=require`, `verify-ca`, `verify-full` | TLS with a server that proves its name, or no connection; the password is not sent before |
    /// | `sslmode=prefer` | the same where the server says that it has TLS, else plain text: whoever is in between decides |
    /// | `sslmode=disable` | plain text, for networks that you trust; also for a server on this machine whose certificate nobody vouches for |
    /// | `sslrootcert=FILE` | trusts the CA certificates in this file (PEM) and no others, and demands TLS unless `sslmode` says otherwise |
    /// | `sslrootcert=system` | trusts those of the system: the default |
    pub fn builder(address: impl Into<String>) -> LedgerBuilder {
        LedgerBuilder {
            opening: Opening {
                address: address.into(),
                mode: Mode::Create,
                key_file: None,
                name: program(),
                capacity: 10_000,
                seal: SealEvery {
                    entries: 100_000,
                    interval: Duration::from_secs(3600),
                },
            },
            masking: Masking::none(),
            durability: Durability::Disk,
            approvals: ApprovalOptions::new(),
        }
    }

    /// The calls that wait for a person, and what became of them.
    pub fn approvals(&self) -> Approvals {
        self.approvals.clone()
    }

    /// Where the ledger is: the address that it was opened at, without a password.
    pub fn address(&self) -> &str {
        &self.shared.address
    }

    /// The ledger's own id, made when it was.
    pub fn id(&self) -> Digest {
        self.shared.store.id()
    }

    /// The public half of the key that signs checkpoints: keep it elsewhere, with a checkpoint.
    pub fn public_key(&self) -> PublicKey {
        self.shared.store.public_key()
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The record of what was decided: a sink for gates, and what people read.
    pub fn audit(&self) -> AuditLog {
        AuditLog::new(Arc::clone(&self.shared))
    }

    /// Removes what is older than `before`: of the record what is sealed by the last checkpoint that was signed
    /// before ([`AuditLog::retain`]), and the requests for approval that were over before
    /// ([`Approvals::remove_over`]). Whatever of a request is younger stays in the record, and entries tell of both
    /// removals.
    ///
    /// # Errors
    ///
    /// There is no such checkpoint, or what [`AuditLog::retain`] refuses, and nothing was removed; or the store could not be written: call it again.
    pub async fn retain(&self, before: Timestamp) -> Result<Retention, LedgerError> {
        let mut retention = self.audit().retain(before).await?;
        retention.approvals = self.approvals.remove(before).await?;
        Ok(retention)
    }

    /// Writes what waits, signs a checkpoint and ends. What is recorded later is refused.
    ///
    /// A ledger that is dropped does the same, but blocks its thread, and an error is only logged.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Lost`] where records could not be written before: what waited is given up after three
    /// attempts. Otherwise the chain has no last entry or no checkpoint that holds it, or the runtime is shutting down.
    pub async fn close(&self) -> Result<(), LedgerError> {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || match shared.store.writer() {
            Ok(writer) => writer.close(),
            // One that was opened for reading has nothing to write.
            Err(_) => Ok(()),
        })
        .await
        .map_err(|error| LedgerError::store("closing the ledger", error))?
    }
}

impl LedgerBuilder {
    /// Where the ledger's key is: two secrets, for digests and for signatures. It is made where there is
    /// none and the ledger is new.
    ///
    /// Default: `FILE.key` beside an SQLite file. For PostgreSQL it must be given to write, and be the same
    /// for all processes.
    pub fn key_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.opening.key_file = Some(path.into());
        self
    }

    /// What must not be written down. Default: tokens only.
    ///
    /// Processes that share a ledger should be given the same.
    pub fn masking(mut self, masking: Masking) -> Self {
        self.masking = masking;
        self
    }

    /// When a decision counts as recorded. Default: [`Durability::Disk`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How approvals are asked for. Default: [`ApprovalOptions::new`].
    ///
    /// Processes that share a ledger should be given the same.
    pub fn approvals(mut self, options: ApprovalOptions) -> Self {
        self.approvals = options;
        self
    }

    /// What this process is called in the record. Default: the program's name.
    pub fn writer(mut self, name: impl Into<String>) -> Self {
        self.opening.name = name.into();
        self
    }

    /// How many decisions may wait to be written. Default: 10,000.
    ///
    /// When as many wait, a decision is refused, and the gate does what it was told to do then.
    pub fn capacity(mut self, decisions: usize) -> Self {
        self.opening.capacity = decisions.max(1);
        self
    }

    /// When a checkpoint is signed without being asked for, besides when the ledger is closed: after so
    /// many entries of this process, or after so long. Default: 100,000 entries, one hour.
    pub fn checkpoint_every(mut self, entries: u64, interval: Duration) -> Self {
        self.opening.seal = SealEvery {
            entries: entries.max(1),
            interval: interval.max(Duration::from_secs(1)),
        };
        self
    }

    /// Takes only a ledger that is there already.
    pub fn existing(mut self) -> Self {
        if self.opening.mode == Mode::Create {
            self.opening.mode = Mode::Write;
        }
        self
    }

    /// Takes only a ledger that is there already, and changes nothing in it: it may lie where nothing can be written, as
    /// a copy for an auditor does. Without the ledger's key, or where its
    /// file may not be read, the record can be read, approvals cannot.
    ///
    /// An SQLite file is read with its write-ahead log, `FILE-wal`, which is there while a program records or after it was
    /// killed. SQLite makes an index beside it, `FILE-shm`; where it can neither make nor find one, this is
    /// [`LedgerError::Log`], because what is in the log would be missing. **So a copy is best made after the
    /// program that records has ended**: then all is in the one file, and nothing is made beside it. A copy of the file
    /// alone, made while a program records, lacks what is in the log without any sign of it, and can be torn; the
    /// same holds for a mount of the file without its folder.
    pub fn read_only(mut self) -> Self {
        self.opening.mode = Mode::Read;
        self
    }

    /// Opens the ledger, and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// The address is none, the store cannot be reached or is something else, its schema is of a later
    /// program, or the key is missing or another ledger's.
    pub async fn open(self) -> Result<Ledger, LedgerError> {
        let Self {
            mut opening,
            masking,
            durability,
            approvals,
        } = self;
        let place = Address::parse(&opening.address)?;
        opening.key_file = opening.key_file.or_else(|| place.key_file());
        let address = shown(&opening.address);
        let key_file = opening.key_file.clone();
        let opened = open_store(place, opening).await;
        let (store, key) = opened.map_err(|error| error.at(&address))?;
        let shared = Arc::new(Shared {
            store,
            address,
            key_file,
            key,
            masking,
            durability,
        });
        Ok(Ledger {
            approvals: Approvals::new(&shared, approvals),
            shared,
        })
    }
}

async fn open_store(
    place: Address,
    opening: Opening,
) -> Result<(Store, Option<Arc<Key>>), LedgerError> {
    match place {
        #[cfg(feature = "sqlite")]
        Address::Sqlite(path) => {
            let opened = tokio::task::spawn_blocking(move || {
                crate::store::sqlite::Sqlite::open(&path, &opening)
            });
            let (store, key) = opened
                .await
                .map_err(|error| LedgerError::store("opening the ledger", error))??;
            Ok((Store::Sqlite(store), key))
        }
        #[cfg(feature = "postgres")]
        Address::Postgres(_) => {
            let (store, key) = crate::store::postgres::Postgres::open(&opening).await?;
            Ok((Store::Postgres(store), key))
        }
        #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
        _ => Err(LedgerError::Address {
            address: shown(&opening.address),
            hint: "; this program was built without that store",
        }),
    }
}
