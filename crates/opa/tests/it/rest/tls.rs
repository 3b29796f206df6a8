//! A real OPA behind TLS, with certificates made for the test.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use kitelogik_core::{FailClosed, PolicyEngine};
use kitelogik_opa::{OpaClient, OpaClientBuilder, OpaConfigError};
use kitelogik_opa_process::{OpaProcess, opa_or_skip};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::{code, decide, fault};

/// An authority that signs certificates.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key, PEM.
pub(crate) struct Certificate {
    pub(crate) pem: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// For a server at `localhost`.
    pub(crate) fn server(&self) -> Certificate {
        self.sign("localhost", ExtendedKeyUsagePurpose::ServerAuth)
    }

    fn client(&self) -> Certificate {
        self.sign("agent", ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> Certificate {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        Certificate {
            pem: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}

/// An OPA that speaks TLS as `localhost` and wants a client certificate of the same authority.
struct Guarded {
    _opa: OpaProcess,
    _folder: TempDir,
    port: u16,
    authority: Authority,
}

impl Guarded {
    /// None where there is no OPA: the test is counted as skipped.
    fn start(opa: &kitelogik_opa_process::Opa) -> Self {
        let authority = Authority::new();
        let server = authority.server();
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        // Whether OPA is up is asked through the socket, which has no TLS.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let opa = opa
            .server()
            .module("main.rego", "package kitelogik.main\nallow := true")
            .unix_socket()
            .argument("--addr")
            .argument(format!("127.0.0.1:{port}"))
            .argument("--tls-cert-file")
            .argument(write("server.pem", &server.pem))
            .argument("--tls-private-key-file")
            .argument(write("server-key.pem", &server.key))
            .argument("--tls-ca-cert-file")
            .argument(write("ca.pem", &authority.pem))
            .argument("--authentication=tls")
            .start()
            .unwrap();
        Self {
            _opa: opa,
            _folder: folder,
            port,
            authority,
        }
    }

    fn client(&self) -> OpaClientBuilder {
        OpaClient::builder()
            .base_url(format!("https://localhost:{}", self.port))
            .timeout(Duration::from_secs(30))
    }
}

#[tokio::test]
async fn custom_ca_and_client_certificate_reach_an_opa_that_wants_both() {
    let Some(opa) = opa_or_skip!() else { return };
    let guarded = Guarded::start(&opa);
    let ours = guarded.authority.client();
    let client = guarded
        .client()
        .ca_certificates(guarded.authority.pem.as_str())
        .client_certificate(ours.pem, ours.key)
        .build()
        .unwrap();
    assert!(decide(&client, "read").await.unwrap().allowed());
    client.health().await.unwrap();
}

#[tokio::test]
async fn whoever_is_not_trusted_is_unreachable() {
    let Some(opa) = opa_or_skip!() else { return };
    let guarded = Guarded::start(&opa);
    let stranger = Authority::new();
    let ours = || guarded.authority.client();
    let with = |builder: OpaClientBuilder, certificate: Certificate| {
        builder.client_certificate(certificate.pem, certificate.key)
    };
    let trusting = || {
        guarded
            .client()
            .ca_certificates(guarded.authority.pem.as_str())
    };
    let by_address = format!("https://127.0.0.1:{}", guarded.port);
    for (what, builder) in [
        (
            "the system's authorities only",
            with(guarded.client(), ours()),
        ),
        (
            "another authority only",
            with(
                guarded.client().ca_certificates(stranger.pem.as_str()),
                ours(),
            ),
        ),
        (
            "a name the certificate has not",
            with(trusting().base_url(by_address), ours()),
        ),
        ("no client certificate", trusting()),
        (
            "a stranger's client certificate",
            with(trusting(), stranger.client()),
        ),
    ] {
        let client = match builder.build() {
            Ok(client) => client,
            // A machine without any authority installed.
            Err(error) => {
                assert!(
                    matches!(error, OpaConfigError::Certificate { .. }),
                    "{what}: {error}"
                );
                continue;
            }
        };
        let error = fault(&client, "read").await;
        assert_eq!(
            code(&error),
            FailClosed::EngineUnreachable,
            "{what}: {error}"
        );
    }
}

#[tokio::test]
async fn without_tls_a_tls_port_gives_no_decision() {
    let Some(opa) = opa_or_skip!() else { return };
    let guarded = Guarded::start(&opa);
    let plain = format!("http://localhost:{}", guarded.port);
    let client = guarded.client().base_url(plain).build().unwrap();
    let error = fault(&client, "read").await;
    // OPA says 400 in plain HTTP and resets the connection: either may arrive first.
    let expected = [FailClosed::EngineProtocol, FailClosed::EngineUnreachable];
    assert!(expected.contains(&code(&error)), "{error}");
}

#[test]
fn certificates_and_keys_that_are_none_are_refused_when_the_client_is_built() {
    let authority = Authority::new();
    let (ours, other) = (authority.client(), authority.client());
    let https = || OpaClient::builder().base_url("https://localhost:8181");
    let trusting = || https().ca_certificates(authority.pem.as_str());
    for (what, builder) in [
        ("no certificate", https().ca_certificates("")),
        (
            "no PEM",
            https().ca_certificates("-----BEGIN CERTIFICATE-----\n!"),
        ),
        (
            "no client certificate",
            trusting().client_certificate("", ours.key.as_str()),
        ),
        (
            "no key",
            trusting().client_certificate(ours.pem.as_str(), ours.pem.as_str()),
        ),
        (
            "another's key",
            trusting().client_certificate(ours.pem.as_str(), other.key.as_str()),
        ),
    ] {
        let error = builder.build().unwrap_err();
        assert!(
            matches!(error, OpaConfigError::Certificate { .. }),
            "{what}: {error}"
        );
    }
}
