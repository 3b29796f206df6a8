//! Archives that somebody else made, and what they say about themselves.

use std::io::Read;

use flate2::read::GzDecoder;
use kitelogik_policy::bundle::{Bundle, BundleError, Verification};
use tar::EntryType;

use super::{Entries, USER, archive, entries, file, pack, policy, refused, refused_files};

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
fn a_sequence_puts_the_versions_of_a_bundle_in_order() {
    let bundle = Bundle::of(&policy());
    assert_eq!(bundle.sequence(), None);
    let bytes = bundle.with_sequence(7).to_bytes(None).unwrap();
    let read = Bundle::read("bundle", &bytes, &Verification::Unsigned).unwrap();
    assert_eq!(read.sequence(), Some(7));
    let (_, _, manifest) = &entries(&bytes)[0];
    let manifest: serde_json::Value = serde_json::from_slice(manifest).unwrap();
    assert_eq!(manifest["metadata"], serde_json::json!({"sequence": 7}));
    for wrong in ["-1", "1.5", "\"7\"", "null"] {
        let manifest = format!(r#"{{"metadata": {{"sequence": {wrong}}}}}"#);
        let bytes = archive(&vec![file(".manifest", &manifest), file("a.rego", USER)]);
        let error = Bundle::read("bundle", &bytes, &Verification::Unsigned).unwrap_err();
        assert!(
            error.to_string().contains("metadata.sequence"),
            "{wrong}: {error}"
        );
    }
}
