//! Variables that have a value, which the interpreter does not know of.
//!
//! In `walk(x, [path, value])`, it does not see where the variables have their values from, and looks for some in the keys of
//! what they are asked for: by a number, it would not find a text among the keys of data. So it is given
//! `walked(x)[_] = [path, value]`.
//!
//! In the body of `every`, it takes the variables for such that have no value yet where they are unified or looked up by:
//! `every x in xs { x = 1 }` would hold for all `xs`. So the body begins with what they are: `every each in xs { x := each; x = 1 }`.

use anyhow::{Result, bail};
use regorus::Value;
use regorus::unstable::{BUILTINS, Expr, Query, Span};

use crate::refusal::is_walk;
use crate::registry::Registry;
use crate::{builtins, spelling};

/// All that there is in a value, each with the path to it.
const WALKED: &str = "kitelogik_walked";

pub(super) fn register(registry: &mut impl Registry) -> Result<()> {
    let Some(walk) = BUILTINS.get("walk").copied() else {
        bail!("there is no built-in `walk`");
    };
    registry.add(WALKED, 1, move |values: Vec<Value>| {
        builtins::walked(&values)?;
        builtins::call(walk, &values)
    })
}

/// What a statement walks through, and what it looks for there.
pub(super) fn walk(statement: &Expr) -> Option<(&Expr, &Expr)> {
    match statement {
        Expr::Call { fcn, params, .. } if is_walk(fcn) => match params.as_slice() {
            [value, found] => Some((value, found)),
            _ => None,
        },
        _ => None,
    }
}

impl super::Rewriter<'_> {
    /// Unifies what is looked for with what `walk` finds.
    pub(super) fn walked(&mut self, whole: &Expr, value: &Expr, found: &Expr) {
        let range = |expression: &Expr| spelling::range(self.text, expression);
        let (whole, value, found) = (range(whole), range(value), range(found));
        self.replace(whole.0, value.0, &format!("{WALKED}("));
        self.replace(value.1, found.0, ")[_] = ");
        self.replace(found.1, whole.1, "");
    }

    /// Lets the body of `every` begin with what its variables are.
    pub(super) fn members<'v>(&mut self, variables: impl Iterator<Item = &'v Span>, body: &Query) {
        let mut values = String::new();
        for variable in variables.filter(|variable| variable.text() != "_") {
            self.renamed += 1;
            let each = format!("kitelogik_each_{}", self.renamed);
            values.push_str(&format!("{} := {each}; ", variable.text()));
            self.replace(variable.start as usize, variable.end as usize, &each);
        }
        if let Some(first) = body.stmts.first() {
            let (start, _) = spelling::statement(self.text, first);
            self.replace(start, start, &values);
        }
    }
}
