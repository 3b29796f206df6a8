//! Who gets in, as whom.

use std::fs;

use kitelogik_web::Identity;
use serde_json::json;

use super::walk::{Door, SECRET, ann, refresh, refunds_group};
use crate::house::refund;
use crate::http::send;

#[test]
fn a_person_gets_in_once_to_the_page_that_they_wanted() {
    for secret in [Some(SECRET), None] {
        let door = Door::with(secret, |oidc| oidc);
        let begun = door.begin("/audit?session=a");
        let header = begun.answer.header("set-cookie").unwrap();
        assert!(header.contains("; HttpOnly; SameSite=Lax; Max-Age=600"));
        let policy = begun.answer.header("content-security-policy").unwrap();
        assert!(policy.contains("form-action 'self'"), "{policy}");
        let path = door.back(&begun);
        let answer = door.come_back(&path, &begun.cookie).status(200);
        assert_eq!(refresh(&answer).unwrap(), "/audit?session=a");
        let session = answer
            .head
            .lines()
            .find(|line| line.contains(&format!("{}=", door.house.cookie_name(""))));
        let session = session.unwrap();
        assert!(session.contains("; HttpOnly; SameSite=Strict; Max-Age=28800"));
        assert_eq!(answer.cookie(&door.house.cookie_name("-oidc")).unwrap(), "");

        let cookie = door.house.session_of(&answer).unwrap();
        let page = door.house.get("/approvals", &cookie).status(200);
        assert!(
            page.body.contains("<b>ann@example.com</b>"),
            "{}",
            page.body
        );
        assert!(page.body.contains("operator"), "{}", page.body);
        send(
            door.house.port,
            "GET",
            "/api/v1/me",
            &[("Cookie", &cookie)],
            "",
        )
        .status(401);
        let csrf = page.form_token();
        door.house
            .post("/sign-out", &cookie, &[("csrf", &csrf)])
            .status(303);
        door.house.get("/approvals", &cookie).status(303);
    }
}

#[test]
fn tokens_and_links_go_on_beside_a_provider() {
    let door = Door::open();
    let token = door.house.token(Identity::new("bo", "manager"));
    door.house.sign_in(&token);
    door.house.api("GET", "/api/v1/me", &token, "").status(200);
    let form = door.house.get("/sign-in", "").body;
    assert!(form.contains("Sign in at 127.0.0.1") && form.contains("name=\"token\""));
    assert!(
        !door
            .house
            .get(&door.house.link, "")
            .body
            .contains("Sign in at")
    );
}

#[test]
fn an_account_at_the_provider_lets_nobody_in_by_itself() {
    let door = Door::open();
    for groups in [json!([]), json!(["Refunds"]), json!("refund"), json!(null)] {
        let mut person = ann();
        person["groups"] = groups;
        door.provider.person(person);
        let why = "ann@example.com is not among those who may sign in here";
        door.refused(&door.walk(), 403, why);
    }
}

#[test]
fn an_address_that_the_provider_has_not_verified_is_nobodys() {
    let door = Door::open();
    for verified in [json!(false), json!(null)] {
        let mut person = ann();
        person["email_verified"] = verified;
        door.provider.person(person);
        door.refused(&door.walk(), 403, "or has not verified it");
    }
    // Nor is it what a rule goes by, whatever people are named by.
    let door = Door::with(Some(SECRET), |oidc| oidc.name_claim("sub"));
    let rule = |claim: &str| {
        json!({"reviewers": [
            {"claim": claim, "value": "ann@example.com", "role": "operator", "tenants": "all"},
        ]})
    };
    door.reviewers(&rule("email"));
    let mut person = ann();
    person["email_verified"] = json!(false);
    door.provider.person(person);
    door.refused(&door.walk(), 403, "1 is not among those");
    door.provider.person(ann());
    let cookie = door.sign_in();
    assert!(
        door.house
            .get("/approvals", &cookie)
            .body
            .contains("<b>1</b>")
    );
}

#[test]
fn a_name_that_hides_something_is_none() {
    let door = Door::open();
    let mut person = ann();
    person["email"] = json!("ann\u{202e}@example.com");
    door.provider.person(person);
    door.refused(&door.walk(), 403, "nothing to name you by");
}

