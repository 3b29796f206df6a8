//! A ledger in a folder of its own, and a server of it.

use std::time::Duration;

use kitelogik_core::{
    Approval, ApprovalRequest, Approver, AuditSink, DecisionRecord, GovernanceEvent, Outcome,
    PolicyDecision, SessionContext, ToolCallInput, Use,
};
use kitelogik_ledger::{ApprovalView, Ledger, Reviewer, Timestamp};
use kitelogik_web::{Identity, Server, ServerBuilder, TokenFile};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::http::{Answer, Events, send};

/// A ledger and a server. Both end when this is dropped.
pub(crate) struct House {
    pub(crate) port: u16,
    pub(crate) link: String,
    pub(crate) ledger: Ledger,
    pub(crate) tokens: TokenFile,
    pub(crate) runtime: Runtime,
    end: Option<oneshot::Sender<()>>,
    _folder: TempDir,
}

impl House {
    /// How often an address may fail to sign in.
    pub(crate) const ATTEMPTS: u32 = 5;

    pub(crate) fn open() -> Self {
        Self::with_link(Duration::from_secs(60))
    }

    /// With a link that can be used for so long.
    pub(crate) fn with_link(lifetime: Duration) -> Self {
        Self::build(lifetime, |builder| builder)
    }

    /// With a server that is set up so.
    pub(crate) fn with(configure: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        Self::build(Duration::from_secs(60), configure)
    }

