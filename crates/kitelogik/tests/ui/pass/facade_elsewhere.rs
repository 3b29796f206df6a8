//! The facade may be anywhere, also where only a macro can name it.
#![deny(warnings)]

pub mod reexports {
    pub use kitelogik as gate;
}

#[kitelogik::governed(crate = crate::reexports::gate)]
pub fn renamed(amount: f64) -> f64 {
    amount
}

macro_rules! tool {
    ($(#[$meta:meta])* $name:ident($argument:ident: $argument_type:ty) -> $output:ty $body:block) => {
        $(#[$meta])*
        #[kitelogik::governed(crate = $crate::reexports::gate)]
        pub async fn $name($argument: $argument_type) -> $output $body
    };
}

tool! {
    /// Made by a macro.
    made(text: &str) -> Result<String, std::fmt::Error> { Ok(text.to_owned()) }
}

fn main() {
    let tools = kitelogik::Toolbox::builder()
        .tool(renamed)
        .tool(made)
        .build()
        .unwrap();
    assert_eq!(tools.schemas()[1].description, "Made by a macro.");
}
