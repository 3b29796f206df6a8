# Which agents a session may start (`agent.spawn`) and hand work to (`agent.delegate`).
#
# * `agent_lifecycle.depth_unreadable`: the session's own depth is missing or no whole number from 0 up. It is never filled in.
# * `agent_lifecycle.depth`: the session is deeper than `max_spawn_depth` or `max_delegate_depth`.
# * `agent_lifecycle.capabilities_unreadable`: `requested_capabilities` is missing or no list.
# * `agent_lifecycle.capability`: one of them is not among the session's scopes.
#
# `allow` is true where none of that is found; it speaks of these two events only.
# Limits: `data.kitelogik.limits.agent_lifecycle`.
package kitelogik.agent_lifecycle

default allow := false

allow if {
	concerned
	count(deny) == 0
}

deny contains sentences[name] if some name in findings

deny contains concat("", ["requested capability is not among this session's scopes: ", shown(capability)]) if {
	some capability in excessive
}

rules contains concat("", ["agent_lifecycle.", name]) if some name in findings

rules contains "agent_lifecycle.capability" if count(excessive) > 0

risk_tiers contains "SECURITY_CRITICAL" if count(deny) > 0

sentences := {
	"capabilities_unreadable": "the requested capabilities cannot be read",
	"depth": "this agent was delegated to over too many steps to start or direct another",
	"depth_unreadable": "the delegation depth cannot be read",
	"limits": "the limits for starting agents are not loaded",
}

concerned if input.event_type in {"agent.spawn", "agent.delegate"}

findings contains "limits" if {
	concerned
	not max_depth
}

findings contains "depth_unreadable" if {
	concerned
	not readable_depth
}

findings contains "depth" if {
	readable_depth
	input.context.delegation_depth > max_depth
}

findings contains "capabilities_unreadable" if {
	concerned
	not is_array(object.get(input, "requested_capabilities", null))
}

excessive contains capability if {
	concerned
	is_array(input.requested_capabilities)
	some capability in input.requested_capabilities
	not held(capability)
}

held(capability) if {
	is_array(input.context.session_scopes)
	capability in input.context.session_scopes
}

shown(capability) := capability if is_string(capability)

else := "(no text)"

max_depth := data.kitelogik.limits.agent_lifecycle.max_spawn_depth if input.event_type == "agent.spawn"

max_depth := data.kitelogik.limits.agent_lifecycle.max_delegate_depth if input.event_type == "agent.delegate"

readable_depth if {
	is_number(input.context.delegation_depth)
	input.context.delegation_depth >= 0
	floor(input.context.delegation_depth) == input.context.delegation_depth
}
