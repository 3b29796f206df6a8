package kitelogik.userpolicy_test

import data.kitelogik.main

spent(calls, cents) := {
	"budget_total_api_calls": 10, "budget_used_api_calls": calls,
	"budget_total_cost_cents": 500, "budget_used_cost_cents": cents,
}

test_within_the_caps_a_call_goes_on if {
	main.allow == true with input as call("search", {"query": "x"}, spent(9, 399))
	main.requires_hitl == false with input as call("search", {"query": "x"}, spent(9, 399))
}

test_at_a_cap_it_does_not if {
	main.deny == {"the budget of calls is used up"} with input as call("search", {}, spent(10, 0))
	main.deny == {"the budget of money is used up"} with input as call("search", {}, spent(0, 500))
}

test_a_session_needs_caps if {
	main.deny == {"this session has no budget of calls", "this session has no budget of money"} with input as call("search", {}, {})
	main.deny["this session has no budget of money"] with input as call("search", {}, {"budget_total_cost_cents": null})
}

test_the_last_fifth_is_for_a_person if {
	every cents in [400, 499] {
		main.requires_hitl == true with input as call("search", {}, spent(0, cents))
	}
}

test_a_call_asks_for_few_images if {
	main.allow == true with input as call("generate_image", {"count": 4}, spent(0, 0))
	every number in [0, 5, null, "4"] {
		main.deny == {"at most 4 images at a time"} with input as call("generate_image", {"count": number}, spent(0, 0))
	}
	main.deny == {"at most 4 images at a time"} with input as call("generate_image", {}, spent(0, 0))
}

call(action, args, context) := {
	"event_type": "tool_call", "action": action, "tool_name": action, "args": args, "resource_path": null,
	"context": object.union(
		{
			"session_id": "example_01", "user_role": "", "session_scopes": [], "sandbox_verified": false,
			"delegation_depth": 0,
		},
		context,
	),
}
