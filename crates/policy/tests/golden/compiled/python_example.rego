# Compiled from python_example.yaml by Kite Logik: change the rules there, not here.
package kitelogik.userpolicy

# block_high_refunds
yaml_fired contains {
	"name": "block_high_refunds",
	"then": "deny",
	"reason": "Refunds over $1000 require escalation",
} if {
	input.action == "approve_refund"
	not yaml_python_example_at_most(object.get(input, ["args", "amount"], null), 1000)
}

# allow_read_ops
yaml_fired contains {
	"name": "allow_read_ops",
	"then": "allow",
	"risk_tier": "INFORMATIONAL",
} if {
	input.action in {"read_customer", "list_transactions"}
	"read_customer" in input.context.session_scopes
}

# block_file_writes_outside_tmp
yaml_fired contains {
	"name": "block_file_writes_outside_tmp",
	"then": "deny",
	"reason": "File writes restricted to /tmp",
} if {
	input.action == "write_file"
	not object.get(input, ["args", "path"], null) in {"/tmp"}
}

# allow_support_low_refunds
yaml_fired contains {
	"name": "allow_support_low_refunds",
	"then": "allow",
	"risk_tier": "TRANSACTIONAL_LOW",
} if {
	input.action == "approve_refund"
	input.context.user_role in {"support_agent", "manager"}
	"approve_refund_under_100" in input.context.session_scopes
	yaml_python_example_at_least(input.args.amount, 0)
	yaml_python_example_at_most(input.args.amount, 100)
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

risk_tiers contains tier if {
	some rule in yaml_fired
	tier := rule.risk_tier
}

rules contains rule.name if some rule in yaml_fired

# The actions that rules name, for what `otherwise` says here or in another file.
yaml_action_named if input.action in {
	"approve_refund",
	"list_transactions",
	"read_customer",
	"write_file",
}

# What is known of a value. Each is true only of a value that it can judge, so that a rule that must be certain says
# `yaml_python_example_at_most(v, 100)`, and one that must not be evaded `not yaml_python_example_at_most(v, 100)`.

# A value of the limit's type, and not below it.
yaml_python_example_at_least(value, limit) if {
	type_name(value) == type_name(limit)
	value >= limit
}

# A value of the limit's type, and not above it.
yaml_python_example_at_most(value, limit) if {
	type_name(value) == type_name(limit)
	value <= limit
}
