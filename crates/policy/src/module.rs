//! One Rego module of a policy.

/// A Rego module: a name for messages, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    pub(crate) name: String,
    pub(crate) place: String,
    pub(crate) text: String,
    pub(crate) builtin: bool,
}

impl Module {
    /// The name, unique within a policy: the path as it was given (`policies/refunds.rego`), or the name given with the text.
    /// Built-in modules are called `kitelogik/main.rego` and the like.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The Rego text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it belongs to the built-in bundle.
    pub fn is_builtin(&self) -> bool {
        self.builtin
    }
}
