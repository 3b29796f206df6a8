//! Keys that sign.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding, RsaKeyPair,
};
use serde_json::{Value, json};

/// A key with its name.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) algorithm: &'static str,
    pair: Pair,
}

#[derive(Debug)]
enum Pair {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Key {
    /// The key that is published at first.
    pub(crate) fn published() -> Result<Self, String> {
        Self::rsa("RS256", include_bytes!("published.pk8"))
    }

    /// A key that is published nowhere.
    pub(crate) fn other() -> Result<Self, String> {
        Self::rsa("RS256", include_bytes!("other.pk8"))
    }

    pub(crate) fn new(algorithm: &str) -> Result<Self, String> {
        match algorithm {
            "RS256" => Self::rsa("RS256", include_bytes!("other.pk8")),
            "PS256" => Self::rsa("PS256", include_bytes!("other.pk8")),
            "ES256" => Self::ecdsa("ES256", &ECDSA_P256_SHA256_FIXED_SIGNING),
            "ES384" => Self::ecdsa("ES384", &ECDSA_P384_SHA384_FIXED_SIGNING),
            "EdDSA" => Self::ed25519(),
            other => Err(format!("there is no key for `{other}`")),
        }
    }

    fn rsa(algorithm: &'static str, document: &[u8]) -> Result<Self, String> {
        let pair = RsaKeyPair::from_pkcs8(document).map_err(|error| error.to_string())?;
        Self::named(algorithm, Pair::Rsa(pair))
    }

    fn ecdsa(
        algorithm: &'static str,
        signing: &'static EcdsaSigningAlgorithm,
    ) -> Result<Self, String> {
        let random = SystemRandom::new();
        let document =
            EcdsaKeyPair::generate_pkcs8(signing, &random).map_err(|error| error.to_string())?;
        let pair = EcdsaKeyPair::from_pkcs8(signing, document.as_ref(), &random);
        Self::named(
            algorithm,
            Pair::Ecdsa(pair.map_err(|error| error.to_string())?),
        )
    }

    fn ed25519() -> Result<Self, String> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|error| error.to_string())?;
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref());
        Self::named(
            "EdDSA",
            Pair::Ed25519(pair.map_err(|error| error.to_string())?),
        )
    }

    fn named(algorithm: &'static str, pair: Pair) -> Result<Self, String> {
        Ok(Self {
            name: random()?,
            algorithm,
            pair,
        })
    }

    pub(crate) fn sign(&self, text: &str) -> Result<Vec<u8>, String> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let padding: &'static dyn RsaEncoding = if self.algorithm == "PS256" {
                    &RSA_PSS_SHA256
                } else {
                    &RSA_PKCS1_SHA256
                };
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(padding, &random, text.as_bytes(), &mut signature)
                    .map_err(|error| error.to_string())?;
                Ok(signature)
            }
            Pair::Ecdsa(pair) => pair
                .sign(&random, text.as_bytes())
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|error| error.to_string()),
            Pair::Ed25519(pair) => Ok(pair.sign(text.as_bytes()).as_ref().to_vec()),
        }
    }

    /// The public half, as others may know it.
    pub(crate) fn public(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ecdsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// The public half, as it is published.
    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "n": encoded(public.n), "e": encoded(public.e)})
            }
            Pair::Ecdsa(pair) => {
                // One byte that says "not compressed", then both coordinates.
                let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
                let (x, y) = point.split_at(point.len() / 2);
                let curve = if self.algorithm == "ES256" {
                    "P-256"
                } else {
                    "P-384"
                };
                json!({"kty": "EC", "crv": curve, "x": encoded(x), "y": encoded(y)})
            }
            Pair::Ed25519(pair) => json!({
                "kty": "OKP", "crv": "Ed25519", "x": encoded(pair.public_key().as_ref()),
            }),
        };
        if let Some(jwk) = jwk.as_object_mut() {
            jwk.insert("use".to_owned(), json!("sig"));
            jwk.insert("alg".to_owned(), json!(self.algorithm));
            jwk.insert("kid".to_owned(), json!(self.name));
        }
        jwk
    }
}

pub(crate) fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// 128 random bits as text.
pub(crate) fn random() -> Result<String, String> {
    let mut bytes = [0_u8; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|error| error.to_string())?;
    Ok(encoded(bytes))
}