#[test]
fn the_first_rule_that_fits_says_what_a_person_may() {
    let door = Door::open();
    door.reviewers(&json!({"reviewers": [
        {"claim": "email", "value": "bo@example.com", "role": "operator", "tenants": "all"},
        {"claim": "/realm/roles", "value": "clerk", "role": "clerk", "tenants": ["globex"]},
        {"claim": "groups", "value": "staff", "role": "auditor", "tenants": ["acme"], "read_only": true},
        {"claim": "groups", "value": "refunds", "role": "operator", "tenants": "all"},
    ]}));
    let of_acme = door.house.ask(&refund(150));
    let of_globex = door.house.ask(&refund(160).tenant("globex"));
    let cookie = door.sign_in();
    let page = door.house.get("/approvals", &cookie).body;
    assert!(
        page.contains(&of_acme) && !page.contains(&of_globex),
        "{page}"
    );
    let csrf = door.house.get("/approvals", &cookie).form_token();
    let form = [("csrf", csrf.as_str()), ("decision", "approve")];
    let path = format!("/approvals/{of_acme}/decide");
    door.house.post(&path, &cookie, &form);
    assert_eq!(door.house.request(&of_acme).state.as_str(), "pending");

    let mut person = ann();
    person["realm"] = json!({"roles": ["clerk"]});
    door.provider.person(person);
    let page = door.house.get("/approvals", &door.sign_in()).body;
    assert!(
        !page.contains(&of_acme) && page.contains(&of_globex),
        "{page}"
    );
}

#[test]
fn who_is_taken_out_of_the_file_is_out_at_once() {
    let door = Door::open();
    let cookie = door.sign_in();
    door.house.get("/approvals", &cookie).status(200);
    let mut reviewers = refunds_group();
    reviewers["reviewers"][0]["role"] = json!("manager");
    door.reviewers(&reviewers);
    assert!(
        door.house
            .get("/approvals", &cookie)
            .body
            .contains("manager")
    );
    reviewers["reviewers"][0]["value"] = json!("others");
    door.reviewers(&reviewers);
    door.house.get("/approvals", &cookie).status(303);
    // And stays out: the session has ended.
    door.reviewers(&refunds_group());
    door.house.get("/approvals", &cookie).status(303);
}

#[test]
fn a_file_that_cannot_be_read_lets_nobody_in() {
    let door = Door::open();
    let cookie = door.sign_in();
    fs::write(door.file(), "{").unwrap();
    door.house.get("/approvals", &cookie).status(303);
    door.refused(&door.walk(), 403, "not among those");
    fs::remove_file(door.file()).unwrap();
    door.refused(&door.walk(), 403, "not among those");
}

/// As while somebody writes it anew in its place.
#[test]
fn a_file_that_is_half_written_ends_no_session() {
    let door = Door::open();
    let cookie = door.sign_in();
    for half in ["", "{", "{\"reviewers\": ["] {
        fs::write(door.file(), half).unwrap();
        door.house.get("/approvals", &cookie).status(303);
        door.reviewers(&refunds_group());
        door.house.get("/approvals", &cookie).status(200);
    }
}

#[test]
#[cfg(unix)]
fn a_file_that_others_can_write_lets_nobody_in() {
    use std::os::unix::fs::PermissionsExt as _;

    let door = Door::open();
    for mode in [0o620, 0o602] {
        fs::set_permissions(door.file(), fs::Permissions::from_mode(mode)).unwrap();
        door.refused(&door.walk(), 403, "not among those");
    }
    fs::set_permissions(door.file(), fs::Permissions::from_mode(0o644)).unwrap();
    door.sign_in();
}

#[test]
fn nobody_approves_their_own_call_under_another_spelling() {
    let door = Door::open();
    for own in [
        "ann@example.com",
        "Ann@Example.COM",
        " ann@example.com ",
        "\u{ff41}nn@example.com",
        "an\u{200b}n@example.com",
    ] {
        let mut call = refund(150).session(own);
        own.clone_into(&mut call.principal);
        let id = door.house.ask(&call);
        let cookie = door.sign_in();
        let csrf = door.house.get("/history", &cookie).form_token();
        let form = [("csrf", csrf.as_str()), ("decision", "approve")];
        let path = format!("/approvals/{id}/decide");
        door.house.post(&path, &cookie, &form);
        assert_eq!(door.house.request(&id).state.as_str(), "pending", "{own}");
    }
    let other = door.house.ask(&refund(150));
    let cookie = door.sign_in();
    let csrf = door.house.get("/history", &cookie).form_token();
    let form = [("csrf", csrf.as_str()), ("decision", "approve")];
    door.house
        .post(&format!("/approvals/{other}/decide"), &cookie, &form);
    let request = door.house.request(&other);
    assert_eq!(request.state.as_str(), "approved");
    assert_eq!(request.decisions[0].by, "ann@example.com");
}
