//! Reading a module, and the interpreter's message where it cannot be read.

use std::num::{NonZeroU32, NonZeroUsize};

use regorus::Source;
use regorus::unstable::{Module as Tree, Parser};

use crate::Module;
use crate::error::Problem;

pub(super) fn parse(module: &Module) -> Result<Tree, Problem> {
    let read = || {
        // How large a file may be is checked where it is read; a long reason makes a long line.
        let source = Source::from_contents_with_limits(
            module.name.clone(),
            module.text.clone(),
            NonZeroUsize::MAX,
            NonZeroUsize::MAX,
        )?;
        let mut parser = Parser::new(&source)?;
        parser.set_max_col(NonZeroU32::MAX);
        parser.enable_rego_v1()?;
        parser.parse()
    };
    read().map_err(|error| problem(module, &error.to_string()))
}

/// The interpreter's message is a drawing of several lines: `--> file:line:column`, the line, a caret, `error: …`.
fn problem(module: &Module, drawing: &str) -> Problem {
    let place = drawing
        .lines()
        .find_map(|line| line.strip_prefix("--> "))
        .and_then(|place| place.strip_prefix(module.name.as_str()))
        .map(|place| place.trim_start_matches(':'))
        .and_then(|place| {
            let (line, column) = place.split_once(':')?;
            Some((line.parse().ok()?, column.trim().parse().ok()?))
        });
    let message = drawing
        .lines()
        .find_map(|line| line.strip_prefix("error: "))
        .unwrap_or_else(|| {
            drawing
                .lines()
                .find(|line| !line.trim().is_empty())
                .unwrap_or("cannot be read")
        });
    let (line, column) = place.unwrap_or((0, 0));
    Problem {
        module: module.name.clone(),
        line,
        column,
        message: message.trim().to_owned(),
    }
}
