//! The `#[governed]` attribute.

use proc_macro::TokenStream;

/// Makes a function a tool that runs only with the gate's permit.
#[proc_macro_attribute]
pub fn governed(_options: TokenStream, item: TokenStream) -> TokenStream {
    item
}
