//! Who gets in, and who does not.

use std::time::Duration;

use kitelogik_ledger::Timestamp;
use kitelogik_web::{Identity, Origin, Server, ServerError, TokenFile};

use crate::house::{House, refund};
use crate::http::send;

/// Everything that shows or changes something.
const PAGES: [&str; 6] = [
    "/approvals",
    "/approvals/apr_1",
    "/history",
    "/audit",
    "/report?session=s",
    "/events",
];

#[test]
fn nothing_is_shown_without_signing_in() {
    let house = House::open();
    house.ask(&refund(150));
    for page in PAGES {
        let name = house.cookie_name("");
        for cookie in [
            String::new(),
            format!("{name}="),
            format!("{name}=guess"),
            format!("{name}=a; {name}=b"),
        ] {
            let answer = house.get(page, &cookie).status(303);
            assert!(
                answer
                    .header("location")
                    .unwrap()
                    .starts_with("/sign-in?next="),
                "{page}"
            );
            assert_eq!(answer.body, "");
        }
    }
    for path in ["/api/v1/approvals", "/api/v1/audit", "/api/v1/me"] {
        send(house.port, "GET", path, &[], "").status(401);
        house.api("GET", path, "klt_guess", "").status(401);
    }
}

#[test]
fn a_link_signs_in_once() {
    let house = House::open();
    let code = house.link.rsplit_once('/').unwrap().1.to_owned();
    // Looking at the link, as previews do, does not use it up.
    house.get(&house.link, "").status(200);
    let first = house
        .sign_in_form(&house.link, &[("code", &code)])
        .status(303);
    assert_eq!(first.header("location"), Some("/approvals"));
    let cookie = house.session_of(&first).unwrap();
    let page = house.get("/approvals", &cookie).status(200);
    assert!(page.body.contains("<b>ann</b>"), "{}", page.body);
    house
        .sign_in_form(&house.link, &[("code", &code)])
        .status(401);
}

#[test]
fn a_link_that_is_too_old_signs_nobody_in() {
    let house = House::with_link(Duration::ZERO);
    let code = house.link.rsplit_once('/').unwrap().1;
    house
        .sign_in_form(&house.link, &[("code", code)])
        .status(401);
}

#[test]
fn a_session_ends_when_it_is_signed_out_and_when_its_token_is_revoked_or_ends() {
    let house = House::open();
    let token = house.token(Identity::new("bo", "manager"));
    let out = house.sign_in(&token);
    let page = house.get("/approvals", &out).status(200);
    house
        .post("/sign-out", &out, &[("csrf", &page.form_token())])
        .status(303);
    house.get("/approvals", &out).status(303);

    let other = house.sign_in(&token);
    house.get("/approvals", &other).status(200);
    house.api("GET", "/api/v1/me", &token, "").status(200);
    assert!(house.tokens.revoke("bo").unwrap());
    house.get("/approvals", &other).status(303);
    house.api("GET", "/api/v1/me", &token, "").status(401);

    let ended = house
        .tokens
        .create(Identity::new("cy", "x"), Timestamp::now())
        .unwrap();
    house.try_token(&ended).status(401);
}

#[test]
fn tokens_that_are_made_and_revoked_at_once_do_not_undo_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = TokenFile::new(folder.path().join("tokens"));
    let later = Timestamp::now().after(Duration::from_secs(3600));
    let make = |name: String| tokens.create(Identity::new(name, "x"), later).unwrap();
    make("old".to_owned());
    std::thread::scope(|scope| {
        for number in 0..16 {
            let make = &make;
            scope.spawn(move || make(format!("new{number}")));
        }
        scope.spawn(|| assert!(tokens.revoke("old").unwrap()));
    });
    let names: Vec<String> = tokens
        .entries()
        .unwrap()
        .into_iter()
        .map(|entry| entry.identity.name)
        .collect();
    assert_eq!(names.len(), 16, "{names:?}");
    assert!(!names.contains(&"old".to_owned()));
}

