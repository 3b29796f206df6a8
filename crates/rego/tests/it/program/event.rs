//! Random events.

use kitelogik_core::{
    AgentDelegate, AgentSpawn, Arguments, DataClassification, GovernanceEvent, SessionContext,
    ToolCallInput,
};
use serde_json::{Map, Value, json};

pub(crate) const ACTIONS: [&str; 4] = ["pay", "read", "write", "other"];

/// The same numbers on every run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(count).unwrap()).unwrap()
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

fn value(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth > 0 { 14 } else { 11 }) {
        0 => json!(null),
        1 => json!(random.chance(50)),
        2..=4 => json!(i64::try_from(random.below(5)).unwrap() - 1),
        5 => json!(2.5),
        6 => json!(1.0),
        7 => json!(9_007_199_254_740_993_u64),
        8..=10 => json!(random.pick(&["a", "b", "ab", "", "pay", "B", "1", "ß", "٣"])),
        11 => json!([value(random, depth - 1), value(random, depth - 1)]),
        12 => json!({"a": value(random, depth - 1), "b": value(random, depth - 1)}),
        _ => json!([]),
    }
}

pub(crate) fn event(random: &mut Random) -> (GovernanceEvent, SessionContext) {
    let mut context =
        SessionContext::new(random.pick(&["s1", "s2"])).role(random.pick(&["a", "clerk"]));
    let scopes: Vec<String> = (0..random.below(4))
        .map(|_| random.pick(&["a", "b", "ab", "pay", "1"]).to_owned())
        .collect();
    context = context.scopes(scopes);
    if random.chance(30) {
        context = context.tenant("a");
    }
    if random.chance(30) {
        context = context.budget_tokens(u64::try_from(random.below(4)).unwrap());
    }
    context.delegation_depth = match random.below(4) {
        0 => None,
        depth => Some(u32::try_from(depth - 1).unwrap()),
    };
    let action = random.pick(&ACTIONS).to_owned();
    if random.chance(10) {
        let capabilities: Vec<String> = (0..random.below(3)).map(|_| "a".to_owned()).collect();
        let event = if random.chance(50) {
            GovernanceEvent::AgentSpawn(AgentSpawn {
                action: random.chance(50).then_some(action),
                requested_capabilities: capabilities,
                ..AgentSpawn::default()
            })
        } else {
            GovernanceEvent::AgentDelegate(AgentDelegate {
                action: random.chance(50).then_some(action),
                delegation_target: random.chance(50).then(|| "b".to_owned()),
                requested_capabilities: capabilities,
                ..AgentDelegate::default()
            })
        };
        return (event, context);
    }
    let mut args = Map::new();
    for name in ["x", "y"] {
        if random.chance(80) {
            args.insert(name.to_owned(), value(random, 2));
        }
    }
    if random.chance(80) {
        let items: Vec<Value> = (0..random.below(4)).map(|_| value(random, 1)).collect();
        args.insert("list".to_owned(), json!(items));
    }
    if random.chance(80) {
        let mut object = Map::new();
        for name in ["a", "b", "1"] {
            if random.chance(60) {
                object.insert(name.to_owned(), value(random, 1));
            }
        }
        args.insert("object".to_owned(), Value::Object(object));
    }
    let event = GovernanceEvent::ToolCall(ToolCallInput {
        tool_name: if random.chance(80) {
            action.clone()
        } else {
            "a".to_owned()
        },
        action,
        args: Arguments::from(args),
        resource_path: random.chance(30).then(|| "/srv/a".to_owned()),
        data_classification: random.chance(20).then_some(DataClassification::Internal),
    });
    (event, context)
}
