//! Attributes reach what they are about.
#![deny(warnings)]

use kitelogik::governed;

#[governed]
#[cfg(any())]
fn absent(not: A, real: B) {}

#[governed]
#[cfg(not(any()))]
#[cfg_attr(not(any()), deprecated(note = "use another"))]
/// There.
fn present(#[expect(unused_variables)] amount: f64) {}

#[governed]
#[expect(unused_variables, reason = "covers the body")]
#[inline]
#[must_use]
#[doc(alias = "other")]
fn covered(amount: f64) -> f64 {
    let never_read = 1;
    amount
}

#[governed]
fn unused_prefix(_amount: f64, _other: &str, #[state] _state: String) {}

mod kitelogik_names {
    //! Names that are like the generated ones collide with nothing.
    pub struct Args;
    pub fn body() {}
    pub fn args() {}

    #[kitelogik::governed]
    pub fn named(state: f64, args: String, context: u8, permitted: bool, running: i8, body: u8) {
        let _ = (state, args, context, permitted, running, body);
    }
}

struct Free;

impl Free {
    /// Without `self`, a function in an `impl` is as good as any.
    #[governed]
    fn associated(amount: f64) -> f64 {
        amount
    }
}

fn main() {
    #[expect(deprecated)]
    let tools = kitelogik::Toolbox::builder()
        .tool(present)
        .tool(covered)
        .tool(kitelogik_names::named)
        .tool(Free::associated)
        .tool_with(unused_prefix, String::new());
    assert_eq!(tools.build().unwrap().schemas()[0].description, "There.");
    kitelogik_names::body();
    kitelogik_names::args();
    let _ = kitelogik_names::Args;
}
