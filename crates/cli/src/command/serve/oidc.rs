//! `kitelogik serve --oidc-…`.

use std::env;
use std::path::PathBuf;

use clap::Args;
use kitelogik_web::{Oidc, ReviewerFile};

use super::protected;
use crate::answer::{Failure, Outcome};

/// Where the client secret is, if it is in no file: arguments are seen by every process of the machine.
const SECRET_VARIABLE: &str = "KITELOGIK_OIDC_CLIENT_SECRET";

/// How long a client secret may be, in bytes.
const MAX_SECRET: u64 = 4096;

/// Sign-in at an OpenID provider.
#[derive(Args, Debug)]
#[command(next_help_heading = "Sign-in at an OpenID provider")]
pub(super) struct OidcArguments {
    /// The provider, as in `https://accounts.example.com`; register ORIGIN/sign-in/oidc/callback there
    #[arg(long = "oidc-issuer", value_name = "URL", requires_all = ["client_id", "reviewers"])]
    issuer: Option<String>,
    /// What the provider knows this server by
    #[arg(long = "oidc-client-id", value_name = "ID", requires = "issuer")]
    client_id: Option<String>,
    /// The file with the client secret; else it is taken from KITELOGIK_OIDC_CLIENT_SECRET. With neither, a public client
    #[arg(
        long = "oidc-client-secret-file",
        value_name = "FILE",
        requires = "issuer"
    )]
    client_secret_file: Option<PathBuf>,
    /// The file that says who of the provider's people may sign in, as what
    #[arg(long = "oidc-reviewers", value_name = "FILE", requires = "issuer")]
    reviewers: Option<PathBuf>,
    /// The claim that people are named by, as sessions' principals are; `email` counts only when verified
    #[arg(
        long = "oidc-name-claim",
        value_name = "CLAIM",
        default_value = "email",
        requires = "issuer"
    )]
    name_claim: String,
    /// What is asked for besides `openid`; may be repeated. Default: `email` and `profile`
    #[arg(long = "oidc-scope", value_name = "SCOPE", requires = "issuer")]
    scopes: Vec<String>,
}

impl OidcArguments {
    /// The sign-in that they ask for, if any.
    pub(super) fn sign_in(&self) -> Outcome<Option<Oidc>> {
        let (Some(issuer), Some(client_id), Some(reviewers)) =
            (&self.issuer, &self.client_id, &self.reviewers)
        else {
            return Ok(None);
        };
        let reviewers = ReviewerFile::new(reviewers);
        // As with tokens: what is wrong with the file is told now, not to the first who signs in.
        reviewers.rules().map_err(Failure::new)?;
        let mut oidc = Oidc::new(issuer, client_id, reviewers)
            .map_err(Failure::new)?
            .name_claim(&self.name_claim);
        if !self.scopes.is_empty() {
            oidc = oidc.scopes(&self.scopes);
        }
        if let Some(secret) = self.secret()? {
            oidc = oidc.client_secret(secret);
        }
        Ok(Some(oidc))
    }

    fn secret(&self) -> Outcome<Option<String>> {
        let Some(path) = &self.client_secret_file else {
            return match env::var(SECRET_VARIABLE) {
                Ok(secret) if !secret.is_empty() => Ok(Some(secret)),
                Ok(_) | Err(env::VarError::NotPresent) => Ok(None),
                Err(error) => Err(Failure::new(format_args!("{SECRET_VARIABLE}: {error}"))),
            };
        };
        let secret = protected::read(path, MAX_SECRET)?;
        let secret = secret.trim_end_matches(['\r', '\n']);
        if secret.is_empty() {
            return Err(Failure::new(format_args!(
                "`{}` holds no client secret",
                path.display()
            )));
        }
        Ok(Some(secret.to_owned()))
    }
}
