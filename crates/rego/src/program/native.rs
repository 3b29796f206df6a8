//! Built-ins as programs call them: the interpreter's own, some with a way that copies nothing.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use anyhow::Result;
use regex::Regex;
use regorus::Value;
use regorus::unstable::{BUILTINS, BuiltinFcn};

use super::marshal::marshalled;
use super::node::Node;
use super::value::{Kind, Val};
use crate::registry::Registry;
use crate::{allowance, builtins, regex as patterns};

/// What depends on more than its arguments, or is read otherwise where it stands.
const LEFT: [&str; 10] = [
    "graph.reachable",
    "graph.reachable_paths",
    "opa.runtime",
    "print",
    "rand.intn",
    "test.sleep",
    "time.now_ns",
    "trace",
    "uuid.rfc4122",
    "walk",
];

type Replaced = Arc<dyn Fn(Vec<Value>) -> Result<Value> + Send + Sync>;

/// All built-ins.
pub(super) struct Builtins {
    replaced: HashMap<String, (u8, Replaced)>,
}

impl Builtins {
    pub(super) fn new() -> Result<Self> {
        let mut builtins = Self {
            replaced: HashMap::new(),
        };
        builtins::register(&mut builtins)?;
        Ok(builtins)
    }

    /// The built-in of this name, for as many arguments.
    pub(super) fn find(&self, name: &str, arguments: &[Node]) -> Option<Builtin> {
        if LEFT.contains(&name) {
            return None;
        }
        let (count, call) = match self.replaced.get(name) {
            Some((count, call)) => (*count, Call::Replaced(Arc::clone(call))),
            None => {
                let builtin = BUILTINS.get(name).copied()?;
                (builtin.1, Call::Own(builtin))
            }
        };
        if usize::from(count) != arguments.len() {
            return None;
        }
        let direct = Direct::of(name, arguments);
        Some(Builtin {
            // What it hands on, it did not make.
            bounded: !matches!(direct, Direct::Get),
            direct,
            call,
        })
    }

    /// The pairs of path and value of all that lies in a value.
    pub(super) fn walk(&self) -> Option<Builtin> {
        let call = match self.replaced.get("walk") {
            Some((_, call)) => Call::Replaced(Arc::clone(call)),
            None => Call::Own(BUILTINS.get("walk").copied()?),
        };
        Some(Builtin {
            bounded: false,
            direct: Direct::No,
            call,
        })
    }
}

impl Registry for Builtins {
    fn add(
        &mut self,
        name: &str,
        arguments: u8,
        call: impl Fn(Vec<Value>) -> Result<Value> + Clone + Send + Sync + 'static,
    ) -> Result<()> {
        self.replaced
            .insert(name.to_owned(), (arguments, Arc::new(call)));
        Ok(())
    }
}

enum Call {
    Own(BuiltinFcn),
    Replaced(Replaced),
}

/// One built-in.
pub(super) struct Builtin {
    /// Whether what it makes has a limit alone, besides all together.
    bounded: bool,
    direct: Direct,
    call: Call,
}

impl Builtin {
    /// What it makes of `arguments`; [`Value::Undefined`] where it is undefined.
    pub(super) fn call(&self, arguments: &[Val<'_>]) -> Result<Value> {
        let values: Vec<Value> = arguments.iter().map(Val::to_value).collect();
        let value = match &self.call {
            Call::Own(builtin) => builtins::call(*builtin, &values),
            Call::Replaced(call) => call(values),
        }?;
        if self.bounded {
            allowance::made_by_builtin(&value)?;
        } else {
            allowance::made(&value)?;
        }
        Ok(value)
    }

    /// Whether it is `object.get`.
    pub(super) fn is_get(&self) -> bool {
        matches!(self.direct, Direct::Get)
    }

    /// The same without a copy of the arguments, where there is such a way for them.
    pub(super) fn direct<'a>(&self, arguments: &[Val<'a>]) -> Result<Option<Val<'a>>> {
        let value = self.direct.call(arguments);
        // The only one of these ways that makes a text.
        if let (Direct::Marshal, Some(Val::Owned(text))) = (&self.direct, &value) {
            allowance::made_by_builtin(text)?;
        }
        Ok(value)
    }
}

impl fmt::Debug for Builtin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Builtin").finish_non_exhaustive()
    }
}

enum Direct {
    No,
    Count,
    Is(Kind),
    TypeName,
    Contains,
    StartsWith,
    EndsWith,
    Get,
    Lower,
    Marshal,
    Matches(Regex),
}

impl Direct {
    fn of(name: &str, arguments: &[Node]) -> Self {
        match name {
            "count" => Self::Count,
            "is_null" => Self::Is(Kind::Null),
            "is_boolean" => Self::Is(Kind::Bool),
            "is_number" => Self::Is(Kind::Number),
            "is_string" => Self::Is(Kind::String),
            "is_array" => Self::Is(Kind::Array),
            "is_set" => Self::Is(Kind::Set),
            "is_object" => Self::Is(Kind::Object),
            "type_name" => Self::TypeName,
            "contains" => Self::Contains,
            "startswith" => Self::StartsWith,
            "endswith" => Self::EndsWith,
            "object.get" => Self::Get,
            "json.marshal" => Self::Marshal,
            "lower" => Self::Lower,
            "regex.match" => match arguments {
                [Node::Known(Value::String(pattern)), _] => {
                    patterns::compile(pattern).map_or(Self::No, Self::Matches)
                }
                _ => Self::No,
            },
            _ => Self::No,
        }
    }

    fn call<'a>(&self, arguments: &[Val<'a>]) -> Option<Val<'a>> {
        let text = |position: usize| arguments.get(position).and_then(Val::text);
        let first = arguments.first()?;
        Some(match self {
            Self::No => return None,
            Self::Count => Val::Owned(Value::from(first.len()?)),
            Self::Is(kind) => Val::bool(first.kind() == *kind),
            Self::TypeName => Val::Owned(Value::from(first.kind().name())),
            Self::Contains => Val::bool(text(0)?.contains(text(1)?)),
            Self::StartsWith => Val::bool(text(0)?.starts_with(text(1)?)),
            Self::EndsWith => Val::bool(text(0)?.ends_with(text(1)?)),
            Self::Lower => {
                let lower = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
                if !text(0)?.bytes().all(lower) {
                    return None;
                }
                first.clone()
            }
            Self::Marshal => Val::Owned(marshalled(first)?),
            Self::Matches(regex) => Val::bool(regex.is_match(text(1)?)),
            Self::Get => {
                let [object, key, default] = arguments else {
                    return None;
                };
                get(object, key, default)?
            }
        })
    }
}

/// `object.get`, of one key or of an array of them.
fn get<'a>(object: &Val<'a>, key: &Val<'a>, default: &Val<'a>) -> Option<Val<'a>> {
    if object.kind() != Kind::Object {
        return None;
    }
    let path = match key {
        Val::Known(Value::Array(path)) => path,
        _ if key.kind() == Kind::Array => return None,
        _ => return Some(object.get(key).unwrap_or_else(|| default.clone())),
    };
    let mut value = object.clone();
    for key in path.iter() {
        match value.get(&Val::Known(key)) {
            Some(below) => value = below,
            None => return Some(default.clone()),
        }
    }
    Some(value)
}
