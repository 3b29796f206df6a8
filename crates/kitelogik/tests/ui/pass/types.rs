//! Types that are at home in state, errors and results.
#![deny(warnings)]

use std::error::Error;
use std::sync::Arc;

use kitelogik::governed;

type Check = Arc<dyn Fn(&str) -> bool + Send + Sync>;

#[governed]
fn state(
    #[state] named: Check,
    #[state] written: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    #[state] pointer: fn(&str) -> bool,
    #[state] text: &'static str,
) -> &'static str {
    assert!(!(named(text) && written(text) && pointer(text)));
    "checked"
}

#[governed]
async fn boxed(text: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    Err(text.into())
}

#[governed]
async fn nested(values: Vec<Option<(u8, [f64; 2])>>) -> std::result::Result<usize, std::fmt::Error> {
    Ok(values.len())
}

fn main() {
    let check: Check = Arc::new(|text| text.is_empty());
    let pointer: fn(&str) -> bool = str::is_empty;
    drop(state(check.clone(), check.clone(), pointer, "a"));
    drop(boxed("a"));
    drop(nested(Vec::new()));
    kitelogik::Toolbox::builder()
        .tool_with(state, (check.clone(), check, pointer, "a"))
        .tool(boxed)
        .tool(nested)
        .build()
        .unwrap();
}
