//! Keys, and what is signed with them.

use std::fmt;

use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer, alg_id};

use super::BundleError;

/// A shorter secret is easier to guess than the digest it makes.
const MIN_SECRET_BYTES: usize = 32;

/// OPA's name for the key of a bundle where nothing else is said.
const DEFAULT_ID: &str = "default";

/// Signs bundles: a secret (HS256), or a private RSA (RS256) or P-256 (ES256) key.
pub struct SigningKey {
    id: String,
    inner: Signing,
}

enum Signing {
    Secret(hmac::Key),
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
}

impl SigningKey {
    /// Reads a key file: PEM (`PRIVATE KEY`, or `RSA PRIVATE KEY`), or else a secret of at least 32 bytes, every byte
    /// of the file, as OPA takes it.
    ///
    /// # Errors
    ///
    /// [`BundleError::Key`] says what was wrong.
    pub fn read(bytes: &[u8]) -> Result<Self, BundleError> {
        let inner = if !is_pem(bytes) {
            Signing::Secret(secret(bytes)?)
        } else {
            match PrivateKeyDer::from_pem_slice(bytes) {
                Ok(PrivateKeyDer::Pkcs8(der)) => {
                    let der = der.secret_pkcs8_der();
                    let rng = SystemRandom::new();
                    match EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &rng) {
                        Ok(pair) => Signing::Ecdsa(pair),
                        Err(_) => Signing::Rsa(RsaKeyPair::from_pkcs8(der).map_err(|error| {
                            BundleError::key(format!(
                                "is neither a P-256 key nor an RSA key of 2048 bits or more: {error}"
                            ))
                        })?),
                    }
                }
                Ok(PrivateKeyDer::Pkcs1(der)) => Signing::Rsa(
                    RsaKeyPair::from_der(der.secret_pkcs1_der()).map_err(|error| {
                        BundleError::key(format!("is no RSA key of 2048 bits or more: {error}"))
                    })?,
                ),
                Ok(_) => {
                    return Err(BundleError::key(
                        "is an `EC PRIVATE KEY`: turn it into a `PRIVATE KEY` with `openssl pkcs8 -topk8 -nocrypt`",
                    ));
                }
                Err(_) => {
                    return Err(BundleError::key(
                        "is PEM without a private key: signing takes a `PRIVATE KEY`",
                    ));
                }
            }
        };
        Ok(Self {
            id: DEFAULT_ID.to_owned(),
            inner,
        })
    }

    /// The id by which whoever verifies finds the key. Default: `default`, as OPA's.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The algorithm's name in a token: `HS256`, `RS256` or `ES256`.
    pub fn algorithm(&self) -> &'static str {
        match self.inner {
            Signing::Secret(_) => "HS256",
            Signing::Rsa(_) => "RS256",
            Signing::Ecdsa(_) => "ES256",
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, BundleError> {
        let failed = |_| BundleError::key("could not sign");
        let rng = SystemRandom::new();
        match &self.inner {
            Signing::Secret(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
            Signing::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &rng, message, &mut signature)
                    .map_err(failed)?;
                Ok(signature)
            }
            Signing::Ecdsa(pair) => pair
                .sign(&rng, message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(failed),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}

/// Verifies bundles: the same secret (HS256), or a public RSA (RS256) or P-256 (ES256) key.
///
/// The key says which algorithm it is; a bundle's own word on that is only compared with it.
#[derive(Clone)]
pub struct VerifyingKey {
    inner: Verifying,
}

#[derive(Clone)]
enum Verifying {
    Secret(hmac::Key),
    Rsa(Vec<u8>),
    Ecdsa(Vec<u8>),
}

impl VerifyingKey {
    /// Reads a key file: PEM (`PUBLIC KEY`), or else a secret of at least 32 bytes, every byte of the file.
    ///
    /// # Errors
    ///
    /// [`BundleError::Key`] says what was wrong.
    pub fn read(bytes: &[u8]) -> Result<Self, BundleError> {
        if !is_pem(bytes) {
            return Ok(Self {
                inner: Verifying::Secret(secret(bytes)?),
            });
        }
        let der = SubjectPublicKeyInfoDer::from_pem_slice(bytes).map_err(|_| {
            BundleError::key("is PEM without a public key: verifying takes a `PUBLIC KEY`, as `openssl pkey -pubout` writes it")
        })?;
        let (algorithm, key) =
            public_key(&der).ok_or_else(|| BundleError::key("is a damaged `PUBLIC KEY`"))?;
        let inner = if algorithm == alg_id::RSA_ENCRYPTION.as_ref() {
            Verifying::Rsa(key.to_vec())
        } else if algorithm == alg_id::ECDSA_P256.as_ref() {
            Verifying::Ecdsa(key.to_vec())
        } else {
            return Err(BundleError::key("is neither an RSA nor a P-256 key"));
        };
        Ok(Self { inner })
    }

    /// The algorithm's name in a token: `HS256`, `RS256` or `ES256`.
    pub fn algorithm(&self) -> &'static str {
        match self.inner {
            Verifying::Secret(_) => "HS256",
            Verifying::Rsa(_) => "RS256",
            Verifying::Ecdsa(_) => "ES256",
        }
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.inner {
            Verifying::Secret(key) => hmac::verify(key, message, signature).is_ok(),
            Verifying::Rsa(key) => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
                .verify(message, signature)
                .is_ok(),
            Verifying::Ecdsa(key) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key)
                .verify(message, signature)
                .is_ok(),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("VerifyingKey")
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}

/// A public key that is taken for a secret would let anybody sign who knows it.
fn is_pem(bytes: &[u8]) -> bool {
    let marker = b"-----BEGIN";
    bytes.windows(marker.len()).any(|window| window == marker)
}

fn secret(bytes: &[u8]) -> Result<hmac::Key, BundleError> {
    if bytes.len() < MIN_SECRET_BYTES {
        return Err(BundleError::key(format!(
            "is a secret of {} bytes: give at least {MIN_SECRET_BYTES}, or a key in PEM",
            bytes.len()
        )));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, bytes))
}

/// The algorithm's identifier and the key of a `SubjectPublicKeyInfo`.
fn public_key(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (outer, rest) = element(der, 0x30)?;
    let (algorithm, after) = element(outer, 0x30)?;
    let (bits, end) = element(after, 0x03)?;
    let (unused, key) = bits.split_first()?;
    (rest.is_empty() && end.is_empty() && *unused == 0).then_some((algorithm, key))
}

/// The content of the DER element with this tag that `der` begins with, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, mut rest) = rest.split_first()?;
    let mut length = usize::from(*first);
    if length > 0x7f {
        let count = length & 0x7f;
        if count == 0 || count > 4 {
            return None;
        }
        let (bytes, after) = rest.split_at_checked(count)?;
        length = bytes
            .iter()
            .fold(0, |length, byte| (length << 8) | usize::from(*byte));
        rest = after;
    }
    (*found == tag).then_some(())?;
    rest.split_at_checked(length)
}
