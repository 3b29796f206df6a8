//! Signing in at an OpenID provider: the authorization code flow with PKCE.

mod back_channel;
mod claims;
mod flow;
mod provider;
mod refusal;
mod reviewers;
mod sign_ins;

use std::fmt;
use std::time::Duration;

use openidconnect::url::Url;
use openidconnect::{ClientId, ClientSecret, IssuerUrl};

use self::back_channel::{BackChannel, is_loopback};
use self::provider::Provider;
pub(crate) use self::refusal::Refusal;
pub use self::reviewers::{ReviewerFile, ReviewerFileError, ReviewerRule, RuleTenants};
pub(crate) use self::sign_ins::{Answer, Ended, FLOW_LIFETIME, SetUpError, SignIns, SignedIn};

/// Where the provider sends the browser back to, on the server's own origin.
pub(crate) const CALLBACK: &str = "/sign-in/oidc/callback";

/// Sign-in at an OpenID provider (OpenID Connect Core 1.0, authorization code flow), for
/// [`ServerBuilder::oidc`](crate::ServerBuilder::oidc).
///
/// At the provider, register a web client with the redirect URI `ORIGIN/sign-in/oidc/callback`. Who may sign in, as
/// what, a [`ReviewerFile`] says: that somebody has an account at the provider lets nobody in.
///
/// # What holds
///
/// * State, nonce and the verifier of PKCE (S256) are of one browser, by a cookie; a sign-in can be ended once,
///   within ten minutes.
/// * The ID token is signed by a key that the provider publishes *then* (the keys are asked for at each sign-in, so
///   that rotation and withdrawal count at once), by RSA (PKCS #1 or PSS, SHA-256 to SHA-512), ECDSA (P-256, P-384) or Ed25519;
///   never by `none` or a shared secret. `iss`, `aud` (no others), `azp` where there is one, `exp`, `iat`, `nbf` and
///   `nonce` are checked, with 60 seconds for clocks that differ.
/// * The provider is spoken to by `https`, and by `http` only on loopback. A request to it may take 10 seconds and its
///   answer 256 KiB; redirects are not followed and no proxy is used.
/// * A provider that does not answer, or says something else, lets nobody in. Tokens and links go on.
/// * A session lasts as any other, and ends before when the file names the person no more. The provider's own sessions
///   are its affair: who signs out here may get in again there without being asked.
///
/// Claims are read from the ID token alone.
#[derive(Clone)]
#[must_use]
pub struct Oidc {
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: Option<ClientSecret>,
    scopes: Vec<String>,
    name_claim: String,
    reviewers: ReviewerFile,
    timeout: Duration,
}

/// Why nobody can sign in at a provider.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OidcError {
    /// The issuer is no URL of a provider.
    #[error("`{issuer}` is no issuer: {problem}")]
    Issuer {
        /// The text as it was given.
        issuer: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The client's id is empty.
    #[error("the client id of the OpenID provider is empty")]
    ClientId,
    /// The file of reviewers cannot be used.
    #[error(transparent)]
    Reviewers(#[from] ReviewerFileError),
    /// The system's certificates cannot be used.
    #[error("the system's certificates cannot be used: {problem}")]
    Tls {
        /// What the verifier says.
        problem: String,
    },
    /// The provider does not answer as one.
    #[error("nobody can sign in at `{issuer}` at present: {problem}")]
    Provider {
        /// The issuer.
        issuer: String,
        /// What it said, or that it said nothing.
        problem: String,
    },
}

impl Oidc {
    /// Sign-in at `issuer`, as in `https://accounts.example.com`, where this server is known as `client_id`.
    ///
    /// # Errors
    ///
    /// The issuer is no `https://` URL (`http://` is for loopback), or the client id is empty.
    pub fn new(
        issuer: &str,
        client_id: impl Into<String>,
        reviewers: ReviewerFile,
    ) -> Result<Self, OidcError> {
        let wrong = |problem| OidcError::Issuer {
            issuer: issuer.to_owned(),
            problem,
        };
        let url = IssuerUrl::new(issuer.to_owned())
            .map_err(|_| wrong("write a URL as in `https://accounts.example.com`"))?;
        let parts = url.url();
        let is_plain = parts.username().is_empty() && parts.password().is_none();
        if !is_plain || parts.query().is_some() || parts.fragment().is_some() {
            return Err(wrong("it has a user, a query or a fragment"));
        }
        match parts.scheme() {
            "https" => {}
            "http" if is_loopback(parts) => {}
            _ => return Err(wrong("it is not `https` (`http` is for loopback)")),
        }
        let client_id = client_id.into();
        if client_id.is_empty() {
            return Err(OidcError::ClientId);
        }
        Ok(Self {
            issuer: url,
            client_id: ClientId::new(client_id),
            client_secret: None,
            scopes: vec!["email".to_owned(), "profile".to_owned()],
            name_claim: "email".to_owned(),
            reviewers,
            timeout: Duration::from_secs(10),
        })
    }

    /// The secret of a confidential client. Default: none, as for a public client, which PKCE alone protects.
    pub fn client_secret(mut self, secret: impl Into<String>) -> Self {
        self.client_secret = Some(ClientSecret::new(secret.into()));
        self
    }

    /// What is asked for besides `openid`. Default: `email` and `profile`.
    pub fn scopes<I>(mut self, scopes: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// The claim that a person is named by, in the record and where it is asked whether they asked for the call
    /// themselves. Default: `email`.
    ///
    /// Name the one that the host names sessions' principals by, or a person could approve their own call under
    /// another name. It must be one that people cannot choose for themselves. `email` counts only with an
    /// `email_verified` of true: without it, nobody is let in under that address, nor under another name instead.
    /// One that begins with `/` is a JSON pointer into the claims.
    pub fn name_claim(mut self, claim: impl Into<String>) -> Self {
        self.name_claim = claim.into();
        self
    }

    /// How long one request to the provider may take. Default: 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The provider's name, as it was given.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    /// Asks the provider who it is, to tell early what nobody could sign in with.
    ///
    /// # Errors
    ///
    /// It does not answer, or not as this provider.
    pub async fn check(&self) -> Result<(), OidcError> {
        let provider = Provider::new(self.clone())?;
        provider
            .check()
            .await
            .map_err(|refusal| OidcError::Provider {
                issuer: self.issuer.to_string(),
                problem: refusal.to_string(),
            })
    }

    fn channel(&self) -> Result<BackChannel, OidcError> {
        BackChannel::new(self.issuer.url(), self.timeout)
    }

    /// What people know the provider by.
    fn host(&self) -> String {
        Url::host_str(self.issuer.url())
            .unwrap_or_default()
            .to_owned()
    }
}

impl fmt::Debug for Oidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oidc")
            .field("issuer", &self.issuer.as_str())
            .field("client_id", &self.client_id.as_str())
            .field("reviewers", &self.reviewers)
            .finish_non_exhaustive()
    }
}
