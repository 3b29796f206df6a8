//! Reads a function, and refuses what a tool cannot be.

use syn::ext::IdentExt;
use syn::{
    Block, GenericArgument, Ident, ItemFn, LitStr, PathArguments, ReturnType, Signature, Token,
    Type, TypePath, Visibility, parse_quote,
};

use crate::attributes::FunctionAttributes;
use crate::errors::Errors;
use crate::options::Options;
use crate::owned::{self, Place, bare};
use crate::parameter::{Argument, Parameter, Role};
use crate::suggestion::{did_you_mean, listed};

/// As many parameters as a function that can be registered may have, `#[session]` aside.
const MAX_PARAMETERS: usize = 16;

/// A function that can be a tool.
pub(crate) struct Function {
    pub(crate) attributes: FunctionAttributes,
    pub(crate) visibility: Visibility,
    pub(crate) asyncness: Option<Token![async]>,
    pub(crate) ident: Ident,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) output: Output,
    pub(crate) block: Box<Block>,
    /// The tool's name.
    pub(crate) name: String,
    /// The JSON paths of its resources.
    pub(crate) resources: Vec<String>,
}

/// What a function returns.
pub(crate) struct Output {
    /// As it was written.
    pub(crate) written: Type,
    /// Where it does not fail.
    pub(crate) value: Type,
    /// What it fails with.
    pub(crate) error: Option<Type>,
}

impl Function {
    pub(crate) fn read(
        function: ItemFn,
        options: &Options,
        mut errors: Errors,
    ) -> syn::Result<Self> {
        refuse_kind(&function.sig, &mut errors);
        let attributes = FunctionAttributes::read(function.attrs, &mut errors);
        let Signature {
            ident,
            asyncness,
            inputs,
            output,
            ..
        } = function.sig;
        let parameters: Vec<Parameter> = inputs
            .into_iter()
            .filter_map(|parameter| Parameter::read(parameter, &mut errors))
            .collect();
        refuse_number(&parameters, &mut errors);
        let output = Output::read(output, &mut errors);
        let name = tool_name(&ident, options.name.as_ref(), &mut errors);
        let resources = options
            .resources
            .iter()
            .filter_map(|resource| json_path(resource, &parameters, &mut errors))
            .collect();
        errors.or(Self {
            attributes,
            visibility: function.vis,
            asyncness,
            ident,
            parameters,
            output,
            block: function.block,
            name,
            resources,
        })
    }

    pub(crate) fn arguments(&self) -> impl Iterator<Item = (&Parameter, &Argument)> {
        arguments(&self.parameters)
    }
}

fn arguments(parameters: &[Parameter]) -> impl Iterator<Item = (&Parameter, &Argument)> {
    parameters
        .iter()
        .filter_map(|parameter| match &parameter.role {
            Role::Argument(argument) => Some((parameter, argument)),
            Role::State | Role::Session { .. } => None,
        })
}

impl Output {
    fn read(output: ReturnType, errors: &mut Errors) -> Self {
        let written = match output {
            ReturnType::Default => parse_quote!(()),
            ReturnType::Type(_, ty) => *ty,
        };
        owned::check(&written, Place::Output, errors);
        if let Type::Never(never) = bare(&written) {
            errors.push(never, "a tool returns: write what, or nothing");
        }
        let (value, error) = match result(bare(&written)) {
            Some((value, error)) => (value, Some(error)),
            None => (written.clone(), None),
        };
        Self {
            written,
            value,
            error,
        }
    }
}

/// `T` and `E` of a `Result<T, E>` that is written out.
fn result(ty: &Type) -> Option<(Type, Type)> {
    let Type::Path(TypePath { qself: None, path }) = ty else {
        return None;
    };
    let last = path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    let mut arguments = arguments.args.iter();
    match (arguments.next(), arguments.next(), arguments.next()) {
        (Some(GenericArgument::Type(value)), Some(GenericArgument::Type(error)), None)
            if last.ident == "Result" =>
        {
            Some((value.clone(), error.clone()))
        }
        _ => None,
    }
}

