//! What modules become: resolved, with a slot for each variable.

use std::collections::HashSet;
use std::sync::Arc;

use regorus::Value;
use regorus::unstable::{ArithOp, BinOp, BoolOp, Expr as Syntax, Ref};

use super::index::Index;
use super::input::Field;
use super::native::Builtin;

/// The number of a variable within its rule.
pub(super) type Slot = usize;
/// The number of all rules of one path.
pub(super) type GroupId = usize;
/// The number of a package, or of a folder of packages.
pub(super) type PackageId = usize;
/// The number of a reason why the interpreter decides.
pub(super) type ReasonId = usize;

/// Where something is written.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) file: Arc<str>,
    pub(super) line: u32,
    pub(super) column: u32,
}

/// Where something lies that is looked up.
#[derive(Debug)]
pub(super) enum Within {
    Value,
    /// In `data`, whose keys may be numbers written as texts.
    Data,
    /// In `data`, by a condition that is nothing else: OPA finds a number's text there unless its index rules the rule out first.
    DataOrRuledOut(Place),
}

/// Something that has a value, or is undefined.
#[derive(Debug)]
pub(super) enum Node {
    Known(Value),
    Undefined,
    Local(Slot),
    /// `input.args.amount`: a field, and keys below it.
    Input(Field, Box<[Value]>),
    /// `time.now_ns()`: one and the same within a decision.
    Now,
    Rules(GroupId),
    Package(PackageId),
    /// `a[b]`
    Item {
        of: Box<Node>,
        key: Box<Node>,
        within: Within,
    },
    Array(Box<[Node]>),
    Set(Box<[Node]>),
    Object(Box<[(Node, Node)]>),
    /// And whether one side is a text that is written there, and not one that lies in data.
    Compare(BoolOp, Box<Node>, Box<Node>, bool),
    Arithmetic(Box<Arithmetic>),
    SetOperation(Box<SetOperation>),
    /// `value in collection`, `key, value in collection`
    In {
        key: Option<Box<Node>>,
        value: Box<Node>,
        collection: Box<Node>,
    },
    /// `value in collection` where that is known and holds only texts.
    InTexts(Box<Node>, HashSet<Box<str>>),
    Call(GroupId, Box<[Node]>),
    Builtin(Box<BuiltinCall>),
    Comprehension(Box<Comprehension>),
}

impl Node {
    /// Whether computing its value twice costs little, and is no error the second time where it was none the first.
    pub(super) fn is_cheap(&self) -> bool {
        match self {
            Self::Builtin(call) => {
                call.builtin.is_get() && call.arguments.iter().all(Self::is_leaf)
            }
            other => other.is_leaf(),
        }
    }

    /// Whether its value lies there: nothing is computed for it.
    pub(super) fn is_leaf(&self) -> bool {
        matches!(
            self,
            Self::Known(_) | Self::Undefined | Self::Local(_) | Self::Input(..)
        )
    }
}

#[derive(Debug)]
pub(super) struct Arithmetic {
    pub(super) operation: ArithOp,
    pub(super) left: Node,
    pub(super) right: Node,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) struct SetOperation {
    pub(super) operation: BinOp,
    pub(super) left: Node,
    pub(super) right: Node,
    /// For messages.
    pub(super) syntax: [Ref<Syntax>; 2],
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) struct BuiltinCall {
    pub(super) builtin: Builtin,
    pub(super) arguments: Box<[Node]>,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) struct Comprehension {
    pub(super) makes: Makes,
    pub(super) steps: Box<[Step]>,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) enum Makes {
    Array(Node),
    Set(Node),
    Object(Node, Node),
}

/// A statement, or a part of one.
#[derive(Debug)]
pub(super) enum Step {
    /// Holds where the node is there and not `false`.
    Test(Node),
    /// Holds where the steps do not.
    Not(Box<[Step]>),
    /// Holds where the node is there and fits.
    Match(Pattern, Node),
    /// Goes on once for each member that fits.
    Each(Box<Each>),
    Every(Box<Every>),
    /// What comes now is left to the interpreter.
    Refer(ReasonId),
}

#[derive(Debug)]
pub(super) struct Each {
    pub(super) key: Pattern,
    pub(super) value: Pattern,
    pub(super) over: Node,
    /// Where `some … in` is written: it is an error over what has no members, and a reference is not.
    pub(super) strict: Option<Place>,
}

#[derive(Debug)]
pub(super) struct Every {
    pub(super) key: Pattern,
    pub(super) value: Pattern,
    pub(super) over: Node,
    pub(super) steps: Box<[Step]>,
}

/// What a value must fit.
#[derive(Debug)]
pub(super) enum Pattern {
    Any,
    Bind(Slot),
    Equal(Node),
    Array(Box<[Pattern]>),
}

/// All rules of one path.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) kind: Kind,
    pub(super) definitions: Box<[Definition]>,
    pub(super) default: Option<Fallback>,
    pub(super) index: Index,
    /// Its value, where that is the same for every input.
    pub(super) known: Option<Option<Value>>,
}

/// What a path is where no rule says it; comprehensions in it have variables.
#[derive(Debug)]
pub(super) struct Fallback {
    pub(super) value: Node,
    pub(super) slots: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Complete,
    Set,
    Object,
    /// With so many arguments.
    Function(usize),
    Refer(ReasonId),
}

/// One rule: its bodies, of which the first that holds counts.
#[derive(Debug)]
pub(super) struct Definition {
    /// What a function's arguments must fit, and the variables in them.
    pub(super) arguments: Box<[Step]>,
    pub(super) bodies: Box<[Body]>,
    pub(super) slots: usize,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) struct Body {
    pub(super) steps: Box<[Step]>,
    pub(super) head: Head,
    /// Whether every way through the steps gives the same, so that one is enough.
    pub(super) constant: bool,
}

/// What a rule says where its body holds.
#[derive(Debug)]
pub(super) enum Head {
    Value(Node),
    Entry(Node, Node),
    Refer(ReasonId),
}

/// A package, or a folder of packages.
#[derive(Debug, Default)]
pub(super) struct Package {
    /// What `data` has there.
    pub(super) data: Option<Value>,
    pub(super) packages: Vec<(Value, PackageId)>,
    pub(super) rules: Vec<(Value, GroupId)>,
    pub(super) refer: Option<ReasonId>,
}
