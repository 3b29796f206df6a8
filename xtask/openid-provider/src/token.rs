//! ID tokens, and what can be wrong with them.

use std::time::{SystemTime, UNIX_EPOCH};

use ring::hmac;
use serde_json::{Map, Value, json};

use crate::codes::Grant;
use crate::fault::Fault;
use crate::key::{Key, encoded};
use crate::{Shared, State};

/// The ID token for a grant; none where the fault wants that.
pub(crate) fn id_token(shared: &Shared, grant: &Grant) -> Result<Option<String>, String> {
    let state = shared.state();
    let payload = Value::Object(claims(shared, &state, grant)).to_string();
    let payload = encoded(payload);
    let header = |algorithm: &str, name: &str| {
        encoded(json!({"alg": algorithm, "typ": "JWT", "kid": name}).to_string())
    };
    let key = &state.key;
    let signed = |key: &Key, name: &str| -> Result<String, String> {
        let text = format!("{}.{payload}", header(key.algorithm, name));
        Ok(format!("{text}.{}", encoded(key.sign(&text)?)))
    };
    let token = match state.fault {
        Fault::NoIdToken => return Ok(None),
        Fault::AlgorithmNone => format!("{}.{payload}.", header("none", &key.name)),
        Fault::SecretIsPublicKey => {
            let text = format!("{}.{payload}", header("HS256", &key.name));
            authenticated(&text, &key.public())
        }
        Fault::SecretIsClients => {
            let secret = shared.secret.as_deref().unwrap_or_default();
            let text = format!("{}.{payload}", header("HS256", &key.name));
            authenticated(&text, secret.as_bytes())
        }
        Fault::OtherKey => signed(&Key::other()?, &key.name)?,
        Fault::UnpublishedKey => signed(&Key::other()?, "unpublished")?,
        Fault::Changed => {
            let token = signed(key, &key.name)?;
            let changed = encoded(json!({"sub": "mallory"}).to_string());
            token.replace(&payload, &changed)
        }
        Fault::OtherType => {
            let kind = json!({"alg": key.algorithm, "typ": "at+jwt", "kid": key.name});
            let text = format!("{}.{payload}", encoded(kind.to_string()));
            format!("{text}.{}", encoded(key.sign(&text)?))
        }
        _ => signed(key, &key.name)?,
    };
    Ok(Some(token))
}

fn claims(shared: &Shared, state: &State, grant: &Grant) -> Map<String, Value> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let mut claims = Map::new();
    let mut set = |name: &str, value: Value| {
        claims.insert(name.to_owned(), value);
    };
    set("iss", json!(shared.issuer()));
    set("aud", json!(shared.client));
    set("exp", json!(now + 300));
    set("iat", json!(now));
    set("nonce", json!(grant.nonce));
    match state.fault {
        Fault::OtherNonce => set("nonce", json!("another")),
        Fault::OtherAudience => set("aud", json!("another")),
        Fault::MoreAudiences => {
            set("aud", json!([shared.client, "another"]));
            set("azp", json!(shared.client));
        }
        Fault::OtherParty => set("azp", json!("another")),
        Fault::OtherIssuer => set("iss", json!("https://another.example")),
        Fault::Expired(ago) => set("exp", json!(now - ago)),
        Fault::Early(ahead) => set("iat", json!(now + ahead)),
        Fault::NotYet(ahead) => set("nbf", json!(now + ahead)),
        _ => {}
    }
    for (name, value) in grant.person.as_object().into_iter().flatten() {
        claims.insert(name.clone(), value.clone());
    }
    if state.fault == Fault::NoNonce {
        claims.remove("nonce");
    }
    claims
}

fn authenticated(text: &str, secret: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    format!("{text}.{}", encoded(hmac::sign(&key, text.as_bytes())))
}
