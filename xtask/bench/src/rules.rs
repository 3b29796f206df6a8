//! One policy in several languages.

use std::fmt::Write;

/// N rules spread over N/10 tools: each tool has one rule that allows and nine that deny.
///
/// Rule by rule the same in each language, one rule a line, so that no engine's limit on lines is met early.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    tools: usize,
}

/// A tool's rules: one allows, the others deny amounts over so many thousand.
const PER_TOOL: usize = 10;

impl Rules {
    /// `count` rules; ten at least.
    pub fn new(count: usize) -> Self {
        Self {
            tools: count.div_ceil(PER_TOOL).max(1),
        }
    }

    /// How many rules there are.
    pub fn count(&self) -> usize {
        self.tools * PER_TOOL
    }

    /// How many tools they are about: `tool_0`, `tool_1`, …
    pub fn tools(&self) -> usize {
        self.tools
    }

    /// Rego, in `package`: `allow`, and `deny` with a reason each.
    pub fn rego(&self, package: &str) -> String {
        self.rego_with(package, |tool, limit| {
            format!("deny contains \"tool_{tool}: over {limit}\"")
        })
    }

    /// Rego whose `deny` is true or undefined, for engines that do not see a `deny` with reasons.
    pub fn rego_without_reasons(&self, package: &str) -> String {
        self.rego_with(package, |_, _| "deny".to_owned())
    }

    fn rego_with(&self, package: &str, deny: impl Fn(usize, usize) -> String) -> String {
        let allow = |tool: usize| {
            format!(
                "allow if {{ input.action == \"tool_{tool}\"; \"scope_{tool}\" in input.context.session_scopes; \
                 input.args.amount <= 100 }}"
            )
        };
        let deny = |tool: usize, limit: usize| {
            format!(
                "{} if {{ input.action == \"tool_{tool}\"; input.args.amount > {limit}000 }}",
                deny(tool, limit)
            )
        };
        format!("package {package}\n{}", self.lines(allow, deny))
    }

    /// Cedar: `permit` and `forbid`, with the arguments and the scopes in the context.
    pub fn cedar(&self) -> String {
        let permit = |tool: usize| {
            format!(
                "permit(principal, action == Action::\"tool_{tool}\", resource) when {{ \
                 context.session_scopes.contains(\"scope_{tool}\") && context.amount <= 100 }};"
            )
        };
        let forbid = |tool: usize, limit: usize| {
            format!(
                "forbid(principal, action == Action::\"tool_{tool}\", resource) when {{ context.amount > {limit}000 }};"
            )
        };
        self.lines(permit, forbid)
    }

    fn lines(
        &self,
        allow: impl Fn(usize) -> String,
        deny: impl Fn(usize, usize) -> String,
    ) -> String {
        let mut text = String::new();
        for tool in 0..self.tools {
            // Writing to a text does not fail.
            let _ = writeln!(text, "{}", allow(tool));
            for limit in 1..PER_TOOL {
                let _ = writeln!(text, "{}", deny(tool, limit));
            }
        }
        text
    }
}
