//! Telling people of requests: by a program, and by a signed request.

use std::time::Duration;

use kitelogik_core::Masking;
use kitelogik_ledger::{ApprovalOptions, CommandNotifier, Ledger, Notifier};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::desk::{ann, refund, refund_of};
use crate::stores::TestStore;

/// A ledger that tells by `notifier`, and what keeps it.
async fn telling(notifier: impl Notifier + 'static) -> (Ledger, TestStore) {
    let store = TestStore::sqlite();
    let masking = Masking::builder().path("args.card").unwrap().build();
    let ledger = store
        .builder()
        .masking(masking)
        .approvals(ApprovalOptions::new().notify(notifier))
        .open()
        .await
        .unwrap();
    (ledger, store)
}

/// Waits until `condition` holds.
async fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_gets_the_request_on_its_standard_input_and_no_shell_reads_anything() {
    let folder = TempDir::new().unwrap();
    let told = folder.path().join("told; touch shell `touch shell`");
    let (ledger, _store) = telling(CommandNotifier::new("tee", [&told])).await;
    let id = refund_of(json!({"amount": 150, "card": "4111"}))
        .pending(&ledger)
        .await;
    let mut message = Value::Null;
    until(|| {
        let text = std::fs::read_to_string(&told).unwrap_or_default();
        message = serde_json::from_str(&text).unwrap_or_default();
        message.is_object()
    })
    .await;
    assert_eq!(message["type"], "approval.requested");
    assert_eq!(message["data"]["id"], *id);
    assert_eq!(
        message["data"]["arguments"],
        json!({"amount": 150, "card": "[masked]"})
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_that_fails_or_does_not_end_is_counted_and_holds_nothing_up() {
    for notifier in [
        CommandNotifier::new("false", [""; 0]),
        CommandNotifier::new("/no/such/program", [""; 0]),
        CommandNotifier::new("sleep", ["600"]).timeout(Duration::from_millis(20)),
    ] {
        let (ledger, _store) = telling(notifier.clone()).await;
        let id = refund().pending(&ledger).await;
        until(|| notifier.lost() == 1).await;
        ledger.approvals().approve(&id, &ann(), "").await.unwrap();
    }
}

#[tokio::test]
async fn a_request_that_is_shared_or_denied_at_once_is_told_once() {
    let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
    let (ledger, _store) = telling(Told(sender)).await;
    let id = refund().pending(&ledger).await;
    refund().pending(&ledger).await;
    ledger.approvals().deny(&id, &ann(), "").await.unwrap();
    refund().ask(&ledger).await;
    assert_eq!(told.try_recv().unwrap(), id);
    assert!(told.try_recv().is_err());
}

struct Told(tokio::sync::mpsc::UnboundedSender<String>);

impl Notifier for Told {
    fn notify(&self, request: &kitelogik_ledger::ApprovalView) {
        self.0.send(request.id.clone()).unwrap();
    }
}

#[cfg(feature = "webhook")]
mod webhook {
    use std::collections::BTreeMap;

    use kitelogik_ledger::{Webhook, WebhookError};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const SECRET: &str = "0123456789abcdef0123";

    struct Request {
        line: String,
        headers: BTreeMap<String, String>,
        body: String,
    }

    /// Answers one request after the other with these, and gives what came.
    async fn serve(listener: TcpListener, answers: &[&str]) -> Vec<Request> {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            let request = loop {
                assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0);
                if let Some(request) = parse(&bytes) {
                    break request;
                }
            };
            requests.push(request);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        requests
    }

    fn parse(bytes: &[u8]) -> Option<Request> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let line = lines.next()?.to_owned();
        let headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length: usize = headers.get("content-length")?.parse().ok()?;
        (body.len() == length).then(|| Request {
            line,
            headers,
            body: body.to_owned(),
        })
    }

    async fn webhook() -> (Webhook, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?key=hidden", listener.local_addr().unwrap());
        let webhook = Webhook::new(&url, SECRET)
            .unwrap()
            .first_pause(Duration::from_millis(1));
        (webhook, listener)
    }

    const OK: &str = "HTTP/1.1 204 No Content\r\n\r\n";
    const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

    #[tokio::test]
    async fn a_message_is_signed_masked_and_sent_again_until_it_arrives() {
        let (webhook, listener) = webhook().await;
        let (ledger, _store) = telling(webhook.clone()).await;
        let id = refund_of(json!({"amount": 150, "card": "4111"}))
            .pending(&ledger)
            .await;
        let requests = serve(listener, &[BUSY, "", OK]).await;
        assert_eq!(requests.len(), 3);
        for request in &requests {
            let header = |name: &str| request.headers[name].as_str();
            assert_eq!(request.line, "POST /hook?key=hidden HTTP/1.1");
            assert_eq!(header("content-type"), "application/json");
            assert_eq!(header("webhook-id"), format!("msg_{id}"));
            let signed = Webhook::signature(
                SECRET.as_bytes(),
                header("webhook-id"),
                header("webhook-timestamp").parse().unwrap(),
                &request.body,
            );
            assert_eq!(header("webhook-signature"), signed);
            let message: Value = serde_json::from_str(&request.body).unwrap();
            assert_eq!(message["data"]["id"], *id);
            assert_eq!(message["data"]["arguments"]["card"], "[masked]");
        }
        assert_eq!(webhook.lost(), 0);
    }

    #[tokio::test]
    async fn redirects_are_not_followed_and_refusals_not_repeated() {
        for answer in [
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
        ] {
            let (webhook, listener) = webhook().await;
            let (ledger, _store) = telling(webhook.clone()).await;
            refund().pending(&ledger).await;
            serve(listener, &[answer]).await;
            until(|| webhook.lost() == 1).await;
        }
    }

    #[tokio::test]
    async fn a_message_that_cannot_be_delivered_is_given_up() {
        let (webhook, listener) = webhook().await;
        drop(listener);
        let webhook = webhook.attempts(3);
        let (ledger, _store) = telling(webhook.clone()).await;
        refund().pending(&ledger).await;
        until(|| webhook.lost() == 1).await;
    }

    #[test]
    fn a_signature_is_over_id_time_and_body() {
        let secret = b"0123456789abcdef";
        let one = Webhook::signature(secret, "msg_1", 1, "{}");
        assert!(one.starts_with("v1,") && one.len() == 3 + 44);
        for other in [
            Webhook::signature(secret, "msg_2", 1, "{}"),
            Webhook::signature(secret, "msg_1", 2, "{}"),
            Webhook::signature(secret, "msg_1", 1, "{ }"),
            Webhook::signature(b"another secret..", "msg_1", 1, "{}"),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_and_secrets_are_not_shown() {
        for url in [
            "ftp://a/",
            "no url",
            "https:///x",
            "https://user:pass@host/",
            "/hook",
        ] {
            let error = Webhook::new(url, SECRET).unwrap_err();
            assert!(matches!(error, WebhookError::Url { .. }));
            assert!(!error.to_string().contains("pass"));
        }
        let short = Webhook::new("https://host/", "short").unwrap_err();
        assert_eq!(short, WebhookError::Secret);
        let webhook = Webhook::new("https://host/hidden?key=hidden", SECRET).unwrap();
        let shown = format!("{webhook:?}");
        assert!(
            !shown.contains("hidden") && !shown.contains(SECRET),
            "{shown}"
        );
    }
}
