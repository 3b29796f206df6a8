//! Keys, tokens, and files that were changed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kitelogik_policy::bundle::{Bundle, SigningKey, Verification, VerifyingKey};
use serde_json::{Value, json};

use super::{EC, RSA, SECRET, USER, archive, entries, file, policy, refused, signed, signing};

#[test]
fn each_kind_of_key_signs_and_verifies_and_no_other_does() {
    let pairs = [[SECRET, SECRET], RSA, EC];
    for (index, [private, _]) in pairs.iter().enumerate() {
        let key = signing(private);
        let bytes = Bundle::of(&policy()).to_bytes(Some(&key)).unwrap();
        for (other, [_, public]) in pairs.iter().enumerate() {
            let read = Bundle::read("b.tar.gz", &bytes, &signed(public));
            assert_eq!(read.is_ok(), index == other, "{} {read:?}", key.algorithm());
        }
        refused(
            &bytes,
            &Verification::Unsigned,
            "is signed, and there is no key",
        );
        assert!(
            Bundle::read("b.tar.gz", &bytes, &Verification::Skip)
                .unwrap()
                .is_signed()
        );
    }
    let other = signing(b"another secret that is long enough to be one");
    let bytes = Bundle::of(&policy()).to_bytes(Some(&other)).unwrap();
    refused(&bytes, &signed(SECRET), "was not made with this key");
    let unsigned = Bundle::of(&policy()).to_bytes(None).unwrap();
    refused(
        &unsigned,
        &signed(SECRET),
        "is not signed, and a key is set",
    );
}

#[test]
fn missing_changed_and_extra_files_break_the_signature() {
    let bytes = Bundle::of(&policy())
        .to_bytes(Some(&signing(SECRET)))
        .unwrap();
    let files = entries(&bytes);
    assert!(Bundle::read("b.tar.gz", &archive(&files), &signed(SECRET)).is_ok());
    for index in 1..files.len() {
        let mut fewer = files.clone();
        let (path, ..) = fewer.remove(index);
        refused(
            &archive(&fewer),
            &signed(SECRET),
            &format!("lacks `{path}`"),
        );

        let mut changed = files.clone();
        changed[index].2 = match changed[index].0.as_str() {
            ".manifest" => b"{\"revision\": \"other\"}".to_vec(),
            "data.json" => b"{\"refunds\": {\"limit\": 1000000}}".to_vec(),
            _ => [&changed[index].2, b"\n".as_slice()].concat(),
        };
        refused(
            &archive(&changed),
            &signed(SECRET),
            &format!("`{path}`, which was changed"),
        );
    }
    let mut more = files.clone();
    more.push(file(
        "extra.rego",
        "package kitelogik.userpolicy\nallow := true\n",
    ));
    refused(
        &archive(&more),
        &signed(SECRET),
        "`extra.rego`, which was not signed",
    );
    let mut more = files.clone();
    more.push(file("README", "read me"));
    refused(
        &archive(&more),
        &signed(SECRET),
        "`README`, which was not signed",
    );

    let mut spaced = files;
    for (path, _, content) in &mut spaced {
        if path == "data.json" {
            let value: Value = serde_json::from_slice(content).unwrap();
            *content = value.to_string().into_bytes();
        }
    }
    assert!(
        Bundle::read("b.tar.gz", &archive(&spaced), &signed(SECRET)).is_ok(),
        "white space in data does not count, as in OPA"
    );
}

/// A bundle of one module whose token is made of these parts, and truly signed.
fn forged(header: &str, payload: &str) -> Vec<u8> {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let message = format!("{}.{}", part(header), part(payload));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET);
    let signature = URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, message.as_bytes()));
    with_signatures(&json!({"signatures": [format!("{message}.{signature}")]}).to_string())
}

fn with_signatures(signatures: &str) -> Vec<u8> {
    archive(&vec![
        file(".signatures.json", signatures),
        file("a.rego", USER),
    ])
}

