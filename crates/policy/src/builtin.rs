//! The built-in bundle, and what a policy may put beside it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::document::{self, Document, Format};
use crate::limits::Limits;
use crate::syntax::Outline;
use crate::{Module, PolicyError};

const MODULES: [(&str, &str); 8] = [
    ("kitelogik/main.rego", include_str!("../rego/main.rego")),
    (
        "kitelogik/judgement.rego",
        include_str!("../rego/judgement.rego"),
    ),
    (SECURITY, include_str!("../rego/security.rego")),
    (
        "kitelogik/delegation.rego",
        include_str!("../rego/delegation.rego"),
    ),
    (
        "kitelogik/agent_lifecycle.rego",
        include_str!("../rego/agent_lifecycle.rego"),
    ),
    (
        "kitelogik/agent_plan.rego",
        include_str!("../rego/agent_plan.rego"),
    ),
    (
        "kitelogik/agent_budget.rego",
        include_str!("../rego/agent_budget.rego"),
    ),
    (
        "kitelogik/data_classification.rego",
        include_str!("../rego/data_classification.rego"),
    ),
];

pub(crate) const SECURITY: &str = "kitelogik/security.rego";

const DATA: &str = include_str!("../rego/data.json");

/// The packages under `kitelogik` that are the bundle's own.
const PACKAGES: [&str; 10] = [
    "main",
    "judgement",
    "security",
    "delegation",
    "agent_lifecycle",
    "agent_plan",
    "agent_budget",
    "data_classification",
    "limits",
    "lookalikes",
];

/// How much of the built-in bundle a policy is composed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builtin {
    Whole,
    WithoutSecurity,
    Nothing,
}

/// `data.kitelogik` as the bundle reads it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BuiltinData {
    pub(crate) limits: Limits,
    lookalikes: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DataFile {
    kitelogik: BuiltinData,
}

impl BuiltinData {
    /// The default limits.
    pub(crate) fn load() -> Result<Self, PolicyError> {
        let origin = "kitelogik/data.json";
        let document = document::parse(origin, DATA, Format::Json)?;
        let file: DataFile =
            serde_json::from_value(document.value).map_err(|error| PolicyError::Data {
                origin: origin.to_owned(),
                problem: error.to_string(),
            })?;
        Ok(file.kitelogik)
    }

    /// Takes `kitelogik` out of each of the user's documents, as far as it is allowed to be there.
    pub(crate) fn extend(&mut self, documents: &mut [Document]) -> Result<(), PolicyError> {
        for document in documents {
            let Some(given) = document
                .value
                .as_object_mut()
                .and_then(|object| object.remove("kitelogik"))
            else {
                continue;
            };
            let Value::Object(given) = given else {
                return Err(grant(document, "data.kitelogik".to_owned()));
            };
            for (key, value) in &given {
                if key != "limits" {
                    return Err(grant(document, format!("data.kitelogik.{key}")));
                }
                self.limits.extend(document, value)?;
            }
        }
        Ok(())
    }
}

/// Without the built-in bundle nobody knows which limits there are, but data still answers in no package's stead.
pub(crate) fn refuse_grants(documents: &[Document]) -> Result<(), PolicyError> {
    for document in documents {
        match document.value.get("kitelogik") {
            None => {}
            Some(Value::Object(given)) => {
                // A bundle that was built with the look-alikes of some version brings them along; letters grant nothing.
                let harmless = ["limits", "lookalikes"];
                if let Some(key) = given.keys().find(|key| !harmless.contains(&key.as_str())) {
                    return Err(grant(document, format!("data.kitelogik.{key}")));
                }
            }
            Some(_) => return Err(grant(document, "data.kitelogik".to_owned())),
        }
    }
    Ok(())
}

fn grant(document: &Document, path: String) -> PolicyError {
    PolicyError::Limit {
        origin: document.origin.clone(),
        path,
        problem:
            "cannot be set by data: only `data.kitelogik.limits` can, for data must grant nothing"
                .to_owned(),
    }
}

