package kitelogik.data_classification_test

import data.kitelogik.data_classification

test_public_and_internal_data_is_for_every_session if {
	every level in ["public", "internal"] {
		every depth in [0, 1, 2, null] {
			count(data_classification.deny) == 0 with input as call(level, depth, [])
		}
	}
}

test_confidential_data_is_not_for_a_delegate if {
	count(data_classification.deny) == 0 with input as call("confidential", 0, [])
	data_classification.rules == {"data_classification.confidential"} with input as call("confidential", 1, [])
	data_classification.risk_tiers == {"SECURITY_CRITICAL"} with input as call("confidential", 1, [])
}

test_confidential_data_needs_a_depth_that_can_be_read if {
	every depth in [null, "0", true, false, [], -1, 0.5] {
		data_classification.rules == {"data_classification.confidential"} with input as call("confidential", depth, [])
	}
	data_classification.rules == {"data_classification.confidential"} with input as {"data_classification": "confidential"}
}

test_restricted_data_needs_its_scope if {
	count(data_classification.deny) == 0 with input as call("restricted", 0, ["read", "restricted_data"])
	every scopes in [[], ["read"], null, "restricted_data", {"restricted_data": true}, {"a": "restricted_data"}] {
		data_classification.rules == {"data_classification.restricted"} with input as call("restricted", 0, scopes)
	}
	data_classification.rules == {"data_classification.restricted"} with input as {"data_classification": "restricted"}
}

test_another_value_is_denied if {
	every level in ["secret", "Public", " public", "", 0, true, false, [], {}, ["public"]] {
		data_classification.rules == {"data_classification.unknown"} with input as call(level, 0, ["restricted_data"])
	}
}

test_nothing_and_null_say_nothing if {
	count(data_classification.deny) == 0 with input as call(null, 1, [])
	count(data_classification.deny) == 0 with input as {}
}

test_limits_are_data if {
	limits := {"confidential_max_depth": 1, "restricted_scope": "secrets"}
	count(data_classification.deny) == 0 with input as call("confidential", 1, [])
		with data.kitelogik.limits.data_classification as limits
	data_classification.rules == {"data_classification.restricted"} with input as call("restricted", 0, ["restricted_data"])
		with data.kitelogik.limits.data_classification as limits
}

test_without_limits_what_needs_them_is_denied if {
	every level in ["confidential", "restricted"] {
		count(data_classification.deny) == 1 with input as call(level, 0, ["restricted_data"])
			with data.kitelogik.limits as {}
	}
}

call(level, depth, scopes) := {
	"event_type": "tool_call", "action": "read_file", "tool_name": "read_file", "args": {}, "resource_path": null,
	"data_classification": level,
	"context": {"session_id": "example_01", "session_scopes": scopes, "delegation_depth": depth},
}
