use std::borrow::Cow;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_util::FutureExt;
use kitelogik_core::{
    BoxFuture, EngineError, FailClosed, LayerAnswer, LayerTrace, PolicyDecision, PolicyEngine,
    PolicyInput, RiskTier, Verdict,
};

/// Several policies for one call: guards, and the one layer that grants.
///
/// An organisation's rules stand before a team's:
///
/// * A **guard** denies or asks for review. Its `allow` grants nothing and its silence (a
///   [`Verdict::Refuse`]) blocks nothing; declared [`must_allow`](LayeredBuilder::must_allow), it
///   also has to allow.
/// * The **grant** layer, exactly one and asked last, allows.
///
/// Nothing a later layer says loosens what a guard said. A layer that denies, or that fails in any
/// way, ends the call: the layers after it are not asked. Otherwise the verdict is the first of
/// these that holds:
///
/// | what the layers say | verdict |
/// |---|---|
/// | the grant layer, or a guard that must allow, refuses | [`Verdict::Refuse`] |
/// | any layer asks for review | [`Verdict::RequireApproval`] |
/// | the grant layer allows | [`Verdict::Allow`] |
///
/// A refusal stands before a review: a person who approves what a guard flagged must not thereby
/// grant what no layer allows.
///
/// The risk tier is the highest of all layers asked, the rules are those of all of them, the reason
/// and the rule that decided are those of the layers whose verdict holds. The decision's trace says
/// what each layer answered and which were skipped.
pub struct Layered {
    layers: Vec<Layer>,
}

impl Layered {
    /// Begins with no layers.
    pub fn builder() -> LayeredBuilder {
        LayeredBuilder {
            layers: Vec::new(),
            must_allow_without_guard: false,
        }
    }
}

/// Collects the layers of a [`Layered`] engine, in the order in which they are asked.
#[must_use]
pub struct LayeredBuilder {
    layers: Vec<Layer>,
    must_allow_without_guard: bool,
}

impl LayeredBuilder {
    /// Adds a guard, asked after those added before.
    pub fn guard(self, name: impl Into<String>, engine: impl PolicyEngine + 'static) -> Self {
        self.layer(name.into(), engine, Role::Guard { must_allow: false })
    }

    /// Declares that the guard added last also has to allow: its silence refuses the call.
    pub fn must_allow(mut self) -> Self {
        match self.layers.last_mut().map(|layer| &mut layer.role) {
            Some(Role::Guard { must_allow }) => *must_allow = true,
            Some(Role::Grant) | None => self.must_allow_without_guard = true,
        }
        self
    }

    /// Sets the one layer that grants. It is asked last, wherever it was added.
    pub fn grant(self, name: impl Into<String>, engine: impl PolicyEngine + 'static) -> Self {
        self.layer(name.into(), engine, Role::Grant)
    }

    /// Checks the layers and puts the grant layer last.
    ///
    /// # Errors
    ///
    /// There is not exactly one grant layer, a name is empty or given twice, or
    /// [`must_allow`](Self::must_allow) did not follow a guard.
    pub fn build(self) -> Result<Layered, LayersError> {
        let mut names = BTreeSet::new();
        for layer in &self.layers {
            if layer.name.trim().is_empty() {
                return Err(LayersError::EmptyName);
            }
            if !names.insert(layer.name.as_str()) {
                return Err(LayersError::DuplicateName(layer.name.clone()));
            }
        }
        if self.must_allow_without_guard {
            return Err(LayersError::MustAllowWithoutGuard);
        }
        let (grants, mut layers): (Vec<Layer>, Vec<Layer>) = self
            .layers
            .into_iter()
            .partition(|layer| layer.role == Role::Grant);
        let mut grants = grants.into_iter();
        match (grants.next(), grants.next()) {
            (None, _) => Err(LayersError::NoGrant),
            (Some(first), Some(second)) => Err(LayersError::SecondGrant {
                first: first.name,
                second: second.name,
            }),
            (Some(grant), None) => {
                layers.push(grant);
                Ok(Layered { layers })
            }
        }
    }

    fn layer(mut self, name: String, engine: impl PolicyEngine + 'static, role: Role) -> Self {
        self.layers.push(Layer {
            name,
            engine: Box::new(engine),
            role,
        });
        self
    }
}

/// Why layers do not make an engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayersError {
    /// Guards alone never allow.
    #[error("no layer grants; add the one that does with `grant`")]
    NoGrant,
    /// Two layers would grant.
    #[error("both `{first}` and `{second}` would grant; make one of them a guard")]
    SecondGrant {
        /// The layer that was added first.
        first: String,
        /// The layer that was added second.
        second: String,
    },
    /// A name is there twice.
    #[error("two layers are named `{0}`; records could not tell them apart")]
    DuplicateName(String),
    /// A name is blank.
    #[error("a layer needs a name; records tell layers apart by it")]
    EmptyName,
    /// There is no guard that could be meant.
    #[error("`must_allow` must follow the guard that it declares")]
    MustAllowWithoutGuard,
}

