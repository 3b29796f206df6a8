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
        let call = move |values: Vec<Value>| allowance::counted(call(values)?);
        self.add_extension(name.to_owned(), arguments, Box::new(call))
    }
}
