# Compiled from python_financial_refunds.yaml by Kite Logik: change the rules there, not here.
package kitelogik.userpolicy

# allow_small_refunds
yaml_fired contains {
	"name": "allow_small_refunds",
	"then": "allow",
} if {
	input.action == "approve_refund"
	input.context.user_role in {"support_agent", "refund_specialist", "manager"}
	"process_refunds" in input.context.session_scopes
	yaml_python_financial_refunds_at_least(input.args.amount, 0)
	yaml_python_financial_refunds_at_most(input.args.amount, 50)
}

# review_mid_refunds
yaml_fired contains {
	"name": "review_mid_refunds",
	"then": "hitl",
	"reason": "Refunds between 50 and 500 require a human reviewer",
} if {
	input.action == "approve_refund"
	not yaml_python_financial_refunds_at_most(object.get(input, ["args", "amount"], null), 50)
	not yaml_python_financial_refunds_above(object.get(input, ["args", "amount"], null), 500)
}

# block_large_refunds
yaml_fired contains {
	"name": "block_large_refunds",
	"then": "deny",
	"reason": "Refunds over 500 go through the finance team, not an agent",
} if {
	input.action == "approve_refund"
	not yaml_python_financial_refunds_at_most(object.get(input, ["args", "amount"], null), 500)
}

# block_sanctioned_destination
yaml_fired contains {
	"name": "block_sanctioned_destination",
	"then": "deny",
	"reason": "Refund destination is a sanctioned jurisdiction",
} if {
	input.action == "approve_refund"
	input.args.destination_country != null
	not yaml_python_financial_refunds_outside(object.get(input, ["args", "destination_country"], null), {"IR", "KP", "SY", "RU"})
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

rules contains rule.name if some rule in yaml_fired

# The actions that rules name, for what `otherwise` says here or in another file.
yaml_action_named if input.action in {
	"approve_refund",
}

# What is known of a value. Each is true only of a value that it can judge, so that a rule that must be certain says
# `yaml_python_financial_refunds_at_most(v, 100)`, and one that must not be evaded `not yaml_python_financial_refunds_at_most(v, 100)`.

# A value of the limit's type, and above it.
yaml_python_financial_refunds_above(value, limit) if {
	type_name(value) == type_name(limit)
	value > limit
}

# A value of the limit's type, and not below it.
yaml_python_financial_refunds_at_least(value, limit) if {
	type_name(value) == type_name(limit)
	value >= limit
}

# A value of the limit's type, and not above it.
yaml_python_financial_refunds_at_most(value, limit) if {
	type_name(value) == type_name(limit)
	value <= limit
}

# A value of a type that is among the items, and none of them.
yaml_python_financial_refunds_outside(value, items) if {
	type_name(value) in {type_name(item) | some item in items}
	not value in items
}
