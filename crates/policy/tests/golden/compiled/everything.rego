# Compiled from everything.yaml by Kite Logik: change the rules there, not here.
package kitelogik.userpolicy

# allow_everything: Orders that are whole
yaml_fired contains {
	"name": "allow_everything",
	"then": "allow",
	"risk_tier": "TRANSACTIONAL_LOW",
} if {
	input.action in {"create_order", "change_order"}
	object.get(input, "event_type", "tool_call") in {"tool_call", "agent.spawn"}
	input.context.user_role == "clerk"
	"read_orders" in input.context.session_scopes
	"write_orders" in input.context.session_scopes
	input.context.tenant_id in {"acme", "umbrella"}
	yaml_everything_path(input.resource_path, "^(?:/srv/orders/[^/]+(?:/[^/]+)*/?|https://[0-9A-Za-z.-]*\\.example\\.com/v1/orders/[^/]+)$")
	input.args.customer.id == "cust_001"
	yaml_everything_other(input.args.note, "secret")
	yaml_everything_above(input.args.amount, 0)
	yaml_everything_at_least(input.args.amount, 0.01)
	yaml_everything_below(input.args.amount, 1000)
	yaml_everything_at_most(input.args.amount, 999.99)
	input.args.currency in {"EUR", "USD"}
	yaml_everything_outside(input.args.country, {"IR", "KP"})
	yaml_everything_holds(input.args.tags, "paid")
	yaml_everything_lacks(input.args.tags, "blocked")
	yaml_everything_starts_with(input.args.number, "ord_")
	yaml_everything_ends_with(input.args.number, "_eu")
	yaml_everything_matches(input.args.number, "^ord_[0-9]{6}_eu$")
	object.get(input, ["args", "draft"], null) == null
	input.args.count != null
	is_number(input.args.count)
	type_name(input.args.size) in {"string", "number"}
	input.args.rush == true
}

# deny_everything
yaml_fired contains {
	"name": "deny_everything",
	"then": "deny",
	"reason": "Never \"everything\"\n\\ at once",
	"risk_tier": "DESTRUCTIVE",
} if {
	input.action in {"create_order", "change_order"}
	object.get(input, "event_type", "tool_call") in {"tool_call", "agent.spawn"}
	input.context.user_role != null
	not yaml_everything_other(object.get(input, ["context", "user_role"], null), "clerk")
	input.context.session_scopes != null
	not yaml_everything_lacks(object.get(input, ["context", "session_scopes"], null), "read_orders")
	not yaml_everything_lacks(object.get(input, ["context", "session_scopes"], null), "write_orders")
	input.context.tenant_id != null
	not yaml_everything_outside(object.get(input, ["context", "tenant_id"], null), {"acme", "umbrella"})
	input.resource_path != null
	not yaml_everything_other_path(object.get(input, "resource_path", null), "^(?:/srv/orders/[^/]+(?:/[^/]+)*/?|https://[0-9A-Za-z.-]*\\.example\\.com/v1/orders/[^/]+)$")
	not yaml_everything_without(object.get(input, "args", null), "customer")
	not yaml_everything_without(object.get(input, ["args", "customer"], null), "id")
	not yaml_everything_other(object.get(input, ["args", "customer", "id"], null), "cust_001")
	not object.get(input, ["args", "note"], null) == "secret"
	not yaml_everything_at_most(object.get(input, ["args", "amount"], null), 0)
	not yaml_everything_below(object.get(input, ["args", "amount"], null), 0.01)
	not yaml_everything_at_least(object.get(input, ["args", "amount"], null), 1000)
	not yaml_everything_above(object.get(input, ["args", "amount"], null), 999.99)
	input.args.currency != null
	not yaml_everything_outside(object.get(input, ["args", "currency"], null), {"EUR", "USD"})
	not object.get(input, ["args", "country"], null) in {"IR", "KP"}
	input.args.tags != null
	not yaml_everything_lacks(object.get(input, ["args", "tags"], null), "paid")
	not yaml_everything_holds(object.get(input, ["args", "tags"], null), "blocked")
	input.args.number != null
	not yaml_everything_starts_otherwise(object.get(input, ["args", "number"], null), "ord_")
	not yaml_everything_ends_otherwise(object.get(input, ["args", "number"], null), "_eu")
	not yaml_everything_matches_not(object.get(input, ["args", "number"], null), "^ord_[0-9]{6}_eu$")
	object.get(input, ["args", "draft"], null) == null
	input.args.count != null
	is_number(input.args.count)
	type_name(input.args.size) in {"string", "number"}
	input.args.rush != null
	not yaml_everything_other(object.get(input, ["args", "rush"], null), true)
}

# review what is not plain
yaml_fired contains {
	"name": "review what is not plain",
	"then": "hitl",
	"reason": "review what is not plain",
} if {
	input.action == "delete_order"
	yaml_any_43235be9f144379b
}

yaml_all_f5e2bf881f398418 if {
	input.context.user_role == "manager"
	"delete_orders" in input.context.session_scopes
}

