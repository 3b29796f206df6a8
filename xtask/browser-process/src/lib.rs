//! A real headless browser for tests: Chromium, driven over WebDriver.
//!
//! [`browser_or_skip!`] finds `chromium` and `chromedriver` or skips the test loudly (see
//! `kitelogik_opa_process`, which counts the skipped tests). [`Browser::start`] is a browser that runs until it is
//! dropped, with a profile of its own. All calls block.
//!
//! ```
//! use kitelogik_browser_process::browser_or_skip;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let Some(browser) = browser_or_skip!() else { return Ok(()) };
//!     let page = browser.start()?;
//!     page.open("data:text/html,<title>Hello</title><p>World")?;
//!     assert_eq!(page.evaluate("return document.title")?, "Hello");
//!     Ok(())
//! }
//! ```
//!
//! WebDriver is JSON over HTTP on loopback: what a test needs of it is less code here than the client crates bring,
//! and the protocol crate that those share is under a licence that this project does not take.

mod driver;
mod page;
mod wire;

use std::env;
use std::path::PathBuf;

pub use driver::{Browser, BrowserError};
pub use page::Page;

/// The browser of this machine, or `None` after the surrounding test was counted as skipped.
///
/// # Panics
///
/// When there is none and `KITELOGIK_REQUIRE_ALL` asks for it.
#[macro_export]
macro_rules! browser_or_skip {
    () => {{
        fn here() {}
        $crate::browser_or_skip(env!("CARGO_PKG_NAME"), ::std::any::type_name_of_val(&here))
    }};
}

/// What [`browser_or_skip!`] calls with the package and the path of a function in the test.
///
/// # Panics
///
/// As [`browser_or_skip!`] says.
#[doc(hidden)]
pub fn browser_or_skip(package: &str, here: &str) -> Option<Browser> {
    let chromium = find(
        "CHROMIUM_BIN",
        &["chromium", "chromium-browser", "google-chrome"],
    );
    let driver = find("CHROMEDRIVER_BIN", &["chromedriver"]);
    match (chromium, driver) {
        (Some(chromium), Some(driver)) => Some(Browser::new(chromium, driver)),
        _ => {
            let path = here.trim_end_matches("::here");
            kitelogik_opa_process::skip(
                &format!("{package} {path}"),
                "chromium and chromedriver; run `apt-get install -y chromium chromium-driver`",
            );
            None
        }
    }
}

/// The program that `variable` names, or the first of `names` on the path.
fn find(variable: &str, names: &[&str]) -> Option<PathBuf> {
    if let Some(path) = env::var_os(variable) {
        return Some(path.into());
    }
    let path = env::var_os("PATH")?;
    names
        .iter()
        .flat_map(|name| env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|program| program.is_file())
}
