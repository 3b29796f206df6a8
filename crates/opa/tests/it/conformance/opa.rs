use std::collections::BTreeMap;
use std::time::Duration;

use kitelogik_opa::OpaClient;
use kitelogik_opa_process::{OpaProcess, opa_or_skip};
use kitelogik_policy::Policy;

use super::{Failures, case, decide};

#[tokio::test]
async fn every_case_has_its_answer_on_opa() {
    let Some(opa) = opa_or_skip!() else { return };
    let mut server = Loaded::new(opa.server().start().unwrap());
    let mut failures = Failures::default();
    for case in case::all() {
        let got = match case.policy() {
            Err(problem) => Err(problem),
            Ok(policy) => match server.load(&policy).await {
                Err(problem) => Err(problem),
                Ok(()) => {
                    let client = OpaClient::builder()
                        .base_url(server.process.url())
                        .entry_point(policy.entry_point())
                        .timeout(Duration::from_secs(20))
                        .build()
                        .unwrap();
                    Ok(decide(&client, &case).await)
                }
            },
        };
        // What the embedded engine does not load has no policy here either.
        if got.is_err() && case.embedded.as_deref() == Some("not_loaded") {
            continue;
        }
        failures.check("opa", &case, got);
    }
    failures.report();
}

/// One OPA for all cases, whose policies are exchanged over its management API.
pub(crate) struct Loaded {
    process: OpaProcess,
    http: reqwest::Client,
    modules: BTreeMap<String, String>,
}

impl Loaded {
    pub(crate) fn new(process: OpaProcess) -> Self {
        // The client wants TLS even where it speaks to loopback.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            process,
            http: reqwest::Client::new(),
            modules: BTreeMap::new(),
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        self.process.url()
    }

    /// Brings OPA from the last case's policy to this one.
    pub(crate) async fn load(&mut self, policy: &Policy) -> Result<(), String> {
        let mut wanted: Vec<(String, String)> = policy
            .modules()
            .iter()
            .map(|module| {
                let id = module.name().replace(['/', ' ', '(', ')'], "_");
                (id, module.text().to_owned())
            })
            .collect();
        let stale: Vec<String> = self
            .modules
            .iter()
            .filter(|(id, text)| {
                !wanted
                    .iter()
                    .any(|(wanted_id, wanted)| wanted_id == *id && wanted == *text)
            })
            .map(|(id, _)| id.clone())
            .collect();
        self.settle(stale, |loaded, id| {
            let request = loaded.http.delete(loaded.url(&format!("policies/{id}")));
            (id.clone(), request)
        })
        .await?;
        for id in self.modules.keys() {
            wanted.retain(|(wanted, _)| wanted != id);
        }
        let request = self.http.put(self.url("data"));
        send(request.body(policy.data().to_string())).await?;
        let texts: BTreeMap<_, _> = wanted.iter().cloned().collect();
        self.settle(wanted, |loaded, (id, text)| {
            let request = loaded.http.put(loaded.url(&format!("policies/{id}")));
            (id.clone(), request.body(text.clone()))
        })
        .await?;
        self.modules.extend(texts);
        Ok(())
    }

    /// Sends a request for each; those that OPA refuses because of others are sent again after them.
    async fn settle<T>(
        &mut self,
        mut open: Vec<T>,
        request: impl Fn(&Self, &T) -> (String, reqwest::RequestBuilder),
    ) -> Result<(), String> {
        while !open.is_empty() {
            let mut refused = Vec::new();
            let mut last = String::new();
            let count = open.len();
            for item in open {
                let (id, request) = request(self, &item);
                match send(request).await {
                    Ok(()) => {
                        self.modules.remove(&id);
                    }
                    Err(problem) => {
                        last = problem;
                        refused.push(item);
                    }
                }
            }
            if refused.len() == count {
                return Err(last);
            }
            open = refused;
        }
        Ok(())
    }

    fn url(&self, path: &str) -> String {
        format!("{}/v1/{path}", self.process.url().trim_end_matches('/'))
    }
}

async fn send(request: reqwest::RequestBuilder) -> Result<(), String> {
    let response = request.send().await.map_err(|error| error.to_string())?;
    if response.status().is_success() {
        return Ok(());
    }
    Err(response.text().await.map_err(|error| error.to_string())?)
}
