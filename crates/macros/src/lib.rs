//! The `#[governed]` attribute.

use proc_macro::TokenStream;
use syn::ItemFn;

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
#[proc_macro_attribute]
pub fn governed(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = Options::read(options.into(), &mut errors);
    let function =
        syn::parse::<ItemFn>(item).and_then(|function| Function::read(function, &options, errors));
    match function {
        Ok(function) => expand::expand(&function, &options).into(),
        Err(error) => error.into_compile_error().into(),
    }
}
