//! Answers that belong to no sign-in of this browser.

use kitelogik_openid_provider::Fault;
use kitelogik_web::Identity;
use serde_json::json;

use super::walk::{Door, ann, refresh};
use crate::house::House;
use crate::http::send;

const NOT_BEGUN: &str = "not begun in this browser";

#[test]
fn an_answer_counts_in_the_browser_that_began_alone() {
    let door = Door::open();
    let (mine, other) = (door.begin(""), door.begin(""));
    let path = door.back(&mine);
    let name = door.house.cookie_name("-oidc");
    for cookie in [
        String::new(),
        other.cookie.clone(),
        format!("{name}=guess"),
        format!("{}; {}", mine.cookie, other.cookie),
    ] {
        door.refused(&door.come_back(&path, &cookie), 403, NOT_BEGUN);
    }
    let (query, _) = path.split_once("&state=").unwrap();
    for state in ["", "&state=", "&state=guess"] {
        let path = format!("{query}{state}");
        door.refused(&door.come_back(&path, &mine.cookie), 403, NOT_BEGUN);
    }
    // None of these was the answer.
    door.come_back(&path, &mine.cookie).status(200);
}

#[test]
fn an_answer_counts_once_even_where_the_provider_takes_a_code_twice() {
    let door = Door::open();
    door.provider.fault(Fault::CodeTwice);
    let begun = door.begin("");
    let path = door.back(&begun);
    door.come_back(&path, &begun.cookie).status(200);
    door.refused(&door.come_back(&path, &begun.cookie), 403, NOT_BEGUN);
    // Nor does its code under a state that is fresh: the verifier is another one.
    let fresh = door.begin("");
    let code = path.split_once('?').unwrap().1.split('&').next().unwrap();
    let own = door.back(&fresh);
    let (place, rest) = own.split_once('?').unwrap();
    let (_, rest) = rest.split_once('&').unwrap();
    let mixed = format!("{place}?{code}&{rest}");
    let answer = door.come_back(&mixed, &fresh.cookie);
    door.refused(&answer, 502, "it refuses the code: invalid_grant");
}

#[test]
fn what_the_provider_says_is_shown_as_text_and_cut() {
    let door = Door::open();
    door.provider.fault(Fault::Denied);
    let begun = door.begin("");
    let path = door.back(&begun);
    // Who only follows a link sees none of its text.
    let answer = door.come_back(&path, "");
    door.refused(&answer, 403, NOT_BEGUN);
    assert!(!answer.body.contains("alert(") && !answer.body.contains("access_denied"));

    let answer = door.come_back(&path, &begun.cookie);
    door.refused(&answer, 403, "The provider refused: access_denied");
    assert!(!answer.body.contains("<script>alert"), "{}", answer.body);
    assert!(!answer.body.contains('\u{202e}'), "{}", answer.body);
    assert!(answer.body.contains("more characters"), "{}", answer.body);
    assert!(!answer.body.contains(&"x".repeat(200)), "{}", answer.body);
}

#[test]
fn an_answer_without_a_code_or_of_another_issuer_lets_nobody_in() {
    let door = Door::open();
    let begun = door.begin("");
    let path = door.back(&begun);
    let (_, state) = path.split_once("&state=").unwrap();
    let path = format!("/sign-in/oidc/callback?code=&state={state}");
    door.refused(&door.come_back(&path, &begun.cookie), 502, "no code");
    door.provider.fault(Fault::OtherIssuerOnReturn);
    door.refused(&door.walk(), 502, "from another issuer");
}

#[test]
fn a_sign_in_leads_to_a_page_of_ours_and_begins_at_one() {
    let door = Door::open();
    for elsewhere in [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "",
    ] {
        let begun = door.begin(elsewhere);
        let path = door.back(&begun);
        let answer = door.come_back(&path, &begun.cookie).status(200);
        assert_eq!(refresh(&answer).unwrap(), "/approvals", "{elsewhere}");
    }
    let asked = door.provider.asked().len();
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    let origin = door.house.url("");
    send(door.house.port, "POST", "/sign-in/oidc", &[kind], "csrf=a").status(403);
    let other = [kind, ("Origin", "http://evil.example")];
    send(door.house.port, "POST", "/sign-in/oidc", &other, "csrf=a").status(403);
    let own = [kind, ("Origin", origin.as_str())];
    send(door.house.port, "POST", "/sign-in/oidc", &own, "csrf=a").status(403);
    send(door.house.port, "GET", "/sign-in/oidc", &[], "").status(303);
    assert_eq!(door.provider.asked().len(), asked, "nothing was begun");
}

#[test]
fn people_come_back_to_the_name_that_they_left() {
    let door = Door::open();
    let host = format!("localhost:{}", door.house.port);
    let origin = format!("http://{host}");
    let form = send(door.house.port, "GET", "/sign-in", &[("Host", &host)], "").status(200);
    let name = door.house.cookie_name("-form");
    let cookie = format!("{name}={}", form.cookie(&name).unwrap());
    let headers = [
        ("Host", host.as_str()),
        ("Origin", origin.as_str()),
        ("Cookie", cookie.as_str()),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ];
    let body = format!("csrf={}", form.form_token());
    let page = send(door.house.port, "POST", "/sign-in/oidc", &headers, &body).status(200);
    let back = door.provider.sign_in(&refresh(&page).unwrap()).unwrap();
    let path = back.strip_prefix(&origin).unwrap();
    let name = door.house.cookie_name("-oidc");
    let cookie = format!("{name}={}", page.cookie(&name).unwrap());
    let headers = [("Host", host.as_str()), ("Cookie", cookie.as_str())];
    let answer = send(door.house.port, "GET", path, &headers, "").status(200);
    assert!(door.house.session_of(&answer).is_some());
}

#[test]
fn where_there_is_no_provider_there_is_no_way_to_one() {
    let house = House::open();
    assert!(!house.get("/sign-in", "").body.contains("/sign-in/oidc"));
    house
        .post("/sign-in/oidc", "", &[("csrf", "a")])
        .status(404);
    house
        .get("/sign-in/oidc/callback?code=a&state=b", "")
        .status(404);
}

#[test]
fn who_comes_back_in_vain_too_often_has_to_wait_and_keeps_nobody_out_whom_the_provider_names() {
    let door = Door::of(House::ATTEMPTS);
    let token = door.house.token(Identity::new("bo", "manager"));
    let path = "/sign-in/oidc/callback?code=guess&state=guess";
    door.refused(&door.come_back(path, ""), 403, NOT_BEGUN);
    door.provider.fault(Fault::Denied);
    door.refused(&door.walk(), 403, "The provider refused");
    door.provider.fault(Fault::None);
    let mut person = ann();
    person["groups"] = json!([]);
    door.provider.person(person);
    door.refused(&door.walk(), 403, "not among those");
    // One count for all ways in.
    for _ in 3..House::ATTEMPTS {
        door.house.try_token("klt_guess").status(401);
    }
    for told in [
        door.come_back(path, ""),
        door.walk(),
        door.house.try_token("klt_guess"),
    ] {
        door.refused(&told, 429, "Too many attempts");
        assert!(told.header("retry-after").unwrap().parse::<u64>().unwrap() <= 60);
    }
    door.provider.person(ann());
    door.sign_in();
    door.house.sign_in(&token);
}