/// The modules of the bundle.
pub(crate) fn modules(builtin: Builtin) -> Vec<Module> {
    MODULES
        .iter()
        .filter(|(name, _)| match builtin {
            Builtin::Whole => true,
            Builtin::WithoutSecurity => *name != SECURITY,
            Builtin::Nothing => false,
        })
        .map(|(name, text)| Module {
            name: (*name).to_owned(),
            place: (*name).to_owned(),
            text: (*text).to_owned(),
            builtin: true,
        })
        .collect()
}

/// Takes the built-in modules of this version, and the data that goes with them, out of what was built with them: they
/// are put in anew, so that limits are checked and the policy's own place is protected. Another version's stand alone.
#[cfg(feature = "bundle")]
pub(crate) fn take_out(modules: &mut Vec<Module>, documents: &mut [Document]) {
    let builtin = |module: &Module| {
        MODULES
            .iter()
            .any(|(name, text)| module.place == *name && module.text == *text)
    };
    let Ok(data) = BuiltinData::load() else {
        return;
    };
    let lookalikes = Value::Object(data.lookalikes);
    let given = |document: &Document| document.value.pointer("/kitelogik/lookalikes").cloned();
    if modules.iter().filter(|module| builtin(module)).count() != MODULES.len()
        || !documents.iter().filter_map(given).eq([lookalikes])
    {
        return;
    }
    modules.retain(|module| !builtin(module));
    let defaults = serde_json::to_value(&data.limits).unwrap_or_default();
    for document in documents {
        if let Some(Value::Object(own)) = document.value.pointer_mut("/kitelogik") {
            own.remove("lookalikes");
            if let Some(limits) = own.get_mut("limits") {
                leave_additions(limits, &defaults);
            }
        }
    }
}

/// Takes out of each list in `given` what is in `defaults` as well.
#[cfg(feature = "bundle")]
fn leave_additions(given: &mut Value, defaults: &Value) {
    match (given, defaults) {
        (Value::Object(given), Value::Object(defaults)) => {
            for (key, value) in given {
                if let Some(default) = defaults.get(key) {
                    leave_additions(value, default);
                }
            }
        }
        (Value::Array(given), Value::Array(defaults)) => {
            given.retain(|item| !defaults.contains(item));
        }
        _ => {}
    }
}

/// Whether the user's modules stand alone, because they are a whole bundle of their own.
pub(crate) fn stands_alone(outlines: &[Outline]) -> bool {
    let declares = |package: &str| {
        outlines
            .iter()
            .flat_map(|outline| &outline.rules)
            .any(|rule| rule.iter().take(2).eq(["kitelogik", package]))
    };
    declares("main") && declares("security")
}

/// Refuses rules of the user's modules in the bundle's own packages, whichever way they get there: `package
/// kitelogik` with a rule `main.allow` is one as well.
pub(crate) fn refuse_overrides(
    modules: &[Module],
    outlines: &[Outline],
    builtin: Builtin,
) -> Result<(), PolicyError> {
    for (module, outline) in modules.iter().zip(outlines) {
        for rule in &outline.rules {
            let mut components = rule.iter().map(String::as_str);
            if components.next() != Some("kitelogik") {
                continue;
            }
            let package = components.next();
            let own = match package {
                // A rule whose head starts with a variable could be any of them.
                None => true,
                Some("security") if builtin == Builtin::WithoutSecurity => false,
                Some(package) => PACKAGES.contains(&package),
            };
            if own {
                let package = package.unwrap_or("*");
                return Err(PolicyError::BuiltinPackage {
                    module: module.name.clone(),
                    package: format!("kitelogik.{package}"),
                    advice: if package == "security" {
                        "put your rules into `package kitelogik.userpolicy`, or replace the security rules on purpose with `without_builtin_security()`"
                    } else {
                        "put your rules into `package kitelogik.userpolicy`, bring both `kitelogik.main` and `kitelogik.security` to replace the bundle, or leave it out on purpose with `without_builtin_bundle()`"
                    },
                });
            }
        }
    }
    Ok(())
}
