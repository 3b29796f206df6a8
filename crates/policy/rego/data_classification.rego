# Which data a session may touch, where the event says how sensitive it is (`input.data_classification`): `public`, `internal`,
# `confidential`, `restricted`. Missing and `null` both say nothing.
#
# * `data_classification.unknown`: another value.
# * `data_classification.confidential`: confidential data in a session delegated to deeper than `confidential_max_depth`, or whose
#   depth is missing or no whole number from 0 up.
# * `data_classification.restricted`: restricted data in a session without the scope `restricted_scope`.
#
# Nothing in this package allows anything. Limits: `data.kitelogik.limits.data_classification`.
package kitelogik.data_classification

deny contains sentences[name] if some name in findings

rules contains concat("", ["data_classification.", name]) if some name in findings

risk_tiers contains "SECURITY_CRITICAL" if count(findings) > 0

sentences := {
	"confidential": "confidential data is not for a delegated agent",
	"restricted": "this session lacks the scope for restricted data",
	"unknown": "the classification of the data is not known",
}

findings contains "unknown" if {
	input.data_classification != null
	not input.data_classification in {"public", "internal", "confidential", "restricted"}
}

findings contains "confidential" if {
	input.data_classification == "confidential"
	not near
}

findings contains "restricted" if {
	input.data_classification == "restricted"
	not scoped
}

near if {
	is_number(input.context.delegation_depth)
	input.context.delegation_depth >= 0
	floor(input.context.delegation_depth) == input.context.delegation_depth
	input.context.delegation_depth <= data.kitelogik.limits.data_classification.confidential_max_depth
}

scoped if {
	is_array(input.context.session_scopes)
	data.kitelogik.limits.data_classification.restricted_scope in input.context.session_scopes
}
