//! What the types of the core promise, proven through their public API.

mod input;
mod json;
mod result;
mod strongest;
