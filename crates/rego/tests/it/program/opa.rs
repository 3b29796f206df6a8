//! OPA with strict built-in errors, asked over its REST API.

use std::io::{Read, Write};
use std::net::TcpStream;

use kitelogik_core::FailClosed;
use kitelogik_opa_process::OpaProcess;
use serde_json::{Value, json};

use super::Outcome;

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
        modules
            .iter()
            .rev()
            .all(|(name, text)| self.send("PUT", &format!("/v1/policies/{name}"), text).0 == 200)
    }

    pub(crate) fn ask(&mut self, input: &Value) -> Outcome {
        let body = json!({ "input": input }).to_string();
        let (status, answer) = self.send(
            "POST",
            "/v1/data/kitelogik/main?strict-builtin-errors=true",
            &body,
        );
        if status != 200 {
            return Err(FailClosed::EvaluationError);
        }
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer
            .get("result")
            .cloned()
            .ok_or(FailClosed::UndefinedDecision)
    }

    fn send(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.process.port().unwrap())).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer[9..12].parse().unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        (status, body.to_owned())
    }
}
