# Refunds of up to $100 for whoever holds the scope, up to $1,000 with a person's approval, above that for nobody.
package kitelogik.userpolicy

allow if {
	input.action in {"get_customer", "list_transactions"}
	"read_customer" in input.context.session_scopes
}

allow if {
	small_refund
	"approve_refund" in input.context.session_scopes
}

hitl contains "refunds over $100 need a person's approval" if {
	refund
	is_number(input.args.amount)
	input.args.amount > 100
}

deny contains "refunds over $1,000 are not made by an agent" if {
	refund
	is_number(input.args.amount)
	input.args.amount > 1000
}

# Written so that it fires where the amount is missing.
deny contains "a refund needs an amount above 0" if {
	refund
	not sensible_amount
}

deny contains "this session may not refund" if {
	refund
	not scoped
}

risk_tiers contains "TRANSACTIONAL_LOW" if small_refund

risk_tiers contains "TRANSACTIONAL_HIGH" if {
	refund
	not small_refund
}

rules contains "small_refund" if small_refund

rules contains "large_refund" if {
	refund
	not small_refund
}

refund if input.action == "approve_refund"

sensible_amount if {
	is_number(input.args.amount)
	input.args.amount > 0
}

small_refund if {
	refund
	sensible_amount
	is_number(input.args.amount)
	input.args.amount <= 100
}

scoped if "approve_refund" in input.context.session_scopes
