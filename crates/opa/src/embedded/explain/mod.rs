//! Why a decision was made, for people.

mod masked;
mod rule;
mod suggestion;

use std::fmt;
use std::sync::Arc;

use kitelogik_core::{
    EngineError, GovernanceEvent, Masking, PolicyDecision, PolicyInput, SessionContext,
    ToolCallInput,
};
use kitelogik_rego::{CompileError, Program, Question, RuleOutcome, Sources};
use serde::Serialize;
use serde_json::Value;

pub use self::rule::{ExplainedRule, FailedCondition, MetValue, RuleResult};
pub use self::suggestion::{SuggestedChange, Suggestion};

use self::masked::Masked;
use super::{Embedded, EmbeddedError, Shared};

/// What the built-in bundle asks the user's rules for; not all of it, where a rule that denies is found first.
const ANSWERS: [&str; 3] = [
    "data.kitelogik.userpolicy.allow",
    "data.kitelogik.userpolicy.deny",
    "data.kitelogik.userpolicy.hitl",
];

/// How many steps of a plan are explained.
const MAX_STEPS: usize = 32;

/// A decision, and why it was made: see [`Embedded::explain`].
///
/// It is for people who write and review policies. Serialised, it is what `kitelogik explain --json` prints.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The input document that was judged, masked.
    pub input: Value,
    /// What is decided; its reason and detail masked.
    pub decision: PolicyDecision,
    /// Every rule that concerned the event: asked for, and not ruled out by the event's action, tool or type. Those of
    /// the user come first.
    pub rules: Vec<ExplainedRule>,
    /// One change each that makes it allowed. Empty where it is, and where no single argument, scope or role does.
    pub suggestions: Vec<Suggestion>,
    /// Whether there was not the time, or the event was too large, to look at all rules.
    pub incomplete: bool,
    /// The steps of a plan, each as the call that it stands for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Explanation>,
}

impl Explanation {
    /// The same, where nobody decides because of `error`.
    #[cfg(feature = "reload")]
    pub(crate) fn instead(mut self, error: &EngineError) -> Self {
        self.decision = PolicyDecision::fail_closed(error);
        self.suggestions.clear();
        let steps = self.steps.into_iter();
        self.steps = steps.map(|step| step.instead(error)).collect();
        self
    }
}

/// What explaining needs besides deciding; made when it is first asked for.
pub(super) struct Explainer {
    sources: Sources,
    /// Where the engine itself has none.
    program: Option<Program>,
}

impl fmt::Debug for Explainer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Explainer").finish_non_exhaustive()
    }
}

impl Explainer {
    fn new(shared: &Shared) -> Result<Self, CompileError> {
        let modules = shared.policy.modules().iter();
        Ok(Self {
            sources: Sources::read(modules.map(|module| (module.name(), module.text())))?,
            program: match shared.program {
                Some(_) => None,
                None => Some(shared.interpreter.program()?),
            },
        })
    }
}

impl Embedded {
    /// What is decided about `event`, and why: every rule that concerned it, the first condition of each that did not
    /// hold with the value it met, and what would make it allowed where that is one argument, scope or role.
    ///
    /// The decision is the one that [`decide`](kitelogik_core::PolicyEngine::decide) makes with the budget figures of
    /// `context`; a suggestion was decided as well before it is one. Values are masked as `masking` says, wherever they show,
    /// what is computed from a masked part as a whole. Rules in YAML are shown as they are written, not as the Rego they
    /// became.
    ///
    /// Rules left to the interpreter are explained by what it says of them and of the beginnings of their bodies, and name the
    /// reason. Statements that cannot be told apart because of their order are shown as one condition. What such a rule says, and
    /// the values it met that are no parts of the event, are shown as masked unless they are the same without what is masked.
    ///
    /// It takes milliseconds, not microseconds, and up to twenty times the
    /// [time of one evaluation](super::EmbeddedBuilder::evaluation_time), on the thread that asks; and about as long as loading
    /// the policy where it is the first time, or rules of a package are left to the interpreter for the first time. It is for
    /// people: nothing of it belongs into what a model reads.
    ///
    /// ```
    /// use kitelogik_core::{GovernanceEvent, Masking, SessionContext, ToolCallInput};
    /// use kitelogik_opa::Embedded;
    /// use kitelogik_policy::Policy;
    /// use serde_json::json;
    ///
    /// let engine = Embedded::new(Policy::from_yaml(
    ///     "
    /// version: 1
    /// rules:
    ///   - name: small_refunds
    ///     when: {action: approve_refund, args: {amount: {lte: 100}}}
    ///     then: allow
    /// ",
    /// )?)?;
    /// let args = json!({ "amount": 150 }).as_object().cloned().unwrap_or_default();
    /// let event = GovernanceEvent::ToolCall(ToolCallInput::new("approve_refund", args));
    ///
    /// let explanation = engine.explain(&event, &SessionContext::new("s1"), &Masking::none())?;
    /// let rule = &explanation.rules[0];
    /// assert_eq!(rule.to_string(), "small_refunds (rules.yaml:4)");
    /// assert_eq!(
    ///     rule.result.to_string(),
    ///     "did not fire: rules.yaml:5: `args: {amount: {lte: 100}}` met args.amount = 150"
    /// );
    /// assert_eq!(explanation.suggestions[0].to_string(), "args.amount = 100 instead of 150");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The policy cannot be made ready for it. That nobody could decide is no error, but a decision that says
    /// [`fail_closed`](PolicyDecision::fail_closed).
    pub fn explain(
        &self,
        event: &GovernanceEvent,
        context: &SessionContext,
        masking: &Masking,
    ) -> Result<Explanation, EmbeddedError> {
        let shared = &self.shared;
        let explainer = match shared.explainer.get() {
            Some(explainer) => explainer,
            None => {
                let made = Explainer::new(shared)?;
                shared.explainer.get_or_init(|| made)
            }
        };
        Ok(shared.explain(explainer, event, context, masking))
    }
}

