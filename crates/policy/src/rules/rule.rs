//! Rules as they are meant: the tree between YAML and Rego.

use kitelogik_core::RiskTier;

use super::scalar::Number;
use super::yaml::Place;

/// What one file holds.
#[derive(Clone, Debug)]
pub(crate) struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    pub(crate) otherwise: Otherwise,
}

#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) when: Condition,
    pub(crate) then: Then,
    pub(crate) reason: Option<String>,
    pub(crate) risk_tier: Option<RiskTier>,
}

/// What a rule that fires says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Then {
    /// The call may happen, unless another rule says more.
    Allow,
    /// It may not.
    Deny,
    /// A person decides.
    Hitl,
}

impl Then {
    /// The names, as they are written.
    pub(crate) const NAMES: [&'static str; 3] = ["allow", "deny", "hitl"];

    /// The name, as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Hitl => "hitl",
        }
    }
}

/// What a tool call becomes whose action no rule names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Otherwise {
    #[default]
    Refuse,
    Hitl,
    Deny,
}

impl Otherwise {
    pub(crate) const NAMES: [&'static str; 3] = ["refuse", "hitl", "deny"];
}

#[derive(Clone, Debug)]
pub(crate) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// The action is one of these. It is always there, and text.
    Action(Vec<String>, Place),
    /// The kind of event is one of these.
    Event(Vec<String>, Place),
    Test(Test),
}

/// One operator applied to one value of the input.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    /// Where the value lies in the input, as in `["args", "customer", "id"]`.
    pub(crate) subject: Vec<String>,
    pub(crate) operator: Operator,
    pub(crate) place: Place,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operator {
    Equal(Constant),
    Other(Constant),
    Limit(Limit, Constant),
    In(Vec<Constant>),
    NotIn(Vec<Constant>),
    Contains(Constant),
    NotContains(Constant),
    StartsWith(String),
    EndsWith(String),
    /// A regular expression that every engine reads alike.
    Matches {
        regex: String,
        /// Where it stands, if it speaks of a part of the text only.
        unanchored: Option<Place>,
    },
    Exists(bool),
    Type(Vec<&'static str>),
    /// A path that is normal and matches this regular expression, made of these globs.
    Path {
        regex: String,
        globs: Vec<String>,
    },
    /// A list of texts has this one.
    Scope(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Above,
    AtLeast,
    Below,
    AtMost,
}

impl Limit {
    /// The limit that holds exactly where this one does not.
    pub(crate) fn opposite(self) -> Self {
        match self {
            Self::Above => Self::AtMost,
            Self::AtLeast => Self::Below,
            Self::Below => Self::AtLeast,
            Self::AtMost => Self::Above,
        }
    }
}

/// What a rule compares with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Constant {
    Bool(bool),
    Number(Number),
    Text(String),
}

/// The operators on arguments, in the order the manual lists them.
pub(crate) const OPERATORS: [&str; 15] = [
    "eq",
    "ne",
    "gt",
    "gte",
    "lt",
    "lte",
    "in",
    "not_in",
    "contains",
    "not_contains",
    "starts_with",
    "ends_with",
    "matches",
    "exists",
    "type",
];

/// The types that `type` knows.
pub(crate) const TYPES: [&str; 5] = ["string", "number", "boolean", "array", "object"];

/// The kinds of event.
pub(crate) const EVENTS: [&str; 5] = [
    "tool_call",
    "agent.spawn",
    "agent.delegate",
    "agent.plan",
    "agent.budget",
];

/// The keys of a condition.
pub(crate) const CONDITIONS: [&str; 10] = [
    "action", "role", "scope", "tenant", "resource", "event", "args", "any", "all", "not",
];

impl Condition {
    /// The conditions of which all must hold, one by one.
    pub(crate) fn parts<'a>(&'a self, parts: &mut Vec<&'a Self>) {
        match self {
            Self::All(conditions) => {
                for condition in conditions {
                    condition.parts(parts);
                }
            }
            other => parts.push(other),
        }
    }

    /// Where it stands; that of its first part, where it has some.
    pub(crate) fn place(&self) -> Option<Place> {
        match self {
            Self::All(conditions) | Self::Any(conditions) => conditions.first()?.place(),
            Self::Not(condition) => condition.place(),
            Self::Action(_, place) | Self::Event(_, place) => Some(*place),
            Self::Test(test) => Some(test.place),
        }
    }

    /// Calls `name` with each action this condition asks for. What stands under `not` is not asked for.
    pub(crate) fn actions<'a>(&'a self, name: &mut impl FnMut(&'a str)) {
        match self {
            Self::All(conditions) | Self::Any(conditions) => {
                for condition in conditions {
                    condition.actions(name);
                }
            }
            Self::Action(actions, _) => {
                for action in actions {
                    name(action);
                }
            }
            Self::Not(_) | Self::Event(..) | Self::Test(_) => {}
        }
    }
}
