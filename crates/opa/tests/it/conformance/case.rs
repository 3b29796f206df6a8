use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use kitelogik_core::{
    AgentBudget, AgentDelegate, AgentPlan, AgentSpawn, DataClassification, FailClosed,
    GovernanceEvent, PlanStep, PolicyDecision, RiskTier, SessionContext, ToolCallInput, Verdict,
};
use kitelogik_policy::Policy;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// One row of a table: a policy, a call, and what must be decided.
pub(crate) struct Case {
    pub(crate) file: String,
    pub(crate) note: String,
    pub(crate) event: GovernanceEvent,
    pub(crate) context: SessionContext,
    pub(crate) want: Want,
    /// The code with which the embedded engine denies what it cannot decide as OPA does.
    pub(crate) embedded: Option<String>,
    modules: Vec<String>,
    rules: Vec<String>,
    bundle: Option<Bundle>,
    data: Option<Value>,
    entry_point: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    cases: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    note: String,
    policy: Option<OneOrMore>,
    rules: Option<OneOrMore>,
    bundle: Option<Bundle>,
    data: Option<Value>,
    entry_point: Option<String>,
    #[serde(default)]
    input: Input,
    want: Want,
    embedded: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    fn all(texts: Option<Self>) -> Vec<String> {
        match texts {
            None => Vec::new(),
            Some(Self::One(text)) => vec![text],
            Some(Self::More(texts)) => texts,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Bundle {
    /// Without the built-in bundle.
    Alone,
    /// With the built-in bundle, but for its security rules.
    WithoutSecurity,
}

/// The input of a case, laid over a tool call of `approve_refund` by `example_01`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    event_type: Option<String>,
    action: Option<String>,
    tool_name: Option<String>,
    #[serde(default)]
    args: Map<String, Value>,
    resource_path: Option<String>,
    data_classification: Option<DataClassification>,
    #[serde(default)]
    requested_capabilities: Vec<String>,
    delegation_target: Option<String>,
    #[serde(default)]
    steps: Vec<PlanStep>,
    #[serde(default)]
    context: Map<String, Value>,
}

/// What must be decided: only what is given is compared.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Want {
    verdict: Verdict,
    reason: Option<String>,
    rule_matched: Option<String>,
    risk_tier: Option<RiskTier>,
    rules: Option<BTreeSet<String>>,
    fail_closed: Option<FailClosed>,
}

/// All cases of all tables.
pub(crate) fn all() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no tables in {}", folder.display());
    files.iter().flat_map(|path| read(path)).collect()
}

fn read(path: &Path) -> Vec<Case> {
    let file = path.file_name().unwrap().to_string_lossy().into_owned();
    let text = fs::read_to_string(path).unwrap();
    let table: Table =
        yaml_serde::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut notes = BTreeSet::new();
    table
        .cases
        .into_iter()
        .map(|row| {
            assert!(
                notes.insert(row.note.clone()),
                "{file}: two cases are `{}`",
                row.note
            );
            row.case(&file)
        })
        .collect()
}

impl Row {
    fn case(self, file: &str) -> Case {
        let place = format!("{file} `{}`", self.note);
        let mut context = json!({
            "session_id": "example_01",
            "user_role": "support_agent",
            "session_scopes": ["read_customer", "approve_refund_under_100"],
        });
        for (key, value) in &self.input.context {
            context[key] = value.clone();
        }
        let context: SessionContext =
            serde_json::from_value(context).unwrap_or_else(|error| panic!("{place}: {error}"));
        if let Some(code) = &self.embedded {
            let known =
                code == "not_loaded" || serde_json::from_value::<FailClosed>(json!(code)).is_ok();
            assert!(known, "{place}: unknown code `{code}`");
        }
        Case {
            file: file.to_owned(),
            note: self.note,
            event: self.input.event(&place),
            context,
            want: self.want,
            embedded: self.embedded,
            modules: OneOrMore::all(self.policy),
            rules: OneOrMore::all(self.rules),
            bundle: self.bundle,
            data: self.data,
            entry_point: self.entry_point,
        }
    }
}

