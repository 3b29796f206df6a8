//! What `kitelogik.security` judges by.

use serde::{Deserialize, Serialize};

use super::entry::{clean, directory, file_name, host, network, plain, protected, scheme};
use super::setting::{Normalise, Setting, add};
use crate::PolicyError;

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

impl SecurityLimits {
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

    pub(super) fn set(&mut self, key: &str, setting: &Setting<'_>) -> Result<(), PolicyError> {
        if key == "max_resource_length" {
            self.max_resource_length = setting.whole_number(256..=65_536)?;
            return Ok(());
        }
        let (list, normalise): (&mut Vec<String>, Normalise) = match key {
            "blocked_cidrs" => (&mut self.blocked_cidrs, network),
            "blocked_hosts" => (&mut self.blocked_hosts, host),
            "blocked_schemes" => (&mut self.blocked_schemes, scheme),
            "execution_actions" => (&mut self.execution_actions, plain),
            "protected_paths" => (&mut self.protected_paths, protected),
            "sensitive_names" => (&mut self.sensitive_names, file_name),
            "sensitive_prefixes" => (&mut self.sensitive_prefixes, file_name),
            "system_paths" => (&mut self.system_paths, directory),
            _ => return Err(setting.unknown("limit", &Self::KEYS)),
        };
        setting.extend(list, normalise)
    }

    /// Protects `path`, as a directory or file that the policy itself lives in.
    pub(super) fn protect(&mut self, path: &str, directory: bool) {
        let mut entry = clean(path);
        if directory && !entry.ends_with('/') {
            entry.push('/');
        }
        add(&mut self.protected_paths, vec![entry]);
    }
}
