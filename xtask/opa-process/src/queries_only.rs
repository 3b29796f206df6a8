//! An authorization policy that leaves queries only.

/// The Rego of an authorization policy for OPA (`--authorization=basic`) that leaves what a policy gate
/// needs and nothing else: to ask one of the entry points, each named like `kitelogik/main`, and `GET /health`.
///
/// By default whoever reaches an OPA server may also replace its policies, among them an agent that can
/// reach loopback. Under this policy the paths of other packages, the parts below an entry point, the
/// policy, query and compile interfaces, writing methods and explanations of decisions are refused with 401.
///
/// # Errors
///
/// When an entry point is empty or has characters other than letters, digits, `_` and `-` between its slashes.
pub fn queries_only<I>(entry_points: I) -> Result<String, InvalidEntryPoint>
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    let mut paths = Vec::new();
    for entry_point in entry_points {
        let entry_point = entry_point.as_ref();
        let segments: Vec<&str> = entry_point.split('/').collect();
        if !segments.iter().all(|segment| is_plain(segment)) {
            return Err(InvalidEntryPoint(entry_point.to_owned()));
        }
        paths.push(format!(
            "\t[\"v1\", \"data\", \"{}\"],\n",
            segments.join("\", \"")
        ));
    }
    Ok(format!("{RULES}\nentry_points := [\n{}]\n", paths.concat()))
}

/// An entry point that is not like `kitelogik/main`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an entry point is names joined by slashes, such as `kitelogik/main`; got `{0}`")]
pub struct InvalidEntryPoint(String);

const RULES: &str = include_str!("queries_only.rego");

fn is_plain(segment: &str) -> bool {
    !segment.is_empty()
        && segment
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
