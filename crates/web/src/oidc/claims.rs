//! What an ID token says of a person.

use kitelogik_core::text::is_hidden;
use serde_json::{Map, Value};

use super::refusal::Refusal;

/// How long a person's name may be, in bytes: an e-mail address is shorter.
const MAX_NAME: usize = 254;

/// The claims of an ID token that was verified.
#[derive(Clone, Debug)]
pub(super) struct Claims(Value);

impl Claims {
    pub(super) fn new(claims: Map<String, Value>) -> Self {
        Self(Value::Object(claims))
    }

    /// A claim by its name, or by a JSON pointer. An e-mail address that the provider has not verified is none: anybody can
    /// say that they have it.
    pub(super) fn get(&self, claim: &str) -> Option<&Value> {
        let found = if claim.starts_with('/') {
            self.0.pointer(claim)
        } else {
            self.0.get(claim)
        };
        let is_email = claim.trim_start_matches('/') == "email";
        let is_verified = self.0.get("email_verified") == Some(&Value::Bool(true));
        found.filter(|_| !is_email || is_verified)
    }

    /// Whether a claim is this text, or a list with it.
    pub(super) fn has(&self, claim: &str, value: &str) -> bool {
        match self.get(claim) {
            Some(Value::String(own)) => own == value,
            Some(Value::Array(own)) => own.iter().any(|own| own.as_str() == Some(value)),
            _ => false,
        }
    }

    /// The person's name, by this claim.
    pub(super) fn name(&self, claim: &str) -> Result<String, Refusal> {
        let name = self
            .get(claim)
            .and_then(Value::as_str)
            .ok_or_else(|| Refusal::Nameless(claim.to_owned()))?;
        let is_name = !name.is_empty()
            && name.len() <= MAX_NAME
            && name.trim() == name
            && !name.chars().any(is_hidden);
        if is_name {
            Ok(name.to_owned())
        } else {
            Err(Refusal::Nameless(claim.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(claims: Value) -> Claims {
        Claims(claims)
    }

    #[test]
    fn an_address_counts_only_when_it_is_verified() {
        for unverified in [
            json!({"email": "ann@example.com"}),
            json!({"email": "ann@example.com", "email_verified": false}),
            json!({"email": "ann@example.com", "email_verified": "true"}),
            json!({"email": "ann@example.com", "email_verified": 1}),
        ] {
            let claims = claims(unverified);
            assert!(claims.name("email").is_err() && claims.name("/email").is_err());
            assert!(!claims.has("email", "ann@example.com"));
            assert!(!claims.has("/email", "ann@example.com"));
        }
        let verified = claims(json!({"email": "ann@example.com", "email_verified": true}));
        assert_eq!(verified.name("email").unwrap(), "ann@example.com");
    }

    #[test]
    fn a_claim_is_a_text_or_a_list_and_nothing_like_it() {
        let claims = claims(json!({
            "groups": ["a", 1], "one": "a", "number": 1, "realm": {"roles": ["a"]}, "https://x.example/roles": ["a"],
        }));
        for claim in ["groups", "one", "/realm/roles", "https://x.example/roles"] {
            assert!(claims.has(claim, "a"), "{claim}");
            assert!(!claims.has(claim, "A") && !claims.has(claim, ""), "{claim}");
        }
        assert!(!claims.has("groups", "1") && !claims.has("number", "1"));
        assert!(!claims.has("realm", "a") && !claims.has("none", ""));
    }

    #[test]
    fn a_name_that_hides_something_is_none() {
        for name in ["", " ann", "ann ", "a\u{200b}nn", "ann\u{202e}", "a\nnn"] {
            assert!(
                claims(json!({"sub": name})).name("sub").is_err(),
                "{name:?}"
            );
        }
        assert!(claims(json!({"sub": "a".repeat(255)})).name("sub").is_err());
        assert!(claims(json!({"sub": 7})).name("sub").is_err());
    }
}
