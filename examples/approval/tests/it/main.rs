//! The example, from its question to the refund. `cargo test` builds it beside this program.

use std::env;
use std::process::Command;

#[test]
fn the_agent_waits_for_the_approval_and_goes_on() {
    let program = env::current_exe()
        .unwrap()
        .parent()
        .and_then(|deps| deps.parent())
        .expect("tests lie two folders below the build")
        .join("examples/approval");
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(program)
        .args(["--auto", "--store", "sqlite:kitelogik.db"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let at = |text: &str| {
        printed
            .find(text)
            .unwrap_or_else(|| panic!("`{text}` in {printed}"))
    };
    assert!(at("agent: approve_refund") < at("approvals approve apr_"));
    assert!(at("approvals approve apr_") < at("Refunded $150.00 to cust_001"));
    assert!(at("Refunded $150.00 to cust_001") < at("I go on"));
    assert!(folder.path().join("kitelogik.db").exists());
}
