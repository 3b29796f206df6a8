//! Where built-ins are registered: an engine that interprets, or a table that programs call.

use anyhow::{Result, bail};
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

    /// Registers a built-in that hands on its one argument, unless `check` fails for it.
    fn hand_on(&mut self, name: &str, check: fn(&Value) -> Result<()>) -> Result<()> {
        self.add(name, 1, move |values| handed_on(values, check))
    }
}

impl Registry for Engine {
    fn add(
        &mut self,
        name: &str,
        arguments: u8,
        call: impl Fn(Vec<Value>) -> Result<Value> + Clone + Send + Sync + 'static,
    ) -> Result<()> {
        let made = match name {
            // It has a limit of its own, on what is longer than its elements are many.
            "walk" => allowance::made,
            // What stands for an operator.
            _ if name.starts_with("kitelogik_") => allowance::made,
            _ => allowance::made_by_builtin,
        };
        let call = move |values: Vec<Value>| {
            let value = call(values)?;
            made(&value).map(|()| value)
        };
        self.add_extension(name.to_owned(), arguments, Box::new(call))
    }

    /// It is nothing that the built-in made.
    fn hand_on(&mut self, name: &str, check: fn(&Value) -> Result<()>) -> Result<()> {
        let call = move |values| handed_on(values, check);
        self.add_extension(name.to_owned(), 1, Box::new(call))
    }
}

fn handed_on(mut values: Vec<Value>, check: fn(&Value) -> Result<()>) -> Result<Value> {
    match (values.pop(), values.is_empty()) {
        (Some(value), true) => check(&value).map(|()| value),
        _ => bail!("one operand is expected"),
    }
}
