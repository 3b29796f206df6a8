package kitelogik.userpolicy_test

import data.kitelogik.main

test_reading_is_allowed if {
	every action in ["read_file", "search", "get_status"] {
		main.allow == true with input as call(action, {"path": "reports/may.csv"}, {})
		main.risk_tier == {"INFORMATIONAL"} with input as call(action, {}, {})
	}
}

test_everything_else_is_denied if {
	every action in ["write_file", "delete_file", "send_email", "Read_File", "", "something_new"] {
		main.deny == {"this agent only reads"} with input as call(action, {}, {})
	}
}

test_secrets_are_not_read_either if {
	main.allow == false with input as call("read_file", {"path": "/srv/app/.env"}, {})
}

test_a_plan_that_writes_is_denied if {
	steps := [{"action": "read_file", "args": {}}, {"action": "write_file", "args": {}}]
	main.deny == {"step 2: this agent only reads"} with input as object.union(
		call("agent.plan", {}, {}),
		{"event_type": "agent.plan", "tool_name": null, "steps": steps},
	)
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