impl PolicyEngine for Layered {
    fn decide<'a>(
        &'a self,
        input: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        Box::pin(async move {
            let mut answers = Answers::default();
            for layer in &self.layers {
                if answers.denied() {
                    answers.skip(layer);
                } else {
                    let decision = layer.ask(input).await;
                    answers.add(layer, decision);
                }
            }
            answers.decide().ok_or_else(|| {
                EngineError::new(FailClosed::InternalError, "no layer decided the call")
            })
        })
    }

    /// The revisions of all layers, as in `organisation=5f3a…,team=09bc…`; none where no layer
    /// knows its own.
    fn revision(&self) -> Option<Arc<str>> {
        combined(
            self.layers
                .iter()
                .map(|layer| (layer.name.as_str(), layer.revision())),
        )
    }

    fn health(&self) -> BoxFuture<'_, Result<(), EngineError>> {
        Box::pin(async move {
            for layer in &self.layers {
                caught(async { layer.engine.health().await })
                    .await
                    .map_err(|error| layer.named(&error))?;
            }
            Ok(())
        })
    }
}

struct Layer {
    name: String,
    engine: Box<dyn PolicyEngine>,
    role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Guard { must_allow: bool },
    Grant,
}

impl Layer {
    async fn ask(&self, input: &PolicyInput<'_>) -> PolicyDecision {
        let answer = caught(async { self.engine.decide(input).await }).await;
        match answer {
            Err(error) => PolicyDecision::fail_closed(&self.named(&error)),
            Ok(mut decision) => {
                if decision.fail_closed.is_some() {
                    decision.verdict = Verdict::Deny;
                    let detail = decision.detail.take().unwrap_or_default();
                    decision.detail = Some(self.in_layer(&detail));
                }
                // Approval is the gate's to ask for, never an engine's to bring along.
                decision.approval = None;
                decision
            }
        }
    }

    /// Its policy's revision; where the engine panics instead, it is unknown, and no call ends by that.
    fn revision(&self) -> Option<Arc<str>> {
        catch_unwind(AssertUnwindSafe(|| self.engine.revision())).unwrap_or_else(|_| {
            tracing::error!(
                layer = self.name,
                "the engine panicked when it was asked for its revision"
            );
            None
        })
    }

    fn named(&self, error: &EngineError) -> EngineError {
        EngineError::new(error.code(), self.in_layer(error.detail()))
    }

    fn in_layer(&self, detail: &str) -> String {
        format!("layer `{}`: {detail}", self.name)
    }

    /// Whether this verdict of this layer bears on the call.
    fn counts(&self, verdict: Verdict) -> bool {
        match (verdict, self.role) {
            (Verdict::Deny | Verdict::RequireApproval, _) | (_, Role::Grant) => true,
            (Verdict::Refuse, Role::Guard { must_allow }) => must_allow,
            (Verdict::Allow, Role::Guard { .. }) => false,
        }
    }
}

async fn caught<T>(asked: impl Future<Output = Result<T, EngineError>>) -> Result<T, EngineError> {
    AssertUnwindSafe(asked)
        .catch_unwind()
        .await
        .unwrap_or_else(|_| {
            Err(EngineError::new(
                FailClosed::InternalError,
                "the engine panicked",
            ))
        })
}

/// What the layers have said so far.
#[derive(Default)]
struct Answers {
    holding: Option<PolicyDecision>,
    risk_tier: Option<RiskTier>,
    /// Whether any layer's engine was stood in for, whatever its answer counts.
    fallback: Option<FailClosed>,
    rules: BTreeSet<String>,
    trace: Vec<LayerTrace>,
    revisions: Vec<(String, Option<Arc<str>>)>,
}

impl Answers {
    fn denied(&self) -> bool {
        self.holding.as_ref().is_some_and(PolicyDecision::denied)
    }

    fn skip(&mut self, layer: &Layer) {
        self.trace
            .push(LayerTrace::new(layer.name.as_str(), LayerAnswer::Skipped));
        self.revisions.push((layer.name.clone(), layer.revision()));
    }

    fn add(&mut self, layer: &Layer, mut decision: PolicyDecision) {
        self.trace.push(LayerTrace::new(
            layer.name.as_str(),
            LayerAnswer::from(&decision),
        ));
        for inner in std::mem::take(&mut decision.trace) {
            let name = format!("{}/{}", layer.name, inner.layer);
            self.trace.push(LayerTrace::new(name, inner.answer));
        }
        self.revisions
            .push((layer.name.clone(), decision.revision.clone()));
        self.risk_tier = self.risk_tier.max(Some(decision.risk_tier));
        self.fallback = self.fallback.or(decision.fallback);
        self.rules.append(&mut decision.rules);
        if layer.counts(decision.verdict) {
            self.holding = Some(match self.holding.take() {
                None => decision,
                Some(held) => held.strongest(decision),
            });
        }
    }

    fn decide(self) -> Option<PolicyDecision> {
        let mut decision = self.holding?;
        decision.risk_tier = self.risk_tier.unwrap_or(RiskTier::SecurityCritical);
        decision.rules = self.rules;
        decision.trace = self.trace;
        decision.engine = Some(Cow::Borrowed("layered"));
        decision.fallback = self.fallback;
        decision.revision = combined(
            self.revisions
                .iter()
                .map(|(name, revision)| (name.as_str(), revision.clone())),
        );
        Some(decision)
    }
}

fn combined<'a>(layers: impl Iterator<Item = (&'a str, Option<Arc<str>>)>) -> Option<Arc<str>> {
    let mut known = false;
    let parts: Vec<String> = layers
        .map(|(name, revision)| {
            known |= revision.is_some();
            format!("{name}={}", revision.as_deref().unwrap_or("unknown"))
        })
        .collect();
    known.then(|| parts.join(",").into())
}
