//! The limits of the built-in bundle: typed, complete by default, and only ever made stricter.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::PolicyError;
use crate::document::Document;

/// `data.kitelogik.limits`: the lists and numbers that the built-in packages judge by.
///
/// Every one has a default. A team's data extends the lists, each entry on top of the default ones, and sets the
/// numbers within their bounds; no entry of a list can be taken away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// What `kitelogik.security` judges by.
    pub security: SecurityLimits,
}

/// `data.kitelogik.limits.security`. Texts are compared in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SecurityLimits {
    /// Networks that no URL may lead to, as `10.0.0.0/8` or `fc00::/7`.
    pub blocked_cidrs: Vec<String>,
    /// Host names that no URL may lead to, each with all names below it.
    pub blocked_hosts: Vec<String>,
    /// URL schemes that are refused, as `file`.
    pub blocked_schemes: Vec<String>,
    /// Actions and tools that run code, and therefore need `context.sandbox_verified`.
    pub execution_actions: Vec<String>,
    /// How long a path or a URL may be, in characters. Default 4096; 256 to 65536.
    pub max_resource_length: u32,
    /// Files and directories that belong to the policy itself: its rules, the ledger. Give absolute paths; relative
    /// spellings of them (`policies/x.rego` for `/srv/app/policies`) are covered.
    pub protected_paths: Vec<String>,
    /// Parts of file names: a stem (`id_rsa`) or, with its dot, an extension or a dotfile (`.pem`, `.ssh`).
    pub sensitive_names: Vec<String>,
    /// Beginnings of such parts.
    pub sensitive_prefixes: Vec<String>,
    /// Directories of the operating system, absolute.
    pub system_paths: Vec<String>,
}

/// Makes an entry as the rules expect it, or says what is wrong with it.
type Normalise = fn(&str) -> Result<Vec<String>, String>;

impl SecurityLimits {
    const LENGTHS: std::ops::RangeInclusive<u64> = 256..=65_536;

    const KEYS: [&str; 9] = [
        "blocked_cidrs",
        "blocked_hosts",
        "blocked_schemes",
        "execution_actions",
        "max_resource_length",
        "protected_paths",
        "sensitive_names",
        "sensitive_prefixes",
        "system_paths",
    ];

    fn list(&mut self, key: &str) -> Option<(&mut Vec<String>, Normalise)> {
        Some(match key {
            "blocked_cidrs" => (&mut self.blocked_cidrs, network),
            "blocked_hosts" => (&mut self.blocked_hosts, host),
            "blocked_schemes" => (&mut self.blocked_schemes, scheme),
            "execution_actions" => (&mut self.execution_actions, plain),
            "protected_paths" => (&mut self.protected_paths, protected),
            "sensitive_names" => (&mut self.sensitive_names, file_name),
            "sensitive_prefixes" => (&mut self.sensitive_prefixes, file_name),
            "system_paths" => (&mut self.system_paths, directory),
            _ => return None,
        })
    }
}

impl Limits {
    /// Adds what `document` gives at `data.kitelogik.limits`.
    pub(crate) fn extend(&mut self, document: &Document, given: &Value) -> Result<(), PolicyError> {
        let path = "data.kitelogik.limits";
        let at = |path: &str, problem: String| PolicyError::Limit {
            origin: document.origin.clone(),
            path: path.to_owned(),
            problem,
        };
        let Value::Object(sections) = given else {
            return Err(at(path, "must be an object".to_owned()));
        };
        for (section, values) in sections {
            let path = format!("{path}.{section}");
            if section != "security" {
                return Err(at(
                    &path,
                    "is no section of the limits; there is `security`".to_owned(),
                ));
            }
            let Value::Object(values) = values else {
                return Err(at(&path, "must be an object".to_owned()));
            };
            for (key, value) in values {
                let path = format!("{path}.{key}");
                if key == "max_resource_length" {
                    self.security.max_resource_length = value
                        .as_u64()
                        .filter(|length| SecurityLimits::LENGTHS.contains(length))
                        .and_then(|length| u32::try_from(length).ok())
                        .ok_or_else(|| {
                            at(&path, "must be a whole number from 256 to 65536".to_owned())
                        })?;
                    continue;
                }
                let Some((list, normalise)) = self.security.list(key) else {
                    let known = SecurityLimits::KEYS
                        .map(|key| format!("`{key}`"))
                        .join(", ");
                    return Err(at(&path, format!("is no limit; there are {known}")));
                };
                let Value::Array(items) = value else {
                    return Err(at(
                        &path,
                        "must be a list of strings, which are added to the default ones".to_owned(),
                    ));
                };
                for (index, item) in items.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    let Value::String(text) = item else {
                        return Err(at(&path, "must be a string".to_owned()));
                    };
                    let entries = normalise(text).map_err(|problem| at(&path, problem))?;
                    add(list, entries);
                }
            }
        }
        Ok(())
    }

    /// Protects `path`, as a directory or file that the policy itself lives in.
    pub(crate) fn protect(&mut self, path: &str, directory: bool) {
        let mut entry = clean(path);
        if directory && !entry.ends_with('/') {
            entry.push('/');
        }
        add(&mut self.security.protected_paths, vec![entry]);
    }
}

