//! Bundles: what is written, OPA loads; what OPA writes, is loaded; and what is neither, is refused.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use kitelogik_opa_process::{Opa, opa_or_skip};
use kitelogik_policy::bundle::{Bundle, BundleError, SigningKey, Verification, VerifyingKey};
use kitelogik_policy::{Policy, PolicyError};
use serde_json::{Value, json};
use tar::{EntryType, Header};

const USER: &str =
    "package kitelogik.userpolicy\n\nallow if input.args.amount <= data.refunds.limit\n";
const SECRET: &[u8] = include_bytes!("../keys/secret.txt");
const RSA: [&[u8]; 2] = [
    include_bytes!("../keys/rsa_private.pem"),
    include_bytes!("../keys/rsa_public.pem"),
];
const EC: [&[u8]; 2] = [
    include_bytes!("../keys/ec_private.pem"),
    include_bytes!("../keys/ec_public.pem"),
];

fn policy() -> Policy {
    Policy::builder()
        .rego("refunds.rego", USER)
        .data(json!({"refunds": {"limit": 100.5, "text": "<é\u{2028}\u{1}>", "list": [1e300, 0.1, -3, true, null]}}))
        .for_elsewhere()
        .build()
        .unwrap()
}

fn signing(key: &[u8]) -> SigningKey {
    SigningKey::read(key).unwrap()
}

fn signed(key: &[u8]) -> Verification {
    Verification::Signed(VerifyingKey::read(key).unwrap())
}

/// Path, kind and content of each entry of an archive.
type Entries = Vec<(String, EntryType, Vec<u8>)>;

fn entries(bundle: &[u8]) -> Entries {
    let mut archive = tar::Archive::new(GzDecoder::new(bundle));
    archive
        .entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            let path = entry.path().unwrap().display().to_string();
            (path, entry.header().entry_type(), content)
        })
        .collect()
}

fn archive(entries: &Entries) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, kind, content) in entries {
        let mut header = Header::new_gnu();
        // Written by hand: the library would not write what attackers do.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        if *kind == EntryType::Symlink || *kind == EntryType::Link {
            header.as_old_mut().linkname[..9].copy_from_slice(b"data.json");
        }
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, content.as_slice()).unwrap();
    }
    pack(&builder.into_inner().unwrap())
}

fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn file(path: &str, content: impl AsRef<[u8]>) -> (String, EntryType, Vec<u8>) {
    (
        path.to_owned(),
        EntryType::Regular,
        content.as_ref().to_vec(),
    )
}

#[track_caller]
fn refused(bytes: &[u8], verification: &Verification, want: &str) {
    let error = Bundle::read("b.tar.gz", bytes, verification).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("bundle `b.tar.gz` ") && text.contains(want),
        "{text}"
    );
}

#[track_caller]
fn refused_files(files: &Entries, want: &str) {
    refused(&archive(files), &Verification::Unsigned, want);
}

#[test]
fn a_policy_comes_back_as_it_was() {
    let policy = policy();
    let bytes = Bundle::of(&policy).to_bytes(None).unwrap();
    assert_eq!(
        bytes,
        Bundle::of(&policy).to_bytes(None).unwrap(),
        "the same bytes each time"
    );
    let bundle = Bundle::read("b.tar.gz", &bytes, &Verification::Unsigned).unwrap();
    assert_eq!(bundle.revision(), policy.revision());
    assert_eq!(bundle.roots(), [""]);
    assert!(!bundle.is_signed());
    let loaded = Policy::builder().bundle(bundle).build().unwrap();
    assert_eq!(loaded.revision(), policy.revision());
    assert_eq!(loaded.data(), policy.data());
    assert_eq!(loaded.modules().len(), policy.modules().len());
    assert_eq!(loaded.limits(), policy.limits());
    assert_eq!(loaded.warnings(), policy.warnings());
}

#[test]
fn a_bundle_with_the_built_in_rules_of_another_version_stands_alone() {
    let bytes = Bundle::of(&policy()).to_bytes(None).unwrap();
    let mut files = entries(&bytes);
    let main = files
        .iter_mut()
        .find(|(path, ..)| path == "kitelogik/main.rego")
        .unwrap();
    main.2.extend_from_slice(b"# of old\n");
    let bundle = Bundle::read("b.tar.gz", &archive(&files), &Verification::Unsigned).unwrap();
    let loaded = Policy::builder().bundle(bundle).build().unwrap();
    assert!(loaded.limits().is_none());
    assert!(loaded.modules().iter().all(|module| !module.is_builtin()));
    assert!(loaded.warnings()[0].contains("the built-in bundle is not used"));
}

