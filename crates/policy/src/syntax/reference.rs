//! References, as far as they are constant: `data.acme["limits"]`.

use regorus::unstable::{Expr, Module as Tree};

/// The constant components a reference starts with.
pub(crate) fn path(reference: &Expr) -> Vec<String> {
    let mut components = Vec::new();
    collect(reference, &mut components);
    components
}

/// Whether all of `reference` is constant.
pub(crate) fn collect(reference: &Expr, components: &mut Vec<String>) -> bool {
    match reference {
        Expr::Var { span, .. } => {
            components.push(span.text().to_owned());
            true
        }
        Expr::RefDot { refr, field, .. } => {
            let constant = collect(refr, components);
            if constant {
                components.push(field.0.text().to_owned());
            }
            constant
        }
        Expr::RefBrack { refr, index, .. } => {
            if !collect(refr, components) {
                return false;
            }
            match index.as_ref() {
                Expr::String { value, .. } | Expr::RawString { value, .. } => {
                    match value.as_string() {
                        Ok(text) => {
                            components.push(text.to_string());
                            true
                        }
                        Err(_) => false,
                    }
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// What each imported name stands for, as in `("utils", "data.acme.utils")`.
pub(crate) fn imports(tree: &Tree) -> Vec<(String, String)> {
    tree.imports
        .iter()
        .filter_map(|import| {
            let target = path(&import.refr);
            let name = import
                .r#as
                .as_ref()
                .map(|name| name.text().to_owned())
                .or_else(|| target.last().cloned())?;
            Some((name, target.join(".")))
        })
        .collect()
}
