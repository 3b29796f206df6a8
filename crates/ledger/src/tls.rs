//! TLS as both the webhook and the connections to PostgreSQL have it.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

/// TLS 1.2 and 1.3. A server must show a certificate for the name that it was called by, from one of
/// `authorities` (PEM) and no other, or without them from one that the system trusts.
///
/// What cannot be used is said as a text. The cryptography is named here instead of left to the process's
/// default, which any other crate may have set or left unset.
pub(crate) fn config(authorities: Option<&[u8]>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let trusting = match authorities {
        Some(pem) => versions.with_root_certificates(roots(pem)?),
        None => {
            let system = Verifier::new(provider)
                .map_err(|error| format!("the system's CA certificates cannot be used: {error}"))?;
            versions
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(system))
        }
    };
    Ok(trusting.with_no_client_auth())
}

fn roots(pem: &[u8]) -> Result<RootCertStore, String> {
    let unusable =
        |error: &dyn std::fmt::Display| format!("a CA certificate cannot be used: {error}");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    if roots.is_empty() {
        return Err("there is no CA certificate in the PEM text".to_owned());
    }
    Ok(roots)
}
