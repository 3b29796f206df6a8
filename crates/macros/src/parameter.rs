//! The parameters of a function: arguments, state, and who calls.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Attribute, FnArg, Ident, Pat, PatType, Token, Type, TypePath, TypeReference};

use crate::attributes::ParameterAttributes;
use crate::errors::Errors;
use crate::owned::{self, Place, bare};

/// One parameter.
pub(crate) struct Parameter {
    pub(crate) ident: Ident,
    /// The `mut` of its binding: for the body only.
    pub(crate) mutability: Option<Token![mut]>,
    /// Its type, as it was written.
    pub(crate) ty: Type,
    /// Attributes for the body's parameter.
    pub(crate) inner: Vec<Attribute>,
    pub(crate) role: Role,
}

/// Where a parameter's value comes from.
pub(crate) enum Role {
    /// From the caller's arguments.
    Argument(Argument),
    /// From the host.
    State,
    /// From the session; by reference, or as an `Arc`.
    Session { by_reference: bool },
}

/// What model and policy see.
pub(crate) struct Argument {
    /// The type of the field that holds it.
    pub(crate) owned: TokenStream,
    pub(crate) passing: Passing,
    /// Attributes of that field.
    pub(crate) field: Vec<Attribute>,
    /// Its name in JSON.
    pub(crate) json_name: String,
    /// Whether its fields stand among the other arguments.
    pub(crate) flatten: bool,
}

/// How an argument is passed.
#[derive(Clone, Copy)]
pub(crate) enum Passing {
    Value,
    /// `&str`
    Text,
    /// `&[T]`
    Slice,
}

impl Parameter {
    /// Reads a parameter; None where it is none that a tool can have.
    pub(crate) fn read(parameter: FnArg, errors: &mut Errors) -> Option<Self> {
        let PatType { attrs, pat, ty, .. } = match parameter {
            FnArg::Typed(parameter) => parameter,
            FnArg::Receiver(receiver) => {
                let message = "a governed function takes no `self`: make it a free function, and take the value as `#[state] this: Arc<…>`";
                errors.push(receiver, message);
                return None;
            }
        };
        let attributes = ParameterAttributes::read(attrs, errors);
        let (ident, mutability) = binding(*pat, errors)?;
        let ty = *ty;
        let inner = attributes.inner.clone();
        let role = match (&attributes.state, &attributes.session) {
            (None, None) => Role::Argument(Argument::read(&ident, &ty, attributes, errors)),
            (Some(_), None) => {
                refuse_field_attributes(&attributes, errors);
                owned::check(&ty, Place::State, errors);
                Role::State
            }
            (None, Some(_)) => {
                refuse_field_attributes(&attributes, errors);
                session(&ty, errors)
            }
            (Some(_), Some(session)) => {
                let message = "a parameter is `#[state]` or `#[session]`, not both";
                errors.push(session, message);
                return None;
            }
        };
        Some(Self {
            ident,
            mutability,
            ty,
            inner,
            role,
        })
    }
}

impl Argument {
    fn read(
        ident: &Ident,
        ty: &Type,
        attributes: ParameterAttributes,
        errors: &mut Errors,
    ) -> Self {
        let (owned, passing) = match bare(ty) {
            Type::Reference(reference) => borrowed(ident, reference, errors),
            _ => {
                owned::check(ty, Place::Argument, errors);
                (quote!(#ty), Passing::Value)
            }
        };
        let json_name = attributes
            .rename
            .map_or_else(|| ident.unraw().to_string(), |name| name.value());
        Self {
            owned,
            passing,
            field: attributes.field,
            json_name,
            flatten: attributes.flatten,
        }
    }
}

fn binding(pattern: Pat, errors: &mut Errors) -> Option<(Ident, Option<Token![mut]>)> {
    let message = match pattern {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {
            return Some((name.ident, name.mutability));
        }
        Pat::Wild(_) => "an argument needs a name that the model can use: write one for `_`",
        _ => {
            "an argument needs a plain name that the model can use: write `name: Type`, and take it apart in the body"
        }
    };
    errors.push(pattern, message);
    None
}

/// `&str` and `&[T]`: the argument struct owns what the body borrows.
fn borrowed(
    ident: &Ident,
    reference: &TypeReference,
    errors: &mut Errors,
) -> (TokenStream, Passing) {
    let elem = bare(&reference.elem);
    if let Some(lifetime) = &reference.lifetime {
        let message = "remove the lifetime: the argument lives as long as the call";
        errors.push(lifetime, message);
    }
    if reference.mutability.is_some() {
        let elem = quote!(#elem);
        let message =
            format!("the body has its own copy of an argument: write `mut {ident}: {elem}`");
        errors.push(reference, message);
        return (elem, Passing::Value);
    }
    match elem {
        Type::Slice(slice) => {
            owned::check(&slice.elem, Place::Argument, errors);
            let elem = &slice.elem;
            (quote!(::std::vec::Vec<#elem>), Passing::Slice)
        }
        Type::Path(path) if is(path, "str") => (quote!(::std::string::String), Passing::Text),
        other => {
            let instead = match other {
                Type::Path(path) if is(path, "String") => "&str".to_owned(),
                Type::Path(path) if is(path, "Vec") => "&[…]".to_owned(),
                Type::Path(path) if is(path, "Path") => "PathBuf".to_owned(),
                other => quote!(#other).to_string(),
            };
            let message = format!(
                "only `&str` and `&[T]` can be borrowed from the arguments: write `{ident}: {instead}`"
            );
            errors.push(reference, message);
            (quote!(#other), Passing::Value)
        }
    }
}

fn session(ty: &Type, errors: &mut Errors) -> Role {
    match bare(ty) {
        Type::Reference(reference) => {
            if let Some(mutability) = &reference.mutability {
                let message = "a session's context does not change: write `&SessionContext`";
                errors.push(mutability, message);
            }
            if let Some(lifetime) = &reference.lifetime {
                errors.push(lifetime, "remove the lifetime: write `&SessionContext`");
            }
            Role::Session { by_reference: true }
        }
        _ => {
            owned::check(ty, Place::Session, errors);
            Role::Session {
                by_reference: false,
            }
        }
    }
}

fn refuse_field_attributes(attributes: &ParameterAttributes, errors: &mut Errors) {
    for attribute in &attributes.field {
        if attribute.path().is_ident("doc") {
            continue;
        }
        let message = "remove this: neither model nor policy sees state or session as an argument";
        errors.push(attribute, message);
    }
}

fn is(path: &TypePath, name: &str) -> bool {
    path.qself.is_none()
        && path
            .path
            .segments
            .last()
            .is_some_and(|segment| segment.ident == name)
}