#[test]
fn other_names_and_other_pages_are_refused() {
    let house = House::open();
    let cookie = house.sign_in(&house.token(Identity::new("bo", "manager")));
    let port = house.port;
    for host in [
        "evil.example",
        "127.0.0.1",
        "localhost:1",
        "127.0.0.1.evil.example",
        "",
    ] {
        let headers = [("Host", host), ("Cookie", cookie.as_str())];
        send(port, "GET", "/approvals", &headers, "").status(421);
    }
    let local = format!("localhost:{port}");
    send(
        port,
        "GET",
        "/approvals",
        &[("Host", &local), ("Cookie", &cookie)],
        "",
    )
    .status(200);
    let absolute = "http://evil.example/approvals";
    send(port, "GET", absolute, &[("Cookie", &cookie)], "").status(421);

    let id = house.ask(&refund(150));
    let path = format!("/approvals/{id}/decide");
    let csrf = house.get("/approvals", &cookie).form_token();
    let form = format!("csrf={csrf}&decision=approve");
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    for origin in [
        "http://evil.example",
        "null",
        "http://127.0.0.1:1",
        "https://127.0.0.1",
    ] {
        let headers = [("Cookie", cookie.as_str()), ("Origin", origin), kind];
        send(port, "POST", &path, &headers, &form).status(403);
    }
    // A browser always says where a form comes from.
    send(port, "POST", &path, &[("Cookie", &cookie), kind], &form).status(403);
    assert_eq!(house.request(&id).state.as_str(), "pending");
}

#[test]
fn a_form_that_is_not_from_a_page_of_ones_own_changes_nothing() {
    let house = House::open();
    let bo = house.sign_in(&house.token(Identity::new("bo", "manager")));
    let cy = house.sign_in(&house.token(Identity::new("cy", "manager")));
    let id = house.ask(&refund(150));
    let path = format!("/approvals/{id}/decide");
    let of_cy = house.get("/approvals", &cy).form_token();
    for token in ["", "guess", of_cy.as_str()] {
        let form = [("csrf", token), ("decision", "approve")];
        house.post(&path, &bo, &form).status(403);
    }
    house
        .post(&path, &bo, &[("decision", "approve")])
        .status(400);
    house
        .post("/sign-out", &bo, &[("csrf", &of_cy)])
        .status(403);
    house
        .post("/audit/verify", &bo, &[("csrf", &of_cy)])
        .status(403);
    house
        .post("/sign-in", "", &[("csrf", &of_cy), ("token", "x")])
        .status(403);
    assert_eq!(house.request(&id).state.as_str(), "pending");
}

#[test]
fn a_cookie_is_nothing_to_the_api_and_a_token_nothing_to_the_page() {
    let house = House::open();
    let token = house.token(Identity::new("bo", "manager"));
    let cookie = house.sign_in(&token);
    send(house.port, "GET", "/api/v1/me", &[("Cookie", &cookie)], "").status(401);
    let bearer = format!("Bearer {token}");
    send(
        house.port,
        "GET",
        "/approvals",
        &[("Authorization", &bearer)],
        "",
    )
    .status(303);
}

#[test]
fn who_fails_too_often_has_to_wait_and_keeps_nobody_out_who_has_a_token() {
    let house = House::open();
    let token = house.token(Identity::new("bo", "manager"));
    for _ in 0..5 {
        house.try_token("klt_guess").status(401);
    }
    let told = house.try_token("klt_guess").status(429);
    assert!(told.header("retry-after").unwrap().parse::<u64>().unwrap() <= 60);
    assert_eq!(house.session_of(&told), None);
    house.api("GET", "/api/v1/me", "klt_guess", "").status(429);
    house.api("GET", "/api/v1/me", &token, "").status(200);
    house.sign_in(&token);
}

#[test]
fn a_link_leads_to_the_page_that_was_asked_for_and_to_no_other_site() {
    let house = House::open();
    let token = house.token(Identity::new("bo", "manager"));
    let to = |next: &str| {
        let path = format!("/sign-in?next={next}");
        let form = [("token", token.as_str()), ("next", next)];
        let answer = house.sign_in_form(&path, &form).status(303);
        answer.header("location").unwrap().to_owned()
    };
    assert_eq!(to("/approvals/apr_1"), "/approvals/apr_1");
    assert_eq!(to("//evil.example"), "/approvals");
    assert_eq!(to("https://evil.example"), "/approvals");
    assert_eq!(to("/\\evil.example"), "/approvals");

    // The cookie does not come along from another site: the page asks for itself once more.
    let headers = [("Sec-Fetch-Site", "cross-site")];
    let again = send(house.port, "GET", "/approvals/apr_1", &headers, "").status(200);
    assert!(
        again.body.contains("0;url=/approvals/apr_1\""),
        "{}",
        again.body
    );
    let again = send(house.port, "GET", "//evil.example", &headers, "");
    assert!(!again.body.contains("evil"), "{again:?}");
}

