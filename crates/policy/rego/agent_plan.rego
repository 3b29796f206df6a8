# Which plans an agent may follow (`agent.plan`). A step has an `action` or a `tool_name`, and `args`.
#
# * `agent_plan.steps_unreadable`: `steps` is no list, or a step has neither name, or `args` that are no object.
# * `agent_plan.no_steps`, `agent_plan.too_many_steps`: not 1 to `max_steps` of them.
# * `agent_plan.blocked_tool`: a step that does what `blocked_tools` names, in whatever case.
# * Every step is judged as the call that it stands for, by all rules, the user's among them. Its reasons come back with its
#   number, the names of its rules as they are. `agent_plan.step_not_allowed`: no rule allows one of these calls, and none asks
#   for a person.
#
# A plan is denied if one of its steps is, else refused if one of them is, else for a person to decide if one of them is, else
# allowed; and it can be denied, or left to a person, by rules that speak of the plan itself. A rule that allows the plan itself
# changes nothing: what counts is that its steps are allowed.
#
# The call of a step has this session's context, the plan's classification, and no `resource_path`: which argument is one is
# known only when the tool is called, and then the call is judged again.
#
# Limits: `data.kitelogik.limits.agent_plan`. `with` stands in this package alone, and only a plan gets here.
package kitelogik.agent_plan

# What is said of the plan itself.
itself := data.kitelogik.judgement

default allow := false

allow if {
	concerned
	count(deny) == 0
	not refused
	calls_no_tool
	every answer in answers {
		answer.allow == true
	}
}

concerned if input.event_type == "agent.plan"

calls_no_tool if {
	object.get(input, "tool_name", null) == null
	object.get(input, "resource_path", null) == null
	object.get(input, "args", {}) == {}
}

# Approving the plan must not stand for a step that no rule allows.
refused if {
	some answer in answers
	not answer.allow == true
	not answer.requires_hitl
	count(answer.deny) == 0
}

refused if not all_answered

all_answered if {
	is_array(input.steps)
	count(answers) == count(input.steps)
}

deny contains sentences[name] if some name in findings

deny contains reason if some reason in itself.deny

deny contains placed(index, reason) if {
	some index, answer in answers
	some reason in answer.deny
}

# What is no boolean is handed on, for the gate to refuse.
deny contains {"malformed": itself.allow} if not is_boolean(itself.allow)

deny contains {"malformed": answer.allow} if {
	some answer in answers
	not is_boolean(answer.allow)
}

deny_reason contains reason if some reason in itself.deny_reason

deny_reason contains placed(index, reason) if {
	some index, answer in answers
	some reason in answer.deny_reason
}

default requires_hitl := false

requires_hitl if {
	not refused
	itself.requires_hitl
}

requires_hitl if {
	not refused
	some answer in answers
	answer.requires_hitl
}

hitl_reason contains reason if {
	not refused
	some reason in itself.hitl_reason
}

hitl_reason contains placed(index, reason) if {
	not refused
	some index, answer in answers
	some reason in answer.hitl_reason
}

risk_tier contains "SECURITY_CRITICAL" if "blocked_tool" in findings

risk_tier contains tier if some tier in itself.risk_tier

risk_tier contains tier if {
	some answer in answers
	some tier in answer.risk_tier
}

rules contains concat("", ["agent_plan.", name]) if some name in findings

rules contains "agent_plan.step_not_allowed" if {
	count(findings) == 0
	refused
}

rules contains name if some name in itself.rules

rules contains name if {
	some answer in answers
	some name in answer.rules
}

sentences := {
	"blocked_tool": "the plan holds a step that no plan may hold",
	"limits": "the limits for plans are not loaded",
	"no_steps": "the plan has no steps",
	"steps_unreadable": "the steps of the plan cannot be read",
	"too_many_steps": "the plan has too many steps",
}

limits := data.kitelogik.limits.agent_plan

findings contains "limits" if not limits.max_steps

findings contains "limits" if not limits.blocked_tools

findings contains "steps_unreadable" if not is_array(object.get(input, "steps", null))

findings contains "steps_unreadable" if {
	countable
	some step in input.steps
	not readable(step)
}

findings contains "no_steps" if {
	is_array(input.steps)
	count(input.steps) == 0
}

findings contains "too_many_steps" if {
	is_array(input.steps)
	count(input.steps) > limits.max_steps
}

findings contains "blocked_tool" if {
	countable
	some step in input.steps
	is_object(step)
	some name in [object.get(step, "action", null), object.get(step, "tool_name", null)]
	is_string(name)
	lower(name) in limits.blocked_tools
}

# What is too long is not looked at.
countable if {
	is_array(input.steps)
	count(input.steps) <= limits.max_steps
}

answers[index] := answer if {
	concerned
	countable
	some index, step in input.steps
	readable(step)
	call := call_of(step)
	answer := data.kitelogik.judgement with input as call
}

call_of(step) := object.union(
	{
		"event_type": "tool_call",
		"action": named(step, "action", "tool_name"),
		"tool_name": named(step, "tool_name", "action"),
		"args": object.get(step, "args", {}),
		"resource_path": null,
		"context": object.get(input, "context", {}),
	},
	classification,
)

classification := {"data_classification": level} if level := input.data_classification

else := {}

readable(step) if {
	is_string(named(step, "action", "tool_name"))
	is_object(object.get(step, "args", {}))
}

named(step, first, second) := step[first] if is_string(step[first])

else := step[second] if is_string(step[second])

placed(index, reason) := concat("", ["step ", format_int(index + 1, 10), ": ", reason]) if is_string(reason)

else := reason
