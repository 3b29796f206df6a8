//! Signing in at an OpenID provider: one that is honest, and one that lies, forges, dawdles or floods.

mod answers;
mod browser;
mod lies;
mod people;
mod provider_fails;
mod set_up;
mod walk;
