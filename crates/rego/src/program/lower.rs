//! Syntax to nodes: names resolved, statements put into an order in which each finds what it needs.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use regorus::Value;
use regorus::unstable::{Expr, Module, Ref, Span};

use super::native::Builtins;
use super::node::{GroupId, PackageId, Place, ReasonId, Step};
use super::origin::{Mark, WrittenRule};
use super::paths::{Paths, constant_path};
use super::scope::Scope;
use crate::tree;

/// Why something is left to the interpreter.
#[derive(Clone, Debug)]
pub(super) struct Left {
    pub(super) what: String,
    pub(super) place: Place,
}

pub(super) type Lowered<T> = Result<T, Left>;

/// What a module calls what is not its own.
#[derive(Debug, Default)]
pub(super) struct Names<'m> {
    pub(super) package: Vec<Arc<str>>,
    pub(super) imports: HashMap<&'m str, &'m Ref<Expr>>,
    file: Arc<str>,
}

impl<'m> Names<'m> {
    pub(super) fn of(module: &'m Module) -> Self {
        let imports = module
            .imports
            .iter()
            .filter_map(|import| Some((tree::alias(import)?, &import.refr)))
            .collect();
        Self {
            package: constant_path(&module.package.refr).unwrap_or_default(),
            imports,
            file: Arc::from(module.package.refr.span().source.get_path().as_str()),
        }
    }
}

/// What one path's rules depend on, gathered while they are lowered.
#[derive(Debug, Default)]
pub(super) struct Uses {
    pub(super) input: bool,
    pub(super) groups: BTreeSet<GroupId>,
    pub(super) packages: BTreeSet<PackageId>,
}

pub(super) struct Lower<'m> {
    pub(super) paths: &'m Paths<'m>,
    pub(super) data: &'m Value,
    pub(super) builtins: &'m Builtins,
    pub(super) modules: &'m [Names<'m>],
    pub(super) module: usize,
    pub(super) scope: Scope,
    pub(super) uses: Uses,
    pub(super) left: Vec<Left>,
    /// How often an import has been followed to another within one expression.
    pub(super) imports_followed: usize,
    /// Where the statements of the query at hand end among its steps.
    pub(super) marks: Vec<Mark>,
    /// The rules of the path at hand that were lowered.
    pub(super) written: Vec<WrittenRule>,
}

impl<'m> Lower<'m> {
    pub(super) fn names(&self) -> Option<&'m Names<'m>> {
        self.modules.get(self.module)
    }

    pub(super) fn place(&self, span: &Span) -> Place {
        Place {
            file: self
                .names()
                .map_or_else(|| Arc::from(""), |names| Arc::clone(&names.file)),
            line: span.line,
            column: span.col,
        }
    }

    pub(super) fn left<T>(&self, what: impl Into<String>, span: &Span) -> Lowered<T> {
        Err(Left {
            what: what.into(),
            place: self.place(span),
        })
    }

    pub(super) fn refer(&mut self, left: Left) -> ReasonId {
        self.left.push(left);
        self.left.len() - 1
    }

    /// Begins another rule.
    pub(super) fn begin(&mut self, module: usize) {
        self.module = module;
        self.scope = Scope::default();
        self.scope.enter();
    }
}

/// The steps of a query, and what was lowered at its end, or why that is left to the interpreter.
pub(super) struct LoweredQuery<T> {
    pub(super) steps: Box<[Step]>,
    pub(super) marks: Box<[Mark]>,
    pub(super) end: Result<T, ReasonId>,
}
