use std::sync::Arc;

use rusqlite::{Connection, params};

use super::audit::{failed, signed};
use super::{Sqlite, approvals, read, removal, seal};
use crate::approvals::ApprovalKey;
use crate::audit::{KeyChange, Keys};
use crate::key::Key;
use crate::store::approvals::record;
use crate::store::rotation::{ADD_CHANGE, CHANGES};
use crate::{Digest, LedgerError, PublicKey};

/// The ledger's keys.
pub(in crate::store) fn keys(
    connection: &Connection,
    ledger: Digest,
    first: PublicKey,
) -> Result<Keys, LedgerError> {
    let changes = read::texts(connection, CHANGES, &[])?;
    Ok(Keys::read(ledger, first, &changes))
}

impl Sqlite {
    /// Lets `new` take over from `old`.
    pub(crate) async fn rotate(
        &self,
        old: Arc<Key>,
        new: Arc<Key>,
    ) -> Result<KeyChange, LedgerError> {
        let (ledger, first) = (self.id, self.first_key);
        self.write(move |connection, entries| {
            let checkpoint = seal::seal(connection, &old, ledger, first, entries)?;
            let keys = keys(connection, ledger, first)?;
            let cut = removal::cut(connection, ledger, first).map_err(failed)?;
            let change = KeyChange::sign(&old, &new, keys.changes().last(), &checkpoint);
            connection
                .execute(
                    ADD_CHANGE,
                    params![signed(change.number), change.at.millis(), change.to_json()?],
                )
                .map_err(failed)?;
            entries.append(&change.entry());
            if let Some(word) = cut.and_then(|cut| cut.said_again(&new)) {
                entries.append(&word);
            }
            if old.digest_key() != new.digest_key() {
                let (old, new) = (ApprovalKey::new(old), ApprovalKey::new(new));
                let changes = approvals::rekey(connection, &old, &new).map_err(failed)?;
                record(&changes, entries);
            }
            Ok(change)
        })
        .await
    }
}
