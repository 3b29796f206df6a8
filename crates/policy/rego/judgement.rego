# What all rules say of one event: the user's and the built-in ones. `data.kitelogik.main` is this, but for a plan:
# `kitelogik.agent_plan` asks for it once for each step, which is why it is a package of its own.
#
# A user's rules live in `package kitelogik.userpolicy`:
#
#     allow                     true where the call may happen
#     deny contains reason      it may not, and why
#     hitl contains reason      a person decides, and why
#     risk_tiers contains tier  how much is at stake; the highest counts
#     rules contains name       names for the rules that fired
#
# Older policies may say `deny["reason"] if { ... }` (an object), or answer `deny` and `hitl` with a boolean and
# put the reasons into `deny_reason` and `hitl_reason`. Whatever else a rule answers is handed on as it is, for the gate
# to refuse: what cannot be understood never helps a call.
#
# A reference into `data` costs the interpreter more than one to a rule of this package, so each is made once.
package kitelogik.judgement

default allow := false

# Not under `deny`, so that a reader who looks at `allow` alone cannot be wrong.
# Nothing built in allows a tool call: one that no user rule allows is refused.
allow := user_allow if {
	count(deny) == 0
	not permitted_event
}

allow if {
	count(deny) == 0
	permitted_event
}

user_allow := data.kitelogik.userpolicy.allow

# What is no boolean is handed on, for the gate to refuse.
permitted_event if {
	input.event_type in {"agent.spawn", "agent.delegate", "agent.budget"}
	calls_no_tool
	allowed_by_its_package
	not odd_allow
}

allowed_by_its_package if {
	input.event_type in {"agent.spawn", "agent.delegate"}
	data.kitelogik.agent_lifecycle.allow
}

allowed_by_its_package if {
	input.event_type == "agent.budget"
	data.kitelogik.agent_budget.allow
}

# An event that names a tool would be a tool call under another name.
calls_no_tool if {
	object.get(input, "tool_name", null) == null
	object.get(input, "resource_path", null) == null
	object.get(input, "args", {}) == {}
}

odd_allow if {
	answer := user_allow
	not is_boolean(answer)
}

# What the built-in packages say that have something to look at; each of them only restricts. Most calls come from a session
# that is no delegate's and has no budget, and are spared them all by one comparison.
restrictions := set() if {
	context := input.context
	level := object.get(input, "data_classification", null)
	budgets := [context.budget_total_tokens, context.budget_total_api_calls, context.budget_total_cost_cents]
	[input.event_type, context.delegation_depth, level, budgets] == ["tool_call", 0, null, [null, null, null]]
}

else := {restriction |
	some concern in ["delegation", "agents", "budget", "classification", "event"]
	restriction := restriction_by(concern)
}

restriction_by("delegation") := data.kitelogik.delegation if input.context.delegation_depth != 0

restriction_by("agents") := data.kitelogik.agent_lifecycle if input.event_type in {"agent.spawn", "agent.delegate"}

restriction_by("budget") := data.kitelogik.agent_budget if {
	some name in ["budget_total_tokens", "budget_total_api_calls", "budget_total_cost_cents"]
	input.context[name] != null
}

restriction_by("classification") := data.kitelogik.data_classification if input.data_classification != null

restriction_by("event") := restriction if {
	not known_event
	restriction := {
		"deny": {"this kind of event is not known"},
		"risk_tiers": {"SECURITY_CRITICAL"},
		"rules": {"event.unknown"},
	}
}

known_event if {
	object.get(input, "event_type", "tool_call") in {
		"tool_call", "agent.spawn", "agent.delegate", "agent.plan", "agent.budget",
	}
}

deny contains reason if {
	some restriction in restrictions
	some reason in restriction.deny
}

deny contains reason if some reason in security_reasons

deny contains reason if some reason in user_reasons

security_reasons := reasons_or(data.kitelogik.security.deny, "denied by the security rules")

user_deny := data.kitelogik.userpolicy.deny

user_reasons := deny_reason if {
	is_boolean(user_deny)
	user_deny
	count(deny_reason) > 0
}

else := reasons_or(user_deny, "denied by policy")

# Reasons for a deny that is not there are an error in the policy; the gate refuses such a document.
deny_reason contains reason if some reason in reasons(data.kitelogik.userpolicy.deny_reason)

requires_hitl if count(hitl_reason) > 0

else := data.kitelogik.userpolicy.hitl if is_boolean(data.kitelogik.userpolicy.hitl)

else := false

hitl_reason contains reason if some reason in reasons(data.kitelogik.userpolicy.hitl)

hitl_reason contains reason if some reason in reasons(data.kitelogik.userpolicy.hitl_reason)

risk_tier contains tier if {
	some restriction in restrictions
	some tier in restriction.risk_tiers
}

risk_tier contains "SECURITY_CRITICAL" if count(security_reasons) > 0

risk_tier contains tier if some tier in reasons(data.kitelogik.userpolicy.risk_tiers)

rules contains name if {
	some restriction in restrictions
	some name in restriction.rules
}

rules contains name if some name in reasons(data.kitelogik.security.rules)

rules contains name if some name in reasons(data.kitelogik.userpolicy.rules)

# What a rule answered, as a set; a plain yes is given its sentence.
reasons_or(answer, sentence) := answer if is_set(answer)

else := {sentence} if {
	is_boolean(answer)
	answer
}

else := reasons(answer)

# What a rule answered, as a set. Booleans say nothing here; an answer of the wrong shape becomes a member that no
# reader takes for a text.
reasons(answer) := answer if is_set(answer)

else := {reason | some reason in answer} if is_array(answer)

else := {member(key, value) | some key, value in answer} if is_object(answer)

else := set() if is_boolean(answer)

else := {{"malformed": answer}}

# Not `value == true`, which a compiler that knows the rule's type refuses.
member(key, value) := key if {
	is_boolean(value)
	value
}

else := {"malformed": value}
