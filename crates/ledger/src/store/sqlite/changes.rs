use std::time::Duration;

use super::Sqlite;
use crate::LedgerError;
use crate::approvals::Hub;
use crate::store::approvals::PAUSE;

/// How often the file is looked at for changes of other processes, while somebody waits: 100 ms.
const EVERY: Duration = Duration::from_millis(100);

/// Tells `hub` of the requests that change, whoever changes them.
pub(crate) async fn bring(store: &Sqlite, hub: &Hub) {
    let mut last = None;
    loop {
        if !hub.is_listened_to() {
            // What changes until then, nobody waits for.
            last = None;
            hub.stirred().await;
            continue;
        }
        match look(store, last).await {
            Ok((now, changed)) => {
                if last.is_none() {
                    // It may have changed between the first one's listening and this look.
                    hub.unknown();
                }
                last = Some(now);
                for id in changed {
                    hub.changed(&id);
                }
                tokio::time::sleep(EVERY).await;
            }
            Err(error) => {
                tracing::warn!(%error, "changes of approvals cannot be seen");
                last = None;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The number of the last change, and what changed after the one with number `last`.
async fn look(store: &Sqlite, last: Option<i64>) -> Result<(i64, Vec<String>), LedgerError> {
    let looked = store.read(move |connection| {
        let looked = match last {
            Some(last) => super::approvals::changed(connection, last),
            None => super::approvals::last_change(connection).map(|last| (last, Vec::new())),
        };
        looked.map_err(|error| LedgerError::store("reading approvals", error))
    });
    looked.await
}
