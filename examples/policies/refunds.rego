# Who may refund how much. Everything that no rule allows is refused.
package kitelogik.userpolicy

import rego.v1

allow if {
	input.action == "get_customer"
	"read_customer" in input.context.session_scopes
}

allow if {
	input.action == "approve_refund"
	"approve_refund_under_100" in input.context.session_scopes
	is_number(input.args.amount)
	input.args.amount > 0
	input.args.amount <= 100
}

# A person looks at what lies between the two limits.
hitl contains "Refunds between $100 and $200 need a second pair of eyes" if {
	input.action == "approve_refund"
	input.args.amount > 100
	input.args.amount <= 200
}

deny contains "Refunds over $200 require manager approval" if {
	input.action == "approve_refund"
	input.args.amount > 200
}

deny contains "The amount of a refund must be a number" if {
	input.action == "approve_refund"
	not is_number(object.get(input.args, "amount", null))
}
