//! Which attribute goes where: to the function that callers see, to the body, to the schema.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Token, parenthesized, token};

use crate::errors::Errors;

const LINTS: [&str; 5] = ["allow", "deny", "expect", "forbid", "warn"];
const LINKAGE: [&str; 3] = ["export_name", "link_section", "no_mangle"];

/// The attributes of a function, sorted.
#[derive(Default)]
pub(crate) struct FunctionAttributes {
    /// For the function that callers see.
    pub(crate) outer: Vec<Attribute>,
    /// For the function that holds the body.
    pub(crate) inner: Vec<Attribute>,
    /// The doc comment.
    pub(crate) description: String,
}

impl FunctionAttributes {
    pub(crate) fn read(attributes: Vec<Attribute>, errors: &mut Errors) -> Self {
        let mut sorted = Self::default();
        let mut lines = Vec::new();
        for attribute in attributes {
            let path = attribute.path();
            let is_any_of = |names: &[&str]| names.iter().any(|name| path.is_ident(name));
            if path.is_ident("doc") {
                lines.extend(doc_line(&attribute, errors));
                sorted.outer.push(attribute);
            } else if is_any_of(&LINTS) || is_any_of(&["cfg", "cfg_attr", "deprecated"]) {
                // Lint levels reach the body too: it lies inside.
                sorted.outer.push(attribute);
            } else if is_any_of(&["unsafe"]) || is_any_of(&LINKAGE) {
                let message = "remove this: the body of a governed function has no name that could be linked to past the gate";
                errors.push(&attribute, message);
            } else {
                sorted.inner.push(attribute);
            }
        }
        lines.join("\n").trim().clone_into(&mut sorted.description);
        sorted
    }
}

/// The attributes of a parameter, sorted.
#[derive(Default)]
pub(crate) struct ParameterAttributes {
    pub(crate) state: Option<Attribute>,
    pub(crate) session: Option<Attribute>,
    /// For the field of the argument struct.
    pub(crate) field: Vec<Attribute>,
    /// For the parameter of the body.
    pub(crate) inner: Vec<Attribute>,
    /// The JSON name, where serde is told another one.
    pub(crate) rename: Option<LitStr>,
    /// Whether serde flattens it.
    pub(crate) flatten: bool,
}

impl ParameterAttributes {
    pub(crate) fn read(attributes: Vec<Attribute>, errors: &mut Errors) -> Self {
        let mut sorted = Self::default();
        for attribute in attributes {
            let path = attribute.path();
            if path.is_ident("state") || path.is_ident("session") {
                if let Err(error) = attribute.meta.require_path_only() {
                    errors.add(error);
                }
                if path.is_ident("state") {
                    sorted.state = Some(attribute);
                } else {
                    sorted.session = Some(attribute);
                }
            } else if path.is_ident("serde") {
                if let Err(error) = sorted.read_serde(&attribute, errors) {
                    errors.add(error);
                }
                sorted.field.push(attribute);
            } else if path.is_ident("doc") || path.is_ident("schemars") {
                sorted.field.push(attribute);
            } else if LINTS.iter().any(|lint| path.is_ident(lint)) {
                sorted.inner.push(attribute);
            } else if path.is_ident("cfg") || path.is_ident("cfg_attr") {
                let message = "what a model is told must not depend on how the program was built: put `#[cfg]` on the function, and write it once for each case";
                errors.push(&attribute, message);
            } else {
                let message = "unknown attribute on a tool's parameter: known are `#[state]`, `#[session]`, `#[serde(…)]`, `#[schemars(…)]` and doc comments";
                errors.push(&attribute, message);
            }
        }
        sorted
    }

    fn read_serde(&mut self, attribute: &Attribute, errors: &mut Errors) -> syn::Result<()> {
        attribute.parse_nested_meta(|meta| {
            let is = |name: &str| meta.path.is_ident(name);
            if is("flatten") {
                self.flatten = true;
            } else if is("skip") || is("skip_serializing") || is("skip_deserializing") {
                let message =
                    "a skipped argument would be lost on the way: take the value as `#[state]`";
                errors.push(&meta.path, message);
            } else if is("rename") {
                let one =
                    "write one name, `rename = \"…\"`: policy, model and body read the same one";
                let name = meta.value().and_then(|value| value.parse());
                self.rename = Some(name.map_err(|error| syn::Error::new(error.span(), one))?);
            } else if meta.input.peek(Token![=]) {
                meta.value()?.parse::<Expr>()?;
            } else if meta.input.peek(token::Paren) {
                let content;
                parenthesized!(content in meta.input);
                content.parse::<TokenStream>()?;
            }
            Ok(())
        })
    }
}

/// One line of a doc comment, as it was written.
fn doc_line(attribute: &Attribute, errors: &mut Errors) -> Option<String> {
    let Meta::NameValue(doc) = &attribute.meta else {
        return None;
    };
    let mut value = &doc.value;
    while let Expr::Group(group) = value {
        value = &group.expr;
    }
    if let Expr::Lit(ExprLit {
        lit: Lit::Str(line),
        ..
    }) = value
    {
        let line = line.value();
        let line = line.strip_prefix(' ').unwrap_or(&line);
        Some(line.trim_end().to_owned())
    } else {
        let message = "the doc comment is the tool's description: write it out as text";
        errors.push(doc.value.to_token_stream(), message);
        None
    }
}
