package kitelogik.userpolicy

allow if {
	input.action == "aprove_refund"
}

allow if {
	input.tool_name in {"get_customer", "read_filee"}
}

# The schema promises a number.
allow if {
	input.action == "approve_refund"
	input.args.amount <= 50
}

deny contains "no such argument" if {
	input.action == "approve_refund"
	input.args.amuont > 500
}

deny contains "never of this type" if {
	input.action == "approve_refund"
	input.args.amount == "500"
}

deny contains "no tool has it" if input.args.colour == "red"
