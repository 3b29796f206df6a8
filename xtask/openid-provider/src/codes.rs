//! Codes that are good for tokens.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ring::digest;
use serde_json::Value;

use crate::key::{encoded, random};
use crate::wire::Fields;

/// What a code stands for.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) redirect: String,
    pub(crate) nonce: String,
    pub(crate) challenge: String,
    pub(crate) person: Value,
}

/// Codes that were given out and not yet taken back.
#[derive(Debug, Default)]
pub(crate) struct Codes(Mutex<HashMap<String, Grant>>);

impl Codes {
    pub(crate) fn give(&self, grant: Grant) -> Result<String, String> {
        let code = random()?;
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        codes.insert(code.clone(), grant);
        Ok(code)
    }

    /// What a token request may have, if all of it fits. A code is gone then, unless `keep`.
    pub(crate) fn take(&self, request: &Fields, keep: bool) -> Option<Grant> {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let code = request.get("code")?;
        let grant = if keep {
            codes.get(code).cloned()?
        } else {
            codes.remove(code)?
        };
        let verifier = request.get("code_verifier")?;
        let challenge = encoded(digest::digest(&digest::SHA256, verifier.as_bytes()));
        let fits = request.get("grant_type")? == "authorization_code"
            && request.get("redirect_uri")? == grant.redirect
            && challenge == grant.challenge;
        fits.then_some(grant)
    }
}
