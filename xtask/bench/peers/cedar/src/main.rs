//! Cedar.

#[path = "../../../src/memory.rs"]
mod memory;
#[path = "../../protocol.rs"]
mod protocol;
// The very code that our own decisions are timed with.
#[path = "../../../src/times.rs"]
#[expect(dead_code, reason = "one part of what the others use")]
mod times;

use anyhow::{Context as _, Result, ensure};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, PolicySet,
    Request, RestrictedExpression,
};
use serde_json::Value;

use crate::protocol::Peer;

fn main() -> Result<()> {
    protocol::serve::<Cedar>()
}

struct Cedar {
    policies: PolicySet,
    entities: Entities,
    authorizer: Authorizer,
    actions: EntityTypeName,
    principal: EntityUid,
    resource: EntityUid,
}

/// What the policies look at.
struct Call {
    action: String,
    amount: i64,
    scopes: Vec<String>,
}

impl Peer for Cedar {
    type Call = Call;

    fn load(policy: &str) -> Result<Self> {
        Ok(Self {
            policies: policy.parse()?,
            entities: Entities::empty(),
            authorizer: Authorizer::new(),
            actions: "Action".parse()?,
            principal: "User::\"support_agent\"".parse()?,
            resource: "Tool::\"tool\"".parse()?,
        })
    }

    fn call(document: &Value) -> Result<Call> {
        let scopes = document["context"]["session_scopes"].as_array();
        Ok(Call {
            action: document["action"].as_str().context("no action")?.to_owned(),
            amount: document["args"]["amount"].as_i64().context("no amount")?,
            scopes: scopes
                .context("no scopes")?
                .iter()
                .filter_map(|scope| Some(scope.as_str()?.to_owned()))
                .collect(),
        })
    }

    fn decide(&self, call: &Call) -> Result<&'static str> {
        let action =
            EntityUid::from_type_name_and_id(self.actions.clone(), EntityId::new(&call.action));
        let scopes = call
            .scopes
            .iter()
            .map(|scope| RestrictedExpression::new_string(scope.clone()));
        let context = Context::from_pairs([
            (
                "amount".to_owned(),
                RestrictedExpression::new_long(call.amount),
            ),
            (
                "session_scopes".to_owned(),
                RestrictedExpression::new_set(scopes),
            ),
        ])?;
        let request = Request::new(
            self.principal.clone(),
            action,
            self.resource.clone(),
            context,
            None,
        )?;
        let response = self
            .authorizer
            .is_authorized(&request, &self.policies, &self.entities);
        ensure!(
            response.diagnostics().errors().next().is_none(),
            "an error in a policy"
        );
        let reasons = response.diagnostics().reason().next().is_some();
        Ok(match (response.decision(), reasons) {
            (Decision::Allow, _) => "ALLOW",
            (Decision::Deny, true) => "DENY",
            (Decision::Deny, false) => "REFUSE",
        })
    }
}
