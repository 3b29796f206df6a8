# Run with `kitelogik test`, or `opa test policies`.
package kitelogik.userpolicy_test

import rego.v1

import data.kitelogik.userpolicy

refund(amount) := {
	"action": "approve_refund",
	"args": {"customer_id": "cust_001", "amount": amount},
	"context": {"session_scopes": ["read_customer", "approve_refund_under_100"]},
}

test_a_small_refund_is_allowed if {
	userpolicy.allow with input as refund(42)
}

test_a_refund_of_nothing_is_not_allowed if {
	not userpolicy.allow with input as refund(0)
}

test_a_person_looks_at_a_larger_refund if {
	count(userpolicy.hitl) == 1 with input as refund(150)
}

test_a_large_refund_is_denied if {
	userpolicy.deny == {"Refunds over $200 require manager approval"} with input as refund(5000)
}

test_an_amount_that_is_no_number_is_denied if {
	"The amount of a refund must be a number" in userpolicy.deny with input as refund("42")
}

test_without_the_scope_nothing_is_allowed if {
	event := object.union(refund(42), {"context": {"session_scopes": []}})
	not userpolicy.allow with input as event
}
