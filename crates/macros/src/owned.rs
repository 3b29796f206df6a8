//! Refuses what a type may not have in it, and says what to write.

use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{
    Ident, Lifetime, ParenthesizedGenericArguments, Type, TypeBareFn, TypeImplTrait, TypeInfer,
    TypeReference,
};

use crate::errors::Errors;

/// What a type is the type of.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Place {
    Argument,
    State,
    Session,
    Output,
}

/// Refuses borrowed data, `impl Trait`, `Self` and `_` anywhere in `ty`.
pub(crate) fn check(ty: &Type, place: Place, errors: &mut Errors) {
    Check { place, errors }.visit_type(ty);
}

/// `ty` without the invisible groups and parentheses around it.
pub(crate) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        other => other,
    }
}

struct Check<'a> {
    place: Place,
    errors: &'a mut Errors,
}

impl Check<'_> {
    fn borrowed(&self) -> &'static str {
        match self.place {
            Place::Argument => {
                "an argument is read from JSON and owns its data: write `String` for `&str`, `Vec<T>` for `&[T]`, `T` for `&T`"
            }
            Place::State => "state comes in by value, as in axum: write `Arc<T>`",
            Place::Session => "write `&SessionContext` or `Arc<SessionContext>`",
            Place::Output => {
                "a result outlives the call: return owned data, such as `String` for `&str`"
            }
        }
    }
}

impl<'ast> Visit<'ast> for Check<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        let is_static = reference
            .lifetime
            .as_ref()
            .is_some_and(|lifetime| lifetime.ident == "static");
        if is_static && matches!(self.place, Place::State | Place::Output) {
            visit::visit_type(self, &reference.elem);
        } else {
            self.errors.push(reference, self.borrowed());
        }
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            self.errors.push(lifetime, self.borrowed());
        }
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        let bounds = ty.bounds.to_token_stream().to_string();
        let message = match self.place {
            Place::Output if bounds.contains("Future") => {
                "write `async fn … -> T` for a function that returns a future of `T`"
            }
            Place::Output => "the result becomes JSON: write the concrete type for `impl Trait`",
            Place::Argument => {
                "an argument is read from JSON: write the concrete type for `impl Trait`"
            }
            Place::State | Place::Session => "write the concrete type, or `Arc<dyn Trait>`",
        };
        self.errors.push(ty, message);
    }

    fn visit_type_infer(&mut self, ty: &'ast TypeInfer) {
        self.errors.push(ty, "write the type out");
    }

    fn visit_ident(&mut self, ident: &'ast Ident) {
        if ident == "Self" {
            let message = "a governed function knows no `Self`: write the type's name";
            self.errors.push(ident, message);
        }
    }

    // What a function or closure in the state takes is nobody's data.
    fn visit_type_bare_fn(&mut self, _: &'ast TypeBareFn) {}
    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast ParenthesizedGenericArguments) {}
}
