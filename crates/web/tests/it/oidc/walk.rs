//! A browser's way to the provider and back, step by step.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use kitelogik_openid_provider::Provider;
use kitelogik_web::{Oidc, ReviewerFile};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::house::House;
use crate::http::{Answer, send};

pub(super) const CLIENT: &str = "kitelogik";
/// Characters that a form has to encode are in it.
pub(super) const SECRET: &str = "a secret: of+the/client%";

/// A server whose people sign in at a provider.
pub(super) struct Door {
    pub(super) house: House,
    pub(super) provider: Provider,
    folder: TempDir,
}

/// A sign-in that has begun.
pub(super) struct Begun {
    pub(super) cookie: String,
    /// The provider's page.
    pub(super) url: String,
    pub(super) answer: Answer,
}

/// Ann, whose address the provider has verified.
pub(super) fn ann() -> Value {
    json!({"sub": "1", "email": "ann@example.com", "email_verified": true, "groups": ["staff", "refunds"]})
}

/// Operators are those of the group `refunds`.
pub(super) fn refunds_group() -> Value {
    json!({"reviewers": [{"claim": "groups", "value": "refunds", "role": "operator", "tenants": "all"}]})
}

impl Door {
    /// With people of the group `refunds`, and Ann at the provider's door.
    pub(super) fn open() -> Self {
        Self::with(Some(SECRET), |oidc| oidc)
    }

    pub(super) fn with(secret: Option<&str>, configure: impl FnOnce(Oidc) -> Oidc) -> Self {
        // Only what tests the limit reaches it.
        Self::build(secret, 100, configure)
    }

    /// At which an address may fail so often.
    pub(super) fn of(attempts: u32) -> Self {
        Self::build(Some(SECRET), attempts, |oidc| oidc)
    }

    fn build(secret: Option<&str>, attempts: u32, configure: impl FnOnce(Oidc) -> Oidc) -> Self {
        let provider = Provider::start(CLIENT, secret).unwrap();
        provider.person(ann());
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("reviewers.json");
        write(&file, &refunds_group());
        let mut oidc = Oidc::new(&provider.issuer(), CLIENT, ReviewerFile::new(&file)).unwrap();
        if let Some(secret) = secret {
            oidc = oidc.client_secret(secret);
        }
        // Only what tests a provider's silence waits for it.
        let oidc = configure(oidc.timeout(Duration::from_secs(60)));
        let house = House::with(|builder| builder.oidc(oidc).attempts(attempts));
        Self {
            house,
            provider,
            folder,
        }
    }

    /// Where the file of reviewers is.
    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join("reviewers.json")
    }

    pub(super) fn reviewers(&self, document: &Value) {
        write(&self.file(), document);
    }

    /// Presses the button.
    pub(super) fn press(&self, next: &str) -> Answer {
        let page = self.house.get("/sign-in", "").status(200);
        let name = self.house.cookie_name("-form");
        let cookie = format!("{name}={}", page.cookie(&name).unwrap());
        let csrf = page.form_token();
        self.house
            .post("/sign-in/oidc", &cookie, &[("csrf", &csrf), ("next", next)])
    }

    /// Presses the button, and is sent on.
    pub(super) fn begin(&self, next: &str) -> Begun {
        let answer = self.press(next).status(200);
        let name = self.house.cookie_name("-oidc");
        Begun {
            cookie: format!("{name}={}", answer.cookie(&name).unwrap()),
            url: refresh(&answer).unwrap(),
            answer,
        }
    }

    /// Signs in at the provider: the path that it sends the browser back to.
    pub(super) fn back(&self, begun: &Begun) -> String {
        let url = self.provider.sign_in(&begun.url).unwrap();
        url.strip_prefix(&self.house.url("")).unwrap().to_owned()
    }

    /// Comes back as a browser does from another site: with the cookie that is lax alone.
    pub(super) fn come_back(&self, path: &str, cookie: &str) -> Answer {
        let headers = [("Cookie", cookie), ("Sec-Fetch-Site", "cross-site")];
        send(self.house.port, "GET", path, &headers, "")
    }

    /// The whole way.
    pub(super) fn walk(&self) -> Answer {
        let begun = self.begin("");
        let path = self.back(&begun);
        self.come_back(&path, &begun.cookie)
    }

    /// The whole way, which ends in a session.
    #[track_caller]
    pub(super) fn sign_in(&self) -> String {
        let answer = self.walk().status(200);
        self.house.session_of(&answer).unwrap()
    }

    /// The answer lets nobody in, and says this.
    #[track_caller]
    pub(super) fn refused(&self, answer: &Answer, status: u16, why: &str) {
        assert_eq!(answer.status, status, "{why}: {answer:#?}");
        assert_eq!(self.house.session_of(answer), None, "{answer:#?}");
        assert!(answer.body.contains(why), "{why}: {}", answer.body);
    }
}

/// Where a page sends the browser.
pub(super) fn refresh(answer: &Answer) -> Option<String> {
    let (_, rest) = answer.body.split_once("content=\"0;url=")?;
    let url = rest.split('"').next()?;
    Some(url.replace("&amp;", "&").replace("&#38;", "&"))
}

fn write(file: &std::path::Path, document: &Value) {
    fs::write(file, document.to_string()).unwrap();
}
