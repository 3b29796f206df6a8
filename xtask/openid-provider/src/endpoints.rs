//! What is answered where.

use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::Shared;
use crate::codes::Grant;
use crate::fault::{Endpoint, Fault};
use crate::token::id_token;
use crate::wire::{self, Fields, Request, decoded, query};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const HTML: (&str, &str) = ("Content-Type", "text/html; charset=utf-8");

/// Answers one request.
pub(crate) fn answer(shared: &Shared, stream: TcpStream) {
    let Some(request) = Request::read(&stream) else {
        return;
    };
    shared.state().asked.push(request.path.clone());
    let endpoint = match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/.well-known/openid-configuration") => Endpoint::Discovery,
        ("GET", "/keys") => Endpoint::Keys,
        ("POST", "/token") => Endpoint::Token,
        ("GET", "/authorize") => return page(&stream, &request.query),
        ("POST", "/authorize") => return back(shared, &stream, &request.body),
        _ => return wire::answer(&stream, "404 Not Found", &[], ""),
    };
    let fault = shared.state().fault;
    match fault {
        Fault::Silent(at) if at == endpoint => shared.state().held.push(stream),
        Fault::Endless(at) if at == endpoint => wire::answer_endlessly(&stream),
        Fault::Closed(at) if at == endpoint => {}
        Fault::Redirect(at) if at == endpoint => {
            let elsewhere = format!("{}/elsewhere", shared.issuer());
            let headers = [("Location", elsewhere.as_str()), JSON];
            wire::answer(&stream, "307 Temporary Redirect", &headers, "{}");
        }
        Fault::Page(at) if at == endpoint => {
            wire::answer(&stream, "200 OK", &[HTML], "<script>alert(1)</script>");
        }
        Fault::Broken(at) if at == endpoint => {
            wire::answer(&stream, "500 Internal Server Error", &[JSON], "{}");
        }
        _ => {
            let (status, body) = match endpoint {
                Endpoint::Discovery => ("200 OK", discovery(shared)),
                Endpoint::Keys => ("200 OK", json!({"keys": [shared.state().key.jwk()]})),
                Endpoint::Token => token(shared, &request),
            };
            wire::answer(&stream, status, &[JSON], &body.to_string());
        }
    }
}

fn discovery(shared: &Shared) -> Value {
    let issuer = shared.issuer();
    let plain = "http://provider.example";
    let at = |fault: Fault, path: &str| {
        let base = if shared.has_fault(fault) {
            plain
        } else {
            &issuer
        };
        format!("{base}{path}")
    };
    json!({
        "issuer": if shared.has_fault(Fault::OtherDiscovery) { plain } else { &issuer },
        "authorization_endpoint": at(Fault::PlainAuthorization, "/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": at(Fault::PlainKeys, "/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    })
}

/// A page with one button, which stands for signing in.
fn page(stream: &TcpStream, query: &str) {
    let request = query.replace('&', "&amp;").replace('"', "&quot;");
    let page = format!(
        "<!doctype html><title>Provider</title><form method=\"post\"><input type=\"hidden\" name=\"request\" \
         value=\"{request}\"><button id=\"go\">Continue</button></form>"
    );
    wire::answer(stream, "200 OK", &[HTML], &page);
}

fn back(shared: &Shared, stream: &TcpStream, form: &str) {
    let request = Fields::parse(form);
    match authorize(shared, request.get("request").unwrap_or_default()) {
        Ok(url) => wire::answer(stream, "303 See Other", &[("Location", &url)], ""),
        Err(problem) => wire::answer(stream, "400 Bad Request", &[], &problem),
    }
}

/// Where the browser of somebody who signed in is sent.
pub(crate) fn authorize(shared: &Shared, text: &str) -> Result<String, String> {
    let request = Fields::parse(text);
    let field = |name: &str| {
        request
            .get(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| format!("there is no `{name}`"))
    };
    let wanted = |name: &str, wanted: &str| match field(name)? {
        own if own == wanted => Ok(()),
        own => Err(format!("`{name}` is `{own}`, not `{wanted}`")),
    };
    wanted("client_id", &shared.client)?;
    wanted("response_type", "code")?;
    wanted("code_challenge_method", "S256")?;
    if !field("scope")?.split(' ').any(|scope| scope == "openid") {
        return Err("the scope has no `openid`".to_owned());
    }
    let (redirect, state) = (field("redirect_uri")?, query(field("state")?));
    if shared.has_fault(Fault::Denied) {
        let said = format!("<script>alert(1)</script>\u{202e}{}", "x".repeat(1000));
        return Ok(format!(
            "{redirect}?error=access_denied&error_description={}&state={state}",
            query(&said)
        ));
    }
    let grant = Grant {
        redirect: redirect.to_owned(),
        nonce: field("nonce")?.to_owned(),
        challenge: field("code_challenge")?.to_owned(),
        person: shared.state().person.clone(),
    };
    let code = shared.codes.give(grant)?;
    let issuer = if shared.has_fault(Fault::OtherIssuerOnReturn) {
        "https://another.example".to_owned()
    } else {
        shared.issuer()
    };
    Ok(format!(
        "{redirect}?code={code}&state={state}&iss={}",
        query(&issuer)
    ))
}

fn token(shared: &Shared, request: &Request) -> (&'static str, Value) {
    let fields = Fields::parse(&request.body);
    if !is_client(shared, request, &fields) {
        return ("401 Unauthorized", json!({"error": "invalid_client"}));
    }
    let keep = shared.has_fault(Fault::CodeTwice);
    let Some(grant) = shared.codes.take(&fields, keep) else {
        return ("400 Bad Request", json!({"error": "invalid_grant"}));
    };
    let mut tokens = json!({"access_token": "opaque", "token_type": "Bearer", "expires_in": 300});
    match id_token(shared, &grant) {
        Ok(None) => {}
        Ok(Some(token)) => {
            if let Some(tokens) = tokens.as_object_mut() {
                tokens.insert("id_token".to_owned(), token.into());
            }
        }
        Err(_) => return ("500 Internal Server Error", json!({})),
    }
    ("200 OK", tokens)
}

/// Whether the request comes from the client: by its secret, or by its name where it has none.
fn is_client(shared: &Shared, request: &Request, fields: &Fields) -> bool {
    let Some(secret) = &shared.secret else {
        return fields.get("client_id") == Some(&shared.client);
    };
    let basic = request
        .authorization
        .strip_prefix("Basic ")
        .and_then(|text| STANDARD.decode(text).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    basic
        .as_deref()
        .and_then(|text| text.split_once(':'))
        .is_some_and(|(id, own)| decoded(id) == shared.client && decoded(own) == *secret)
}
