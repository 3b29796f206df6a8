//! The provider: where it sends people, and what it says of who comes back.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreErrorResponseType, CoreIdToken,
    CoreIdTokenVerifier, CoreJwsSigningAlgorithm, CoreProviderMetadata,
};
use openidconnect::url::Url;
use openidconnect::{
    AuthType, AuthorizationCode, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet, Nonce,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    StandardErrorResponse,
};
use serde_json::{Map, Value};

use super::back_channel::{BackChannel, BackChannelError};
use super::claims::Claims;
use super::flow::Flow;
use super::refusal::Refusal;
use super::{Oidc, OidcError};

/// How far the provider's clock may be from ours.
const LEEWAY: Duration = Duration::from_secs(60);

/// How long it is believed where the provider sends people; its keys and the rest are asked for at each sign-in.
const METADATA_LIFETIME: Duration = Duration::from_secs(600);

/// How large an ID token may be, in bytes.
const MAX_ID_TOKEN: usize = 64 * 1024;

/// What may sign an ID token: keys of which the provider alone has the private half. No `none`, and no secret that we
/// know, too.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// An OpenID provider.
pub(super) struct Provider {
    config: Oidc,
    channel: BackChannel,
    known: Mutex<Option<(Instant, Arc<CoreProviderMetadata>)>>,
}

impl Provider {
    pub(super) fn new(config: Oidc) -> Result<Self, OidcError> {
        Ok(Self {
            channel: config.channel()?,
            config,
            known: Mutex::default(),
        })
    }

    /// Asks the provider who it is.
    pub(super) async fn check(&self) -> Result<(), Refusal> {
        self.ask().await.map(drop)
    }

    /// Where the browser goes to sign in.
    pub(super) async fn authorization(&self, redirect: &str, flow: &Flow) -> Result<Url, Refusal> {
        let known = self
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let metadata = match known {
            Some((at, metadata)) if at.elapsed() < METADATA_LIFETIME => metadata,
            _ => self.ask().await?,
        };
        let client = self.client(&metadata, redirect)?;
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(
            flow.verifier.clone(),
        ));
        let scopes = self.config.scopes.iter().cloned().map(Scope::new);
        let state = CsrfToken::new(flow.state.clone());
        let nonce = Nonce::new(flow.nonce.clone());
        let (url, _, _) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || state,
                move || nonce,
            )
            .add_scopes(scopes)
            .set_pkce_challenge(challenge)
            .url();
        Ok(url)
    }

    /// Who it is that comes back with this code.
    pub(super) async fn redeem(
        &self,
        redirect: &str,
        code: String,
        flow: &Flow,
    ) -> Result<Claims, Refusal> {
        // Anew, with the keys that count now.
        let metadata = self.ask().await?;
        let client = self.client(&metadata, redirect)?;
        let answer = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|_| Refusal::Provider("it names no token endpoint".to_owned()))?
            .set_pkce_verifier(PkceCodeVerifier::new(flow.verifier.clone()))
            .request_async(&self.channel)
            .await
            .map_err(refused)?;
        let token = answer
            .extra_fields()
            .id_token()
            .ok_or_else(|| Refusal::Unproven("it holds no ID token".to_owned()))?;
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(|| (SystemTime::now() - LEEWAY).into());
        self.verify(token, &verifier, &Nonce::new(flow.nonce.clone()))
    }

    /// The claims of a token, all of it checked.
    fn verify(
        &self,
        token: &CoreIdToken,
        verifier: &CoreIdTokenVerifier<'_>,
        nonce: &Nonce,
    ) -> Result<Claims, Refusal> {
        token
            .claims(verifier, nonce)
            .map_err(|error| Refusal::Unproven(told(&error)))?;
        // What was signed, as it was signed: the crate keeps the claims that it knows only.
        let text = token.to_string();
        if text.len() > MAX_ID_TOKEN {
            return Err(Refusal::Unproven("the ID token is too large".to_owned()));
        }
        let claims: Map<String, Value> = text
            .split('.')
            .nth(1)
            .and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok())
            .and_then(|payload| serde_json::from_slice(&payload).ok())
            .ok_or_else(|| Refusal::Unproven("the ID token cannot be read".to_owned()))?;
        // The crate leaves these to us.
        let party = claims.get("azp");
        if party.is_some_and(|party| party.as_str() != Some(self.config.client_id.as_str())) {
            let problem = "it was made for another client (`azp`)";
            return Err(Refusal::Unproven(problem.to_owned()));
        }
        let latest = SystemTime::now() + LEEWAY;
        let latest = latest.duration_since(UNIX_EPOCH).unwrap_or_default();
        for claim in ["iat", "nbf"] {
            let is_past = match claims.get(claim) {
                None => claim == "nbf",
                Some(time) => time
                    .as_f64()
                    .is_some_and(|time| time <= latest.as_secs_f64()),
            };
            if !is_past {
                let problem = format!("it is from the future (`{claim}`)");
                return Err(Refusal::Unproven(problem));
            }
        }
        Ok(Claims::new(claims))
    }

    async fn ask(&self) -> Result<Arc<CoreProviderMetadata>, Refusal> {
        let asked =
            CoreProviderMetadata::discover_async(self.config.issuer.clone(), &self.channel).await;
        let metadata = asked.map_err(|error| Refusal::Provider(told(&error)))?;
        // The browser is sent there: what goes for our own requests goes for it.
        if !self.channel.allows(metadata.authorization_endpoint().url()) {
            let problem = "its authorization endpoint is not `https`";
            return Err(Refusal::Provider(problem.to_owned()));
        }
        let metadata = Arc::new(metadata);
        let known = (Instant::now(), metadata.clone());
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        Ok(metadata)
    }

    fn client(&self, metadata: &CoreProviderMetadata, redirect: &str) -> Result<Client, Refusal> {
        let redirect = RedirectUrl::new(redirect.to_owned())
            .map_err(|error| Refusal::Provider(told(&error)))?;
        let client = CoreClient::from_provider_metadata(
            metadata.clone(),
            self.config.client_id.clone(),
            self.config.client_secret.clone(),
        )
        .set_redirect_uri(redirect);
        // In a header, as the default is, unless the provider takes it in the form alone.
        let methods = metadata.token_endpoint_auth_methods_supported();
        let by_form = methods.is_some_and(|methods| {
            methods.contains(&CoreClientAuthMethod::ClientSecretPost)
                && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
        });
        Ok(if by_form {
            client.set_auth_type(AuthType::RequestBody)
        } else {
            client
        })
    }
}

/// What the token endpoint answers instead of tokens.
type CodeError = RequestTokenError<BackChannelError, StandardErrorResponse<CoreErrorResponseType>>;

/// Why a code was not taken.
fn refused(error: CodeError) -> Refusal {
    match &error {
        RequestTokenError::ServerResponse(said) => {
            Refusal::Provider(Refusal::cut(&format!("it refuses the code: {said}")))
        }
        _ => Refusal::Provider(told(&error)),
    }
}

/// An error with its reasons, cut: they can hold what the provider sent.
fn told(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    Refusal::cut(&text)
}
