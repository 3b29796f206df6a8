# What a delegate may not do: a session that another session started (`context.delegation_depth` above 0).
#
# * `delegation.depth_unreadable`: the depth is there and no whole number from 0 up. `null` counts as there. A call without
#   a depth is one of a session that nobody started.
# * `delegation.depth`: deeper than `max_depth` nothing is done at all.
# * `delegation.action`: an action, or a tool, that `children` names, at `blocked_from_depth` or deeper.
# * `delegation.argument`: an argument of such an action that `children` gives a `max` for, and that is no number from 0 to it.
#
# Nothing in this package allows anything. Limits: `data.kitelogik.limits.delegation`.
package kitelogik.delegation

deny contains sentences[name] if some name in findings

deny contains concat("", ["a delegated agent may not do this with such an argument: ", argument]) if {
	some argument in excessive
}

rules contains concat("", ["delegation.", name]) if some name in findings

rules contains "delegation.argument" if count(excessive) > 0

risk_tiers contains "SECURITY_CRITICAL" if count(deny) > 0

sentences := {
	"action": "a delegated agent may not do this",
	"depth": "this agent was delegated to over too many steps",
	"depth_unreadable": "the delegation depth cannot be read",
	"limits": "the delegation limits are not loaded",
}

limits := data.kitelogik.limits.delegation

findings contains "limits" if not limits.max_depth

findings contains "limits" if not limits.children

findings contains "depth_unreadable" if {
	depth := input.context.delegation_depth
	not whole(depth)
}

findings contains "depth" if {
	is_number(input.context.delegation_depth)
	input.context.delegation_depth > limits.max_depth
}

findings contains "action" if {
	some limit in narrower
	input.context.delegation_depth >= limit.blocked_from_depth
}

excessive contains argument if {
	some limit in narrower
	some argument, max in limit.max
	value := given(argument)
	not within(value, max)
}

narrower contains limit if {
	is_number(input.context.delegation_depth)
	input.context.delegation_depth > 0
	some name in [object.get(input, "action", null), object.get(input, "tool_name", null)]
	limit := limits.children[name]
}

given(argument) := value if value := input.args[argument]

else := null

within(value, max) if {
	is_number(value)
	value >= 0
	value <= max
}

whole(depth) if {
	is_number(depth)
	depth >= 0
	floor(depth) == depth
}
