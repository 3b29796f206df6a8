use crate::{BuildError, Call, GovernedFunction, Tool};

/// What can be registered in a toolbox: a [`Tool`], or a function with `#[governed]`.
///
/// `Marker` only tells the two apart, and functions by their parameters; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tool",
    note = "put `#[governed]` on the function, or make a `Tool` from a closure or a schema"
)]
pub trait IntoTool<Marker> {
    /// The tool.
    ///
    /// # Errors
    ///
    /// It cannot be one: a name or schema that cannot be used.
    fn into_tool(self) -> Result<Tool, BuildError>;
}

/// Marks what is a tool already.
#[derive(Debug)]
pub struct AsItIs;

impl IntoTool<AsItIs> for Tool {
    fn into_tool(self) -> Result<Tool, BuildError> {
        Ok(self)
    }
}

/// A function that `#[governed]` made: from arguments to a [`Call`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a governed function",
    label = "`#[governed]` is missing on it",
    note = "put `#[governed]` on the function"
)]
pub trait GovernedItem<Parameters> {
    /// What is known of the function.
    type Function: GovernedFunction;
}

impl<Item, Parameters> IntoTool<(Parameters,)> for Item
where
    Item: GovernedItem<Parameters>,
    <Item::Function as GovernedFunction>::State: NoState,
{
    fn into_tool(self) -> Result<Tool, BuildError> {
        Tool::of_function::<Item::Function>(NoState::none)
    }
}

/// The state of a function that has no `#[state]` parameter: `()`, and nothing else.
#[diagnostic::on_unimplemented(
    message = "this tool takes `{Self}` as its state",
    label = "its `#[state]` parameters have no value",
    note = "register it with `.tool_with(function, state)`"
)]
pub trait NoState: sealed::Sealed {
    /// Nothing.
    fn none() -> Self;
}

impl NoState for () {
    fn none() -> Self {}
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for () {}
}

macro_rules! governed_items {
    ($($parameter:ident)*) => {
        impl<Item, Function, $($parameter),*> GovernedItem<(Function, $($parameter,)*)> for Item
        where
            Item: Fn($($parameter),*) -> Call<Function>,
            Function: GovernedFunction,
        {
            type Function = Function;
        }
    };
}

governed_items!();
governed_items!(P1);
governed_items!(P1 P2);
governed_items!(P1 P2 P3);
governed_items!(P1 P2 P3 P4);
governed_items!(P1 P2 P3 P4 P5);
governed_items!(P1 P2 P3 P4 P5 P6);
governed_items!(P1 P2 P3 P4 P5 P6 P7);
governed_items!(P1 P2 P3 P4 P5 P6 P7 P8);
governed_items!(P1 P2 P3 P4 P5 P6 P7 P8 P9);
governed_items!(P1 P2 P3 P4 P5 P6 P7 P8 P9 P10);
governed_items!(P1 P2 P3 P4 P5 P6 P7 P8 P9 P10 P11);
governed_items!(P1 P2 P3 P4 P5 P6 P7 P8 P9 P10 P11 P12);
governed_items!(P1 P2 P3 P4 P5 P6 P7 P8 P9 P10 P11 P12 P13);
governed_items!(P1 P2 P3 P4 P5 P6 P7 P8 P9 P10 P11 P12 P13 P14);
governed_items!(P1 P2 P3 P4 P5 P6 P7 P8 P9 P10 P11 P12 P13 P14 P15);
governed_items!(P1 P2 P3 P4 P5 P6 P7 P8 P9 P10 P11 P12 P13 P14 P15 P16);
