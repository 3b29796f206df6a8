//! A server that speaks TLS itself.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use kitelogik_web::{Identity, Origin, Server, ServerError, Tls, TlsError};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::house::House;

struct Pair {
    certificate: String,
    key: String,
}

fn pair() -> Pair {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    Pair {
        certificate: cert.pem(),
        key: signing_key.serialize_pem(),
    }
}

fn tls(pair: &Pair) -> Tls {
    Tls::from_pem(pair.certificate.as_bytes(), pair.key.as_bytes()).unwrap()
}

/// A client that trusts this certificate alone.
fn client(pair: &Pair) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    stream
}

fn get(config: Arc<ClientConfig>, port: u16, path: &str) -> std::io::Result<String> {
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(config, name).unwrap();
    let mut stream = StreamOwned::new(connection, connect(port));
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8(answer).unwrap())
}

/// A server of this certificate, and its port.
fn start(house: &House, tls: Tls, patience: Duration) -> u16 {
    let server = house.runtime.block_on(async {
        Server::builder(house.ledger.clone())
            .bind(([127, 0, 0, 1], 0).into())
            .patience(patience)
            .tls(tls)
            .start()
            .await
            .unwrap()
    });
    let port = server.local_address().port();
    assert_eq!(server.url(), format!("https://127.0.0.1:{port}"));
    let link = server.link(Identity::new("ann", "operator"), Duration::from_secs(60));
    assert!(link.unwrap().starts_with("https://"));
    house.runtime.spawn(server.run(std::future::pending()));
    port
}

#[test]
fn a_page_comes_encrypted_and_its_cookies_are_for_this_host_and_tls_alone() {
    let house = House::open();
    let pair = pair();
    let port = start(&house, tls(&pair), Duration::from_secs(60));
    let page = get(client(&pair), port, "/sign-in").unwrap();
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    let cookie = format!("set-cookie: __Host-kitelogik-{port}-form=");
    assert!(
        page.contains(&cookie) && page.contains("; Secure"),
        "{page}"
    );
    // Whoever checks another certificate does not talk to it.
    assert!(get(client(&self::pair()), port, "/sign-in").is_err());
}

#[test]
fn who_speaks_no_tls_or_nothing_at_all_is_not_answered_and_not_waited_for() {
    let house = House::open();
    let pair = pair();
    let port = start(&house, tls(&pair), Duration::from_secs(2));
    for sent in ["GET /sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n", ""] {
        let mut stream = connect(port);
        stream.write_all(sent.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // An alert of TLS, or nothing.
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
    }
    assert!(get(client(&pair), port, "/sign-in").is_ok());
}

#[test]
fn a_certificate_without_its_key_or_without_encryption_in_the_origin_starts_nothing() {
    let (one, other) = (pair(), pair());
    let read = |certificate: &str, key: &str| Tls::from_pem(certificate.as_bytes(), key.as_bytes());
    assert!(matches!(
        read(&one.certificate, &other.key),
        Err(TlsError::Pair { .. })
    ));
    assert!(matches!(read("", &one.key), Err(TlsError::Pem { .. })));
    assert!(matches!(
        read(&one.certificate, "a"),
        Err(TlsError::Pem { .. })
    ));

    let house = House::open();
    let plain = Server::builder(house.ledger.clone())
        .bind(([127, 0, 0, 1], 0).into())
        .origin(Origin::parse("http://localhost:8787").unwrap())
        .tls(tls(&one));
    let started = house.runtime.block_on(plain.start());
    assert!(matches!(started, Err(ServerError::NotEncrypted { .. })));
}
