//! What a server needs to be told before people sign in at a provider.

use std::fs;

use kitelogik_openid_provider::{Endpoint, Fault, Provider};
use kitelogik_web::{Oidc, OidcError, ReviewerFile, ReviewerFileError, Server, ServerError};

use super::walk::{CLIENT, Door};

#[test]
fn an_issuer_is_reached_by_https_or_on_this_machine() {
    let new = |issuer: &str| Oidc::new(issuer, CLIENT, ReviewerFile::new("reviewers.json"));
    for good in [
        "https://accounts.example.com",
        "https://example.com/tenant/v2.0",
        "http://localhost:9000",
        "http://127.0.0.1:9000",
        "http://[::1]:9000/realms/a",
    ] {
        assert_eq!(new(good).unwrap().issuer(), good);
    }
    for bad in [
        "",
        "accounts.example.com",
        "http://accounts.example.com",
        "http://localhost.example.com",
        "http://10.0.0.1",
        "https://user@example.com",
        "https://example.com?a=b",
        "https://example.com#a",
        "file:///etc/passwd",
    ] {
        assert!(matches!(new(bad), Err(OidcError::Issuer { .. })), "{bad}");
    }
    let empty = Oidc::new("https://example.com", "", ReviewerFile::new("a"));
    assert!(matches!(empty, Err(OidcError::ClientId)));
    let secret = new("https://example.com").unwrap().client_secret("hush");
    assert!(!format!("{secret:?}").contains("hush"));
}

#[test]
fn a_server_that_would_let_nobody_in_or_anybody_does_not_start() {
    let door = Door::open();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reviewers.json");
    let start = || {
        let file = ReviewerFile::new(&path);
        let oidc = Oidc::new(&door.provider.issuer(), CLIENT, file).unwrap();
        let builder = Server::builder(door.house.ledger.clone())
            .bind(([127, 0, 0, 1], 0).into())
            .oidc(oidc);
        match door.house.runtime.block_on(builder.start()) {
            Ok(_) => None,
            Err(ServerError::Oidc(OidcError::Reviewers(error))) => Some(error),
            Err(other) => panic!("{other}"),
        }
    };
    assert!(matches!(start(), Some(ReviewerFileError::Io { .. })));
    fs::write(&path, r#"{"reviewers": []}"#).unwrap();
    assert!(matches!(start(), Some(ReviewerFileError::Empty { .. })));
    for malformed in [
        "",
        "[]",
        r#"{"reviewers": [{"claim": "a", "value": "b", "role": "c"}]}"#,
        r#"{"reviewers": [{"claim": "a", "value": "b", "role": "c", "tenants": "acme"}]}"#,
        r#"{"reviewers": [{"claim": "a", "value": "b", "role": "c", "tenants": null}]}"#,
        r#"{"reviewers": [{"claim": "a", "value": "", "role": "c", "tenants": "all"}]}"#,
        r#"{"reviewers": [{"claim": "a", "value": "b", "role": "c", "tenants": "all", "x": 1}]}"#,
    ] {
        fs::write(&path, malformed).unwrap();
        let error = start();
        assert!(
            matches!(error, Some(ReviewerFileError::Malformed { .. })),
            "{malformed}: {error:?}"
        );
    }
    fs::write(
        &path,
        r#"{"reviewers": [{"claim": "a", "value": "b", "role": "c", "tenants": []}]}"#,
    )
    .unwrap();
    assert!(start().is_none());
}

#[test]
fn a_provider_can_be_asked_early() {
    let door = Door::open();
    let provider = Provider::start(CLIENT, None).unwrap();
    let oidc = Oidc::new(&provider.issuer(), CLIENT, ReviewerFile::new(door.file())).unwrap();
    door.house.runtime.block_on(oidc.check()).unwrap();
    provider.fault(Fault::Broken(Endpoint::Discovery));
    let problem = door.house.runtime.block_on(oidc.check()).unwrap_err();
    assert!(
        problem.to_string().contains(&provider.issuer()),
        "{problem}"
    );
}
