//! The names in statements.

use std::collections::BTreeSet;

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Module, Query};

use crate::negation::parts;
use crate::tree;

type Names<'a> = BTreeSet<&'a str>;

/// The names of the rules of `package` in `modules`, and of the imports of `module`.
pub(super) fn known<'m>(
    module: &Module,
    package: &[String],
    modules: impl Iterator<Item = &'m Module>,
) -> BTreeSet<String> {
    let of_package = modules.filter(|other| tree::components(&other.package.refr).0 == package);
    let rules = of_package
        .flat_map(|other| &other.policy)
        .filter_map(|rule| tree::components(tree::reference(rule)).0.into_iter().next());
    let imports = module
        .imports
        .iter()
        .filter_map(|import| match &import.r#as {
            Some(alias) => Some(alias.text().to_owned()),
            None => tree::components(&import.refr).0.pop(),
        });
    rules.chain(imports).collect()
}

/// The variables that `statement` declares in its body, whatever is called so outside.
pub(super) fn declared<'a>(statement: &'a LiteralStmt, names: &mut Names<'a>) {
    match &statement.literal {
        Literal::Expr { expr, .. } => {
            if let Expr::AssignExpr {
                op: AssignOp::ColEq,
                lhs,
                ..
            } = &**expr
            {
                of_expression(lhs, names);
            }
        }
        Literal::SomeVars { vars, .. } => names.extend(vars.iter().map(|name| name.text())),
        Literal::SomeIn { key, value, .. } => {
            key.iter().for_each(|key| of_expression(key, names));
            of_expression(value, names);
        }
        Literal::NotExpr { .. } | Literal::Every { .. } => {}
    }
}

/// All names in `statement`, also those that it declares.
pub(super) fn used<'a>(statement: &'a LiteralStmt, names: &mut Names<'a>) {
    match &statement.literal {
        Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => of_expression(expr, names),
        Literal::SomeVars { vars, .. } => names.extend(vars.iter().map(|name| name.text())),
        Literal::SomeIn {
            key,
            value,
            collection,
            ..
        } => {
            key.iter().for_each(|key| of_expression(key, names));
            of_expression(value, names);
            of_expression(collection, names);
        }
        Literal::Every {
            key,
            value,
            domain,
            query,
            ..
        } => {
            names.extend(key.iter().map(|name| name.text()));
            names.insert(value.text());
            of_expression(domain, names);
            of_query(query, names);
        }
    }
    for modifier in &statement.with_mods {
        of_expression(&modifier.refr, names);
        of_expression(&modifier.r#as, names);
    }
}

/// The paths under `data` that `statement` names; none where it looks at other documents than the rule does.
pub(in super::super) fn named(
    module: &Module,
    statement: &LiteralStmt,
    paths: &mut Vec<Vec<String>>,
) {
    if !statement.with_mods.is_empty() {
        return;
    }
    match &statement.literal {
        Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => named_in(module, expr, paths),
        Literal::SomeIn { collection, .. } => named_in(module, collection, paths),
        Literal::Every { domain, query, .. } => {
            named_in(module, domain, paths);
            let statements = query.stmts.iter();
            statements.for_each(|statement| named(module, statement, paths));
        }
        Literal::SomeVars { .. } => {}
    }
}

fn named_in(module: &Module, expression: &Expr, paths: &mut Vec<Vec<String>>) {
    let mut query = |query: &Query| {
        let statements = query.stmts.iter();
        statements.for_each(|statement| named(module, statement, paths));
    };
    match expression {
        Expr::ArrayCompr { query: inner, .. }
        | Expr::SetCompr { query: inner, .. }
        | Expr::ObjectCompr { query: inner, .. } => query(inner),
        Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {
            paths.extend(path_of(module, expression));
            for index in tree::components(expression).1 {
                named_in(module, index, paths);
            }
        }
        other => parts(other)
            .into_iter()
            .for_each(|part| named_in(module, part, paths)),
    }
}

/// Where a reference leads, without `data`; what is no rule there is a name of something else.
fn path_of(module: &Module, reference: &Expr) -> Option<Vec<String>> {
    let path = tree::components(reference).0;
    let (first, rest) = path.split_first()?;
    if first == "input" {
        return None;
    }
    if first == "data" {
        return Some(rest.to_vec());
    }
    let import = module.imports.iter().find(|import| match &import.r#as {
        Some(alias) => alias.text() == first,
        None => tree::components(&import.refr).0.last() == Some(first),
    });
    Some(match import {
        Some(import) => {
            let path = tree::components(&import.refr).0;
            [path.get(1..).unwrap_or_default(), rest].concat()
        }
        None => [tree::components(&module.package.refr).0, path].concat(),
    })
}

fn of_query<'a>(query: &'a Query, names: &mut Names<'a>) {
    query
        .stmts
        .iter()
        .for_each(|statement| used(statement, names));
}

/// All names in `expression`; those of functions are none.
pub(super) fn of_expression<'a>(expression: &'a Expr, names: &mut Names<'a>) {
    match expression {
        Expr::Var { span, .. } => {
            names.insert(span.text());
        }
        Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
            of_expression(term, names);
            of_query(query, names);
        }
        Expr::ObjectCompr {
            key, value, query, ..
        } => {
            of_expression(key, names);
            of_expression(value, names);
            of_query(query, names);
        }
        other => parts(other)
            .into_iter()
            .for_each(|part| of_expression(part, names)),
    }
}
