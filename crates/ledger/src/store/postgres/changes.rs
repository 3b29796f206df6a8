use std::pin::pin;
use std::time::Duration;

use futures_util::{StreamExt as _, future, stream};
use tokio_postgres::{AsyncMessage, Client};

use super::Postgres;
use super::approvals::CHANNEL;
use super::connect::Driven;
use crate::LedgerError;
use crate::approvals::Hub;
use crate::store::approvals::PAUSE;

/// How often the connection that listens is asked whether it is still there: nothing else is ever sent on
/// it, so that one that fell silent would otherwise look like one on which nothing happens.
const EVERY: Duration = Duration::from_secs(2);

/// How long its answer, or a new connection, may take before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(3);

/// Tells `hub` of the requests that change, whoever changes them, on a connection that listens.
pub(crate) async fn bring(store: &Postgres, hub: &Hub) {
    loop {
        if !hub.is_listened_to() {
            hub.stirred().await;
            continue;
        }
        let lost = match in_time(store.connector().connect()).await {
            Ok((client, connection)) => listen(client, connection, hub).await,
            Err(error) => error,
        };
        // Those of the pool go the same way. They are made anew when they are needed.
        store.forget_idle();
        tracing::warn!(error = %lost, "changes of approvals cannot be seen; trying again");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Listens until the connection is lost.
async fn listen(client: Client, mut connection: Driven, hub: &Hub) -> LedgerError {
    let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
    let listen = format!("LISTEN {CHANNEL}");
    let begin = async {
        let begun = in_time(async { Ok(client.batch_execute(&listen).await?) });
        if let Err(error) = begun.await {
            return error;
        }
        // What changed before is not told: everybody looks again.
        hub.unknown();
        loop {
            tokio::time::sleep(EVERY).await;
            let asked = in_time(async { Ok(client.batch_execute("").await?) });
            if let Err(error) = asked.await {
                return error;
            }
        }
    };
    let hear = async {
        loop {
            match messages.next().await {
                Some(Ok(AsyncMessage::Notification(told))) => hub.changed(told.payload()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return error.into(),
                None => return LedgerError::store("listening", "the connection was closed"),
            }
        }
    };
    // Nothing is answered unless somebody polls the messages at the same time.
    future::select(pin!(begin), pin!(hear))
        .await
        .factor_first()
        .0
}

/// The same, or an error when it takes too long.
async fn in_time<T>(work: impl Future<Output = Result<T, LedgerError>>) -> Result<T, LedgerError> {
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(LedgerError::store("listening", "no answer in time")))
}