impl Input {
    fn event(self, place: &str) -> GovernanceEvent {
        let data_classification = self.data_classification;
        let agent = self
            .event_type
            .as_deref()
            .is_some_and(|kind| kind != "tool_call");
        let calls =
            self.tool_name.is_some() || !self.args.is_empty() || self.resource_path.is_some();
        let lists = !self.requested_capabilities.is_empty()
            || self.delegation_target.is_some()
            || !self.steps.is_empty();
        assert!(
            !(agent && calls || !agent && lists),
            "{place}: a key of another kind of event"
        );
        match self.event_type.as_deref().unwrap_or("tool_call") {
            "tool_call" => {
                let tool = self.tool_name.or_else(|| self.action.clone());
                let tool = tool.unwrap_or_else(|| "approve_refund".to_owned());
                let mut call = ToolCallInput::new(tool, self.args);
                if let Some(action) = self.action {
                    call.action = action;
                }
                call.resource_path = self.resource_path;
                call.data_classification = data_classification;
                GovernanceEvent::ToolCall(call)
            }
            "agent.spawn" => GovernanceEvent::AgentSpawn(AgentSpawn {
                action: self.action,
                requested_capabilities: self.requested_capabilities,
                data_classification,
            }),
            "agent.delegate" => GovernanceEvent::AgentDelegate(AgentDelegate {
                action: self.action,
                delegation_target: self.delegation_target,
                requested_capabilities: self.requested_capabilities,
                data_classification,
            }),
            "agent.plan" => GovernanceEvent::AgentPlan(AgentPlan {
                action: self.action,
                steps: self.steps,
                data_classification,
            }),
            "agent.budget" => GovernanceEvent::AgentBudget(AgentBudget {
                action: self.action,
                data_classification,
            }),
            other => panic!("{place}: unknown event type `{other}`"),
        }
    }
}

impl Case {
    /// Whether this case has the policy of that one.
    pub(crate) fn shares_policy(&self, other: &Self) -> bool {
        (
            &self.modules,
            &self.rules,
            self.bundle,
            &self.data,
            &self.entry_point,
        ) == (
            &other.modules,
            &other.rules,
            other.bundle,
            &other.data,
            &other.entry_point,
        )
    }

    /// The case's policy, as every engine is given it.
    pub(crate) fn policy(&self) -> Result<Policy, String> {
        let mut builder = Policy::builder();
        match self.bundle {
            None => {}
            Some(Bundle::Alone) => builder = builder.without_builtin_bundle(),
            Some(Bundle::WithoutSecurity) => builder = builder.without_builtin_security(),
        }
        if let Some(entry_point) = &self.entry_point {
            builder = builder.entry_point(entry_point.as_str());
        }
        for (number, text) in self.modules.iter().enumerate() {
            builder = builder.rego(format!("policy_{}.rego", number + 1), text.as_str());
        }
        for (number, text) in self.rules.iter().enumerate() {
            builder = builder.yaml(format!("rules_{}.yaml", number + 1), text.as_str());
        }
        let data = self.data.clone().unwrap_or_else(|| json!({}));
        builder
            .data(data)
            .build()
            .map_err(|error| error.to_string())
    }
}

impl Want {
    /// What of this `got` does not meet.
    pub(crate) fn unmet(&self, got: &PolicyDecision) -> Vec<String> {
        let mut unmet = Vec::new();
        let mut compare = |key: &str, wanted: Option<String>, got: String| {
            if let Some(wanted) = wanted.filter(|wanted| *wanted != got) {
                unmet.push(format!("{key}: wanted `{wanted}`, got `{got}`"));
            }
        };
        let listed =
            |rules: &BTreeSet<String>| rules.iter().cloned().collect::<Vec<_>>().join(", ");
        compare(
            "verdict",
            Some(self.verdict.to_string()),
            got.verdict.to_string(),
        );
        compare("reason", self.reason.clone(), got.reason.clone());
        compare(
            "rule_matched",
            self.rule_matched.clone(),
            got.rule_matched.clone().unwrap_or_default(),
        );
        compare(
            "risk_tier",
            self.risk_tier.map(|tier| tier.to_string()),
            got.risk_tier.to_string(),
        );
        compare("rules", self.rules.as_ref().map(listed), listed(&got.rules));
        // A fault is never what a case meant unless it says so.
        compare(
            "fail_closed",
            Some(
                self.fail_closed
                    .map_or_else(String::new, |code| code.to_string()),
            ),
            got.fail_closed
                .map_or_else(String::new, |code| code.to_string()),
        );
        if let (false, Some(detail)) = (unmet.is_empty(), &got.detail) {
            unmet.push(format!("detail: {detail}"));
        }
        unmet
    }
}
