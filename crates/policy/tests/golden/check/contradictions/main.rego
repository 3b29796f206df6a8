package kitelogik.userpolicy

# Two constants at once.
allow if {
	input.action == "approve_refund"
	input.action == "get_customer"
}

allow if {
	input.action in {"a", "b"}
	"c" == input.action
}

deny contains "an empty range" if {
	input.args.amount > 500
	input.args.amount < 100
}

deny contains "a type and a constant" if {
	name := input.args.name
	is_number(name)
	name == "mallory"
}

deny contains "switched off" if false

deny contains "constants" if 1 > 2

hitl contains "there and not there" if {
	input.args.note
	not input.args.note
}

hitl contains "within a comprehension" if {
	count([step | some step in input.steps; step.action == "a"; step.action == "b"]) > 0
}

# Values that exclude each other.
default level := "low"

default level := "none"

level := "high" if input.args.amount > 100

level := "top" if {
	input.args.amount > 100
	input.action == "approve_refund"
}

hitl contains level if level == "high"

deny if input.action == "delete_customer"

risk_tiers contains tier if tier := loop(input.args.amount)

loop(n) := n if other(n)

other(n) if loop(n) > 0
