//! Writes the function that callers see, with everything else inside of it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Path, parse_quote};

use crate::options::Options;
use crate::parameter::{Parameter, Passing, Role};
use crate::signature::Function;

/// The function, its argument struct, its body, and what a toolbox knows of it.
///
/// Everything generated lies inside the function, so that it collides with nothing in the module
/// and nothing outside can name it: what leaves the function is an opaque type. The body is an
/// associated function in there, so that the function's own name, used in the body, is the
/// governed one.
pub(crate) fn expand(function: &Function, options: &Options) -> TokenStream {
    let facade: Path = options
        .facade
        .clone()
        .unwrap_or_else(|| parse_quote!(::kitelogik));
    let private = quote!(#facade::__private);
    let types = Types::of(function, &private);
    let Types {
        state,
        value,
        error,
        returned,
    } = &types;
    let outer = &function.attributes.outer;
    let visibility = &function.visibility;
    let ident = &function.ident;
    let parameters = function.parameters.iter().filter_map(outer_parameter);
    let args = args_struct(function, &private);
    let definition = definition(function, options, &types, &private);
    let probes = result_probes(function, &private);
    let states = states(function, |parameter| parameter.ident.to_token_stream());
    let fields = function.arguments().map(|(parameter, argument)| {
        let name = &parameter.ident;
        match argument.passing {
            Passing::Value => quote!(#name: #name),
            Passing::Text => quote!(#name: ::std::string::String::from(#name)),
            Passing::Slice => quote!(#name: <[_]>::to_vec(#name)),
        }
    });
    quote! {
        #(#outer)*
        #visibility fn #ident(#(#parameters),*) -> #private::Call<
            impl #private::GovernedFunction<
                State = #state,
                Output = #value,
                Error = #error,
                Returned = #returned,
            > + use<>
        > {
            #args
            #definition
            #probes
            #private::Call::<__KitelogikDefinition>::new(
                #states,
                __KitelogikArgs { #(#fields),* },
            )
        }
    }
}

/// The types that the definition names, as tokens.
struct Types {
    state: TokenStream,
    value: TokenStream,
    error: TokenStream,
    returned: TokenStream,
}

impl Types {
    fn of(function: &Function, private: &TokenStream) -> Self {
        let value = function.output.value.to_token_stream();
        let (error, returned) = match &function.output.error {
            None => (
                quote!(::core::convert::Infallible),
                quote!(::core::result::Result<#value, #private::GovernanceError>),
            ),
            Some(error) => (
                quote!(#error),
                quote!(::core::result::Result<#value, #private::CallError<#error>>),
            ),
        };
        Self {
            state: states(function, |parameter| parameter.ty.to_token_stream()),
            value,
            error,
            returned,
        }
    }
}

/// `()`, the one, or a tuple, of what each state parameter is written as.
fn states(function: &Function, write: impl Fn(&Parameter) -> TokenStream) -> TokenStream {
    let states: Vec<TokenStream> = function
        .parameters
        .iter()
        .filter(|parameter| matches!(parameter.role, Role::State))
        .map(write)
        .collect();
    match states.as_slice() {
        [one] => one.clone(),
        several => quote!((#(#several),*)),
    }
}

/// A parameter as callers see it.
fn outer_parameter(parameter: &Parameter) -> Option<TokenStream> {
    let Parameter { ident, ty, .. } = parameter;
    match parameter.role {
        Role::Argument(_) | Role::State => Some(quote!(#ident: #ty)),
        Role::Session { .. } => None,
    }
}

fn args_struct(function: &Function, private: &TokenStream) -> TokenStream {
    let fields = function.arguments().map(|(parameter, argument)| {
        let name = &parameter.ident;
        let attributes = &argument.field;
        let owned = &argument.owned;
        quote!(#(#attributes)* #name: #owned)
    });
    let flattened = function.arguments().any(|(_, argument)| argument.flatten);
    // serde cannot do both; the published schema refuses unknown arguments either way.
    let closed = (!flattened).then(|| quote!(, deny_unknown_fields));
    let name = &function.name;
    quote! {
        // A name of its own, because serde and schemars take the path of their crate as text, and
        // the facade's may be one that only a macro can write.
        use #private as __kitelogik_private;

        #[derive(
            #private::serde::Serialize,
            #private::serde::Deserialize,
            #private::schemars::JsonSchema,
        )]
        #[serde(crate = "__kitelogik_private::serde", rename = #name #closed)]
        #[schemars(crate = "__kitelogik_private::schemars")]
        struct __KitelogikArgs {
            #(#fields),*
        }
    }
}

fn definition(
    function: &Function,
    options: &Options,
    types: &Types,
    private: &TokenStream,
) -> TokenStream {
    let Types {
        state,
        value,
        error,
        returned,
    } = types;
    let name = &function.name;
    let action = match &options.action {
        Some(action) => action.value(),
        None => name.clone(),
    };
    let description = &function.attributes.description;
    let resources = &function.resources;
    let sanitise = options
        .sanitise
        .as_ref()
        .is_none_or(|sanitise| sanitise.value);

    let inner = &function.attributes.inner;
    let asyncness = &function.asyncness;
    let body_name = body_name(function);
    let parameters = function.parameters.iter().map(|parameter| {
        let Parameter {
            ident,
            mutability,
            ty,
            inner,
            ..
        } = parameter;
        quote!(#(#inner)* #mutability #ident: #ty)
    });
    let written = &function.output.written;
    let block = &function.block;
    let run = run(function, private);
    quote! {
        enum __KitelogikDefinition {}

        impl __KitelogikDefinition {
            #(#inner)*
            #asyncness fn #body_name(#(#parameters),*) -> #written #block
        }

        impl #private::GovernedFunction for __KitelogikDefinition {
            const NAME: &'static str = #name;
            const DESCRIPTION: &'static str = #description;
            const ACTION: &'static str = #action;
            const RESOURCES: &'static [&'static str] = &[#(#resources),*];
            const SANITISE: bool = #sanitise;
            type Args = __KitelogikArgs;
            type State = #state;
            type Output = #value;
            type Error = #error;
            type Returned = #returned;

            #run
        }
    }
}

/// The one way to the body.
fn run(function: &Function, private: &TokenStream) -> TokenStream {
    let args = Ident::new("args", Span::mixed_site());
    let context = Ident::new("context", Span::mixed_site());
    let state_name = |parameter: &Parameter| {
        let name = format!("state_{}", parameter.ident.unraw());
        Ident::new(&name, Span::mixed_site()).to_token_stream()
    };
    let passed = function.parameters.iter().map(|parameter| {
        let name = &parameter.ident;
        let value = match &parameter.role {
            Role::Argument(argument) => match argument.passing {
                Passing::Value => quote!(#args.#name),
                Passing::Text | Passing::Slice => quote!(&#args.#name),
            },
            Role::State => state_name(parameter),
            Role::Session { by_reference: true } => quote!(&*#context),
            Role::Session { .. } => quote!(#context),
        };
        // A wrong type of `#[session]` is to be told where it was written.
        located(value, parameter.ty.span())
    });
    let states = states(function, state_name);
    let body_name = body_name(function);
    let called = quote!(Self::#body_name(#(#passed),*));
    let called = match &function.asyncness {
        Some(_) => quote!(#called.await),
        None => called,
    };
    let called = match &function.output.error {
        Some(_) => called,
        None => quote!(::core::result::Result::Ok(#called)),
    };
    // A body that is not `Send` is to be told where it was written.
    let here = Span::mixed_site().located_at(function.ident.span());
    let body = match &function.asyncness {
        Some(_) => quote_spanned! {here=>
            #private::Body::Async(::std::boxed::Box::pin(async move { #called }))
        },
        None => quote_spanned! {here=>
            #private::Body::Blocking(::std::boxed::Box::new(move || #called))
        },
    };
    let state = Ident::new("state", Span::mixed_site());
    let opened = Ident::new("opened", Span::mixed_site());
    let running = Ident::new("running", Span::mixed_site());
    quote! {
        fn body(
            #state: Self::State,
            #opened: #private::Opened<Self>,
        ) -> (#private::Body<Self::Output, Self::Error>, #private::Running) {
            let #states = #state;
            let (#args, #context, #running) = #opened.into_parts();
            (#body, #running)
        }
    }
}

/// A `Result` that was not recognised would be taken for a value, and `{"Err": …}` for success.
fn result_probes(function: &Function, private: &TokenStream) -> TokenStream {
    let value = &function.output.value;
    let message = match function.output.error {
        None => {
            "the return type is a `Result` behind another name: write `Result<T, E>` out, so that a failure is told from a value"
        }
        Some(_) => {
            "the `Ok` type is a `Result` itself: return one `Result<T, E>`, so that a failure is told from a value"
        }
    };
    let span = Span::mixed_site().located_at(value.span());
    quote_spanned! {span=>
        const _: () = {
            use #private::NotAResult as _;
            ::core::assert!(!#private::ResultProbe::<#value>::IS_RESULT, #message);
        };
    }
}

/// The function's name, for tracing and panics; lints about names are told of the function itself.
fn body_name(function: &Function) -> Ident {
    let mut name = function.ident.clone();
    name.set_span(Span::mixed_site().located_at(name.span()));
    name
}

fn located(tokens: TokenStream, span: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut token| {
            token.set_span(token.span().located_at(span));
            token
        })
        .collect()
}
