//! `kitelogik serve`.

mod oidc;
mod protected;
mod tls;

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use clap::{Args, Subcommand};
use futures_util::future::{Either, select};
use kitelogik_ledger::Timestamp;
use kitelogik_web::{Identity, Oidc, Origin, Server, TokenFile};
use serde_json::json;

use self::oidc::OidcArguments;
use self::tls::TlsArguments;
use crate::answer::{Answer, Failure, Outcome};
use crate::output::{Output, shown, style};
use crate::store::{StoreArguments, runtime};
use crate::user;

/// How long the printed link can be used.
const LINK_LIFETIME: Duration = Duration::from_secs(10 * 60);

const EXAMPLES: &str = "\
Nobody sees anything without signing in: by the link that is printed at start (once, within ten minutes), by a token, or at
an OpenID provider, where who is named in the file of reviewers may:

  {\"reviewers\": [
    {\"claim\": \"email\", \"value\": \"ann@example.com\", \"role\": \"operator\", \"tenants\": \"all\"},
    {\"claim\": \"groups\", \"value\": \"refunds\", \"role\": \"manager\", \"tenants\": [\"acme\"], \"read_only\": false}
  ]}

The first rule that fits counts. People are named by their verified e-mail address, or by --oidc-name-claim: choose what
sessions' principals are named by, or a person could approve their own call.
The page answers to its own name only; for others than this machine, give it a certificate, or put
a server with TLS in front of it.

Exit codes: 0 ended when told to, 2 an error

Examples:
  kitelogik serve token new ann --role operator --tenant acme
  kitelogik serve token list
  kitelogik serve --store sqlite:kitelogik.db
  kitelogik serve --bind 0.0.0.0:8787 --public --origin https://approvals.example.com --no-link
  kitelogik serve --bind 0.0.0.0:443 --public --origin https://approvals.example.com --tls-certificate chain.pem --tls-key key.pem
  kitelogik serve --no-link --oidc-issuer https://accounts.example.com --oidc-client-id approvals \\
    --oidc-client-secret-file client.secret --oidc-reviewers reviewers.json";

/// Serve the page and the JSON API on which people approve calls and read the record
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Serve {
    #[command(subcommand)]
    command: Option<ServeCommand>,
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    tokens: TokenArguments,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value_t = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8787))]
    bind: SocketAddr,
    /// Say that other machines may reach it; needs `--origin`
    #[arg(long, requires = "origin")]
    public: bool,
    /// The name that people reach it under, as in `https://approvals.example.com`: requests to any other are refused
    #[arg(long, visible_alias = "public-url", value_name = "URL")]
    origin: Option<String>,
    /// Print no link that signs in
    #[arg(long)]
    no_link: bool,
    /// Who the printed link signs in. Default: the user who runs this
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The role of who the printed link signs in
    #[arg(long, value_name = "ROLE", default_value = "operator")]
    role: String,
    /// How long people stay signed in, in hours
    #[arg(long, value_name = "HOURS", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=720))]
    session: u64,
    #[command(flatten)]
    oidc: OidcArguments,
    #[command(flatten)]
    tls: TlsArguments,
}

#[derive(Debug, Subcommand)]
enum ServeCommand {
    /// Make, list and revoke the tokens that sign people and programs in
    Token(Token),
}

/// Where the tokens are.
#[derive(Args, Debug)]
struct TokenArguments {
    /// The file of tokens: their digests, and whom they sign in
    #[arg(long, value_name = "FILE", default_value = "kitelogik.tokens")]
    tokens: PathBuf,
}

const TOKEN_EXAMPLES: &str = "\
A token is shown once, when it is made; the file holds its SHA-256. One that is revoked ends its sessions at once.

Exit codes: 0 done, 1 there is no token of that name, 2 an error

Examples:
  kitelogik serve token new bo --role manager --days 30
  kitelogik serve token new auditor --read-only --tenant acme
  kitelogik serve token list --json
  kitelogik serve token revoke nobody";

