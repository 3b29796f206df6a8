//! OPA with strict built-in errors, asked over its REST API.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use kitelogik_core::FailClosed;
use kitelogik_opa_process::OpaProcess;
use serde_json::{Value, json};

use super::Outcome;

/// Some policies keep OPA busy without an end.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Opa {
    process: OpaProcess,
}

impl Opa {
    pub(crate) fn start(found: &kitelogik_opa_process::Opa) -> Self {
        Self {
            process: found.server().start().unwrap(),
        }
    }

    /// Exchanges the policy; whether OPA takes it.
    pub(crate) fn load(&mut self, modules: &[(String, String)], data: &Value) -> bool {
        // What is there refers to the library.
        self.send("DELETE", "/v1/policies/main.rego", "");
        self.send("PUT", "/v1/data/table", &data["table"].to_string());
        modules.iter().rev().all(|(name, text)| {
            let answer = self.send("PUT", &format!("/v1/policies/{name}"), text);
            answer.is_some_and(|(status, _)| status == 200)
        })
    }

    /// What OPA says; nothing where it does not come to an end, after which nothing is loaded.
    pub(crate) fn ask(&mut self, input: &Value) -> Option<Outcome> {
        let body = json!({ "input": input }).to_string();
        let path = "/v1/data/kitelogik/main?strict-builtin-errors=true";
        let Some((status, answer)) = self.send("POST", path, &body) else {
            self.process.restart().unwrap();
            return None;
        };
        if status != 200 {
            return Some(Err(FailClosed::EvaluationError));
        }
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let result = answer.get("result").cloned();
        Some(result.ok_or(FailClosed::UndefinedDecision))
    }

    fn send(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.process.port().unwrap())).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        match stream.read_to_string(&mut answer) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return None;
            }
            read => read.unwrap(),
        };
        let status = answer[9..12].parse().unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        Some((status, body.to_owned()))
    }
}
