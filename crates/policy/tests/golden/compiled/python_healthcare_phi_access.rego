# Compiled from python_healthcare_phi_access.yaml by Kite Logik: change the rules there, not here.
package kitelogik.userpolicy

# allow_clinician_read
yaml_fired contains {
	"name": "allow_clinician_read",
	"then": "allow",
} if {
	input.action in {"list_my_patients", "get_patient_summary", "get_medication_list"}
	input.context.user_role in {"clinician", "attending_physician", "nurse"}
	"read_patient_record" in input.context.session_scopes
}

# review_record_change
yaml_fired contains {
	"name": "review_record_change",
	"then": "hitl",
	"reason": "Record changes need sign-off from a registered clinician",
} if {
	input.action in {"propose_diagnosis", "propose_icd10_code", "draft_discharge_letter", "update_medication"}
}

# block_special_category_query
yaml_fired contains {
	"name": "block_special_category_query",
	"then": "deny",
	"reason": "Special-category data (GDPR Art. 9 / EU AI Act) is off-limits",
} if {
	input.action == "query_population"
	input.args.filter_field != null
	not yaml_python_healthcare_phi_access_outside(object.get(input, ["args", "filter_field"], null), {"hiv_status", "genetic_marker", "religion", "ethnicity", "sexual_orientation"})
}

# The answer: what the rules that fired say.

allow if {
	some rule in yaml_fired
	rule.then == "allow"
}

deny contains rule.reason if {
	some rule in yaml_fired
	rule.then == "deny"
}

hitl contains rule.reason if {
	some rule in yaml_fired
	rule.then == "hitl"
}

rules contains rule.name if some rule in yaml_fired

# The actions that rules name, for what `otherwise` says here or in another file.
yaml_action_named if input.action in {
	"draft_discharge_letter",
	"get_medication_list",
	"get_patient_summary",
	"list_my_patients",
	"propose_diagnosis",
	"propose_icd10_code",
	"query_population",
	"update_medication",
}

# What is known of a value. Each is true only of a value that it can judge, so that a rule that must be certain says
# `yaml_python_healthcare_phi_access_at_most(v, 100)`, and one that must not be evaded `not yaml_python_healthcare_phi_access_at_most(v, 100)`.

# A value of a type that is among the items, and none of them.
yaml_python_healthcare_phi_access_outside(value, items) if {
	type_name(value) in {type_name(item) | some item in items}
	not value in items
}
