//! Nothing that the attribute writes is a lint's business in the user's crate.
#![deny(
    warnings,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    unused,
    clippy::all,
    clippy::pedantic
)]
#![no_implicit_prelude]

use ::kitelogik::governed;
use ::std::prelude::v1::*;

/// Adds.
#[governed]
pub async fn add(
    /// One.
    one: f64,
    /// The other.
    other: f64,
) -> f64 {
    one + other
}

/// Says nothing.
#[governed]
pub(crate) fn nothing() {}

mod inner {
    use ::kitelogik::{SessionContext, governed};
    use ::std::prelude::v1::*;
    use ::std::sync::Arc;

    #[governed(action = "look", resource = ["path", "type"], sanitise = false, name = "look-up")]
    pub(super) fn look(
        #[state] first: Arc<String>,
        path: &str,
        #[session] who: &SessionContext,
        mut r#type: String,
        #[state] second: u8,
        parts: &[u8],
    ) -> Result<String, ::std::io::Error> {
        r#type.push_str(path);
        Ok(::std::format!("{first}{}{}{second}{parts:?}", who.session_id, r#type))
    }

    #[governed]
    pub(super) async fn who(#[session] who: Arc<SessionContext>) -> String {
        who.session_id.clone()
    }
}

fn main() {
    #[governed]
    #[must_use]
    #[inline]
    async fn within(maybe: Option<u8>, #[serde(default)] text: &str) -> Vec<String> {
        let within = maybe.map_or(0, usize::from);
        ::std::vec![text.to_owned(); within]
    }

    let add = add(1.0, 2.0);
    drop(add);
    drop(nothing());
    drop(within(None, "a"));
    drop(inner::look(Arc::default(), "a", String::new(), 7, &[1]));
    drop(inner::who());
    let tools = ::kitelogik::Toolbox::builder()
        .tool(crate::add)
        .tool(nothing)
        .tool(within)
        .tool(inner::who)
        .tool_with(inner::look, (Arc::<String>::default(), 7))
        .build()
        .expect("all are tools");
    ::std::assert_eq!(
        tools.names().collect::<Vec<_>>(),
        ["add", "nothing", "within", "who", "look-up"]
    );
}

use ::std::sync::Arc;
