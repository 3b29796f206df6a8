//! TLS of the server itself.

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// A certificate with its key, for [`ServerBuilder::tls`](crate::ServerBuilder::tls): TLS 1.2 and 1.3. They are read once:
/// when they were renewed, start the server anew.
#[derive(Clone)]
pub struct Tls(Arc<ServerConfig>);

/// Why a certificate and a key are none to serve with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A text is not what it should be.
    #[error("the {what} cannot be used: {problem}")]
    Pem {
        /// `certificate` or `key`.
        what: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The key is not the certificate's, or of a kind that is not spoken.
    #[error("the certificate and the key cannot be used together: {problem}")]
    Pair {
        /// What is wrong.
        problem: String,
    },
}

impl Tls {
    /// Reads a chain of certificates, the server's own first, and its key, both PEM.
    ///
    /// # Errors
    ///
    /// One of them cannot be read, or they do not belong together.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let pem = |what| {
            move |problem: &dyn fmt::Display| TlsError::Pem {
                what,
                problem: problem.to_string(),
            }
        };
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<_, _>>()
            .map_err(|error| pem("certificate")(&error))?;
        if certificates.is_empty() {
            return Err(pem("certificate")(&"there is none in the PEM text"));
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| pem("key")(&error))?;
        let pair = |error: rustls::Error| TlsError::Pair {
            problem: error.to_string(),
        };
        // Named here instead of left to the process's default, which any other crate may have set or left unset.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(pair)?
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .map_err(pair)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.clone())
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}