impl Shared {
    fn explain(
        self: &Arc<Self>,
        explainer: &Explainer,
        event: &GovernanceEvent,
        context: &SessionContext,
        masking: &Masking,
    ) -> Explanation {
        let input = PolicyInput::new(event, context, context.into());
        let mut decision = self.verdict(event, context);
        let mut masked = Masked::new(&input, masking);
        let program = self.program.as_ref().or(explainer.program.as_ref());
        let trace = program
            .map(|program| {
                let limits = self.limits.of_program(self.limits.evaluation_time);
                let question = Question {
                    input: &input,
                    masked: masked.document(),
                    limits,
                    also: &ANSWERS,
                };
                program.trace(&self.interpreter, &explainer.sources, &question)
            })
            .unwrap_or_default();
        let fired = trace.rules.iter().filter_map(|rule| match &rule.outcome {
            RuleOutcome::Fired(says) => Some(says),
            _ => None,
        });
        masked.hide(fired.flatten());
        let suggestions = if decision.allowed() {
            Vec::new()
        } else {
            suggestion::search(self, &trace.candidates, event, context, &masked)
        };
        decision.reason = masked.text("reason", &decision.reason);
        decision.detail = decision.detail.map(|detail| masked.text("detail", &detail));
        Explanation {
            rules: rule::explained(&self.policy, trace.rules, &masked),
            input: masked.into_document(),
            decision,
            suggestions,
            incomplete: trace.incomplete,
            steps: self.steps(explainer, event, context, masking),
        }
    }

    /// Each step as the built-in bundle judges it.
    fn steps(
        self: &Arc<Self>,
        explainer: &Explainer,
        event: &GovernanceEvent,
        context: &SessionContext,
        masking: &Masking,
    ) -> Vec<Explanation> {
        let GovernanceEvent::AgentPlan(plan) = event else {
            return Vec::new();
        };
        if self.policy.limits().is_none() {
            return Vec::new();
        }
        let calls = plan.steps.iter().take(MAX_STEPS).map(|step| {
            GovernanceEvent::ToolCall(ToolCallInput {
                data_classification: plan.data_classification,
                ..ToolCallInput::new(step.action.as_str(), step.args.clone())
            })
        });
        calls
            .map(|call| self.explain(explainer, &call, context, masking))
            .collect()
    }

    /// What is decided with the budget figures of `context`.
    fn verdict(
        self: &Arc<Self>,
        event: &GovernanceEvent,
        context: &SessionContext,
    ) -> PolicyDecision {
        let decided = self.decide(&PolicyInput::new(event, context, context.into()));
        match decided
            .map_err(EngineError::from)
            .and_then(|decided| decided)
        {
            Ok(mut decision) => {
                decision.revision = Some(Arc::clone(&self.revision));
                decision.engine = Some(std::borrow::Cow::Borrowed("embedded"));
                decision
            }
            Err(error) => PolicyDecision::fail_closed(&error),
        }
    }
}
