//! A sign-in that is under way at a provider.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::secret::{Digest, FormKey, NoRandomness, secret};

/// How many sign-ins are remembered as ended.
const MAX_ENDED: usize = 10_000;

/// How long the path that somebody wanted may be, in bytes; of a longer one nothing is kept.
const MAX_NEXT: usize = 1024;

/// One sign-in. State, nonce and verifier are made of the cookie by a key of the server, so that nothing has to be kept for
/// those who begin and never end: nobody can fill the server up with them.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) cookie: String,
    pub(super) state: String,
    pub(super) nonce: String,
    /// The secret of PKCE.
    pub(super) verifier: String,
    /// Where the person wanted to go.
    pub(super) next: String,
}

/// The sign-ins of one server.
pub(super) struct Flows {
    key: FormKey,
    lifetime: Duration,
    since: Instant,
    /// Those that were ended, until they would be too old anyway.
    ended: Mutex<HashMap<Digest, Instant>>,
}

impl Flows {
    pub(super) fn new(lifetime: Duration) -> Result<Self, NoRandomness> {
        Ok(Self {
            key: FormKey::new()?,
            lifetime,
            since: Instant::now(),
            ended: Mutex::default(),
        })
    }

    pub(super) fn begin(&self, next: &str) -> Result<Flow, NoRandomness> {
        let next = if next.len() > MAX_NEXT { "" } else { next };
        let ends = (self.since.elapsed() + self.lifetime).as_secs();
        let body = format!("{}.{ends}.{}", secret()?, URL_SAFE_NO_PAD.encode(next));
        let tag = self.key.token(&format!("cookie {body}"));
        Ok(self.flow(format!("{body}.{tag}"), next.to_owned()))
    }

    /// Ends the sign-in of this cookie, if the provider's answer belongs to it. It can be ended once.
    pub(super) fn end(&self, cookie: &str, state: &str) -> Option<Flow> {
        let (body, tag) = cookie.rsplit_once('.')?;
        if !self.key.is_token(&format!("cookie {body}"), tag) {
            return None;
        }
        let mut fields = body.split('.').skip(1);
        let ends: u64 = fields.next()?.parse().ok()?;
        let next = URL_SAFE_NO_PAD.decode(fields.next()?).ok()?;
        let left = Duration::from_secs(ends).checked_sub(self.since.elapsed())?;
        if !self.key.is_token(&format!("state {cookie}"), state) {
            return None;
        }
        self.is_first(cookie, left)
            .then(|| String::from_utf8(next).ok())?
            .map(|next| self.flow(cookie.to_owned(), next))
    }

    fn flow(&self, cookie: String, next: String) -> Flow {
        Flow {
            state: self.key.token(&format!("state {cookie}")),
            nonce: self.key.token(&format!("nonce {cookie}")),
            verifier: self.key.token(&format!("verifier {cookie}")),
            cookie,
            next,
        }
    }

    /// Whether this one was not ended before.
    fn is_first(&self, cookie: &str, left: Duration) -> bool {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if ended.len() >= MAX_ENDED {
            ended.retain(|_, until| now < *until);
        }
        if ended.len() >= MAX_ENDED {
            // Memory is bounded first: the provider takes a code once, too.
            let first = ended
                .iter()
                .min_by_key(|(_, until)| **until)
                .map(|(digest, _)| digest.clone());
            first.and_then(|digest| ended.remove(&digest));
        }
        ended.insert(Digest::of(cookie), now + left).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flows(lifetime: Duration) -> Flows {
        Flows::new(lifetime).unwrap()
    }

    #[test]
    fn a_sign_in_ends_once_in_the_browser_that_began_it() {
        let flows = flows(Duration::from_secs(60));
        let one = flows.begin("/audit?a=b").unwrap();
        let other = flows.begin("").unwrap();
        assert!(flows.end(&one.cookie, &other.state).is_none());
        assert!(flows.end(&other.cookie, &one.state).is_none());
        assert!(flows.end("", &one.state).is_none());
        let ended = flows.end(&one.cookie, &one.state).unwrap();
        assert_eq!(ended.next, "/audit?a=b");
        assert_eq!((ended.nonce, ended.verifier), (one.nonce, one.verifier));
        assert!(flows.end(&one.cookie, &one.state).is_none());
    }

    #[test]
    fn a_cookie_that_was_changed_or_is_of_another_server_or_too_old_ends_nothing() {
        let own = flows(Duration::from_secs(60));
        let flow = own.begin("").unwrap();
        let (secret, rest) = flow.cookie.split_once('.').unwrap();
        let (_, rest) = rest.split_once('.').unwrap();
        for cookie in [
            format!("{secret}.9999999.{rest}"),
            format!("a{}", flow.cookie),
        ] {
            assert!(own.end(&cookie, &flow.state).is_none());
        }
        let other = flows(Duration::from_secs(60));
        assert!(other.end(&flow.cookie, &flow.state).is_none());
        let old = flows(Duration::ZERO);
        let flow = old.begin("").unwrap();
        assert!(old.end(&flow.cookie, &flow.state).is_none());
    }

    #[test]
    fn nothing_of_a_sign_in_tells_another_part_of_it() {
        let flow = flows(Duration::from_secs(60)).begin("").unwrap();
        let parts = [&flow.state, &flow.nonce, &flow.verifier];
        for (at, part) in parts.iter().enumerate() {
            assert!(!flow.cookie.contains(part.as_str()));
            // RFC 7636 wants 43 characters or more.
            assert_eq!(part.len(), 43);
            assert!(!parts.iter().skip(at + 1).any(|other| other == part));
        }
    }
}