#[derive(Args, Debug)]
#[command(after_help = TOKEN_EXAMPLES)]
struct Token {
    #[command(subcommand)]
    command: TokenCommand,
    #[command(flatten)]
    tokens: TokenArguments,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token and print it, once
    New {
        /// Whom it signs in: the name that goes into the record
        name: String,
        /// Their role, which the policy may ask about when they decide
        #[arg(long, value_name = "ROLE", default_value = "reviewer")]
        role: String,
        /// Show them the calls of this tenant only; may be repeated. Default: all
        #[arg(long = "tenant", value_name = "TENANT")]
        tenants: Vec<String>,
        /// Let them see, but not decide
        #[arg(long)]
        read_only: bool,
        /// How long it is good for, in days
        #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=3650))]
        days: u64,
    },
    /// List the tokens
    List,
    /// Take a token away
    Revoke {
        /// Whose
        name: String,
    },
}

pub(crate) fn run(arguments: &Serve, output: &mut Output) -> Outcome {
    match &arguments.command {
        Some(ServeCommand::Token(token)) => tokens(token, output),
        None => serve(arguments, output),
    }
}

fn serve(arguments: &Serve, output: &mut Output) -> Outcome {
    let origin = arguments
        .origin
        .as_deref()
        .map(Origin::parse)
        .transpose()
        .map_err(Failure::new)?;
    let tokens = TokenFile::new(&arguments.tokens.tokens);
    // What is wrong with the file is told now, not to the first who signs in.
    let known = tokens.entries().map_err(Failure::new)?.len();
    let oidc = arguments.oidc.sign_in()?;
    let tls = arguments.tls.pair()?;
    if arguments.no_link && known == 0 && oidc.is_none() {
        return Err(Failure::new(format_args!(
            "nobody could sign in: there are no tokens in `{}`; make one with `kitelogik serve token new NAME`, name a provider with `--oidc-issuer`, or leave `--no-link` out",
            arguments.tokens.tokens.display()
        )));
    }
    let runtime = runtime()?;
    runtime.block_on(async {
        let ledger = arguments.store.open().await?;
        let mut server = Server::builder(ledger.clone())
            .bind(arguments.bind)
            .tokens(tokens)
            .session_lifetime(Duration::from_secs(arguments.session * 3600));
        if arguments.public {
            server = server.public();
        }
        if let Some(origin) = origin {
            server = server.origin(origin);
        }
        if let Some(oidc) = &oidc {
            server = server.oidc(oidc.clone());
        }
        let is_encrypted = tls.is_some();
        if let Some(tls) = tls {
            server = server.tls(tls);
        }
        let server = server.start().await.map_err(Failure::new)?;
        let ways = Ways {
            tokens: known,
            oidc: oidc.as_ref(),
            is_encrypted,
        };
        announce(arguments, ledger.address(), &server, &ways, output)?;
        output.flush()?;
        let serving = pin!(server.run(told_to_end()));
        let served = match select(serving, pin!(warn(oidc.as_ref(), output))).await {
            Either::Left((served, _)) => served,
            Either::Right(((), serving)) => serving.await,
        };
        ended(served, ledger.close().await)
    })?;
    Ok(Answer::Yes)
}

/// How it ended: why the server did comes first, what was lost with the ledger after it.
fn ended<S: Display, L: Display>(served: Result<(), S>, closed: Result<(), L>) -> Outcome<()> {
    match (served, closed) {
        (Ok(()), Ok(())) => Ok(()),
        (Err(served), Ok(())) => Err(Failure::new(served)),
        (Ok(()), Err(closed)) => Err(Failure::new(closed)),
        (Err(served), Err(closed)) => Err(Failure::new(format_args!("{served}\n{closed}"))),
    }
}

/// How people reach the page, and sign in besides by the link.
struct Ways<'a> {
    tokens: usize,
    oidc: Option<&'a Oidc>,
    is_encrypted: bool,
}

/// Says early what nobody could sign in with. It is no reason to end: the provider may come back, and tokens go on.
async fn warn(oidc: Option<&Oidc>, output: &Output) {
    if let Some(oidc) = oidc
        && let Err(problem) = oidc.check().await
    {
        output.warn(problem);
    }
}

