package kitelogik.userpolicy_test

import data.kitelogik.main

support := {"user_role": "support_agent"}

test_a_role_has_its_tools if {
	main.allow == true with input as call("get_customer", {"customer_id": "cust_001"}, support)
	main.allow == true with input as call("search", {"query": "opening hours"}, {"user_role": "research_agent"})
}

test_and_no_others if {
	every tool in ["approve_refund", "delete_customer", "", "Get_Customer"] {
		main.deny == {"this role does not have this tool"} with input as call(tool, {}, support)
	}
}

test_an_unknown_role_has_none if {
	every role in ["", null, "admin", ["support_agent"]] {
		main.deny == {"this role does not have this tool"} with input as call("get_customer", {}, {"user_role": role})
	}
}

test_an_action_gives_no_tool if {
	main.deny == {"this role does not have this tool"} with input as object.union(
		call("get_customer", {}, support),
		{"tool_name": "delete_customer"},
	)
}

test_some_tools_are_for_a_person if {
	main.requires_hitl == true with input as call("approve_refund", {"amount": 5}, {"user_role": "billing_agent"})
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
