# The decision document: what the built-in packages and the user's rules say, put together.
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
package kitelogik.main

default allow := false

# Not under `deny`, so that a reader who looks at `allow` alone cannot be wrong.
# Nothing built in allows anything: a call that no user rule allows is refused.
allow := data.kitelogik.userpolicy.allow if count(deny) == 0

deny contains reason if some reason in reasons(data.kitelogik.security.deny)

deny contains "denied by the security rules" if yes(data.kitelogik.security.deny)

deny contains reason if some reason in reasons(data.kitelogik.userpolicy.deny)

deny contains reason if {
	yes(data.kitelogik.userpolicy.deny)
	some reason in reasons(data.kitelogik.userpolicy.deny_reason)
}

deny contains "denied by policy" if {
	yes(data.kitelogik.userpolicy.deny)
	not explained
}

# A rule of its own: `not says(…)` is undefined in OPA where its argument is.
explained if says(data.kitelogik.userpolicy.deny_reason)

# Reasons for a deny that is not there are an error in the policy; the gate refuses such a document.
deny_reason contains reason if some reason in reasons(data.kitelogik.userpolicy.deny_reason)

default requires_hitl := false

requires_hitl if yes(data.kitelogik.userpolicy.hitl)

requires_hitl if says(hitl_reason)

hitl_reason contains reason if some reason in reasons(data.kitelogik.userpolicy.hitl)

hitl_reason contains reason if some reason in reasons(data.kitelogik.userpolicy.hitl_reason)

risk_tier contains "SECURITY_CRITICAL" if yes(data.kitelogik.security.deny)

risk_tier contains "SECURITY_CRITICAL" if says(data.kitelogik.security.deny)

risk_tier contains tier if some tier in reasons(data.kitelogik.userpolicy.risk_tiers)

rules contains name if some name in reasons(data.kitelogik.security.rules)

rules contains name if some name in reasons(data.kitelogik.userpolicy.rules)

# Not `answer == true`, which a compiler that knows the rule's type refuses.
yes(answer) if {
	is_boolean(answer)
	answer
}

says(answer) if count(reasons(answer)) > 0

# What a rule answered, as a set. Booleans say nothing here; an answer of the wrong shape becomes a member that no
# reader takes for a text.
reasons(answer) := answer if is_set(answer)

else := {reason | some reason in answer} if is_array(answer)

else := {member(key, value) | some key, value in answer} if is_object(answer)

else := set() if is_boolean(answer)

else := {{"malformed": answer}}

member(key, value) := key if yes(value)

else := {"malformed": value}
