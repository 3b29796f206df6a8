use std::sync::Arc;

use tokio_postgres::GenericClient;

use super::audit::signed;
use super::{Postgres, approvals, read, removal, seal};
use crate::approvals::ApprovalKey;
use crate::audit::{KeyChange, Keys};
use crate::key::Key;
use crate::store::approvals::record;
use crate::store::rotation::{ADD_CHANGE, CHANGES};
use crate::{Digest, LedgerError, PublicKey};

/// The ledger's keys.
pub(super) async fn keys(
    client: &impl GenericClient,
    ledger: Digest,
    first: PublicKey,
) -> Result<Keys, LedgerError> {
    let rows = read::all(client, CHANGES, &[]).await?;
    let changes: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
    Ok(Keys::read(ledger, first, &changes?))
}

impl Postgres {
    /// Lets `new` take over from `old`.
    pub(crate) async fn rotate(
        &self,
        old: Arc<Key>,
        new: Arc<Key>,
    ) -> Result<KeyChange, LedgerError> {
        let (ledger, first) = (self.inner.id, self.inner.first_key);
        self.write(move |transaction, entries| {
            Box::pin(async move {
                let has_other_digests = old.digest_key() != new.digest_key();
                if has_other_digests {
                    // Who writes requests looks at the key behind a lock that this one excludes.
                    transaction
                        .batch_execute("LOCK TABLE approvals IN EXCLUSIVE MODE")
                        .await?;
                }
                let checkpoint = seal::seal(transaction, &old, ledger, first, entries).await?;
                let keys = keys(transaction, ledger, first).await?;
                let cut = removal::cut(transaction, ledger, first).await?;
                let change = KeyChange::sign(&old, &new, keys.changes().last(), &checkpoint);
                transaction
                    .execute(
                        ADD_CHANGE,
                        &[
                            &signed(change.number),
                            &change.at.millis(),
                            &change.to_json()?,
                        ],
                    )
                    .await?;
                entries.append(&change.entry());
                if let Some(word) = cut.and_then(|cut| cut.said_again(&new)) {
                    entries.append(&word);
                }
                if has_other_digests {
                    let (old, new) = (ApprovalKey::new(old), ApprovalKey::new(new));
                    let changes = approvals::rekey(transaction, &old, &new).await?;
                    record(&changes, entries);
                }
                Ok(change)
            })
        })
        .await
    }
}
