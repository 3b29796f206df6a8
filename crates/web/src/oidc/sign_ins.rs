//! Sign-ins at a provider, from the button to the session.

use std::time::Duration;

use openidconnect::url::Url;
use tokio::sync::Semaphore;

use super::claims::Claims;
use super::flow::Flows;
use super::provider::Provider;
use super::refusal::Refusal;
use super::{CALLBACK, Oidc, OidcError, ReviewerFile, ReviewerFileError};
use crate::identity::Identity;
use crate::origin::Origin;
use crate::secret::NoRandomness;

/// How long somebody may take at the provider.
pub(crate) const FLOW_LIFETIME: Duration = Duration::from_secs(600);

/// How many sign-ins may ask the provider at once, and how long others wait for a place.
const MAX_AT_ONCE: usize = 16;
const PATIENCE: Duration = Duration::from_secs(10);

/// The sign-ins of one server at one provider.
pub(crate) struct SignIns {
    provider: Provider,
    flows: Flows,
    host: String,
    issuer: String,
    name_claim: String,
    reviewers: ReviewerFile,
    places: Semaphore,
}

/// Somebody whom the provider named. Whether they may sign in is another question: see [`SignIns::identity`].
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    name: String,
    claims: Claims,
}

/// What the provider's answer holds, as the browser brings it.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct Answer {
    #[serde(default)]
    state: String,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// A sign-in that has begun: what the browser keeps, and where it goes.
pub(crate) struct Begun {
    pub(crate) cookie: String,
    pub(crate) url: Url,
}

/// A sign-in that has ended well.
pub(crate) struct Ended {
    pub(crate) who: SignedIn,
    /// Where the person wanted to go.
    pub(crate) next: String,
}

impl SignedIn {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl SignIns {
    pub(crate) fn new(config: Oidc) -> Result<Self, SetUpError> {
        config.reviewers.rules().map_err(OidcError::from)?;
        Ok(Self {
            flows: Flows::new(FLOW_LIFETIME)?,
            host: config.host(),
            issuer: config.issuer().to_owned(),
            name_claim: config.name_claim.clone(),
            reviewers: config.reviewers.clone(),
            provider: Provider::new(config)?,
            places: Semaphore::new(MAX_AT_ONCE),
        })
    }

    /// What people know the provider by.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Begins a sign-in of somebody who reached us under `origin` and wants to go to `next`.
    pub(crate) async fn begin(&self, origin: &Origin, next: &str) -> Result<Begun, Refusal> {
        let flow = self.flows.begin(next)?;
        let _place = self.place().await?;
        let url = self
            .provider
            .authorization(&redirect(origin), &flow)
            .await?;
        Ok(Begun {
            cookie: flow.cookie,
            url,
        })
    }

    /// Ends the sign-in of the browser with this cookie.
    pub(crate) async fn end(
        &self,
        origin: &Origin,
        cookie: &str,
        answer: Answer,
    ) -> Result<Ended, Refusal> {
        // Before all else: what others make a browser bring here is neither believed nor shown.
        let flow = self
            .flows
            .end(cookie, &answer.state)
            .ok_or(Refusal::NotBegun)?;
        if answer.iss.is_some_and(|iss| iss != self.issuer) {
            return Err(Refusal::Unproven("it is from another issuer".to_owned()));
        }
        if let Some(error) = answer.error {
            let said = match answer.error_description {
                Some(description) => format!("{error}: {description}"),
                None => error,
            };
            return Err(Refusal::Refused(Refusal::cut(&said)));
        }
        let code = answer
            .code
            .filter(|code| !code.is_empty())
            .ok_or_else(|| Refusal::Unproven("there is no code in it".to_owned()))?;
        let place = self.place().await?;
        let claims = self.provider.redeem(&redirect(origin), code, &flow).await?;
        drop(place);
        let name = claims.name(&self.name_claim)?;
        Ok(Ended {
            who: SignedIn { name, claims },
            next: flow.next,
        })
    }

    /// Who this is here, as the file of reviewers says now; none where it names them no more.
    ///
    /// # Errors
    ///
    /// The file cannot be read, and so nobody can tell.
    pub(crate) fn identity(&self, who: &SignedIn) -> Result<Option<Identity>, ReviewerFileError> {
        self.reviewers.identity(&who.name, &who.claims)
    }

    async fn place(&self) -> Result<tokio::sync::SemaphorePermit<'_>, Refusal> {
        match tokio::time::timeout(PATIENCE, self.places.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(Refusal::Busy),
        }
    }
}

/// Where the provider sends the browser back to.
fn redirect(origin: &Origin) -> String {
    format!("{origin}{CALLBACK}")
}

/// Why there are no sign-ins.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetUpError {
    #[error(transparent)]
    Oidc(#[from] OidcError),
    #[error(transparent)]
    Random(#[from] NoRandomness),
}
