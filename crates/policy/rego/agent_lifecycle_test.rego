package kitelogik.agent_lifecycle_test

import data.kitelogik.agent_lifecycle

test_a_session_spawns_to_its_depth if {
	every depth in [0, 1, 2] {
		agent_lifecycle.allow with input as event("agent.spawn", depth, ["read"])
		count(agent_lifecycle.deny) == 0 with input as event("agent.spawn", depth, ["read"])
	}
	agent_lifecycle.rules == {"agent_lifecycle.depth"} with input as event("agent.spawn", 3, ["read"])
}

test_a_session_delegates_to_its_depth if {
	every depth in [0, 1] {
		agent_lifecycle.allow with input as event("agent.delegate", depth, ["read", "write"])
	}
	agent_lifecycle.rules == {"agent_lifecycle.depth"} with input as event("agent.delegate", 2, ["read"])
}

test_a_depth_that_is_missing_or_no_whole_number_is_denied if {
	every kind in ["agent.spawn", "agent.delegate"] {
		every depth in [null, "0", true, false, [], {}, -1, 0.5] {
			agent_lifecycle.rules == {"agent_lifecycle.depth_unreadable"} with input as event(kind, depth, ["read"])
			not agent_lifecycle.allow with input as event(kind, depth, ["read"])
		}
		agent_lifecycle.rules == {"agent_lifecycle.depth_unreadable"} with input as {
			"event_type": kind, "requested_capabilities": [], "context": {"session_scopes": []},
		}
	}
}

test_a_capability_must_be_among_the_scopes if {
	agent_lifecycle.rules == {"agent_lifecycle.capability"} with input as event("agent.spawn", 0, ["read", "delete"])
	agent_lifecycle.deny == {"requested capability is not among this session's scopes: delete"} with input as event("agent.delegate", 0, ["delete"])
	not agent_lifecycle.allow with input as event("agent.spawn", 0, ["read", "delete"])
}

test_no_capability_is_held_without_scopes if {
	every scopes in [null, "read", {"a": "read"}, {"read": true}, 1, []] {
		denied := object.union(event("agent.spawn", 0, ["read"]), {"context": {"session_scopes": scopes}})
		agent_lifecycle.rules == {"agent_lifecycle.capability"} with input as denied
	}
	agent_lifecycle.rules == {"agent_lifecycle.capability"} with input as {
		"event_type": "agent.spawn", "requested_capabilities": ["read"], "context": {"delegation_depth": 0},
	}
}

test_capabilities_must_be_a_list if {
	every capabilities in [null, "read", {"a": "read"}, 1] {
		agent_lifecycle.rules["agent_lifecycle.capabilities_unreadable"] with input as event("agent.spawn", 0, capabilities)
		not agent_lifecycle.allow with input as event("agent.spawn", 0, capabilities)
	}
	agent_lifecycle.rules == {"agent_lifecycle.capabilities_unreadable"} with input as {
		"event_type": "agent.spawn", "context": {"delegation_depth": 0, "session_scopes": []},
	}
}

test_a_capability_that_is_no_text_is_denied if {
	agent_lifecycle.deny == {"requested capability is not among this session's scopes: (no text)"} with input as event("agent.spawn", 0, [null])
}

test_nothing_may_be_asked_for if {
	agent_lifecycle.allow with input as event("agent.spawn", 0, [])
}

test_of_other_events_it_says_nothing if {
	every kind in ["tool_call", "agent.plan", "agent.budget", null, ""] {
		agent_lifecycle.allow == false with input as event(kind, 9, ["delete"])
		count(agent_lifecycle.deny) == 0 with input as event(kind, 9, ["delete"])
	}
	agent_lifecycle.allow == false with input as {"action": "agent.spawn", "context": {"delegation_depth": 0}}
}

test_limits_are_data if {
	limits := {"max_spawn_depth": 0, "max_delegate_depth": 3}
	agent_lifecycle.rules == {"agent_lifecycle.depth"} with input as event("agent.spawn", 1, [])
		with data.kitelogik.limits.agent_lifecycle as limits
	agent_lifecycle.allow with input as event("agent.delegate", 3, [])
		with data.kitelogik.limits.agent_lifecycle as limits
}

test_without_limits_everything_is_denied if {
	agent_lifecycle.deny == {"the limits for starting agents are not loaded"} with input as event("agent.spawn", 0, [])
		with data.kitelogik.limits as {}
}

event(kind, depth, capabilities) := {
	"event_type": kind, "action": kind, "tool_name": null, "args": {}, "resource_path": null,
	"requested_capabilities": capabilities, "delegation_target": null, "steps": [],
	"context": {"session_id": "example_01", "session_scopes": ["read", "write"], "delegation_depth": depth},
}
