use crate::{BuildError, Call, GovernedFunction, Tool};

/// What can be registered in a toolbox: a [`Tool`], or a function with `#[governed]`.
///
/// `Marker` only tells the two apart, and functions by their parameters; it is always inferred.
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
pub trait GovernedItem<Parameters> {
    /// What is known of the function.
    type Function: GovernedFunction;
}

impl<Item, Parameters> IntoTool<(Parameters,)> for Item
where
    Item: GovernedItem<Parameters>,
    Item::Function: GovernedFunction<State = ()>,
{
    fn into_tool(self) -> Result<Tool, BuildError> {
        Tool::of_function::<Item::Function>(|| ())
    }
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
