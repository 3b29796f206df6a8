//! What every answer carries.

use kitelogik_web::Identity;

use crate::house::House;
use crate::http::send;

#[test]
fn every_answer_says_what_a_browser_may_do_with_it() {
    let house = House::open();
    let token = house.token(Identity::new("bo", "manager"));
    let bo = house.sign_in(&token);
    let mut answers = vec![
        house.get("/sign-in", ""),
        house.get("/nowhere", ""),
        house.get("/approvals", ""),
        house.api("GET", "/api/v1/me", &token, ""),
        house.api("GET", "/api/v1/me", "klt_guess", ""),
        house.api("GET", "/api/openapi.json", "", ""),
        send(house.port, "GET", "/", &[("Host", "evil.example")], ""),
        send(house.port, "POST", "/sign-in", &[], ""),
    ];
    for page in [
        "/approvals",
        "/history",
        "/audit",
        "/approvals/apr_1",
        "/audit/x",
        "/report?session=s",
    ] {
        answers.push(house.get(page, &bo));
    }
    for answer in answers {
        let policy = answer.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "form-action '", "base-uri 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{answer:?}");
        }
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[test]
fn pages_have_no_script_and_no_style_of_their_own() {
    let house = House::open();
    let bo = house.sign_in(&house.token(Identity::new("bo", "manager")));
    for page in ["/approvals", "/history", "/audit", "/sign-in"] {
        let body = house.get(page, &bo).body;
        for part in [
            "<style",
            "style=",
            " onclick",
            "javascript:",
            "http://",
            "https://",
        ] {
            assert!(!body.contains(part), "{part} in {page}: {body}");
        }
    }
}
