package kitelogik.main_test

import data.kitelogik.main

test_nothing_built_in_allows if {
	main.allow == false with input as call({})
	count(main.deny) == 0 with input as call({})
	main.requires_hitl == false with input as call({})
}

test_a_user_rule_allows if {
	main.allow == true with input as call({}) with data.kitelogik.userpolicy as {"allow": true}
}

test_a_deny_leaves_no_allow if {
	main.allow == false with input as call({})
		with data.kitelogik.userpolicy as {"allow": true, "deny": {"not this"}}
}

test_a_deny_set_object_list_and_boolean if {
	some answer in [{"not this"}, {"not this": true}, ["not this"]]
	main.deny == {"not this"} with input as call({}) with data.kitelogik.userpolicy as {"deny": answer}
}

test_a_boolean_deny_has_a_reason if {
	main.deny == {"denied by policy"} with input as call({}) with data.kitelogik.userpolicy as {"deny": true}
	main.deny == {"not this"} with input as call({})
		with data.kitelogik.userpolicy as {"deny": true, "deny_reason": {"not this"}}
}

test_what_is_no_reason_is_handed_on_for_the_gate_to_refuse if {
	every answer in ["not this", 0, null, {"not this": false}] {
		some reason in main.deny with input as call({}) with data.kitelogik.userpolicy as {"deny": answer}
		not is_string(reason)
	}
}

test_a_review_is_asked_for_beside_an_allow if {
	main.requires_hitl == true with input as call({})
		with data.kitelogik.userpolicy as {"allow": true, "hitl": {"look at it"}}
	main.hitl_reason == {"look at it"} with input as call({})
		with data.kitelogik.userpolicy as {"allow": true, "hitl": {"look at it"}}
}

test_security_beats_an_allow if {
	document := main with input as call({"resource_path": ".env"}) with data.kitelogik.userpolicy as {"allow": true}
	document.allow == false
	document.deny == {"access to a sensitive file is blocked"}
	document.risk_tier == {"SECURITY_CRITICAL"}
	document.rules == {"security.sensitive_file"}
}

test_a_security_package_that_answers_with_a_boolean_denies if {
	main.deny == {"denied by the security rules"} with input as call({}) with data.kitelogik.security as {"deny": true}
	main.risk_tier == {"SECURITY_CRITICAL"} with input as call({}) with data.kitelogik.security as {"deny": true}
}

call(given) := object.union(
	{
		"event_type": "tool_call", "action": "read_file", "tool_name": "read_file", "args": {},
		"resource_path": null, "context": {"session_id": "example_01", "sandbox_verified": false},
	},
	given,
)

test_an_event_of_an_unknown_kind_is_denied if {
	every kind in ["Tool_Call", "", "agent.spawn ", null, 7, []] {
		main.rules == {"event.unknown"} with input as call({"event_type": kind})
			with data.kitelogik.userpolicy as {"allow": true}
		main.allow == false with input as call({"event_type": kind}) with data.kitelogik.userpolicy as {"allow": true}
	}
}

test_an_agent_event_within_the_limits_needs_no_user_rule if {
	every kind in ["agent.spawn", "agent.delegate", "agent.budget"] {
		main.allow == true with input as event(kind, {})
		main.allow == true with input as event(kind, {}) with data.kitelogik.userpolicy as {"allow": false}
	}
}

test_an_agent_event_that_names_a_tool_is_not_allowed_for_being_one if {
	every kind in ["agent.spawn", "agent.delegate", "agent.budget"] {
		every given in [{"tool_name": "delete_account"}, {"args": {"a": 1}}, {"resource_path": "a.txt"}, {"tool_name": ""}] {
			main.allow == false with input as event(kind, given)
		}
	}
}

test_a_user_rule_denies_or_reviews_an_agent_event if {
	every kind in ["agent.spawn", "agent.delegate", "agent.budget"] {
		main.allow == false with input as event(kind, {}) with data.kitelogik.userpolicy as {"deny": {"not now"}}
		main.requires_hitl == true with input as event(kind, {}) with data.kitelogik.userpolicy as {"hitl": {"look"}}
	}
}

test_a_malformed_allow_is_handed_on_for_an_agent_event_too if {
	every kind in ["agent.spawn", "agent.delegate", "agent.budget"] {
		main.allow == "yes" with input as event(kind, {}) with data.kitelogik.userpolicy as {"allow": "yes"}
	}
}

test_no_built_in_package_allows_a_tool_call if {
	every kind in ["tool_call", null] {
		every level in ["public", "internal", "confidential", "restricted", null] {
			main.allow == false with input as event(kind, {"data_classification": level, "args": {}})
		}
	}
	main.allow == false with input as object.remove(event("tool_call", {}), ["event_type"])
}

test_what_a_package_restricts_comes_back if {
	document := main with input as call({
		"data_classification": "secret",
		"context": {"delegation_depth": 3, "budget_total_tokens": 1},
	})
		with data.kitelogik.userpolicy as {"allow": true}
	document.allow == false
	document.rules == {"delegation.depth", "agent_budget.unreadable", "data_classification.unknown"}
	document.risk_tier == {"SECURITY_CRITICAL", "OPERATIONAL"}
	count(document.deny) == 3
}

event(kind, given) := object.union(
	{
		"event_type": kind, "action": kind, "tool_name": null, "args": {}, "resource_path": null,
		"session_id": "example_01", "requested_capabilities": [], "delegation_target": null, "steps": [],
		"context": {"session_id": "example_01", "session_scopes": [], "sandbox_verified": false, "delegation_depth": 0},
	},
	given,
)
