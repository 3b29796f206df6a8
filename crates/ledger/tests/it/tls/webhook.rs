use std::sync::Arc;
use std::time::Duration;

use kitelogik_ledger::{ApprovalOptions, Webhook, WebhookError};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::Authority;
use crate::approvals::desk::refund;
use crate::stores::TestStore;

const SECRET: &str = "0123456789abcdef0123";

/// Receives one message, and gives its text; none where the sender did not trust it.
async fn receive(listener: &TcpListener, authority: &Authority) -> Option<String> {
    let certificate = authority.sign("localhost");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate.pem.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).unwrap(),
        )
        .unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let mut stream = TlsAcceptor::from(Arc::new(config))
        .accept(stream)
        .await
        .ok()?;
    let mut text = Vec::new();
    while !text.ends_with(b"}") {
        if stream.read_buf(&mut text).await.ok()? == 0 {
            return None;
        }
    }
    let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
    stream.write_all(answer).await.unwrap();
    Some(String::from_utf8(text).unwrap())
}

/// What comes of a message to a receiver of `authority`, at `host`, that is sent once.
async fn send(
    authority: &Authority,
    host: &str,
    trusting: impl FnOnce(Webhook) -> Webhook,
) -> (Option<String>, Webhook) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let webhook = Webhook::new(&format!("https://{host}:{port}/hook"), SECRET).unwrap();
    let webhook = trusting(webhook.attempts(1).timeout(Duration::from_secs(30)));
    let store = TestStore::sqlite();
    let ledger = store
        .with(ApprovalOptions::new().notify(webhook.clone()))
        .await;
    refund().pending(&ledger).await;
    (receive(&listener, authority).await, webhook)
}

#[tokio::test]
async fn a_message_goes_to_a_receiver_of_the_authority_that_was_given() {
    let authority = Authority::new();
    let trusting = |webhook: Webhook| webhook.ca_certificates(&authority.pem).unwrap();
    let (text, webhook) = send(&authority, "localhost", trusting).await;
    let text = text.unwrap();
    assert!(text.starts_with("POST /hook HTTP/1.1\r\n"), "{text}");
    assert!(text.contains("webhook-signature: v1,"), "{text}");
    assert_eq!(webhook.lost(), 0);
}

#[tokio::test]
async fn a_message_goes_to_no_receiver_that_nobody_vouches_for() {
    let authority = Authority::new();
    let stranger = Authority::new();
    let by_stranger = |webhook: Webhook| webhook.ca_certificates(&stranger.pem).unwrap();
    let by_name = |webhook: Webhook| webhook.ca_certificates(&authority.pem).unwrap();
    for (text, webhook) in [
        send(&authority, "localhost", by_stranger).await,
        send(&authority, "localhost", |webhook| webhook).await,
        send(&authority, "127.0.0.1", by_name).await,
    ] {
        assert_eq!(text, None);
        while webhook.lost() == 0 {
            tokio::task::yield_now().await;
        }
    }
}

#[test]
fn certificates_that_cannot_be_used_are_refused() {
    let webhook = |url| Webhook::new(url, SECRET).unwrap();
    let authority = Authority::new();
    let plain = webhook("http://localhost/").ca_certificates(&authority.pem);
    assert!(matches!(plain.unwrap_err(), WebhookError::Url { .. }));
    for pem in ["", "no certificate", &authority.pem.replace('M', "N")] {
        let refused = webhook("https://localhost/").ca_certificates(pem);
        assert!(
            matches!(refused.unwrap_err(), WebhookError::Tls { .. }),
            "{pem}"
        );
    }
}
