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
