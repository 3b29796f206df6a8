//! The cookies that the server sets: their names, what they say to a browser, and reading them back.

use std::time::Duration;

use axum::http::header::{self, HeaderMap, HeaderValue};

use crate::origin::Origins;

/// The names of the cookies of one server.
///
/// Browsers know no ports: what one server of a host sets, all of them get, and can overwrite. So each name has the
/// server's port in it, and two servers on one machine leave each other's people signed in.
#[derive(Clone, Debug)]
pub(crate) struct Cookies {
    secure: bool,
    session: String,
    form: String,
    #[cfg(feature = "oidc")]
    flow: String,
}

impl Cookies {
    /// Of a server that is reached so. With `__Host-`, no other host can set a cookie, and it goes out by TLS only.
    pub(crate) fn new(origins: &Origins) -> Self {
        let secure = origins.is_secure();
        let prefix = if secure { "__Host-" } else { "" };
        let port = origins
            .main()
            .map_or(String::new(), |origin| format!("-{}", origin.port()));
        let name = |what: &str| format!("{prefix}kitelogik{port}{what}");
        Self {
            secure,
            session: name(""),
            form: name("-form"),
            #[cfg(feature = "oidc")]
            flow: name("-oidc"),
        }
    }

    /// The secret of a session.
    pub(crate) fn session(&self, headers: &HeaderMap) -> Option<String> {
        only(headers, &self.session)
    }

    /// What ties a form for signing in to one browser.
    pub(crate) fn form(&self, headers: &HeaderMap) -> Option<String> {
        only(headers, &self.form)
    }

    /// What ties a sign-in at a provider to one browser.
    #[cfg(feature = "oidc")]
    pub(crate) fn flow(&self, headers: &HeaderMap) -> Option<String> {
        only(headers, &self.flow)
    }

    /// Sets the session's cookie; an age of zero takes it away.
    pub(crate) fn set_session(&self, headers: &mut HeaderMap, value: &str, age: Duration) {
        self.set(headers, &self.session, value, age, "Strict");
    }

    /// Sets the form's cookie; an age of zero takes it away.
    pub(crate) fn set_form(&self, headers: &mut HeaderMap, value: &str, age: Duration) {
        self.set(headers, &self.form, value, age, "Strict");
    }

    /// Sets the cookie of a sign-in at a provider; an age of zero takes it away. It comes along when the provider
    /// sends the browser back, which is another site.
    #[cfg(feature = "oidc")]
    pub(crate) fn set_flow(&self, headers: &mut HeaderMap, value: &str, age: Duration) {
        self.set(headers, &self.flow, value, age, "Lax");
    }

    fn set(
        &self,
        headers: &mut HeaderMap,
        name: &str,
        value: &str,
        age: Duration,
        same_site: &'static str,
    ) {
        let secure = if self.secure { "; Secure" } else { "" };
        let age = age.as_secs();
        let text = format!(
            "{name}={value}; Path=/; HttpOnly; SameSite={same_site}; Max-Age={age}{secure}"
        );
        if let Ok(cookie) = HeaderValue::from_str(&text) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
}

/// The value of a cookie that is there once.
fn only(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut values = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(own, _)| *own == name)
        .map(|(_, value)| value.to_owned());
    let value = values.next()?;
    values.next().is_none().then_some(value)
}
