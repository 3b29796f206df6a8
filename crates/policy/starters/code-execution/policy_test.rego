package kitelogik.userpolicy_test

import data.kitelogik.main

sandbox := {"sandbox_verified": true}

code := {"language": "python", "timeout_seconds": 10, "source": "print(1)"}

test_bounded_code_runs_in_the_sandbox if {
	main.allow == true with input as call("execute_code", code, sandbox)
	main.requires_hitl == false with input as call("execute_code", code, sandbox)
}

test_it_runs_nowhere_else if {
	every verified in [false, null, "true", 1] {
		main.deny["running code outside a verified sandbox is blocked"] with input as call(
			"execute_code",
			code,
			{"sandbox_verified": verified},
		)
	}
}

test_another_language_is_denied if {
	every language in ["bash", "Python", null, ""] {
		main.deny == {"this language is not run here"} with input as call(
			"execute_code",
			object.union(code, {"language": language}),
			sandbox,
		)
	}
}

test_code_needs_a_time_limit if {
	every limit in [0, 31, -1, null, "10", true] {
		main.deny == {"code needs a time limit of at most 30 seconds"} with input as call(
			"execute_code",
			object.union(code, {"timeout_seconds": limit}),
			sandbox,
		)
	}
	main.deny["code needs a time limit of at most 30 seconds"] with input as call("execute_code", {}, sandbox)
}

test_the_network_is_for_a_person if {
	every network in [true, "yes", 1, null] {
		main.requires_hitl == true with input as call("execute_code", object.union(code, {"network": network}), sandbox)
	}
	main.requires_hitl == false with input as call("execute_code", object.union(code, {"network": false}), sandbox)
}

test_a_shell_is_denied if {
	main.deny["a shell is not given to an agent"] with input as call("run_command", {"command": "ls"}, sandbox)
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
