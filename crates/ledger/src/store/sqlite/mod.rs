//! The ledger in one file.

pub(crate) mod approvals;
mod audit;
pub(crate) mod changes;
mod open;
pub(super) mod read;
mod readers;
pub(super) mod removal;
pub(super) mod rotation;
mod seal;
mod wal;

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::audit::{Chain, Command, Entries, Finish, Writer};
use crate::hex::Hex;
use crate::key::{Key, random};
use crate::store::migrations::latest;
use crate::store::{Mode, Opening};
use crate::{Digest, LedgerError, PublicKey};

use audit::Writing;
use readers::Readers;

/// An SQLite file: one thread that writes, and readers apart.
pub(crate) struct Sqlite {
    id: Digest,
    first_key: PublicKey,
    public_key: PublicKey,
    /// None where the file was opened for reading without its key.
    key: Option<Arc<Key>>,
    readers: Arc<Readers>,
    /// The thread that writes; none where the file was opened for reading.
    writer: Option<Writer>,
}

impl Sqlite {
    /// Opens the file as `opening` says. Blocks.
    pub(crate) fn open(
        path: &Path,
        opening: &Opening,
    ) -> Result<(Self, Option<Arc<Key>>), LedgerError> {
        if opening.mode != Mode::Create && !path.exists() {
            return Err(opening.absent());
        }
        if opening.mode == Mode::Read {
            return Self::open_to_read(path, opening);
        }
        let mut connection = open::writer(path)?;
        open::migrate(&mut connection, &opening.address)?;
        if open::identity(&connection)?.is_none() {
            let key = Key::read_or_create(opening.key_file()?)?;
            open::found(&connection, &Hex::new(random()?), &key.public())?;
        }
        let (id, first_key) = open::identity(&connection)?.ok_or_else(|| opening.absent())?;
        let keys = rotation::keys(&connection, id, first_key)?;
        let public_key = keys.genuine()?.current();
        let key = opening.key_for_writing(&public_key)?;
        let log = wal::LogKeeper::start(path)?;
        let writing = Writing::new(connection, log, Arc::clone(&key), id, first_key);
        let store = Self {
            id,
            first_key,
            public_key,
            key: Some(Arc::clone(&key)),
            readers: Arc::new(Readers::new(path, true)),
            writer: Some(opening.writer(id, &key, Box::new(writing))?),
        };
        Ok((store, Some(key)))
    }

    /// Opens a file that may be one that cannot be written.
    fn open_to_read(
        path: &Path,
        opening: &Opening,
    ) -> Result<(Self, Option<Arc<Key>>), LedgerError> {
        let readers = Readers::new(path, false);
        let (id, keys) = readers.look(|connection| {
            match open::version(connection, &opening.address)? {
                0 => return Err(opening.absent()),
                found if found < latest() => {
                    return Err(LedgerError::Older {
                        found,
                        known: latest(),
                    });
                }
                _ => {}
            }
            let found = open::identity(connection)?;
            let (id, first_key) = found.ok_or_else(|| opening.absent())?;
            Ok((id, rotation::keys(connection, id, first_key)?))
        })?;
        let public_key = keys.current();
        let key = opening.key_for_reading(&public_key)?;
        let store = Self {
            id,
            first_key: keys.first(),
            public_key,
            key: key.clone(),
            readers: Arc::new(readers),
            writer: None,
        };
        Ok((store, key))
    }

    /// The thread that writes.
    pub(crate) fn writer(&self) -> Result<&Writer, LedgerError> {
        self.writer.as_ref().ok_or(LedgerError::ReadOnly)
    }

    pub(crate) fn id(&self) -> Digest {
        self.id
    }

    pub(crate) fn first_key(&self) -> PublicKey {
        self.first_key
    }

    pub(crate) fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// Does `work` in the writing thread, in one transaction with the entries that it adds: whole and
    /// on disk when this returns `Ok`, and not at all where `work` or the store fails.
    ///
    /// Other work may share the transaction; none sees another's half.
    pub(crate) async fn write<T, E>(
        &self,
        work: impl FnOnce(&Connection, &mut Entries) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<LedgerError> + Send + 'static,
    {
        let queue = self.writer()?.queue();
        let (tell, told) = oneshot::channel();
        queue.push(Command::Job(Box::new(move |connection, chain| {
            let result = in_savepoint(connection, chain, work);
            let finish: Finish = Box::new(move |on_disk| {
                let answer = result.and_then(|value| match on_disk {
                    Ok(()) => Ok(value),
                    Err(problem) => {
                        Err(LedgerError::store("writing to the ledger", problem).into())
                    }
                });
                let _ = tell.send(answer);
            });
            finish
        })))?;
        told.await
            .unwrap_or_else(|_| Err(LedgerError::Closed.into()))
    }

    /// Does `work` on a connection that only reads, off the async threads.
    pub(crate) async fn read<T, E>(
        &self,
        work: impl Fn(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<LedgerError> + Send + 'static,
    {
        self.readers.read(work).await
    }
}

/// Does `work` whole or not at all, within the transaction.
fn in_savepoint<T, E: From<LedgerError>>(
    connection: &Connection,
    chain: &mut Chain,
    work: impl FnOnce(&Connection, &mut Entries) -> Result<T, E>,
) -> Result<T, E> {
    let failed = |error: rusqlite::Error| E::from(LedgerError::store("writing", error));
    audit::in_transaction(connection)?;
    let before = *chain;
    connection.execute_batch("SAVEPOINT job").map_err(failed)?;
    let mut entries = Entries::default();
    let result = work(connection, &mut entries).and_then(|value| {
        for draft in entries.drafts() {
            audit::insert(connection, &chain.append(draft))?;
        }
        Ok(value)
    });
    let end = match result {
        Ok(_) => "RELEASE job",
        Err(_) => "ROLLBACK TO job; RELEASE job",
    };
    if result.is_err() {
        *chain = before;
    }
    match connection.execute_batch(end) {
        Ok(()) => result,
        Err(error) => {
            *chain = before;
            Err(failed(error))
        }
    }
}
