//! Reading a module, and the interpreter's message where it cannot be read.

use std::num::{NonZeroU32, NonZeroUsize};

use regorus::Source;
use regorus::unstable::{Module as Tree, Parser};

use crate::Module;
use crate::error::Problem;

pub(crate) fn parse(module: &Module) -> Result<Tree, Problem> {
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
    let column = self::column(&module.text, line, column);
    Problem {
        module: module.name.clone(),
        line,
        column,
        message: message.trim().to_owned(),
    }
}

/// The column in characters, where the interpreter counts four for a tab.
pub(super) fn column(text: &str, line: u32, counted: u32) -> u32 {
    let Some(index) = (line as usize).checked_sub(1) else {
        return counted;
    };
    let letters = text.lines().nth(index).unwrap_or_default().chars();
    let mut wide = 1;
    let mut column = 1;
    for letter in letters {
        if wide >= counted {
            break;
        }
        wide += if letter == '\t' { 4 } else { 1 };
        column += 1;
    }
    // What lies behind the end of the line lies as far behind it.
    column + counted.saturating_sub(wide)
}
