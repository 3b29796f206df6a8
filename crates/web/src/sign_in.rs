//! Sessions of people who are signed in, one-time links, and the limit on attempts.

use std::collections::HashMap;
use std::fmt::Display;
use std::net::IpAddr;
#[cfg(feature = "oidc")]
use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::identity::Identity;
#[cfg(feature = "oidc")]
use crate::oidc::{SignIns, SignedIn};
use crate::secret::{Digest, NoRandomness, secret};
use crate::token::TokenFile;

/// How many sessions there may be at once; a new one takes the place of the one that ends first.
const MAX_SESSIONS: usize = 1000;

/// How many addresses are watched at once.
const MAX_ADDRESSES: usize = 10_000;

/// How a session was begun, and so what ends it.
#[derive(Clone, Debug)]
enum Origin {
    Link,
    /// With the token of this digest: the session ends when the token does.
    Token(Digest),
    /// At the provider: the session ends when the person is no reviewer any more.
    #[cfg(feature = "oidc")]
    Provider(Arc<SignedIn>),
}

#[derive(Clone, Debug)]
struct Session {
    identity: Identity,
    origin: Origin,
    ends: Instant,
    /// What the next page tells, as in "approved".
    notice: Option<Notice>,
}

/// What came of the last thing that somebody did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) good: bool,
    pub(crate) text: String,
}

/// Who is signed in. Kept in memory: when the server starts anew, all sign in again.
pub(crate) struct Sessions {
    lifetime: Duration,
    tokens: Option<TokenFile>,
    #[cfg(feature = "oidc")]
    oidc: Option<Arc<SignIns>>,
    sessions: Mutex<HashMap<Digest, Session>>,
    links: Mutex<HashMap<Digest, (Identity, Instant)>>,
}

impl Sessions {
    pub(crate) fn new(lifetime: Duration, tokens: Option<TokenFile>) -> Self {
        Self {
            lifetime,
            tokens,
            #[cfg(feature = "oidc")]
            oidc: None,
            sessions: Mutex::default(),
            links: Mutex::default(),
        }
    }

    /// Lets people in whom a provider names.
    #[cfg(feature = "oidc")]
    pub(crate) fn oidc(mut self, oidc: Option<Arc<SignIns>>) -> Self {
        self.oidc = oidc;
        self
    }

    /// How long a session lasts.
    pub(crate) fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// A code that signs `identity` in, once, within `lifetime`.
    pub(crate) fn link(
        &self,
        identity: Identity,
        lifetime: Duration,
    ) -> Result<String, NoRandomness> {
        let code = secret()?;
        let ends = Instant::now() + lifetime;
        locked(&self.links).insert(Digest::of(&code), (identity, ends));
        Ok(code)
    }

