//! Tells a `Result` from other types, whatever name it goes by.

use std::marker::PhantomData;

/// Has `IS_RESULT`: its own for a `Result`, [`NotAResult`]'s for every other type. An inherent
/// constant goes before a trait's. Works for concrete types only.
pub struct ResultProbe<T>(PhantomData<T>);

/// What every type is that is no `Result`.
pub trait NotAResult {
    /// It is not.
    const IS_RESULT: bool = false;
}

impl<T> NotAResult for ResultProbe<T> {}

impl<T, E> ResultProbe<Result<T, E>> {
    /// It is.
    pub const IS_RESULT: bool = true;
}
