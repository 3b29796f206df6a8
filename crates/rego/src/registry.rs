//! Where built-ins are registered: an engine that interprets, or a table that programs call.

use anyhow::Result;
use regorus::{Engine, Value};

use crate::allowance;

pub(crate) trait Registry {
    /// Registers a built-in that takes so many `arguments`.
    fn add(
        &mut self,
        name: &str,
        arguments: u8,
        call: impl Fn(Vec<Value>) -> Result<Value> + Clone + Send + Sync + 'static,
    ) -> Result<()>;
}

impl Registry for Engine {
    fn add(
        &mut self,
        name: &str,
        arguments: u8,
        call: impl Fn(Vec<Value>) -> Result<Value> + Clone + Send + Sync + 'static,
    ) -> Result<()> {
        // It has a limit of its own, on what is longer than its elements are many.
        let made = match name {
            "walk" => allowance::made,
            _ => allowance::made_by_builtin,
        };
        let call = move |values: Vec<Value>| {
            let value = call(values)?;
            made(&value).map(|()| value)
        };
        self.add_extension(name.to_owned(), arguments, Box::new(call))
    }
}
