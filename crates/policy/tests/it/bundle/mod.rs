//! Bundles: what is written, OPA loads; what OPA writes, is loaded; and what is neither, is refused.

mod archive;
mod opa;
mod signature;

use std::fs;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use kitelogik_policy::bundle::{Bundle, BundleError, SigningKey, Verification, VerifyingKey};
use kitelogik_policy::{Policy, PolicyError};
use serde_json::json;
use tar::{EntryType, Header};

const USER: &str =
    "package kitelogik.userpolicy\n\nallow if input.args.amount <= data.refunds.limit\n";
const SECRET: &[u8] = include_bytes!("../../keys/secret.txt");
const RSA: [&[u8]; 2] = [
    include_bytes!("../../keys/rsa_private.pem"),
    include_bytes!("../../keys/rsa_public.pem"),
];
const EC: [&[u8]; 2] = [
    include_bytes!("../../keys/ec_private.pem"),
    include_bytes!("../../keys/ec_public.pem"),
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