    fn build(lifetime: Duration, configure: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let folder = TempDir::new().unwrap();
        let runtime = Runtime::new().unwrap();
        let tokens = TokenFile::new(folder.path().join("tokens"));
        let address = format!("sqlite:{}", folder.path().join("ledger.db").display());
        let (ledger, server) = runtime.block_on(async {
            let ledger = Ledger::open(&address).await.unwrap();
            let builder = Server::builder(ledger.clone())
                .bind(([127, 0, 0, 1], 0).into())
                .tokens(tokens.clone())
                .attempts(Self::ATTEMPTS);
            let server = configure(builder).start().await.unwrap();
            (ledger, server)
        });
        let port = server.url().rsplit_once(':').unwrap().1.parse().unwrap();
        let ann = Identity::new("ann", "operator");
        let link = server.link(ann, lifetime).unwrap();
        let link = link.strip_prefix(&server.url()).unwrap().to_owned();
        let (end, ended) = oneshot::channel::<()>();
        runtime.spawn(server.run(async {
            let _ = ended.await;
        }));
        Self {
            port,
            link,
            ledger,
            tokens,
            runtime,
            end: Some(end),
            _folder: folder,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// A token for `identity`, good for an hour.
    pub(crate) fn token(&self, identity: Identity) -> String {
        let expires = Timestamp::now().after(Duration::from_secs(3600));
        self.tokens.create(identity, expires).unwrap()
    }

    /// Asks for approval of a call; the id of the request.
    pub(crate) fn ask(&self, call: &Asked) -> String {
        let (event, context, decision) = call.parts();
        let request = ApprovalRequest::new(&event, &context, &decision);
        let approver = self.ledger.approvals().pending();
        let asked = self.runtime.block_on(approver.approve(&request)).unwrap();
        assert!(matches!(asked, Approval::Pending { .. }), "{asked:?}");
        asked.request().to_owned()
    }

    /// What the same call finds when it asks again, and whether its approval is used then.
    pub(crate) fn ask_again(&self, call: &Asked) -> (Approval, bool) {
        let (event, context, decision) = call.parts();
        let request = ApprovalRequest::new(&event, &context, &decision);
        let approver = self.ledger.approvals().pending();
        self.runtime.block_on(async {
            let found = approver.approve(&request).await.unwrap();
            let used = matches!(found, Approval::Granted { .. })
                && approver.use_up(&request, found.request()).await.unwrap() == Use::Taken;
            (found, used)
        })
    }

    /// Records the decision about a call, and that it ran. The decision's id.
    pub(crate) fn record(&self, call: &Asked) -> String {
        let (event, context, decision) = call.parts();
        self.runtime.block_on(async {
            let record = DecisionRecord::new(&event, &context, &decision);
            let audit = self.ledger.audit();
            let id = audit.record_decision(&record).await.unwrap();
            audit.record_outcome(id, Outcome::NeverRan);
        });
        decision.decision_id
    }

    /// The request as somebody who sees everything sees it.
    pub(crate) fn request(&self, id: &str) -> ApprovalView {
        let approvals = self.ledger.approvals();
        self.runtime
            .block_on(approvals.get(id, &Reviewer::new("test")))
            .unwrap()
    }

    /// A browser's GET.
    pub(crate) fn get(&self, path: &str, cookie: &str) -> Answer {
        send(self.port, "GET", path, &[("Cookie", cookie)], "")
    }

    /// The events of a page that shows the record.
    pub(crate) fn events(&self, cookie: &str) -> Events {
        Events::open(self.port, "/events?records=true", cookie)
    }

    /// A browser's form, sent from a page of the server.
    pub(crate) fn post(&self, path: &str, cookie: &str, form: &[(&str, &str)]) -> Answer {
        let origin = self.url("");
        let headers = [
            ("Cookie", cookie),
            ("Origin", origin.as_str()),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        send(self.port, "POST", path, &headers, &encode(form))
    }

    /// Signs in with a token; the cookie.
    pub(crate) fn sign_in(&self, token: &str) -> String {
        let answer = self.try_token(token).status(303);
        self.session_of(&answer).unwrap()
    }

    /// The name of a cookie: the port is in it, since cookies know no ports.
    pub(crate) fn cookie_name(&self, what: &str) -> String {
        format!("kitelogik-{}{what}", self.port)
    }

    /// The session that an answer begins, as a cookie to send.
    pub(crate) fn session_of(&self, answer: &Answer) -> Option<String> {
        let name = self.cookie_name("");
        let value = answer.cookie(&name)?;
        Some(format!("{name}={value}"))
    }

    pub(crate) fn try_token(&self, token: &str) -> Answer {
        self.sign_in_form("/sign-in", &[("token", token)])
    }

    /// Opens the page at `path` and sends its form with these fields.
    pub(crate) fn sign_in_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.get(path, "").status(200);
        let name = self.cookie_name("-form");
        let cookie = format!("{name}={}", page.cookie(&name).unwrap());
        let csrf = page.form_token();
        let mut form = vec![("csrf", csrf.as_str())];
        form.extend(fields);
        self.post("/sign-in", &cookie, &form)
    }

    /// A program's request, with a bearer token.
    pub(crate) fn api(&self, method: &str, path: &str, token: &str, body: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        send(self.port, method, path, &headers, body)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        drop(self.end.take());
    }
}

/// A call that the policy wants a person to decide.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) session: String,
    pub(crate) principal: String,
    pub(crate) tenant: Option<String>,
    pub(crate) tool: String,
    pub(crate) args: Value,
    pub(crate) result: Value,
}

/// A refund of this amount, asked for by `bot@acme` of the tenant `acme`.
pub(crate) fn refund(amount: u64) -> Asked {
    Asked {
        session: "support-1".to_owned(),
        principal: "bot@acme".to_owned(),
        tenant: Some("acme".to_owned()),
        tool: "approve_refund".to_owned(),
        args: json!({"amount": amount, "customer_id": "cust_001"}),
        result: json!({
            "hitl_reason": ["a person looks at refunds over $100"],
            "rules": ["review_refunds"],
            "risk_tier": "TRANSACTIONAL_HIGH",
        }),
    }
}

impl Asked {
    pub(crate) fn tenant(mut self, tenant: &str) -> Self {
        self.tenant = Some(tenant.to_owned());
        self
    }

    pub(crate) fn session(mut self, session: &str) -> Self {
        self.session = session.to_owned();
        self
    }

    pub(crate) fn args(mut self, args: Value) -> Self {
        self.args = args;
        self
    }

    pub(crate) fn parts(&self) -> (GovernanceEvent, SessionContext, PolicyDecision) {
        let args = self.args.as_object().unwrap().clone();
        let event = GovernanceEvent::ToolCall(ToolCallInput::new(&self.tool, args));
        let mut context = SessionContext::new(&self.session)
            .role("support_agent")
            .principal(&self.principal);
        if let Some(tenant) = &self.tenant {
            context = context.tenant(tenant);
        }
        let decision = PolicyDecision::from_result(&self.result, "data.kitelogik.main").unwrap();
        (event, context, decision)
    }
}

/// A form as browsers send it.
fn encode(form: &[(&str, &str)]) -> String {
    let field = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
                _ => format!("%{byte:02X}"),
            })
            .collect()
    };
    let fields: Vec<String> = form
        .iter()
        .map(|(name, value)| format!("{}={}", field(name), field(value)))
        .collect();
    fields.join("&")
}
