//! A bundle on a server that speaks TLS, with certificates made for the test.

use std::sync::Arc;

use kitelogik_opa::{BundleUrl, ReloadError};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::bundle::bundle;
use super::{allowed, quick};
use crate::rest::tls::Authority;

/// A server at `localhost`, the URL of its bundle, and the certificate of the authority that signed its own.
async fn server() -> (String, String) {
    let authority = Authority::new();
    let certificate = authority.server();
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
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            let body = bundle("a", None);
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(&body).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    (
        format!("https://localhost:{port}/policy.tar.gz"),
        authority.pem,
    )
}

#[tokio::test]
async fn a_bundle_comes_only_from_a_server_whose_certificate_is_trusted() {
    let (url, authority) = server().await;
    let trusting = BundleUrl::new(&url).ca_certificates(authority.as_bytes());
    let engine = quick(trusting).start().await.unwrap();
    assert!(allowed(&engine, "a").await);

    let (_, another) = server().await;
    for distrusting in [
        BundleUrl::new(&url),
        BundleUrl::new(&url).ca_certificates(another.as_bytes()),
        BundleUrl::new(url.replace("localhost", "127.0.0.1")).ca_certificates(authority.as_bytes()),
    ] {
        let error = quick(distrusting).start().await.unwrap_err();
        assert!(
            matches!(&error, ReloadError::Unreadable(text) if text.contains("certificate")),
            "{error}"
        );
    }
    let clear = BundleUrl::new(url.replace("https", "http")).ca_certificates(authority.as_bytes());
    let error = quick(clear).start().await.unwrap_err();
    assert!(matches!(error, ReloadError::Setting(_)), "{error}");
}