    /// Signs in by a one-time code, which is used up. The session's secret, for the cookie.
    pub(crate) fn by_link(&self, code: &str) -> Result<Option<String>, NoRandomness> {
        let taken = locked(&self.links).remove(&Digest::of(code));
        match taken {
            Some((identity, ends)) if Instant::now() < ends => {
                self.begin(identity, Origin::Link).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Signs in by a token.
    pub(crate) async fn by_token(&self, token: &str) -> Result<Option<String>, NoRandomness> {
        let digest = Digest::of(token);
        match self.holder(&digest).await {
            Ok(Some(identity)) => self.begin(identity, Origin::Token(digest)).map(Some),
            Ok(None) | Err(Unknown) => Ok(None),
        }
    }

    /// Signs in who the provider named; none where they may not.
    #[cfg(feature = "oidc")]
    pub(crate) async fn by_provider(&self, who: SignedIn) -> Result<Option<String>, NoRandomness> {
        let who = Arc::new(who);
        match self.reviewer(&who).await {
            Ok(Some(identity)) => self.begin(identity, Origin::Provider(who)).map(Some),
            Ok(None) | Err(Unknown) => Ok(None),
        }
    }

    #[cfg(feature = "oidc")]
    async fn reviewer(&self, who: &Arc<SignedIn>) -> Result<Option<Identity>, Unknown> {
        let Some(oidc) = self.oidc.clone() else {
            return Ok(None);
        };
        let who = who.clone();
        look(move || oidc.identity(&who)).await
    }

    /// Whose token this is.
    pub(crate) async fn bearer(&self, token: &str) -> Option<Identity> {
        self.holder(&Digest::of(token)).await.unwrap_or_default()
    }

    /// Who is signed in with this cookie, as the file says now that lets them in. Where it says that nobody is, the session is
    /// over; where it cannot be read, as while somebody writes it, only this request gets nobody.
    pub(crate) async fn who(&self, cookie: &str) -> Option<Identity> {
        let digest = Digest::of(cookie);
        let session = locked(&self.sessions).get(&digest).cloned()?;
        let found = if Instant::now() < session.ends {
            match &session.origin {
                Origin::Link => Ok(Some(session.identity)),
                Origin::Token(token) => self.holder(token).await,
                #[cfg(feature = "oidc")]
                Origin::Provider(who) => self.reviewer(who).await,
            }
        } else {
            Ok(None)
        };
        match found {
            Ok(Some(identity)) => Some(identity),
            Ok(None) => {
                locked(&self.sessions).remove(&digest);
                None
            }
            Err(Unknown) => None,
        }
    }

    pub(crate) fn end(&self, cookie: &str) {
        locked(&self.sessions).remove(&Digest::of(cookie));
    }

    /// Leaves word for the next page.
    pub(crate) fn tell(&self, cookie: &str, notice: Notice) {
        if let Some(session) = locked(&self.sessions).get_mut(&Digest::of(cookie)) {
            session.notice = Some(notice);
        }
    }

    pub(crate) fn told(&self, cookie: &str) -> Option<Notice> {
        let mut sessions = locked(&self.sessions);
        sessions.get_mut(&Digest::of(cookie))?.notice.take()
    }

    async fn holder(&self, digest: &Digest) -> Result<Option<Identity>, Unknown> {
        let Some(tokens) = self.tokens.clone() else {
            return Ok(None);
        };
        let digest = digest.clone();
        look(move || tokens.find(&digest)).await
    }

    fn begin(&self, identity: Identity, origin: Origin) -> Result<String, NoRandomness> {
        let cookie = secret()?;
        let now = Instant::now();
        let mut sessions = locked(&self.sessions);
        sessions.retain(|_, session| now < session.ends);
        if sessions.len() >= MAX_SESSIONS {
            let first = sessions
                .iter()
                .min_by_key(|(_, session)| session.ends)
                .map(|(digest, _)| digest.clone());
            first.and_then(|digest| sessions.remove(&digest));
        }
        let session = Session {
            identity,
            origin,
            ends: now + self.lifetime,
            notice: None,
        };
        sessions.insert(Digest::of(&cookie), session);
        Ok(cookie)
    }
}

/// Nobody can tell who somebody is: the file that says so cannot be read. It lets nobody in.
struct Unknown;

/// What a file says, read where that keeps no other request waiting.
async fn look<E: Display + Send + 'static>(
    find: impl FnOnce() -> Result<Option<Identity>, E> + Send + 'static,
) -> Result<Option<Identity>, Unknown> {
    match tokio::task::spawn_blocking(find).await {
        Ok(Ok(identity)) => Ok(identity),
        Ok(Err(error)) => {
            tracing::error!(%error, "nobody can sign in by this file");
            Err(Unknown)
        }
        Err(error) => {
            tracing::error!(%error, "the file that says who may sign in was not read");
            Err(Unknown)
        }
    }
}

/// How often an address may fail to sign in.
#[derive(Debug)]
pub(crate) struct Attempts {
    limit: u32,
    window: Duration,
    failed: Mutex<HashMap<IpAddr, (u32, Instant)>>,
}

impl Attempts {
    pub(crate) fn new(limit: u32, window: Duration) -> Self {
        Self {
            limit,
            window,
            failed: Mutex::default(),
        }
    }

    /// How long this address has to wait; none where it may try.
    pub(crate) fn wait(&self, address: IpAddr) -> Option<Duration> {
        let failed = locked(&self.failed);
        let (count, since) = failed.get(&network(address))?;
        let left = self.window.checked_sub(since.elapsed())?;
        (*count >= self.limit).then_some(left)
    }

    /// Counts a failure.
    pub(crate) fn fail(&self, address: IpAddr) {
        let mut failed = locked(&self.failed);
        if failed.len() >= MAX_ADDRESSES {
            failed.retain(|_, (_, since)| since.elapsed() < self.window);
            if failed.len() >= MAX_ADDRESSES {
                // Memory is bounded first: nobody guesses 256 bits, however often they try.
                return;
            }
        }
        let at = failed
            .entry(network(address))
            .or_insert((0, Instant::now()));
        if at.1.elapsed() >= self.window {
            *at = (0, Instant::now());
        }
        at.0 = at.0.saturating_add(1);
    }
}

/// Whoever has one address of IPv6 has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    // On a socket for both, IPv4 looks like `::ffff:192.0.2.1`: all of it would be one network.
    match address.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => {
            let prefix = ip.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(prefix.into())
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_that_fails_does_not_keep_all_of_ipv4_out() {
        let attempts = Attempts::new(1, Duration::from_secs(60));
        attempts.fail("::ffff:192.0.2.1".parse().unwrap());
        assert!(attempts.wait("::ffff:192.0.2.1".parse().unwrap()).is_some());
        assert!(attempts.wait("192.0.2.1".parse().unwrap()).is_some());
        assert!(attempts.wait("::ffff:192.0.2.2".parse().unwrap()).is_none());
    }
}
