//! What an address says about TLS.

use std::path::{Path, PathBuf};

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// What was taken out of an address, for here it means more than to the driver.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Security {
    mode: Option<SslMode>,
    /// A file with the authorities that are trusted, and no others.
    pub(super) authorities: Option<PathBuf>,
}

impl Security {
    /// Takes `sslmode` and `sslrootcert` out of `address`; the rest of it comes back. The error is a hint.
    pub(super) fn split(address: &str) -> Result<(Self, String), &'static str> {
        let mut security = Self::default();
        // As the driver has it: the options begin behind the first `?` that is in no password.
        let host = address.find('@').unwrap_or(0);
        let options = address.get(host..).and_then(|rest| rest.find('?'));
        let Some((rest, options)) =
            options.and_then(|at| address.split_at_checked(host.saturating_add(at)))
        else {
            return Ok((security, address.to_owned()));
        };
        let mut left = Vec::new();
        for option in options.trim_start_matches('?').split('&') {
            match option.split_once('=') {
                Some(("sslmode", mode)) => security.mode = Some(self::mode(mode)?),
                Some(("sslrootcert", "system")) => security.authorities = None,
                Some(("sslrootcert", file)) => {
                    security.authorities = Some(decoded(file).ok_or("; `sslrootcert` is no path")?);
                }
                _ => left.push(option),
            }
        }
        Ok((security, format!("{rest}?{}", left.join("&"))))
    }

    /// Whether TLS is used with this server. Where the address does not say, it must be with one on
    /// another machine, and with one whose authorities are named.
    pub(super) fn mode(&self, config: &Config) -> SslMode {
        let is_here = config.get_hosts().iter().all(is_local)
            && config
                .get_hostaddrs()
                .iter()
                .all(std::net::IpAddr::is_loopback);
        match self.mode {
            Some(mode) => mode,
            None if is_here && self.authorities.is_none() => SslMode::Prefer,
            None => SslMode::Require,
        }
    }
}

/// libpq has three names for TLS that is demanded, of which one checks the server; here all do.
fn mode(name: &str) -> Result<SslMode, &'static str> {
    match name {
        "disable" => Ok(SslMode::Disable),
        "prefer" => Ok(SslMode::Prefer),
        "require" | "verify-ca" | "verify-full" => Ok(SslMode::Require),
        _ => Err("; `sslmode` is `disable`, `prefer`, `require`, `verify-ca` or `verify-full`"),
    }
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

/// A path whose bytes are written as `%2F` where a URL wants that.
fn decoded(text: &str) -> Option<PathBuf> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    let path = String::from_utf8(bytes).ok()?;
    (!path.is_empty()).then(|| Path::new(&path).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode_of(address: &str) -> SslMode {
        let (security, rest) = Security::split(address).unwrap();
        security.mode(&rest.parse().unwrap())
    }

    #[test]
    fn tls_is_demanded_of_every_server_on_another_machine() {
        for (address, mode) in [
            ("postgres://u@localhost/d", SslMode::Prefer),
            ("postgres://u@127.0.0.1/d", SslMode::Prefer),
            ("postgres://u@%2Frun%2Fpostgresql/d", SslMode::Prefer),
            ("postgres://u@db.example/d", SslMode::Require),
            ("postgres://u@localhost,db.example/d", SslMode::Require),
            (
                "postgres://u@localhost/d?hostaddr=10.0.0.1",
                SslMode::Require,
            ),
            (
                "postgres://u@localhost/d?sslrootcert=ca.pem",
                SslMode::Require,
            ),
            (
                "postgres://u:sslmode=disable@db.example/d",
                SslMode::Require,
            ),
            (
                "postgres://u:?sslmode=disable@db.example/d",
                SslMode::Require,
            ),
            (
                "postgres://u@db.example/d?sslmode=verify-full",
                SslMode::Require,
            ),
            (
                "postgres://u@db.example/d?sslmode=disable",
                SslMode::Disable,
            ),
            (
                "postgres://u@db.example/d?connect_timeout=3&sslmode=prefer",
                SslMode::Prefer,
            ),
        ] {
            assert_eq!(mode_of(address), mode, "{address}");
        }
        Security::split("postgres://u@h/d?sslmode=allow").unwrap_err();
        Security::split("postgres://u@h/d?sslrootcert=%").unwrap_err();
    }

    #[test]
    fn authorities_are_named_as_a_url_names_a_path() {
        let (security, rest) =
            Security::split("postgres://u@h/d?sslrootcert=%2Fetc%2Fmy%20ca.pem&user=x").unwrap();
        assert_eq!(security.authorities, Some("/etc/my ca.pem".into()));
        assert_eq!(rest, "postgres://u@h/d?user=x");
    }
}
