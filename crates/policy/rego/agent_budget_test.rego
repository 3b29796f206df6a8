package kitelogik.agent_budget_test

import data.kitelogik.agent_budget

names := ["tokens", "api_calls", "cost_cents"]

test_within_the_budget_a_session_goes_on if {
	every name in names {
		every used in [0, 99, 99.5] {
			agent_budget.allow with input as event("agent.budget", figures(name, 100, used))
			count(agent_budget.deny) == 0 with input as event("tool_call", figures(name, 100, used))
		}
	}
}

test_at_the_limit_it_does_not if {
	every name in names {
		every used in [100, 101, 1000000000000] {
			every kind in ["agent.budget", "tool_call"] {
				agent_budget.rules == {concat(".", ["agent_budget", name])} with input as event(kind, figures(name, 100, used))
				agent_budget.allow == false with input as event(kind, figures(name, 100, used))
			}
		}
	}
}

test_a_total_of_nothing_is_used_up if {
	agent_budget.rules == {"agent_budget.tokens"} with input as event("tool_call", figures("tokens", 0, 0))
}

test_a_total_without_its_used_figure_is_denied if {
	every name in names {
		every kind in ["agent.budget", "tool_call"] {
			agent_budget.rules == {"agent_budget.unreadable"} with input as event(kind, figures(name, 100, null))
			agent_budget.rules == {"agent_budget.unreadable"} with input as event(kind, {concat("", ["budget_total_", name]): 100})
		}
	}
}

test_figures_that_are_no_numbers_are_denied if {
	every odd in ["100", true, false, [], {}, -1] {
		agent_budget.rules == {"agent_budget.unreadable"} with input as event("tool_call", figures("tokens", odd, 0))
		agent_budget.rules == {"agent_budget.unreadable"} with input as event("tool_call", figures("tokens", 100, odd))
		agent_budget.allow == false with input as event("agent.budget", figures("tokens", 100, odd))
	}
}

test_a_session_without_totals_has_no_budget if {
	agent_budget.allow with input as event("agent.budget", {})
	agent_budget.allow with input as event("agent.budget", figures("tokens", null, 7))
	count(agent_budget.deny) == 0 with input as event("tool_call", figures("tokens", null, 7))
}

test_a_missing_or_unknown_event_type_uses_something_up_as_well if {
	used_up := {"context": figures("tokens", 1, 1)}
	agent_budget.rules == {"agent_budget.tokens"} with input as used_up
	agent_budget.rules == {"agent_budget.tokens"} with input as object.union(used_up, {"event_type": "Tool_Call"})
	agent_budget.rules == {"agent_budget.tokens"} with input as object.union(used_up, {"event_type": null})
}

test_of_other_events_it_says_nothing if {
	every kind in ["agent.spawn", "agent.delegate", "agent.plan"] {
		count(agent_budget.deny) == 0 with input as event(kind, figures("tokens", 1, 1))
		agent_budget.allow == false with input as event(kind, {})
	}
}

test_no_tool_call_is_allowed_by_it if {
	agent_budget.allow == false with input as event("tool_call", {})
	agent_budget.allow == false with input as {}
}

test_several_findings_add_up if {
	agent_budget.deny == {"the budget of tokens is used up", "the budget of money is used up"} with input as event(
		"tool_call",
		object.union(figures("tokens", 1, 1), figures("cost_cents", 1, 1)),
	)
}

test_where_it_stops_is_data if {
	stop := {"stop_at_percent": 90}
	agent_budget.rules == {"agent_budget.tokens"} with input as event("tool_call", figures("tokens", 100, 90))
		with data.kitelogik.limits.agent_budget as stop
	count(agent_budget.deny) == 0 with input as event("tool_call", figures("tokens", 100, 89))
		with data.kitelogik.limits.agent_budget as stop
}

test_without_limits_everything_is_denied if {
	agent_budget.deny["the budget limits are not loaded"] with input as event("tool_call", {})
		with data.kitelogik.limits as {}
}

figures(name, total, used) := {
	concat("", ["budget_total_", name]): total,
	concat("", ["budget_used_", name]): used,
}

event(kind, context) := {
	"event_type": kind, "action": "read_file", "tool_name": null, "args": {}, "resource_path": null,
	"context": object.union({"session_id": "example_01", "delegation_depth": 0}, context),
}
