//! `kitelogik serve`, where people sign in at an OpenID provider.

use std::fs;
use std::process::Command;

use kitelogik_core::Masking;
use kitelogik_openid_provider::Provider;
use serde_json::{Value, json};

use crate::record::record;
use crate::serve::{Running, get, send};
use crate::shell::Shell;

const SECRET: &str = "a secret of the client";
const VARIABLE: &str = "KITELOGIK_OIDC_CLIENT_SECRET";

/// A folder with reviewers in it, and a provider with Ann at its door.
fn set_up() -> (Shell, Provider) {
    let shell = Shell::new();
    record(&shell, &[50], Masking::none());
    let rule = json!({"claim": "sub", "value": "1", "role": "operator", "tenants": "all"});
    fs::write(
        shell.path("reviewers.json"),
        json!({"reviewers": [rule]}).to_string(),
    )
    .unwrap();
    let provider = Provider::start("approvals", Some(SECRET)).unwrap();
    provider.person(json!({"sub": "1", "email": "ann@example.com", "email_verified": true}));
    (shell, provider)
}

/// The arguments that every such server has.
fn arguments(issuer: &str) -> [&str; 10] {
    [
        "serve",
        "--no-link",
        "--json",
        "--bind=127.0.0.1:0",
        "--oidc-issuer",
        issuer,
        "--oidc-client-id",
        "approvals",
        "--oidc-reviewers",
        "reviewers.json",
    ]
}

/// The value of the first cookie of this kind that an answer sets, with its name.
fn cookie(answer: &str, kind: &str) -> String {
    let set = answer.lines().filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("set-cookie").then_some(value)
    });
    let mut pairs = set.filter_map(|value| value.split(';').next());
    pairs
        .find(|pair| pair.split_once('=').unwrap().0.ends_with(kind))
        .unwrap()
        .to_owned()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text
        .split_once(before)
        .unwrap_or_else(|| panic!("{before}: {text}"));
    rest.split(after).next().unwrap()
}

/// Signs in by the button of the page; the page of who is signed in.
fn sign_in(url: &str, provider: &Provider) -> String {
    let form = get(url, "/sign-in", "");
    let csrf = between(&form, "name=\"csrf\" value=\"", "\"");
    let own = cookie(&form, "-form");
    let body = format!("csrf={csrf}");
    let headers = format!(
        "Origin: {url}\r\nCookie: {own}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let sent = send(url, "POST /sign-in/oidc", &headers);
    let there = between(&sent, "content=\"0;url=", "\"")
        .replace("&amp;", "&")
        .replace("&#38;", "&");
    let flow = cookie(&sent, "-oidc");
    let back = provider.sign_in(&there).unwrap();
    let path = back.strip_prefix(url).unwrap();
    let back = get(url, path, &format!("Cookie: {flow}\r\n"));
    let port = url.rsplit_once(':').unwrap().1;
    let session = cookie(&back, &format!("kitelogik-{port}"));
    get(url, "/approvals", &format!("Cookie: {session}\r\n"))
}

fn with_secret(command: &mut Command, secret_file: bool) -> &mut Command {
    if secret_file {
        command.args(["--oidc-client-secret-file", "client.secret"])
    } else {
        command.env(VARIABLE, SECRET)
    }
}

#[test]
fn people_sign_in_at_the_provider_that_the_arguments_name() {
    let (shell, provider) = set_up();
    fs::write(shell.path("client.secret"), format!("{SECRET}\n")).unwrap();
    #[cfg(unix)]
    restrict(&shell, 0o640);
    let issuer = provider.issuer();
    for secret_file in [true, false] {
        let mut command = shell.command();
        command.args(arguments(&issuer)).env_remove(VARIABLE);
        let (_running, mut told) = Running::command(with_secret(&mut command, secret_file));
        let told: Value = serde_json::from_str(&told.next().unwrap()).unwrap();
        assert_eq!(told["oidc_issuer"], json!(issuer));
        assert_eq!(told["link"], Value::Null);
        let page = sign_in(told["url"].as_str().unwrap(), &provider);
        assert!(page.contains("<b>ann@example.com</b>"), "{page}");
    }
}

#[test]
fn a_server_that_would_let_in_anybody_or_nobody_does_not_start() {
    let (shell, provider) = set_up();
    let issuer = provider.issuer();
    let open = [
        "serve",
        "--oidc-issuer",
        issuer.as_str(),
        "--oidc-client-id",
        "approvals",
    ];
    let told = shell.run(&open).code(2).stderr;
    assert!(told.contains("--oidc-reviewers"), "{told}");
    let told = shell.run(&["serve", "--oidc-client-id", "approvals"]);
    assert!(told.code(2).stderr.contains("--oidc-issuer"));
    let told = shell.run(&arguments("http://accounts.example.com"));
    assert!(told.code(2).stderr.contains("it is not `https`"));
    fs::write(shell.path("reviewers.json"), r#"{"reviewers": []}"#).unwrap();
    let told = shell.run(&arguments(&issuer)).code(2).stderr;
    assert!(told.contains("lets nobody in"), "{told}");
}

#[test]
#[cfg(unix)]
fn a_secret_that_others_can_read_is_not_taken() {
    let (shell, provider) = set_up();
    fs::write(shell.path("client.secret"), SECRET).unwrap();
    let issuer = provider.issuer();
    let mut all = arguments(&issuer).to_vec();
    all.extend(["--oidc-client-secret-file", "client.secret"]);
    for mode in [0o644, 0o620, 0o604] {
        restrict(&shell, mode);
        let told = shell.run(&all).code(2).stderr;
        assert!(told.contains("is open to others"), "{told}");
    }
    restrict(&shell, 0o600);
    fs::write(shell.path("client.secret"), "\n").unwrap();
    let told = shell.run(&all).code(2).stderr;
    assert!(told.contains("holds no client secret"), "{told}");
}

#[cfg(unix)]
fn restrict(shell: &Shell, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;

    let permissions = fs::Permissions::from_mode(mode);
    fs::set_permissions(shell.path("client.secret"), permissions).unwrap();
}
