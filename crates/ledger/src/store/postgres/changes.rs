use std::pin::pin;

use futures_util::{StreamExt as _, future, stream};
use tokio_postgres::{AsyncMessage, Client};

use super::Postgres;
use super::approvals::CHANNEL;
use super::connect::Driven;
use crate::LedgerError;
use crate::approvals::Hub;
use crate::store::approvals::PAUSE;

/// Tells `hub` of the requests that change, whoever changes them, on a connection that listens.
pub(crate) async fn bring(store: &Postgres, hub: &Hub) {
    loop {
        if !hub.is_listened_to() {
            hub.stirred().await;
            continue;
        }
        let lost = match store.connector().connect().await {
            Ok((client, connection)) => listen(client, connection, hub).await,
            Err(error) => error,
        };
        tracing::warn!(error = %lost, "changes of approvals cannot be seen; trying again");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Listens until the connection is lost.
async fn listen(client: Client, mut connection: Driven, hub: &Hub) -> LedgerError {
    let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
    let begin = async {
        let begun = client.batch_execute(&format!("LISTEN {CHANNEL}")).await;
        if let Err(error) = begun {
            return error.into();
        }
        // What changed before is not told: everybody looks again.
        hub.unknown();
        std::future::pending().await
    };
    let listen = async {
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
    future::select(pin!(begin), pin!(listen))
        .await
        .factor_first()
        .0
}
