//! The attribute `#[governed]`, which makes a function a tool whose every call is judged first.
//!
//! Users take it from the facade, `kitelogik::governed`: what it writes names the facade's
//! re-exports, so that a user's crate needs no other dependency for it.

use proc_macro::TokenStream;
use syn::Item;

use crate::errors::Errors;
use crate::options::Options;
use crate::signature::Function;

mod attributes;
mod errors;
mod expand;
mod options;
mod owned;
mod parameter;
mod signature;
mod suggestion;

/// Makes a function a tool: every call of it is put to the policy gate before its body runs.
///
/// What it leaves is a function of the same name, visibility and arguments that returns a `Call`:
/// `.run(&session).await` has it judged, and runs the body where it is let through;
/// `.run_blocking(&session)` does so without an async runtime. The same path registers in a
/// `Toolbox`. The body is reached in no other way; where it names its own function, to call it
/// again, that is the governed one.
///
/// ```
/// use kitelogik::prelude::*;
///
/// /// Refund a customer's order.
/// #[governed]
/// async fn approve_refund(
///     /// The customer's id, e.g. `cust_001`.
///     customer_id: String,
///     /// Amount in US dollars.
///     amount: f64,
/// ) -> String {
///     format!("Refunded ${amount:.2} to {customer_id}")
/// }
///
/// # async fn example(session: &Session) -> Result<(), Box<dyn std::error::Error>> {
/// let receipt: String = approve_refund("cust_001".into(), 42.0).run(session).await?;
/// let tools = Toolbox::builder().tool(approve_refund).build()?;
/// # Ok(())
/// # }
/// ```
///
/// # The function
///
/// An `async fn` runs where it is awaited, a `fn` off the async threads. Its doc comment is the
/// tool's description. The result becomes JSON: it is a `Serialize` type, or a `Result` of one and
/// an error that can be displayed.
///
/// | returns | a call returns |
/// |---|---|
/// | `T` | `Result<T, GovernanceError>` |
/// | `Result<T, E>` | `Result<T, CallError<E>>` |
///
/// The `Result` has to be written out: behind an alias (`io::Result<T>`) it would be a value, and
/// its error a success. That is a compile error.
///
/// Attributes go to the body (`#[tracing::instrument]`, `#[inline]`), but for doc comments, lint
/// levels and `#[deprecated]`, which are about the function that callers see.
///
/// # The parameters
///
/// | parameter | where it comes from |
/// |---|---|
/// | `amount: f64` | the arguments: any type with `Serialize`, `Deserialize` and `JsonSchema` |
/// | `id: &str`, `ids: &[u64]` | the arguments, which own what the body borrows |
/// | `limit: Option<u32>` | the arguments; may be left out |
/// | `#[state] accounts: Arc<Accounts>` | the host: an argument of a direct call, `tool_with` in a toolbox |
/// | `#[session] who: &SessionContext` | the session; in no argument list. `Arc<SessionContext>` works, too |
///
/// Neither model nor policy sees state or session as an argument. Doc comments on arguments, and
/// `#[serde(…)]` (`default`, `rename`, `alias`, `flatten`, `with`) and `#[schemars(…)]`, go to the
/// argument struct that the schema is made from. An argument that nobody declared is refused.
///
/// Refused are `self`, generics, lifetimes, `impl Trait`, patterns, `#[cfg]` on a parameter, `unsafe`,
/// `extern` and `const` functions, and more than 16 parameters. The error says what to write.
///
/// # Options
///
/// | option | what it says | default |
/// |---|---|---|
/// | `action = "…"` | the policy's name for the tool | the tool's name |
/// | `resource = "path"`, `resource = ["from", "to"]` | the arguments (`target.path` for a field) that carry the paths or URLs it touches; each is judged, and the strongest verdict holds | none |
/// | `sanitise = false` | a toolbox gives its results to the model as they are | they are sanitised |
/// | `name = "…"` | the tool's name | the function's |
/// | `crate = path` | where the facade is | `::kitelogik` |
#[proc_macro_attribute]
pub fn governed(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = Options::read(options.into(), &mut errors);
    let function = syn::parse(item).and_then(|item| match item {
        Item::Fn(function) => Function::read(function, &options, errors),
        other => {
            let message = "`#[governed]` makes a function a tool: put it on a `fn`";
            Err(syn::Error::new_spanned(other, message))
        }
    });
    match function {
        Ok(function) => expand::expand(&function, &options).into(),
        Err(error) => error.into_compile_error().into(),
    }
}
