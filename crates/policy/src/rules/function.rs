//! The functions that compiled rules call: what is *known* of a value.
//!
//! Each is true only of a value that it can judge, and silent about any other. So a rule that must be certain says
//! `yaml_at_most(v, 100)`, and one that must not be evaded says `not yaml_at_most(v, 100)`. None of them can fail:
//! built-ins are only called with what they take. Each file has its own, under its own prefix: the embedded engine's
//! interpreter cannot call a function whose definitions lie in two modules.

use super::rule::Limit;

/// A function of the generated Rego.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Function {
    Above,
    AtLeast,
    Below,
    AtMost,
    Other,
    Outside,
    Holds,
    Lacks,
    StartsWith,
    StartsOtherwise,
    EndsWith,
    EndsOtherwise,
    Matches,
    MatchesNot,
    Path,
    OtherPath,
    Normal,
    Without,
}

impl From<Limit> for Function {
    fn from(limit: Limit) -> Self {
        match limit {
            Limit::Above => Self::Above,
            Limit::AtLeast => Self::AtLeast,
            Limit::Below => Self::Below,
            Limit::AtMost => Self::AtMost,
        }
    }
}

impl Function {
    /// Its definition under `prefix`, with the comment above it.
    pub(crate) fn definition(self, prefix: &str) -> String {
        self.text().replace("yaml_", prefix)
    }

    /// The name in Rego, after the prefix of the file's functions.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::AtLeast => "at_least",
            Self::Below => "below",
            Self::AtMost => "at_most",
            Self::Other => "other",
            Self::Outside => "outside",
            Self::Holds => "holds",
            Self::Lacks => "lacks",
            Self::StartsWith => "starts_with",
            Self::StartsOtherwise => "starts_otherwise",
            Self::EndsWith => "ends_with",
            Self::EndsOtherwise => "ends_otherwise",
            Self::Matches => "matches",
            Self::MatchesNot => "matches_not",
            Self::Path => "path",
            Self::OtherPath => "other_path",
            Self::Normal => "normal",
            Self::Without => "without",
        }
    }

    /// The function that this one calls.
    pub(crate) const fn needs(self) -> Option<Self> {
        match self {
            Self::Path | Self::OtherPath => Some(Self::Normal),
            _ => None,
        }
    }

    /// Its definition under the prefix `yaml_`, with the comment above it.
    const fn text(self) -> &'static str {
        match self {
            Self::Above => {
                "# A value of the limit's type, and above it.
yaml_above(value, limit) if {
	type_name(value) == type_name(limit)
	value > limit
}
"
            }
            Self::AtLeast => {
                "# A value of the limit's type, and not below it.
yaml_at_least(value, limit) if {
	type_name(value) == type_name(limit)
	value >= limit
}
"
            }
            Self::Below => {
                "# A value of the limit's type, and below it.
yaml_below(value, limit) if {
	type_name(value) == type_name(limit)
	value < limit
}
"
            }
            Self::AtMost => {
                "# A value of the limit's type, and not above it.
yaml_at_most(value, limit) if {
	type_name(value) == type_name(limit)
	value <= limit
}
"
            }
            Self::Other => {
                "# A value of the same type, and not the same.
yaml_other(value, same) if {
	type_name(value) == type_name(same)
	value != same
}
"
            }
            Self::Outside => {
                "# A value of a type that is among the items, and none of them.
yaml_outside(value, items) if {
	type_name(value) in {type_name(item) | some item in items}
	not value in items
}
"
            }
            Self::Holds => {
                "# A text with this part, or an array with this member.
yaml_holds(value, part) if {
	is_string(value)
	is_string(part)
	contains(value, part)
}

yaml_holds(value, part) if {
	is_array(value)
	part in value
}
"
            }
            Self::Lacks => {
                "# A text without this part, or an array of members of its type without this one.
yaml_lacks(value, part) if {
	is_string(value)
	is_string(part)
	not contains(value, part)
}

yaml_lacks(value, part) if {
	is_array(value)
	every member in value {
		type_name(member) == type_name(part)
		member != part
	}
}
"
            }
            Self::StartsWith => {
                "# A text with this beginning.
yaml_starts_with(value, text) if {
	is_string(value)
	startswith(value, text)
}
"
            }
            Self::StartsOtherwise => {
                "# A text with another beginning.
yaml_starts_otherwise(value, text) if {
	is_string(value)
	not startswith(value, text)
}
"
            }
            Self::EndsWith => {
                "# A text with this end.
yaml_ends_with(value, text) if {
	is_string(value)
	endswith(value, text)
}
"
            }
            Self::EndsOtherwise => {
                "# A text with another end.
yaml_ends_otherwise(value, text) if {
	is_string(value)
	not endswith(value, text)
}
"
            }
            Self::Matches => {
                "# A text in which the pattern is found.
yaml_matches(value, pattern) if {
	is_string(value)
	regex.match(pattern, value)
}
"
            }
            Self::MatchesNot => {
                "# A text in which the pattern is not found.
yaml_matches_not(value, pattern) if {
	is_string(value)
	not regex.match(pattern, value)
}
"
            }
            Self::Path => {
                "# A normal path that matches.
yaml_path(path, pattern) if {
	yaml_normal(path)
	regex.match(pattern, path)
}
"
            }
            Self::OtherPath => {
                "# A normal path that does not match.
yaml_other_path(path, pattern) if {
	yaml_normal(path)
	not regex.match(pattern, path)
}
"
            }
            Self::Normal => {
                r#"# A path, or URL, that leads where it says: no `..`, no `.` as a part, no `//` but that of a URL, no percent-encoding,
# backslash, control or invisible character, and no `file:`.
yaml_normal(path) if {
	is_string(path)
	not regex.match(`(?i)^file:`, path)
	not regex.match(
		`//|\.\.|(?:^|/)\.(?:/|$)|[%\\\x00-\x1f\x7f-\x9f\x{ad}\x{61c}\x{180e}\x{200b}-\x{200f}\x{2028}-\x{202e}\x{2060}-\x{206f}\x{feff}\x{fff9}-\x{fffb}\x{e0000}-\x{e007f}]`,
		regex.replace(path, `^[A-Za-z][0-9A-Za-z+.-]*://`, ""),
	)
}
"#
            }
            Self::Without => {
                "# An object that has nothing at this key, or null.
yaml_without(value, key) if {
	is_object(value)
	object.get(value, key, null) == null
}
"
            }
        }
    }
}