fn add(list: &mut Vec<String>, entries: Vec<String>) {
    for entry in entries {
        if !list.contains(&entry) {
            list.push(entry);
        }
    }
}

fn plain(text: &str) -> Result<Vec<String>, String> {
    let text = text.trim().to_lowercase();
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    Ok(vec![text])
}

fn network(text: &str) -> Result<Vec<String>, String> {
    let wanted = || "must be a network such as `10.0.0.0/8` or `fc00::/7`".to_owned();
    let (address, length) = text.trim().split_once('/').ok_or_else(wanted)?;
    let address: IpAddr = address.parse().map_err(|_| wanted())?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    match length.parse::<u8>() {
        Ok(length) if length <= bits => Ok(vec![format!("{address}/{length}")]),
        _ => Err(wanted()),
    }
}

fn host(text: &str) -> Result<Vec<String>, String> {
    let name = text.trim().to_ascii_lowercase();
    let name = name.trim_start_matches("*.").trim_matches('.');
    if name.parse::<IpAddr>().is_ok() {
        return Err("is an address: add it to `blocked_cidrs`, as in `192.0.2.1/32`".to_owned());
    }
    let spelled = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if name.is_empty() || !spelled {
        return Err(
            "must be a host name without scheme and port, in ASCII (`xn--…` for others)".to_owned(),
        );
    }
    Ok(vec![format!(".{name}")])
}

fn scheme(text: &str) -> Result<Vec<String>, String> {
    let name = text.trim().to_ascii_lowercase();
    let name = name.trim_end_matches('/').trim_end_matches(':');
    let spelled = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    if name.len() < 2 || !spelled {
        return Err("must be a URL scheme such as `gopher`".to_owned());
    }
    Ok(vec![name.to_owned()])
}

fn file_name(text: &str) -> Result<Vec<String>, String> {
    let name = text.trim().to_lowercase();
    let stem = name.strip_prefix('.').unwrap_or(&name);
    if stem.is_empty() || stem.contains(['.', '/', '\\', ':', '~', '#', ' ']) {
        return Err(
            "must be one part of a file name: a stem (`id_rsa`), or an extension or dotfile with its dot (`.pem`)"
                .to_owned(),
        );
    }
    Ok(vec![name])
}

fn directory(text: &str) -> Result<Vec<String>, String> {
    let mut path = clean(text);
    if !path.starts_with('/') {
        return Err("must be an absolute path".to_owned());
    }
    if !path.ends_with('/') {
        path.push('/');
    }
    Ok(vec![path])
}

/// The path, and each of its tails: which directory a relative path starts from is not known here.
fn protected(text: &str) -> Result<Vec<String>, String> {
    let path = clean(text);
    let path = path.trim_end_matches('/');
    if path.is_empty() {
        return Err("must be the path of a file or a directory, not of everything".to_owned());
    }
    let file = path
        .rsplit('/')
        .next()
        .is_some_and(|name| name.contains('.'));
    let end = if file { "" } else { "/" };
    let mut entries = vec![format!("{path}{end}")];
    let mut rest = path.trim_start_matches('/');
    loop {
        entries.push(format!("{rest}{end}"));
        match rest.split_once('/') {
            Some((_, tail)) => rest = tail,
            None => return Ok(entries),
        }
    }
}

/// A path as the rules compare it: lower case, slashes, no drive, no `.` and no empty components.
fn clean(text: &str) -> String {
    let text = text.trim().to_lowercase().replace('\\', "/");
    let text = text.strip_prefix("//?/").unwrap_or(&text);
    let text = match text.split_once(':') {
        Some((drive, rest)) if drive.len() == 1 => rest,
        _ => text,
    };
    let rooted = text.starts_with('/');
    let kept: Vec<&str> = text
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let joined = kept.join("/");
    if rooted { format!("/{joined}") } else { joined }
}
