use std::fmt;

use kitelogik_core::json;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::key::{Digest, Signature};
use crate::time::Timestamp;

use super::encoding::{EncodingError, Field};

/// What an entry of the chain is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EntryKind {
    /// A process began to write: the first entry of every chain.
    Start,
    /// A decision of the gate.
    Decision,
    /// What came of the call whose decision `refers` names.
    Outcome,
    /// A step of an approval request, or a refused attempt at one.
    Approval,
    /// Records that could not be written, and were lost.
    Gap,
    /// A change of the gate: a kill switch, another policy.
    Change,
    /// A checkpoint was signed.
    Seal,
    /// Old entries were removed, up to a checkpoint.
    Retention,
    /// The process closed the ledger: the last entry of a chain that did not end in a crash.
    Stop,
    /// Another key took over.
    KeyChange,
}

impl EntryKind {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 10] = [
        Self::Start,
        Self::Decision,
        Self::Outcome,
        Self::Approval,
        Self::Gap,
        Self::Change,
        Self::Seal,
        Self::Retention,
        Self::Stop,
        Self::KeyChange,
    ];

    /// The code in the encoding.
    pub const fn code(self) -> u8 {
        match self {
            Self::Start => 1,
            Self::Decision => 2,
            Self::Outcome => 3,
            Self::Approval => 4,
            Self::Gap => 5,
            Self::Change => 6,
            Self::Seal => 7,
            Self::Retention => 8,
            Self::Stop => 9,
            Self::KeyChange => 10,
        }
    }

    /// The kind with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The name on the wire, as in `decision`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Decision => "decision",
            Self::Outcome => "outcome",
            Self::Approval => "approval",
            Self::Gap => "gap",
            Self::Change => "change",
            Self::Seal => "seal",
            Self::Retention => "retention",
            Self::Stop => "stop",
            Self::KeyChange => "key_change",
        }
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A JSON value and its one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonText(String);

impl JsonText {
    /// The canonical text of `value`.
    pub fn new(value: &Value) -> Self {
        Self(json::canonical(value))
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The value. A text that is no JSON, which only a forged entry holds, is a string.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_else(|_| Value::String(self.0.clone()))
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }

    pub(crate) fn from_text(text: String) -> Self {
        Self(text)
    }
}

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|value| Self::new(&value))
    }
}