#[test]
fn the_cookie_is_for_this_host_and_https_alone_where_there_is_tls() {
    let house = House::open();
    let answer = house
        .try_token(&house.token(Identity::new("bo", "manager")))
        .status(303);
    let cookie = answer.header("set-cookie").unwrap();
    for part in [
        "; Path=/",
        "; HttpOnly",
        "; SameSite=Strict",
        "; Max-Age=28800",
    ] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");

    let server = house.runtime.block_on(async {
        Server::builder(house.ledger.clone())
            .bind(([127, 0, 0, 1], 0).into())
            .origin(Origin::parse("https://a.example").unwrap())
            .start()
            .await
            .unwrap()
    });
    assert_eq!(server.url(), "https://a.example");
    let port = server.local_address().port();
    house.runtime.spawn(server.run(std::future::pending()));
    send(port, "GET", "/sign-in", &[], "").status(421);
    let page = send(port, "GET", "/sign-in", &[("Host", "a.example")], "").status(200);
    let cookie = page.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-kitelogik-443-form="), "{cookie}");
    assert!(cookie.ends_with("; Secure"), "{cookie}");
}

/// A browser sends the cookies of a host to all its ports.
#[test]
fn two_servers_of_one_machine_leave_each_others_people_signed_in() {
    let (one, other) = (House::open(), House::open());
    let of_one = one.sign_in(&one.token(Identity::new("bo", "manager")));
    let of_other = other.sign_in(&other.token(Identity::new("cy", "manager")));
    let both = format!("{of_one}; {of_other}");
    assert!(one.get("/approvals", &both).body.contains("<b>bo</b>"));
    assert!(other.get("/approvals", &both).body.contains("<b>cy</b>"));
    let page = other.get("/approvals", &both);
    let out = other.post("/sign-out", &both, &[("csrf", &page.form_token())]);
    assert_eq!(out.status(303).cookie(&one.cookie_name("")), None);
    one.get("/approvals", &both).status(200);
    other.get("/approvals", &both).status(303);
}

#[test]
fn other_machines_reach_it_only_where_that_is_meant() {
    let house = House::open();
    let start = |builder: kitelogik_web::ServerBuilder| house.runtime.block_on(builder.start());
    let builder = || Server::builder(house.ledger.clone()).bind(([0, 0, 0, 0], 0).into());
    let origin = Origin::parse("https://a.example").unwrap();
    for refused in [
        builder(),
        builder().public(),
        builder().origin(origin.clone()),
    ] {
        assert!(matches!(start(refused), Err(ServerError::Public { .. })));
    }
    assert!(start(builder().public().origin(origin)).is_ok());
}

#[test]
#[cfg(unix)]
fn a_file_of_tokens_that_others_can_read_lets_nobody_in() {
    use std::os::unix::fs::PermissionsExt as _;

    let house = House::open();
    let token = house.token(Identity::new("bo", "manager"));
    let path = house.tokens.path();
    let mode = |mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    assert_eq!(
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(!std::fs::read_to_string(path).unwrap().contains(&token));
    mode(0o644);
    house.try_token(&token).status(401);
    mode(0o600);
    house.sign_in(&token);
}

/// As while somebody writes it anew in its place.
#[test]
fn a_file_of_tokens_that_is_half_written_ends_no_session() {
    let house = House::open();
    let token = house.token(Identity::new("bo", "manager"));
    let cookie = house.sign_in(&token);
    let path = house.tokens.path();
    let whole = std::fs::read_to_string(path).unwrap();
    for half in ["", "{", "{\"tokens\": ["] {
        std::fs::write(path, half).unwrap();
        house.get("/approvals", &cookie).status(303);
        house.api("GET", "/api/v1/me", &token, "").status(401);
        std::fs::write(path, &whole).unwrap();
        house.get("/approvals", &cookie).status(200);
    }
    // Without the token, it is over for good.
    std::fs::write(path, "{\"tokens\": []}").unwrap();
    house.get("/approvals", &cookie).status(303);
    std::fs::write(path, &whole).unwrap();
    house.get("/approvals", &cookie).status(303);
}