/// Says where the page is, and how to sign in.
fn announce(
    arguments: &Serve,
    store: &str,
    server: &Server,
    ways: &Ways<'_>,
    output: &mut Output,
) -> Outcome<()> {
    let link = if arguments.no_link {
        None
    } else {
        let name = arguments.name.clone().unwrap_or_else(user::name);
        let identity = Identity::new(name, &arguments.role);
        Some(server.link(identity, LINK_LIFETIME).map_err(Failure::new)?)
    };
    if output.is_json() {
        let issuer = ways.oidc.map(Oidc::issuer);
        return output.json(&json!({
            "url": server.url(), "link": link, "tokens": ways.tokens, "oidc_issuer": issuer,
        }));
    }
    let url = output.paint(style::YES, server.url());
    output.line(format_args!("serving {} at {url}", shown(store)))?;
    if let Some(link) = link {
        output.line("sign in, once, within 10 minutes:")?;
        output.line(format_args!("  {link}"))?;
    }
    if let Some(oidc) = ways.oidc {
        output.line(format_args!(
            "sign in at {}, which sends people back to {}/sign-in/oidc/callback",
            shown(oidc.issuer()),
            server.url()
        ))?;
    }
    if !arguments.bind.ip().is_loopback() && !ways.is_encrypted {
        output.warn(
            "other machines reach this address: only through a server with TLS, see SECURITY.md",
        );
    }
    Ok(())
}

/// Ends with an interrupt, or when the system asks the program to end.
async fn told_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminated) = signal(SignalKind::terminate()) else {
            return;
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
    }
    #[cfg(not(unix))]
    {
        let _ = tokio::signal::ctrl_c().await;
    }
}

fn tokens(token: &Token, output: &mut Output) -> Outcome {
    let file = TokenFile::new(&token.tokens.tokens);
    match &token.command {
        TokenCommand::New {
            name,
            role,
            tenants,
            read_only,
            days,
        } => {
            let mut identity = Identity::new(name, role);
            if !tenants.is_empty() {
                identity = identity.tenants(tenants);
            }
            if *read_only {
                identity = identity.read_only();
            }
            let lifetime = Duration::from_secs(days * 24 * 60 * 60);
            let expires = Timestamp::now().after(lifetime);
            let made = file.create(identity, expires).map_err(Failure::new)?;
            if output.is_json() {
                output.json(&json!({"name": name, "token": made, "expires": expires}))?;
            } else {
                output.line(made)?;
            }
            Ok(Answer::Yes)
        }
        TokenCommand::List => {
            list(&file, output)?;
            Ok(Answer::Yes)
        }
        TokenCommand::Revoke { name } => {
            let found = file.revoke(name).map_err(Failure::new)?;
            if output.is_json() {
                output.json(&json!({"revoked": found}))?;
            } else if found {
                output.line(format_args!("revoked the token of {}", shown(name)))?;
            } else {
                output.line(format_args!("there is no token of {}", shown(name)))?;
            }
            Ok(Answer::yes_if(found))
        }
    }
}

fn list(file: &TokenFile, output: &mut Output) -> Outcome<()> {
    let now = Timestamp::now();
    for entry in file.entries().map_err(Failure::new)? {
        if output.is_json() {
            output.json(&json!({
                "identity": entry.identity,
                "created": entry.created,
                "expires": entry.expires,
            }))?;
            continue;
        }
        let identity = &entry.identity;
        let tenants = identity
            .tenants
            .as_ref()
            .map_or("all tenants".to_owned(), |tenants| tenants.join(", "));
        let ends = if entry.expires <= now {
            output.paint(style::NO, "ended")
        } else {
            format!("until {}", entry.expires)
        };
        let reads = if identity.read_only {
            ", reads only"
        } else {
            ""
        };
        output.line(format_args!(
            "{:16} {:16} {}{reads}  {ends}",
            shown(&identity.name),
            shown(&identity.role),
            shown(&tenants)
        ))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_the_server_ended_is_told_before_what_the_ledger_lost() {
        let told = |served, closed| match ended(served, closed) {
            Err(Failure::Message(message)) => message,
            other => format!("{other:?}"),
        };
        assert_eq!(told(Err("no socket"), Err("3 lost")), "no socket\n3 lost");
        assert_eq!(told(Err("no socket"), Ok(())), "no socket");
        assert_eq!(told(Ok(()), Err("3 lost")), "3 lost");
        assert_eq!(told(Ok(()), Ok(())), "Ok(())");
    }
}
