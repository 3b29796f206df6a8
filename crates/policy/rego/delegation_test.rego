package kitelogik.delegation_test

import data.kitelogik.delegation

test_up_to_the_limit_a_delegate_may_act if {
	every depth in [0, 1, 2, 2.0] {
		count(delegation.deny) == 0 with input as call("read_file", {}, depth)
	}
}

test_deeper_it_may_not if {
	every depth in [3, 64, 1000000000000] {
		delegation.rules == {"delegation.depth"} with input as call("read_file", {}, depth)
		delegation.risk_tiers == {"SECURITY_CRITICAL"} with input as call("read_file", {}, depth)
	}
}

test_a_depth_that_is_no_whole_number_is_denied if {
	every depth in [null, "0", "", true, false, [], {}, -1, 0.5] {
		delegation.rules == {"delegation.depth_unreadable"} with input as call("read_file", {}, depth)
	}
}

test_a_call_without_a_depth_is_one_of_a_session_that_nobody_started if {
	count(delegation.deny) == 0 with input as {"action": "read_file", "context": {"session_id": "example_01"}}
	count(delegation.deny) == 0 with input as {}
}

test_a_child_may_use_an_argument_up_to_its_limit if {
	every amount in [0, 25, 50] {
		count(delegation.deny) == 0 with input as call("approve_refund", {"amount": amount}, 1)
	}
}

test_above_it_or_unreadable_it_may_not if {
	every amount in [50.01, 51, -1, null, true, "25", [25], {}] {
		delegation.rules == {"delegation.argument"} with input as call("approve_refund", {"amount": amount}, 1)
		delegation.deny == {"a delegated agent may not do this with such an argument: amount"} with input as call("approve_refund", {"amount": amount}, 1)
	}
	delegation.rules == {"delegation.argument"} with input as call("approve_refund", {}, 1)
	delegation.rules == {"delegation.argument"} with input as {"action": "approve_refund", "context": {"delegation_depth": 1}}
}

test_a_childs_child_may_not_at_all if {
	delegation.deny["a delegated agent may not do this"] with input as call("approve_refund", {"amount": 1}, 2)
}

test_who_was_not_delegated_to_has_no_such_limits if {
	count(delegation.deny) == 0 with input as call("approve_refund", {"amount": 999}, 0)
}

test_an_action_cannot_hide_a_tool if {
	delegation.rules == {"delegation.argument"} with input as object.union(
		call("pay_back", {"amount": 51}, 1),
		{"tool_name": "approve_refund"},
	)
}

test_limits_are_data if {
	limits := {"max_depth": 1, "children": {"send_email": {"blocked_from_depth": 1, "max": {}}}}
	delegation.rules == {"delegation.action"} with input as call("send_email", {}, 1)
		with data.kitelogik.limits.delegation as limits
	delegation.rules == {"delegation.depth"} with input as call("read_file", {}, 2)
		with data.kitelogik.limits.delegation as limits
	count(delegation.deny) == 0 with input as call("approve_refund", {"amount": 999}, 1)
		with data.kitelogik.limits.delegation as limits
}

test_a_limit_of_zero_counts if {
	limits := {"max_depth": 0, "children": {}}
	delegation.rules == {"delegation.depth"} with input as call("read_file", {}, 1)
		with data.kitelogik.limits.delegation as limits
}

test_without_limits_everything_is_denied if {
	delegation.deny["the delegation limits are not loaded"] with input as call("read_file", {}, 0)
		with data.kitelogik.limits as {}
}

call(action, args, depth) := {
	"event_type": "tool_call", "action": action, "tool_name": action, "args": args, "resource_path": null,
	"context": {"session_id": "example_01", "session_scopes": [], "delegation_depth": depth},
}
