package kitelogik.userpolicy_test

import data.kitelogik.main

may := {"session_scopes": ["approve_refund", "read_customer"]}

test_a_small_refund_is_allowed if {
	every amount in [0.01, 42, 100] {
		main.allow == true with input as call("approve_refund", {"amount": amount}, may)
		main.requires_hitl == false with input as call("approve_refund", {"amount": amount}, may)
		main.risk_tier == {"TRANSACTIONAL_LOW"} with input as call("approve_refund", {"amount": amount}, may)
	}
}

test_a_larger_one_is_for_a_person if {
	every amount in [100.01, 1000] {
		document := main with input as call("approve_refund", {"amount": amount}, may)
		document.requires_hitl == true
		count(document.deny) == 0
		document.rules == {"large_refund"}
	}
}

test_the_largest_are_denied if {
	main.deny == {"refunds over $1,000 are not made by an agent"} with input as call("approve_refund", {"amount": 1000.01}, may)
}

test_what_is_no_amount_is_denied if {
	every amount in [0, -5, null, true, "42", [42]] {
		main.deny["a refund needs an amount above 0"] with input as call("approve_refund", {"amount": amount}, may)
	}
	main.deny["a refund needs an amount above 0"] with input as call("approve_refund", {}, may)
}

test_without_the_scope_nothing_is_refunded if {
	main.deny["this session may not refund"] with input as call("approve_refund", {"amount": 5}, {})
}

test_customers_are_read_with_the_scope if {
	main.allow == true with input as call("get_customer", {"customer_id": "cust_001"}, may)
	main.allow == false with input as call("get_customer", {"customer_id": "cust_001"}, {})
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