#[test]
fn the_file_of_a_bundle_is_protected_as_a_policy_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap().join("b.tar.gz");
    fs::write(&path, Bundle::of(&policy()).to_bytes(None).unwrap()).unwrap();
    let loaded = Policy::load(&path).unwrap();
    let protected = &loaded.data()["kitelogik"]["limits"]["security"]["protected_paths"];
    let path = path.display().to_string().to_lowercase();
    assert!(
        protected
            .as_array()
            .unwrap()
            .iter()
            .any(|known| known == &json!(path)),
        "{protected}"
    );
}

#[test]
fn no_path_of_the_machine_that_builds_it_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("refunds.rego"), USER).unwrap();
    let policy = Policy::builder()
        .path(folder.path())
        .for_elsewhere()
        .build()
        .unwrap();
    let here = folder.path().display().to_string();
    for (_, _, content) in entries(&Bundle::of(&policy).to_bytes(None).unwrap()) {
        assert!(!String::from_utf8(content).unwrap().contains(&here));
    }
}

#[test]
fn modules_of_one_name_do_not_hide_each_other() {
    let policy = Policy::builder()
        .rego("a.rego", USER)
        .rego("A.rego", "package x\np := 1\n")
        .rego("../../a.rego", "package y\np := 1\n")
        .rego("kitelogik/main.rego", "package z\np := 1\n")
        .for_elsewhere()
        .build()
        .unwrap();
    let bytes = Bundle::of(&policy).to_bytes(None).unwrap();
    let bundle = Bundle::read("b.tar.gz", &bytes, &Verification::Unsigned).unwrap();
    assert_eq!(bundle.modules().count(), policy.modules().len());
    assert!(
        bundle
            .modules()
            .all(|path| path.ends_with(".rego") && !path.contains(".."))
    );
}

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
    let files = format!(r#"[{{"name": "a.rego", "hash": "{hash}", "algorithm": "SHA-256"}}]"#);
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
            &format!(r#"{{"files": [{0}, {0}]}}"#, &files[1..files.len() - 1]),
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
        verifying(include_bytes!("../keys/p384_public.pem")).contains("neither an RSA nor a P-256")
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

#[test]
fn paths_that_leave_the_bundle_and_what_is_no_file_are_refused() {
    for path in [
        "../a.rego",
        "a/../../a.rego",
        "//a.rego",
        "a//b.rego",
        "./../a.rego",
        "a/./b.rego",
        "..",
        "a\\b.rego",
        "C:/a.rego",
        "a\u{202e}.rego",
        "a\n.rego",
        "",
    ] {
        refused_files(&vec![file("ok.rego", USER), file(path, "x")], "");
    }
    for path in ["a.rego", "/a.rego", "./a.rego", "deep/er/a.rego"] {
        assert!(
            Bundle::read(
                "b.tar.gz",
                &archive(&vec![file(path, USER)]),
                &Verification::Unsigned
            )
            .is_ok(),
            "{path}"
        );
    }
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Fifo,
    ] {
        let files = vec![
            file("ok.rego", USER),
            ("a.rego".to_owned(), kind, Vec::new()),
        ];
        refused_files(&files, "no file");
    }
    let deep = format!("{}a.rego", "d/".repeat(40));
    refused_files(
        &vec![file("ok.rego", USER), file(&deep, "x")],
        "no plain path",
    );
}

#[test]
fn two_files_of_one_path_are_refused_also_in_another_case() {
    for (one, other) in [
        ("a.rego", "a.rego"),
        ("a.rego", "/a.rego"),
        ("a.rego", "A.rego"),
        ("data.json", "Data.json"),
    ] {
        refused_files(
            &vec![file("ok.rego", USER), file(one, "{}"), file(other, "{}")],
            "would hide the other",
        );
    }
}

#[test]
fn archives_that_are_damaged_or_go_on_are_refused() {
    let good = Bundle::of(&policy()).to_bytes(None).unwrap();
    refused(b"", &Verification::Skip, "no `tar.gz`");
    refused(b"package a", &Verification::Skip, "no `tar.gz`");
    refused(&good[..good.len() / 2], &Verification::Skip, "damaged");
    refused(&good[..good.len() - 4], &Verification::Skip, "damaged");
    refused(
        &[&good, b"x".as_slice()].concat(),
        &Verification::Skip,
        "goes on",
    );
    refused(
        &[good.as_slice(), &good].concat(),
        &Verification::Skip,
        "goes on",
    );
    let mut tar = Vec::new();
    GzDecoder::new(good.as_slice())
        .read_to_end(&mut tar)
        .unwrap();
    tar.extend_from_slice(b"more");
    refused(&pack(&tar), &Verification::Skip, "goes on");
    refused_files(&vec![file("a.rego", b"\xff")], "not UTF-8");
    refused_files(&vec![file("README", "nothing")], "no Rego module");
}

#[test]
fn an_archive_that_unpacks_to_any_size_is_stopped() {
    let huge = vec![0_u8; 65 * 1024 * 1024];
    let bomb = archive(&vec![file("a.rego", USER), file("big.txt", &huge)]);
    assert!(bomb.len() < 1024 * 1024);
    refused(&bomb, &Verification::Skip, "larger than 64 MiB");
    let many: Entries = (0..10_001)
        .map(|index| file(&format!("{index}"), ""))
        .collect();
    refused_files(&many, "more than 10000 files");
}

#[test]
fn manifests_are_taken_at_their_word() {
    let with = |manifest: &str| {
        vec![
            file(".manifest", manifest),
            file("a.rego", USER),
            file("data.json", r#"{"refunds": {"limit": 1}}"#),
        ]
    };
    for manifest in [
        "{}",
        r#"{"roots": []}"#,
        r#"{"roots": ["kitelogik/userpolicy", "refunds/limit"]}"#,
        r#"{"roots": ["kitelogik", "/refunds/"], "rego_version": 1, "metadata": {"x": 1}}"#,
    ] {
        let bundle = Bundle::read(
            "b.tar.gz",
            &archive(&with(manifest)),
            &Verification::Unsigned,
        );
        assert!(bundle.is_ok(), "{manifest}: {bundle:?}");
    }
    for (manifest, want) in [
        (
            r#"{"roots": ["kitelogik"]}"#,
            "gives `data.refunds`, outside of the roots",
        ),
        (
            r#"{"roots": ["refunds"]}"#,
            "`package kitelogik.userpolicy`, outside of the roots",
        ),
        (
            r#"{"roots": ["refunds/limit", "kitelogik/userpolicy/allow"]}"#,
            "outside of the roots",
        ),
        (
            r#"{"roots": ["kitelogik", "kitelogik/userpolicy", "refunds"]}"#,
            "overlap",
        ),
        (r#"{"roots": ["", "refunds"]}"#, "overlap"),
        (r#"{"rego_version": 0}"#, "not Rego version 1"),
        (
            r#"{"file_rego_versions": {"/a.rego": 0}}"#,
            "not Rego version 1",
        ),
        (r#"{"wasm": [{"entrypoint": "x"}]}"#, "WebAssembly"),
        (r#"{"revision": 1}"#, "cannot be read"),
        (r#"{"roots": [], "roots": [""]}"#, "cannot be read"),
        ("[]", "cannot be read"),
    ] {
        refused_files(&with(manifest), want);
    }
    for (path, want) in [
        ("deep/.manifest", "not lie at the top"),
        ("deep/.signatures.json", "not lie at the top"),
        ("policy.wasm", "only OPA can run"),
        ("plan.json", "only OPA can run"),
        ("patch.json", "delta bundle"),
    ] {
        refused_files(&vec![file("a.rego", USER), file(path, "{}")], want);
    }
    let roots = Bundle::of(&policy())
        .with_roots(["kitelogik", "refunds"])
        .unwrap();
    let bytes = roots.to_bytes(None).unwrap();
    assert_eq!(
        Bundle::read("b.tar.gz", &bytes, &Verification::Unsigned)
            .unwrap()
            .roots(),
        ["kitelogik", "refunds"]
    );
    assert!(matches!(
        Bundle::of(&policy()).with_roots(["kitelogik"]),
        Err(BundleError::Refused { .. })
    ));
}

#[test]
fn a_policy_is_loaded_from_the_path_of_a_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar.gz");
    let bytes = Bundle::of(&policy())
        .with_revision("v7")
        .to_bytes(Some(&signing(RSA[0])))
        .unwrap();
    fs::write(&path, bytes).unwrap();
    assert!(matches!(
        Policy::load(&path),
        Err(PolicyError::Bundle(BundleError::Signature { .. }))
    ));
    let loaded = Policy::builder()
        .path(&path)
        .verification(signed(RSA[1]))
        .build()
        .unwrap();
    assert_eq!(loaded.revision(), policy().revision());
    let missing = Policy::load(folder.path().join("none.tar.gz")).unwrap_err();
    assert!(
        missing.to_string().starts_with("cannot read `"),
        "{missing}"
    );
}

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
