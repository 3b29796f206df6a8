//! How a store is named.

use std::path::PathBuf;

use crate::LedgerError;

/// Where a ledger lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// `sqlite:FILE`
    Sqlite(PathBuf),
    /// `postgres://…` or `postgresql://…`
    Postgres(String),
}

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Self, LedgerError> {
        let wrong = |hint| LedgerError::Address {
            address: shown(text),
            hint,
        };
        if let Some(file) = text.strip_prefix("sqlite:") {
            let file = file.strip_prefix("//").unwrap_or(file);
            return match file {
                "" => Err(wrong("; it names no file")),
                ":memory:" => Err(wrong("; a ledger must survive a restart")),
                file => Ok(Self::Sqlite(file.into())),
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        Err(wrong(""))
    }

    /// Where the ledger's key is unless it is said: `FILE.key`, beside a file.
    pub(crate) fn key_file(&self) -> Option<PathBuf> {
        match self {
            Self::Sqlite(path) => {
                let mut name = path.as_os_str().to_owned();
                name.push(".key");
                Some(name.into())
            }
            Self::Postgres(_) => None,
        }
    }
}

/// The address without its password.
pub(crate) fn shown(address: &str) -> String {
    if let (Some((scheme, _)), Some(query), Some(user)) = (
        address.split_once("://"),
        address.find('?'),
        address.rfind('@'),
    ) && query < user
    {
        // What is what cannot be told: one of both is in a password that is not written as URLs want it.
        return format!("{scheme}://…");
    }
    let (address, query) = match address.split_once('?') {
        Some((address, query)) => (address, Some(query)),
        None => (address, None),
    };
    let mut shown = match address.split_once("://") {
        Some((scheme, rest)) => match rest.rsplit_once('@') {
            Some((user, host)) => {
                let user = user.split(':').next().unwrap_or_default();
                format!("{scheme}://{user}@{host}")
            }
            None => address.to_owned(),
        },
        None => address.to_owned(),
    };
    if query.is_some_and(|query| !query.is_empty()) {
        // A password may stand among the options, too.
        shown.push_str("?…");
    }
    shown
}
