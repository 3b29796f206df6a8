//! A ledger where nothing may be written, as an auditor is given it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use kitelogik_core::Masking;
use serde_json::json;

use crate::approvals::ask;
use crate::record::record;
use crate::shell::Shell;

/// The ledger of another shell's folder, seen through a mount that takes no writes. Needs root; skipped loudly without.
struct Showcase {
    shell: Shell,
}

impl Showcase {
    fn of(original: &Shell) -> Option<Self> {
        let shell = Shell::new();
        shell.write("shown/empty", "");
        let (from, at) = (original.path(""), shell.path("shown"));
        let (from, at) = (from.to_str().unwrap(), at.to_str().unwrap());
        if !mount(&["--bind", from, at]) {
            kitelogik_opa_process::skip(
                "kitelogik-cli read_only",
                "the right to mount a file system (root)",
            );
            return None;
        }
        let showcase = Self { shell };
        assert!(mount(&["-o", "remount,bind,ro", at]));
        std::fs::write(Path::new(at).join("new"), "").unwrap_err();
        Some(showcase)
    }
}

impl Drop for Showcase {
    fn drop(&mut self) {
        let at = self.shell.path("shown");
        let _ = Command::new("umount").arg("-l").arg(at).status();
    }
}

fn mount(arguments: &[&str]) -> bool {
    let mut command = Command::new("mount");
    command.args(arguments);
    command.output().is_ok_and(|output| output.status.success())
}

/// Everything but the key may be read by all.
#[test]
fn who_may_not_read_the_key_reads_the_record() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::process::CommandExt as _;
    let shell = Shell::new();
    record(&shell, &[50], Masking::none());
    let folder = shell.path("");
    let mode = |file: &Path, mode| {
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(&folder, 0o555);
    mode(&shell.path("kitelogik.db"), 0o444);
    let mut key_mode = 0o000;
    let mut user = None;
    if folder.metadata().unwrap().uid() == 0 {
        // Root may read everything: somebody else asks, by a copy of the program that they reach.
        key_mode = 0o600;
        user = Some(65_534);
        std::fs::copy(env!("CARGO_BIN_EXE_kitelogik"), shell.path("program")).unwrap();
    }
    mode(&shell.path("kitelogik.db.key"), key_mode);
    let run = |arguments: &[&str]| {
        let mut command = match user {
            Some(user) => {
                let mut command = Command::new(shell.path("program"));
                command.uid(user).gid(user).current_dir(&folder);
                command
            }
            None => shell.command(),
        };
        let output = command.args(arguments).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), told)
    };
    for arguments in [&["audit", "query"][..], &["audit", "verify"]] {
        assert_eq!(run(arguments), (0, String::new()), "{arguments:?}");
    }
    let (code, told) = run(&["approvals", "list"]);
    assert_eq!(code, 2);
    assert!(told.contains("is needed for approvals"), "{told}");
    mode(&folder, 0o755);
}

#[test]
fn everything_that_only_reads_works_where_nothing_can_be_written() {
    let original = Shell::with_refunds();
    record(&original, &[50, 150, 300], Masking::none());
    let refund = json!({"customer_id": "cust_001", "amount": 150});
    let request = ask(&original, refund).request().to_owned();
    let newest = ["audit", "query", "--limit", "1", "--json", "-q"];
    let newest = original.run(&newest).code(0).json();
    let decision = newest["decision_id"].as_str().unwrap();
    let Some(showcase) = Showcase::of(&original) else {
        return;
    };
    let shell = &showcase.shell;
    for arguments in [
        &["audit", "query"][..],
        &["audit", "show", decision],
        &["audit", "export"],
        &["audit", "export", "--format", "chain"],
        &["audit", "verify"],
        &["audit", "stats"],
        &["audit", "report"],
        &["approvals", "list"],
        &["approvals", "show", &request],
        &["replay", "--policy", "shown/policies"],
    ] {
        let mut arguments = arguments.to_vec();
        arguments.extend(["--store", "sqlite:shown/kitelogik.db"]);
        let ended = shell.run(&arguments).code(0);
        assert!(!ended.stdout.is_empty(), "{arguments:?}");
    }
    let mut tail = shell
        .command()
        .args(["audit", "tail", "--store", "sqlite:shown/kitelogik.db"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut lines = BufReader::new(tail.stdout.take().unwrap());
    lines.read_line(&mut line).unwrap();
    tail.kill().unwrap();
    tail.wait().unwrap();
    assert!(line.contains("approve_refund"), "{line}");

    let note = [
        "approvals",
        "approve",
        &request,
        "--store",
        "sqlite:shown/kitelogik.db",
    ];
    let refused = shell.run(&note).code(2).stderr;
    assert!(refused.contains("opening the ledger"), "{refused}");
}
