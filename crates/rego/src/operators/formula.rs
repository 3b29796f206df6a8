//! Arithmetic, and what compares it, as a text: operands by their numbers, each operator after its two operands.

use anyhow::{Result, bail};
use regorus::Value;
use regorus::unstable::{ArithOp, BoolOp, Expr};

use crate::decimal::Decimal;
use crate::order;

use super::{of_integers, of_sets};

/// How many operands a formula has at most.
pub(super) const MAX_OPERANDS: usize = 8;

/// The formula of an expression, and its operands in the order in which they are written.
pub(super) struct Formula<'e> {
    pub(super) text: String,
    pub(super) operands: Vec<&'e Expr>,
}

impl<'e> Formula<'e> {
    /// What stands between `lhs` and `rhs` is the last operator.
    pub(super) fn of(operator: &str, lhs: &'e Expr, rhs: &'e Expr) -> Self {
        let mut formula = Self {
            text: String::new(),
            operands: Vec::new(),
        };
        formula.pair(operator, lhs, rhs);
        formula
    }

    fn pair(&mut self, operator: &str, lhs: &'e Expr, rhs: &'e Expr) {
        self.add(lhs, rhs);
        self.add(rhs, lhs);
        self.put(operator);
    }

    /// Arithmetic beside a literal is part of the formula. Beside what may not be there it stays a call of its own, so that
    /// an error in it is an error whatever comes of the other, as in OPA.
    fn add(&mut self, side: &'e Expr, other: &Expr) {
        match side {
            Expr::ArithExpr { op, lhs, rhs, .. }
                if matches!(other, Expr::Number { .. })
                    && self.operands.len() + 3 < MAX_OPERANDS =>
            {
                self.pair(sign(op), lhs, rhs);
            }
            _ => {
                self.put(&self.operands.len().to_string());
                self.operands.push(side);
            }
        }
    }

    fn put(&mut self, word: &str) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(word);
    }
}

pub(super) fn sign(operation: &ArithOp) -> &'static str {
    match operation {
        ArithOp::Add => "+",
        ArithOp::Sub => "-",
        ArithOp::Mul => "*",
        ArithOp::Div => "/",
        ArithOp::Mod => "%",
    }
}

pub(super) fn comparison(operation: &BoolOp) -> &'static str {
    match operation {
        BoolOp::Lt => "<",
        BoolOp::Le => "<=",
        BoolOp::Gt => ">",
        BoolOp::Ge => ">=",
        BoolOp::Eq => "==",
        BoolOp::Ne => "!=",
    }
}

/// What was computed so far: a value, or a number of more digits than a value holds.
enum Computed {
    Value(Value),
    Exact(Decimal),
}

impl Computed {
    fn decimal(&self) -> Option<Decimal> {
        match self {
            Self::Value(value) => Decimal::of(value),
            Self::Exact(number) => Some(number.clone()),
        }
    }

    fn value(self) -> Result<Value> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Exact(number) => number.to_value(),
        }
    }
}

/// What the formula makes of `operands`.
///
/// # Errors
///
/// Those of arithmetic.
pub(super) fn compute(formula: &str, operands: &[Value]) -> Result<Value> {
    let mut stack: Vec<Computed> = Vec::new();
    for word in formula.split(' ') {
        if let Ok(number) = word.parse::<usize>() {
            let Some(operand) = operands.get(number) else {
                bail!("there is no operand {number}");
            };
            stack.push(Computed::Value(operand.clone()));
            continue;
        }
        let (Some(right), Some(left)) = (stack.pop(), stack.pop()) else {
            bail!("`{word}` has no two operands");
        };
        stack.push(match arithmetic(word) {
            Some(operation) => computed(&operation, left, right)?,
            None => Computed::Value(Value::Bool(compared(word, left, right)?)),
        });
    }
    match (stack.pop(), stack.pop()) {
        (Some(computed), None) => computed.value(),
        _ => bail!("the formula is not whole"),
    }
}

fn arithmetic(word: &str) -> Option<ArithOp> {
    Some(match word {
        "+" => ArithOp::Add,
        "-" => ArithOp::Sub,
        "*" => ArithOp::Mul,
        "/" => ArithOp::Div,
        "%" => ArithOp::Mod,
        _ => return None,
    })
}

fn computed(operation: &ArithOp, left: Computed, right: Computed) -> Result<Computed> {
    if let (Computed::Value(left), Computed::Value(right)) = (&left, &right)
        && let Some(made) = of_integers(operation, left, right)
    {
        return Ok(Computed::Value(made));
    }
    match (left.decimal(), right.decimal()) {
        (Some(left), Some(right)) => {
            let made = Decimal::compute(operation, &left, &right)?;
            Ok(if made.fits() {
                Computed::Value(made.to_value()?)
            } else {
                Computed::Exact(made)
            })
        }
        _ => of_sets(operation, &left.value()?, &right.value()?).map(Computed::Value),
    }
}

fn compared(word: &str, left: Computed, right: Computed) -> Result<bool> {
    let exact = match (&left, &right) {
        (Computed::Exact(_), _) | (_, Computed::Exact(_)) => left.decimal().zip(right.decimal()),
        _ => None,
    };
    let order = match exact {
        Some((left, right)) => left.order(&right),
        None => {
            let (left, right) = (left.value()?, right.value()?);
            match word {
                "==" => return Ok(left == right),
                "!=" => return Ok(left != right),
                _ => order::compare(&left, &right),
            }
        }
    };
    Ok(match word {
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        "==" => order.is_eq(),
        "!=" => order.is_ne(),
        other => bail!("there is no operator `{other}`"),
    })
}