#[test]
fn tokens_that_are_not_exactly_what_opa_writes_are_refused() {
    let hash = ring::digest::digest(&ring::digest::SHA256, USER.as_bytes());
    let hash: String = hash
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let hs = r#"{"alg": "HS256"}"#;
    let signed_file = format!(r#"{{"name": "a.rego", "hash": "{hash}", "algorithm": "SHA-256"}}"#);
    let files = format!("[{signed_file}]");
    let good = format!(r#"{{"files": {files}}}"#);
    assert!(Bundle::read("b.tar.gz", &forged(hs, &good), &signed(SECRET)).is_ok());
    let upper = good.replace(&hash, &hash.to_uppercase());
    assert!(Bundle::read("b.tar.gz", &forged(hs, &upper), &signed(SECRET)).is_ok());

    let with = |more: &str| format!(r#"{{"files": {files}, {more}}}"#);
    for (header, payload, want) in [
        (r#"{"alg": "none"}"#, good.as_str(), "signed with none"),
        (r#"{"alg": "RS256"}"#, &good, "signed with RS256"),
        (
            r#"{"alg": "HS256", "crit": ["b64"], "b64": false}"#,
            &good,
            "extensions",
        ),
        (r#"{"alg": "HS256", "alg": "HS256"}"#, &good, "no token"),
        (hs, &with(r#""scope": "write""#), "the scope `write`"),
        (hs, &with(r#""exp": 1"#), "has expired"),
        (hs, &with(r#""files": []"#), "duplicate key"),
        (hs, "{}", "missing field `files`"),
        (hs, &good.replace("SHA-256", "MD5"), "`MD5` digests"),
        (hs, &good.replace("SHA-256", "SHA-512"), "was changed"),
        (
            hs,
            &good.replace("a.rego", "/a.rego"),
            "which was not signed",
        ),
        (
            hs,
            &format!(r#"{{"files": [{signed_file}, {signed_file}]}}"#),
            "given twice",
        ),
    ] {
        refused(&forged(header, payload), &signed(SECRET), want);
    }
    for (signatures, want) in [
        ("{}", "has 0 signatures"),
        (r#"{"signatures": ["a.b.c", "a.b.c"]}"#, "has 2 signatures"),
        (r#"{"signatures": ["a"]}"#, "no token"),
        (r#"{"signatures": ["a.b"]}"#, "no token"),
        (r#"{"signatures": ["..."]}"#, "no token"),
        (
            r#"{"signatures": ["a.b.c"], "plugin": "mine"}"#,
            "the plugin `mine`",
        ),
        (r#"{"signatures": [], "signatures": []}"#, "cannot be read"),
        ("not json", "cannot be read"),
    ] {
        refused(&with_signatures(signatures), &signed(SECRET), want);
    }
    // The classic: the public key's text as a shared secret.
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(hs),
        URL_SAFE_NO_PAD.encode(&good)
    );
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, RSA[1]);
    let signature = URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, message.as_bytes()));
    let token =
        with_signatures(&json!({"signatures": [format!("{message}.{signature}")]}).to_string());
    refused(
        &token,
        &signed(RSA[1]),
        "signed with HS256, and the key is for RS256",
    );
}

#[test]
fn keys_that_are_none_say_what_to_give() {
    let signing = |bytes: &[u8]| SigningKey::read(bytes).unwrap_err().to_string();
    let verifying = |bytes: &[u8]| VerifyingKey::read(bytes).unwrap_err().to_string();
    assert!(signing(b"short").contains("at least 32"));
    assert!(verifying(b"").contains("at least 32"));
    assert!(signing(RSA[1]).contains("without a private key"));
    assert!(verifying(RSA[0]).contains("without a public key"));
    assert!(
        verifying(include_bytes!("../../keys/p384_public.pem"))
            .contains("neither an RSA nor a P-256")
    );
    assert!(
        signing(b"-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n")
            .contains("openssl pkcs8")
    );
    assert!(
        signing(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
            .contains("neither a P-256")
    );
    assert!(
        verifying(b"-----BEGIN PUBLIC KEY-----\nMIGf\n-----END PUBLIC KEY-----\n")
            .contains("damaged")
    );
    let shown = format!(
        "{:?} {:?}",
        SigningKey::read(SECRET).unwrap(),
        VerifyingKey::read(SECRET).unwrap()
    );
    assert!(!shown.contains("secret for tests"), "{shown}");
}
