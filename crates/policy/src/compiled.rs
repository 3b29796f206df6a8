//! Rules in YAML as modules of a policy.

use crate::error::Problem;
use crate::syntax::Outline;
use crate::{Module, PolicyError, rules};

/// What the rules of a policy became.
pub(crate) struct Rules {
    /// Where each rule was written.
    pub(crate) origins: Vec<rules::RuleOrigin>,
    /// The name of each module, and what the names of its functions start with.
    modules: Vec<(String, String)>,
}

/// Adds what `sources` become to `modules`; each comes with its place within the directory it was read from.
pub(crate) fn add(
    sources: Vec<(String, rules::Source)>,
    modules: &mut Vec<Module>,
    warnings: &mut Vec<String>,
) -> Result<Rules, PolicyError> {
    let (places, sources): (Vec<String>, Vec<rules::Source>) = sources.into_iter().unzip();
    let compiled =
        rules::compile(&sources).map_err(|errors| PolicyError::Rules(errors.into_problems()))?;
    warnings.extend(compiled.warnings.iter().map(ToString::to_string));
    let names = compiled.modules.iter().map(|(name, _)| name.clone());
    let named = names.zip(compiled.prefixes).collect();
    for ((name, text), place) in compiled.modules.into_iter().zip(places) {
        modules.push(Module {
            name,
            place: format!("{place}.rego"),
            text,
            builtin: false,
        });
    }
    Ok(Rules {
        origins: compiled.rules,
        modules: named,
    })
}

impl Rules {
    /// Refuses Rego whose rules are called as those that YAML is compiled to: they would become part of them.
    pub(crate) fn refuse_names(
        &self,
        modules: &[Module],
        outlines: &[Outline],
    ) -> Result<(), PolicyError> {
        if self.modules.is_empty() {
            return Ok(());
        }
        let mut problems = Vec::new();
        for (module, outline) in modules.iter().zip(outlines) {
            if self.modules.iter().any(|(name, _)| *name == module.name) {
                continue;
            }
            let message = outline.rules.iter().find_map(|rule| {
                let name = name_of(rule)?;
                self.refuse_name(name, rules::is_compiled(&module.text))
            });
            if let Some(message) = message {
                problems.push(Problem {
                    module: module.name.clone(),
                    line: 0,
                    column: 0,
                    message,
                });
            }
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(PolicyError::Rego(problems))
        }
    }

    fn refuse_name(&self, name: &str, compiled: bool) -> Option<String> {
        let of = self
            .modules
            .iter()
            .find(|(_, prefix)| name.starts_with(prefix.as_str()));
        match of {
            Some((rules, _)) if compiled => Some(format!(
                "declares `{name}`, as `{}` does: if this is what those rules were compiled to, remove one of the two",
                rules.trim_end_matches(".rego")
            )),
            None if compiled => None,
            _ => Some(format!(
                "declares `{name}`: names that start with `{}` belong to the rules written in YAML, rename it",
                rules::PREFIX
            )),
        }
    }
}

/// The name of a rule among the user's, if it is one that belongs to compiled rules.
fn name_of(rule: &[String]) -> Option<&str> {
    match rule {
        [first, second, name, ..] if first == "kitelogik" && second == "userpolicy" => {
            name.starts_with(rules::PREFIX).then_some(name.as_str())
        }
        _ => None,
    }
}
