//! The #[governed] attribute
