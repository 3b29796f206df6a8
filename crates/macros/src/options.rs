//! What stands in the parentheses of `#[governed(…)]`.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Ident, LitBool, LitStr, Path, Token, bracketed, token};

use crate::errors::Errors;
use crate::suggestion::{did_you_mean, listed};

const KNOWN: [&str; 5] = ["action", "crate", "name", "resource", "sanitise"];

/// The options of one function.
#[derive(Default)]
pub(crate) struct Options {
    /// The policy's name for the tool.
    pub(crate) action: Option<LitStr>,
    /// Where the facade is.
    pub(crate) facade: Option<Path>,
    /// The tool's name.
    pub(crate) name: Option<LitStr>,
    /// The arguments that carry the paths or URLs it touches.
    pub(crate) resources: Vec<LitStr>,
    /// Whether its results are sanitised.
    pub(crate) sanitise: Option<LitBool>,
}

impl Options {
    pub(crate) fn read(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        let parse = |input: ParseStream<'_>| options.parse(input, errors);
        if let Err(error) = parse.parse2(tokens) {
            errors.add(error);
        }
        options
    }

    fn parse(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        let mut seen: Vec<Ident> = Vec::new();
        while !input.is_empty() {
            let key = input.call(Ident::parse_any)?;
            if seen.contains(&key) {
                errors.push(&key, format!("`{key}` is given twice: keep one"));
            }
            self.option(&key, input, errors)?;
            seen.push(key);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    }

    fn option(
        &mut self,
        key: &Ident,
        input: ParseStream<'_>,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        match key.to_string().as_str() {
            "action" => self.action = Some(text(key, input, errors)?),
            "crate" => {
                let wanted = "write where the facade is as a path: `crate = ::my_crate::kitelogik`";
                self.facade = Some(value(key, input, wanted)?);
            }
            "name" => self.name = Some(text(key, input, errors)?),
            "resource" => {
                let wanted = "name an argument: `resource = \"path\"`, or several: `resource = [\"from\", \"to\"]`";
                let OneOrMore(names) = value(key, input, wanted)?;
                if names.is_empty() {
                    errors.push(key, wanted);
                }
                self.resources = names;
            }
            "sanitise" => {
                let wanted = "write `sanitise = false` to leave the tool's results as they are";
                self.sanitise = Some(value(key, input, wanted)?);
            }
            other => {
                let near = did_you_mean(other, KNOWN);
                let message = format!(
                    "unknown option `{other}`{near} (the options are {})",
                    listed(KNOWN)
                );
                errors.push(key, message);
                skip_value(input)?;
            }
        }
        Ok(())
    }
}

/// A value, after its `=`; `wanted` says what to write where it is none.
fn value<T: Parse>(key: &Ident, input: ParseStream<'_>, wanted: &str) -> syn::Result<T> {
    if !input.peek(Token![=]) {
        return Err(syn::Error::new_spanned(key, wanted));
    }
    input.parse::<Token![=]>()?;
    input
        .parse()
        .map_err(|error| syn::Error::new(error.span(), wanted))
}

/// A text that says something.
fn text(key: &Ident, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<LitStr> {
    let text: LitStr = value(key, input, &format!("write `{key} = \"…\"`"))?;
    if text.value().trim().is_empty() {
        errors.push(
            &text,
            format!("`{key}` is empty: leave it out, or say what it is"),
        );
    }
    Ok(text)
}

struct OneOrMore(Vec<LitStr>);

impl Parse for OneOrMore {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if !input.peek(token::Bracket) {
            return Ok(Self(vec![input.parse()?]));
        }
        let content;
        bracketed!(content in input);
        let names = Punctuated::<LitStr, Token![,]>::parse_terminated(&content)?;
        Ok(Self(names.into_iter().collect()))
    }
}

fn skip_value(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}
