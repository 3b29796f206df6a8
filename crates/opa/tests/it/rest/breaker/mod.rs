//! The breaker's states, step by step and in every order that threads can make.

mod interleavings;
mod steps;
