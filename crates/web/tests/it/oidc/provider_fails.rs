//! A provider that does not answer as one.

use std::time::Duration;

use kitelogik_openid_provider::{Endpoint, Fault};
use kitelogik_web::Identity;

use super::walk::{Door, SECRET};

const ENDPOINTS: [Endpoint; 3] = [Endpoint::Discovery, Endpoint::Keys, Endpoint::Token];

/// Begins with an honest provider, and comes back when it is not.
fn refused_on_return(door: &Door, fault: Fault, why: &str) {
    door.provider.fault(Fault::None);
    let begun = door.begin("");
    let path = door.back(&begun);
    door.provider.fault(fault);
    door.refused(&door.come_back(&path, &begun.cookie), 502, why);
}

#[test]
fn an_answer_that_is_none_lets_nobody_in() {
    let door = Door::open();
    for at in ENDPOINTS {
        for (fault, why) in [
            (Fault::Closed(at), "sent what is no answer"),
            (Fault::Endless(at), "more than 262144 bytes"),
            (Fault::Redirect(at), "does not answer as it should"),
            (Fault::Page(at), "does not answer as it should"),
            (Fault::Broken(at), "does not answer as it should"),
        ] {
            refused_on_return(&door, fault, why);
        }
    }
    let asked = door.provider.asked();
    assert!(
        !asked.iter().any(|path| path == "/elsewhere"),
        "a redirect was followed: {asked:?}"
    );
    door.provider.fault(Fault::None);
    door.sign_in();
}

#[test]
fn a_provider_that_is_silent_is_not_waited_for_forever() {
    let door = Door::with(Some(SECRET), |oidc| oidc.timeout(Duration::from_secs(1)));
    for at in ENDPOINTS {
        refused_on_return(&door, Fault::Silent(at), "did not answer in time");
    }
}

#[test]
fn nobody_is_sent_anywhere_by_a_provider_that_is_another_or_not_encrypted() {
    for (fault, why) in [
        (Fault::OtherDiscovery, "unexpected issuer URI"),
        (
            Fault::PlainAuthorization,
            "authorization endpoint is not `https`",
        ),
        (Fault::PlainKeys, "is not `https`"),
        (Fault::Closed(Endpoint::Discovery), "sent what is no answer"),
    ] {
        let door = Door::open();
        door.provider.fault(fault);
        let answer = door.press("/audit");
        door.refused(&answer, 502, why);
        assert_eq!(answer.cookie(&door.house.cookie_name("-oidc")), None);
        // The form is there still, for a token, and leads where it should.
        assert!(answer.body.contains("name=\"token\"") && answer.body.contains("\"/audit\""));
        let token = door.house.token(Identity::new("bo", "manager"));
        door.house.sign_in(&token);
    }
}

#[test]
fn a_provider_that_has_gone_puts_nobody_out() {
    let door = Door::open();
    let cookie = door.sign_in();
    door.provider.fault(Fault::Closed(Endpoint::Discovery));
    door.house.get("/approvals", &cookie).status(200);
}
