# What holds for everybody. As a guard, this layer grants nothing: it only denies or asks for review.
package kitelogik.userpolicy

import rego.v1

deny contains "Nobody deletes customers through an agent" if input.action == "delete_customer"

hitl contains "Payments above $50 need a person" if {
	input.action == "approve_refund"
	input.args.amount > 50
}
