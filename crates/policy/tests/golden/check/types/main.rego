package kitelogik.userpolicy

# Null passes.
allow if {
	input.action == "approve_refund"
	input.args.amount <= 50
}

# A text passes.
allow if {
	input.action == "approve_refund"
	amount := input.args.amount
	amount > 5
}

allow if small

# In a rule that allows.
small if 100 >= input.args.amount

# Both ends, or a guard: nothing else passes.
allow if {
	input.action == "approve_refund"
	input.args.amount > 0
	input.args.amount <= 50
}

allow if {
	input.action == "approve_refund"
	is_number(input.args.amount)
	input.args.amount <= 50
}

deny contains "too much" if input.args.amount > 500

deny contains "outside" if not startswith(input.args.path, "/srv/")

deny contains "not one of these" if not input.args.country in {"DE", "FR"}

# An equality is true under `not` where there is nothing.
deny contains "no" if not input.args.country == "DE"

allow if regex.match(`[a-z]+`, input.args.name)

allow if regex.match(`^[a-z]+$`, input.args.name)

deny contains "a class within a class" if regex.match(`[a-z&&[^aeiou]]`, input.args.name)
