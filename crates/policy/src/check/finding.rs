//! One finding of a check.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::Problem;

/// Something that is wrong, or probably not meant, in one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The file, as it was named; empty where the policy as a whole is meant.
    pub file: String,
    /// The line, from 1; 0 where the whole file is meant.
    pub line: u32,
    /// The column, from 1; 0 where the whole file is meant.
    pub column: u32,
    /// How bad it is.
    pub severity: Severity,
    /// What kind of finding it is.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// What to do about it, where that is not part of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The policy cannot be loaded, or a rule cannot do what it says.
    Error,
    /// Probably not meant, or it helps whoever wants to get around the policy.
    Warning,
    /// Worth knowing; no reason to stop.
    Note,
}

impl Severity {
    /// The name: `error`, `warning`, `note`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

macro_rules! codes {
    ($($variant:ident, $name:literal, $severity:ident, $about:literal;)*) => {
        /// What kind of finding it is. The names are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $about] $variant,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name, as in `never-true`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it means, in a sentence.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }

            /// How bad it usually is.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }
        }
    };
}

codes! {
    Load, "load", Error, "The policy, its data or its tests cannot be loaded.";
    Syntax, "syntax", Error, "A file that cannot be read as what it is.";
    UnknownFunction, "unknown-function", Error, "A call of a function that does not exist.";
    UnsupportedBuiltin, "unsupported-builtin", Error, "A built-in function that one of the engines does not have.";
    Outside, "outside", Error, "A function that reaches outside of a decision.";
    Arguments, "arguments", Error, "A built-in function that is called with too few or too many arguments.";
    EntryPoint, "entry-point", Error, "The entry point does not exist.";
    Grant, "grant", Error, "Data that would grant something.";
    Recursion, "recursion", Error, "A rule or function that depends on itself.";
    Conflict, "conflict", Error, "Rules of one name that cannot be true together.";
    NeverTrue, "never-true", Error, "A rule, or a part of one, whose conditions contradict each other.";
    UnknownInput, "unknown-input", Error, "A reference to something that no input has.";
    Slip, "slip", Error, "A rule whose name nobody asks for, but for one much like it.";
    Unreachable, "unreachable", Warning, "A rule that no decision asks for.";
    UntypedComparison, "untyped-comparison", Warning, "An `allow` that compares a value without knowing its type.";
    EvadedComparison, "evaded-comparison", Note, "A `deny` or `hitl` that a missing, null or mistyped value gets past.";
    UndefinedNegation, "undefined-negation", Warning, "A `not` that is undefined, and not true, where the value is missing.";
    Refused, "refused", Error, "Something that the embedded engine does not take, because it would read it otherwise than OPA.";
    Interpreted, "interpreted", Note, "Something that the embedded engine leaves to its interpreter, which takes many times as long.";
    Pattern, "pattern", Error, "A regular expression that the engines do not read alike.";
    UnanchoredPattern, "unanchored-pattern", Warning, "An `allow` whose pattern is found anywhere in the text.";
    Yaml, "yaml", Warning, "Something in a rules file that is probably not meant.";
    Ignored, "ignored", Warning, "Something that is not loaded, or is without effect.";
    UnknownAction, "unknown-action", Error, "An action or tool that no tool has.";
    UnknownArgument, "unknown-argument", Error, "An argument that the tool does not have.";
    WrongType, "wrong-type", Error, "A comparison with a value that the argument never has.";
    OptionalArgument, "optional-argument", Warning, "A `deny` or `hitl` on an argument that a call may leave out.";
    UnnamedTool, "unnamed-tool", Warning, "A tool that no rule speaks of.";
    MissingResource, "missing-resource", Warning, "An argument that looks like a path or URL and is not named as the tool's resource.";
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Finding {
    /// In a place of a file.
    pub(super) fn at(
        code: Code,
        file: &str,
        line: u32,
        column: u32,
        message: impl Into<String>,
    ) -> Self {
        Self {
            file: file.to_owned(),
            line,
            column,
            severity: code.severity(),
            code,
            message: message.into(),
            fix: None,
        }
    }

    /// Of the policy as a whole, or of `file` as a whole.
    pub(super) fn whole(code: Code, file: &str, message: impl Into<String>) -> Self {
        Self::at(code, file, 0, 0, message)
    }

    pub(super) fn of(code: Code, problem: &Problem) -> Self {
        Self::at(
            code,
            &problem.module,
            problem.line,
            problem.column,
            problem.message.clone(),
        )
    }

    pub(super) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    pub(super) fn with_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}
