use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kitelogik_core::{BudgetUsage, SessionContext};

/// What a session has used up so far.
pub(crate) struct Budget {
    api_calls: AtomicU64,
    tokens: Figure,
    cost_cents: Figure,
}

impl Budget {
    pub(crate) fn new(context: &SessionContext) -> Self {
        Self {
            api_calls: AtomicU64::new(context.budget_used_api_calls.unwrap_or(0)),
            tokens: Figure::new(context.budget_used_tokens, context.budget_total_tokens),
            cost_cents: Figure::new(
                context.budget_used_cost_cents,
                context.budget_total_cost_cents,
            ),
        }
    }

    pub(crate) fn spend(&self, tokens: u64, cost_cents: u64) {
        self.tokens.add(tokens);
        self.cost_cents.add(cost_cents);
    }

    pub(crate) fn usage(&self) -> BudgetUsage {
        self.usage_after(self.api_calls.load(Ordering::SeqCst))
    }

    fn usage_after(&self, api_calls: u64) -> BudgetUsage {
        BudgetUsage {
            tokens: self.tokens.shown(),
            api_calls: Some(api_calls),
            cost_cents: self.cost_cents.shown(),
        }
    }
}

/// A figure that stays unknown until the session has a limit for it or has spent something.
struct Figure {
    value: AtomicU64,
    known: AtomicBool,
}

impl Figure {
    fn new(used: Option<u64>, total: Option<u64>) -> Self {
        Self {
            value: AtomicU64::new(used.unwrap_or(0)),
            known: AtomicBool::new(used.is_some() || total.is_some()),
        }
    }

    fn add(&self, amount: u64) {
        if amount > 0 {
            // Saturating: a figure that wrapped around would look unspent.
            let add = |value: u64| Some(value.saturating_add(amount));
            let _ = self
                .value
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, add);
            self.known.store(true, Ordering::SeqCst);
        }
    }

    fn shown(&self) -> Option<u64> {
        self.known
            .load(Ordering::SeqCst)
            .then(|| self.value.load(Ordering::SeqCst))
    }
}

/// One call that the budget counts. Given back when dropped, unless the body began.
pub(crate) struct CountedCall {
    budget: Arc<Budget>,
    /// How many calls were counted before it.
    place: u64,
    began: bool,
}

impl CountedCall {
    /// Counts a call, and gives the figures before it: each of several parallel calls takes a
    /// place of its own, so that a limit of n lets n run.
    pub(crate) fn take(budget: &Arc<Budget>) -> (Self, BudgetUsage) {
        let before = budget.api_calls.fetch_add(1, Ordering::SeqCst);
        let call = Self {
            budget: Arc::clone(budget),
            place: before,
            began: false,
        };
        (call, budget.usage_after(before))
    }

    /// The figures of this moment, with the place that this call has: calls that came after it do not
    /// push it out.
    pub(crate) fn usage(&self) -> BudgetUsage {
        self.budget.usage_after(self.place)
    }

    pub(crate) fn begin(&mut self) {
        self.began = true;
    }
}

impl Drop for CountedCall {
    fn drop(&mut self) {
        if !self.began {
            self.budget.api_calls.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
