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
