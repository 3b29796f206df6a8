//! The tutorial of the README, word for word, in an empty folder.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

#[test]
fn the_tutorial_of_the_readme_works_word_for_word() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = fs::read_to_string(workspace.join("README.md")).unwrap();
    let tutorial = readme
        .split_once("<!-- tutorial -->\n```sh\n")
        .and_then(|(_, rest)| rest.split_once("```"))
        .map(|(tutorial, _)| tutorial)
        .unwrap();
    // What the workspace builds with is there, so that the agent is built without a network.
    let offline = "cp \"$WORKSPACE/Cargo.lock\" .\ncargo run";
    assert_eq!(tutorial.matches("cargo run").count(), 1);
    let script = format!("set -e\n{}", tutorial.replace("cargo run", offline));

    let folder = TempDir::new().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_kitelogik")).parent().unwrap();
    let path = env::var("PATH").unwrap();
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder.path())
        .env("PATH", format!("{}:{path}", program.display()))
        .env("WORKSPACE", workspace.canonicalize().unwrap())
        .env("CARGO_NET_OFFLINE", "true")
        .env(
            "CARGO_TARGET_DIR",
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("init"),
        )
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{errors}");
    for expected in [
        "nothing found",
        "PASS: 10/10",
        "reason       = gift cards are not refunded",
        "[BLOCKED] approve_refund",
    ] {
        assert!(printed.contains(expected), "no `{expected}` in: {printed}");
    }
}