yaml_any_43235be9f144379b if {
	input.context.user_role != null
	not yaml_everything_other(object.get(input, ["context", "user_role"], null), "intern")
}

yaml_any_43235be9f144379b if {
	not yaml_all_f5e2bf881f398418
}

yaml_any_43235be9f144379b if {
	not yaml_everything_without(object.get(input, "args", null), "order")
	not yaml_everything_without(object.get(input, ["args", "order"], null), "customer")
	not yaml_everything_without(object.get(input, ["args", "order", "customer"], null), "tier")
	not yaml_everything_other(object.get(input, ["args", "order", "customer", "tier"], null), "gold")
	not yaml_everything_matches(object.get(input, ["args", "reason"], null), "refund")
}

# The answer: what the rules that fired say.

allow if {
	some rule in yaml_fired
	rule.then == "allow"
}

deny contains rule.reason if {
	some rule in yaml_fired
	rule.then == "deny"
}

hitl contains rule.reason if {
	some rule in yaml_fired
	rule.then == "hitl"
}

risk_tiers contains tier if {
	some rule in yaml_fired
	tier := rule.risk_tier
}

rules contains rule.name if some rule in yaml_fired

# Otherwise: hitl.

hitl contains "no rule names this action" if {
	object.get(input, "event_type", "tool_call") == "tool_call"
	not yaml_action_named
}

# The actions that rules name, for what `otherwise` says here or in another file.
yaml_action_named if input.action in {
	"change_order",
	"create_order",
	"delete_order",
}

# What is known of a value. Each is true only of a value that it can judge, so that a rule that must be certain says
# `yaml_everything_at_most(v, 100)`, and one that must not be evaded `not yaml_everything_at_most(v, 100)`.

# A value of the limit's type, and above it.
yaml_everything_above(value, limit) if {
	type_name(value) == type_name(limit)
	value > limit
}

# A value of the limit's type, and not below it.
yaml_everything_at_least(value, limit) if {
	type_name(value) == type_name(limit)
	value >= limit
}

# A value of the limit's type, and below it.
yaml_everything_below(value, limit) if {
	type_name(value) == type_name(limit)
	value < limit
}

# A value of the limit's type, and not above it.
yaml_everything_at_most(value, limit) if {
	type_name(value) == type_name(limit)
	value <= limit
}

# A value of the same type, and not the same.
yaml_everything_other(value, same) if {
	type_name(value) == type_name(same)
	value != same
}

# A value of a type that is among the items, and none of them.
yaml_everything_outside(value, items) if {
	type_name(value) in {type_name(item) | some item in items}
	not value in items
}

# A text with this part, or an array with this member.
yaml_everything_holds(value, part) if {
	is_string(value)
	is_string(part)
	contains(value, part)
}

yaml_everything_holds(value, part) if {
	is_array(value)
	part in value
}

# A text without this part, or an array of members of its type without this one.
yaml_everything_lacks(value, part) if {
	is_string(value)
	is_string(part)
	not contains(value, part)
}

yaml_everything_lacks(value, part) if {
	is_array(value)
	every member in value {
		type_name(member) == type_name(part)
		member != part
	}
}

# A text with this beginning.
yaml_everything_starts_with(value, text) if {
	is_string(value)
	startswith(value, text)
}

# A text with another beginning.
yaml_everything_starts_otherwise(value, text) if {
	is_string(value)
	not startswith(value, text)
}

# A text with this end.
yaml_everything_ends_with(value, text) if {
	is_string(value)
	endswith(value, text)
}

# A text with another end.
yaml_everything_ends_otherwise(value, text) if {
	is_string(value)
	not endswith(value, text)
}

# A text in which the pattern is found.
yaml_everything_matches(value, pattern) if {
	is_string(value)
	regex.match(pattern, value)
}

# A text in which the pattern is not found.
yaml_everything_matches_not(value, pattern) if {
	is_string(value)
	not regex.match(pattern, value)
}

# A normal path that matches.
yaml_everything_path(path, pattern) if {
	yaml_everything_normal(path)
	regex.match(pattern, path)
}

# A normal path that does not match.
yaml_everything_other_path(path, pattern) if {
	yaml_everything_normal(path)
	not regex.match(pattern, path)
}

# A path, or URL, that leads where it says: no `..`, no `.` as a part, no `//` but that of a URL, no percent-encoding,
# backslash, control or invisible character, and no `file:`.
yaml_everything_normal(path) if {
	is_string(path)
	not regex.match(`(?i)^file:`, path)
	not regex.match(
		`//|\.\.|(?:^|/)\.(?:/|$)|[%\\\x00-\x1f\x7f-\x9f\x{ad}\x{61c}\x{180e}\x{200b}-\x{200f}\x{2028}-\x{202e}\x{2060}-\x{206f}\x{feff}\x{fff9}-\x{fffb}\x{e0000}-\x{e007f}]`,
		regex.replace(path, `^[A-Za-z][0-9A-Za-z+.-]*://`, ""),
	)
}

# An object that has nothing at this key, or null.
yaml_everything_without(value, key) if {
	is_object(value)
	object.get(value, key, null) == null
}
