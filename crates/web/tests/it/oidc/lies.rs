//! ID tokens that prove nothing.

use kitelogik_openid_provider::Fault;

use super::walk::{Door, SECRET};

#[test]
fn a_token_that_was_forged_or_is_for_others_lets_nobody_in() {
    let door = Door::open();
    for (fault, why) in [
        (Fault::NoIdToken, "no ID token"),
        (Fault::AlgorithmNone, "No signature found"),
        (Fault::SecretIsPublicKey, "Disallowed signature algorithm"),
        (Fault::SecretIsClients, "Disallowed signature algorithm"),
        (Fault::OtherKey, "Crypto error"),
        (Fault::UnpublishedKey, "No matching key"),
        (Fault::Changed, "Failed to parse"),
        (Fault::OtherType, "unexpected or unsupported JWT type"),
        (Fault::OtherNonce, "nonce mismatch"),
        (Fault::NoNonce, "missing nonce"),
        (Fault::OtherAudience, "Invalid audiences"),
        (Fault::MoreAudiences, "not a trusted audience"),
        (Fault::OtherParty, "made for another client"),
        (Fault::OtherIssuer, "Invalid issuer"),
    ] {
        door.provider.fault(fault);
        door.refused(&door.walk(), 502, why);
    }
    door.provider.fault(Fault::None);
    door.sign_in();
}

#[test]
fn clocks_may_differ_by_a_minute() {
    let door = Door::open();
    for (fault, why) in [
        (Fault::Expired(90), "Expired"),
        (Fault::Early(120), "from the future (`iat`)"),
        (Fault::NotYet(120), "from the future (`nbf`)"),
    ] {
        door.provider.fault(fault);
        door.refused(&door.walk(), 502, why);
    }
    for fault in [Fault::Expired(10), Fault::Early(30), Fault::NotYet(30)] {
        door.provider.fault(fault);
        door.sign_in();
    }
}

#[test]
fn the_keys_are_those_that_the_provider_publishes_now() {
    let door = Door::open();
    let begun = door.begin("");
    let path = door.back(&begun);
    for algorithm in ["ES256", "ES384", "EdDSA", "PS256", "RS256"] {
        door.provider.rotate(algorithm).unwrap();
        door.sign_in();
    }
    // Also for who was on the way.
    let answer = door.come_back(&path, &begun.cookie).status(200);
    assert!(door.house.session_of(&answer).is_some());
    // One that signed before signs no more.
    door.provider.fault(Fault::UnpublishedKey);
    door.refused(&door.walk(), 502, "No matching key");
}

#[test]
fn a_secret_that_is_not_the_clients_redeems_nothing() {
    let door = Door::with(Some(SECRET), |oidc| oidc.client_secret("another"));
    door.refused(&door.walk(), 502, "it refuses the code: invalid_client");
}
