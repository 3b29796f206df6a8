//! The real OPA, both ways.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use kitelogik_opa_process::{Opa, opa_or_skip};
use kitelogik_policy::Policy;
use kitelogik_policy::bundle::{Bundle, BundleError};
use serde_json::json;

use super::{EC, RSA, SECRET, USER, archive, entries, policy, signed, signing};

fn opa(opa: &Opa, folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(opa.path())
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn opa_loads_what_is_built_here_and_verifies_what_is_signed_here() {
    let Some(program) = opa_or_skip!() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| opa(&program, folder.path(), arguments);
    for (name, key) in [
        ("secret.txt", SECRET),
        ("rsa.pem", RSA[1]),
        ("ec.pem", EC[1]),
    ] {
        fs::write(folder.path().join(name), key).unwrap();
    }
    let bundle = |name: &str, key: Option<&[u8]>| {
        let key = key.map(signing);
        let bytes = Bundle::of(&policy())
            .with_revision("v7")
            .to_bytes(key.as_ref())
            .unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
    };
    bundle("plain.tar.gz", None);
    let (ok, text) = run(&["run", "-b", "plain.tar.gz"]);
    assert!(ok, "{text}");
    let (ok, text) = run(&["inspect", "plain.tar.gz"]);
    assert!(
        ok && text.contains("v7") && text.contains("data.kitelogik.userpolicy"),
        "{text}"
    );
    fs::write(
        folder.path().join("input.json"),
        r#"{"action": "pay", "args": {"amount": 100.4}, "context": {}}"#,
    )
    .unwrap();
    let (ok, text) = run(&[
        "eval",
        "-b",
        "plain.tar.gz",
        "-i",
        "input.json",
        "-f",
        "raw",
        "data.kitelogik.main.allow",
    ]);
    assert!(ok && text.trim() == "true", "{text}");

    for (algorithm, private, public) in [
        ("HS256", SECRET, "secret.txt"),
        ("RS256", RSA[0], "rsa.pem"),
        ("ES256", EC[0], "ec.pem"),
    ] {
        bundle("signed.tar.gz", Some(private));
        let verify = |key: &str| {
            run(&[
                "run",
                "-b",
                "signed.tar.gz",
                "--verification-key",
                key,
                "--signing-alg",
                algorithm,
            ])
        };
        let (ok, text) = verify(public);
        assert!(ok, "{algorithm}: {text}");
        let bytes = fs::read(folder.path().join("signed.tar.gz")).unwrap();
        let mut files = entries(&bytes);
        files.last_mut().unwrap().2.push(b'\n');
        fs::write(folder.path().join("signed.tar.gz"), archive(&files)).unwrap();
        let (ok, text) = verify(public);
        assert!(
            !ok && text.contains("digest mismatch"),
            "{algorithm}: {text}"
        );
    }
}

#[test]
fn what_opa_builds_and_signs_is_loaded_here() {
    let Some(program) = opa_or_skip!() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    write("policy/refunds.rego", USER.as_bytes());
    write("policy/refunds/data.json", "{\"limit\": 100.50, \"big\": 1e3, \"text\": \"<é\u{2028}&\\u0001\\t>\", \"\u{1f600}\": [1.0, -0.0]}".as_bytes());
    write(
        "policy/.manifest",
        br#"{"revision": "v8", "metadata": {"team": "refunds"}}"#,
    );
    write("secret.txt", SECRET);
    write("rsa.pem", RSA[0]);
    write("ec.pem", EC[0]);
    for (algorithm, private, public) in [
        ("HS256", "secret.txt", SECRET),
        ("RS256", "rsa.pem", RSA[1]),
        ("ES256", "ec.pem", EC[1]),
    ] {
        let (ok, text) = opa(
            &program,
            folder.path(),
            &[
                "build",
                "-b",
                "policy",
                "-o",
                "b.tar.gz",
                "--signing-key",
                private,
                "--signing-alg",
                algorithm,
            ],
        );
        assert!(ok, "{text}");
        let bundle = Bundle::load(folder.path().join("b.tar.gz"), &signed(public)).unwrap();
        assert_eq!(bundle.revision(), "v8");
        let policy = Policy::builder().bundle(bundle).build().unwrap();
        assert_eq!(policy.data()["refunds"]["limit"], json!(100.5));
        let wrong = Bundle::load(
            folder.path().join("b.tar.gz"),
            &signed(b"another secret that is long enough to be one"),
        );
        assert!(matches!(wrong, Err(BundleError::Signature { .. })));
    }
}
