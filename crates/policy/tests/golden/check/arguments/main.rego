package kitelogik.userpolicy

allow if count(input.args.names, 2, 3) == 1

allow if time.now_ns(1, 2) > 0

# One more argument takes the result.
allow if {
	count(input.args.names, n)
	n == 1
}

deny contains "no" if data.team.limit(1, 2, 3)
