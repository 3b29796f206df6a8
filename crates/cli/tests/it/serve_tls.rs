//! `kitelogik serve` with a certificate of its own.

use std::fs;

use kitelogik_core::Masking;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::Value;

use crate::record::record;
use crate::serve::Running;
use crate::shell::Shell;

const ARGUMENTS: [&str; 7] = [
    "serve",
    "--json",
    "--bind=127.0.0.1:0",
    "--tls-certificate",
    "chain.pem",
    "--tls-key",
    "key.pem",
];

fn set_up() -> Shell {
    let shell = Shell::new();
    record(&shell, &[50], Masking::none());
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    fs::write(shell.path("chain.pem"), cert.pem()).unwrap();
    fs::write(shell.path("key.pem"), signing_key.serialize_pem()).unwrap();
    shell
}

#[cfg(unix)]
fn restrict(shell: &Shell, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;

    let permissions = fs::Permissions::from_mode(mode);
    fs::set_permissions(shell.path("key.pem"), permissions).unwrap();
}

#[test]
fn people_reach_it_by_https() {
    let shell = set_up();
    #[cfg(unix)]
    restrict(&shell, 0o600);
    let (_running, mut told) = Running::command(shell.command().args(ARGUMENTS));
    let told: Value = serde_json::from_str(&told.next().unwrap()).unwrap();
    for name in ["url", "link"] {
        let url = told[name].as_str().unwrap();
        assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    }
}

#[test]
#[cfg(unix)]
fn a_key_that_others_can_read_or_that_is_missing_serves_nothing() {
    let shell = set_up();
    restrict(&shell, 0o644);
    let told = shell.run(&ARGUMENTS).code(2).stderr;
    assert!(told.contains("is open to others"), "{told}");
    let told = shell.run(&["serve", "--tls-certificate", "chain.pem"]);
    assert!(told.code(2).stderr.contains("--tls-key"));
    restrict(&shell, 0o600);
    fs::write(shell.path("key.pem"), "a").unwrap();
    let told = shell.run(&ARGUMENTS).code(2).stderr;
    assert!(told.contains("the key cannot be used"), "{told}");
}
