# What a session may use up: tokens, calls, money. Judged are tool calls and `agent.budget`.
#
# * `agent_budget.tokens`, `agent_budget.api_calls`, `agent_budget.cost_cents`: what is used has reached `stop_at_percent` of the
#   total.
# * `agent_budget.unreadable`: a total or its used figure is no number from 0 up, or there is a total and no used figure. A
#   total that is missing or `null` is none: the session has no such limit.
#
# `allow` is true for `agent.budget` where none of that is found; it speaks of no other event.
# Limits: `data.kitelogik.limits.agent_budget`.
package kitelogik.agent_budget

default allow := false

allow if {
	input.event_type == "agent.budget"
	count(deny) == 0
}

deny contains sentences[name] if some name in findings

rules contains concat("", ["agent_budget.", name]) if some name in findings

risk_tiers contains "OPERATIONAL" if count(deny) > 0

sentences := {
	"api_calls": "the budget of calls is used up",
	"cost_cents": "the budget of money is used up",
	"limits": "the budget limits are not loaded",
	"tokens": "the budget of tokens is used up",
	"unreadable": "a budget cannot be read",
}

# Not a list of those that are: an event of an unknown kind uses something up as well.
exempt if input.event_type in {"agent.spawn", "agent.delegate", "agent.plan"}

findings contains "limits" if {
	not exempt
	not is_number(object.get(data.kitelogik.limits, ["agent_budget", "stop_at_percent"], null))
}

findings contains name if {
	not exempt
	some name, figures in budgets
	readable(figures)
	figures.used * 100 >= figures.total * data.kitelogik.limits.agent_budget.stop_at_percent
}

findings contains "unreadable" if {
	not exempt
	some figures in budgets
	not readable(figures)
}

budgets[name] := {"total": total, "used": used} if {
	some name in ["tokens", "api_calls", "cost_cents"]
	total := input.context[concat("", ["budget_total_", name])]
	total != null
	used := object.get(input.context, concat("", ["budget_used_", name]), null)
}

readable(figures) if {
	is_number(figures.total)
	is_number(figures.used)
	figures.total >= 0
	figures.used >= 0
}
