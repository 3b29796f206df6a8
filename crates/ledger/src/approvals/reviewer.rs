use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;

/// A person who looks at requests and decides them.
///
/// The ledger takes the name as it is given: whoever builds a `Reviewer` has made sure of who that
/// is. The person whom a session acts for never decides its calls, whatever their role.
///
/// ```
/// use kitelogik_ledger::{Reviewer, Tenants};
///
/// let everywhere = Reviewer::new("ann@example.com");
/// assert_eq!(everywhere.tenants, Tenants::All);
/// let of_two = Reviewer::new("bo@example.com").role("manager").tenants(["acme", "globex"]);
/// assert!(of_two.tenants.include(Some("acme")));
/// assert!(!of_two.tenants.include(Some("initech")));
/// assert!(!of_two.tenants.include(None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reviewer {
    /// The name that is recorded, and compared with a session's principal.
    pub name: String,
    /// The role, for a policy that says who may decide what. Empty where there is none.
    pub role: String,
    /// Whose requests the person sees and decides.
    pub tenants: Tenants,
}

/// Whose requests a person sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenants {
    /// All requests, those without a tenant among them.
    All,
    /// The requests of these tenants, and none without one.
    Only(BTreeSet<String>),
}

impl Reviewer {
    /// A person who sees the requests of all tenants.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            role: String::new(),
            tenants: Tenants::All,
        }
    }

    /// The role they decide in.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = role.into();
        self
    }

    /// Leaves them the requests of these tenants only. None given: they see no request at all.
    #[must_use]
    pub fn tenants<S: Into<String>>(mut self, tenants: impl IntoIterator<Item = S>) -> Self {
        self.tenants = Tenants::Only(tenants.into_iter().map(Into::into).collect());
        self
    }

    /// Whether both names are of one person: white space around and within them, case, and how a letter
    /// is put together (`é` from one character or from two, full-width forms) do not tell people apart.
    pub(crate) fn is(&self, name: &str) -> bool {
        same_person(&self.name, name)
    }
}

impl Tenants {
    /// Whether a request of this tenant is one of theirs.
    pub fn include(&self, tenant: Option<&str>) -> bool {
        match (self, tenant) {
            (Self::All, _) => true,
            (Self::Only(tenants), Some(tenant)) => tenants.contains(tenant),
            (Self::Only(_), None) => false,
        }
    }
}

/// Whether two names are of one person.
pub(crate) fn same_person(one: &str, other: &str) -> bool {
    folded(one) == folded(other)
}

fn folded(name: &str) -> String {
    let visible = name.nfkc().filter(|character| {
        character.is_whitespace() || !kitelogik_core::text::is_hidden(*character)
    });
    // Lower case can take a letter apart again.
    let lower: String = visible.flat_map(char::to_lowercase).nfkc().collect();
    let words: Vec<&str> = lower.split_whitespace().collect();
    words.join(" ")
}
