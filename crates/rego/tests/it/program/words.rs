//! What random policies are made of.

pub(super) const SCALARS: [&str; 23] = [
    "0",
    "1",
    "2",
    "-1",
    "1.0",
    "2.5",
    "9007199254740993",
    "\"a\"",
    "\"b\"",
    "\"ab\"",
    "\"\"",
    "\"pay\"",
    "true",
    "false",
    "null",
    "\"B\"",
    "\"1\"",
    "100",
    "0.1",
    "0.3",
    "1.1",
    "3.3",
    "110",
];

pub(super) const COLLECTIONS: [&str; 10] = [
    "[1, \"a\", 2.5]",
    "[]",
    "{\"a\": 1, \"b\": \"a\"}",
    "{}",
    "{1, \"a\", \"b\"}",
    "set()",
    "[\"a\", \"b\", \"ab\"]",
    "{\"a\", \"b\", \"pay\"}",
    "[[1, 2], [\"a\", 1]]",
    "{\"a\": {\"a\": 1}, \"b\": [1, \"a\"]}",
];

pub(super) const REFERENCES: [&str; 30] = [
    "input.args.x",
    "input.args.y",
    "input.args.list",
    "input.args.list[0]",
    "input.args.object",
    "input.args.object.a",
    "input.args.object[\"b\"]",
    "input.args.missing",
    "input.args",
    "input.action",
    "input.tool_name",
    "input.event_type",
    "input.resource_path",
    "input.data_classification",
    "input.context.user_role",
    "input.context.session_scopes",
    "input.context.session_scopes[1]",
    "input.context.delegation_depth",
    "input.context.tenant_id",
    "input.context.budget_total_tokens",
    "input.requested_capabilities",
    "input.context",
    "input.nothing.at.all",
    "data.table.number",
    "data.table.names",
    "data.table.nested.a",
    "data.table.missing",
    "table.names",
    "data.lib.known",
    "data.lib.texts",
];

/// What may fail with an error, as often as not.
pub(super) const ONE: [&str; 22] = [
    "count",
    "is_string",
    "is_number",
    "is_array",
    "is_object",
    "is_set",
    "is_null",
    "is_boolean",
    "type_name",
    "lower",
    "upper",
    "to_number",
    "abs",
    "sum",
    "max",
    "sort",
    "json.marshal",
    "base64.encode",
    "trim_space",
    "data.lib.twice",
    "lib.kind",
    "data.lib.other",
];

pub(super) const TWO: [&str; 15] = [
    "contains",
    "startswith",
    "endswith",
    "concat",
    "split",
    "trim",
    "array.concat",
    "union_of",
    "regex.match",
    "data.lib.pair",
    "lib.pair",
    "object.union",
    "sprintf",
    "indexof",
    "bits.and",
];

/// Calls with one operand, where `{}` stands.
pub(super) const CALLS: [&str; 44] = [
    "array.reverse({})",
    "array.slice({}, 0, 2)",
    "base64.decode({})",
    "base64url.encode({})",
    "bits.or({}, 3)",
    "ceil({})",
    "floor({})",
    "format_int({}, 10)",
    "glob.match(\"a*\", [], {})",
    "glob.match(\"?.*\", [\".\"], {})",
    "hex.encode({})",
    "intersection({{1, 2}, {}})",
    "json.unmarshal({})",
    "json.is_valid({})",
    "min({})",
    "net.cidr_contains(\"10.0.0.0/8\", {})",
    "numbers.range(0, {})",
    "object.filter({}, [\"a\"])",
    "object.keys({})",
    "object.remove({}, [\"a\"])",
    "object.subset({}, {\"a\": 1})",
    "product({})",
    "regex.find_n(\"[a-b]\", {}, 2)",
    "regex.is_valid({})",
    "regex.replace({}, \"[ab]\", \"x\")",
    "regex.split(\"a\", {})",
    "replace({}, \"a\", \"b\")",
    "round({})",
    "semver.compare(\"1.0.0\", {})",
    "semver.is_valid({})",
    "sprintf(\"%d %s\", [{}, {}])",
    "strings.count({}, \"a\")",
    "strings.any_prefix_match({}, [\"a\", \"p\"])",
    "strings.reverse({})",
    "substring({}, 0, 1)",
    "time.parse_rfc3339_ns({})",
    "trim_left({}, \"a\")",
    "trim_prefix({}, \"a\")",
    "trim_suffix({}, \"b\")",
    "union({{1, 2}, {}})",
    "units.parse({})",
    "urlquery.encode({})",
    "urlquery.decode({})",
    "({} & {1, \"a\"})",
];

pub(super) const LIBRARY: &str = r#"
package lib

known := 3

texts contains text if some text in ["a", "b", input.action]

acted if input.action == "pay"

acted if input.action in {"read", "other"}

listed if input.tool_name in data.table.names

named[name] := length if {
	some name in input.context.session_scopes
	length := count(name)
}

twice(x) := x * 2 if is_number(x)

else := concat("", [x, x]) if is_string(x)

kind("a") := "letter a"

kind(x) := "number" if is_number(x)

kind([x, _]) := x

default other(_) := "nothing"

other(x) := input.args.x if x == 1

pair(x, y) if x == y

pair(x, y) := [y, x] if x != y
"#;
