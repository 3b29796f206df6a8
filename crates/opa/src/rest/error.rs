/// Why an [`OpaClient`](super::OpaClient) cannot be built.
///
/// No message holds a secret: neither the bearer token nor the value of a header, a key or a
/// base URL's user name, query or fragment.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpaConfigError {
    /// The base URL.
    #[error("base URL `{url}` {problem}; write it as in `http://localhost:8181`")]
    BaseUrl {
        /// What was given.
        url: String,
        /// What is wrong with it, as a predicate.
        problem: &'static str,
    },
    /// The entry point.
    #[error(
        "entry point `{entry_point}` is not a path below `data`, such as `data.kitelogik.main`"
    )]
    EntryPoint {
        /// What was given.
        entry_point: String,
    },
    /// The bearer token has characters that no header can carry, or is empty.
    #[error(
        "the bearer token must be visible ASCII characters without spaces; \
         check for a line break at its end"
    )]
    BearerToken,
    /// An extra header.
    #[error("header `{name}` {problem}")]
    Header {
        /// Its name.
        name: String,
        /// What is wrong with it, as a predicate.
        problem: &'static str,
    },
    /// A certificate or a key.
    #[error("the {what} cannot be used: {problem}")]
    Certificate {
        /// Which.
        what: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The environment's proxy.
    #[error("the proxy of the environment cannot be used: {problem}")]
    Proxy {
        /// What is wrong.
        problem: &'static str,
    },
    /// A limit of nothing, with which no decision could ever be made.
    #[error("the {limit} must be more than zero")]
    ZeroLimit {
        /// Which.
        limit: &'static str,
    },
}
