//! What the example prints. `cargo test` builds it beside this program.

use std::env;
use std::fs;
use std::process::Command;

#[test]
fn the_example_prints_what_its_snapshot_holds() {
    let program = env::current_exe()
        .unwrap()
        .parent()
        .and_then(|deps| deps.parent())
        .expect("tests lie two folders below the build")
        .join("examples/hot_reload");
    let output = Command::new(program).output().unwrap();
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    let snapshot = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshot.txt");
    if env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(snapshot, &printed).unwrap();
    }
    assert_eq!(
        printed,
        fs::read_to_string(snapshot).unwrap(),
        "run with UPDATE_SNAPSHOTS=1 and read the difference"
    );
}
