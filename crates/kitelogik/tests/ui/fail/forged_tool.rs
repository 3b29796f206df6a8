//! A tool is built from a function or a handler; what it does with a permit is its own.
use kitelogik::Tool;

fn take(tool: Tool) {
    let _invoke = tool.invoke;
}

fn main() {
    let _tool = Tool { invoke: todo!() };
}
