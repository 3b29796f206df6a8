package kitelogik.agent_plan_test

import data.kitelogik.main

anything := {"allow": true}

test_a_plan_of_allowed_steps_is_allowed if {
	every count in [1, 2, 50] {
		main.allow == true with input as plan(repeated("read_file", count)) with data.kitelogik.userpolicy as anything
	}
}

test_no_steps_and_too_many_are_denied if {
	main.rules == {"agent_plan.no_steps"} with input as plan([]) with data.kitelogik.userpolicy as anything
	main.rules == {"agent_plan.too_many_steps"} with input as plan(repeated("read_file", 51))
		with data.kitelogik.userpolicy as anything
	main.allow == false with input as plan(repeated("read_file", 51)) with data.kitelogik.userpolicy as anything
}

test_steps_that_cannot_be_read_are_denied if {
	odd := [
		null, "read_file", {}, [{}], ["read_file"], [null], [{"args": {}}], [{"action": 1}],
		[{"action": "read_file", "args": []}], [{"action": "read_file", "args": null}],
		[{"action": "read_file", "args": {}}, 7],
	]
	every steps in odd {
		main.rules["agent_plan.steps_unreadable"] with input as plan(steps) with data.kitelogik.userpolicy as anything
		main.allow == false with input as plan(steps) with data.kitelogik.userpolicy as anything
		count(main.deny) > 0 with input as plan(steps) with data.kitelogik.userpolicy as anything
	}
	main.rules["agent_plan.steps_unreadable"] with input as object.remove(plan([]), ["steps"])
		with data.kitelogik.userpolicy as anything
}

test_a_blocked_tool_is_denied_under_either_name if {
	blocked := [
		{"action": "drop_database", "args": {}}, {"action": "DELETE_ALL"}, {"tool_name": "delete_all"},
		{"action": "read_file", "tool_name": "Delete_All"}, {"action": "delete_all", "tool_name": "read_file"},
	]
	every step in blocked {
		main.rules == {"agent_plan.blocked_tool"} with input as plan([step]) with data.kitelogik.userpolicy as anything
		main.risk_tier == {"SECURITY_CRITICAL"} with input as plan([step]) with data.kitelogik.userpolicy as anything
	}
}

test_a_step_may_say_only_its_tool if {
	main.allow == true with input as plan([{"tool_name": "read_file", "args": {"path": "a.txt"}}])
		with data.kitelogik.userpolicy as anything
}

test_security_judges_every_step if {
	steps := [{"action": "read_file", "args": {"path": "a.txt"}}, {"action": "read_file", "args": {"path": "/etc/passwd"}}]
	main.deny == {
		"step 2: access to a sensitive file is blocked",
		"step 2: access to a system path is blocked",
	} with input as plan(steps) with data.kitelogik.userpolicy as anything
	main.risk_tier == {"SECURITY_CRITICAL"} with input as plan(steps) with data.kitelogik.userpolicy as anything
	main.rules == {"security.sensitive_file", "security.system_path"} with input as plan(steps)
		with data.kitelogik.userpolicy as anything
}

test_a_step_has_the_sessions_context if {
	steps := [{"action": "read_file", "args": {"session_id": "other"}}]
	main.rules == {"security.other_session"} with input as plan(steps) with data.kitelogik.userpolicy as anything
	main.allow == true with input as plan([{"action": "read_file", "args": {"session_id": "example_01"}}])
		with data.kitelogik.userpolicy as anything
}

test_a_delegates_plan_has_its_narrower_limits if {
	steps := [{"action": "approve_refund", "args": {"amount": 51}}]
	delegated := object.union(plan(steps), {"context": {"delegation_depth": 1}})
	main.deny == {"step 1: a delegated agent may not do this with such an argument: amount"} with input as delegated
		with data.kitelogik.userpolicy as anything
	main.allow == true with input as plan(steps) with data.kitelogik.userpolicy as anything
}

test_a_used_up_budget_leaves_no_step if {
	spent := object.union(
		plan([{"action": "read_file"}]),
		{"context": {"budget_total_tokens": 1, "budget_used_tokens": 1}},
	)
	main.deny == {"step 1: the budget of tokens is used up"} with input as spent with data.kitelogik.userpolicy as anything
}

test_the_plans_classification_is_each_steps if {
	main.rules == {"data_classification.restricted"} with input as object.union(
		plan([{"action": "read_file"}]),
		{"data_classification": "restricted"},
	)
		with data.kitelogik.userpolicy as anything
}

test_a_step_that_no_rule_allows_refuses_the_plan if {
	every user in [{}, {"allow": false}] {
		document := main with input as plan([{"action": "read_file"}]) with data.kitelogik.userpolicy as user
		document.allow == false
		count(document.deny) == 0
		document.requires_hitl == false
		document.rules == {"agent_plan.step_not_allowed"}
	}
}

test_a_step_for_a_person_makes_it_a_plan_for_a_person if {
	document := main with input as plan([{"action": "read_file"}])
		with data.kitelogik.userpolicy as {"allow": true, "hitl": {"look at it"}}
	document.requires_hitl == true
	document.hitl_reason == {"look at it", "step 1: look at it"}
}

test_a_malformed_answer_is_handed_on if {
	every user in [{"allow": "yes"}, {"allow": true, "deny": "no"}, {"allow": true, "deny": {"no": 1}}] {
		document := main with input as plan([{"action": "read_file"}]) with data.kitelogik.userpolicy as user
		document.allow == false
		some reason in document.deny
		not is_string(reason)
	}
}

test_a_plan_that_names_a_tool_is_not_allowed if {
	every given in [{"tool_name": "delete_account"}, {"args": {"a": 1}}, {"resource_path": "a.txt"}] {
		main.allow == false with input as object.union(plan([{"action": "read_file"}]), given)
			with data.kitelogik.userpolicy as anything
	}
}

test_a_plan_without_context_is_judged_without if {
	main.allow == false with input as {"event_type": "agent.plan"} with data.kitelogik.userpolicy as anything
	main.allow == true with input as {"event_type": "agent.plan", "steps": [{"action": "read_file"}]}
		with data.kitelogik.userpolicy as anything
}

test_limits_are_data if {
	limits := {"max_steps": 1, "blocked_tools": ["read_file"]}
	main.rules == {"agent_plan.blocked_tool"} with input as plan(repeated("read_file", 1))
		with data.kitelogik.userpolicy as anything
		with data.kitelogik.limits.agent_plan as limits
	main.rules == {"agent_plan.too_many_steps"} with input as plan(repeated("get_page", 2))
		with data.kitelogik.userpolicy as anything
		with data.kitelogik.limits.agent_plan as limits
}

test_without_limits_every_plan_is_denied if {
	main.deny["the limits for plans are not loaded"] with input as plan([{"action": "read_file"}])
		with data.kitelogik.userpolicy as anything
		with data.kitelogik.limits.agent_plan as {}
}

repeated(action, count) := [{"action": action, "args": {}} | some _ in numbers.range(1, count)]

plan(steps) := {
	"event_type": "agent.plan", "action": "agent.plan", "tool_name": null, "args": {}, "resource_path": null,
	"session_id": "example_01", "requested_capabilities": [], "delegation_target": null, "steps": steps,
	"context": {"session_id": "example_01", "session_scopes": [], "sandbox_verified": false, "delegation_depth": 0},
}
