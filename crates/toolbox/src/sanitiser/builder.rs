//! Which rules a sanitiser has.

use std::sync::Arc;

use super::{
    Sanitiser, Scanner,
    matcher::Matcher,
    rule::{Rule, RuleError, is_rule_name},
};

/// Chooses the rules of a [`Sanitiser`].
#[derive(Clone, Debug)]
#[must_use]
pub struct SanitiserBuilder {
    shipped: bool,
    rules: Vec<Rule>,
    without: Vec<String>,
}

impl Default for SanitiserBuilder {
    fn default() -> Self {
        Self {
            shipped: true,
            rules: Vec::new(),
            without: Vec::new(),
        }
    }
}

impl SanitiserBuilder {
    /// Adds a rule.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Adds several, for example read from a file: `Rule` deserialises.
    pub fn rules(mut self, rules: impl IntoIterator<Item = Rule>) -> Self {
        self.rules.extend(rules);
        self
    }

    /// Leaves out a shipped rule, for example to put another of that name in its place.
    pub fn without(mut self, name: impl Into<String>) -> Self {
        self.without.push(name.into());
        self
    }

    /// Leaves out all shipped rules.
    pub fn without_shipped_rules(mut self) -> Self {
        self.shipped = false;
        self
    }

    /// Compiles the rules.
    ///
    /// # Errors
    /// A bad name or pattern, two rules of one name, or a rule to leave out that is not there.
    pub fn build(self) -> Result<Sanitiser, RuleError> {
        let mut rules = if self.shipped {
            Rule::shipped()?
        } else {
            Vec::new()
        };
        for name in &self.without {
            if !rules.iter().any(|rule| rule.name() == name) {
                let known = rules.iter().map(Rule::name).collect::<Vec<_>>().join(", ");
                return Err(RuleError::Unknown {
                    name: name.clone(),
                    known,
                });
            }
        }
        rules.retain(|rule| !self.without.iter().any(|name| name == rule.name()));
        rules.extend(self.rules);
        let mut names: Vec<String> = Vec::new();
        for rule in &rules {
            let name = rule.name();
            if !is_rule_name(name) {
                return Err(RuleError::Name {
                    name: name.to_owned(),
                });
            }
            if names.iter().any(|known| known == name) {
                return Err(RuleError::Duplicate {
                    name: name.to_owned(),
                });
            }
            if rule.patterns.values().all(Vec::is_empty) {
                return Err(RuleError::Empty {
                    rule: name.to_owned(),
                });
            }
            names.push(name.to_owned());
        }
        Ok(Sanitiser(Arc::new(Scanner::Rules {
            matcher: Matcher::new(&rules)?,
            names,
        })))
    }
}