fn refuse_kind(signature: &Signature, errors: &mut Errors) {
    if let Some(unsafety) = &signature.unsafety {
        let message = "a model cannot keep the promises that an `unsafe fn` asks for: make it safe";
        errors.push(unsafety, message);
    }
    if let Some(abi) = &signature.abi {
        errors.push(
            abi,
            "a governed function is a Rust function: remove `extern`",
        );
    }
    if let Some(constness) = &signature.constness {
        errors.push(constness, "the gate is asked at run time: remove `const`");
    }
    if let Some(variadic) = &signature.variadic {
        errors.push(
            variadic,
            "a tool's arguments have names: write `Vec<T>` for `...`",
        );
    }
    for parameter in &signature.generics.params {
        let message = match parameter {
            syn::GenericParam::Lifetime(_) => {
                "a governed function has no lifetime parameters: `&str` and `&[T]` need none, everything else is owned"
            }
            syn::GenericParam::Type(_) | syn::GenericParam::Const(_) => {
                "a tool has one schema, so a governed function is not generic: write the concrete type"
            }
        };
        errors.push(parameter, message);
    }
    if let Some(clause) = &signature.generics.where_clause {
        errors.push(
            clause,
            "a governed function is not generic: remove the `where` clause",
        );
    }
}

fn refuse_number(parameters: &[Parameter], errors: &mut Errors) {
    let mut registered = parameters
        .iter()
        .filter(|parameter| !matches!(parameter.role, Role::Session { .. }));
    if let Some(parameter) = registered.nth(MAX_PARAMETERS) {
        let message = format!(
            "a governed function has at most {MAX_PARAMETERS} parameters: gather some in a struct with `Serialize`, `Deserialize` and `JsonSchema`"
        );
        errors.push(&parameter.ident, message);
    }
    let mut sessions = parameters
        .iter()
        .filter(|parameter| matches!(parameter.role, Role::Session { .. }));
    if let Some(second) = sessions.nth(1) {
        errors.push(
            &second.ident,
            "there is one session: keep one `#[session]` parameter",
        );
    }
}

fn tool_name(ident: &Ident, option: Option<&LitStr>, errors: &mut Errors) -> String {
    let name = option.map_or_else(|| ident.unraw().to_string(), LitStr::value);
    let callable = (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if !callable {
        let message = format!(
            "`{name}` cannot be a tool's name: use 1 to 64 of the letters a-z, A-Z, digits, `_` and `-` (`#[governed(name = \"…\")]` gives it one that differs from the function's)"
        );
        match option {
            Some(option) => errors.push(option, message),
            None => errors.push(ident, message),
        }
    }
    name
}

/// The JSON path of a resource that is named by its parameter, and by fields inside of it.
fn json_path(resource: &LitStr, parameters: &[Parameter], errors: &mut Errors) -> Option<String> {
    let path = resource.value();
    let (name, fields) = match path.split_once('.') {
        Some((name, fields)) => (name, Some(fields)),
        None => (path.as_str(), None),
    };
    let found = parameters
        .iter()
        .find(|parameter| parameter.ident.unraw() == name);
    let argument = match found.map(|parameter| &parameter.role) {
        Some(Role::Argument(argument)) => argument,
        Some(Role::State | Role::Session { .. }) => {
            let message = format!(
                "`{name}` is no argument: the policy sees neither state nor session as one"
            );
            errors.push(resource, message);
            return None;
        }
        None => {
            let names: Vec<String> = arguments(parameters)
                .map(|(parameter, _)| parameter.ident.unraw().to_string())
                .collect();
            let names = || names.iter().map(String::as_str);
            let known = match names().next() {
                Some(_) => format!("its arguments are {}", listed(names())),
                None => "it has none".to_owned(),
            };
            let near = did_you_mean(name, names());
            errors.push(
                resource,
                format!("no argument named `{name}`{near} ({known})"),
            );
            return None;
        }
    };
    match (argument.flatten, fields) {
        (false, None) => Some(argument.json_name.clone()),
        (false, Some(fields)) => Some(format!("{}.{fields}", argument.json_name)),
        // A flattened argument's fields stand beside the others.
        (true, Some(fields)) => Some(fields.to_owned()),
        (true, None) => {
            let message = format!(
                "`{name}` is flattened: name the field of it that carries the path or URL, `{name}.…`"
            );
            errors.push(resource, message);
            None
        }
    }
}
