//! What others wrote is shown as what it is.

use kitelogik_web::Identity;
use serde_json::json;

use crate::house::{Asked, House, refund};

/// Markup, and characters that hide or turn text around, wherever an agent can put them.
fn hostile() -> Asked {
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u{202e}fdp\u{200b}";
    let mut call = refund(150).args(json!({
        "text": evil,
        "lines": format!("one\n{evil}\r\n"),
        "nested": {"a": [evil]},
        evil: 1,
    }));
    call.session = format!("s{evil}");
    call.tool = format!("t{evil}");
    call.result["hitl_reason"] = json!([format!("r{evil}")]);
    call.result["rules"] = json!([format!("n{evil}")]);
    call
}

#[track_caller]
fn assert_harmless(page: &str) {
    for part in [
        "<script>alert",
        "<img src=x",
        "onerror=alert(2)>\u{202e}",
        "\u{202e}",
        "\u{200b}",
    ] {
        assert!(!page.contains(part), "{part:?} in {page}");
    }
    assert!(
        page.contains("&#60;script&#62;alert(1)&#60;/script&#62;"),
        "{page}"
    );
    assert!(page.contains("\\u{202e}fdp\\u{200b}"), "{page}");
}

#[test]
fn markup_and_hidden_characters_are_shown_as_text_on_every_page() {
    let house = House::open();
    let bo = house.sign_in(&house.token(Identity::new("bo", "manager")));
    let call = hostile();
    let id = house.ask(&call);
    let record = house.record(&call);
    for path in [
        "/approvals".to_owned(),
        format!("/approvals/{id}"),
        "/audit".to_owned(),
        format!("/audit/{record}"),
    ] {
        assert_harmless(&house.get(&path, &bo).status(200).body);
    }
    let page = house.get(&format!("/audit/{record}"), &bo).body;
    let (_, rest) = page.split_once("href=\"/report?session=").unwrap();
    let session = rest.split('"').next().unwrap();
    assert_harmless(
        &house
            .get(&format!("/report?session={session}"), &bo)
            .status(200)
            .body,
    );
    assert_harmless(
        &house
            .get(&format!("/audit?session={session}"), &bo)
            .status(200)
            .body,
    );
}

#[test]
fn what_a_visitor_sends_comes_back_as_text() {
    let house = House::open();
    let bo = house.sign_in(&house.token(Identity::new("bo", "manager")));
    let evil = "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    for path in [
        format!("/audit?session={evil}&tool={evil}&from={evil}&verdict={evil}&tier={evil}"),
        format!("/approvals/{evil}"),
        format!("/audit/{evil}"),
        format!("/sign-in/{evil}"),
        format!("/approvals?after={evil}"),
    ] {
        let answer = house.get(&path, &bo);
        assert!(!answer.body.contains("<script>alert"), "{answer:?}");
    }
}

#[test]
fn what_is_cut_says_so_and_the_page_of_the_request_has_it_all() {
    let house = House::open();
    let bo = house.sign_in(&house.token(Identity::new("bo", "manager")));
    let text = format!("{}the end", "x".repeat(5000));
    let id = house.ask(&refund(150).args(json!({"text": text})));
    let list = house.get("/approvals", &bo).body;
    assert!(
        !list.contains("the end") && list.contains("… 4707 more characters"),
        "{list}"
    );
    let page = house.get(&format!("/approvals/{id}"), &bo).body;
    assert!(page.contains("the end") && !page.contains("more characters"));
}

#[test]
fn a_number_and_a_text_of_digits_do_not_look_alike() {
    let house = House::open();
    let bo = house.sign_in(&house.token(Identity::new("bo", "manager")));
    house.ask(&refund(150).args(json!({"a": "150", "b": 150})));
    let page = house.get("/approvals", &bo).body;
    assert!(page.contains("<dd class=\"string\">"), "{page}");
    assert!(page.contains("<dd class=\"number\">"), "{page}");
}