/// Declares [`Content`] with the tag of each field: struct, encoding and decoding cannot part.
macro_rules! content {
    ($( $(#[doc = $doc:literal])+ $tag:literal $name:ident: $type:ty, )+) => {
        /// What an entry says, whatever its kind: each kind has some of these fields.
        ///
        /// Texts that masking bears on are masked, and tokens are here as keyed digests only.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub struct Content {
            /// What it is about.
            pub kind: EntryKind,
            /// When it happened; of a decision, when the gate was asked.
            pub at: Timestamp,
            $(
                $(#[doc = $doc])+
                #[serde(default, skip_serializing_if = "is_absent")]
                pub $name: $type,
            )+
        }

        impl Content {
            /// An entry that says nothing yet.
            pub fn new(kind: EntryKind, at: Timestamp) -> Self {
                Self { kind, at, $( $name: Default::default(), )+ }
            }

            pub(crate) fn encode_fields(&self) -> Vec<u8> {
                let mut out = Vec::with_capacity(512);
                $( self.$name.write($tag, &mut out); )+
                out
            }

            pub(crate) fn read_field(&mut self, tag: u8, bytes: &[u8]) -> Result<(), EncodingError> {
                match tag {
                    $( $tag => {
                        self.$name = Field::read(bytes).ok_or(EncodingError::Form(tag))?;
                    } )+
                    _ => return Err(EncodingError::Tag(tag)),
                }
                Ok(())
            }
        }
    };
}

fn is_absent<T: Default + PartialEq>(field: &T) -> bool {
    *field == T::default()
}

content! {
    /// The decision's own id.
    10 decision_id: Option<String>,
    /// The session.
    11 session: Option<String>,
    /// Whom the session acts for.
    12 principal: Option<String>,
    /// The role it acts in.
    13 role: Option<String>,
    /// What it may do.
    14 scopes: Vec<String>,
    /// Its tenant.
    15 tenant: Option<String>,
    /// The session above it.
    16 parent: Option<String>,
    /// How many sessions stand above it, where that is known.
    17 depth: Option<u64>,
    /// Whether its sandbox was verified.
    18 sandbox: bool,
    /// The keyed digest of its token.
    19 token: Option<Digest>,
    /// The keyed digest of the token above it.
    20 parent_token: Option<Digest>,
    /// Its budget, as far as it has one: the names of the input document, with numbers.
    21 budget: Option<JsonText>,
    /// What was asked: `tool_call`, `agent.spawn`, …
    30 event_type: Option<String>,
    /// The tool's name, or the event's where no tool is called.
    31 tool: Option<String>,
    /// The policy's name for it.
    32 action: Option<String>,
    /// The arguments; of other events than tool calls, what they ask for.
    33 arguments: Option<JsonText>,
    /// The keyed digest of the arguments as they were judged.
    34 arguments_digest: Option<Digest>,
    /// All resources that the call touches.
    35 resources: Vec<String>,
    /// The one of them that the verdict is about.
    36 resource: Option<String>,
    /// How sensitive the data is.
    37 classification: Option<String>,
    /// The digest (SHA-256) of the schema that the tool publishes.
    38 schema: Option<Digest>,
    /// The verdict: `allow`, `deny`, `require_approval` or `refuse`.
    40 verdict: Option<String>,
    /// The risk tier, as in `TRANSACTIONAL_HIGH`.
    41 tier: Option<String>,
    /// The reason: the policy's, a reviewer's, or that of a change.
    42 reason: Option<String>,
    /// The rule that decided.
    43 rule: Option<String>,
    /// The names of all rules that fired.
    44 rules: Vec<String>,
    /// The revision of the policy.
    45 revision: Option<String>,
    /// The kind of engine that decided.
    46 engine: Option<String>,
    /// The id of the decision in the engine's own log.
    47 engine_decision_id: Option<String>,
    /// Why another engine decided in its place.
    48 fallback: Option<String>,
    /// Why nobody could know.
    49 fail_closed: Option<String>,
    /// What is known about a fault.
    50 detail: Option<String>,
    /// What each layer answered.
    51 trace: Option<JsonText>,
    /// What became of the approval request, if one was made.
    52 approval: Option<JsonText>,
    /// How long the gate took to decide, in microseconds.
    53 decided_in_us: Option<u64>,
    /// Of an outcome, the place in the same chain of the decision that it is of.
    60 refers: Option<u64>,
    /// What came of the call: `ran`, `failed`, `panicked`, `cancelled` or `never_ran`.
    61 outcome: Option<String>,
    /// The gate had given up waiting when the decision was written.
    62 unacknowledged: bool,
    /// The approval request, as in `apr_…`.
    70 request: Option<String>,
    /// The step: `requested`, `approved`, `denied`, `edited`, `expired`, `used`, `refused`.
    71 transition: Option<String>,
    /// Who took the step.
    72 by: Option<String>,
    /// What they noted.
    73 note: Option<String>,
    /// The keyed digest of what the request is bound to.
    74 request_digest: Option<Digest>,
    /// When the request expires.
    75 expires_at: Option<Timestamp>,
    /// How many records were lost, or removed.
    80 count: Option<u64>,
    /// When the first of them was to be written.
    81 from: Option<Timestamp>,
    /// When the last of them was to be written; what was removed was older.
    82 to: Option<Timestamp>,
    /// What changed: `stopped`, `resumed` or `policy`.
    90 change: Option<String>,
    /// What was stopped or resumed; `approvals` where requests were removed.
    91 what: Option<String>,
    /// The revision that was in force before.
    92 before: Option<String>,
    /// The revision in force after.
    93 after: Option<String>,
    /// The number of the checkpoint.
    100 checkpoint: Option<u64>,
    /// The digest (SHA-256) of the checkpoint.
    101 checkpoint_digest: Option<Digest>,
    /// The signature of the ledger's key where old entries were removed.
    102 signature: Option<Signature>,
    /// The ledger's own id.
    110 ledger: Option<Digest>,
    /// The writer's name.
    111 name: Option<String>,
    /// The machine it runs on.
    112 host: Option<String>,
    /// Its process id there.
    113 process: Option<u64>,
    /// The version of the program's ledger.
    114 program: Option<String>,
    /// The id of the key that digests are made with, of this chain or from a change of the key on. Digests of
    /// different keys cannot be compared.
    115 digest_key: Option<Digest>,
    /// The number of the change of the key.
    120 key_change: Option<u64>,
    /// The digest (SHA-256) of the change of the key.
    121 key_change_digest: Option<Digest>,
}

/// What of an entry stands in columns of its own, to be found by. It is all in the encoded entry,
/// too, and `verify` compares both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) kind: i64,
    pub(crate) at: i64,
    pub(crate) decision_id: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) principal: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) tool: Option<String>,
    pub(crate) action: Option<String>,
    pub(crate) verdict: Option<String>,
    pub(crate) tier: Option<String>,
    /// Each name between two line feeds; its own are escaped.
    pub(crate) rules: Option<String>,
    pub(crate) fail_closed: Option<String>,
    pub(crate) request: Option<String>,
    pub(crate) refers: Option<i64>,
    pub(crate) outcome: Option<String>,
}

impl Columns {
    pub(crate) fn of(content: &Content) -> Self {
        Self {
            kind: content.kind.code().into(),
            at: content.at.millis(),
            decision_id: content.decision_id.clone(),
            session: content.session.clone(),
            principal: content.principal.clone(),
            tenant: content.tenant.clone(),
            tool: content.tool.clone(),
            action: content.action.clone(),
            verdict: content.verdict.clone(),
            tier: content.tier.clone(),
            rules: rule_column(content),
            fail_closed: content.fail_closed.clone(),
            request: content.request.clone(),
            refers: content
                .refers
                .and_then(|sequence| i64::try_from(sequence).ok()),
            outcome: content.outcome.clone(),
        }
    }
}

impl Columns {
    /// The texts that are fields of the entry as they are, each with the field's tag.
    pub(super) fn texts(&self) -> [(u8, Option<&str>); 11] {
        [
            (10, self.decision_id.as_deref()),
            (11, self.session.as_deref()),
            (12, self.principal.as_deref()),
            (15, self.tenant.as_deref()),
            (31, self.tool.as_deref()),
            (32, self.action.as_deref()),
            (40, self.verdict.as_deref()),
            (41, self.tier.as_deref()),
            (49, self.fail_closed.as_deref()),
            (61, self.outcome.as_deref()),
            (70, self.request.as_deref()),
        ]
    }
}

/// A rule's name as it stands in the column of rules.
pub(crate) fn rule_name(name: &str) -> String {
    format!("\n{}\n", name.replace('\n', "\\n"))
}

fn rule_column(content: &Content) -> Option<String> {
    let names: String = content
        .rules
        .iter()
        .chain(&content.rule)
        .map(|name| rule_name(name))
        .collect();
    (!names.is_empty()).then_some(names)
}
