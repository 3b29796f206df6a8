//! The browser's two programs.

use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::page::Page;
use crate::wire::command;

/// Where a browser is and how large its window will be.
#[derive(Clone, Debug)]
pub struct Browser {
    chromium: PathBuf,
    driver: PathBuf,
    size: (u32, u32),
    scripts: bool,
}

/// Why a browser did not do what it was told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrowserError {
    /// A program did not start, did not answer, or answered with an error.
    #[error("the browser: {0}")]
    Io(#[from] io::Error),
    /// What was waited for did not come.
    #[error("in vain waited for `{condition}`; the page shows: {shown}")]
    Waited {
        /// The condition, in JavaScript.
        condition: String,
        /// The page's text.
        shown: String,
    },
}

impl Browser {
    pub(crate) fn new(chromium: PathBuf, driver: PathBuf) -> Self {
        Self {
            chromium,
            driver,
            size: (1280, 900),
            scripts: true,
        }
    }

    /// How large its window is, in pixels. Default: 1280 by 900.
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Switches the scripts of pages off.
    #[must_use]
    pub fn without_scripts(mut self) -> Self {
        self.scripts = false;
        self
    }

    /// Starts it, with an empty page.
    ///
    /// # Errors
    ///
    /// One of the two programs does not start.
    pub fn start(&self) -> Result<Page, BrowserError> {
        let profile = tempfile::tempdir()?;
        let driver = Driver::start(self, profile)?;
        let session = command(driver.port, "POST", "/session", &self.capabilities(&driver))?;
        let id = session
            .get("sessionId")
            .and_then(Value::as_str)
            .ok_or_else(|| io::Error::other("the driver began no session"))?;
        Ok(Page::new(format!("/session/{id}"), driver))
    }

    fn capabilities(&self, driver: &Driver) -> Value {
        let mut arguments = vec![
            "--headless".to_owned(),
            "--disable-gpu".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--hide-scrollbars".to_owned(),
            format!("--window-size={},{}", self.size.0, self.size.1),
            format!("--user-data-dir={}", driver.profile.path().display()),
        ];
        if rustix::process::getuid().is_root() {
            // Chromium refuses its sandbox to root.
            arguments.push("--no-sandbox".to_owned());
        }
        let mut options = json!({"binary": self.chromium, "args": arguments});
        if !self.scripts
            && let Some(options) = options.as_object_mut()
        {
            let off = json!({"profile.managed_default_content_settings.javascript": 2});
            options.insert("prefs".to_owned(), off);
        }
        // An element is waited for: a click returns before the page it leads to is there.
        let timeouts = json!({"implicit": 20_000});
        let wanted = json!({"goog:chromeOptions": options, "timeouts": timeouts});
        json!({"capabilities": {"alwaysMatch": wanted}})
    }
}

/// The driver's process.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) port: u16,
    process: Child,
    /// What it says besides; where nobody could read it, it would end.
    _told: Option<BufReader<ChildStdout>>,
    profile: TempDir,
}

impl Driver {
    fn start(browser: &Browser, profile: TempDir) -> io::Result<Self> {
        let mut process = Command::new(&browser.driver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut told = process.stdout.take().map(BufReader::new);
        let port = told
            .as_mut()
            .into_iter()
            .flat_map(BufRead::lines)
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, port) = line.split_once("started successfully on port ")?;
                port.trim_end_matches('.').parse().ok()
            });
        let driver = Self {
            port: port.unwrap_or_default(),
            process,
            _told: told,
            profile,
        };
        if port.is_none() {
            return Err(io::Error::other("the driver did not say its port"));
        }
        Ok(driver)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It has ended then, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
