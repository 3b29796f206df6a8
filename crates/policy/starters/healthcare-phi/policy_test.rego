package kitelogik.userpolicy_test

import data.kitelogik.main

nurse := {"user_role": "nurse", "session_scopes": ["patient:p_001"]}

test_ones_own_patient_is_read_for_a_purpose if {
	main.allow == true with input as call("read_record", {"patient_id": "p_001", "purpose": "treatment"}, nurse)
	main.allow == false with input as call("read_record", {"patient_id": "p_001", "purpose": "curiosity"}, nurse)
	main.allow == false with input as call("read_record", {"patient_id": "p_001"}, nurse)
}

test_another_patient_is_not if {
	every patient in ["p_002", "", null, 1] {
		main.deny == {"this session does not care for this patient"} with input as call(
			"read_record",
			{"patient_id": patient, "purpose": "treatment"},
			nurse,
		)
	}
	main.deny == {"this session does not care for this patient"} with input as call("read_record", {}, nurse)
}

test_an_emergency_is_for_a_person if {
	document := main with input as call("read_record", {"patient_id": "p_002", "purpose": "emergency"}, nurse)
	document.requires_hitl == true
	count(document.deny) == 0
}

test_an_emergency_is_a_clinicians if {
	main.deny == {"this session does not care for this patient"} with input as call(
		"read_record",
		{"patient_id": "p_002", "purpose": "emergency"},
		{"user_role": "billing"},
	)
}

test_writing_is_for_a_person if {
	main.requires_hitl == true with input as call("order_medication", {"patient_id": "p_001"}, nurse)
	main.requires_hitl == false with input as call("order_medication", {"patient_id": "p_002"}, nurse)
}

test_nothing_is_exported if {
	main.deny == {"records are not exported"} with input as call("export_records", {"patient_id": "p_001"}, nurse)
}

test_a_delegate_does_not_read if {
	main.deny == {"a delegated agent does not read records"} with input as call(
		"read_record",
		{"patient_id": "p_001", "purpose": "treatment"},
		object.union(nurse, {"delegation_depth": 1}),
	)
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
