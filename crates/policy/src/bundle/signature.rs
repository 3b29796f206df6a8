//! The signature of a bundle: a token over the digest of every file, as OPA writes and reads it.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kitelogik_core::json;
use kitelogik_core::text::visible;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::archive::File;
use super::{BundleError, SigningKey, VerifyingKey, canonical};
use crate::document::{self, Format};

const DEFAULT_DIGEST: &str = "SHA-256";
/// OPA's own way to sign, as `opa build` names it.
const DEFAULT_PLUGIN: &str = "_default";
const MAX_DEPTH: usize = 8;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signatures {
    #[serde(default)]
    signatures: Vec<String>,
    #[serde(default)]
    plugin: String,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    crit: Option<Vec<String>>,
    #[serde(default)]
    b64: Option<bool>,
}

#[derive(Deserialize)]
struct Payload {
    files: Vec<SignedFile>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    exp: Option<f64>,
}

#[derive(Serialize, Deserialize)]
struct SignedFile {
    name: String,
    hash: String,
    algorithm: String,
}

/// The text of `.signatures.json` for `files`.
pub(super) fn sign(files: &[File], key: &SigningKey) -> Result<String, BundleError> {
    let mut signed = Vec::new();
    for file in files {
        let hash = digest(file, DEFAULT_DIGEST)
            .map_err(|problem| BundleError::refused("bundle", problem))?;
        signed.push(SignedFile {
            name: file.path.clone(),
            hash,
            algorithm: DEFAULT_DIGEST.to_owned(),
        });
    }
    let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = encode(json!({"alg": key.algorithm(), "kid": key.id(), "typ": "JWT"}));
    let payload = encode(json!({"files": signed, "keyid": key.id()}));
    let message = format!("{header}.{payload}");
    let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes())?);
    Ok(json!({"signatures": [format!("{message}.{signature}")]}).to_string() + "\n")
}

/// Checks that `text` is a signature by `key` over exactly these files; what is wrong, if not.
pub(super) fn verify(text: &str, files: &[File], key: &VerifyingKey) -> Result<(), String> {
    let signatures: Signatures = strict(text)
        .map_err(|error| format!("has a `.signatures.json` that cannot be read: {error}"))?;
    if !["", DEFAULT_PLUGIN].contains(&signatures.plugin.as_str()) {
        return Err(format!(
            "was signed by the plugin `{}`, which is not known here",
            visible(&signatures.plugin)
        ));
    }
    let [token] = signatures.signatures.as_slice() else {
        return Err(format!(
            "has {} signatures; exactly one is expected",
            signatures.signatures.len()
        ));
    };
    let payload = open(token, key)?;
    let mut wanted: BTreeMap<&str, &SignedFile> = BTreeMap::new();
    for file in &payload.files {
        if wanted.insert(&file.name, file).is_some() {
            return Err(format!(
                "was signed with `{}` given twice",
                visible(&file.name)
            ));
        }
    }
    for file in files {
        let Some(signed) = wanted.remove(file.path.as_str()) else {
            return Err(format!("holds `{}`, which was not signed", file.path));
        };
        if digest(file, &signed.algorithm)? != signed.hash.to_ascii_lowercase() {
            return Err(format!(
                "holds `{}`, which was changed after it was signed",
                file.path
            ));
        }
    }
    if let Some(missing) = wanted.keys().next() {
        return Err(format!("lacks `{}`, which was signed", visible(missing)));
    }
    Ok(())
}

/// What the token says, if `key` signed it.
fn open(token: &str, key: &VerifyingKey) -> Result<Payload, String> {
    const NO_TOKEN: &str = "has a signature that is no token";
    let (message, signature) = token.rsplit_once('.').ok_or(NO_TOKEN)?;
    let (header, payload) = message.split_once('.').ok_or(NO_TOKEN)?;
    let decode = |part: &str| {
        URL_SAFE_NO_PAD
            .decode(part)
            .map_err(|_| NO_TOKEN.to_owned())
    };
    let text = |part: &str| String::from_utf8(decode(part)?).map_err(|_| NO_TOKEN.to_owned());
    let header: Header = strict(&text(header)?).map_err(|_| NO_TOKEN)?;
    if header.alg != key.algorithm() {
        return Err(format!(
            "was signed with {}, and the key is for {}",
            visible(&header.alg),
            key.algorithm()
        ));
    }
    if header.crit.is_some() || header.b64.is_some() {
        return Err("has a signature with extensions that are not known here".to_owned());
    }
    if !key.verifies(message.as_bytes(), &decode(signature)?) {
        return Err("has a signature that was not made with this key, or was changed".to_owned());
    }
    // Read only what is known to be the signer's.
    let payload: Payload = strict(&text(payload)?)
        .map_err(|error| format!("has a signature that cannot be read: {error}"))?;
    if !payload.scope.is_empty() {
        return Err(format!(
            "was signed for the scope `{}`, and none is expected",
            visible(&payload.scope)
        ));
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(f64::INFINITY, |time| time.as_secs_f64());
    if payload.exp.is_some_and(|end| end <= now) {
        return Err("has a signature that has expired".to_owned());
    }
    Ok(payload)
}

/// Lower-case hexadecimal digits.
fn digest(file: &File, algorithm: &str) -> Result<String, String> {
    let canonical = canonical_text(file)?;
    let bytes = canonical.as_deref().unwrap_or(&file.text).as_bytes();
    let digest = match algorithm {
        "SHA-256" => Sha256::digest(bytes).to_vec(),
        "SHA-384" => Sha384::digest(bytes).to_vec(),
        "SHA-512" => Sha512::digest(bytes).to_vec(),
        other => {
            return Err(format!(
                "was signed with `{}` digests; SHA-256, SHA-384 and SHA-512 are taken",
                visible(other)
            ));
        }
    };
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The text that counts of a file that is read as a document.
fn canonical_text(file: &File) -> Result<Option<String>, String> {
    let base = file.path.rsplit('/').next().unwrap_or_default();
    let read =
        |format| document::parse(&file.path, &file.text, format).map_err(|error| error.to_string());
    match base {
        "data.json" | ".manifest" => {
            read(Format::Json)?;
            Ok(Some(canonical::of_text(&file.text)))
        }
        "data.yaml" | "data.yml" => {
            let document = read(Format::Yaml)?;
            Ok(Some(canonical::of_text(&document.value.to_string())))
        }
        _ => Ok(None),
    }
}

fn strict<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    let value = json::parse(text, MAX_DEPTH).map_err(|error| error.to_string())?;
    serde_json::from_value(value).map_err(|error| error.to_string())
}
