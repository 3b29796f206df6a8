//! Opening the file, and bringing its schema up to date.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior};

use crate::hex::Hex;
use crate::store::migrations;
use crate::{Digest, LedgerError, PublicKey};

/// Marks the file as a ledger, for whoever looks at it from outside: "KITE".
const APPLICATION: i64 = 0x4b49_5445;

/// How long to wait for another process that writes.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

fn failed(error: rusqlite::Error) -> LedgerError {
    LedgerError::store("opening the ledger", error)
}

/// A connection that only reads, and has read something: only then it shows whether that can be done.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    connection.pragma_query(None, "schema_version", |_| Ok(()))?;
    Ok(connection)
}

/// A connection that only reads a file which nobody writes: no locks, and nothing made beside it.
///
/// Where somebody does write, what it reads is worth nothing.
pub(super) fn still(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let opened = Connection::open_with_flags(still_uri(path), flags);
    // Without the words about it, in which the URI stands.
    let connection = opened.map_err(|error| match error {
        rusqlite::Error::SqliteFailure(code, _) => rusqlite::Error::SqliteFailure(code, None),
        other => other,
    })?;
    configure(&connection)?;
    Ok(connection)
}

fn still_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    if path.is_absolute() {
        // An empty host; Windows wants its drive after a slash of its own.
        uri.push_str(if cfg!(windows) { "///" } else { "//" });
    }
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'\\' if cfg!(windows) => uri.push('/'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                uri.push(char::from(*byte));
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri
}

/// A connection that writes. The file is made where there is none, readable by its owner only.
pub(super) fn writer(path: &Path) -> Result<Connection, LedgerError> {
    create(path).map_err(|error| LedgerError::store("making the ledger's file", error))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    configure(&connection).map_err(failed)?;
    let journal: String = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
        .map_err(failed)?;
    if journal != "wal" {
        return Err(failed_text(format!(
            "the file cannot have a write-ahead log (it has `{journal}`)"
        )));
    }
    // Another thread brings the log into the file: see `wal.rs`. This is for when it does not.
    connection
        .execute_batch("PRAGMA wal_autocheckpoint = 32768; PRAGMA cache_size = -65536;")
        .map_err(failed)?;
    // What is committed is on disk, also when the power fails.
    connection
        .pragma_update(None, "synchronous", "full")
        .map_err(failed)?;
    Ok(connection)
}

fn failed_text(problem: String) -> LedgerError {
    LedgerError::store("opening the ledger", problem)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection
        .execute_batch("PRAGMA trusted_schema = off; PRAGMA foreign_keys = on; PRAGMA temp_store = memory; PRAGMA cache_size = -16384;")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn create(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Brings the schema up to date, all of it or nothing.
pub(super) fn migrate(connection: &mut Connection, address: &str) -> Result<(), LedgerError> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    let found = version(&transaction, address)?;
    if found == migrations::latest() {
        return Ok(());
    }
    for migration in migrations::missing(found) {
        transaction
            .execute_batch(migration.sqlite)
            .map_err(failed)?;
    }
    transaction
        .pragma_update(None, "application_id", APPLICATION)
        .map_err(failed)?;
    transaction
        .pragma_update(None, "user_version", migrations::latest())
        .map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// The schema's version; 0 for an empty file.
pub(super) fn version(connection: &Connection, address: &str) -> Result<i64, LedgerError> {
    let pragma = |name: &str| -> Result<i64, LedgerError> {
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .map_err(failed)
    };
    let foreign = || LedgerError::Foreign {
        address: address.to_owned(),
    };
    let found = pragma("user_version")?;
    if pragma("application_id")? != APPLICATION {
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(failed)?;
        return if tables == 0 && found == 0 {
            Ok(0)
        } else {
            Err(foreign())
        };
    }
    let known = migrations::latest();
    if found > known {
        return Err(LedgerError::Newer { found, known });
    }
    Ok(found)
}

/// The ledger's own id and public key.
pub(super) fn identity(
    connection: &Connection,
) -> Result<Option<(Digest, PublicKey)>, LedgerError> {
    connection
        .query_row("SELECT id, public_key FROM audit_ledger", [], |row| {
            Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, [u8; 32]>(1)?))
        })
        .optional()
        .map(|found| found.map(|(id, key)| (Hex::new(id), Hex::new(key))))
        .map_err(failed)
}

/// Gives a new ledger its id and key; where another process was faster, its are left.
pub(super) fn found(
    connection: &Connection,
    id: &Digest,
    public_key: &PublicKey,
) -> Result<(), LedgerError> {
    connection
        .execute(
            "INSERT INTO audit_ledger (id, public_key)
             SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM audit_ledger)",
            (id.bytes(), public_key.bytes()),
        )
        .map(drop)
        .map_err(failed)
}
