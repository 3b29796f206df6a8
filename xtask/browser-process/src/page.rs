//! What is open in the browser.

use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::driver::{BrowserError, Driver};
use crate::wire::command;

/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(20);

/// A browser with one window. It ends when this is dropped.
#[derive(Debug)]
pub struct Page {
    session: String,
    driver: Driver,
}

impl Page {
    pub(crate) fn new(session: String, driver: Driver) -> Self {
        Self { session, driver }
    }

    /// Goes to `url`, and waits until it is loaded.
    ///
    /// # Errors
    ///
    /// The browser does not answer.
    pub fn open(&self, url: &str) -> Result<(), BrowserError> {
        self.post("url", &json!({"url": url})).map(drop)
    }

    /// What a function with this body returns.
    ///
    /// # Errors
    ///
    /// It throws, or the browser does not answer.
    pub fn evaluate(&self, body: &str) -> Result<Value, BrowserError> {
        self.post("execute/sync", &json!({"script": body, "args": []}))
    }

    /// Waits until `condition`, an expression of JavaScript, is true.
    ///
    /// # Errors
    ///
    /// It is not within 20 s.
    pub fn wait_for(&self, condition: &str) -> Result<(), BrowserError> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            // While a page goes and another comes there is nothing to ask.
            if let Ok(Value::Bool(true)) = self.evaluate(&format!("return Boolean({condition})")) {
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
        let shown = self.evaluate("return document.body.innerText")?;
        Err(BrowserError::Waited {
            condition: condition.to_owned(),
            shown: shown.to_string(),
        })
    }

    /// Clicks on the first element that the CSS selector finds, as a mouse does.
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be clicked on.
    pub fn click(&self, selector: &str) -> Result<(), BrowserError> {
        let element = self.element(selector)?;
        self.post(&format!("element/{element}/click"), &json!({}))
            .map(drop)
    }

    /// Types into the first element that the CSS selector finds.
    ///
    /// # Errors
    ///
    /// There is none, or it takes no text.
    pub fn type_into(&self, selector: &str, text: &str) -> Result<(), BrowserError> {
        let element = self.element(selector)?;
        self.post(&format!("element/{element}/value"), &json!({"text": text}))
            .map(drop)
    }

    /// Presses keys, wherever the focus is. `\u{e007}` is Enter, `\u{e004}` is Tab.
    ///
    /// # Errors
    ///
    /// The browser does not answer.
    pub fn press(&self, keys: &str) -> Result<(), BrowserError> {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                [
                    json!({"type": "keyDown", "value": key}),
                    json!({"type": "keyUp", "value": key}),
                ]
            })
            .collect();
        let actions = json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]});
        self.post("actions", &actions).map(drop)
    }

    /// Has pages see a preference, as in `prefers-color-scheme`, `dark`.
    ///
    /// # Errors
    ///
    /// The browser does not answer.
    pub fn prefer(&self, feature: &str, value: &str) -> Result<(), BrowserError> {
        let features = json!({"features": [{"name": feature, "value": value}]});
        self.devtools("Emulation.setEmulatedMedia", &features)
    }

    /// Gives pages a screen of this size in pixels, each drawn by `scale` times as many.
    ///
    /// # Errors
    ///
    /// The browser does not answer.
    pub fn screen(&self, width: u32, height: u32, scale: f64) -> Result<(), BrowserError> {
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics)
    }

    /// What the window shows, as a PNG.
    ///
    /// # Errors
    ///
    /// The browser does not answer.
    pub fn screenshot(&self) -> Result<Vec<u8>, BrowserError> {
        let path = format!("{}/screenshot", self.session);
        let encoded = command(self.driver.port, "GET", &path, &Value::Null)?;
        let encoded = encoded.as_str().unwrap_or_default();
        Ok(STANDARD.decode(encoded).map_err(io::Error::other)?)
    }

    fn devtools(&self, name: &str, parameters: &Value) -> Result<(), BrowserError> {
        self.post(
            "goog/cdp/execute",
            &json!({"cmd": name, "params": parameters}),
        )
        .map(drop)
    }

    fn element(&self, selector: &str) -> Result<String, BrowserError> {
        let found = self.post(
            "element",
            &json!({"using": "css selector", "value": selector}),
        )?;
        let id = found
            .as_object()
            .and_then(|found| found.values().next())
            .and_then(Value::as_str);
        id.map(str::to_owned)
            .ok_or_else(|| io::Error::other("the driver named no element").into())
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, BrowserError> {
        let path = format!("{}/{path}", self.session);
        Ok(command(self.driver.port, "POST", &path, body)?)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // Ends the browser; where it cannot be told, it is gone.
        let _ = command(self.driver.port, "DELETE", &self.session, &Value::Null);
    }
}
