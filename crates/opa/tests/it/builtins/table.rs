use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// What is compared, and what is known to differ.
pub(super) struct Table {
    pub(super) functions: Vec<Function>,
    pub(super) known: Vec<Known>,
}

pub(super) struct Function {
    name: String,
    operands: usize,
    pub(super) package: String,
    pub(super) calls: Vec<Call>,
}

pub(super) struct Call {
    pub(super) operands: Vec<Value>,
    /// As in `trim("a", "b")`.
    pub(super) shown: String,
}

/// A difference that was looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    pub(super) function: String,
    with: Option<String>,
    #[expect(dead_code, reason = "for the reader of the table")]
    reason: String,
}

impl Known {
    /// Whether it speaks of this call.
    pub(super) fn covers(&self, call: &str) -> bool {
        let of_function = call
            .strip_prefix(&self.function)
            .is_some_and(|operands| operands.starts_with('('));
        let with = self.with.as_deref().unwrap_or_default();
        of_function && call.contains(with)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Operands {
    pools: BTreeMap<String, Vec<Value>>,
    functions: BTreeMap<String, Vec<String>>,
}

impl Table {
    pub(super) fn read() -> Self {
        let operands: Operands = yaml_serde::from_str(include_str!("operands.yaml")).unwrap();
        let known = yaml_serde::from_str(include_str!("known.yaml")).unwrap();
        let functions = operands
            .functions
            .iter()
            .enumerate()
            .map(|(number, (name, pools))| Function {
                name: name.clone(),
                operands: pools.len(),
                package: format!("built_in_{number}"),
                calls: calls(name, pools, &operands.pools),
            })
            .collect();
        Self { functions, known }
    }
}

fn calls(name: &str, places: &[String], pools: &BTreeMap<String, Vec<Value>>) -> Vec<Call> {
    let mut all: Vec<Vec<Value>> = vec![Vec::new()];
    for place in places {
        let pool = &pools[place];
        all = all
            .iter()
            .flat_map(|front| {
                pool.iter().map(|operand| {
                    let mut front = front.clone();
                    front.push(operand.clone());
                    front
                })
            })
            .collect();
    }
    // Something else in each place, beside the second of each pool.
    for place in 0..places.len() {
        for other in &pools["other"] {
            let mut operands: Vec<Value> =
                places.iter().map(|place| pools[place][1].clone()).collect();
            operands[place] = other.clone();
            all.push(operands);
        }
    }
    all.into_iter()
        .map(|operands| Call {
            shown: {
                let shown: Vec<String> = operands.iter().map(Value::to_string).collect();
                format!("{name}({})", shown.join(", "))
            },
            operands,
        })
        .collect()
}

impl Function {
    /// A module that asks for one call, `one`, or for all, `all`.
    pub(super) fn module(&self) -> String {
        let operands: Vec<String> = (0..self.operands)
            .map(|number| format!("operand(operands[{number}])"))
            .collect();
        let call = if self
            .name
            .chars()
            .all(|letter| letter.is_ascii_punctuation())
        {
            operands.join(&format!(" {} ", self.name))
        } else {
            format!("{}({})", self.name, operands.join(", "))
        };
        format!(
            r#"
package {}

import rego.v1

one := answer(input.operands)

all[sprintf("%d", [number])] := [type, text] if {{
    some number, operands in input.calls
    [type, value] := answer(operands)
    text := json.marshal(value)
}}

answer(operands) := [type_name(value), value] if value := {call}

operand(written) := {{element(item) | some item in written["$set"]}} if written["$set"]
else := written

element(written) := {{item | some item in written["$set"]}} if written["$set"]
else := written
"#,
            self.package
        )
    }
}
