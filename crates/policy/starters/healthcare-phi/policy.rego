# Health records. A session may read what its patients' scopes name (`patient:p_001`), for a purpose of the list.
package kitelogik.userpolicy

readers := {"read_record", "read_lab_result", "list_appointments"}

purposes := {"treatment", "payment", "operations"}

clinical_roles := {"physician", "nurse"}

allow if {
	input.action in readers
	own_patient
	input.args.purpose in purposes
}

hitl contains "writing into a record needs a clinician's approval" if {
	input.action in {"write_note", "order_medication"}
	own_patient
	input.context.user_role in clinical_roles
}

# Somebody else's patient in an emergency: a person decides, and the records tell.
hitl contains "emergency access needs a person's approval" if {
	input.action in readers
	input.args.purpose == "emergency"
	input.context.user_role in clinical_roles
}

deny contains "records are not exported" if input.action in {"export_records", "send_record"}

deny contains "this session does not care for this patient" if {
	input.action in readers
	not own_patient
	not emergency
}

deny contains "a delegated agent does not read records" if {
	input.action in readers
	input.context.delegation_depth > 0
}

risk_tiers contains "TRANSACTIONAL_HIGH" if input.action in {"write_note", "order_medication"}

risk_tiers contains "SECURITY_CRITICAL" if input.action in {"export_records", "send_record"}

rules contains "phi_read" if input.action in readers

own_patient if {
	is_string(input.args.patient_id)
	concat("", ["patient:", input.args.patient_id]) in input.context.session_scopes
}

emergency if {
	input.args.purpose == "emergency"
	input.context.user_role in clinical_roles
}
