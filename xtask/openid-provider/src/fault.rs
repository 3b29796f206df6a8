/// What the provider can be asked for by a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// The discovery document.
    Discovery,
    /// The keys.
    Keys,
    /// The tokens.
    Token,
}

/// What the provider does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The discovery document is another issuer's.
    OtherDiscovery,
    /// The person is sent to plain HTTP on another machine.
    PlainAuthorization,
    /// The keys are at plain HTTP on another machine.
    PlainKeys,
    /// The person refuses, and the provider says so with script and far too much text.
    Denied,
    /// The browser comes back with another issuer's name.
    OtherIssuerOnReturn,
    /// A code is taken again and again.
    CodeTwice,
    /// There is no ID token.
    NoIdToken,
    /// The token is signed by nobody.
    AlgorithmNone,
    /// The token is authenticated by the public key, taken as a shared secret.
    SecretIsPublicKey,
    /// The token is authenticated by the client's secret.
    SecretIsClients,
    /// Another key signs under the name of the published one.
    OtherKey,
    /// A key signs that is not published.
    UnpublishedKey,
    /// The claims were changed after they were signed.
    Changed,
    /// The token is an access token by its type.
    OtherType,
    /// The nonce is another one.
    OtherNonce,
    /// There is no nonce.
    NoNonce,
    /// The token is for another client.
    OtherAudience,
    /// The token is for another client, too.
    MoreAudiences,
    /// The token was made for another client (`azp`).
    OtherParty,
    /// The token is another issuer's.
    OtherIssuer,
    /// The token ended so many seconds ago.
    Expired(u64),
    /// The token was made in so many seconds.
    Early(u64),
    /// The token counts in so many seconds.
    NotYet(u64),
    /// There is no answer, and the connection stays.
    Silent(Endpoint),
    /// The answer has no end.
    Endless(Endpoint),
    /// The answer is to ask elsewhere.
    Redirect(Endpoint),
    /// The connection ends.
    Closed(Endpoint),
    /// The answer is a page.
    Page(Endpoint),
    /// The answer is a server's error.
    Broken(Endpoint),
}
