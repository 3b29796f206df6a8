use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;

use super::OpaConfigError;
use super::address::Address;
use super::connector::Tls;

/// A client certificate with its key, both PEM.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) certificates: Vec<u8>,
    pub(super) key: Vec<u8>,
}

/// How TLS is spoken to the server at `address`, if it is.
pub(super) fn of(
    address: &Address,
    ca: Option<&[u8]>,
    identity: Option<&Identity>,
) -> Result<Option<Tls>, OpaConfigError> {
    let invalid = |problem| OpaConfigError::BaseUrl {
        url: address.to_string(),
        problem,
    };
    if !address.is_https() {
        // They would be ignored, and whoever gave them believes that the server is checked.
        return match (ca, identity) {
            (None, None) => Ok(None),
            _ => Err(invalid(
                "is `http`, but certificates are given, which need `https`",
            )),
        };
    }
    let server = ServerName::try_from(address.host().to_owned())
        .map_err(|_| invalid("has a host that no certificate can name"))?;
    let config = config(ca, identity)?;
    Ok(Some(Tls {
        connector: TlsConnector::from(Arc::new(config)),
        server,
    }))
}

/// TLS 1.2 and 1.3, HTTP/1.1 only.
///
/// With `ca` its certificates are trusted and no others; without, those of the system. The
/// cryptography is named here instead of left to the process's default, which any other crate may
/// have set or left unset.
fn config(ca: Option<&[u8]>, identity: Option<&Identity>) -> Result<ClientConfig, OpaConfigError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("TLS set-up", error))?;
    let trusting = match ca {
        Some(pem) => versions.with_root_certificates(roots(pem)?),
        None => {
            let system = Verifier::new(provider)
                .map_err(|error| unusable("system's CA certificates", error))?;
            versions
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(system))
        }
    };
    let mut config = match identity {
        Some(identity) => {
            let certificates = certificates("client certificate", &identity.certificates)?;
            let key = PrivateKeyDer::from_pem_slice(&identity.key)
                .map_err(|error| unusable("client key", error))?;
            trusting
                .with_client_auth_cert(certificates, key)
                .map_err(|error| unusable("client certificate", error))?
        }
        None => trusting.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn roots(pem: &[u8]) -> Result<RootCertStore, OpaConfigError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("CA certificate", pem)? {
        roots
            .add(certificate)
            .map_err(|error| unusable("CA certificate", error))?;
    }
    Ok(roots)
}

fn certificates(
    what: &'static str,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, OpaConfigError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| unusable(what, error))?;
    if certificates.is_empty() {
        return Err(unusable(what, "there is no certificate in the PEM text"));
    }
    Ok(certificates)
}

fn unusable(what: &'static str, problem: impl ToString) -> OpaConfigError {
    OpaConfigError::Certificate {
        what,
        problem: problem.to_string(),
    }
}
